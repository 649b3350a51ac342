"""Runs the work of the workers in the test's own process: the same tasks, without a queue in between."""

from __future__ import annotations

import hashlib
from pathlib import Path

from gallery import scanning, tasks, work
from gallery.models import File, Library, Photo, Scan, WorkState
from gallery.scope import Scope


def scan(library: Library, *, accept_missing: bool = False, scope: Scope | None = None) -> Scan:
    """Asks for a scan, of a part if `scope` is given, and runs it. One of a part that found nothing is unsaved."""
    asked = scanning.request_scan(Library.objects.get(pk=library.pk), accept_missing=accept_missing, scope=scope)
    tasks.scan(library.pk)
    return Scan.objects.filter(pk=asked.pk).first() or Scan(library=library, work_state=WorkState.DONE)


def work_off() -> None:
    """Works until nothing is ready."""
    while work.has_ready_photos():
        tasks.analyze()


def bring_in(library: Library, *, accept_missing: bool = False) -> list[Photo]:
    """Scan, then work until nothing is ready. Returns the library's photos that are shown, by path."""
    scan(library, accept_missing=accept_missing)
    work_off()
    shown = Photo.objects.filter(library=library, imported_at__isnull=False)
    return sorted(shown, key=lambda photo: photo.files.first().path if photo.files.exists() else "")


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
