"""Time zones: of a place, as typed, and on the days when clocks are turned."""

from __future__ import annotations

import datetime as dt

import pytest

from gallery import timezones
from gallery.timezones import Zone

BERLIN = Zone("Europe/Berlin")


def test_the_offset_follows_the_seasons() -> None:
    assert BERLIN.offset_min(dt.datetime(2024, 7, 1, 12)) == 120
    assert BERLIN.offset_min(dt.datetime(2024, 1, 1, 12)) == 60
    assert Zone(fixed_min=345).offset_min(dt.datetime(2024, 7, 1, 12)) == 345


def test_an_hour_that_came_twice_is_the_first_unless_told_otherwise() -> None:
    twice = dt.datetime(2024, 10, 27, 2, 30)
    assert (BERLIN.offset_min(twice), BERLIN.offset_min(twice, fold=1)) == (120, 60)
    assert BERLIN.is_ambiguous(twice)
    assert not BERLIN.is_ambiguous(dt.datetime(2024, 10, 27, 3, 30))


def test_an_hour_that_never_came_is_that_of_the_clock_nobody_turned() -> None:
    assert BERLIN.offset_min(dt.datetime(2024, 3, 31, 2, 30)) == 60


def test_the_zone_of_a_place() -> None:
    assert timezones.at(52.5, 13.4) == "Europe/Berlin"
    assert timezones.at(-17.7, 180.0) == timezones.at(-17.7, -180.0) == "Pacific/Fiji"
    assert timezones.at(30, -40) is None


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("Europe/Berlin", BERLIN),
        ("europe/berlin", BERLIN),
        ("Berlin", BERLIN),
        ("new york", Zone("America/New_York")),
        ("UTC+2", Zone(fixed_min=120)),
        ("gmt-3:30", Zone(fixed_min=-210)),
        ("−05:00", Zone(fixed_min=-300)),
        ("utc", Zone()),
        ("+15", None),
        ("+02:75", None),
        ("Atlantis", None),
        ("", None),
    ],
)
def test_zones_are_read_as_people_type_them(text: str, zone: Zone | None) -> None:
    assert timezones.read(text) == zone
