"""The pages of duplicates, as a browser without scripts uses them."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gallery.models import DuplicateGroup, Library, Photo
from tests.duplicates.rows import group_of, twins
from tests.factories import AlbumItemFactory, FaceFactory, LibraryFactory, MarkFactory, PersonFactory, PhotoFactory


@pytest.fixture
def household(db: None) -> Library:
    return LibraryFactory(name="Pictures")


def text(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_a_group_is_shown_with_what_differs_and_the_best_is_chosen(admin_client: Client, household: Library) -> None:
    first, second = twins(household)
    group_of(first, second)
    page = text(admin_client, "/duplicates/")
    assert "The same picture, 2 times" in page
    assert "Proposed: largest, has camera data" in page
    assert re.search(rf'name="keep" value="{first.pk}" required checked', page)
    assert not re.search(rf'name="keep" value="{second.pk}" required checked', page)
    assert '<div class="differs best"><dt>Size</dt><dd>4000 × 3000 · 12 MP</dd></div>' in page
    assert '<div class="differs"><dt>Size</dt><dd>1600 × 1200 · 1.9 MP</dd></div>' in page
    assert "<div><dt>Taken</dt>" in page, "is the same for both"
    assert "1 of 1" in page


def test_keeping_one_goes_on_to_the_next_group_and_undo_comes_back(admin_client: Client, household: Library) -> None:
    groups = [group_of(*twins(household)) for _ in range(2)]
    first, second = groups[0].members.values_list("photo", flat=True)
    answer = admin_client.post(f"/duplicates/{groups[0].pk}/decide/", {"keep": first, "go": [first, second]})
    assert answer.status_code == 303
    page = text(admin_client, answer.headers["Location"])
    assert "One kept, 1 hidden from PictoPy. No file was touched." in page
    assert f"/duplicates/{groups[1].pk}/decide/" in page
    assert Photo.objects.get(pk=second).trashed_at
    assert f'action="/duplicates/{groups[0].pk}/undo/"' in page
    answer = admin_client.post(f"/duplicates/{groups[0].pk}/undo/")
    page = text(admin_client, answer.headers["Location"])
    assert "Taken back." in page
    assert f"/duplicates/{groups[0].pk}/decide/" in page
    assert Photo.objects.get(pk=second).trashed_at is None


def test_skipping_comes_to_an_end_and_starts_anew(admin_client: Client, household: Library) -> None:
    alike = group_of(*twins(household), kind="row")
    same = group_of(*twins(household))
    page = text(admin_client, "/duplicates/")
    seen = []
    while "decide/" in page:
        seen.append(int(re.findall(r"/duplicates/(\d+)/decide/", page)[0]))
        page = text(admin_client, re.findall(r'href="([^"]+)" data-key="s"', page)[0].replace("&amp;", "&"))
    assert seen == [same.pk, alike.pk], "copies first"
    assert "That was the last one" in page
    assert "2 groups you skipped are still to be decided" in page
    assert f"/duplicates/{alike.pk}/decide/" in text(admin_client, f"/duplicates/?library={household.pk}&kind=row")


@pytest.mark.slow
def test_keep_all_and_what_is_missing_from_a_form(admin_client: Client, household: Library) -> None:
    group = group_of(*twins(household))
    first, second = group.members.values_list("photo", flat=True)
    for form in ({}, {"keep": first}, {"keep": first, "go": first}, {"keep": "x", "go": second}):
        answer = admin_client.post(f"/duplicates/{group.pk}/decide/", form)
        page = text(admin_client, answer.headers["Location"])
        assert "Choose the photo to keep" in page
        assert f"/duplicates/{group.pk}/decide/" in page, "the same group again"
    page = text(admin_client, admin_client.post(f"/duplicates/{group.pk}/decide/", {"all": "1"}).headers["Location"])
    assert "All are kept" in page
    assert "Nothing looks alike" in page
    page = text(admin_client, f"/duplicates/decided/?library={household.pk}")
    assert "All were kept" in page
    answer = admin_client.post(f"/duplicates/{group.pk}/decide/", {"all": "1"})
    assert "Somebody decided about these photos in the meantime" in text(admin_client, answer.headers["Location"])


@pytest.mark.slow
def test_many_at_once_asks_with_the_numbers(admin_client: Client, household: Library) -> None:
    for _ in range(3):
        group_of(*twins(household, 3))
    group_of(*twins(household), kind="row")
    assert "/duplicates/all/" in text(admin_client, "/duplicates/")
    page = text(admin_client, f"/duplicates/all/?library={household.pk}")
    assert "Decide 3 groups as proposed?" in page
    assert "Keep 3, hide 6" in page
    answer = admin_client.post("/duplicates/all/", {"library": household.pk})
    page = text(admin_client, answer.headers["Location"])
    assert "3 groups are being decided as proposed" in page
    from gallery import tasks

    tasks.decide_duplicates()
    page = text(admin_client, f"/duplicates/decided/?library={household.pk}")
    assert page.count("Undo all 3") == 1
    at = re.findall(r'name="at" value="([^"]+)"', page)[0].replace("&#x2B;", "+")
    answer = admin_client.post("/duplicates/undo/", {"library": household.pk, "at": at})
    assert "3 groups are being taken back" in text(admin_client, answer.headers["Location"])
    tasks.decide_duplicates()
    assert DuplicateGroup.objects.filter(state="open").count() == 4


@pytest.mark.slow
def test_only_those_who_may_edit_the_library_are_shown_its_groups(
    owner: User, owner_client: Client, member_client: Client, admin_client: Client, household: Library
) -> None:
    private = LibraryFactory(name="Anna's", owner=owner, visibility="private")
    hers, house = group_of(*twins(private)), group_of(*twins(household))
    assert "No library of yours" in text(member_client, "/duplicates/")
    assert f"/duplicates/{hers.pk}/" in text(owner_client, "/duplicates/")
    assert f"/duplicates/{house.pk}/" in text(admin_client, "/duplicates/")
    assert f"/duplicates/{hers.pk}/" not in text(admin_client, "/duplicates/")
    for client, library in ((member_client, household), (owner_client, household), (admin_client, private)):
        for address in ("/duplicates/", "/duplicates/decided/", "/duplicates/all/"):
            assert client.get(f"{address}?library={library.pk}").status_code == 404
    assert "Duplicates" not in text(member_client, "/libraries/").partition("<main")[2].partition("</main>")[0]
    assert re.search(r'Duplicates <span class="badge">1</span>', text(admin_client, "/libraries/"))
    assert re.search(r'Duplicates <span class="badge">1</span>', text(owner_client, f"/libraries/{private.pk}/"))


def test_a_group_whose_photos_went_otherwise_is_not_shown(admin_client: Client, household: Library) -> None:
    first, second = twins(household)
    group_of(first, second)
    Photo.objects.filter(pk=second.pk).update(missing_since=first.imported_at)
    assert "Nothing looks alike" in text(admin_client, "/duplicates/")


def fill(library: Library, user: User, count: int) -> None:
    photos = twins(library, count)
    for photo in photos:
        MarkFactory(user=user, photo=photo)
        AlbumItemFactory(photo=photo, album__owner=user)
        FaceFactory(photo=photo, person=PersonFactory(), state="assigned", is_confirmed=True)
    group_of(*photos)


@pytest.mark.parametrize("address", ["/duplicates/", "/duplicates/all/", "/duplicates/decided/"])
@pytest.mark.slow
def test_more_groups_of_more_photos_make_no_more_queries(
    admin: User, admin_client: Client, household: Library, address: str
) -> None:
    def queries(per_group: int, groups: int) -> int:
        for _ in range(groups):
            fill(household, admin, per_group)
            group = group_of(*twins(household, per_group))
            DuplicateGroup.objects.filter(pk=group.pk).update(
                state="merged", decided_by=admin, decided_at=PhotoFactory(library=household).imported_at,
                undo={"kept": group.members.values_list("photo", flat=True)[0], "records": {}},
            )  # fmt: skip
        with CaptureQueriesContext(connection) as found:
            text(admin_client, f"{address}?library={household.pk}")
        return len(found)

    queries(2, 1)
    assert queries(2, 1) == queries(6, 2)


def test_what_is_decided_in_a_library_of_others_is_not_told(
    owner: User, member: User, owner_client: Client, member_client: Client
) -> None:
    private, mine = (LibraryFactory(owner=user, visibility=Library.Visibility.PRIVATE) for user in (owner, member))
    for library in (private, mine):
        group_of(*twins(library))
    DuplicateGroup.objects.filter(library=private).update(state="asked", decided_by=owner, decided_at=timezone.now())
    assert owner_client.get(f"/duplicates/?library={private.pk}").context["is_working"]
    assert not member_client.get("/duplicates/").context["is_working"]
