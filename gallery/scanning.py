"""Scanning a library: the walk on disk, the pure difference, and the rows that follow from it.

A scan never takes anything away. A root that cannot be read makes the library `offline`, many vanished files at once
make it `held` and a person is asked; neither changes a row. A file that vanished keeps its row with `missing_since`.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from gallery import holding, paths, relinking, search_text, work
from gallery.access import get_or_404
from gallery.models import File, Library, Photo, Scan, WorkState
from gallery.scan import Difference, Exclusion, Known, Stat, compare
from gallery.walk import RootUnavailable, Walk, walk

logger = logging.getLogger(__name__)
T = TypeVar("T")

CHUNK = 500
# What a scan writes into its own row at the end.
_RESULT = (
    "work_state", "error", "worked_at", "started_at",
    "seen", "added", "changed", "moved", "gone", "skipped", "notes",
)  # fmt: skip
_BEAT_S = 20
# More than this many files and this share of all of them gone in one scan: ask a person first.
HELD_FILES = 20
HELD_SHARE = 0.20


def request_scan(library: Library, *, accept_missing: bool = False) -> Scan:
    """Asks for a scan and wakes a worker. If one is waiting already, that one does.

    One that is running does not: it may have passed what was changed since. `accept_missing`: a person said that the
    vanished files are really gone, so the library is not held for them. Raises `Http404` for a library that is being
    removed.
    """
    staying = Library.objects.select_for_update(no_key=True).exclude(state=Library.State.LEAVING)
    with transaction.atomic():
        get_or_404(staying, pk=library.pk)
        # Locked, so that a worker that takes it this moment knows what it was asked for.
        scan = Scan.objects.select_for_update().filter(library=library, work_state=WorkState.READY).first()
        if scan is None:
            scan = Scan.objects.create(library=library, accept_missing=accept_missing)
        elif accept_missing and not scan.accept_missing:
            scan.accept_missing = True
            scan.save(update_fields=["accept_missing"])
        work.wake(work.SCAN, library.pk)
    return scan


def run_scan(scan: Scan) -> None:
    """Carries out a claimed scan and closes it. Errors become the library's state or the scan's, with their reason.

    Raises `work.LeaseLost` when the scan was taken from this process; nothing is written from then on.
    """
    library = scan.library
    scan.started_at = timezone.now()
    scan.seen = scan.added = scan.changed = scan.moved = scan.gone = scan.skipped = 0
    beat = _heartbeat(scan)
    try:
        if os.path.realpath(library.root_path) != library.root_path:
            raise RootUnavailable("The folder has become a link to another place. Add that place as a library instead.")
        found = walk(
            library.root_path,
            Exclusion.parse(library.exclude),
            leave_out=(os.path.realpath(settings.PICTOPY.data_dir),),
            on_folder=beat,
        )
    except RootUnavailable as error:
        _give_up(scan, Library.State.OFFLINE, str(error))
        return
    known = known_files(library)
    present = sum(not row.is_missing for row in known.values())
    if not found.found and present and not scan.accept_missing:
        # An unmounted drive leaves its empty mount point behind.
        reason = "The folder is empty, but was not before. If it lies on a drive, the drive may be away."
        _give_up(scan, Library.State.OFFLINE, reason)
        return
    difference = compare(known, found.found, unreadable=found.unreadable)
    difference.gone = _really_gone(library, known, difference.gone)
    _count(scan, found, difference)
    is_alarming = _is_alarming(len(difference.gone), present) and not scan.accept_missing
    if is_alarming and _hold(scan, difference, known, present, beat):
        return
    with transaction.atomic():
        _set_state(library, Library.State.OK, "")
        work.renew(scan)
    _apply(scan, difference, beat)
    holding.close(library)
    _close(scan)


def _is_alarming(gone: int, present: int) -> bool:
    """Whether so much is gone that it may be a drive and not a person who tidied up."""
    return gone > HELD_FILES and gone > HELD_SHARE * present


def _hold(scan: Scan, difference: Difference, known: dict[str, Known], present: int, beat: Callable[[], None]) -> bool:
    """Holds the library, and looks for what is gone among the new files, by content. True: it stays held.

    If that explains enough, or a person said so, those files get their new places in `difference`. The scan goes on
    with the rest when that is no more than is gone any day; else it ends here, having changed nothing but what a person
    asked for, and the library waits for an answer.
    """
    library, gone = scan.library, len(difference.gone)
    with transaction.atomic():
        _set_state(library, Library.State.HELD, f"{gone:,} of {present:,} files are no longer there.")
        work.renew(scan)
    holding.ask(library, difference.gone, known, present=present, beat=beat)
    found = relinking.find(library, difference, beat)
    is_asked = holding.is_relink_asked(library)
    is_explained = not _is_alarming(gone - len(found), present)
    if is_asked or is_explained:
        relinking.take(difference, found)
        found = []
        scan.moved, scan.added, scan.gone = len(difference.moved), len(difference.added), len(difference.gone)
    if is_explained:
        return False
    if is_asked:
        _apply(scan, Difference(moved=difference.moved), beat)
    holding.ask(library, difference.gone, known, present=present, found={row.id for row, _, _ in found}, beat=beat)
    with transaction.atomic():
        holding.end_relink(library)
        reason = f"{len(difference.gone):,} of {present:,} files are no longer there."
        is_untouched = len(difference.gone) == gone
        _set_state(library, Library.State.HELD, f"{reason} Nothing was changed." if is_untouched else reason)
        work.renew(scan)
    _close(scan, error=library.state_reason)
    return True


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


def _apply(scan: Scan, difference: Difference, beat: Callable[[], None]) -> None:
    """Writes a difference, in short transactions of `CHUNK` files; can be stopped and repeated at any point.

    Each holds the scan's lease: once it was lost, the same files may be another scan's, or nobody's any more.
    """
    library = scan.library

    def write(items: Iterable[T], save: Callable[[list[T]], None], *, wakes: bool = False) -> None:
        for chunk in chunks(items):
            with transaction.atomic():
                work.renew(scan)
                save(chunk)
            if wakes:
                work.wake_analysis()
            beat()

    write(difference.moved, _move)
    write(difference.added.items(), lambda added: _add(library, added), wakes=True)
    write(difference.changed, _change)
    write(difference.returned, _return)
    write(difference.gone, _lose)
    if not difference.is_empty:
        work.wake_analysis()


def chunks(items: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """Lists of at most `size` items."""
    chunk: list[T] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def known_files(library: Library) -> dict[str, Known]:
    """All files of a library by path: one query, and 50 MB for 100,000."""
    rows = File.objects.filter(library=library).order_by()
    return {
        path: Known(id_, Stat(size, mtime), missing is not None)
        for id_, path, size, mtime, missing in rows.values_list(
            "id", "path", "size_bytes", "mtime_ns", "missing_since"
        ).iterator(chunk_size=5000)
    }


def _really_gone(library: Library, known: dict[str, Known], gone: list[Known]) -> list[Known]:
    """Those whose file is not there now either: an upload may have put it there after the walk had passed."""
    if library.kind != Library.Kind.MANAGED or not gone:
        return gone
    ids = {row.id for row in gone}
    at = {row.id: path for path, row in known.items() if row.id in ids}
    return [row for row in gone if not os.path.lexists(os.path.join(library.root_path, paths.to_path(at[row.id])))]


def _add(library: Library, added: list[tuple[str, Stat]]) -> None:
    """New files, each with a photo that was not read yet. Paths that are known by now are left alone."""
    already = set(
        File.objects.filter(library=library, path__in=[path for path, _ in added]).values_list("path", flat=True)
    )
    new = [(path, stat) for path, stat in added if path not in already]
    photos = Photo.objects.bulk_create([Photo(library=library, size_bytes=stat.size_bytes) for _, stat in new])
    File.objects.bulk_create(
        File(library=library, photo=photo, path=path, size_bytes=stat.size_bytes, mtime_ns=stat.mtime_ns)
        for photo, (path, stat) in zip(photos, new, strict=True)
    )


def _change(changed: list[tuple[Known, Stat]]) -> None:
    """Files with new content: to be read again, and nothing is expected of those that were edited in place.

    But under the name of one that was gone for a scan there may be any other picture now, as cameras begin to count
    anew; and one that seemed to have moved, and was not read yet, may never have been what it seemed. They are taken
    for edited by nobody: if they do not hold what was there before, they are photos of their own.
    """
    stats = {known.id: stat for known, stat in changed}
    was_gone = {known.id for known, _ in changed if known.is_missing}
    files = _locked(stats)
    for file in files:
        file.size_bytes, file.mtime_ns = stats[file.id].size_bytes, stats[file.id].mtime_ns
        if file.is_read and file.id not in was_gone:
            file.digest = ""
    _read_again(files)


def _move(moved: list[tuple[Known, str, Stat]]) -> None:
    """Files under a new path: to be read again, since only the content proves that they are the same."""
    places = {known.id: (path, stat) for known, path, stat in moved}
    files = _locked(places)
    for file in files:
        file.path, stat = places[file.id]
        file.size_bytes, file.mtime_ns = stat.size_bytes, stat.mtime_ns
    _read_again(files)
    search_text.write(file.photo_id for file in files)


def _return(returned: list[Known]) -> None:
    """Files that are back, as they were by size and time; what they hold is looked at once more."""
    _read_again(_locked(known.id for known in returned))


def _locked(ids: Iterable[int]) -> list[File]:
    """Files that nobody else changes before the end of the transaction: first their photos are locked, then they, both
    by id, as a worker does that records what it read."""
    rows = File.objects.filter(id__in=list(ids))
    photo_ids = set(rows.order_by().values_list("photo_id", flat=True))
    list(Photo.objects.select_for_update().filter(id__in=photo_ids).order_by("id").values_list("id"))
    return list(rows.select_for_update().order_by("id"))


def _read_again(files: list[File]) -> None:
    """Saves the files as unread and queues their photos. One that a worker holds is taken from it: its result would be
    stale. What becomes of a file that holds something else than its photo, `recording` decides when it was read."""
    for file in files:
        file.missing_since, file.is_read = None, False
    columns = ["path", "size_bytes", "mtime_ns", "missing_since", "digest", "is_read"]
    File.objects.bulk_update(files, columns, batch_size=100)
    Photo.objects.filter(id__in=[file.photo_id for file in files]).update(
        work_state=WorkState.READY, attempts=0, error="", lease_owner="", lease_until=None, missing_since=None
    )


def read_as_changed(file_ids: Iterable[int]) -> None:
    """Has files read again that hold something else than was read, as if somebody had edited them in place."""
    with transaction.atomic():
        files = _locked(file_ids)
        for file in files:
            file.digest = ""
        _read_again(files)


def _lose(gone: list[Known]) -> None:
    """Files that vanished: noted, and nothing else. A photo is missing when none of its files is left."""
    now = timezone.now()
    files = _locked(known.id for known in gone)
    affected = {file.photo_id for file in files}
    File.objects.filter(id__in=[file.id for file in files], missing_since__isnull=True).update(missing_since=now)
    present = File.objects.filter(photo=OuterRef("pk"), missing_since__isnull=True)
    lost = Photo.objects.filter(~Exists(present), id__in=affected, missing_since__isnull=True)
    # Never read and not there any more: there is nothing to show and nothing to keep.
    lost.filter(digest__isnull=True).delete()
    lost.update(missing_since=now, work_state=WorkState.DONE, error="", lease_owner="", lease_until=None)
    # What failed on a file that is gone may go well with another one.
    Photo.objects.filter(Exists(present), id__in=affected, work_state=WorkState.FAILED).update(
        work_state=WorkState.READY, attempts=0
    )


def _count(scan: Scan, found: Walk, difference: Difference) -> None:
    scan.seen, scan.skipped = len(found.found), found.skipped
    scan.added, scan.changed = len(difference.added), len(difference.changed)
    scan.moved, scan.gone = len(difference.moved), len(difference.gone)
    notes = []
    if found.links:
        notes.append(f"{found.links:,} links were not followed: PictoPy reads only what lies in the folder itself.")
    for folder in sorted(found.unreadable)[:50]:
        notes.append(f"Could not be read: {paths.display(folder)}")
    if len(found.unreadable) > 50:
        notes.append(f"... and {len(found.unreadable) - 50:,} more.")
    scan.notes = "\n".join(notes)


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
        with os.scandir(library.root_path) as entries:
            return next(entries, None) is not None or not library.files.filter(missing_since__isnull=True).exists()
    except OSError:
        return False


def mark_offline(library: Library) -> None:
    _set_state(
        library, Library.State.OFFLINE, "The folder could not be read. If it lies on a drive, the drive may be away."
    )
