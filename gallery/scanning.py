"""Scanning a library: the walk on disk, the pure difference, and whether what is missing may be taken for gone.

A scan never takes anything away. A root that cannot be read makes the library `offline`, many vanished files at once
make it `held` and a person is asked; neither changes a row. A file that vanished keeps its row with `missing_since`.
docs/scanning.md tells people what is scanned when.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from django.conf import settings
from django.db import transaction
from django.db.models import OuterRef, Q, Subquery
from django.http import Http404
from django.utils import timezone

from gallery import holding, paths, registering, relinking, scan_notes, walk, work
from gallery.access import get_or_404
from gallery.models import File, Library, Scan, WorkState
from gallery.scan import Difference, Exclusion, Known, Stat, compare
from gallery.scope import Scope, merge_json
from gallery.walk import RootUnavailable, Walk

logger = logging.getLogger(__name__)

# What a scan writes into its own row at the end.
_RESULT = (
    "work_state", "error", "worked_at", "started_at", "scope",
    "seen", "added", "changed", "moved", "gone", "skipped", "notes",
)  # fmt: skip
_BEAT_S = 20
# Files that go on changing are looked at ever more rarely.
_LONGEST_DELAY_S = 60.0
# For so many parts the rows are picked out by the database; for more, all are read and picked out here.
_PLACES_TO_ASK = 50


def request_scan(
    library: Library, *, accept_missing: bool = False, scope: Scope | None = None, delay_s: float = 0.0
) -> Scan:
    """Asks for a scan and wakes a worker. If one is waiting already, that one does, for what both are to look at.

    One that is running does not: it may have passed what was changed since. `accept_missing`: a person said that the
    vanished files are really gone, so the library is not held for them. `scope`: what it looks at, if not all;
    `delay_s`: not before so many seconds, unless another request is in more of a hurry. Nobody is woken for that: the
    watcher does it in time, else the sweep. Raises `Http404` for a library that is being removed.
    """
    now = timezone.now()
    asked = None if scope is None or scope.is_whole else scope.to_json()
    not_before = now + dt.timedelta(seconds=delay_s) if delay_s else None
    staying = Library.objects.select_for_update(no_key=True).exclude(state=Library.State.LEAVING)
    with transaction.atomic():
        get_or_404(staying, pk=library.pk)
        # Locked, so that a worker that takes it this moment knows what it was asked for.
        scan = Scan.objects.select_for_update().filter(library=library, work_state=WorkState.READY).first()
        if scan is None:
            scan = Scan.objects.create(
                library=library, accept_missing=accept_missing, scope=asked, not_before=not_before
            )
        else:
            before = (scan.accept_missing, scan.scope, scan.not_before)
            scan.accept_missing |= accept_missing
            scan.scope = merge_json(scan.scope, asked)
            scan.not_before = min(scan.not_before, not_before) if scan.not_before and not_before else None
            if (scan.accept_missing, scan.scope, scan.not_before) != before:
                scan.save(update_fields=["accept_missing", "scope", "not_before"])
        if scan.not_before is None or scan.not_before <= now:
            work.wake(work.SCAN, library.pk)
    return scan


def run_scan(scan: Scan) -> None:
    """Carries out a claimed scan and closes it. Errors become the library's state or the scan's, with their reason.

    Raises `work.LeaseLost` when the scan was taken from this process; nothing is written from then on.
    """
    library = scan.library
    scan.started_at = timezone.now()
    scan.seen = scan.added = scan.changed = scan.moved = scan.gone = scan.skipped = 0
    if library.state != Library.State.OK:
        scan.scope = None  # what was missed meanwhile may be anywhere
    scope = None if scan.scope is None else Scope.from_json(scan.scope)
    beat = _heartbeat(scan)
    try:
        found = _walk(library, scope, beat)
        known = known_files(library, scope)
        away = {} if scan.accept_missing else _away(library, known)
        difference = compare(known, found.found, sidecars=found.sidecars, unreadable=[*found.unreadable, *away])
        gone, left_out = _tell_apart(library, known, difference.gone, found)
        at_stake = _present(library, known, scope) - len(left_out)
        if not scan.accept_missing:
            _check_not_bare(library, found, scope, at_stake)
        moving = _set_aside_moving(library, known, difference, found, beat)
    except RootUnavailable as error:
        _give_up(scan, Library.State.OFFLINE, str(error))
        return
    difference.gone = gone
    _count(scan, found, difference)
    scan.notes = scan_notes.notes(found, away, len(left_out), len(moving) if scope is None else 0)
    before = holding.lost_bit_by_bit(library, scope) if gone and not scan.accept_missing else 0
    loss = holding.Loss(len(gone), at_stake, before)
    if not scan.accept_missing and loss.is_alarming():
        if scope is not None:
            _give_up(scan, Library.State.HELD, f"{loss.text} Nothing was changed.")
            with suppress(Http404):  # all of it has to be looked at to say what became of them
                request_scan(library)
            return
        if _hold(scan, difference, known, loss, found.sidecars, beat):
            return
    difference.gone += left_out
    scan.gone = len(difference.gone)
    with transaction.atomic():
        if scope is None:
            _set_state(library, Library.State.OK, "")
            _remember_mounts(library, found.mounts, away)
        work.renew(scan)
    registering.apply(scan, difference, found.sidecars, beat)
    if moving:
        _look_again(scan, moving)
    if scope is None:
        holding.close(library)
        registering.note_stems(library)
    elif difference.is_empty and not scan.notes:
        work.our_scan(scan).delete()  # a look at some folders that found nothing is not worth a line in the ledger
        return
    _close(scan)


def _hold(
    scan: Scan,
    difference: Difference,
    known: dict[str, Known],
    loss: holding.Loss,
    sidecars: Mapping[str, str],
    beat: Callable[[], None],
) -> bool:
    """Holds the library, and looks for what is gone among the new files, by content. True: it stays held.

    If that explains enough, or a person said so, those files get their new places in `difference`. The scan goes on
    with the rest when that is no more than is gone any day; else it ends here, having changed nothing but what a person
    asked for, and the library waits for an answer.
    """
    library = scan.library
    with transaction.atomic():
        _set_state(library, Library.State.HELD, loss.text)
        work.renew(scan)
    holding.ask(library, difference.gone, known, present=loss.present, beat=beat)
    found = relinking.find(library, difference, beat)
    is_asked = holding.is_relink_asked(library)
    is_explained = not loss.is_alarming(len(found))
    if is_asked or is_explained:
        relinking.take(difference, found)
        found = []
        scan.moved, scan.added, scan.gone = len(difference.moved), len(difference.added), len(difference.gone)
    if is_explained:
        return False
    if is_asked:
        registering.apply(scan, Difference(moved=difference.moved), sidecars, beat)
    ids = {row.id for row, _, _ in found}
    holding.ask(library, difference.gone, known, present=loss.present, found=ids, beat=beat)
    with transaction.atomic():
        holding.end_relink(library)
        left = holding.Loss(len(difference.gone), loss.present, loss.before)
        is_untouched = left == loss
        _set_state(library, Library.State.HELD, f"{left.text} Nothing was changed." if is_untouched else left.text)
        work.renew(scan)
    _close(scan, error=library.state_reason)
    return True


def forget_old() -> None:
    """Shortens the ledger, where the watcher adds many lines: those of parts after a week, others after a year."""
    now = timezone.now()
    old = Q(scope__isnull=False, worked_at__lt=now - dt.timedelta(days=7)) | Q(
        worked_at__lt=now - dt.timedelta(days=365)
    )
    newest = Scan.objects.filter(library=OuterRef("library"), scope__isnull=True).order_by("-id").values("id")[:1]
    Scan.objects.filter(old, work_state__in=[WorkState.DONE, WorkState.FAILED]).exclude(id=Subquery(newest)).delete()


def fail(scan: Scan, error: Exception) -> None:
    """Closes a scan that stumbled over something nobody foresaw, with what it was."""
    _close(scan, error=f"The scan stopped: {type(error).__name__}: {error}")


def _heartbeat(scan: Scan) -> Callable[[], None]:
    """To be called often: keeps the lease, and tells that this worker, which may be the only one, is alive.

    Looks at nothing but the clock most of the time. Raises `work.LeaseLost`.
    """
    last = time.monotonic()

    def beat() -> None:
        nonlocal last
        if time.monotonic() - last > _BEAT_S:
            last = time.monotonic()
            work.renew(scan)
            work.note_condition("sweep", "")

    return beat


def own_folders() -> tuple[str, ...]:
    """What scans pass by wherever it lies: PictoPy's own data."""
    return (os.path.realpath(settings.PICTOPY.data_dir),)


def _walk(library: Library, scope: Scope | None, beat: Callable[[], None]) -> Walk:
    """What is there. Raises `RootUnavailable`."""
    root = library.root_path
    if os.path.realpath(root) != root:
        raise RootUnavailable("The folder has become a link to another place. Add that place as a library instead.")
    return walk.walk(
        root,
        Exclusion.parse(library.exclude),
        scope=scope,
        leave_out=own_folders(),
        on_folder=beat,
        settle_s=settings.PICTOPY.settle_s,
    )


def _away(library: Library, known: Mapping[str, Known]) -> dict[str, int]:
    """The drives inside the library that are away, each with the number of files that are known on it.

    A few absent files of many would not make the library held, and a bare mount point looks like an emptied folder. So
    each whole scan notes which folders are drives of their own, and what lies on them is left alone while they are
    away.
    """
    found = {}
    for folder in walk.away(library.root_path, library.mounts):
        count = sum(path.startswith(f"{folder}/") and not row.is_missing for path, row in known.items())
        if count:
            found[folder] = count
    return found


def known_files(library: Library, scope: Scope | None = None) -> dict[str, Known]:
    """The rows by path; of a part, those in it. One query, and 50 MB for 100,000."""
    rows = File.objects.filter(library=library).order_by()
    if scope is not None and len(scope.folders) + len(scope.trees) <= _PLACES_TO_ASK:
        rows = rows.filter(_below(scope))
    values = rows.values_list("id", "path", "size_bytes", "mtime_ns", "missing_since", "sidecars")
    return {
        path: Known(id_, Stat(size, mtime), missing is not None, sidecars)
        for id_, path, size, mtime, missing, sidecars in values.iterator(chunk_size=5000)
        if scope is None or scope.covers(path)
    }


def _below(scope: Scope) -> Q:
    """At least the rows that a scope covers."""
    condition = Q(pk__in=[])
    for place in scope.folders | scope.trees:
        condition |= Q(path__startswith=f"{place}/") if place else ~Q(path__contains="/")
    return condition


def _present(library: Library, known: dict[str, Known], scope: Scope | None) -> int:
    """How many files the library has, as far as we know."""
    if scope is None:
        return sum(not row.is_missing for row in known.values())
    return File.objects.filter(library=library, missing_since__isnull=True).count()


def _tell_apart(
    library: Library, known: Mapping[str, Known], rows: list[Known], found: Walk
) -> tuple[list[Known], list[Known]]:
    """Of files that the walk did not find, those that are gone, and those that somebody said are to be left out.

    Of an upload library neither, if the file is there all the same: an upload may have put it there after the walk had
    passed.
    """
    gone: list[Known] = []
    left_out: list[Known] = []
    ids = {row.id for row in rows}
    at = {row.id: path for path, row in known.items() if row.id in ids} if ids else {}
    for row in rows:
        path = at[row.id]
        if found.leaves_out(path):
            left_out.append(row)
        elif library.kind != Library.Kind.MANAGED or not os.path.lexists(
            os.path.join(library.root_path, paths.to_path(path))
        ):
            gone.append(row)
    return gone, left_out


def _check_not_bare(library: Library, found: Walk, scope: Scope | None, present: int) -> None:
    """Raises `RootUnavailable` for a folder without anything: a drive that is away leaves its bare mount point."""
    is_bare = not found.found if scope is None else walk.is_empty(library.root_path)
    if is_bare and present > 0:
        raise RootUnavailable("The folder is empty, but was not before. If it lies on a drive, the drive may be away.")


def _set_aside_moving(
    library: Library, known: dict[str, Known], difference: Difference, found: Walk, beat: Callable[[], None]
) -> list[str]:
    """Takes out of a difference what did not stand still, and returns it: it stays as it was, to be looked at again.

    Only what is new or changed. A file that has size and time of one that vanished, or of itself before, is complete.
    """
    settle_s = settings.PICTOPY.settle_s
    fresh = {
        path: look
        for path, look in found.fresh.items()
        if path in difference.added or (path in known and known[path].stat != found.found[path])
    }

    def wait(seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            beat()
            time.sleep(min(left, 1.0))

    moving = walk.still_moving(library.root_path, fresh, settle_s, wait)
    ids = {known[path].id for path in moving if path in known}
    difference.changed = [(row, stat) for row, stat in difference.changed if row.id not in ids]
    for path in moving:
        difference.added.pop(path, None)
    return sorted(moving)


def _look_again(scan: Scan, moving: Iterable[str]) -> None:
    """Asks for another look at the folders of what is being written, and waits twice as long from one to the next."""
    waited_s = (scan.not_before - scan.requested_at).total_seconds() if scan.not_before else 0.0
    delay_s = max(settings.PICTOPY.settle_s, min(2 * waited_s, _LONGEST_DELAY_S))
    with suppress(Http404):  # it is being removed
        request_scan(
            scan.library, scope=Scope.of(folders={path.rpartition("/")[0] for path in moving}), delay_s=delay_s
        )


def _remember_mounts(library: Library, mounts: Iterable[str], away: Iterable[str]) -> None:
    known = sorted({*mounts, *away})
    if known != library.mounts:
        Library.objects.filter(pk=library.pk).update(mounts=known)


def _count(scan: Scan, found: Walk, difference: Difference) -> None:
    scan.seen, scan.skipped = len(found.found), found.skipped
    scan.added, scan.changed = len(difference.added), len(difference.changed)
    scan.moved, scan.gone = len(difference.moved), len(difference.gone)


def _set_state(library: Library, state: str, reason: str) -> None:
    """On the row, not from the instance at hand: a worker may have found the library offline meanwhile."""
    staying = Library.objects.filter(pk=library.pk).exclude(state=Library.State.LEAVING)
    if staying.update(state=state, state_reason=reason):
        library.state, library.state_reason = state, reason


def _give_up(scan: Scan, state: str, reason: str) -> None:
    """Closes a scan that changes nothing but the state of its library."""
    with transaction.atomic():
        _set_state(scan.library, state, reason)
        work.renew(scan)
    _close(scan, error=reason)


def _close(scan: Scan, *, error: str = "") -> None:
    """Writes what a scan found, if it is still ours; who asked for what since is nothing of it."""
    scan.work_state = WorkState.FAILED if error else WorkState.DONE
    scan.error, scan.worked_at = error, timezone.now()
    work.our_scan(scan).update(
        **{name: getattr(scan, name) for name in _RESULT},
        lease_owner="",
        lease_until=None,
    )
    logger.info(
        "library %d: %d seen, %d added, %d changed, %d moved, %d gone",
        scan.library_id, scan.seen, scan.added, scan.changed, scan.moved, scan.gone,
    )  # fmt: skip


def is_available(library: Library) -> bool:
    """Whether the root can be listed and, if the library has files, is not an empty mount point."""
    try:
        return not walk.is_empty(library.root_path) or not library.files.filter(missing_since__isnull=True).exists()
    except RootUnavailable:
        return False


def mark_offline(library: Library) -> None:
    _set_state(
        library, Library.State.OFFLINE, "The folder could not be read. If it lies on a drive, the drive may be away."
    )
