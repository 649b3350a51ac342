"""Runs the work of the workers in the test's own process: the same tasks, without a queue in between."""

from __future__ import annotations

from gallery import scanning, tasks, work
from gallery.models import Library, Photo, Scan


def scan(library: Library, *, accept_missing: bool = False) -> Scan:
    """Asks for a scan and runs it."""
    asked = scanning.request_scan(Library.objects.get(pk=library.pk), accept_missing=accept_missing)
    tasks.scan(library.pk)
    asked.refresh_from_db()
    return asked


def bring_in(library: Library, *, accept_missing: bool = False) -> list[Photo]:
    """Scan, then work until nothing is ready. Returns the library's photos that are shown, by path."""
    scan(library, accept_missing=accept_missing)
    while work.has_ready_photos():
        tasks.analyze()
    shown = Photo.objects.filter(library=library, imported_at__isnull=False)
    return sorted(shown, key=lambda photo: photo.files.first().path if photo.files.exists() else "")
