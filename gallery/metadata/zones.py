"""Which time zone holds at a place, and what a clock there says. Offline: tzfpy's borders, the system's zoneinfo."""

from __future__ import annotations

import datetime as dt
import zoneinfo

import tzfpy


def zone_at(latitude: float, longitude: float) -> str:
    """The name of the zone (`Europe/Paris`, at sea `Etc/GMT+2`); "" when none is known."""
    return str(tzfpy.get_tz(longitude, latitude) or "")


def offset_of(zone: str, local: dt.datetime, *, utc: dt.datetime | None = None) -> int | None:
    """Minutes east of UTC of a naive local time in a zone; None when the zone is unknown.

    In the hour that comes twice in autumn, a naive UTC moment from elsewhere (a receiver) decides which; without one it
    is the first. In the hour that spring leaves out, the clock was not put forward yet: the offset before counts.
    """
    info = _zone(zone)
    if info is None:
        return None
    offsets = [_minutes(local.replace(tzinfo=info, fold=fold)) for fold in (0, 1)]
    if utc is not None and offsets[0] != offsets[1]:
        offsets.sort(key=lambda minutes: abs((local - dt.timedelta(minutes=minutes) - utc).total_seconds()))
    return offsets[0]


def local_of(zone: str, utc: dt.datetime) -> tuple[dt.datetime, int] | None:
    """A naive UTC moment as naive local time in the zone, with the offset in minutes; None when the zone is unknown."""
    info = _zone(zone)
    if info is None:
        return None
    try:
        local = utc.replace(tzinfo=dt.UTC).astimezone(info)
    except (OverflowError, ValueError):
        return None
    return local.replace(tzinfo=None, fold=0), _minutes(local)


def _zone(name: str) -> zoneinfo.ZoneInfo | None:
    try:
        return zoneinfo.ZoneInfo(name) if name else None
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _minutes(moment: dt.datetime) -> int:
    offset = moment.utcoffset()
    return round(offset.total_seconds() / 60) if offset else 0
