"""Libraries whose folder is away, was emptied or swapped, or lost many files at once: nothing is thrown away."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User

from gallery import originals, services, tasks
from gallery.models import File, Library, Mark, Photo, Scan, WorkState
from tests.factories import write_jpeg
from tests.importing import bring_in, scan


def test_a_vanished_file_is_missing_not_deleted_and_returns(
    library: Library, folder: Path, tmp_path: Path, member: User
) -> None:
    file = write_jpeg(folder, "a.jpg")
    write_jpeg(folder, "b.jpg")
    photo = bring_in(library)[0]
    services.set_favourite(member, [photo.pk], is_favourite=True)
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


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("asked", [True, False])
def test_a_held_library_whose_files_came_back_is_released_by_the_next_scan(
    library: Library, folder: Path, tmp_path: Path, asked: bool
) -> None:
    """Asked for by a person, or by the clock."""
    write_jpeg(folder, "kept.jpg", width=32, height=24)
    for number in range(25):
        write_jpeg(folder, f"drive/{number}.jpg", width=32, height=24)
    bring_in(library)
    (folder / "drive").rename(tmp_path / "unplugged")
    assert scan(library).work_state == WorkState.FAILED
    library.refresh_from_db()
    assert library.state == "held"
    (tmp_path / "unplugged").rename(folder / "drive")
    if asked:
        scan(library)
    else:
        Scan.objects.update(requested_at="2020-01-01T00:00:00Z")
        tasks.sweep()
        tasks.scan(library.pk)
    library.refresh_from_db()
    assert (library.state, library.state_reason) == ("ok", "")
    assert not Photo.objects.filter(missing_since__isnull=False).exists()
