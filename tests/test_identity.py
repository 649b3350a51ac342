"""Which photo a file is: files that are moved, copied, edited or swapped between scans."""

from __future__ import annotations

import dataclasses
import os
import shutil
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from PIL import Image
from pytest_django.fixtures import Settings

from gallery import services
from gallery.models import File, Library, Mark, Photo
from tests.factories import write_jpeg
from tests.importing import assert_every_file_is_shown_as_it_is, bring_in, scan, sha256


def favourite(photo: Photo, user: User) -> None:
    services.set_favourite(user, [photo.pk], is_favourite=True)


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_editing_one_of_two_copies_makes_it_a_photo_of_its_own(library: Library, folder: Path) -> None:
    file = write_jpeg(folder, "a.jpg")
    shutil.copy(file, folder / "b.jpg")
    (photo,) = bring_in(library)
    write_jpeg(folder, "b.jpg", width=100, height=100)
    kept, new = bring_in(library)
    assert kept.pk == photo.pk
    assert kept.digest == photo.digest
    assert new.pk != photo.pk


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_renamed_photo_stays_what_it_was_though_its_old_name_was_given_to_another_picture(
    library: Library, folder: Path, member: User, settings: Settings
) -> None:
    """Read one by one, the old name first: what lay there before is not taken for edited, as it lies elsewhere."""
    settings.PICTOPY = dataclasses.replace(settings.PICTOPY, batch_size=1)
    file = write_jpeg(folder, "a.jpg", width=64, height=48)
    (photo,) = bring_in(library)
    favourite(photo, member)
    file.rename(folder / "old.jpg")
    write_jpeg(folder, "a.jpg", width=80, height=48)
    bring_in(library)
    assert {row.path for row in photo.files.all()} == {"old.jpg"}
    assert not Mark.objects.filter(photo__files__path="a.jpg").exists()
    assert_every_file_is_shown_as_it_is(library, folder)


@pytest.mark.slow
def test_another_picture_under_the_name_of_one_that_was_gone_is_a_photo_of_its_own(
    library: Library, folder: Path, member: User
) -> None:
    write_jpeg(folder, "kept.jpg")
    file = write_jpeg(folder, "DSC0001.jpg")
    photo = next(photo for photo in bring_in(library) if photo.files.get().path == "DSC0001.jpg")
    favourite(photo, member)
    file.unlink()
    bring_in(library)
    write_jpeg(folder, "DSC0001.jpg")
    bring_in(library)
    new = Photo.objects.get(files__path="DSC0001.jpg")
    photo.refresh_from_db()
    assert new.pk != photo.pk
    assert photo.missing_since is not None
    assert Mark.objects.get(favourite=True).photo_id == photo.pk
    assert_every_file_is_shown_as_it_is(library, folder)


@pytest.mark.slow
def test_a_file_that_only_looked_like_a_moved_one_is_not_its_new_version_once_it_is_edited(
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
    assert scan(library).moved == 1
    Image.new("RGB", (20, 20), "green").save(folder / "b.bmp")
    bring_in(library)
    assert Mark.objects.get().photo_id == photo.pk
    photo.refresh_from_db()
    assert photo.missing_since is not None
    assert_every_file_is_shown_as_it_is(library, folder)
