"""Claims, leases and what happens to workers that die."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from gallery import work
from gallery.models import Condition, Library, Photo, WorkState
from tests.factories import LibraryFactory, PhotoFactory

GONE = f"{work.machine()}:999999999:1"


def ready(library: Library, count: int, **values: object) -> list[Photo]:
    return [PhotoFactory(library=library, work_state=WorkState.READY, **values) for _ in range(count)]


@pytest.fixture
def library(db: None) -> Library:
    return LibraryFactory()


def test_a_claim_counts_the_attempt_before_the_work(library: Library) -> None:
    ready(library, 3)
    claimed = work.claim_photos(2)
    assert len(claimed) == 2
    for photo in claimed:
        assert (photo.work_state, photo.attempts, photo.lease_owner) == (WorkState.CLAIMED, 1, work.lease_owner())
    assert len(work.claim_photos(2)) == 1
    assert work.claim_photos(2) == []


def test_photos_that_were_tried_before_come_last_and_alone(library: Library) -> None:
    tried = ready(library, 2, attempts=1)
    fresh = ready(library, 2)
    assert [photo.pk for photo in work.claim_photos(10)] == [photo.pk for photo in fresh]
    assert [photo.pk for photo in work.claim_photos(10)] == [tried[0].pk]
    assert [photo.pk for photo in work.claim_photos(10)] == [tried[1].pk]


def test_photos_of_a_library_that_is_away_are_not_claimed(library: Library) -> None:
    ready(library, 1)
    Library.objects.update(state="offline")
    assert work.claim_photos(5) == []


def test_work_given_back_counts_no_attempt(library: Library) -> None:
    ready(library, 1)
    work.give_back([photo.pk for photo in work.claim_photos(1)])
    assert Photo.objects.values_list("work_state", "attempts").get() == (WorkState.READY, 0)


def test_the_lease_of_a_living_process_holds_and_runs_out_in_time(library: Library) -> None:
    ready(library, 1)
    work.claim_photos(1)
    assert work.return_abandoned() == 0
    Photo.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    assert work.return_abandoned() == 1
    assert Photo.objects.get().work_state == WorkState.READY


def test_the_work_of_a_process_that_died_is_taken_back_at_once(library: Library) -> None:
    ready(library, 1)
    work.claim_photos(1)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    start = work._process_start(child.pid)
    Photo.objects.update(lease_owner=f"{work.machine()}:{child.pid}:{start}")
    assert work.return_abandoned() == 0
    child.kill()
    child.communicate()
    assert work.return_abandoned() == 1


def test_of_other_machines_nothing_is_assumed() -> None:
    assert not work.is_gone("another-host:1:1")
    assert not work.is_gone("")
    assert not work.is_gone("nonsense")
    assert not work.is_gone(work.lease_owner())
    assert work.is_gone(f"{work.machine()}:{os.getpid()}:1"), (
        "the same process id at another start time is another process"
    )


@pytest.fixture
def _anew() -> Iterator[None]:
    """Asks the machine for its name anew, before and after."""
    work.machine.cache_clear()
    yield
    work.machine.cache_clear()


@pytest.mark.usefixtures("_anew")
def test_of_containers_that_share_our_host_name_nothing_is_assumed(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has processes of its own under the same numbers."""
    monkeypatch.setattr(work.os, "readlink", lambda path: "pid:[4026531836]")
    ready(library, 1)
    work.claim_photos(1)
    ours = work.lease_owner()
    assert "@4026531836:" in ours
    work.machine.cache_clear()
    monkeypatch.setattr(work.os, "readlink", lambda path: "pid:[4026532999]")
    assert not work.is_gone(ours.rpartition(":")[0] + ":1")
    assert work.return_abandoned() == 0
    work.machine.cache_clear()
    monkeypatch.setattr(work.os, "readlink", lambda path: "pid:[4026531836]")
    assert work.is_gone(ours.rpartition(":")[0] + ":1")


@pytest.mark.usefixtures("_anew")
def test_where_there_are_no_namespaces_the_host_says_it_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(path: str) -> str:
        raise FileNotFoundError(path)

    monkeypatch.setattr(work.os, "readlink", absent)
    assert work.machine().endswith("@")
    assert not work.is_gone(work.lease_owner())


def test_a_photo_that_kills_its_worker_three_times_is_set_aside_and_its_neighbours_are_not(library: Library) -> None:
    photos = ready(library, 4)
    killer = photos[2]

    def worker_dies_on_the_killer() -> None:
        batch = work.claim_photos(8)
        if any(photo.pk == killer.pk for photo in batch):
            Photo.objects.filter(pk__in=[photo.pk for photo in batch]).update(lease_owner=GONE)
        else:
            Photo.objects.filter(pk__in=[photo.pk for photo in batch]).update(work_state=WorkState.DONE)

    for _ in range(20):
        work.return_abandoned()
        worker_dies_on_the_killer()
    work.return_abandoned()
    killer.refresh_from_db()
    assert (killer.work_state, killer.attempts) == (WorkState.FAILED, 3)
    assert "three times" in killer.error
    assert set(Photo.objects.exclude(pk=killer.pk).values_list("work_state", flat=True)) == {WorkState.DONE}


def test_results_of_a_lease_that_was_lost_are_not_ours(library: Library) -> None:
    ready(library, 1)
    (photo,) = work.claim_photos(1)
    assert work.ours(Photo.objects.all(), [photo.pk]).exists()
    Photo.objects.update(lease_owner=GONE)
    assert not work.ours(Photo.objects.all(), [photo.pk]).exists()


@pytest.mark.django_db(transaction=True)
def test_a_wake_up_is_a_message_with_ids_in_the_queue() -> None:
    work.wake(work.SCAN, 7)
    assert [message.func() for message in OrmQ.objects.all()] == ["gallery.tasks.scan"]


def test_the_sweep_stands_in_the_calendar(db: None) -> None:
    assert Schedule.objects.get(name="sweep").func == "gallery.tasks.sweep"


@pytest.mark.django_db(transaction=True)
def test_no_more_wake_ups_wait_than_there_are_workers() -> None:
    for _ in range(10):
        work.wake_analysis()
    assert OrmQ.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FileNotFoundError(2, "No such file or directory", "/home/anna/Affair.json"), "No such file or directory"),
        (ValueError("Affair.json is no album"), "ValueError"),
    ],
)
def test_what_failed_is_told_without_names(error: Exception, said: str) -> None:
    with work.contained("albums", "Albums cannot be put in place"):
        raise error
    assert Condition.objects.get().text == f"Albums cannot be put in place: {said}. The log says more."
