"""How old somebody was on a day, in the words that people use. Pure."""

from __future__ import annotations

import datetime as dt

# Up to here months are told.
MONTHS_UNTIL_YEARS = 2


def months(born: dt.date, day: dt.date) -> int | None:
    """Whole months from birth to `day`; None before birth.

    Who was born on the 31st, or on 29 February, is a month or year older on the first day after where the month has no
    such day.
    """
    if day < born:
        return None
    return (day.year - born.year) * 12 + day.month - born.month - (day.day < born.day)


def years(born: dt.date, day: dt.date) -> int | None:
    """Whole years from birth to `day`; None before birth."""
    whole = months(born, day)
    return None if whole is None else whole // 12


def age(born: dt.date | None, day: dt.date | None) -> str:
    """The age in words: "7 years", under two years "14 months", in the first month "newborn".

    Empty before birth, or if a date is missing.
    """
    whole = months(born, day) if born and day else None
    if whole is None:
        return ""
    if whole == 0:
        return "newborn"
    if whole < MONTHS_UNTIL_YEARS * 12:
        return f"{whole} month{'' if whole == 1 else 's'}"
    return f"{whole // 12} years"
