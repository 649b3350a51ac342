"""The trash: hidden at once, brought back with everything, deleted for good only on purpose and only what was meant."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from faces import crops
from gallery import purging, tasks, thumbnails, trash
from gallery.models import File, Library, Mark, Photo, WorkState
from tests.factories import AlbumItemFactory, MarkFactory, PhotoFactory, write_jpeg
from tests.importing import bring_in, scan
from tests.upload_client import originals, upload_library


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return tmp_path / "uploads"


@pytest.fixture
def managed(owner: User, photos: Path) -> Library:
    """A household library for uploads that belongs to `owner`, with three photos."""
    library = upload_library(photos, name="Phones", owner=owner)
    for number in range(3):
        write_jpeg(photos, f"2024/05/{number}.jpg", seed=100 + number, taken=dt.datetime(2024, 5, 1 + number))
    bring_in(library)
    return library


@pytest.fixture
def photo(managed: Library) -> Photo:
    return Photo.objects.get(files__path="2024/05/0.jpg")


def put(client: Client, *rows: Photo, **more: str) -> Any:
    return client.post("/trash/add/", {"photo": [row.pk for row in rows], **more}, follow=True)


def test_a_photo_in_the_trash_is_shown_nowhere_and_its_file_stays(
    owner_client: Client, member_client: Client, photo: Photo, photos: Path
) -> None:
    before = originals(photos)
    page = put(owner_client, photo).content.decode()
    assert "1 photo moved to the trash." in page
    assert f'id="p{photo.pk}"' not in owner_client.get("/").content.decode()
    assert owner_client.get(photo.get_absolute_url()).status_code == 404
    assert owner_client.get(f"/media/{photo.pk}/original/").status_code == 404
    picture = thumbnails_url(photo)
    shown = owner_client.get(picture)
    assert shown.status_code == 200
    assert shown.getvalue()
    assert member_client.get(picture).status_code == 404
    assert f'id="p{photo.pk}"' in owner_client.get("/trash/").content.decode()
    assert f'id="p{photo.pk}"' not in member_client.get("/trash/").content.decode()
    assert originals(photos) == before


def thumbnails_url(photo: Photo) -> str:
    return f"/media/{photo.pk}/small-{(photo.digest or '')[:12]}.jpg"


def test_the_toast_takes_it_back_with_everything(owner_client: Client, owner: User, photo: Photo) -> None:
    MarkFactory(user=owner, photo=photo)
    item = AlbumItemFactory(photo=photo, album__owner=owner)
    others = list(Photo.objects.exclude(pk=photo.pk))
    put(owner_client, others[0])
    page = put(owner_client, photo).content.decode()
    at = re.findall(r'name="at" value="([^"]+)"', page)[-1].replace("&#x2B;", "+")
    assert owner_client.post("/trash/restore/", {"at": at}).status_code == 303
    photo.refresh_from_db()
    assert (photo.trashed_at, photo.trashed_by) == (None, None)
    assert Photo.objects.filter(trashed_at__isnull=False).get() == others[0], "only what that toast spoke of"
    assert Mark.objects.filter(photo=photo, favourite=True).exists()
    assert item.album.items.get() == item


@pytest.mark.slow
def test_the_trash_lists_the_latest_first_and_brings_back_one_some_or_all(
    owner_client: Client, managed: Library
) -> None:
    rows = list(Photo.objects.order_by("pk"))
    for row in rows:
        put(owner_client, row)
    page = owner_client.get("/trash/").content.decode()
    assert [int(pk) for pk in re.findall(r'id="p(\d+)"', page)] == [row.pk for row in reversed(rows)]
    assert "3 photos of “Phones”" in page
    owner_client.post("/trash/restore/", {"photo": rows[0].pk})
    assert trash.libraries(managed.owner)[0].count == 2
    owner_client.post("/trash/restore/", {"library": managed.pk})
    assert not Photo.objects.filter(trashed_at__isnull=False).exists()
    assert "The trash is empty" in owner_client.get("/trash/").content.decode()


@pytest.mark.slow
def test_who_may_only_add_may_not_remove(member_client: Client, admin_client: Client, photo: Photo) -> None:
    assert member_client.post("/trash/add/", {"photo": photo.pk}).status_code == 404
    assert 'id="trash_press"' not in member_client.get(photo.get_absolute_url()).content.decode()
    assert "/trash/add/" not in member_client.get("/").content.decode()
    assert 'id="trash_press"' in admin_client.get(photo.get_absolute_url()).content.decode()
    put(admin_client, photo)
    assert member_client.post("/trash/restore/", {"photo": photo.pk}).status_code == 404
    assert member_client.post("/trash/restore/", {"library": photo.library_id}).status_code == 404
    assert member_client.post("/trash/delete/", {"photo": photo.pk, "confirm": "1"}).status_code == 404
    assert Photo.objects.get(pk=photo.pk).purge_asked_at is None


def test_photos_of_external_libraries_are_hidden_and_never_deleted(
    admin_client: Client, library: Library, folder: Path
) -> None:
    write_jpeg(folder, "a.jpg")
    (hidden,) = bring_in(library)
    assert "hidden from PictoPy. No file was touched." in put(admin_client, hidden).content.decode()
    page = admin_client.get("/trash/").content.decode()
    assert "Show again" in page
    assert "/trash/delete/" not in page
    assert admin_client.post("/trash/delete/", {"photo": hidden.pk, "confirm": "1"}).status_code == 404
    until = timezone.now().isoformat()
    admin_client.post("/trash/delete/", {"library": library.pk, "until": until, "confirm": "1"})
    Library.objects.filter(pk=library.pk).update(empty_trash_days=1)
    Photo.objects.update(trashed_at=timezone.now() - dt.timedelta(days=9))
    tasks.sweep()
    tasks.purge()
    # Even a wish that came into the row some other way deletes nothing here.
    Photo.objects.update(purge_asked_at=timezone.now())
    tasks.purge()
    assert (folder / "a.jpg").exists()
    assert Photo.objects.get().trashed_at


@pytest.mark.slow
def test_a_rescan_brings_nothing_back(owner_client: Client, managed: Library, photo: Photo, photos: Path) -> None:
    put(owner_client, photo)
    bring_in(managed)
    assert Photo.objects.get(pk=photo.pk).trashed_at
    # Moved, copied, touched, away and back: still the same photo in the trash.
    (photos / "2024/05/0.jpg").rename(photos / "2024/moved.jpg")
    bring_in(managed)
    (photos / "copy.jpg").write_bytes((photos / "2024/moved.jpg").read_bytes())
    bring_in(managed)
    (photos / "copy.jpg").unlink()
    (photos / "2024/moved.jpg").rename(photos.parent / "kept")
    bring_in(managed)
    assert Photo.objects.get(pk=photo.pk).missing_since
    (photos.parent / "kept").rename(photos / "2024/back.jpg")
    bring_in(managed)
    found = Photo.objects.get(pk=photo.pk)
    assert found.trashed_at
    assert found.missing_since is None
    assert Photo.objects.count() == 3


def test_deleting_for_good_asks_first_and_says_what_happens(owner_client: Client, photo: Photo, photos: Path) -> None:
    put(owner_client, photo)
    page = owner_client.post("/trash/delete/", {"photo": photo.pk})
    assert "Delete 1 photo for good?" in page.content.decode()
    assert "deleted from the disk" in page.content.decode()
    assert Photo.objects.get(pk=photo.pk).purge_asked_at is None
    derivative = thumbnails.path(photo.digest or "", "large")
    crop = crops.path(photo.digest or "", "0" * 12)
    thumbnails.write_file(crop, b"x")
    assert derivative.exists()
    owner_client.post("/trash/delete/", {"photo": photo.pk, "confirm": "1"})
    assert owner_client.post("/trash/restore/", {"photo": photo.pk}).status_code == 404, "it is too late"
    tasks.purge()
    assert not Photo.objects.filter(pk=photo.pk).exists()
    assert sorted(originals(photos)) == ["2024/05/1.jpg", "2024/05/2.jpg"]
    assert not derivative.exists()
    assert not crop.exists()
    assert scan(photo.library).gone == 0


def test_emptying_deletes_what_was_there_when_it_was_asked(owner_client: Client, managed: Library) -> None:
    first, second, third = Photo.objects.order_by("pk")
    put(owner_client, first, second)
    page = owner_client.get("/trash/").content.decode()
    until = re.findall(r'name="until" value="([^"]+)"', page)[0]
    put(owner_client, third)
    asked = owner_client.post("/trash/delete/", {"library": managed.pk, "until": until}).content.decode()
    assert "Delete 2 photos for good?" in asked
    owner_client.post("/trash/delete/", {"library": managed.pk, "until": until, "confirm": "1"})
    tasks.purge()
    assert Photo.objects.get() == third


def test_a_file_that_holds_something_else_is_not_deleted(
    owner_client: Client, managed: Library, photo: Photo, photos: Path
) -> None:
    file = photos / "2024/05/0.jpg"
    put(owner_client, photo)
    other = write_jpeg(photos.parent, "other.jpg", seed=999).read_bytes()
    file.write_bytes(other)
    owner_client.post("/trash/delete/", {"photo": photo.pk, "confirm": "1"})
    tasks.purge()
    assert file.read_bytes() == other
    photo.refresh_from_db()
    assert photo.trashed_at
    assert photo.purge_asked_at is None
    bring_in(managed)
    assert file.read_bytes() == other


def test_links_are_not_followed_when_deleting(owner_client: Client, photo: Photo, photos: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (photos / "2024").rename(outside)
    (photos / "2024").symlink_to(outside)
    put(owner_client, photo)
    owner_client.post("/trash/delete/", {"photo": photo.pk, "confirm": "1"})
    tasks.purge()
    assert (outside / "05/0.jpg").exists()
    second = Photo.objects.get(files__path="2024/05/1.jpg")
    (photos / "2024").unlink()
    outside.rename(photos / "2024")
    (photos / "2024/05/1.jpg").rename(tmp_path / "1.jpg")
    (photos / "2024/05/1.jpg").symlink_to(tmp_path / "1.jpg")
    put(owner_client, second)
    owner_client.post("/trash/delete/", {"photo": second.pk, "confirm": "1"})
    tasks.purge()
    assert (tmp_path / "1.jpg").exists()


def test_nothing_is_forgotten_while_the_drive_is_away(owner_client: Client, photo: Photo, photos: Path) -> None:
    put(owner_client, photo)
    owner_client.post("/trash/delete/", {"photo": photo.pk, "confirm": "1"})
    photos.rename(photos.with_name("away"))
    tasks.purge()
    assert Photo.objects.filter(pk=photo.pk).exists()
    photos.with_name("away").rename(photos)
    tasks.purge()
    assert not Photo.objects.filter(pk=photo.pk).exists()
    assert not (photos / "2024/05/0.jpg").exists()


def test_small_pictures_that_another_library_shows_stay(
    owner_client: Client, photo: Photo, library: Library, folder: Path, photos: Path
) -> None:
    (folder / "same.jpg").write_bytes((photos / "2024/05/0.jpg").read_bytes())
    bring_in(library)
    put(owner_client, photo)
    owner_client.post("/trash/delete/", {"photo": photo.pk, "confirm": "1"})
    tasks.purge()
    assert thumbnails.exist(photo.digest or "")
    assert (folder / "same.jpg").exists()


def test_what_a_sudden_end_left_is_finished_by_the_next_run(
    owner_client: Client, photo: Photo, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(owner_client, photo)
    owner_client.post("/trash/delete/", {"photo": photo.pk, "confirm": "1"})

    class End(BaseException):
        pass

    def end(*args: object) -> None:
        raise End

    monkeypatch.setattr(purging, "_delete_derivatives", end)
    with pytest.raises(End):
        tasks.purge()
    assert not (photos / "2024/05/0.jpg").exists()
    assert Photo.objects.filter(pk=photo.pk).exists()
    scan(photo.library)
    monkeypatch.undo()
    tasks.purge()
    assert not Photo.objects.filter(pk=photo.pk).exists()


def test_the_trash_empties_itself_only_where_a_person_said_so(
    owner_client: Client, managed: Library, photo: Photo, photos: Path
) -> None:
    put(owner_client, photo)
    Photo.objects.filter(pk=photo.pk).update(trashed_at=timezone.now() - dt.timedelta(days=400))
    tasks.sweep()
    assert Photo.objects.get(pk=photo.pk).purge_asked_at is None
    form = {
        "name": "Phones",
        "visibility": "household",
        "scan_every_min": "60",
        "exclude": "",
        "empty_trash_days": "30",
    }
    assert owner_client.post(f"/libraries/{managed.pk}/edit/", form).status_code == 303
    put(owner_client, Photo.objects.get(files__path="2024/05/1.jpg"))
    tasks.sweep()
    tasks.purge()
    assert sorted(originals(photos)) == ["2024/05/1.jpg", "2024/05/2.jpg"]


def test_a_photo_that_was_away_from_analysis_is_looked_at_again(owner_client: Client, photo: Photo) -> None:
    put(owner_client, photo)
    owner_client.post("/trash/restore/", {"photo": photo.pk})
    assert Photo.objects.get(pk=photo.pk).work_state == WorkState.READY


def test_twice_the_photos_make_the_same_number_of_queries(owner_client: Client, managed: Library, owner: User) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert owner_client.get("/trash/").status_code == 200
        return len(captured)

    now = timezone.now()
    PhotoFactory(library=managed, trashed_at=now)
    few = count()
    for _ in range(10):
        PhotoFactory(library=managed, trashed_at=now)
    assert count() == few
    assert File.objects.count() == 14


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "yesterday", ""])
def test_moments_that_are_none_or_outside_the_calendar_are_refused(
    owner_client: Client, managed: Library, text: str
) -> None:
    for address, form in (
        ("/trash/restore/", {"at": text}),
        ("/trash/delete/", {"library": managed.pk, "until": text}),
        ("/duplicates/undo/", {"library": managed.pk, "at": text}),
    ):
        assert owner_client.post(address, form).status_code == 404, address
    forget = f"/libraries/{managed.pk}/forget/"
    assert owner_client.post(forget, {"until": text})["Location"] == forget
