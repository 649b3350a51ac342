"""Ages in words."""

from __future__ import annotations

import datetime as dt

import pytest

from faces import ages


@pytest.mark.parametrize(
    ("born", "day", "said"),
    [
        ("2010-05-17", "2010-05-16", ""),
        ("2010-05-17", "2010-05-17", "newborn"),
        ("2010-05-17", "2010-06-16", "newborn"),
        ("2010-05-17", "2010-06-17", "1 month"),
        ("2010-05-17", "2012-05-16", "23 months"),
        ("2010-05-17", "2012-05-17", "2 years"),
        ("2010-05-17", "2060-01-01", "49 years"),
        ("2010-01-31", "2010-02-28", "newborn"),
        ("2010-01-31", "2010-03-01", "1 month"),
        ("2012-02-29", "2015-02-28", "2 years"),
        ("2012-02-29", "2015-03-01", "3 years"),
        ("2012-02-29", "2016-02-29", "4 years"),
    ],
)
def test_an_age_is_told_in_the_words_people_use(born: str, day: str, said: str) -> None:
    assert ages.age(dt.date.fromisoformat(born), dt.date.fromisoformat(day)) == said


def test_without_a_date_there_is_no_age() -> None:
    assert ages.age(None, dt.date(2020, 1, 1)) == ages.age(dt.date(2020, 1, 1), None) == ""
    assert ages.years(dt.date(2020, 1, 1), dt.date(2019, 1, 1)) is None
    assert ages.years(dt.date(2000, 6, 1), dt.date(2019, 5, 31)) == 18
