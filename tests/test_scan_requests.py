"""Scans as work: who asks for one, who runs it, and what happens to one whose worker ended or whose library leaves."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.http import Http404
from django.utils import timezone
from django_q.models import OrmQ

from gallery import libraries, recording, roots, scanning, services, tasks, walk, work
from gallery.models import File, Library, Photo, Scan, WorkState
from tests.factories import PhotoFactory, write_jpeg
from tests.importing import bring_in, scan


def while_it_runs(monkeypatch: pytest.MonkeyPatch, act: Callable[[], Any]) -> None:
    """Has `act` happen when the next walk has passed all folders."""

    real = walk.walk

    def walked(*args: Any, **kwargs: Any) -> walk.Walk:
        found = real(*args, **kwargs)
        monkeypatch.setattr(walk, "walk", real)
        act()
        return found

    monkeypatch.setattr(walk, "walk", walked)


def test_two_requests_make_one_scan(library: Library) -> None:
    first, second = services.request_scan(library), services.request_scan(library, accept_missing=True)
    assert first.pk == second.pk
    assert Scan.objects.get().accept_missing


def test_a_scan_that_stumbles_says_over_what(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(*args: object, **kwargs: object) -> None:
        raise RuntimeError("the disk sang")

    monkeypatch.setattr(walk, "walk", stumble)
    result = scan(library)
    assert result.work_state == WorkState.FAILED
    assert "the disk sang" in result.error


def test_what_changes_after_the_walk_has_passed_is_seen_by_the_scan_that_was_asked_for_then(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_jpeg(folder, "a.jpg")

    def change_and_ask() -> None:
        write_jpeg(folder, "b.jpg")
        services.request_scan(library)

    while_it_runs(monkeypatch, change_and_ask)
    assert scan(library).added == 1
    assert Scan.objects.filter(work_state=WorkState.READY).count() == 1
    tasks.scan(library.pk)
    assert File.objects.count() == 2


@pytest.mark.slow
def test_that_files_are_gone_for_good_is_not_overheard_while_a_scan_runs(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        write_jpeg(folder, f"{number}.jpg", width=32, height=24)
    bring_in(library)
    for number in range(25):
        (folder / f"{number}.jpg").unlink()
    while_it_runs(monkeypatch, lambda: services.request_scan(library, accept_missing=True))
    first = scan(library)
    assert (first.work_state, first.accept_missing) == (WorkState.FAILED, False)
    tasks.scan(library.pk)
    assert Photo.objects.filter(missing_since__isnull=False).count() == 25


def test_closing_a_scan_writes_only_what_it_found(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_jpeg(folder, "a.jpg")
    while_it_runs(monkeypatch, lambda: Scan.objects.update(accept_missing=True))
    result = scan(library)
    assert (result.work_state, result.seen, result.accept_missing) == (WorkState.DONE, 1, True)


def test_two_scans_of_one_library_never_run_at_once(library: Library) -> None:
    services.request_scan(library)
    running = work.claim_scan(library.pk)
    assert running is not None
    waiting = services.request_scan(library)
    assert waiting.pk != running.pk
    assert services.request_scan(library).pk == waiting.pk
    assert work.claim_scan(library.pk) is None
    assert work.claim_scan() is None
    with pytest.raises(IntegrityError), transaction.atomic():
        Scan.objects.filter(pk=waiting.pk).update(work_state=WorkState.CLAIMED)
    scanning.run_scan(running)
    claimed = work.claim_scan(library.pk)
    assert claimed is not None
    assert claimed.pk == waiting.pk


@pytest.mark.django_db(transaction=True)
def test_a_scan_that_waited_for_another_is_woken_by_its_end(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    services.request_scan(library)
    while_it_runs(monkeypatch, lambda: services.request_scan(library))
    OrmQ.objects.all().delete()
    tasks.scan(library.pk)
    messages = [(message.func(), message.args()) for message in OrmQ.objects.all()]
    # The one of the request, which another worker may have spent meanwhile, and the one of the end.
    assert messages == [(work.SCAN, (library.pk,))] * 2


# --- workers that end


def abandon(scan: Scan, *, attempts: int = 1) -> None:
    Scan.objects.filter(pk=scan.pk).update(
        work_state=WorkState.CLAIMED, attempts=attempts, lease_owner="elsewhere:1:1",
        lease_until=timezone.now() - dt.timedelta(seconds=1),
    )  # fmt: skip


def test_an_abandoned_scan_begins_anew_in_place_of_the_one_that_waits(library: Library) -> None:
    left = services.request_scan(library)
    abandon(left)
    services.request_scan(library, accept_missing=True)
    assert work.return_abandoned() == 1
    again = Scan.objects.get()
    assert (again.pk, again.work_state, again.attempts) == (left.pk, WorkState.READY, 1)
    assert again.accept_missing, "what a person said while it ran"


def test_a_scan_that_killed_three_workers_is_set_aside_in_words_about_a_scan(library: Library) -> None:
    left = services.request_scan(library)
    abandon(left, attempts=work.MAX_ATTEMPTS)
    waiting = services.request_scan(library)
    work.return_abandoned()
    left.refresh_from_db()
    assert left.work_state == WorkState.FAILED
    assert "looked through this folder" in left.error
    assert "file" not in left.error
    claimed = work.claim_scan(library.pk)
    assert claimed is not None
    assert claimed.pk == waiting.pk


def test_a_scan_whose_lease_was_taken_writes_nothing_any_more(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its worker hung for long, and another one may be at it now."""
    write_jpeg(folder, "a.jpg")
    while_it_runs(monkeypatch, lambda: Scan.objects.update(lease_owner="elsewhere:1:1", attempts=2))
    result = scan(library)
    assert (result.work_state, result.lease_owner, result.attempts) == (WorkState.CLAIMED, "elsewhere:1:1", 2)
    assert not File.objects.exists()


# --- libraries that leave


def leave(library: Library) -> None:
    Library.objects.filter(pk=library.pk).update(state=Library.State.LEAVING)


def test_no_scan_is_asked_for_while_a_library_is_being_removed(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither by a person nor by the sweep, between any two portions."""
    monkeypatch.setattr(libraries, "REMOVE_BATCH", 1)
    for _ in range(3):
        PhotoFactory(library=library)
    remove_some, asked = libraries._remove_some, []

    def ask(library_id: int) -> int:
        asked.append(library_id)
        with pytest.raises(Http404):
            services.request_scan(library)
        tasks._request_due_scans()
        assert not Scan.objects.exists()
        return remove_some(library_id)

    monkeypatch.setattr(libraries, "_remove_some", ask)
    assert libraries.remove_library(library) == 3
    assert len(asked) == 4
    assert not Library.objects.exists()


def test_a_running_scan_brings_nothing_back_into_a_library_that_leaves(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_jpeg(folder, "a.jpg")

    def remove_half() -> None:
        monkeypatch.setattr(libraries, "_remove_rest", lambda library_id: None)
        libraries.remove_library(library)

    while_it_runs(monkeypatch, remove_half)
    services.request_scan(library)
    tasks.scan(library.pk)
    assert not File.objects.exists()
    assert not Scan.objects.exists()
    assert Library.objects.get().state == "leaving", "a scan took the mark away"


def test_a_worker_that_holds_photos_of_a_library_that_leaves_brings_nothing(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_jpeg(folder, "a.jpg")
    scan(library)
    write = recording.write

    def leave_first(outcomes: Any) -> None:
        libraries._stop_work(library.pk)
        write(outcomes)

    monkeypatch.setattr(recording, "write", leave_first)
    monkeypatch.setattr(tasks, "_TURN_S", 0)  # once: here the photo would come up again and again
    tasks.analyze()
    assert Photo.objects.get().imported_at is None


def test_a_removal_that_was_stopped_is_finished_by_the_sweep(library: Library) -> None:
    other = PhotoFactory()
    for _ in range(3):
        PhotoFactory(library=library)
    Scan.objects.create(library=library)
    leave(library)
    tasks.sweep()
    assert not Library.objects.filter(pk=library.pk).exists()
    assert list(Photo.objects.all()) == [other]


def test_a_folder_whose_library_leaves_is_not_opened_on_the_command_line(library: Library) -> None:
    leave(library)
    with pytest.raises(roots.RootRefused, match="taken out"):
        libraries.open_photos(library.root_path)
