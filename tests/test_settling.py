"""A file is taken when it stood still: one that is on its way here is not imported half."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django.fixtures import Settings

from gallery import scanning, tasks, walk, work
from gallery.models import File, Library, Photo, Scan, WorkState
from gallery.scan import Exclusion
from gallery.scope import Scope
from gallery.walk import Look
from tests.factories import jpeg_bytes, write_jpeg
from tests.importing import bring_in, scan, work_off

NOW = 1_700_000_000.0


def look(changed_s: float, *, mtime_s: float | None = None, at_s: float = NOW) -> Look:
    return Look(100, int((changed_s if mtime_s is None else mtime_s) * 1e9), int(changed_s * 1e9), at_s)


@pytest.fixture
def _patience(settings: Settings) -> None:
    settings.PICTOPY = dataclasses.replace(settings.PICTOPY, settle_s=60)


def waiting() -> Scan:
    return Scan.objects.get(work_state=WorkState.READY)


def run_waiting(library: Library) -> None:
    """As if the time had come."""
    Scan.objects.filter(work_state=WorkState.READY).update(not_before=timezone.now())
    tasks.scan(library.pk)


def test_the_last_change_is_the_newer_of_both_times_unless_one_lies_in_the_future() -> None:
    assert look(NOW - 3, mtime_s=NOW - 9_000_000).changed_s == pytest.approx(NOW - 3), "copied with its time"
    assert look(NOW - 9000, mtime_s=NOW - 3).changed_s == pytest.approx(NOW - 3), "a disk without ctime"
    assert look(NOW - 9000, mtime_s=NOW + 9_000_000).changed_s == pytest.approx(NOW - 9000), "a camera of tomorrow"


@pytest.mark.usefixtures("_patience")
def test_a_file_that_was_written_a_moment_ago_is_left_for_a_later_look(library: Library, folder: Path) -> None:
    write_jpeg(folder, "sub/a.jpg")
    begin = timezone.now()
    result = scan(library)
    assert (result.seen, result.added, result.work_state) == (1, 0, WorkState.DONE)
    assert "Just being written, and looked at again in a moment: 1 file." in result.notes
    assert not File.objects.exists()
    later = waiting()
    assert later.scope == {"folders": ["sub"], "trees": []}
    assert later.not_before is not None
    assert dt.timedelta(seconds=55) < later.not_before - begin < dt.timedelta(seconds=65)
    assert work.claim_scan(library.pk) is None, "before its time"
    tasks.scan(library.pk)
    assert waiting().pk == later.pk


@pytest.mark.usefixtures("_patience")
def test_it_is_taken_once_it_stood_still(library: Library, folder: Path, settings: Settings) -> None:
    write_jpeg(folder, "sub/a.jpg")
    scan(library)
    settings.PICTOPY = dataclasses.replace(settings.PICTOPY, settle_s=0.2)
    time.sleep(0.25)
    run_waiting(library)
    assert File.objects.get().path == "sub/a.jpg"
    assert not Scan.objects.filter(work_state=WorkState.READY).exists()


@pytest.mark.usefixtures("_patience")
def test_a_file_that_goes_on_changing_is_looked_at_ever_more_rarely(library: Library, folder: Path) -> None:
    write_jpeg(folder, "a.jpg")
    scan(library)
    Scan.objects.filter(work_state=WorkState.READY).update(requested_at=timezone.now() - dt.timedelta(seconds=50))
    run_waiting(library)
    assert not File.objects.exists()
    again = waiting()
    assert again.not_before is not None
    assert again.not_before - again.requested_at > dt.timedelta(seconds=59)
    assert Scan.objects.count() == 2, "looks that found nothing leave no line"


@pytest.mark.usefixtures("_patience")
def test_a_file_copied_with_its_old_time_is_young_all_the_same(library: Library, folder: Path) -> None:
    file = write_jpeg(folder, "a.jpg")
    os.utime(file, (1_400_000_000, 1_400_000_000))
    assert scan(library).added == 0


def test_a_file_of_the_future_that_rests_is_taken(library: Library, folder: Path, settings: Settings) -> None:
    file = write_jpeg(folder, "a.jpg")
    os.utime(file, (time.time() + 10**8, time.time() + 10**8))
    time.sleep(0.25)
    settings.PICTOPY = dataclasses.replace(settings.PICTOPY, settle_s=0.2)
    assert scan(library).added == 1


@pytest.mark.usefixtures("_patience")
def test_an_edited_file_stays_what_it_was_until_it_stood_still(
    library: Library, folder: Path, settings: Settings
) -> None:
    settings.PICTOPY = dataclasses.replace(settings.PICTOPY, settle_s=0)
    file = write_jpeg(folder, "a.jpg")
    (photo,) = bring_in(library)
    settings.PICTOPY = dataclasses.replace(settings.PICTOPY, settle_s=60)
    whole = jpeg_bytes()
    file.write_bytes(whole[:2000])
    result = scan(library)
    assert (result.changed, result.gone) == (0, 0)
    assert Photo.objects.get().work_state == WorkState.DONE
    file.write_bytes(whole)
    settings.PICTOPY = dataclasses.replace(settings.PICTOPY, settle_s=0)
    run_waiting(library)
    work_off()
    edited = Photo.objects.get()
    assert edited.pk == photo.pk
    assert edited.digest != photo.digest


def test_a_renamed_file_and_one_that_came_back_need_not_rest(
    library: Library, folder: Path, settings: Settings, tmp_path: Path
) -> None:
    """They have the size and time of what was read before: nothing is missing of them."""
    for number in range(30):
        write_jpeg(folder, f"old/{number}.jpg", width=16, height=16)
    away = write_jpeg(folder, "away.jpg")
    scan(library)
    Photo.objects.update(digest=None)
    away.rename(tmp_path / "away.jpg")
    File.objects.filter(path="away.jpg").update(missing_since=timezone.now())
    settings.PICTOPY = dataclasses.replace(settings.PICTOPY, settle_s=60)
    (folder / "old").rename(folder / "new")
    (tmp_path / "away.jpg").rename(away)
    result = scan(library)
    assert (result.moved, result.gone, result.work_state) == (30, 0, WorkState.DONE)
    assert not File.objects.filter(missing_since__isnull=False).exists()


def test_a_file_system_whose_clock_is_ahead_is_looked_at_twice(folder: Path) -> None:
    write_jpeg(folder, "still.jpg")
    growing = write_jpeg(folder, "growing.jpg")
    found = walk.walk(str(folder), Exclusion.parse(""), settle_s=2.0)
    # As seen by a clock of ours that is an hour behind.
    ahead = {path: dataclasses.replace(it, at_s=it.at_s - 3600) for path, it in found.fresh.items()}
    assert all(it.changed_s > it.at_s for it in ahead.values())
    waits: list[float] = []
    with pytest.MonkeyPatch.context() as patch:
        clock = time.time
        patch.setattr(walk.time, "time", lambda: clock() - 3600 + sum(waits))

        def wait(seconds: float) -> None:
            waits.append(seconds)
            with growing.open("ab") as file:
                file.write(b"more")

        assert walk.still_moving(str(folder), ahead, 2.0, wait) == {"growing.jpg"}
    assert len(waits) == 1
    assert 1.5 < waits[0] <= 2.0


def test_what_is_old_enough_by_the_end_of_a_long_walk_is_not_put_off(folder: Path) -> None:
    write_jpeg(folder, "a.jpg")
    found = walk.walk(str(folder), Exclusion.parse(""), settle_s=0.05)
    assert found.fresh
    time.sleep(0.06)
    assert walk.still_moving(str(folder), found.fresh, 0.05, _no_wait) == set()
    (folder / "a.jpg").unlink()
    assert walk.still_moving(str(folder), found.fresh, 0.05, _no_wait) == {"a.jpg"}


def _no_wait(seconds: float) -> None:
    raise AssertionError("the clocks agree")


# --- requests that are put off


@pytest.mark.django_db(transaction=True)
def test_nobody_is_woken_for_a_scan_that_is_put_off_until_the_sweep_finds_it_due(
    library: Library, settings: Settings
) -> None:
    scanning.request_scan(library, scope=Scope.of(folders=["x"]), delay_s=60)
    assert not OrmQ.objects.exists()
    Scan.objects.create(library=library, work_state=WorkState.DONE)
    tasks.sweep()
    assert not _scan_messages()
    Scan.objects.filter(work_state=WorkState.READY).update(not_before=timezone.now())
    tasks.sweep()
    assert _scan_messages() == [(library.pk,)]


def _scan_messages() -> list[tuple[int, ...]]:
    return [message.args() for message in OrmQ.objects.all() if message.func() == work.SCAN]


@pytest.mark.parametrize("order", [0, 1])
def test_the_request_that_is_in_more_of_a_hurry_counts(library: Library, order: int) -> None:
    def ask(delay_s: float) -> Callable[[], object]:
        return lambda: scanning.request_scan(library, scope=Scope.of(folders=[f"{delay_s}"]), delay_s=delay_s)

    for request in [ask(60), ask(0)][:: 1 - 2 * order]:
        request()
    scan = waiting()
    assert scan.not_before is None
    assert scan.scope == {"folders": ["0", "60"], "trees": []}
