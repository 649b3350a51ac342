"""The trash: photos that are shown nowhere until somebody brings them back or, of uploads, deletes them for good.

Putting a photo there changes its row and no file, so for external libraries it means "hidden from PictoPy". Scans keep
the row, so a rescan brings nothing back. Only `purging` deletes files, and only those of managed libraries.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone

from gallery import kept, work
from gallery.access import libraries_editable_by, removable_by, trashed_for
from gallery.models import Library, Photo, WorkState
from gallery.photosets import PhotoSet

_PORTION = 500


@dataclass(frozen=True, slots=True)
class Moved:
    """How many photos went to the trash (managed) and were hidden (external), and the moment, which undoes it."""

    trashed: int
    hidden: int
    at: dt.datetime

    @property
    def count(self) -> int:
        return self.trashed + self.hidden


@dataclass(frozen=True, slots=True)
class TrashedLibrary:
    """A library with what lies in its trash. `is_managed`: it can be deleted for good."""

    library: Library
    count: int
    latest: dt.datetime
    deleting: int

    @property
    def is_managed(self) -> bool:
        return self.library.kind == Library.Kind.MANAGED


def move(user: User, photo_ids: Iterable[int]) -> Moved:
    """Puts photos into the trash, those of them that the user may remove. One transaction."""
    now = timezone.now()
    counts: dict[str, int] = {}
    touched: set[int] = set()
    with transaction.atomic():
        for portion in _portions(photo_ids):
            rows = removable_by(user).select_for_update(of=("self",), no_key=True).filter(pk__in=portion)
            found = list(rows.order_by("pk").values_list("pk", "library_id", "library__kind"))
            Photo.objects.filter(pk__in=[pk for pk, _, _ in found]).update(trashed_at=now, trashed_by=user)
            for _, library_id, kind in found:
                counts[kind] = counts.get(kind, 0) + 1
                touched.add(library_id)
        kept.touch(touched)
    return Moved(counts.get(Library.Kind.MANAGED, 0), counts.get(Library.Kind.EXTERNAL, 0), now)


def restore(user: User, photo_ids: Iterable[int]) -> int:
    """Brings photos back, with all that people made of them, those of them that the user may. Returns how many."""
    with transaction.atomic():
        return sum(_restore(trashed_for(user).filter(pk__in=portion)) for portion in _portions(photo_ids))


@transaction.atomic
def restore_all(user: User, library: Library) -> int:
    """Brings back all that lies in the trash of a library."""
    return _restore(trashed_for(user).filter(library=library))


@transaction.atomic
def undo(user: User, at: dt.datetime) -> int:
    """Brings back what the user put there at this moment (`Moved.at`)."""
    return _restore(trashed_for(user).filter(trashed_by=user, trashed_at=at))


def _restore(rows: QuerySet[Photo]) -> int:
    found = list(rows.select_for_update(of=("self",), no_key=True).order_by("pk").values_list("pk", "library_id"))
    for portion in _portions(pk for pk, _ in found):
        photos = Photo.objects.filter(pk__in=portion)
        photos.update(trashed_at=None, trashed_by=None)
        # They may have missed what was done to photos meanwhile; what is valid is not done again.
        photos.filter(missing_since__isnull=True, work_state=WorkState.DONE).update(
            work_state=WorkState.READY, attempts=0
        )
    if found:
        work.wake_analysis()
        kept.touch(library_id for _, library_id in found)
    return len(found)


def for_good(user: User, photo_ids: Iterable[int]) -> list[int]:
    """Those of the photos that the user may delete for good: in the trash of a managed library they may edit."""
    found: list[int] = []
    for portion in _portions(photo_ids):
        found += _deletable(user).filter(pk__in=portion).order_by("pk").values_list("pk", flat=True)
    return found


def all_for_good(user: User, library: Library, until: dt.datetime) -> QuerySet[Photo]:
    """All that lay in the trash of a library at a moment and can be deleted."""
    return _deletable(user).filter(library=library, trashed_at__lte=until)


def _deletable(user: User) -> QuerySet[Photo]:
    return trashed_for(user).filter(library__kind=Library.Kind.MANAGED)


def rows(user: User, photo_ids: Iterable[int]) -> list[Photo]:
    """These photos of the trash, as far as the user may bring them back."""
    return list(trashed_for(user).filter(pk__in=list(photo_ids)).order_by("-trashed_at", "-id"))


@transaction.atomic
def delete(user: User, photos: QuerySet[Photo] | Iterable[int]) -> int:
    """Says of photos that they are to be deleted for good; a worker does it (`purging`). Returns how many.

    `photos` are ids, or rows of `all_for_good`. From here on they cannot be brought back.
    """
    ids = photos.values_list("pk", flat=True) if isinstance(photos, QuerySet) else photos
    count = 0
    for portion in _portions(ids):
        count += _deletable(user).filter(pk__in=portion).update(purge_asked_at=timezone.now())
    if count:
        work.wake(work.PURGE)
    return count


def empty_due() -> int:
    """Asks to delete what lay in the trash longer than its library's own rule says. No rule: never. For the sweep."""
    count = 0
    for library in Library.objects.filter(kind=Library.Kind.MANAGED, empty_trash_days__gt=0):
        before = timezone.now() - dt.timedelta(days=library.empty_trash_days)
        due = Photo.objects.filter(library=library, trashed_at__lt=before, purge_asked_at__isnull=True)
        count += due.update(purge_asked_at=timezone.now())
    return count


# --- what the page shows


def libraries(user: User) -> list[TrashedLibrary]:
    """Libraries with something in their trash, the one that was used last first: one query."""
    waiting = Q(photos__trashed_at__isnull=False, photos__purge_asked_at__isnull=True)
    deleting = Q(photos__purge_asked_at__isnull=False)
    rows = (
        libraries_editable_by(user)
        .filter(photos__trashed_at__isnull=False)
        .annotate(count=Count("photos", waiting), deleting=Count("photos", deleting), latest=Max("photos__trashed_at"))
        .order_by("-latest", "pk")
    )
    return [TrashedLibrary(row, row.count, row.latest, row.deleting) for row in rows]


def photo_set(user: User, library: Library, url: str) -> PhotoSet:
    """What lies in the trash of one library, the latest first. Not for pages that show photos to others."""
    rows = trashed_for(user).filter(library=library)
    return PhotoSet("trash", "Trash", url, rows, order=("-trashed_at", "-id"))


def _portions(ids: Iterable[int]) -> Iterator[list[int]]:
    """The ids, each once, in lists that fit into one statement."""
    wanted = sorted(set(ids))
    for start in range(0, len(wanted), _PORTION):
        yield wanted[start : start + _PORTION]
