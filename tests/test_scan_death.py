"""A scan that ends suddenly between any two of its transactions, and is begun anew."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from gallery import registering, services, tasks, work
from gallery.models import File, Library, Photo, Receipt, Scan, WorkState
from tests.factories import write_jpeg
from tests.importing import scan


class Killed(BaseException):
    """As a signal ends a process: nothing catches it."""


def state() -> list[tuple[Any, ...]]:
    rows = File.objects.order_by("path").values_list(
        "path", "size_bytes", "mtime_ns", "sidecars", "stem", "is_read", "missing_since", "photo__work_state"
    )
    return [
        *((*row[:6], row[6] is not None, *row[7:]) for row in rows),
        (Photo.objects.count(), Receipt.objects.count()),
    ]


@pytest.mark.parametrize("steps", range(1, 11))
def test_a_scan_that_is_killed_at_any_step_ends_the_same_when_it_begins_anew(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    for name in (*(f"a/{number}.jpg" for number in range(6)), "b/moved.jpg"):
        write_jpeg(folder, name, width=16, height=16)
    scan(library)
    for photo in Photo.objects.all():
        Photo.objects.filter(pk=photo.pk).update(digest=f"{photo.pk:064}", work_state=WorkState.DONE)
        Receipt.objects.create(photo=photo, analyzer="metadata", version="1", at=timezone.now())
    File.objects.update(is_read=True)
    for number in (0, 1):
        (folder / f"a/{number}.jpg").unlink()
    os.utime(folder / "a/2.jpg", (1, 1))
    for number in (3, 4):
        (folder / f"a/{number}.xmp").write_text("<x/>")
    (folder / "b/moved.jpg").rename(folder / "b/new.jpg")
    for number in (1, 2, 3):
        write_jpeg(folder, f"c/{number}.jpg", width=16, height=16)
    # One file in each transaction.
    monkeypatch.setattr(registering, "CHUNK", 1)
    renew, calls = work.renew, []

    def die(scan: Scan) -> None:
        calls.append(scan)
        if len(calls) == steps:
            raise Killed
        renew(scan)

    services.request_scan(library)
    with monkeypatch.context() as patch:
        patch.setattr(work, "renew", die)
        with pytest.raises(Killed):
            tasks.scan(library.pk)
    Scan.objects.filter(work_state=WorkState.CLAIMED).update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    assert work.return_abandoned() == 1
    tasks.scan(library.pk)
    assert Scan.objects.latest("id").work_state == WorkState.DONE
    after = {row[0]: row for row in state()[:-1]}
    assert sorted(path for path, row in after.items() if row[6]) == ["a/0.jpg", "a/1.jpg"]
    assert sorted(path for path, row in after.items() if row[7] == WorkState.READY) == [
        "a/2.jpg", "a/3.jpg", "a/4.jpg", "b/new.jpg", "c/1.jpg", "c/2.jpg", "c/3.jpg",
    ]  # fmt: skip
    assert [path for path, row in after.items() if row[3]] == ["a/3.jpg", "a/4.jpg"]
    assert state()[-1] == (10, 5)
    assert all(row[4] for row in after.values())
    before = state()
    scan(library)
    assert state() == before, "a scan too many changes nothing"
