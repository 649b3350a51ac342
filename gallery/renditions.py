"""Copies of films that every browser plays: which there are to be, where they lie, and making them anew.

They are derivatives, beside the thumbnails and by content hash like them, and may be deleted at any time. `rendering`
makes them. The film may also be the moving part in the file of a motion photo.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from django.db import transaction
from django.db.models import Q, QuerySet

from gallery import thumbnails, work
from gallery.models import Photo, Rendition, WorkState

VERSION = "1"


def path(digest: str) -> Path:
    """Where the copy of the film in the content `digest` (64 hex digits) lies. It may not exist."""
    return thumbnails.path(digest, "small").with_name(f"{digest}-film.mp4")


def exists(digest: str) -> bool:
    """Whether the copy is there and not empty (a power cut can leave an empty file behind)."""
    try:
        return path(digest).stat().st_size > 0
    except OSError:
        return False


def want(looked_at: Iterable[tuple[Photo, bool | None]]) -> None:
    """Notes for photos that were just recorded whether they need a copy; None: nobody looked. In their transaction.

    One query where no film is among them.
    """
    needs = {photo.pk: (photo, needed) for photo, needed in looked_at if needed is not None}
    if not needs:
        return
    known = {row.photo_id: row for row in Rendition.objects.filter(photo__in=needs)}
    Rendition.objects.filter(photo__in=[pk for pk in known if not needs[pk][1]]).delete()
    made = []
    for pk, (photo, needed) in sorted(needs.items()):
        row = known.get(pk)
        if not needed or (row is not None and row.digest == photo.digest):
            continue
        made.append(Rendition(photo=photo, digest=photo.digest or ""))
    Rendition.objects.bulk_create(
        made,
        update_conflicts=True,
        unique_fields=["photo"],
        update_fields=["digest", "percent", "work_state", "attempts", "lease_until", "lease_owner", "error"],
    )


def is_ready(rendition: Rendition | None, photo: Photo) -> bool:
    """Whether a copy of exactly this content can be sent. One that should be there and is not is made again."""
    if rendition is None or rendition.work_state != WorkState.DONE or rendition.digest != photo.digest:
        return False
    if exists(rendition.digest):
        return True
    make_again(Rendition.objects.filter(pk=rendition.pk, work_state=WorkState.DONE))
    return False


@transaction.atomic
def make_again(rows: QuerySet[Rendition]) -> int:
    """Gives copies another three attempts; returns how many."""
    count = rows.exclude(work_state=WorkState.CLAIMED).update(
        work_state=WorkState.READY, attempts=0, percent=0, error="", lease_owner="", lease_until=None
    )
    if count:
        work.wake_rendering()
    return count


def queue_missing() -> int:
    """Has copies made again whose file is not there. Looks at one file for each; returns how many."""
    rows = Rendition.objects.filter(work_state=WorkState.DONE, photo__missing_since=None)
    lacking = [pk for pk, digest in rows.order_by("pk").values_list("pk", "digest") if not exists(digest)]
    count = 0
    for start in range(0, len(lacking), 500):
        count += make_again(Rendition.objects.filter(Q(pk__in=lacking[start : start + 500])))
    return count
