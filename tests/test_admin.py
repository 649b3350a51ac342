"""The administration: for staff, quick with many rows, and without other people's private libraries."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin as django_admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from albums.models import Album
from gallery.models import (
    AnalyzerVersion,
    Condition,
    File,
    Label,
    Library,
    Mark,
    Photo,
    Receipt,
    Scan,
    WorkState,
)
from tests.factories import AlbumFactory, AlbumItemFactory, DetectionFactory, LibraryFactory, MarkFactory, PhotoFactory

OURS = [model for model in django_admin.site._registry if model._meta.app_label in {"gallery", "albums"}]


def url(model: Any, page: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def fill(library: Library, user: User, times: int = 1) -> None:
    """One row, or a few, of everything, in `library`."""
    for number in range(times):
        photo = PhotoFactory(library=library, taken=dt.datetime(2020 + number % 3, 5, 1), camera="Fuji X100")
        DetectionFactory(photo=photo)
        MarkFactory(user=user, photo=photo)
        AlbumItemFactory(photo=photo, album=AlbumFactory(owner=user, cover=photo))
        for analyzer in ("objects", "faces"):
            Receipt.objects.create(photo=photo, analyzer=analyzer, version="1", state="failed", at=timezone.now())
            AnalyzerVersion.objects.get_or_create(name=f"{analyzer}-{photo.pk}")
        Condition.objects.create(key=f"disk-{photo.pk}", text="full", at=timezone.now())
        Scan.objects.create(library=library, work_state=WorkState.DONE, started_at=timezone.now())


@pytest.fixture
def count_queries() -> Callable[[Client, str], int]:
    def count(client: Client, address: str) -> int:
        client.get(address)  # content types and the like are remembered
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code == 200
        return len(queries)

    return count


def test_everything_is_registered() -> None:
    names = {model.__name__ for model in OURS}
    assert names >= {
        "Library", "Scan", "Photo", "File", "Receipt", "Label", "Detection", "Mark", "AnalyzerVersion", "Condition",
        "Album",
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_lists_ask_the_same_number_of_questions_for_twice_the_rows(
    model: Any, admin: User, admin_client: Client, count_queries: Callable[[Client, str], int]
) -> None:
    fill(LibraryFactory(), admin, times=4)
    address = url(model, "changelist")
    few = count_queries(admin_client, address)
    fill(LibraryFactory(), admin, times=4)
    assert model.objects.count() > 1
    assert count_queries(admin_client, address) == few


@pytest.mark.slow
@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_the_page_of_a_row_asks_the_same_number_of_questions_with_more_rows(
    model: Any, admin: User, admin_client: Client, count_queries: Callable[[Client, str], int]
) -> None:
    fill(LibraryFactory(), admin, times=2)
    row = model.objects.order_by("pk").first()
    few = count_queries(admin_client, url(model, "change", row.pk))
    if model is Photo:
        File.objects.create(library=row.library, photo=row, path="a copy.jpg", size_bytes=1, mtime_ns=1)
        Receipt.objects.create(photo=row, analyzer="more", version="1", at=timezone.now())
    fill(LibraryFactory(), admin, times=2)
    assert count_queries(admin_client, url(model, "change", row.pk)) == few


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_who_is_no_staff_has_no_way_in(model: Any, member_client: Client, client: Client) -> None:
    for someone in (member_client, client):
        response = someone.get(url(model, "changelist"))
        assert response.status_code == 302
        assert "login" in response.headers["Location"]


@pytest.mark.parametrize("model", [Library, Scan, Photo, File, Receipt, Mark], ids=lambda model: model.__name__)
def test_private_libraries_of_others_are_not_there(model: Any, owner: User, admin_client: Client) -> None:
    private = LibraryFactory(name="Anna's secret", owner=owner, visibility="private")
    fill(private, owner)
    DetectionFactory(photo=private.photos.first())
    for row in model.objects.all():
        response = admin_client.get(url(model, "change", row.pk))
        assert response.status_code == 302
        assert response.headers["Location"] == reverse("admin:index")
    page = admin_client.get(url(model, "changelist")).content.decode()
    assert "secret" not in page
    assert 'name="_selected_action"' not in page


def test_private_albums_of_others_are_not_there(owner: User, admin_client: Client) -> None:
    AlbumFactory(name="A surprise", owner=owner)
    AlbumFactory(name="For all of us", owner=owner, visibility="household")
    page = admin_client.get(url(Album, "changelist")).content.decode()
    assert "For all of us" in page
    assert "A surprise" not in page


def test_the_owner_s_own_private_library_is_there(admin: User, admin_client: Client) -> None:
    fill(LibraryFactory(name="My own", owner=admin, visibility="private"), admin)
    assert "My own" in admin_client.get(url(Photo, "changelist")).content.decode()


def test_photos_that_could_not_be_read_are_listed_with_their_reason(admin_client: Client) -> None:
    broken = PhotoFactory(
        digest=None, imported_at=None, width=None, height=None, work_state="failed", error="The file is cut off"
    )
    assert "The file is cut off" in admin_client.get(url(Photo, "changelist")).content.decode()
    assert admin_client.get(url(Photo, "change", broken.pk)).status_code == 200


@pytest.mark.parametrize(
    ("query", "hits"),
    [
        ("q=holiday", 1), ("q=Fuji", 1), ("q=nothing", 0), ("taken=2021", 1), ("taken=202105", 1), ("taken=0", 1),
        ("taken=oops", 0), ("work_state__exact=failed", 1), ("imported_at__isempty=1", 1),
    ],
)  # fmt: skip
def test_photos_are_found_and_filtered(admin_client: Client, query: str, hits: int) -> None:
    library = LibraryFactory()
    PhotoFactory(library=library, file="2021/holiday/1.jpg", taken=dt.datetime(2021, 5, 1), camera="Fuji X100")
    undated = PhotoFactory(library=library, taken=dt.datetime(2022, 1, 1), work_state="failed")
    Photo.objects.filter(pk=undated.pk).update(month=0, imported_at=None)
    response = admin_client.get(f"{url(Photo, 'changelist')}?{query}")
    assert response.status_code == 200
    assert response.context["cl"].result_count == hits


def test_photos_are_found_by_the_beginning_of_their_digest(admin_client: Client) -> None:
    photo = PhotoFactory()
    PhotoFactory()
    response = admin_client.get(url(Photo, "changelist"), {"q": photo.digest[:10]})
    assert [row.pk for row in response.context["cl"].result_list] == [photo.pk]


def test_the_filter_names_only_libraries_one_may_see(owner: User, admin_client: Client) -> None:
    mine, other = LibraryFactory(name="Family"), LibraryFactory(name="Holidays")
    LibraryFactory(name="Anna's secret", owner=owner, visibility="private")
    PhotoFactory(library=other)
    photo = PhotoFactory(library=mine)
    response = admin_client.get(url(Photo, "changelist"), {"in": mine.pk})
    assert "secret" not in response.content.decode()
    assert [row.pk for row in response.context["cl"].result_list] == [photo.pk]


def test_failed_photos_are_tried_again(owner: User, admin_client: Client) -> None:
    private = LibraryFactory(owner=owner, visibility="private")
    failed = PhotoFactory(work_state="failed", attempts=3, error="cut off")
    fine = PhotoFactory()
    hidden = PhotoFactory(library=private, work_state="failed", attempts=3)
    selected = {"action": "retry", "_selected_action": [failed.pk, fine.pk, hidden.pk]}
    response = admin_client.post(url(Photo, "changelist"), selected, follow=True)
    assert "1 photo will be tried again" in response.content.decode()
    states = dict(Photo.objects.values_list("pk", "work_state"))
    assert states == {failed.pk: "ready", fine.pk: "done", hidden.pk: "failed"}


def test_photos_with_a_failed_analysis_are_tried_again(admin_client: Client) -> None:
    photo = PhotoFactory()
    receipt = Receipt.objects.create(photo=photo, analyzer="objects", version="1", state="failed", at=timezone.now())
    selected = {"action": "retry", "_selected_action": [receipt.pk]}
    admin_client.post(url(Receipt, "changelist"), selected)
    photo.refresh_from_db()
    assert photo.work_state == WorkState.READY


def test_staff_without_the_right_to_change_photos_cannot_retry(member: User, member_client: Client) -> None:
    from django.contrib.auth.models import Permission

    User.objects.filter(pk=member.pk).update(is_staff=True)
    member.user_permissions.add(Permission.objects.get(codename="view_photo"))
    failed = PhotoFactory(work_state="failed")
    page = member_client.get(url(Photo, "changelist"))
    assert page.status_code == 200
    assert "Try failed ones again" not in page.content.decode()
    member_client.post(url(Photo, "changelist"), {"action": "retry", "_selected_action": [failed.pk]})
    failed.refresh_from_db()
    assert failed.work_state == WorkState.FAILED
    assert member_client.get(url(Library, "changelist")).status_code == 403


def test_a_scan_can_be_asked_for(owner: User, admin_client: Client) -> None:
    library = LibraryFactory()
    private = LibraryFactory(owner=owner, visibility="private")
    selected = {"action": "scan", "_selected_action": [library.pk, private.pk]}
    admin_client.post(url(Library, "changelist"), selected)
    assert [scan.library for scan in Scan.objects.all()] == [library]


def test_libraries_show_how_many_photos_they_have(admin_client: Client) -> None:
    library = LibraryFactory()
    PhotoFactory.create_batch(3, library=library)
    PhotoFactory(library=library, work_state="failed")
    row = admin_client.get(url(Library, "changelist")).context["cl"].result_list[0]
    assert (row.photo_total, row.failed_total) == (4, 1)


def test_a_library_s_settings_can_be_changed_but_not_its_folder(admin_client: Client) -> None:
    library = LibraryFactory(root="/photos/a")
    fields = {
        "name": "Renamed", "visibility": "household", "owner": "", "exclude": "*.tmp", "scan_every_min": 5,
        "root": "/etc",
    }  # fmt: skip
    assert admin_client.post(url(Library, "change", library.pk), fields).status_code == 302
    library.refresh_from_db()
    assert (library.name, library.exclude, library.root) == ("Renamed", "*.tmp", "/photos/a")


def test_a_private_library_needs_an_owner(admin_client: Client) -> None:
    library = LibraryFactory()
    fields = {"name": "X", "visibility": "private", "owner": "", "exclude": "", "scan_every_min": 5}
    response = admin_client.post(url(Library, "change", library.pk), fields)
    assert response.status_code == 200
    assert response.context["errors"]


def test_a_caption_can_be_changed(admin_client: Client) -> None:
    photo = PhotoFactory()
    form = {"caption": "At the lake", "rating": 4}
    form |= {f"{name}-{field}": 0 for name in ("files", "receipts") for field in ("TOTAL_FORMS", "INITIAL_FORMS")}
    assert admin_client.post(url(Photo, "change", photo.pk), form).status_code == 302
    photo.refresh_from_db()
    assert photo.caption == "At the lake"


@pytest.mark.parametrize("model", [model for model in OURS if model is not Album], ids=lambda model: model.__name__)
def test_rows_are_not_made_or_deleted_by_hand(model: Any, admin: User, admin_client: Client) -> None:
    fill(LibraryFactory(), admin)
    row = model.objects.first()
    if model is not Library:
        assert admin_client.get(url(model, "add")).status_code == 403
    assert admin_client.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert model.objects.filter(pk=row.pk).exists()


def test_marks_of_others_are_nobody_s_business(owner: User, admin: User, admin_client: Client) -> None:
    library = LibraryFactory()
    fill(library, owner)
    mine = MarkFactory(user=admin, photo=PhotoFactory(library=library))
    response = admin_client.get(url(Mark, "changelist"))
    assert [row.pk for row in response.context["cl"].result_list] == [mine.pk]


def test_labels_can_be_searched(admin_client: Client) -> None:
    DetectionFactory(label=Label.objects.create(name="dog", slug="dog"))
    response = admin_client.get(url(Label, "changelist"), {"q": "do"})
    assert response.context["cl"].result_count == 1


def test_the_front_page_is_called_pictopy(admin_client: Client) -> None:
    page = admin_client.get(reverse("admin:index")).content.decode()
    assert "PictoPy" in page


def test_deleting_an_account_does_not_tell_what_its_owner_keeps_private(owner: User, admin_client: Client) -> None:
    LibraryFactory(name="Anna's secret", owner=owner, visibility="private")
    AlbumFactory(name="A surprise", owner=owner)
    page = admin_client.get(url(User, "delete", owner.pk)).content.decode()
    assert "secret" not in page
    assert "surprise" not in page
    assert "give them to somebody else first" in page
    admin_client.post(url(User, "delete", owner.pk), {"post": "yes"})
    assert User.objects.filter(pk=owner.pk).exists()


def test_an_account_that_owns_nothing_can_be_deleted(member: User, admin_client: Client) -> None:
    MarkFactory(user=member)
    assert admin_client.post(url(User, "delete", member.pk), {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=member.pk).exists()
