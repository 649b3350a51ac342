"""Deleting for good what a person threw away: file, derivatives, rows, in this order.

The wish stands in the row (`Photo.purge_asked_at`), and each step may be repeated: what a sudden end left, the next run
finishes. A file is deleted only where a managed library lies, through no link, and only while its content is what the
photo is known by; a photo whose file holds something else stays in the trash and is read again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.db import transaction
from django.db.models import Q, QuerySet

from gallery import kept, staging, thumbnails, work
from gallery.models import File, Library, Photo, WorkState

logger = logging.getLogger(__name__)

_forgetters: list[Callable[[str], None]] = []


def register(forget: Callable[[str], None]) -> None:
    """Adds what deletes an app's derivatives of a content, given its digest. Call it from `ready()`."""
    _forgetters.append(forget)


def purge() -> int:
    """Deletes all that was asked for; returns how many photos. What cannot be reached now is left for the next time."""
    deleted = last = 0
    asked = Photo.objects.filter(purge_asked_at__isnull=False).select_related("library").order_by("pk")
    while photo := asked.filter(pk__gt=last).first():
        last = photo.pk
        try:
            deleted += _purge(photo)
        except (staging.StorageAway, staging.NoSpace) as error:
            logger.warning("photo %d could not be deleted: %s", photo.pk, error)
    if deleted:
        work.wake_analysis()  # groups of faces follow
    return deleted


def is_open() -> bool:
    """Whether there is anything to delete."""
    return Photo.objects.filter(purge_asked_at__isnull=False).exists()


def _purge(photo: Photo) -> bool:
    # With the film of a live photo, and the RAW file behind a JPEG: they were thrown away as one.
    files = list(_files(photo))
    if photo.library.kind != Library.Kind.MANAGED:
        _keep(photo)
        return False
    with staging.opened(photo.library) as root:
        for file in files:
            digest = file.digest or file.photo.digest
            if not digest:
                continue  # of which nobody knows what it holds: it stays
            try:
                staging.delete_original(root, file, digest)
            except staging.ContentChanged:
                logger.warning("file %d holds something else than photo %d: nothing was deleted", file.pk, photo.pk)
                _keep(photo)
                return False
    ids = {file.pk for file in files}
    parts = [part for part in {file.photo for file in files} - {photo} if not part.files.exclude(pk__in=ids).exists()]
    for deleted in (photo, *parts):
        _delete_derivatives(deleted)
    with transaction.atomic():
        # What a scan found meanwhile is read first: it is not what the person threw away.
        is_wanted = Photo.objects.select_for_update().filter(pk=photo.pk, purge_asked_at__isnull=False).exists()
        if is_wanted and set(_files(photo).values_list("pk", flat=True)) <= ids:
            File.objects.filter(main=photo, pk__in=ids).delete()
            Photo.objects.filter(pk__in=[part.pk for part in parts], files=None).delete()
            photo.delete()
            kept.touch([photo.library_id])
            return True
    return False


def _files(photo: Photo) -> QuerySet[File]:
    return File.objects.filter(Q(photo=photo) | Q(main=photo)).select_related("photo").order_by("pk")


@transaction.atomic
def _keep(photo: Photo) -> None:
    """Takes the wish back and has the photo's files read again; it stays in the trash."""
    files = _files(photo)
    ids = set(files.values_list("photo_id", flat=True))
    files.order_by().update(is_read=False)
    Photo.objects.filter(pk=photo.pk).update(purge_asked_at=None)
    Photo.objects.filter(pk__in={photo.pk, *ids}).update(
        work_state=WorkState.READY, attempts=0, lease_owner="", lease_until=None
    )
    work.wake_analysis()


def _delete_derivatives(photo: Photo) -> None:
    """Small pictures and all else that is kept by content, unless another photo has the same."""
    if not photo.digest or Photo.objects.filter(digest=photo.digest).exclude(pk=photo.pk).exists():
        return
    folder = thumbnails.path(photo.digest, "small").parent
    for derivative in folder.glob(f"{photo.digest}-*") if folder.is_dir() else ():
        derivative.unlink(missing_ok=True)
    for forget in _forgetters:
        forget(photo.digest)
