"""When a picture was taken, out of all that speaks of it. docs/dates.md tells people what is said here in code."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterable
from dataclasses import dataclass

from gallery.metadata import clock, zones
from gallery.metadata.places import Place


class Source(enum.StrEnum):
    """Where the date is from, the most trusted first."""

    SIDECAR = "sidecar"  # an .xmp file beside the picture
    EXIF = "exif"
    XMP = "xmp"
    VIDEO = "video"  # the container of a video
    DIGITIZED = "digitized"
    IPTC = "iptc"
    MAKER = "maker"  # the camera's own notes
    TAKEOUT = "takeout"
    GPS = "gps"
    NAME = "name"
    MODIFIED = "modified"
    FILE = "file"


class OffsetSource(enum.StrEnum):
    """How the difference to UTC is known, the most trusted first."""

    TAG = "tag"  # written beside the date
    GPS = "gps"  # clock minus receiver
    PLACE = "place"  # the zone of the coordinates
    CAMERA = "camera"  # the zone set in the camera's menu
    HOUSEHOLD = "household"  # a guess: the zone of the house
    NONE = ""


class Precision(enum.StrEnum):
    SECOND = "second"
    DAY = "day"


class Confidence(enum.StrEnum):
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Taken:
    """`local` is the naive time on the wall where the picture was taken (midnight when only the day is known),
    `utc_offset_min` minutes east of UTC or None."""

    local: dt.datetime
    utc_offset_min: int | None
    source: Source
    offset_source: OffsetSource
    precision: Precision
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class Candidate:
    """One date that a source gives. `moment` is naive: local time, or UTC when `is_utc`."""

    source: Source
    moment: dt.datetime
    utc_offset_min: int | None = None
    has_time: bool = True
    is_utc: bool = False
    confidence: Confidence | None = None


_CONFIDENCE = {
    Source.SIDECAR: Confidence.HIGH,
    Source.EXIF: Confidence.HIGH,
    Source.XMP: Confidence.HIGH,
    Source.VIDEO: Confidence.HIGH,
    Source.MODIFIED: Confidence.LOW,
    Source.FILE: Confidence.LOW,
}
# Offsets that a country has or had in the days of digital cameras, in minutes.
_REAL_OFFSETS = frozenset(
    [*range(-720, 841, 60), -570, -210, -150, 210, 270, 330, 345, 390, 510, 525, 570, 630, 690, 765, 825]
)
_FIX_AGE_S = 150  # how far a camera's clock and the receiver's last fix are apart at most, to tell a time zone
_WRITTEN = {Source.SIDECAR, Source.EXIF, Source.XMP, Source.DIGITIZED, Source.VIDEO}
_LAST = {Source.MODIFIED, Source.FILE}


def choose(
    candidates: Iterable[Candidate],
    *,
    place: Place | None = None,
    gps_utc: dt.datetime | None = None,
    camera_offset_min: int | None = None,
    household_zone: str = "",
) -> Taken | None:
    """The date to believe out of candidates in their order of trust; None when there is none.

    The first one wins, except that the reset of an empty battery gives way to every other source but the last program
    and the file system, and that a mere day is completed by a later candidate of the same day. `gps_utc` is naive UTC.
    """
    known = list(candidates)
    zone = zones.zone_at(place.latitude, place.longitude) if place and known else ""
    best = _best(known)
    if best is None:
        return None
    if best.is_utc:
        return _from_utc(best, zone, household_zone)
    confidence = best.confidence or _CONFIDENCE.get(best.source, Confidence.MEDIUM)
    if best.has_time and clock.is_reset(best.moment):
        confidence = Confidence.LOW
    offset, offset_source = _offset(best, known, zone, gps_utc, camera_offset_min)
    precision = Precision.SECOND if best.has_time else Precision.DAY
    return Taken(best.moment, offset, best.source, offset_source, precision, confidence)


def offset_by_gps(local: dt.datetime, gps_utc: dt.datetime) -> int | None:
    """The offset in minutes that lies between a camera's clock and the receiver's; None when no time zone does."""
    seconds = (local - gps_utc).total_seconds()
    minutes = round(seconds / 900) * 15
    return minutes if minutes in _REAL_OFFSETS and abs(seconds - minutes * 60) <= _FIX_AGE_S else None


def _best(known: list[Candidate]) -> Candidate | None:
    sound = [it for it in known if it.source not in _LAST and not (it.has_time and clock.is_reset(it.moment))]
    for it in sound:
        if it.has_time:
            return it
        same_day = [
            other for other in sound if other.has_time and not other.is_utc and other.moment.date() == it.moment.date()
        ]
        return same_day[0] if same_day else it
    return next(iter(known), None)


def _from_utc(it: Candidate, zone: str, household_zone: str) -> Taken:
    """A source that knows only UTC: local time needs the zone of the place, or, less surely, that of the house."""
    for name, source, confidence in (
        (zone, OffsetSource.PLACE, Confidence.MEDIUM),
        (household_zone, OffsetSource.HOUSEHOLD, Confidence.LOW),
    ):
        local = zones.local_of(name, it.moment)
        if local:
            return Taken(local[0], local[1], it.source, source, Precision.SECOND, confidence)
    return Taken(it.moment, 0, it.source, OffsetSource.NONE, Precision.SECOND, Confidence.LOW)


def _offset(
    best: Candidate, known: list[Candidate], zone: str, gps_utc: dt.datetime | None, camera_offset_min: int | None
) -> tuple[int | None, OffsetSource]:
    if best.utc_offset_min is not None:
        return best.utc_offset_min, OffsetSource.TAG
    if not best.has_time or best.source in _LAST:
        return None, OffsetSource.NONE
    for other in known:
        # The same second written elsewhere in the file, with its offset.
        if other.source in _WRITTEN and other.utc_offset_min is not None and _second(other) == _second(best):
            return other.utc_offset_min, OffsetSource.TAG
    offset = offset_by_gps(best.moment, gps_utc) if gps_utc else None
    if offset is not None:
        return offset, OffsetSource.GPS
    offset = zones.offset_of(zone, best.moment, utc=gps_utc)
    if offset is not None:
        return offset, OffsetSource.PLACE
    if camera_offset_min is not None:
        return camera_offset_min, OffsetSource.CAMERA
    return None, OffsetSource.NONE


def _second(it: Candidate) -> dt.datetime:
    return it.moment.replace(microsecond=0)


def file_candidate(file_time: dt.datetime | None, *, household_zone: str, now: dt.datetime) -> list[Candidate]:
    """The file's own time as a guess: aware, or naive household time; nothing for what no digital file can be from."""
    if file_time is None:
        return []
    local = file_time
    if file_time.tzinfo is not None:
        utc = file_time.astimezone(dt.UTC).replace(tzinfo=None)
        shifted = zones.local_of(household_zone, utc)
        local = shifted[0] if shifted else utc
    if local < dt.datetime(1990, 1, 1) or not clock.is_possible(local, now=now):
        return []
    return [Candidate(Source.FILE, local)]
