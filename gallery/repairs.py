"""Making again what can be made again: after a restore, or when files of the data directory were deleted."""

from __future__ import annotations

from django.db import transaction

from gallery import thumbnails, work
from gallery.models import Photo, Receipt, WorkState

_PORTION = 500


def queue_without_thumbnails() -> int:
    """Queues every photo whose thumbnails are not all there, and only for those. Returns how many.

    Looks at three files for each photo: seconds for 100,000 of them. Photos whose file is gone cannot be helped.
    """
    photos = Photo.objects.filter(digest__isnull=False, imported_at__isnull=False, missing_since__isnull=True)
    photos = photos.exclude(work_state=WorkState.CLAIMED)
    lacking = [
        pk for pk, digest in photos.order_by("pk").values_list("pk", "digest") if not thumbnails.exist(digest or "")
    ]
    for start in range(0, len(lacking), _PORTION):
        ids = lacking[start : start + _PORTION]
        with transaction.atomic():
            Receipt.objects.filter(photo__in=ids, analyzer=thumbnails.NAME).delete()
            Photo.objects.filter(pk__in=ids).update(work_state=WorkState.READY, attempts=0, error="")
    if lacking:
        work.wake_analysis()
    return len(lacking)
