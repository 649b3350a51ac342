"""Who works on what: claims with leases, wake-ups, and the sweep that picks up what fell.

The database says what is to be done; django-q only wakes workers. So a message that is lost, late or doubled, a dead
worker or a lost queue cost time and nothing else. This is the one module that talks to django-q.

An attempt is counted when work is claimed, before it begins: whatever kills the worker has been counted. Work that was
given back is claimed alone, so that a photo that kills its worker takes no neighbour with it the second time; at the
third it is set aside.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
import logging
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypedDict, TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone
from django_q.models import Schedule
from django_q.tasks import async_task, queue_size

from gallery.models import Checkup, Condition, Library, Photo, Rendition, Scan, WorkState
from gallery.scope import merge_json

logger = logging.getLogger(__name__)
Item = TypeVar("Item", Photo, Scan, Checkup, Rendition)

MAX_ATTEMPTS = 3
KILLED = (
    "PictoPy's worker stopped each of the three times it tried this file: it may be damaged in a way that crashes the "
    "decoder, or need more memory or time than there is."
)
KILLED_SCAN = (
    "PictoPy's worker stopped each of the three times it looked through this folder: there may be too little memory, "
    "or a drive may hang. What it had noted is kept, and the next scan goes on from there."
)
KILLED_COPY = (
    "PictoPy's worker stopped each of the three times it made a copy of this film for browsers: the film may be "
    "damaged in a way that crashes the decoder, or PictoPy was stopped each time before the copy was finished."
)
ANALYZE = "gallery.tasks.analyze"
RENDER = "gallery.tasks.render"
SCAN = "gallery.tasks.scan"
SWEEP = "gallery.tasks.sweep"
PURGE = "gallery.tasks.purge"
DOCTOR = "gallery.tasks.doctor"
# Walking through a slow network drive may take hours, and so may reading every original or copying a long film.
_LONG_TIMEOUT_S = 24 * 3600
_LONG = {SCAN, RENDER, DOCTOR}


class LeaseLost(Exception):  # noqa: N818
    """The work was taken from this process, because it said nothing for too long, or is no longer to be done."""


def wake(task: str, *args: int | str) -> None:
    """Enqueues `task` (a dotted path) once the present transaction is committed. Only ids as arguments."""

    # django-q takes a keyword `timeout` for itself: how long this task may take.
    options = {"timeout": _LONG_TIMEOUT_S} if task in _LONG else {}
    # Robust: a queue that is away must undo nothing. The sweep wakes again.
    transaction.on_commit(lambda: async_task(task, *args, **options), robust=True)


def wake_analysis() -> None:
    """Wakes the workers to look for ready photos, unless as many messages as workers wait already: each keeps its
    worker busy for a turn and then sends itself again, so more of them would only hold up scans and the sweep."""

    def send() -> None:
        for _ in range(settings.PICTOPY.workers - queue_size()):
            async_task(ANALYZE)

    transaction.on_commit(send, robust=True)


def wake_rendering() -> None:
    """Wakes a worker to make copies of films, if some wait and no message does."""

    def send() -> None:
        if waiting_renditions().exists() and queue_size() < settings.PICTOPY.workers:
            async_task(RENDER, timeout=_LONG_TIMEOUT_S)

    transaction.on_commit(send, robust=True)


def schedule_sweep(**kwargs: object) -> None:
    """Keeps the sweep in the queue's calendar, every minute. Connected to `post_migrate`."""
    Schedule.objects.update_or_create(
        name="sweep", defaults={"func": SWEEP, "schedule_type": Schedule.MINUTES, "minutes": 1, "repeats": -1}
    )


# --- who we are


@functools.cache
def machine() -> str:
    """Where process numbers mean what they mean here: host name and process namespace.

    Containers may share a host name, each with processes of its own under the same numbers.
    """
    try:
        namespace = os.readlink("/proc/self/ns/pid").strip("pid:[]")
    except OSError:  # not Linux: there is only one
        namespace = ""
    return f"{socket.gethostname()[:60]}@{namespace}"


def _process_start(pid: int) -> str:
    """The start time of a process in clock ticks since boot (field 22 of proc(5) stat); "" if there is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in {"Z", "X"} else fields[19]


def lease_owner() -> str:
    """This process: machine, process id and start time, which together never come again."""
    return f"{machine()}:{os.getpid()}:{_process_start(os.getpid())}"


def is_gone(owner: str) -> bool:
    """Whether the process behind a lease has certainly ended. Of other machines and containers we cannot know."""
    where, pid, start = ("::" + owner).rsplit(":", 2)
    if where.removeprefix("::") != machine() or not pid.isdigit():
        return False
    return _process_start(int(pid)) != start


def is_stopping() -> bool:
    """Whether `manage.py up`, which started this process, was told to stop: what takes long shall end now.

    Its supervisor writes so into its record before it asks anybody. Reads one small file.
    """
    mark = os.environ.get("PICTOPY_RUN")
    if not mark:
        return False
    try:
        record = json.loads((settings.PICTOPY.data_dir / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(record, dict) and record.get("mark") == mark and bool(record.get("is_stopping"))


# --- claims


def claim_photos(limit: int, *, among: QuerySet[Photo] | None = None) -> list[Photo]:
    """Up to `limit` ready photos of reachable libraries, leased to this process; [] when there are none.

    `among`: those that this machine can do something for, if that is not all of them.

    Two statements in one short transaction: rows are locked with SKIP LOCKED on PostgreSQL, and SQLite takes the write
    lock at the beginning. Photos on their second or third attempt come one at a time, after all others.
    """
    reachable = Library.objects.filter(state=Library.State.OK).values("id")
    with transaction.atomic():
        rows = Photo.objects.all() if among is None else among
        ready = rows.filter(work_state=WorkState.READY, library__in=reachable).select_for_update(
            skip_locked=True, no_key=True, of=("self",)
        )
        ids = list(ready.filter(attempts=0).order_by("attempts", "id").values_list("id", flat=True)[:limit])
        if not ids:
            ids = list(ready.order_by("attempts", "id").values_list("id", flat=True)[:1])
        if ids:
            _lease(Photo.objects.filter(id__in=ids))
    return list(Photo.objects.filter(id__in=ids).select_related("library").order_by("id")) if ids else []


def claim_scan(library_id: int | None = None) -> Scan | None:
    """The oldest scan that is ready (of one library, if given), leased to this process.

    None of a library that is being scanned: the one that waits has its turn afterwards.
    """
    ready = waiting_scans() if library_id is None else waiting_scans().filter(library_id=library_id)
    found = _claim_one(ready, Scan.objects.all())
    return Scan.objects.select_related("library").get(id=found) if found else None


def claim_rendition() -> Rendition | None:
    """The copy of a film that is next, leased to this process. None as well while so many are being made that no
    worker would be left for anything else."""
    if Rendition.objects.filter(work_state=WorkState.CLAIMED).count() >= max(1, settings.PICTOPY.workers - 1):
        return None
    found = _claim_one(waiting_renditions(), Rendition.objects.all())
    return Rendition.objects.select_related("photo__library").filter(id=found).first() if found else None


def waiting_renditions() -> QuerySet[Rendition]:
    """Copies of films that could be made now: of photos that are there, in libraries that are."""
    return Rendition.objects.filter(
        work_state=WorkState.READY,
        photo__library__state=Library.State.OK,
        photo__missing_since=None,
        photo__trashed_at=None,
    )


def _claim_one(ready: QuerySet[Item], rows: QuerySet[Item]) -> int | None:
    """Leases the first of `ready` to this process; its id."""
    with transaction.atomic():
        locked = ready.select_for_update(skip_locked=True, of=("self",))
        found: int | None = locked.order_by("attempts", "id").values_list("id", flat=True).first()
        if found is not None:
            _lease(rows.filter(id=found))
    return found


def waiting_scans() -> QuerySet[Scan]:
    """Scans that could begin now."""
    running = Scan.objects.filter(library=OuterRef("library"), work_state=WorkState.CLAIMED)
    due = Q(not_before__isnull=True) | Q(not_before__lte=timezone.now())
    ready = Scan.objects.filter(due, ~Exists(running), work_state=WorkState.READY)
    return ready.exclude(library__state=Library.State.LEAVING)


def _lease(rows: QuerySet[Item]) -> None:
    rows.update(
        work_state=WorkState.CLAIMED,
        attempts=F("attempts") + 1,
        lease_owner=lease_owner(),
        lease_until=timezone.now() + dt.timedelta(seconds=settings.PICTOPY.lease_s),
    )


def ours(rows: QuerySet[Photo], ids: Iterable[int]) -> QuerySet[Photo]:
    """Those of `rows` that this process still holds; others were taken back, or are gone."""
    return rows.filter(id__in=list(ids), work_state=WorkState.CLAIMED, lease_owner=lease_owner())


def give_back(ids: Iterable[int]) -> None:
    """Returns claimed photos untouched: the attempt does not count. For trouble that is not the photo's."""
    ours(Photo.objects.all(), ids).update(
        work_state=WorkState.READY, attempts=F("attempts") - 1, lease_owner="", lease_until=None
    )


def release(ids: Iterable[int]) -> None:
    """Returns claimed photos whose results could not be recorded; the attempt counts."""
    ours(Photo.objects.all(), ids).update(work_state=WorkState.READY, lease_owner="", lease_until=None)


def our_scan(scan: Scan) -> QuerySet[Scan]:
    """The row of a scan while this process holds it, else none."""
    return _held(Scan.objects.filter(id=scan.pk))


def our_rendition(rendition: Rendition) -> QuerySet[Rendition]:
    """The row of a copy of a film while this process holds it for the same content, else none."""
    return _held(Rendition.objects.filter(id=rendition.pk, digest=rendition.digest))


def _held(rows: QuerySet[Item]) -> QuerySet[Item]:
    return rows.filter(work_state=WorkState.CLAIMED, lease_owner=lease_owner())


def renew(item: Scan | Rendition, **columns: object) -> None:
    """Makes the lease of long work run on, and writes `columns` (how far it is). Raises `LeaseLost` if it was taken
    back, or is no longer to be done.

    In a transaction it also keeps the lease from being taken before the end of it.
    """
    until = timezone.now() + dt.timedelta(seconds=settings.PICTOPY.lease_s)
    row = our_scan(item) if isinstance(item, Scan) else our_rendition(item)
    if not row.update(lease_until=until, **columns):
        raise LeaseLost(f"{item} is no longer ours")


# --- the sweep


class _Free(TypedDict):
    lease_owner: str
    lease_until: None


_FREE: _Free = {"lease_owner": "", "lease_until": None}


def return_abandoned() -> int:
    """Takes back work whose lease ran out or whose process is gone; at the third attempt it fails. Counts the rows."""
    count = _return_rows(Photo.objects.all(), KILLED, "photos") + _return_rows(
        Rendition.objects.all(), KILLED_COPY, "copies of films"
    )
    scans = list(abandoned(Scan.objects.all()))
    for scan in scans:
        _return_scan(scan)
    return count + len(scans)


def _return_rows(rows: QuerySet[Item], reason: str, title: str) -> int:
    gone = abandoned(rows)
    with transaction.atomic():
        failed = gone.filter(attempts__gte=MAX_ATTEMPTS).update(
            work_state=WorkState.FAILED, error=reason, worked_at=timezone.now(), **_FREE
        )
        again = gone.update(work_state=WorkState.READY, **_FREE)
    if failed or again:
        logger.warning("%s: %d taken back from ended workers, %d set aside", title, again, failed)
    return failed + again


def abandoned(rows: QuerySet[Item]) -> QuerySet[Item]:
    """Those of `rows` that are claimed by a process that ended, or said nothing for too long."""
    claimed = rows.filter(work_state=WorkState.CLAIMED)
    owners = list(claimed.order_by().values_list("lease_owner", flat=True).distinct())
    gone = [owner for owner in owners if is_gone(owner)]
    return claimed.filter(Q(lease_until__lt=timezone.now()) | Q(lease_owner__in=gone))


@transaction.atomic
def _return_scan(found: Scan) -> None:
    """Makes an abandoned scan ready again, in place of one that waits: it begins anew, so it sees what that one would.

    The library's row is locked, so that no request comes in between.
    """
    Library.objects.select_for_update(no_key=True).filter(pk=found.library_id).first()
    scan = Scan.objects.filter(
        pk=found.pk, work_state=WorkState.CLAIMED, lease_owner=found.lease_owner, lease_until=found.lease_until
    )
    if scan.select_for_update().first() is None:  # closed, or renewed, a moment ago
        return
    if found.attempts >= MAX_ATTEMPTS:
        scan.update(work_state=WorkState.FAILED, error=KILLED_SCAN, worked_at=timezone.now(), **_FREE)
        logger.warning("scan %d: set aside, its workers ended", found.pk)
        return
    waiting = Scan.objects.filter(library_id=found.library_id, work_state=WorkState.READY)
    is_accepted, scope = found.accept_missing, found.scope
    for other in waiting:
        is_accepted, scope = is_accepted or other.accept_missing, merge_json(scope, other.scope)
    waiting.delete()
    scan.update(work_state=WorkState.READY, accept_missing=is_accepted, scope=scope, not_before=None, **_FREE)
    logger.warning("scan %d: taken back from an ended worker", found.pk)


def has_ready_photos(among: QuerySet[Photo] | None = None) -> bool:
    """Whether there is anything that a worker could claim now; `among` as for `claim_photos`."""
    rows = Photo.objects.all() if among is None else among
    return rows.filter(work_state=WorkState.READY, library__state=Library.State.OK).exists()


def note_condition(key: str, text: str) -> None:
    """Remembers something that pages must say about the whole installation."""
    Condition.objects.update_or_create(key=key, defaults={"text": text, "at": timezone.now()})


def clear_condition(key: str) -> None:
    Condition.objects.filter(key=key).delete()


def without_names(error: BaseException) -> str:
    """What kind of error it is, without a word that could be a path, a name or a value."""
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__


@contextmanager
def contained(key: str, title: str) -> Iterator[None]:
    """What fails in here keeps nothing else from its turn: it is logged, and told on pages until it goes well.

    Everybody reads it there, so what the error says stays in the log: it may name a file of a private library."""
    try:
        yield
    except Exception as error:
        logger.exception("%s", title)
        note_condition(key, f"{title}: {without_names(error)}. The log says more.")
    else:
        if Condition.objects.filter(key=key).exists():
            clear_condition(key)
