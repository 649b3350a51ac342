"""What people and other apps may ask for: scans, retries, favourites, forgetting."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from gallery import kept, losses, renditions, work
from gallery.models import File, Library, Mark, Photo, Receipt, Rendition, Scan, WorkState
from gallery.scanning import request_scan

__all__ = ["Progress", "forget_missing", "progress", "request_scan", "retry_photos", "set_favourite"]

# Photos per second are counted over this long.
_RATE_S = 60
_PORTION = 500


@transaction.atomic
def set_favourite(user: AbstractBaseUser, photo_ids: Iterable[int], *, is_favourite: bool) -> int:
    """Sets or takes the user's own mark; the ids must come from `visible_to(user)`. Returns how many there are."""
    marks = [Mark(user_id=user.pk, photo_id=photo_id, favourite=is_favourite) for photo_id in sorted(set(photo_ids))]
    Mark.objects.bulk_create(
        marks, update_conflicts=True, unique_fields=["user", "photo"], update_fields=["favourite", "changed_at"]
    )
    return len(marks)


@transaction.atomic
def retry_photos(photos: QuerySet[Photo]) -> int:
    """Gives failed photos, photos with a failed analysis and copies of films another three attempts. Returns of how
    many photos."""
    failed_receipt = Receipt.objects.filter(photo=OuterRef("pk"), state=Receipt.State.FAILED)
    again = photos.filter(Q(work_state=WorkState.FAILED) | Exists(failed_receipt)).exclude(
        work_state__in=[WorkState.READY, WorkState.CLAIMED]
    )
    ids = set(again.values_list("id", flat=True))
    copies = Rendition.objects.filter(photo__in=photos, work_state=WorkState.FAILED)
    of_copies = set(copies.values_list("photo_id", flat=True))
    renditions.make_again(Rendition.objects.filter(photo__in=of_copies))
    if Photo.objects.filter(id__in=ids).update(work_state=WorkState.READY, attempts=0, error=""):
        work.wake_analysis()
    return len(ids | of_copies)


def forget_missing(library: Library, *, until: dt.datetime | None = None) -> int:
    """Removes the photos of a library whose files are gone, with everything made of them. Asked for by a person only.

    `until`: only those that were missing then, when the person was told what goes with them. Returns how many. Cascades
    to albums, marks, faces and receipts, and their parts that are missing go with them. Thumbnails stay: another
    library may show the same content.
    """
    missing = losses.forgettable(library, until or timezone.now()).order_by("id")
    count = 0
    # In portions: with SQLite nobody else can write while one is deleted.
    while ids := list(missing.values_list("id", flat=True)[:_PORTION]):
        with transaction.atomic():
            # Looked at once more with the lock: a scan may have found one a moment ago.
            held = list(missing.select_for_update().filter(id__in=ids).values_list("id", flat=True))
            parts = File.objects.filter(main__in=held, photo__missing_since__isnull=False).order_by()
            alone = Photo.objects.filter(imported_at__isnull=True, id__in=list(parts.values_list("photo", flat=True)))
            alone.delete()
            Photo.objects.filter(id__in=held).delete()
            kept.touch([library.pk])
        count += len(held)
    return count


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the work on a library is. Counts are photos; `rate` is photos per second over the last minute."""

    total: int
    done: int
    failed: int
    open: int
    rate: float
    is_scanning: bool

    @property
    def percent(self) -> int:
        return 100 if not self.open else min(99, 100 * (self.total - self.open) // max(1, self.total))

    @property
    def is_active(self) -> bool:
        return self.is_scanning or self.open > 0

    @property
    def time_left(self) -> dt.timedelta | None:
        """None while nothing was finished in the last minute."""
        return dt.timedelta(seconds=round(self.open / self.rate)) if self.rate and self.open else None


def progress(libraries: Iterable[Library]) -> dict[int, Progress]:
    """Progress by library id: four queries however many libraries there are.

    What is only a part of another photo is not counted once it was read.
    """
    ids = [library.pk for library in libraries]
    # Scans first: one that ends between the queries then counts as open once too often, and nobody stops looking.
    scanning = set(
        Scan.objects.filter(library_id__in=ids, work_state__in=[WorkState.READY, WorkState.CLAIMED]).values_list(
            "library_id", flat=True
        )
    )
    counts: dict[int, dict[str, int]] = {id_: {} for id_ in ids}
    rows = Photo.objects.filter(library_id__in=ids).order_by().values_list("library_id", "work_state")
    for library_id, state, count in rows.annotate(count=Count("id")):
        counts[library_id][state] = count
    hidden = File.objects.filter(library_id__in=ids, photo__imported_at__isnull=True, photo__work_state=WorkState.DONE)
    parts = dict(
        hidden.exclude(role=File.Role.PRIMARY)
        .order_by()
        .values_list("library_id")
        .annotate(count=Count("photo", distinct=True))
    )
    now = timezone.now()
    recent = dict(
        Photo.objects.filter(library_id__in=ids, worked_at__gte=now - dt.timedelta(seconds=_RATE_S))
        .order_by()
        .values_list("library_id")
        .annotate(count=Count("id"))
    )
    result = {}
    for id_ in ids:
        state = counts[id_]
        waiting = state.get(WorkState.READY, 0) + state.get(WorkState.CLAIMED, 0)
        result[id_] = Progress(
            total=sum(state.values()) - parts.get(id_, 0),
            done=state.get(WorkState.DONE, 0) - parts.get(id_, 0),
            failed=state.get(WorkState.FAILED, 0),
            open=waiting,
            rate=recent.get(id_, 0) / _RATE_S,
            is_scanning=id_ in scanning,
        )
    return result
