"""Drives that go away, in mid-scan and inside a library: nothing on them is taken for gone."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gallery import walk
from gallery.models import File, Library, Photo, WorkState
from gallery.scope import Scope
from tests.factories import write_jpeg
from tests.importing import scan

needs_mount = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")


def small(folder: Path, *names: str) -> None:
    for name in names:
        write_jpeg(folder, name, width=16, height=16)


def missing() -> int:
    return File.objects.filter(missing_since__isnull=False).count()


def in_the_middle(monkeypatch: pytest.MonkeyPatch, folders: int, act: Callable[[], Any]) -> None:
    """Has `act` happen when the walk has looked through so many folders."""
    look_through, seen = walk._Walker.look_through, []

    def look(walker: walk._Walker, folder: walk._Folder) -> list[walk._Folder]:
        if len(seen) == folders:
            act()
        seen.append(folder)
        return look_through(walker, folder)

    monkeypatch.setattr(walk._Walker, "look_through", look)


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[[Path], None]]:
    """Mounts an empty file system in memory."""
    mounted: list[Path] = []

    def mount_at(point: Path) -> None:
        point.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(point)], check=False)
        if done.returncode:
            pytest.skip("this machine lets nobody mount")
        mounted.append(point)

    yield mount_at
    for point in mounted:
        if point.exists() and os.path.ismount(point):
            subprocess.run(["umount", "-l", str(point)], check=True)


def unmount(point: Path) -> None:
    subprocess.run(["umount", "-l", str(point)], check=True)


@pytest.mark.parametrize("folders", [1, 2, 4])
@pytest.mark.parametrize("is_part", [False, True])
def test_a_root_that_is_renamed_in_the_middle_of_a_scan_loses_nothing(
    library: Library,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    folders: int,
    is_part: bool,
) -> None:
    small(folder, "a/1.jpg", "b/1.jpg", "c/1.jpg", "d/1.jpg", "top.jpg")
    scan(library)
    in_the_middle(monkeypatch, folders, lambda: folder.rename(tmp_path / "elsewhere"))
    result = scan(library, scope=Scope.of(folders=["a", "b", "c", "d", ""]) if is_part else None)
    library.refresh_from_db()
    assert (library.state, result.work_state) == ("offline", WorkState.FAILED)
    assert "drive may be away" in result.error
    assert (missing(), File.objects.count()) == (0, 5)


def test_a_root_that_is_exchanged_in_the_middle_of_a_scan_loses_and_wins_nothing(
    library: Library, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(folder, "a/1.jpg", "b/1.jpg")
    scan(library)

    def exchange() -> None:
        folder.rename(tmp_path / "elsewhere")
        small(folder, "a/1.jpg", "other.jpg")

    in_the_middle(monkeypatch, 2, exchange)
    result = scan(library)
    assert "exchanged" in result.error
    assert (missing(), File.objects.count()) == (0, 2)
    scan(library)
    library.refresh_from_db()
    assert library.state == "ok"


@needs_mount
def test_a_drive_that_is_unmounted_in_the_middle_of_a_scan_loses_nothing(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch, mount: Callable[[Path], None]
) -> None:
    mount(folder)
    small(folder, "a/1.jpg", "b/1.jpg", "c/1.jpg")
    scan(library)
    with monkeypatch.context() as patch:
        in_the_middle(patch, 2, lambda: unmount(folder))
        result = scan(library)
    library.refresh_from_db()
    assert (library.state, result.work_state) == ("offline", WorkState.FAILED)
    assert (missing(), File.objects.count()) == (0, 3)
    assert scan(library).work_state == WorkState.FAILED, "the bare mount point"
    assert missing() == 0


@needs_mount
@pytest.mark.parametrize("is_part", [False, True])
def test_a_drive_inside_a_library_that_is_away_keeps_its_photos_however_few(
    library: Library, folder: Path, mount: Callable[[Path], None], is_part: bool
) -> None:
    mount(folder / "stick")
    small(folder, "stick/1.jpg", "stick/x/2.jpg", "here/1.jpg")
    scan(library)
    library.refresh_from_db()
    assert library.mounts == ["stick"]
    unmount(folder / "stick")
    small(folder, "here/2.jpg")
    result = scan(library, scope=Scope.of(folders=["stick", "here"], trees=["stick/x"]) if is_part else None)
    assert "The drive at “stick” is away" in result.notes
    assert "2 files on it" in result.notes
    assert (result.added, result.gone, missing()) == (1, 0, 0)
    library.refresh_from_db()
    assert (library.state, library.mounts) == ("ok", ["stick"])
    # It will not come back.
    (folder / "stick").rmdir()
    for photo in Photo.objects.all():
        Photo.objects.filter(pk=photo.pk).update(digest=f"{photo.pk:064}")
    assert scan(library).gone == 2
    library.refresh_from_db()
    assert (missing(), library.mounts) == (2, [])


@needs_mount
def test_a_mount_point_that_became_an_ordinary_folder_is_one(
    library: Library, folder: Path, mount: Callable[[Path], None]
) -> None:
    mount(folder / "stick")
    small(folder, "stick/1.jpg", "here/1.jpg")
    scan(library)
    unmount(folder / "stick")
    small(folder, "stick/2.jpg")
    assert scan(library).gone == 1
    library.refresh_from_db()
    assert library.mounts == []


@needs_mount
def test_a_person_who_says_that_files_are_gone_means_those_of_a_drive_too(
    library: Library, folder: Path, mount: Callable[[Path], None]
) -> None:
    mount(folder / "stick")
    small(folder, "stick/1.jpg", "here/1.jpg")
    scan(library)
    unmount(folder / "stick")
    assert scan(library, accept_missing=True).gone == 1


def test_a_folder_that_was_emptied_by_a_person_is_no_drive(library: Library, folder: Path) -> None:
    small(folder, "inbox/1.jpg", "inbox/2.jpg", "here/1.jpg")
    scan(library)
    (folder / "inbox/1.jpg").rename(folder / "here/2.jpg")
    (folder / "inbox/2.jpg").unlink()
    result = scan(library)
    assert (result.moved, result.gone, result.notes) == (1, 1, "")
