"""Dates and offsets as texts: what is understood, and what is impossible."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

EARLIEST = dt.datetime(1826, 1, 1)  # before the first photograph; scanned prints may carry old dates
EPOCH = dt.datetime(1970, 1, 1)
QUICKTIME_ZERO = dt.date(1904, 1, 1)  # where the clock of QuickTime and MP4 starts (ISO/IEC 14496-12, 8.2.2)

_DATE = re.compile(
    r"\s*(\d{4})[:/\-. ](\d{1,2})[:/\-. ](\d{1,2})"
    r"(?:[ T]+(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d{1,9}))?)?\s*(Z|[+-]\d{1,2}:?\d{2})?)?"
)
_OFFSET = re.compile(r"\s*([+-])(\d{1,2}):?(\d{2})\s*$")


@dataclass(frozen=True, slots=True)
class Reading:
    """One clock as written: naive local time, minutes east of UTC if it says so, and whether it says a time of day."""

    local: dt.datetime
    utc_offset_min: int | None = None
    has_time: bool = True


def parse_date(text: str, *, now: dt.datetime) -> dt.datetime | None:
    """`2024:05:17 14:05:09` and its common misspellings; None for zeros, impossible dates and the future.

    Midnight of 1 January 1970 is refused too: it is what a clock says that was never set. `now` is naive UTC.
    """
    reading = parse_reading(text, now=now)
    return reading.local if reading and reading.has_time else None


def parse_reading(text: str, *, now: dt.datetime) -> Reading | None:
    """A date of EXIF, XMP (ISO 8601) or QuickTime, with its fraction and offset, or a day alone; None as parse_date."""
    match = _DATE.match(text)
    if not match:
        return None
    year, month, day = (int(match[i]) for i in (1, 2, 3))
    hour, minute, second = (int(match[i] or 0) for i in (4, 5, 6))
    if hour > 24 or minute > 59 or second > 60:
        return None
    try:
        # A leap second, and 24:00, which some cameras write.
        moment = dt.datetime(year, month, day) + dt.timedelta(hours=hour, minutes=minute, seconds=min(second, 59))
    except (ValueError, OverflowError):
        return None
    if match[7]:
        moment = moment.replace(microsecond=int(match[7][:6].ljust(6, "0")))
    if not is_possible(moment, now=now):
        return None
    offset = 0 if match[8] == "Z" else parse_offset(match[8] or "")
    return Reading(moment, offset, has_time=match[4] is not None)


def is_possible(moment: dt.datetime, *, now: dt.datetime) -> bool:
    """Whether a photo can be from then: no unset clock, nothing before photography, nothing after tomorrow."""
    if moment < EARLIEST or moment > now + dt.timedelta(days=1):
        return False
    return moment != EPOCH and moment.date() != QUICKTIME_ZERO


def is_possible_moment(moment: dt.datetime, *, now: dt.datetime) -> bool:
    """The same for a naive UTC moment, which will be moved into a zone: all of 1 January 1970 is an unset clock."""
    return is_possible(moment, now=now) and moment.date() != EPOCH.date()


def is_reset(moment: dt.datetime) -> bool:
    """Whether it is the very start of a year: where cameras begin to count (1980, 2000, the year of the model) when
    their battery was empty. A photo may be from then, but hardly any is."""
    return moment.replace(microsecond=0) == dt.datetime(moment.year, 1, 1)


def parse_offset(text: str) -> int | None:
    """`+02:00` in minutes east of UTC; None unless it is a time zone that exists (-12:00 to +14:00)."""
    match = _OFFSET.match(text)
    if not match:
        return None
    minutes = int(match[2]) * 60 + int(match[3])
    minutes = -minutes if match[1] == "-" else minutes
    return minutes if -720 <= minutes <= 840 and int(match[3]) < 60 else None


def with_fraction(moment: dt.datetime, digits: str) -> dt.datetime:
    """The moment with the decimal digits of EXIF's SubSecTime; what is no number changes nothing."""
    match = re.match(r"\s*(\d{1,9})", digits)
    return moment.replace(microsecond=int(match[1][:6].ljust(6, "0"))) if match else moment
