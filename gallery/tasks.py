"""What the queue runs. Tasks take ids, call services, and may come twice or not at all."""

from __future__ import annotations

import logging
import time

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from gallery import pipeline, purging, scanning, trash, uploads, work
from gallery.analysis import analyzers
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
    # Before it gives up, a worker looks for the work of one that died meanwhile.
    while batch := work.claim_photos(settings.PICTOPY.batch_size) or (
        work.return_abandoned() and work.claim_photos(settings.PICTOPY.batch_size)
    ):
        try:
            pipeline.process(batch)
        except StorageFull as error:
            logger.error("%s", error)
            work.note_condition("disk-full", str(error))
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
    """Gives analyzers the word for what they do over all photos."""
    for analyzer in analyzers():
        analyzer.settle()


def scan(library_id: int) -> None:
    """Runs the waiting scan of a library, if there still is one."""
    claimed = work.claim_scan(library_id)
    if claimed is None:
        return
    try:
        scanning.run_scan(claimed)
    except Exception as error:  # like a photo's: what nobody foresaw becomes a reason that a person reads
        logger.exception("scan %d failed", claimed.pk)
        scanning.fail(claimed, error)


def purge() -> None:
    """Deletes for good what people threw away."""
    purging.purge()


def sweep() -> None:
    """Every minute: takes back abandoned work, starts due scans, queues what new models want, wakes workers, and ends
    uploads and deletions that a sudden end left behind."""
    work.note_condition("sweep", "")
    if not _is_disk_full():
        work.clear_condition("disk-full")
    work.return_abandoned()
    pipeline.queue_stale()
    _request_due_scans()
    uploads.sweep()
    trash.empty_due()
    if purging.is_open():
        work.wake(work.PURGE)
    for library_id in Scan.objects.filter(work_state=WorkState.READY).values_list("library_id", flat=True):
        work.wake(work.SCAN, library_id)
    if work.has_ready_photos():
        work.wake_analysis()
    else:
        settle()


def _request_due_scans() -> None:
    now = timezone.now()
    for library in Library.objects.filter(scan_every_min__gt=0).exclude(state=Library.State.HELD):
        last = Scan.objects.filter(library=library).order_by("-id").first()
        if last is None or (
            last.work_state in {WorkState.DONE, WorkState.FAILED}
            and (now - last.requested_at).total_seconds() >= library.scan_every_min * 60
        ):
            with transaction.atomic():
                scanning.request_scan(library)


def _is_disk_full() -> bool:
    try:
        free = free_bytes()
    except OSError:
        return False
    if free >= MIN_FREE_BYTES:
        return False
    if not Condition.objects.filter(key="disk-full").exists():
        work.note_condition("disk-full", f"Only {free / 1e6:,.0f} MB are free on the disk that holds PictoPy's data.")
    return True
