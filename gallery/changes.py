"""Changing when and where photos were taken, for any number at once, and taking it back.

A `Change` is what a person did in one go; its `ChangedPhoto` rows say what each photo was before and after. Ids of
photos that the person may not edit are passed over, as if they were not there.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from gallery import decided, kept, search_text
from gallery.access import Viewer, editable_by
from gallery.edits import ClearPosition, Edit, SetPosition, SetTaken, SetUndated, SetZone, Shift
from gallery.models import Change, ChangedPhoto, Photo
from gallery.timezones import Zone

# What is remembered of a photo: a group is taken back as a whole or not at all.
_TAKEN = ("taken_local", "utc_offset_min", "taken_source", "offset_source", "is_day_only")
_POSITION = ("latitude", "longitude", "altitude_m", "country", "region", "city")
_GROUPS = {"taken": _TAKEN, "position": _POSITION}
_WRITTEN = (*_TAKEN, *_POSITION, "month", "sort_at", "set_by_people")
_PORTION = 1000
# How many of their changes people see and may take back.
LISTED = 50


class AlreadyUndone(Exception):  # noqa: N818
    """This change was taken back before."""


@dataclass(frozen=True, slots=True)
class Done:
    """`change` is None when nothing was changed. `same`: photos that the change made no difference to."""

    change: Change | None
    changed: int
    same: int


@dataclass(frozen=True, slots=True)
class Undone:
    """`left`: photos that were changed again since, are gone, or are not the person's to edit any more."""

    restored: int
    left: int


def editable(viewer: Viewer) -> QuerySet[Photo]:
    """Photos that are shown and that the viewer may change for everyone."""
    return editable_by(viewer).filter(imported_at__isnull=False, trashed_at__isnull=True)


def change_taken(
    user: AbstractBaseUser, photo_ids: Iterable[int], edit: SetTaken | SetUndated, zone: Zone | None = None
) -> Done:
    """Sets the date, or takes it away; with `zone`, the time zone as well. Raises ImpossibleDate."""
    return apply(user, photo_ids, [edit, SetZone(zone)] if zone else [edit])


def change_position(user: AbstractBaseUser, photo_ids: Iterable[int], position: tuple[float, float] | None) -> Done:
    """Sets where the photos were taken (degrees), with its names and, where nobody told it, the time zone."""
    return apply(user, photo_ids, [SetPosition(*position) if position else ClearPosition()])


def shift_taken(user: AbstractBaseUser, photo_ids: Iterable[int], by: dt.timedelta, *, about: str = "") -> Done:
    """Moves the dates of the photos. Raises ImpossibleDate, and then none is moved. `about` begins its entry."""
    return apply(user, photo_ids, [Shift(by)], about=about)


@transaction.atomic
def apply(user: AbstractBaseUser, photo_ids: Iterable[int], edits: Sequence[Edit], *, about: str = "") -> Done:
    """Applies all edits, one after the other, to each photo. Raises ImpossibleDate, and then nothing is changed.

    Locks the photos. One read and two writes for each thousand; 10,000 photos take a second or two.
    """
    change = Change.objects.create(user_id=user.pk)
    changed, same = 0, 0
    libraries: set[int] = set()
    for photos in _portions(editable(user), photo_ids):
        rows: list[ChangedPhoto] = []
        touched: list[Photo] = []
        for photo in photos:
            before = _values(photo)
            for edit in edits:
                edit.apply(photo)
            after = _values(photo)
            differing = [name for name in before if before[name] != after[name]]
            if not differing:
                same += 1
                continue
            rows.append(
                ChangedPhoto(
                    change=change,
                    photo=photo,
                    before={name: before[name] for name in differing},
                    after={name: after[name] for name in differing},
                )
            )
            touched.append(photo)
        _write(touched)
        ChangedPhoto.objects.bulk_create(rows, batch_size=_PORTION)
        changed += len(rows)
        libraries.update(photo.library_id for photo in touched)
    if not changed:
        change.delete()
        return Done(None, 0, same)
    said = ", ".join(edit.said for edit in edits)
    change.text = f"{about or _count(changed)}: {said}"[:200]
    change.save()
    kept.touch(libraries)
    return Done(change, changed, same)


def recent(viewer: Viewer) -> list[Change]:
    """What the viewer changed last, newest first: one query."""
    return list(of(viewer)[:LISTED])


def of(viewer: Viewer) -> QuerySet[Change]:
    """The viewer's own changes. Nobody takes back what somebody else did: they may change it anew."""
    return Change.objects.filter(user_id=viewer.pk or 0)


@transaction.atomic
def undo_change(change: Change, by: AbstractBaseUser) -> Undone:
    """Gives photos back what they had before, as far as it is still what the change made it.

    The change must come from `of(by)`. Raises AlreadyUndone. Date and place are taken back apart: a photo whose place
    was changed again gets its date back and counts as left.
    """
    if not Change.objects.filter(pk=change.pk, undone_at__isnull=True).update(undone_at=timezone.now()):
        raise AlreadyUndone
    restored, left, last = 0, change.photos.count(), 0
    libraries: set[int] = set()
    while rows := list(change.photos.filter(pk__gt=last).order_by("pk")[:_PORTION]):
        last = rows[-1].pk
        by_photo = {row.photo_id: row for row in rows}
        touched = []
        for photos in _portions(editable(by), by_photo):
            for photo in photos:
                row = by_photo[photo.pk]
                was_whole, is_touched = _restore(photo, row.before, row.after)
                restored += was_whole
                if is_touched:
                    touched.append(photo)
        _write(touched)
        libraries.update(photo.library_id for photo in touched)
    if libraries:
        kept.touch(libraries)
    return Undone(restored, left - restored)


def _restore(photo: Photo, before: dict[str, Any], after: dict[str, Any]) -> tuple[bool, bool]:
    """Sets back the groups that are still what the change made them: whether all were, and whether any was."""
    now = _values(photo)
    groups = {part: [name for name in names if name in after] for part, names in _GROUPS.items()}
    hers = set(after.get("set_by_people", now["set_by_people"])) - set(before.get("set_by_people", []))
    parts = set(decided.parts(photo))
    whole, is_touched = True, False
    for part, names in groups.items():
        if not names and part not in hers:
            continue
        if any(now[name] != after[name] for name in names):
            whole = False
            continue
        for name in names:
            _set(photo, name, before[name])
        if "set_by_people" in after and part in hers:
            parts.discard(part)
        is_touched = True
    decided.put(photo, parts)
    photo.set_taken(photo.taken, utc_offset_min=photo.utc_offset_min, source=photo.taken_source)
    return whole, is_touched


def _values(photo: Photo) -> dict[str, Any]:
    """The remembered columns, as JSON holds them."""
    values = {name: getattr(photo, name) for name in (*_TAKEN, *_POSITION)}
    values["taken_local"] = photo.taken.isoformat() if photo.taken else None
    values["set_by_people"] = sorted(decided.parts(photo))
    return values


def _set(photo: Photo, name: str, value: Any) -> None:
    if name == "taken_local" and value is not None:
        value = dt.datetime.fromisoformat(value).replace(tzinfo=dt.UTC)
    setattr(photo, name, value)


def _portions(photos: QuerySet[Photo], photo_ids: Iterable[int]) -> Iterator[list[Photo]]:
    """The photos with these ids, locked, in the order of their ids, so that two changes never wait for each other."""
    ids = sorted(set(photo_ids))
    columns = ("id", "library_id", *_WRITTEN)
    for start in range(0, len(ids), _PORTION):
        rows = photos.filter(pk__in=ids[start : start + _PORTION]).only(*columns)
        yield list(rows.select_for_update(of=("self",), no_key=True).order_by("pk"))


def _write(photos: Sequence[Photo]) -> None:
    """Saves the columns that edits change, with one prepared statement: `bulk_update` takes ten times as long."""
    if not photos:
        return
    # `concrete_fields` have columns; `get_field` may be anything to mypy.
    fields = [field for field in Photo._meta.concrete_fields if field.name in _WRITTEN]
    quote = connection.ops.quote_name
    columns = ", ".join(f"{quote(str(field.column))} = %s" for field in fields)
    rows = [
        [*(field.get_db_prep_save(getattr(photo, field.attname), connection) for field in fields), photo.pk]
        for photo in photos
    ]
    with connection.cursor() as cursor:
        cursor.executemany(f"UPDATE {quote(Photo._meta.db_table)} SET {columns} WHERE {quote('id')} = %s", rows)
    search_text.write(photo.pk for photo in photos)  # it names the place


def _count(number: int) -> str:
    return f"{number:,} {'photo' if number == 1 else 'photos'}"
