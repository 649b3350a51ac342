"""The pages that add, show, change and remove libraries."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import DjangoAssertNumQueries

from gallery import analysis, libraries, library_status, paths, services
from gallery.models import Condition, Library, Photo, Receipt, Scan, WorkState
from tests.factories import LibraryFactory, PhotoFactory, write_jpeg

HTMX = {"HX-Request": "true"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with pictures, inside what the tests allow."""
    folder = tmp_path / "pictures"
    write_jpeg(folder, "a.jpg")
    write_jpeg(folder, "2024/b.jpg")
    (folder / ".hidden").mkdir()
    return folder


@pytest.fixture
def household(folder: Path, db: None) -> Library:
    return LibraryFactory(name="House", root=paths.to_text(str(folder)))


@pytest.fixture
def private(owner: User, tmp_path: Path) -> Library:
    return LibraryFactory(name="Mine", root=str(tmp_path / "mine"), owner=owner, visibility="private")


def fill(root: str, **changes: str) -> dict[str, str]:
    return {"folder": root, "name": "Pictures", "visibility": "household", "scan_every_min": "60", **changes}


# --- adding


def test_an_administrator_walks_to_a_folder_and_adds_it(admin_client: Client, folder: Path) -> None:
    start = admin_client.get("/libraries/add/").content.decode()
    assert str(folder.parent) in start
    page = admin_client.get("/libraries/add/", {"path": str(folder)})
    assert page.context["form"]["name"].value() == "pictures"
    assert "2024" in page.content.decode()
    response = admin_client.post("/libraries/add/", fill(str(folder), path=str(folder)))
    library = Library.objects.get()
    assert (response.status_code, response.headers["Location"]) == (303, f"/libraries/{library.pk}/")
    assert (library.root, library.owner, library.visibility) == (str(folder), None, "household")
    assert library.scans.count() == 1


def test_a_folder_can_be_typed_as_it_is_called(admin_client: Client, tmp_path: Path) -> None:
    (tmp_path / "100% ours").mkdir()
    admin_client.post("/libraries/add/", fill(f"{tmp_path}/100% ours", path=str(tmp_path)))
    assert Library.objects.get().root_path == f"{tmp_path}/100% ours"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"folder": "/etc"}, "lies outside"),
        ({"folder": "relative"}, "whole path"),
        ({"folder": ""}, "required"),
        ({"folder": "/a\0b"}, "ull characters"),
        ({"name": ""}, "required"),
        ({"visibility": "private"}, "A private library needs an owner"),
        ({"scan_every_min": "-5"}, "valid choice"),
        ({"owner": "999"}, "valid choice"),
    ],
)
def test_bad_input_is_explained(admin_client: Client, folder: Path, change: dict[str, str], reason: str) -> None:
    response = admin_client.post("/libraries/add/", fill(str(folder)) | change)
    assert response.status_code == 422
    assert reason in response.content.decode()
    assert not Library.objects.exists()


def test_a_path_that_cannot_be_shown_is_explained(admin_client: Client, tmp_path: Path) -> None:
    for path in ("/etc", str(tmp_path / "absent"), "%00", "%ED%A0%80"):
        response = admin_client.get("/libraries/add/", {"path": path})
        assert response.status_code == 422
        assert 'role="alert"' in response.content.decode()


def test_members_add_nothing(owner_client: Client, folder: Path) -> None:
    assert owner_client.get("/libraries/add/").status_code == 404
    assert owner_client.post("/libraries/add/", fill(str(folder))).status_code == 404


# --- the list and the page of a library


def test_the_list_shows_what_one_may_see(
    household: Library, private: Library, owner_client: Client, member_client: Client, admin_client: Client
) -> None:
    for client, names in ((owner_client, {"House", "Mine"}), (member_client, {"House"}), (admin_client, {"House"})):
        cards = client.get("/libraries/").context["cards"]
        assert {card.library.name for card in cards} == names


def test_the_list_needs_as_many_queries_for_twenty_libraries_as_for_two(
    admin_client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    LibraryFactory.create_batch(2)
    admin_client.get("/libraries/")
    with CaptureQueriesContext(connection) as few:
        admin_client.get("/libraries/")
    LibraryFactory.create_batch(18)
    with django_assert_num_queries(len(few)):
        admin_client.get("/libraries/")


def test_while_work_goes_on_the_cards_ask_again_often_and_then_slowly(
    member_client: Client, household: Library
) -> None:
    photo = PhotoFactory(library=household, work_state=WorkState.READY)
    PhotoFactory(library=household)
    page = member_client.get("/libraries/").content.decode()
    assert 'data-every-s="2"' in page
    assert "50 %" in page
    fragment = member_client.get("/libraries/", headers=HTMX)
    assert fragment.content.decode().startswith('<live-part id="_library_cards"')
    assert "HX-Request" in fragment.headers["Vary"]
    Photo.objects.filter(pk=photo.pk).update(work_state=WorkState.DONE)
    fragment = member_client.get("/libraries/", headers=HTMX)
    assert "Up to date" in fragment.content.decode()
    assert 'data-every-s="30"' in fragment.content.decode()


def test_the_page_follows_the_work_and_loads_itself_once_at_the_end(member_client: Client, household: Library) -> None:
    url = household.get_absolute_url()
    scan = services.request_scan(household)
    asks, every_s = _asks(member_client.get(url).content.decode())
    assert every_s == "2"
    fragment = member_client.get(asks, headers=HTMX).content.decode()
    assert fragment.startswith('<live-part id="_library_progress"')
    assert _asks(fragment) == (asks, "2")
    Scan.objects.filter(pk=scan.pk).update(work_state=WorkState.DONE)
    assert member_client.get(asks, headers=HTMX).headers["HX-Refresh"] == "true"


def test_an_idle_page_asks_slowly_and_notices_what_began_or_was_done_since(
    member_client: Client, household: Library
) -> None:
    url = household.get_absolute_url()
    asks, every_s = _asks(member_client.get(url).content.decode())
    assert every_s == "30"
    nothing_new = member_client.get(asks, headers=HTMX)
    assert "HX-Refresh" not in nothing_new.headers
    assert _asks(nothing_new.content.decode()) == (asks, "30")
    photo = PhotoFactory(library=household, work_state=WorkState.READY)
    begun = member_client.get(asks, headers=HTMX).content.decode()
    assert _asks(begun)[1] == "2"
    assert "1 to go" in begun
    Photo.objects.filter(pk=photo.pk).update(work_state=WorkState.DONE)
    # Nobody looked while it went on.
    assert member_client.get(asks, headers=HTMX).headers["HX-Refresh"] == "true"


def _asks(page: str) -> tuple[str, str]:
    """What the live part of a library's page asks for, and how often."""
    found = re.search(r'<live-part id="_library_progress" [^>]*data-every-s="(\d+)" hx-get="([^"]+)"', page)
    assert found
    return found[2], found[1]


def test_an_idle_page_is_not_busy_while_the_drive_is_away(member_client: Client, household: Library) -> None:
    PhotoFactory(library=household, work_state=WorkState.READY)
    Library.objects.update(state="offline", state_reason="The folder is not there.")
    page = member_client.get(household.get_absolute_url()).content.decode()
    assert _asks(page)[1] == "30"
    assert "The folder is not there." in page


def failed(library: Library, name: str | None = None) -> Photo:
    return PhotoFactory(
        library=library, work_state=WorkState.FAILED, attempts=3, error="The file is cut off.", file=name
    )


def test_failures_are_listed_with_reason_and_attempts(admin_client: Client, household: Library) -> None:
    failed(household, "bad <b>.jpg")
    analysed = PhotoFactory(library=household, file="half.jpg")
    Receipt.objects.create(
        photo=analysed, analyzer="faces", version="1", state="failed", error="No memory.", at=timezone.now()
    )
    page = admin_client.get(household.get_absolute_url())
    found = {failure.name: (failure.reasons, failure.attempts) for failure in page.context["failures"]}
    assert found["bad <b>.jpg"] == (["The file is cut off."], 3)
    assert found["half.jpg"][0][0].endswith("No memory.")
    assert "bad &lt;b&gt;.jpg" in page.content.decode()
    assert page.context["failure_count"] == 2


def test_one_or_all_failures_can_be_tried_again(admin_client: Client, household: Library) -> None:
    one, two = failed(household), failed(household)
    assert admin_client.post(f"/photos/{one.pk}/retry/").status_code == 303
    one.refresh_from_db()
    assert (one.work_state, one.attempts, one.error) == (WorkState.READY, 0, "")
    admin_client.post(f"/libraries/{household.pk}/retry/")
    two.refresh_from_db()
    assert two.work_state == WorkState.READY


def test_a_long_list_of_failures_is_cut_and_costs_the_same(
    admin_client: Client, household: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library_status, "PHOTOS_SHOWN", 2)
    for _ in range(5):
        failed(household)
    page = admin_client.get(household.get_absolute_url())
    assert len(page.context["failures"]) == 2
    assert page.context["failure_count"] == 5


def test_the_page_needs_as_many_queries_for_many_rows_as_for_few(
    admin_client: Client, household: Library, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    def add(count: int) -> None:
        for _ in range(count):
            failed(household)
            PhotoFactory(library=household, missing_since=timezone.now())
            Scan.objects.create(library=household, work_state=WorkState.DONE)

    url = household.get_absolute_url()
    add(2)
    admin_client.get(url)
    with CaptureQueriesContext(connection) as few:
        admin_client.get(url)
    add(10)
    with django_assert_num_queries(len(few)):
        admin_client.get(url)


def test_what_an_analyzer_waits_for_is_told(
    admin_client: Client, household: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Waiting:
        name, title = "smiles", "Smiles"

        def version(self) -> str | None:
            return None

        def waiting_for(self) -> str:
            return "The model of smiles is not there."

    class Ready(Waiting):
        name, title = "hats", "Hats"

        def version(self) -> str | None:
            return "v2"

    monkeypatch.setattr(analysis, "_analyzers", {"smiles": Waiting(), "hats": Ready()})
    for version, state in (("v2", "ok"), ("v1", "ok"), ("v2", "failed")):
        photo = PhotoFactory(library=household)
        Receipt.objects.create(photo=photo, analyzer="hats", version=version, state=state, at=timezone.now())
    page = admin_client.get(household.get_absolute_url())
    assert "The model of smiles is not there." in page.content.decode()
    hats = page.context["analyzers"][1]
    assert (hats.done, hats.outdated, hats.failed) == (1, 1, 1)


def test_conditions_of_the_installation_are_told(admin_client: Client, household: Library) -> None:
    Condition.objects.create(key="disk-full", text="The disk is full.", at=timezone.now())
    assert "The disk is full." in admin_client.get("/libraries/").content.decode()


@pytest.mark.parametrize(("minutes", "is_told"), [(None, True), (5, True), (1, False)])
def test_without_a_worker_open_work_is_not_silent(
    admin_client: Client, household: Library, minutes: int | None, is_told: bool
) -> None:
    if minutes is not None:
        Condition.objects.create(key="sweep", at=timezone.now() - dt.timedelta(minutes=minutes))
    assert "No worker is running" not in admin_client.get("/libraries/").content.decode()
    PhotoFactory(library=household, work_state=WorkState.READY)
    assert ("No worker is running" in admin_client.get("/libraries/").content.decode()) is is_told


# --- held, missing, gone


def test_vanished_files_are_gone_only_when_a_person_says_so(admin_client: Client, household: Library) -> None:
    Library.objects.update(state="held", state_reason="30 of 40 files are no longer there.")
    page = admin_client.get(household.get_absolute_url()).content.decode()
    assert "30 of 40 files" in page
    url = f"/libraries/{household.pk}/accept/"
    assert "Are they really gone?" in admin_client.get(url).content.decode()
    assert not household.scans.exists()
    assert admin_client.post(url).status_code == 303
    assert household.scans.get().accept_missing


def test_missing_photos_are_forgotten_only_after_a_question(admin_client: Client, household: Library) -> None:
    PhotoFactory(library=household, missing_since=timezone.now(), file="lost.jpg")
    kept = PhotoFactory(library=household)
    url = f"/libraries/{household.pk}/forget/"
    page = admin_client.get(url).content.decode()
    assert "Forget 1 missing photo?" in page
    assert "lost.jpg" in page
    assert Photo.objects.count() == 2
    admin_client.post(url, {"until": timezone.now().isoformat()})
    assert list(Photo.objects.all()) == [kept]


def test_a_scan_can_be_asked_for(admin_client: Client, household: Library) -> None:
    admin_client.post(f"/libraries/{household.pk}/scan/")
    admin_client.post(f"/libraries/{household.pk}/scan/")
    assert household.scans.count() == 1
    assert admin_client.get(f"/libraries/{household.pk}/scan/").status_code == 405


# --- changing and removing


def test_a_library_can_be_changed(admin_client: Client, household: Library, member: User) -> None:
    url = f"/libraries/{household.pk}/edit/"
    data = {"name": "Ours", "visibility": "household", "owner": member.pk, "scan_every_min": "0", "exclude": "*.png"}
    assert admin_client.get(url).status_code == 200
    assert admin_client.post(url, data).status_code == 303
    household.refresh_from_db()
    assert (household.name, household.owner, household.scan_every_min) == ("Ours", member, 0)
    assert household.scans.count() == 1, "what is left out changed"


def test_an_owner_changes_all_but_the_owner(owner_client: Client, private: Library, member: User) -> None:
    data = {"name": "Still mine", "visibility": "private", "owner": member.pk, "scan_every_min": "60", "exclude": ""}
    assert owner_client.post(f"/libraries/{private.pk}/edit/", data).status_code == 303
    private.refresh_from_db()
    assert (private.name, private.owner.username) == ("Still mine", "anna")  # type: ignore[union-attr]
    assert not private.scans.exists()


def test_a_library_given_away_is_out_of_sight(admin_client: Client, household: Library, member: User) -> None:
    data = {"name": "Tom's", "visibility": "private", "owner": member.pk, "scan_every_min": "60"}
    response = admin_client.post(f"/libraries/{household.pk}/edit/", data)
    assert response.headers["Location"] == "/libraries/"
    assert admin_client.get(household.get_absolute_url()).status_code == 404


def test_bad_changes_are_explained_and_the_page_keeps_the_name(admin_client: Client, household: Library) -> None:
    response = admin_client.post(f"/libraries/{household.pk}/edit/", {"name": "", "visibility": "private"})
    assert response.status_code == 422
    assert "House" in response.content.decode()
    household.refresh_from_db()
    assert household.name == "House"


def test_an_interval_of_ones_own_is_kept(admin_client: Client, household: Library) -> None:
    Library.objects.update(scan_every_min=7)
    assert "every 7 minutes" in admin_client.get(f"/libraries/{household.pk}/edit/").content.decode()


def test_removing_asks_for_the_name_and_touches_no_file(
    admin_client: Client, household: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libraries, "REMOVE_BATCH", 2)
    for _ in range(5):
        PhotoFactory(library=household)
    other = PhotoFactory()
    before = sorted((path, path.stat().st_mtime_ns) for path in folder.rglob("*"))
    url = f"/libraries/{household.pk}/remove/"
    assert "No file is touched" in admin_client.get(url).content.decode()
    assert admin_client.post(url, {"name": "Hose"}).status_code == 422
    assert household.photos.count() == 5
    assert admin_client.post(url, {"name": "House"}).status_code == 303
    assert not Library.objects.filter(pk=household.pk).exists()
    assert list(Photo.objects.all()) == [other]
    assert sorted((path, path.stat().st_mtime_ns) for path in folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (None, ""),
        (dt.timedelta(seconds=20), "less than a minute left"),
        (dt.timedelta(seconds=70), "about 1 minute left"),
        (dt.timedelta(minutes=12), "about 12 minutes left"),
        (dt.timedelta(hours=3.2), "about 3 hours left"),
        (dt.timedelta(days=2.1), "about 2 days left"),
    ],
)
def test_time_left_in_words(time: dt.timedelta | None, words: str) -> None:
    assert library_status.in_words(time) == words
