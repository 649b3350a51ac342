"""What a person may change about when and where photos were taken: each edit works on one photo in memory.

No edit touches the database: `changes` applies them to many photos, records what was before, and saves.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Protocol

from django.utils import timezone

from gallery import decided, places, timezones
from gallery.models import Photo
from gallery.places import Place
from gallery.search import describe_range
from gallery.timezones import Zone

FIRST_YEAR = 1800
# GPS and the camera tell an offset to a quarter of an hour.
_QUARTER_MIN = 15


class ImpossibleDate(ValueError):  # noqa: N818
    """A date before photography or in the future; the message is for a person."""


class Edit(Protocol):
    """`said` completes "3 photos: …"; `apply` answers whether there was anything to do for this photo."""

    @property
    def said(self) -> str: ...

    def apply(self, photo: Photo) -> bool: ...


@dataclass(frozen=True, slots=True)
class SetTaken:
    """A new date for all. `time` None: each photo keeps its own time of day; `is_day_only`: the time is not known."""

    day: dt.date
    time: dt.time | None = None
    is_day_only: bool = False

    @property
    def said(self) -> str:
        return f"date set to {describe_range(self.day, self.day)}" + (f", {self.time:%H:%M}" if self.time else "")

    def apply(self, photo: Photo) -> bool:
        """Raises ImpossibleDate."""
        before, time, is_day_only = photo.taken, self.time, self.is_day_only
        if time is None:
            is_day_only = is_day_only or before is None or photo.is_day_only
            time = before.time() if before and not is_day_only else dt.time()
        _set_taken(photo, dt.datetime.combine(self.day, time), is_day_only=is_day_only)
        return True


@dataclass(frozen=True, slots=True)
class SetUndated:
    """Nobody knows when: the photo goes to the end of the timeline."""

    said: str = "date taken away"

    def apply(self, photo: Photo) -> bool:
        photo.set_taken(None, utc_offset_min=None, source="")
        photo.offset_source, photo.is_day_only = "", False
        decided.mark(photo, "taken")
        return True


@dataclass(frozen=True, slots=True)
class Shift:
    """Moves the wall-clock time. Photos of which only the day is known move by whole days; undated ones not at all."""

    by: dt.timedelta

    @property
    def said(self) -> str:
        return f"moved by {say_delta(self.by)}"

    def apply(self, photo: Photo) -> bool:
        """Raises ImpossibleDate."""
        by = whole_days(self.by) if photo.is_day_only else self.by
        if photo.taken is None or not by:
            return False
        offset, source = photo.utc_offset_min, photo.offset_source
        try:
            moved = photo.taken + by
        except OverflowError:
            raise ImpossibleDate(f"{say_delta(by)} leads to no date at all.") from None
        _set_taken(photo, moved, is_day_only=photo.is_day_only)
        if source == Photo.OffsetSource.GPS and offset is not None:
            # It was told by the difference of the camera's clock and that of GPS, so it was wrong by as much.
            quarters = round((offset + by.total_seconds() / 60) / _QUARTER_MIN)
            if timezones.LEAST_MIN <= quarters * _QUARTER_MIN <= timezones.MOST_MIN:
                photo.utc_offset_min = quarters * _QUARTER_MIN
        return True


@dataclass(frozen=True, slots=True)
class SetZone:
    """Another time zone under the same wall-clock time; None: nobody knows it. Undated photos have none."""

    zone: Zone | None

    @property
    def said(self) -> str:
        if self.zone is None:
            return "time zone taken away"
        return f"time zone set to {self.zone.name or say_offset(self.zone.fixed_min)}"

    def apply(self, photo: Photo) -> bool:
        if photo.taken is None:
            return False
        photo.utc_offset_min = self.zone.offset_min(photo.taken) if self.zone else None
        photo.offset_source = Photo.OffsetSource.PERSON
        decided.mark(photo, "taken")
        return True


@dataclass(frozen=True, slots=True)
class SetZoneOfPlace:
    """The time zone that each photo's place lies in; photos without date, place, or out at sea keep theirs."""

    said: str = "time zone set by place"

    def apply(self, photo: Photo) -> bool:
        zone = _zone_of(photo)
        if photo.taken is None or zone is None:
            return False
        photo.utc_offset_min = zone.offset_min(photo.taken)
        photo.offset_source = Photo.OffsetSource.PLACE
        decided.mark(photo, "taken")
        return True


@dataclass(frozen=True, slots=True)
class SetPosition:
    """Where all were taken, in degrees; `names` follow from it."""

    latitude: float
    longitude: float
    names: Place = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", places.name(self.latitude, self.longitude))

    @property
    def said(self) -> str:
        return f"place set to {self.names.title or f'{self.latitude:.4f}, {self.longitude:.4f}'}"

    def apply(self, photo: Photo) -> bool:
        _set_position(photo, (self.latitude, self.longitude), self.names)
        return True


@dataclass(frozen=True, slots=True)
class ClearPosition:
    said: str = "place taken away"

    def apply(self, photo: Photo) -> bool:
        _set_position(photo, None, Place())
        return True


def _set_taken(photo: Photo, taken: dt.datetime, *, is_day_only: bool) -> None:
    check_possible(taken)
    photo.set_taken(taken, utc_offset_min=photo.utc_offset_min, source=Photo.TakenSource.PERSON)
    photo.is_day_only = is_day_only
    decided.mark(photo, "taken")
    _follow(photo)


def _set_position(photo: Photo, position: tuple[float, float] | None, names: Place) -> None:
    photo.latitude, photo.longitude = position or (None, None)
    photo.altitude_m = None
    photo.country, photo.region, photo.city = names.country, names.region, names.city
    decided.mark(photo, "position")
    _follow(photo)


def _follow(photo: Photo) -> None:
    """Works out the offset anew where nobody told it: from the place, else from the household's time zone.

    What the camera, GPS or a person said stands; a person may also have said that it is not known.
    """
    if photo.offset_source not in {"", Photo.OffsetSource.PLACE, Photo.OffsetSource.HOUSEHOLD}:
        return
    zone = _zone_of(photo)
    if photo.taken is None:
        return
    if zone is not None:
        photo.utc_offset_min, photo.offset_source = zone.offset_min(photo.taken), Photo.OffsetSource.PLACE
    elif photo.offset_source == Photo.OffsetSource.HOUSEHOLD:
        photo.utc_offset_min = Zone(timezone.get_default_timezone_name()).offset_min(photo.taken)
    else:
        photo.utc_offset_min, photo.offset_source = None, ""


def _zone_of(photo: Photo) -> Zone | None:
    if photo.latitude is None or photo.longitude is None:
        return None
    name = timezones.at(photo.latitude, photo.longitude)
    return Zone(name) if name else None


def check_possible(taken: dt.datetime) -> None:
    """Raises ImpossibleDate for a wall-clock time when no photo can have been taken."""
    if taken.year < FIRST_YEAR:
        raise ImpossibleDate(f"There are no photos from {taken.year}.")
    # Somewhere it may be tomorrow already.
    if taken > timezone.localtime().replace(tzinfo=None) + dt.timedelta(days=1):
        raise ImpossibleDate(f"{describe_range(taken.date(), taken.date())} is in the future.")


def whole_days(delta: dt.timedelta) -> dt.timedelta:
    """Without the rest that is less than a day, in either direction."""
    return dt.timedelta(days=int(delta / dt.timedelta(days=1)))


def say_delta(delta: dt.timedelta) -> str:
    """ "+1 day 2 hours", "−45 minutes"."""
    minutes, seconds = divmod(round(abs(delta.total_seconds())), 60)
    parts = ((minutes // 1440, "day"), (minutes // 60 % 24, "hour"), (minutes % 60, "minute"), (seconds, "second"))
    said = [f"{count:,} {unit}{'' if count == 1 else 's'}" for count, unit in parts if count]
    return ("−" if delta < dt.timedelta() else "+") + (" ".join(said) or "0 minutes")


def say_offset(minutes: int) -> str:
    """120 -> "UTC+2", -570 -> "UTC−9:30", 0 -> "UTC"."""
    hours, rest = divmod(abs(minutes), 60)
    sign = "−" if minutes < 0 else "+"
    return f"UTC{sign}{hours}{f':{rest:02d}' if rest else ''}" if minutes else "UTC"
