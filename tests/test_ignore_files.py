"""`.pictopyignore`: what lies in a folder and is not to be shown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from gallery import services
from gallery.models import File, Library, Mark, Photo, Scan
from tests.factories import write_jpeg
from tests.importing import bring_in, scan


def present() -> list[str]:
    return list(File.objects.filter(missing_since__isnull=True).order_by("path").values_list("path", flat=True))


def test_what_an_ignore_file_names_is_not_taken(library: Library, folder: Path) -> None:
    for name in (
        "a.jpg",
        "trip/a.jpg",
        "trip/a.tmp.jpg",
        "trip/raw/a.jpg",
        "trip/day/raw/a.jpg",
        "secret/a.jpg",
        "secret/x/b.jpg",
    ):
        write_jpeg(folder, name, width=32, height=24)
    (folder / "trip/.pictopyignore").write_text("*.tmp.jpg\nraw/*\n")
    (folder / "secret/.pictopyignore").touch()
    scan(library)
    assert present() == ["a.jpg", "trip/a.jpg", "trip/day/raw/a.jpg"]


@pytest.mark.slow
def test_photos_that_are_ignored_from_now_on_are_missing_and_come_back_with_what_people_made(
    library: Library, folder: Path, member: User
) -> None:
    write_jpeg(folder, "a.jpg", width=32, height=24)
    for number in range(30):  # more than may vanish without a question
        write_jpeg(folder, f"screenshots/{number}.jpg", width=16, height=16)
    scan(library)
    photos = list(Photo.objects.all())
    for photo in photos:
        Photo.objects.filter(pk=photo.pk).update(digest=f"{photo.pk:064}", work_state="done")
    services.set_favourite(member, [photo.pk for photo in photos], is_favourite=True)
    ignore = folder / "screenshots/.pictopyignore"
    ignore.touch()
    result = scan(library)
    library.refresh_from_db()
    assert (library.state, result.work_state, result.gone) == ("ok", "done", 30)
    assert "Left out from now on" in result.notes
    assert "30 files" in result.notes
    assert Photo.objects.filter(missing_since__isnull=False).count() == 30
    assert scan(library).notes == "", "said once"
    ignore.unlink()
    scan(library)
    assert not Photo.objects.filter(missing_since__isnull=False).exists()
    assert Photo.objects.count() == Mark.objects.filter(favourite=True).count() == 31


def test_a_library_that_is_left_out_as_a_whole_is_no_drive_that_is_away(library: Library, folder: Path) -> None:
    write_jpeg(folder, "a.jpg")
    bring_in(library)
    (folder / ".pictopyignore").touch()
    scan(library)
    library.refresh_from_db()
    assert library.state == "ok"
    assert present() == []


def test_files_that_vanish_beside_an_ignore_file_are_asked_about_all_the_same(library: Library, folder: Path) -> None:
    """25 of 100 is held; that 60 others are left out must make it neither less nor more."""
    for number in range(100):
        write_jpeg(folder, f"{'ignored' if number < 60 else 'shown'}/{number}.jpg", width=16, height=16)
    scan(library)
    (folder / "ignored/.pictopyignore").touch()
    for number in range(75, 100):
        (folder / f"shown/{number}.jpg").unlink()
    scan(library)
    library.refresh_from_db()
    assert library.state == "held"
    assert "25 of 40" in library.state_reason
    assert len(present()) == 100
    scan(library, accept_missing=True)
    assert len(present()) == 15


def test_a_pattern_of_the_library_that_leaves_out_many_files_holds_nothing(library: Library, folder: Path) -> None:
    write_jpeg(folder, "a.jpg")
    for number in range(30):
        write_jpeg(folder, f"tmp/{number}.jpg", width=16, height=16)
    scan(library)
    Library.objects.update(exclude="tmp")
    result = scan(library)
    assert "Left out" in result.notes
    assert present() == ["a.jpg"]


def test_an_ignore_file_that_cannot_be_read_leaves_everything_as_it_is(library: Library, folder: Path) -> None:
    write_jpeg(folder, "x/a.jpg")
    write_jpeg(folder, "b.jpg")
    bring_in(library)
    (folder / "x/.pictopyignore").mkdir()
    write_jpeg(folder, "x/new.jpg")
    result = scan(library)
    assert "Could not be read: x" in result.notes
    assert present() == ["b.jpg", "x/a.jpg"]


def test_an_ignore_file_that_is_a_link_or_a_pipe_stops_nothing(library: Library, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("")
    write_jpeg(folder, "x/a.jpg")
    write_jpeg(folder, "y/a.jpg")
    (folder / "x/.pictopyignore").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(folder / "y/.pictopyignore")
    result = scan(library)
    assert result.work_state == "done"
    assert "x/a.jpg" in present()


@pytest.mark.parametrize("text", [b"\xff\xfe\x00*", b"[", b"*" * 3000, b"a\n" * 50_000, b"[!" * 500])
def test_an_ignore_file_of_nonsense_stops_nothing(library: Library, folder: Path, text: bytes) -> None:
    write_jpeg(folder, "x/a.jpg")
    (folder / "x/.pictopyignore").write_bytes(text)
    scan(library)
    assert Scan.objects.latest("id").work_state == "done"
