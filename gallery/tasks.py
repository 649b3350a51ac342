"""What the queue runs. Tasks take ids, call services, and may come twice or not at all."""

from __future__ import annotations

import datetime as dt
import logging
import time
from contextlib import suppress

from django.conf import settings
from django.db import DatabaseError, transaction
from django.http import Http404
from django.utils import timezone

from gallery import (
    joins,
    libraries,
    pipeline,
    purging,
    recording,
    rendering,
    renditions,
    scanning,
    steps,
    thumbnails,
    told,
    trash,
    uploads,
    work,
)
from gallery.analysis import analyzers
from gallery.doctor import running
from gallery.duplicates import bulk, finding
from gallery.models import Condition, Library, Photo, Scan, WorkState
from gallery.thumbnails import StorageFull, free_bytes

logger = logging.getLogger(__name__)

# A worker goes back to the queue after this long, so that scans and clustering get their turn in a long import, and a
# stop does not have to wait.
_TURN_S = 5
# With less than this much space free nothing is written; work goes on by itself when there is more.
MIN_FREE_BYTES = 200_000_000


def analyze() -> None:
    """Works on ready photos until none is left or its turn is over."""
    if _is_disk_full():
        return
    work.return_abandoned()
    _pin_threads()
    deadline = time.monotonic() + _TURN_S
    among = steps.within_reach()
    # Before it gives up, a worker looks for the work of one that died meanwhile.
    while batch := work.claim_photos(settings.PICTOPY.batch_size, among=among) or (
        work.return_abandoned() and work.claim_photos(settings.PICTOPY.batch_size, among=among)
    ):
        try:
            pipeline.process(batch)
        except StorageFull as error:
            _tell_full(str(error))
            return
        if time.monotonic() > deadline:
            work.wake(work.ANALYZE)
            return
    if not Photo.objects.filter(work_state=WorkState.CLAIMED).exists():
        settle()


def _pin_threads() -> None:
    """Keeps native code to this worker's share of the cores; more would only make the workers wait for each other."""
    import cv2

    from gallery.vision import sessions

    cv2.setNumThreads(settings.PICTOPY.threads_per_worker)
    sessions.set_threads(settings.PICTOPY.threads_per_worker)


def settle() -> None:
    """Gives analyzers the word for what they do over all photos, and others who waited for the queue to be empty."""
    with work.contained("joins", "Files that are one photo cannot be put together"):
        joins.settle()
    for analyzer in analyzers():
        with work.contained(f"settle-{analyzer.name}", f"{analyzer.title}: what was found cannot be put together"):
            analyzer.settle()
    told.settle()
    with work.contained("settle-duplicates", "Photos that look alike cannot be found"):
        finding.wake_stale()
    work.wake_rendering()


def scan(library_id: int) -> None:
    """Runs the waiting scan of a library, if there still is one and none is running."""
    claimed = work.claim_scan(library_id)
    if claimed is None:
        return
    try:
        scanning.run_scan(claimed)
        joins.after_scan(claimed)
    except work.LeaseLost as lost:
        logger.warning("%s", lost)
        return
    except Exception as error:  # like a photo's: what nobody foresaw becomes a reason that a person reads
        logger.exception("scan %d failed", claimed.pk)
        if isinstance(error, DatabaseError) and recording.says_full(error):
            _tell_full(recording.FULL)
        with suppress(DatabaseError):  # where not even this can be written, its lease runs out
            scanning.fail(claimed, error)
    if work.waiting_scans().filter(library_id=library_id).exists():
        # Its own message came while this one was running, and was spent.
        work.wake(work.SCAN, library_id)


def render() -> None:
    """Makes the copy of one film, and sees to it that the next one has its turn. Photos come first."""
    if _is_disk_full():
        return
    work.return_abandoned()
    if work.has_ready_photos(steps.within_reach()):
        work.wake_analysis()  # whoever finds none left wakes this again
        return
    claimed = work.claim_rendition()
    if claimed is None:
        return
    _pin_threads()
    try:
        rendering.make(claimed, _give_way)
    except StorageFull as error:
        _tell_full(str(error))
        return
    if not work.is_stopping():
        work.wake_rendering()


def _give_way() -> None:
    """What this worker does in between while it copies a film."""
    if work.has_ready_photos(steps.within_reach()):
        analyze()
    if settings.PICTOPY.workers == 1:  # nobody else looks for new files
        for library_id in list(work.waiting_scans().values_list("library_id", flat=True)):
            scan(library_id)


def purge() -> None:
    """Deletes for good what people threw away."""
    purging.purge()


def doctor() -> None:
    """Looks at what the doctor was asked to, and mends."""
    running.run_waiting()


def find_duplicates(library_id: int) -> None:
    """Looks for photos of a library that look alike, until its turn is over."""
    if not finding.find(library_id):
        work.wake(finding.FIND, library_id)


def decide_duplicates() -> None:
    """Keeps the best of each group for which somebody asked for that, or takes it back, until its turn is over."""
    if not bulk.decide():
        work.wake(bulk.DECIDE)


def sweep() -> None:
    """Every minute: takes back abandoned work, starts due scans, queues what new models want, wakes workers, and ends
    uploads and deletions that a sudden end left behind."""
    work.note_condition("sweep", "")
    if not _is_disk_full():
        work.clear_condition("disk-full")
    work.return_abandoned()
    steps.queue_stale()
    _request_due_scans()
    uploads.sweep()
    trash.empty_due()
    running.sweep()
    if purging.is_open():
        work.wake(work.PURGE)
    if bulk.is_open():
        work.wake(bulk.DECIDE)
    for library_id in work.waiting_scans().values_list("library_id", flat=True):
        work.wake(work.SCAN, library_id)
    for analyzer in analyzers():
        with work.contained(f"sweep-{analyzer.name}", f"{analyzer.title}: what waits cannot be woken"):
            analyzer.sweep()
    libraries.go_on_removing(_TURN_S)
    _tidy_daily()
    if work.has_ready_photos():
        work.wake_analysis()
    else:
        settle()


def _request_due_scans() -> None:
    """Of whole libraries, also those that are held or offline: what was missed may be back."""
    now = timezone.now()
    for library in Library.objects.filter(scan_every_min__gt=0).exclude(state=Library.State.LEAVING):
        last = Scan.objects.filter(library=library, scope__isnull=True).order_by("-id").first()
        if last is None or (
            last.work_state in {WorkState.DONE, WorkState.FAILED}
            and (now - last.requested_at).total_seconds() >= library.scan_every_min * 60
        ):
            # Not removed this very moment.
            with suppress(Http404), transaction.atomic():
                scanning.request_scan(library)


def _tidy_daily() -> None:
    last = Condition.objects.filter(key="tidied").values_list("at", flat=True).first()
    if last is None or timezone.now() - last > dt.timedelta(days=1):
        work.note_condition("tidied", "")  # first, so that a walk that is cut short is not begun anew every minute
        with work.contained("tidy", "Left-over files cannot be cleaned away"):
            thumbnails.tidy()
            renditions.queue_missing()
        scanning.forget_old()


def _is_disk_full() -> bool:
    try:
        free = free_bytes()
    except OSError:
        return False
    if free >= MIN_FREE_BYTES:
        return False
    if not Condition.objects.filter(key="disk-full").exists():
        _tell_full(f"Only {free / 1e6:,.0f} MB are free on the disk that holds PictoPy's data.")
    return True


def _tell_full(text: str) -> None:
    """Also where the database lies on the full disk: then the log is the one place to tell it."""
    logger.error("%s", text)
    try:
        work.note_condition("disk-full", text)
    except DatabaseError as error:
        logger.error("nor can this be noted for the pages: %s", error)
