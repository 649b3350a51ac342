"""Dates that cameras, phones and messengers put into file names."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from gallery.metadata import clock

FIRST_YEAR = 1990  # digital cameras; before that, eight digits are a number
_EDGE = r"(?<![0-9])"
_DAY = r"(?P<year>(?:19|20)\d\d)(?P<s>[-_.]?)(?P<month>\d\d)(?P=s)(?P<day>\d\d)"
_TIME = r"(?P<hour>[0-2]\d|\d(?=[.:]))(?P<t>[-_.:h]?)(?P<minute>[0-5]\d)(?P<u>[-_.:m]?)(?P<second>[0-5]\d)"
# 20180705_141530, 2019-03-14 15.22.10, 2020-02-09-142233, IMG_20180705_141530, PXL_20231006_063108407,
# Screenshot_2019-03-14-15-22-10, signal-2020-02-09-142233, 2019-03-14 at 3.22.10 PM. Three digits may follow.
_MOMENT = re.compile(
    rf"{_EDGE}{_DAY}(?:[-_ .T]+| \w{{1,4}} )?{_TIME}(?P<milli>[-_.]?\d{{3}})?(?:\s(?P<half>[AP])M)?(?![0-9])"
)
# IMG-20190314-WA0003, photo_2019-03-14, 20190314.
_DATE = re.compile(rf"{_EDGE}{_DAY}(?![0-9])")
# 1521040930123.jpg, FB_IMG_1521040930123.jpg: milliseconds since 1970, 13 digits from 2001 to 2286.
_MILLISECONDS = re.compile(rf"{_EDGE}(?P<ms>1\d{{12}})(?![0-9])")


@dataclass(frozen=True, slots=True)
class NameDate:
    """A date in a name: naive, `has_time` False for a day alone; `is_utc` when the writer counts in UTC."""

    moment: dt.datetime
    has_time: bool = True
    is_utc: bool = False


def date_in_name(name: str, *, now: dt.datetime) -> NameDate | None:
    """The date in a file's name (without folders); None when there is none or it is impossible. `now` is naive UTC."""
    stem = name.rsplit("/", 1)[-1][:255]
    for match in _MOMENT.finditer(stem):
        moment = _moment(match, now=now)
        if moment:
            # Google's camera app counts in UTC; all the others write the clock on the wall.
            return NameDate(moment, is_utc=stem.upper().startswith(("PXL_", "PXL-")))
    for match in _MILLISECONDS.finditer(stem):
        moment = dt.datetime(1970, 1, 1) + dt.timedelta(milliseconds=int(match["ms"]))
        if moment.year >= FIRST_YEAR and clock.is_possible(moment, now=now):
            return NameDate(moment, is_utc=True)
    for match in _DATE.finditer(stem):
        day = _day(match, now=now)
        if day:
            return NameDate(day, has_time=False)
    return None


def _day(match: re.Match[str], *, now: dt.datetime) -> dt.datetime | None:
    try:
        day = dt.datetime(int(match["year"]), int(match["month"]), int(match["day"]))
    except ValueError:
        return None
    return day if day.year >= FIRST_YEAR and clock.is_possible(day, now=now) else None


def _moment(match: re.Match[str], *, now: dt.datetime) -> dt.datetime | None:
    day = _day(match, now=now)
    hour = int(match["hour"])
    if match["half"] and hour <= 12:
        hour = hour % 12 + (12 if match["half"] == "P" else 0)
    if day is None or hour > 23:
        return None
    moment = day.replace(hour=hour, minute=int(match["minute"]), second=int(match["second"]))
    if match["milli"]:
        moment = moment.replace(microsecond=int(match["milli"].lstrip("-_.")) * 1000)
    return moment if clock.is_possible(moment, now=now) else None
