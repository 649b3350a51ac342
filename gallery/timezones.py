"""Time zones: which one a place lies in, what a person typed, and how far it is from UTC at some time there."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from dataclasses import dataclass
from functools import lru_cache

from gallery.folding import fold

# No place on earth was ever further from UTC (Manila until 1844 aside).
LEAST_MIN, MOST_MIN = -12 * 60, 14 * 60
_OFFSET = re.compile(r"(?:utc|gmt)?\s*([+\-−])\s*(\d{1,2})(?::?([0-5]\d))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Zone:
    """Either a name, such as "Europe/Berlin", or minutes from UTC that hold all year."""

    name: str = ""
    fixed_min: int = 0

    def offset_min(self, local: dt.datetime, *, fold: int = 0) -> int:
        """Minutes from UTC at the naive wall-clock time `local`, rounded to whole ones.

        A time that came twice (the clocks were turned back) is the first of the two unless `fold` is 1; one that never
        came (turned forward) is taken as the clock that was not turned would show it.
        """
        if not self.name:
            return self.fixed_min
        offset = local.replace(tzinfo=_zone(self.name), fold=fold).utcoffset()
        return round(offset.total_seconds() / 60) if offset is not None else 0

    def is_ambiguous(self, local: dt.datetime) -> bool:
        """Whether this time came twice, or never."""
        return self.offset_min(local) != self.offset_min(local, fold=1)


def at(latitude: float, longitude: float) -> str | None:
    """The name of the zone at a place on land or near a coast; None out at sea, where ships choose their own.

    tzfpy holds the zones' outlines (about 35 MB once used), simplified by some hundred metres. A microsecond.
    """
    import tzfpy

    name = tzfpy.get_tz((longitude + 180) % 360 - 180, min(90.0, max(-90.0, latitude)))
    return name if name and not name.startswith("Etc/") and _is_known(name) else None


def read(text: str) -> Zone | None:
    """What a person typed: "Europe/Berlin", "Berlin", "UTC+2", "-03:30", "Z". None for what is no zone."""
    typed = text.strip()
    if typed.casefold() in {"utc", "gmt", "z"}:
        return Zone()
    if match := _OFFSET.fullmatch(typed):
        sign, hours, minutes = match.groups()
        offset = (int(hours) * 60 + int(minutes or 0)) * (1 if sign == "+" else -1)
        return Zone(fixed_min=offset) if LEAST_MIN <= offset <= MOST_MIN else None
    wanted = fold(typed).replace(" ", "_")
    known = {fold(name): name for name in names()}
    if wanted in known:
        return Zone(known[wanted])
    cities = [name for folded, name in known.items() if folded.rpartition("/")[2] == wanted]
    return Zone(cities[0]) if len(cities) == 1 else None


@lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """Zones named after places ("Europe/Berlin"), in order of the alphabet."""
    areas = (
        "Africa",
        "America",
        "Antarctica",
        "Arctic",
        "Asia",
        "Atlantic",
        "Australia",
        "Europe",
        "Indian",
        "Pacific",
    )
    return tuple(sorted(name for name in zoneinfo.available_timezones() if name.partition("/")[0] in areas))


@lru_cache(maxsize=600)
def _zone(name: str) -> zoneinfo.ZoneInfo:
    return zoneinfo.ZoneInfo(name)


@lru_cache(maxsize=600)
def _is_known(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return False
    return True
