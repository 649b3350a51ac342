"""Scanning, reading, asking and removing at the same moment, on a database that locks row by row.

SQLite lets one transaction write at a time, so this runs on PostgreSQL only: set DATABASE_URL.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections
from django.db.models import QuerySet
from django.http import Http404

from gallery import libraries, pipeline, recording, registering, services, tasks, work
from gallery.models import File, Library, Photo, Scan, WorkState
from tests.factories import write_jpeg
from tests.importing import assert_every_file_is_shown_as_it_is, bring_in

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer: set DATABASE_URL"),
]

SECONDS = 3.0
FILES = 40


class Crowd:
    """Threads that do one thing each, again and again, until they are told to stop. Keeps what they raised."""

    def __init__(self, *jobs: Callable[[], object]) -> None:
        self._stopped = threading.Event()
        self.errors: list[BaseException] = []
        self._threads = [threading.Thread(target=self._go_on, args=[job]) for job in jobs]
        for thread in self._threads:
            thread.start()

    def _go_on(self, job: Callable[[], object]) -> None:
        try:
            while not self._stopped.is_set():
                with suppress(Http404):  # a library that leaves
                    job()
                time.sleep(random.random() / 100)
        except BaseException as error:
            self.errors.append(error)
        finally:
            connections.close_all()

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Portions that meet, and a scan that stumbles over another of the same library."""
    monkeypatch.setattr(registering, "CHUNK", FILES)
    monkeypatch.setattr(libraries, "REMOVE_BATCH", 7)
    monkeypatch.setattr(work, "wake", lambda *args: None)
    monkeypatch.setattr(work, "wake_analysis", lambda: None)
    at_it = threading.Lock()
    apply = registering.apply

    def alone(*args: Any) -> None:
        assert at_it.acquire(blocking=False), "two scans of one library write at once"
        try:
            apply(*args)
        finally:
            at_it.release()

    # What a scan writes, and not all of it: the next one may begin before the last one has said good-bye.
    monkeypatch.setattr(registering, "apply", alone)


def crowd_on(library: Library, folder: Path) -> Crowd:
    for number in range(FILES):
        write_jpeg(folder, f"{number}.jpg", width=16, height=16)

    def change_a_file() -> None:
        file = folder / f"{random.randrange(FILES * 2)}.jpg"
        if file.exists() and random.random() < 0.5:
            file.unlink()
        else:
            write_jpeg(folder, file.name, width=16, height=16)

    def scan() -> None:
        tasks.scan(library.pk)

    return Crowd(
        change_a_file,
        lambda: services.request_scan(library, accept_missing=True),
        lambda: services.request_scan(library),
        tasks._request_due_scans,
        work.return_abandoned,
        tasks.analyze,
        tasks.analyze,
        scan,
        scan,
    )


def test_scans_and_workers_do_not_stand_in_each_others_way(library: Library, folder: Path) -> None:
    crowd = crowd_on(library, folder)
    time.sleep(SECONDS)
    crowd.stop()
    assert not crowd.errors
    failed = Scan.objects.filter(work_state=WorkState.FAILED).exclude(error__startswith="The folder is empty")
    assert list(failed.values_list("error", flat=True)) == []
    while Scan.objects.filter(work_state=WorkState.READY).exists():
        tasks.scan(library.pk)
    bring_in(library, accept_missing=True)
    assert_every_file_is_shown_as_it_is(library, folder)


def test_nothing_comes_back_into_a_library_that_is_removed_meanwhile(library: Library, folder: Path) -> None:
    crowd = crowd_on(library, folder)
    time.sleep(SECONDS / 2)
    removers = Crowd(lambda: libraries.remove_library(library), lambda: libraries.go_on_removing(0.5))
    time.sleep(SECONDS / 2)
    removers.stop()
    crowd.stop()
    assert not crowd.errors + removers.errors
    left = [model.objects.count() for model in (Library, Photo, File, Scan)]
    assert left == [0, 0, 0, 0]


def test_a_scan_and_a_worker_with_the_same_file_wait_for_each_other_instead_of_both(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever locked the photo first has the file as well: neither must be ended by the database."""
    file = write_jpeg(folder, "a.jpg")
    (photo,) = bring_in(library)
    services.request_scan(library)
    os.utime(file, (1, 1))
    Photo.objects.filter(pk=photo.pk).update(work_state=WorkState.READY)
    ours, is_locked = work.ours, threading.Event()

    def lock_and_wait(rows: QuerySet[Photo], ids: Iterable[int]) -> list[Photo]:
        found = list(ours(rows, ids))
        is_locked.set()
        time.sleep(0.7)
        return found

    def scan_then() -> None:
        is_locked.wait(20)
        tasks.scan(library.pk)
        connections.close_all()

    scanner = threading.Thread(target=scan_then)
    scanner.start()
    monkeypatch.setattr(recording.work, "ours", lock_and_wait)
    batch = work.claim_photos(1)
    monkeypatch.setattr(pipeline, "_give_back", lambda ids: None)
    pipeline.process(batch)
    scanner.join()
    assert "could not be recorded" not in caplog.text
    assert Scan.objects.latest("id").work_state == WorkState.DONE
    assert Photo.objects.get().work_state == WorkState.READY
