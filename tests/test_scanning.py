"""Scans of real folders: what is found, what is left out, and under which name."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import shutil
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gallery.models import File, Library, Photo, WorkState
from tests.factories import write_jpeg
from tests.importing import bring_in, scan, work_off

ROOT = Path(__file__).resolve().parent.parent


def test_photos_of_a_folder_appear_with_their_dates(library: Library, folder: Path) -> None:
    write_jpeg(folder, "2018/a.jpg", taken=dt.datetime(2018, 7, 5, 14, 15), camera=("Canon", "EOS"))
    write_jpeg(folder, "b.jpg")
    os.utime(folder / "b.jpg", (1_500_000_000, 1_500_000_000))
    dated, guessed = bring_in(library)
    assert dated.taken == dt.datetime(2018, 7, 5, 14, 15)
    assert (dated.taken_source, dated.camera, dated.month) == ("exif", "Canon EOS", 201807)
    assert (guessed.taken, guessed.taken_source) == (dt.datetime(2017, 7, 14, 2, 40), "file")


@pytest.mark.slow
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
    work_off()
    photo = Photo.objects.get()
    assert photo.work_state == WorkState.FAILED
    assert "outside" in photo.error


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


def test_an_absurd_file_time_stops_nothing(library: Library, folder: Path) -> None:
    for name, time_ns in (("far.jpg", 10**19), ("past.jpg", -(10**18))):
        write_jpeg(folder, name)
        os.utime(folder / name, ns=(time_ns, time_ns))
    assert len(bring_in(library)) == 2
    assert scan(library).changed == 0
