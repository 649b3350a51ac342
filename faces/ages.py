"""How old somebody is in a photo."""

from __future__ import annotations

import datetime as dt

# Below this many years people count months.
_IN_MONTHS = 2


def age(born: dt.date | None, on: dt.date | None) -> str:
    """The age on a day, as people say it: "3 months" under two years, then "4 years"; empty before the birth.

    Who was born on the last day of a long month is a month older on the last day of a shorter one's successor's first:
    29 February counts as 1 March in other years, as in law.
    """
    if born is None or on is None or on < born:
        return ""
    months = (on.year - born.year) * 12 + on.month - born.month - (on.day < born.day)
    if months >= _IN_MONTHS * 12:
        return f"{months // 12} years"
    if months == 0:
        days = (on - born).days
        return "newborn" if days < 7 else f"{days // 7} week{'s' if days >= 14 else ''}"
    return f"{months} month{'s' if months > 1 else ''}"


def span(born: dt.date | None, first: dt.date | None, last: dt.date | None) -> str:
    """The ages between two photos: "3 months to 4 years". Empty without a date of birth, or before it."""
    if first is not None and born is not None and first < born <= (last or first):
        first = born
    youngest, oldest = age(born, first), age(born, last)
    return youngest if youngest == oldest else " to ".join(filter(None, (youngest, oldest)))
