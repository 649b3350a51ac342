"""A full disk is told to people, stops the work until there is room again, and is nobody's fault but its own."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from pytest_django.fixtures import Settings

from gallery import recording, registering, tasks, thumbnails, work
from gallery.models import Condition, Library, Photo, WorkState
from tests.factories import write_jpeg
from tests.importing import bring_in, scan, work_off

DIGEST = "ab" * 32


def test_a_full_disk_stops_the_work_with_a_notice_and_fails_no_photo(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_jpeg(folder, "a.jpg")
    scan(library)

    def full(descriptor: int, data: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(thumbnails.os, "write", full)
    tasks.analyze()
    assert "full" in Condition.objects.get(key="disk-full").text
    assert Photo.objects.get().work_state == WorkState.READY
    assert Photo.objects.get().attempts == 0
    monkeypatch.undo()
    tasks.sweep()
    assert not Condition.objects.filter(key="disk-full").exists()
    assert len(bring_in(library)) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_disk_that_is_really_full_leaves_no_half_thumbnails(tmp_path: Path, settings: Any) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this machine does not let its root mount")
    try:
        with pytest.raises(thumbnails.StorageFull):
            thumbnails.write_file(disk / "ab" / "x-large.jpg", os.urandom(200_000))
        assert not [file for file in disk.rglob("*") if file.is_file()]
        thumbnails.write_file(disk / "ab" / "x-small.jpg", b"fits")
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_with_little_space_left_nothing_is_begun(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_jpeg(folder, "a.jpg")
    scan(library)
    monkeypatch.setattr(tasks, "free_bytes", lambda: 1_000_000)
    tasks.analyze()
    assert Photo.objects.get().attempts == 0
    assert "1 MB" in Condition.objects.get(key="disk-full").text


def full_database() -> OperationalError:
    """What Django raises when SQLite finds no room."""
    tiny = sqlite3.connect(":memory:")
    tiny.execute("PRAGMA max_page_count = 2")
    tiny.execute("CREATE TABLE t (x)")
    error = OperationalError("database or disk is full")
    try:
        tiny.execute("INSERT INTO t VALUES (zeroblob(100000))")
    except sqlite3.OperationalError as cause:
        error.__cause__ = cause
    tiny.close()
    return error


def test_a_full_disk_is_told_from_other_trouble_of_the_database() -> None:
    assert recording.says_full(full_database())
    assert not recording.says_full(OperationalError("database is locked"))


def test_a_database_without_room_stops_the_work_with_a_notice_and_costs_no_attempt(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        write_jpeg(folder, f"{name}.jpg", width=32, height=24)
    scan(library)

    def refuse(outcomes: Any) -> None:
        raise full_database()

    monkeypatch.setattr(recording, "_write", refuse)
    tasks.analyze()
    assert "database is full" in Condition.objects.get(key="disk-full").text
    assert set(Photo.objects.values_list("work_state", "attempts")) == {(WorkState.READY, 0)}
    monkeypatch.undo()
    tasks.sweep()
    assert len(bring_in(library)) == 3


def test_when_not_even_the_notice_can_be_written_the_worker_goes_on(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write_jpeg(folder, "a.jpg")
    scan(library)

    def refuse(*args: Any) -> None:
        raise full_database()

    monkeypatch.setattr(recording, "_write", refuse)
    monkeypatch.setattr(work, "note_condition", refuse)
    monkeypatch.setattr(work, "give_back", refuse)
    tasks.analyze()
    assert "database is full" in caplog.text
    assert Photo.objects.get().work_state == WorkState.CLAIMED, "its lease runs out"
    monkeypatch.undo()
    Photo.objects.update(lease_owner="")
    Photo.objects.update(lease_until="2020-01-01T00:00:00Z")
    tasks.sweep()
    work_off()
    assert Photo.objects.get().imported_at is not None


def test_a_scan_that_finds_no_room_says_so(library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_jpeg(folder, "a.jpg")

    def refuse(*args: Any) -> None:
        raise full_database()

    monkeypatch.setattr(registering, "_add", refuse)
    result = scan(library)
    assert result.work_state == WorkState.FAILED
    assert "full" in result.error
    assert "database is full" in Condition.objects.get(key="disk-full").text


# --- what killed processes leave behind


def leave(folder: Path, name: str, *, hours: float) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"half")
    then = time.time() - hours * 3600
    os.utime(file, (then, then))
    return file


def test_temporary_files_of_ours_are_cleaned_away_after_a_day(settings: Settings, tmp_path: Path, db: None) -> None:
    data: Path = settings.PICTOPY.data_dir
    old = [
        leave(data, f"thumbnails/ab/ab/.{DIGEST}-small.jpg.0123abcd", hours=25),
        leave(data, f"face-crops/ab/ab/.{DIGEST}-0123456789ab.jpg.0123abcd", hours=25),
    ]
    kept = [
        leave(data, f"thumbnails/ab/ab/.{DIGEST}-large.jpg.0123abcd", hours=23),
        leave(data, f"thumbnails/ab/ab/{DIGEST}-large.jpg", hours=99),
        leave(data, "thumbnails/.hidden.jpg.0123abcd", hours=99),
        leave(data, f"{DIGEST}-small.jpg.0123abcd", hours=99),
        leave(tmp_path, f"photos/.{DIGEST}-small.jpg.0123abcd", hours=99),
    ]
    (data / "link").symlink_to(tmp_path / "photos")
    tasks.sweep()
    assert not any(file.exists() for file in old)
    assert all(file.exists() for file in kept)


def test_what_a_write_leaves_when_it_is_killed_is_known_as_ours(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, db: None
) -> None:
    def die(descriptor: int) -> None:
        raise SystemExit

    monkeypatch.setattr(thumbnails.os, "fdatasync", die)
    with pytest.raises(SystemExit):
        thumbnails.write_file(thumbnails.path(DIGEST, "small"), b"half")
    (left,) = (file for file in settings.PICTOPY.data_dir.rglob("*") if file.is_file())
    os.utime(left, (1, 1))
    assert thumbnails.tidy() == 1
    assert not left.exists()


def test_they_are_looked_for_once_a_day(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    walks: list[int] = []
    monkeypatch.setattr(thumbnails, "tidy", lambda: walks.append(1))
    tasks.sweep()
    tasks.sweep()
    assert len(walks) == 1
    Condition.objects.filter(key="tidied").update(at="2020-01-01T00:00:00Z")
    tasks.sweep()
    assert len(walks) == 2
