"""Libraries on disk that are not as the database says: found, mended by a scan, and never written to."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from gallery import services, tasks, uploads
from gallery.doctor import disk
from gallery.doctor.registry import Look
from gallery.models import File, Library, Mark, Photo, Scan, Upload
from tests.doctor.conftest import cure, find
from tests.factories import write_jpeg
from tests.importing import scan, sha256, work_off
from tests.upload_client import upload_library


def snapshot(folder: Path) -> dict[str, tuple[str, int]]:
    return {str(file): (sha256(file), file.stat().st_mtime_ns) for file in folder.rglob("*") if file.is_file()}


def test_a_library_whose_folder_is_away_is_looked_for(full: Library, folder: Path, tmp_path: Path) -> None:
    assert find("libraries-away").count == 0
    folder.rename(tmp_path / "unplugged")
    found = cure("libraries-away", count=1, still=1)
    assert found.examples[0].library_id == full.pk
    tasks.scan(full.pk)
    full.refresh_from_db()
    assert full.state == "offline"
    (tmp_path / "unplugged").rename(folder)
    cure("libraries-away", count=1, still=1)
    tasks.scan(full.pk)
    assert find("libraries-away").count == 0


def test_rows_whose_file_is_gone_are_left_to_a_scan(full: Library, folder: Path) -> None:
    (folder / "1.jpg").unlink()
    found = cure("files-gone", count=1, still=1)
    assert "1.jpg" in found.examples[0].text
    assert Scan.objects.filter(work_state="ready").count() == 1
    tasks.scan(full.pk)
    assert find("files-gone").count == 0
    assert Photo.objects.filter(missing_since__isnull=False).count() == 1


def test_files_that_no_row_knows_are_left_to_a_scan(full: Library, folder: Path) -> None:
    write_jpeg(folder, "new.jpg", width=64, height=48, seed=500)
    os.utime(folder / "2.jpg", (1, 1))
    (folder / "3.jpg").rename(folder / "moved.jpg")
    before = snapshot(folder)
    cure("files-new", count=3, still=3)
    tasks.scan(full.pk)
    work_off()
    assert find("files-new").count == 0
    assert Photo.objects.count() == 5
    assert snapshot(folder) == before


def test_both_checks_of_files_share_one_walk(full: Library, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    walks: list[str] = []
    original = disk.walk
    monkeypatch.setattr(disk, "walk", lambda root, *a, **k: (walks.append(root), original(root, *a, **k))[1])
    (folder / "1.jpg").unlink()
    look = Look()
    assert (find("files-gone", look).count, find("files-new", look).count) == (1, 0)
    assert len(walks) == 1


def test_a_file_whose_bits_rotted_is_read_again_and_keeps_its_albums_and_is_never_written(
    full: Library, folder: Path, member: User
) -> None:
    photo = Photo.objects.get(files__path="1.jpg")
    services.set_favourite(member, [photo.pk], is_favourite=True)
    file = folder / "1.jpg"
    stat = file.stat()
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(bytes(data))
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert find("files-new").count == 0  # no scan would see it
    before = snapshot(folder)
    cure("content-changed", count=1)
    work_off()
    assert find("content-changed").count == 0
    photo.refresh_from_db()
    assert photo.digest == sha256(file)
    assert Mark.objects.filter(photo=photo, favourite=True).exists()
    assert Photo.objects.count() == 4
    assert snapshot(folder) == before


def test_a_file_that_somebody_edited_is_no_bit_rot(full: Library, folder: Path) -> None:
    write_jpeg(folder, "1.jpg", width=64, height=48, seed=77)
    (folder / "2.jpg").unlink()
    assert find("content-changed").count == 0
    scan(full)
    work_off()
    assert find("content-changed").count == 0


def test_uploads_that_nobody_goes_on_with_are_thrown_away(
    tmp_path: Path, member: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = upload_library(tmp_path / "uploads", name="Phones")
    old = Upload.objects.create(user=member, library=library, name="old.jpg", size_bytes=10)
    young = Upload.objects.create(user=member, library=library, name="young.jpg", size_bytes=10)
    Upload.objects.filter(pk=old.pk).update(changed_at=timezone.now() - uploads.KEEP_OPEN * 2)
    folder = tmp_path / "uploads" / ".pictopy-uploads"
    for name in (old.pk.hex, young.pk.hex, "0" * 32):
        (folder / name).write_bytes(b"12345")
    found = find("uploads-abandoned")
    assert found.count == 1  # what nobody knows is too young: its row may just not be there yet
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 2 * uploads.ORPHAN_S)
    cure("uploads-abandoned", count=2)
    assert list(Upload.objects.all()) == [young]
    assert {file.name for file in folder.iterdir()} == {young.pk.hex}


def test_a_library_that_is_offline_is_not_compared(full: Library, folder: Path, tmp_path: Path) -> None:
    folder.rename(tmp_path / "unplugged")
    assert find("files-gone").count == 0  # another check tells it
    scan(full)
    assert find("files-gone").count == 0
    assert File.objects.filter(missing_since__isnull=False).count() == 0
