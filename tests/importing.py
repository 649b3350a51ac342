"""Runs the work of the workers in the test's own process: the same tasks, without a queue in between."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from gallery import describing, metadata, scanning, tasks, work
from gallery.models import File, Library, Photo, Receipt, Scan, WorkState


def scan(library: Library, *, accept_missing: bool = False) -> Scan:
    """Asks for a scan and runs it."""
    asked = scanning.request_scan(Library.objects.get(pk=library.pk), accept_missing=accept_missing)
    tasks.scan(library.pk)
    asked.refresh_from_db()
    return asked


def note_sidecars(library: Library) -> None:
    """Notes the files beside each picture, as a scan does: size, time and name a line. What is new is read anew."""
    for file in File.objects.filter(library=library, missing_since__isnull=True):
        folder = Path(library.root_path, file.path).parent
        found = metadata.pair(os.listdir(folder)).get(file.name, ())
        stats = [(it.name, (folder / it.name).stat()) for it in found]
        lines = "\n".join(f"{stat.st_size} {stat.st_mtime_ns} {name}" for name, stat in stats)
        if lines != file.sidecars:
            File.objects.filter(pk=file.pk).update(sidecars=lines)
            Receipt.objects.filter(photo=file.photo_id, analyzer=describing.NAME).delete()
            Photo.objects.filter(pk=file.photo_id).update(work_state=WorkState.READY, attempts=0)


def bring_in_with_sidecars(library: Library) -> list[Photo]:
    """`bring_in` with the files beside the pictures."""
    scan(library)
    note_sidecars(library)
    return bring_in(library)


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
