"""Scans of real folders: what is found, what moved, and what is never thrown away."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import os
import shutil
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from PIL import Image
from pytest_django.fixtures import Settings

from gallery import originals, scanning, services
from gallery.models import File, Library, Mark, Photo, Scan, WorkState
from tests.factories import write_jpeg
from tests.importing import bring_in, scan

ROOT = Path(__file__).resolve().parent.parent


def favourite(photo: Photo, user: User) -> None:
    services.set_favourite(user, [photo.pk], is_favourite=True)


def test_photos_of_a_folder_appear_with_their_dates(library: Library, folder: Path) -> None:
    write_jpeg(folder, "2018/a.jpg", taken=dt.datetime(2018, 7, 5, 14, 15), camera=("Canon", "EOS"))
    write_jpeg(folder, "b.jpg")
    os.utime(folder / "b.jpg", (1_500_000_000, 1_500_000_000))
    dated, guessed = bring_in(library)
    assert dated.taken == dt.datetime(2018, 7, 5, 14, 15)
    assert (dated.taken_source, dated.camera, dated.month) == ("exif", "Canon EOS", 201807)
    assert (guessed.taken, guessed.taken_source) == (dt.datetime(2017, 7, 14, 2, 40), "file")


def test_a_scan_of_an_unchanged_folder_changes_nothing_and_asks_few_queries(library: Library, folder: Path) -> None:
    for number in range(30):
        write_jpeg(folder, f"{number % 3}/{number}.jpg", width=32, height=24)
    bring_in(library)
    before = list(Photo.objects.order_by("id").values())
    with CaptureQueriesContext(
        connection,
    ) as queries:
        result = scan(library)
    assert (result.seen, result.added, result.changed, result.moved, result.gone) == (30, 0, 0, 0, 0)
    assert list(Photo.objects.order_by("id").values()) == before
    assert len(queries) < 25


@pytest.mark.parametrize("keeps_time", [True, False])
def test_a_renamed_or_moved_file_stays_the_same_photo(
    library: Library, folder: Path, member: User, keeps_time: bool
) -> None:
    file = write_jpeg(folder, "a.jpg")
    write_jpeg(folder, "b.jpg")
    photo, other = bring_in(library)
    favourite(photo, member)
    (folder / "trip").mkdir()
    file.rename(folder / "trip" / "x.jpg")
    if not keeps_time:
        os.utime(folder / "trip" / "x.jpg", (1, 1))
    other_again, moved = bring_in(library)
    assert (moved.pk, other_again.pk) == (photo.pk, other.pk)
    assert [row.path for row in moved.files.all()] == ["trip/x.jpg"]
    assert moved.missing_since is None
    assert Mark.objects.get(photo=moved).favourite


def test_a_file_that_was_away_for_a_scan_and_comes_back_elsewhere_is_the_same_photo(
    library: Library, folder: Path, member: User, tmp_path: Path
) -> None:
    file = write_jpeg(folder, "a.jpg")
    write_jpeg(folder, "b.jpg")
    photo = bring_in(library)[0]
    favourite(photo, member)
    file.rename(tmp_path / "away.jpg")
    bring_in(library)
    photo.refresh_from_db()
    assert photo.missing_since is not None
    (tmp_path / "away.jpg").rename(folder / "c.jpg")
    os.utime(folder / "c.jpg", (5, 5))
    bring_in(library)
    photo.refresh_from_db()
    assert photo.missing_since is None
    assert [row.path for row in photo.files.all()] == ["c.jpg"]
    assert Photo.objects.count() == 2


def test_a_copy_is_one_more_location_of_the_same_photo(library: Library, folder: Path) -> None:
    file = write_jpeg(folder, "a.jpg")
    shutil.copy(file, folder / "copy.jpg")
    (photo,) = bring_in(library)
    assert sorted(row.path for row in photo.files.all()) == ["a.jpg", "copy.jpg"]
    assert Photo.objects.count() == 1
    file.unlink()
    (photo,) = bring_in(library)
    assert photo.missing_since is None


def test_edited_content_keeps_what_people_made(library: Library, folder: Path, member: User) -> None:
    write_jpeg(folder, "a.jpg", width=64, height=48)
    (photo,) = bring_in(library)
    favourite(photo, member)
    write_jpeg(folder, "a.jpg", width=48, height=64)
    (edited,) = bring_in(library)
    assert edited.pk == photo.pk
    assert edited.digest != photo.digest
    assert (edited.width, edited.height) == (48, 64)
    assert Mark.objects.get(photo=edited).favourite


def test_editing_one_of_two_copies_makes_it_a_photo_of_its_own(library: Library, folder: Path) -> None:
    file = write_jpeg(folder, "a.jpg")
    shutil.copy(file, folder / "b.jpg")
    (photo,) = bring_in(library)
    write_jpeg(folder, "b.jpg", width=100, height=100)
    kept, new = bring_in(library)
    assert kept.pk == photo.pk
    assert kept.digest == photo.digest
    assert new.pk != photo.pk


def test_two_files_that_swap_their_names_keep_their_photos(library: Library, folder: Path) -> None:
    first = write_jpeg(folder, "a.jpg", width=64, height=48)
    second = write_jpeg(folder, "b.jpg", width=80, height=48)
    one, two = bring_in(library)
    first.rename(folder / "x")
    second.rename(first)
    (folder / "x").rename(second)
    bring_in(library)
    assert {row.path: row.photo_id for row in File.objects.all()} == {"a.jpg": two.pk, "b.jpg": one.pk}
    assert not Photo.objects.filter(missing_since__isnull=False).exists()
    assert Photo.objects.count() == 2


def test_a_vanished_file_is_missing_not_deleted_and_returns(
    library: Library, folder: Path, tmp_path: Path, member: User
) -> None:
    file = write_jpeg(folder, "a.jpg")
    write_jpeg(folder, "b.jpg")
    photo = bring_in(library)[0]
    favourite(photo, member)
    file.rename(tmp_path / "away.jpg")
    assert scan(library).gone == 1
    photo.refresh_from_db()
    assert photo.missing_since is not None
    (tmp_path / "away.jpg").rename(file)
    bring_in(library)
    photo.refresh_from_db()
    assert photo.missing_since is None
    assert Mark.objects.filter(photo=photo, favourite=True).exists()


def test_a_root_that_is_away_makes_the_library_offline_and_changes_nothing(
    library: Library, folder: Path, tmp_path: Path
) -> None:
    write_jpeg(folder, "a.jpg")
    bring_in(library)
    folder.rename(tmp_path / "unplugged")
    result = scan(library)
    library.refresh_from_db()
    assert library.state == "offline"
    assert "not there" in library.state_reason
    assert result.work_state == WorkState.FAILED
    assert not Photo.objects.filter(missing_since__isnull=False).exists()
    (tmp_path / "unplugged").rename(folder)
    scan(library)
    library.refresh_from_db()
    assert library.state == "ok"


def test_an_empty_mount_point_is_a_drive_that_is_away_not_a_library_that_was_emptied(
    library: Library, folder: Path
) -> None:
    file = write_jpeg(folder, "a.jpg")
    bring_in(library)
    file.unlink()
    scan(library)
    library.refresh_from_db()
    assert library.state == "offline"
    assert not File.objects.filter(missing_since__isnull=False).exists()


def test_many_vanished_files_are_held_until_a_person_says_they_are_gone(library: Library, folder: Path) -> None:
    for number in range(30):
        write_jpeg(folder, f"{number}.jpg", width=32, height=24)
    bring_in(library)
    for number in range(25):
        (folder / f"{number}.jpg").unlink()
    scan(library)
    library.refresh_from_db()
    assert library.state == "held"
    assert "25 of 30" in library.state_reason
    assert not Photo.objects.filter(missing_since__isnull=False).exists()
    scan(library, accept_missing=True)
    library.refresh_from_db()
    assert library.state == "ok"
    assert Photo.objects.filter(missing_since__isnull=False).count() == 25
    assert services.forget_missing(library) == 25
    assert Photo.objects.count() == 5


def test_names_with_newlines_emoji_and_bytes_that_are_no_utf8_are_taken(library: Library, folder: Path) -> None:
    made = write_jpeg(folder, "plain.jpg")
    for name in (b"line\nbreak.jpg", "🎂 fête.jpg".encode(), b"caf\xe9.jpg", b"100%.jpg", b"%41.jpg"):
        target = os.path.join(os.fsencode(folder), name)
        shutil.copy(made, target)
        with open(target, "ab") as file:
            file.write(name)  # so that each has a content of its own
    shown = bring_in(library)
    assert len(shown) == 6
    assert not Photo.objects.exclude(error="").exists()
    assert scan(library).added == 0


def test_links_are_not_followed_so_loops_and_ways_out_of_the_root_do_no_harm(
    library: Library, folder: Path, tmp_path: Path
) -> None:
    write_jpeg(tmp_path, "secret/private.jpg")
    write_jpeg(folder, "sub/a.jpg")
    (folder / "loop").symlink_to(folder)
    (folder / "sub" / "up").symlink_to("..")
    (folder / "out").symlink_to(tmp_path / "secret")
    (folder / "out.jpg").symlink_to(tmp_path / "secret" / "private.jpg")
    (folder / "dangling.jpg").symlink_to("nowhere.jpg")
    result = scan(library)
    assert result.seen == 1
    assert "5 links" in result.notes


def test_a_file_that_becomes_a_link_out_of_the_root_before_it_is_read_is_not_read(
    library: Library, folder: Path, tmp_path: Path
) -> None:
    write_jpeg(tmp_path, "secret/a.jpg")
    write_jpeg(folder, "sub/a.jpg")
    scan(library)
    shutil.rmtree(folder / "sub")
    (folder / "sub").symlink_to(tmp_path / "secret")
    bring_in_without_scan()
    photo = Photo.objects.get()
    assert photo.work_state == WorkState.FAILED
    assert "outside" in photo.error


def bring_in_without_scan() -> None:
    from gallery import tasks, work

    while work.has_ready_photos():
        tasks.analyze()


def test_a_folder_that_cannot_be_listed_is_noted_and_its_photos_stay(library: Library, folder: Path) -> None:
    write_jpeg(folder, "locked/a.jpg")
    write_jpeg(folder, "open/b.jpg")
    bring_in(library)
    os.chmod(folder / "locked", 0)
    os.chmod(folder.parent, 0o755)
    is_root = os.geteuid() == 0
    try:
        if is_root:  # root may read everything: look with the eyes of nobody
            _open_way_to(folder)
            os.seteuid(65534)
        result = scan(library)
    finally:
        if is_root:
            os.seteuid(0)
        os.chmod(folder / "locked", 0o755)
    assert result.gone == 0
    assert "locked" in result.notes
    assert not File.objects.filter(missing_since__isnull=False).exists()


def _open_way_to(folder: Path) -> None:
    for parent in [folder, *folder.parents]:
        if parent != Path("/") and parent.stat().st_uid == 0:
            parent.chmod(parent.stat().st_mode | 0o055)


def test_our_own_data_inside_the_folder_is_left_out(library: Library, folder: Path, settings) -> None:  # type: ignore[no-untyped-def]
    inside = folder / "pictopy-data"
    inside.mkdir()
    settings.PICTOPY = dataclasses.replace(settings.PICTOPY, data_dir=inside)
    write_jpeg(folder, "a.jpg")
    write_jpeg(folder, "pictopy-data/thumbnails/b.jpg")
    assert scan(library).seen == 1


def test_two_requests_make_one_scan(library: Library) -> None:
    first, second = services.request_scan(library), services.request_scan(library, accept_missing=True)
    assert first.pk == second.pk
    assert Scan.objects.get().accept_missing


def test_a_root_that_was_swapped_for_a_link_shows_nothing_of_what_lies_behind(
    library: Library, folder: Path, tmp_path: Path
) -> None:
    write_jpeg(folder, "a.jpg")
    write_jpeg(tmp_path, "secret/a.jpg")
    bring_in(library)
    digest = Photo.objects.get().digest
    folder.rename(tmp_path / "aside")
    folder.symlink_to(tmp_path / "secret")
    scan(library)
    library.refresh_from_db()
    assert library.state == "offline"
    assert "link" in library.state_reason
    file = File.objects.get()
    with pytest.raises(originals.OriginalMissing, match="outside"):
        originals.open_original(library, file)
    assert Photo.objects.get().digest == digest


def test_a_path_longer_than_any_index_holds_is_noted_and_stops_nothing(library: Library, folder: Path) -> None:
    write_jpeg(folder, "a.jpg")
    deep = folder
    os.chdir(deep)
    for _ in range(12):  # a path this long can only be made step by step
        os.mkdir("x" * 250)
        os.chdir("x" * 250)
    shutil.copy(folder / "a.jpg", "deep.jpg")
    os.chdir(ROOT)
    result = scan(library)
    assert result.work_state == WorkState.DONE
    assert result.seen == 1
    assert "Could not be read" in result.notes


def test_a_renamed_file_whose_old_name_was_taken_by_another_picture_is_still_shown(
    library: Library, folder: Path, member: User
) -> None:
    file = write_jpeg(folder, "a.jpg", width=64, height=48)
    (photo,) = bring_in(library)
    file.rename(folder / "old.jpg")
    write_jpeg(folder, "a.jpg", width=80, height=48)
    bring_in(library)
    assert Photo.objects.filter(digest=photo.digest, missing_since__isnull=True).exists()
    assert_every_file_is_shown_as_it_is(library, folder)


def test_files_that_swap_their_names_keep_their_photos_also_when_they_are_read_one_by_one(
    library: Library, folder: Path, settings: Settings
) -> None:
    settings.PICTOPY = dataclasses.replace(settings.PICTOPY, batch_size=1)
    first = write_jpeg(folder, "a.jpg", width=64, height=48)
    second = write_jpeg(folder, "b.jpg", width=80, height=48)
    one, two = bring_in(library)
    first.rename(folder / "x")
    second.rename(first)
    (folder / "x").rename(second)
    bring_in(library)
    assert {row.path: row.photo_id for row in File.objects.all()} == {"a.jpg": two.pk, "b.jpg": one.pk}
    assert_every_file_is_shown_as_it_is(library, folder)


def test_a_copy_that_comes_back_after_the_other_was_edited_shows_what_it_holds(
    library: Library, folder: Path, tmp_path: Path
) -> None:
    file = write_jpeg(folder, "a.jpg", width=64, height=48)
    (folder / "usb").mkdir()
    shutil.copy(file, folder / "usb" / "b.jpg")
    write_jpeg(folder, "c.jpg")
    bring_in(library)
    (folder / "usb").rename(tmp_path / "usb")
    bring_in(library)
    write_jpeg(folder, "a.jpg", width=80, height=48)
    bring_in(library)
    (tmp_path / "usb").rename(folder / "usb")
    bring_in(library)
    assert_every_file_is_shown_as_it_is(library, folder)


def test_a_new_file_that_only_looks_like_a_moved_one_takes_nothing_from_it(
    library: Library, folder: Path, member: User
) -> None:
    Image.new("RGB", (20, 20), "red").save(folder / "a.bmp")
    write_jpeg(folder, "other.jpg")
    os.utime(folder / "a.bmp", (1_600_000_000, 1_600_000_000))
    photo = bring_in(library)[0]
    favourite(photo, member)
    (folder / "a.bmp").unlink()
    Image.new("RGB", (20, 20), "blue").save(folder / "b.bmp")
    os.utime(folder / "b.bmp", (1_600_000_000, 1_600_000_000))
    bring_in(library)
    photo.refresh_from_db()
    assert photo.missing_since is not None
    assert not Mark.objects.filter(photo__digest=sha256(folder / "b.bmp")).exists()
    assert_every_file_is_shown_as_it_is(library, folder)


def test_an_absurd_file_time_stops_nothing(library: Library, folder: Path) -> None:
    for name, time_ns in (("far.jpg", 10**19), ("past.jpg", -(10**18))):
        write_jpeg(folder, name)
        os.utime(folder / name, ns=(time_ns, time_ns))
    assert len(bring_in(library)) == 2
    assert scan(library).changed == 0


def test_a_scan_that_stumbles_says_over_what(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(*args: object, **kwargs: object) -> None:
        raise RuntimeError("the disk sang")

    monkeypatch.setattr(scanning, "walk", stumble)
    result = scan(library)
    assert result.work_state == WorkState.FAILED
    assert "the disk sang" in result.error


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def assert_every_file_is_shown_as_it_is(library: Library, folder: Path) -> None:
    """Each picture on the disk has a row whose photo shows exactly its content."""
    rows = {row.path: row.photo for row in File.objects.filter(library=library, missing_since__isnull=True)}
    files = [file for file in sorted(folder.rglob("*.*")) if file.is_file()]
    for file in files:
        photo = rows[str(file.relative_to(folder))]
        assert photo.digest == sha256(file), f"{file.name} is shown as another picture"
        assert photo.missing_since is None
        assert photo.imported_at is not None
    assert set(rows) == {str(file.relative_to(folder)) for file in files}
