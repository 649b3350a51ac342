""" "The camera's clock was wrong": which photos of a camera a person means, and what moving them would do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Count, QuerySet

from gallery import changes, decided, edits
from gallery.access import Viewer
from gallery.models import Photo

# Photos whose dates the preview shows.
SAMPLES = 6


@dataclass(frozen=True, slots=True)
class Camera:
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Wrong:
    """Photos of `camera` from `first` to `last` (days, both included; None: no end), and how far they are to move."""

    camera: str
    by: dt.timedelta
    first: dt.date | None = None
    last: dt.date | None = None
    with_decided: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """One photo with its date before and after; the dates are naive wall-clock time."""

    photo: Photo
    before: dt.datetime
    after: dt.datetime


@dataclass(frozen=True, slots=True)
class Preview:
    """What would happen. `decided`: photos whose date a person set; they move only if they were asked for.

    `day_only`: photos that move by whole days, since nobody knows their time. `problem`: why it cannot be done.
    """

    count: int
    samples: list[Sample]
    decided: int
    day_only: int
    problem: str = ""


def cameras(viewer: Viewer) -> list[Camera]:
    """Cameras of dated photos that the viewer may edit, the busiest first: one query that looks at all of them."""
    rows = (
        changes.editable(viewer)
        .filter(taken_local__isnull=False)
        .exclude(camera="")
        .order_by()
        .values_list("camera")
        .annotate(count=Count("id"))
    )
    return [Camera(name, count) for name, count in sorted(rows, key=lambda row: (-row[1], row[0]))]


def meant(viewer: Viewer, wrong: Wrong) -> QuerySet[Photo]:
    """Dated photos of the camera and time that the viewer may edit, also those whose date a person set."""
    photos = changes.editable(viewer).filter(camera=wrong.camera, taken_local__isnull=False)
    if wrong.first:
        photos = photos.filter(sort_at__gte=_midnight(wrong.first))
    if wrong.last:
        photos = photos.filter(sort_at__lt=_midnight(wrong.last) + dt.timedelta(days=1))
    return photos


def preview(viewer: Viewer, wrong: Wrong) -> Preview:
    """What `correct` would do: four queries, however many photos."""
    everything = meant(viewer, wrong)
    # The column holds words; "taken" is a part of no other.
    by_people = everything.filter(set_by_people__contains="taken").order_by().count()
    photos = everything if wrong.with_decided else everything.exclude(set_by_people__contains="taken")
    count = photos.order_by().count()
    day_only = photos.filter(is_day_only=True).order_by().count()
    rows = _ends(photos)
    try:
        samples = [_sample(photo, wrong.by) for photo in rows]
        for sample in samples:
            edits.check_possible(sample.after)
    except (edits.ImpossibleDate, OverflowError) as error:
        said = str(error) if isinstance(error, edits.ImpossibleDate) else "That leads to no date at all."
        return Preview(count, [], by_people, day_only, said)
    return Preview(count, samples, by_people, day_only)


def correct(user: AbstractBaseUser, wrong: Wrong) -> changes.Done:
    """Moves the photos, as one change that can be undone. Raises ImpossibleDate, and then moves none."""
    photos = meant(user, wrong)
    if not wrong.with_decided:
        photos = photos.exclude(set_by_people__contains="taken")
    ids: Sequence[int] = list(photos.order_by().values_list("pk", flat=True))
    count = f"{len(ids):,} {'photo' if len(ids) == 1 else 'photos'}"
    return changes.shift_taken(user, ids, wrong.by, about=f"Clock of {wrong.camera[:80]}, {count}")


def reading(viewer: Viewer, photo_id: str | None) -> Photo | None:
    """The photo whose right time a person knows, if it can tell how wrong its camera was."""
    if not photo_id or not photo_id.isascii() or not photo_id.isdecimal() or len(photo_id) > 18:
        return None
    photo = changes.editable(viewer).filter(pk=photo_id, taken_local__isnull=False).exclude(camera="").first()
    return photo if photo is not None and not (photo.is_day_only and decided.is_set(photo, "taken")) else None


def _ends(photos: QuerySet[Photo]) -> list[Photo]:
    """The first and the last few photos in the order of time: two queries."""
    first = list(photos.order_by("sort_at", "id")[: SAMPLES // 2])
    last = photos.order_by("-sort_at", "-id").exclude(pk__in=[photo.pk for photo in first])[: SAMPLES // 2]
    return [*first, *reversed(last)]


def _sample(photo: Photo, by: dt.timedelta) -> Sample:
    before = photo.taken
    assert before is not None, "only dated photos are meant"
    return Sample(photo, before, before + (edits.whole_days(by) if photo.is_day_only else by))


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)
