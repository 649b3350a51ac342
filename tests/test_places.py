"""Names of places without a network: the towns of GeoNames, borders, seas, poles and the date line."""

from __future__ import annotations

import math
import random
import subprocess
import sys
import time

import numpy as np
import pytest

from gallery import gazetteer, places
from gallery.places import Place

KNOWN = {
    "Munich, Bavaria, Germany": (48.1374, 11.5755),
    "Berlin, State of Berlin, Germany": (52.498, 13.403),  # Kreuzberg is a town of its own in the data
    "Potsdam, Brandenburg, Germany": (52.404, 13.038),
    "Paris, Île-de-France, France": (48.8584, 2.2945),
    "Neuilly-sur-Seine, Île-de-France, France": (48.8848, 2.2685),
    "Hoboken, New Jersey, United States": (40.744, -74.03),  # across the river from New York
    "Sydney, New South Wales, Australia": (-33.8568, 151.2153),
    "Kreuzlingen, Thurgau, Switzerland": (47.645, 9.17),  # Konstanz, in Germany, begins at the next house
    "Konstanz, Baden-Wurttemberg, Germany": (47.66, 9.175),
}


@pytest.mark.parametrize(("title", "position"), list(KNOWN.items()))
def test_a_position_gets_the_names_of_its_town(title: str, position: tuple[float, float]) -> None:
    assert places.name(*position).title == title


def test_out_at_sea_and_at_the_poles_there_is_no_name() -> None:
    for position in ((30.0, -40.0), (56.0, 3.0), (90.0, 0.0), (-90.0, 0.0), (-60.0, 179.99)):
        assert places.name(*position) == Place(), position


def test_far_from_all_towns_only_the_country_is_said() -> None:
    assert places.name(23.5, 9.0) == Place("Algeria")
    assert places.name(72.0, -40.0) == Place("Greenland")


def test_the_date_line_divides_nothing() -> None:
    assert places.name(-16.8, 179.99) == places.name(-16.8, -179.99) == places.name(-16.8, 180.01)
    assert places.name(-16.8, 180.0).country == "Fiji"
    known = gazetteer.load()
    west, _ = known.within(-16.8, 179.9, 500)
    east, _ = known.within(-16.8, -179.9, 500)
    for numbers in (west, east):
        assert {known.city(int(number)).longitude > 0 for number in numbers} == {True, False}


@pytest.mark.slow
def test_the_grid_finds_exactly_what_looking_at_every_town_finds() -> None:
    known = gazetteer.load()
    positions = known.positions.astype(np.float64)
    rng = random.Random(4)
    spots = [(rng.uniform(-90, 90), rng.uniform(-180, 180)) for _ in range(60)]
    spots += [(89.9, 10), (-89.9, 10), (66.0, 179.9), (65.0, -179.95), (0.0, 0.0), (-90, 180), (78.2, 15.6)]
    found_some = 0
    for latitude, longitude in spots:
        for radius_km in (25.0, 100.0, 400.0):
            north, east = np.radians(positions).T
            here_north, here_east = math.radians(latitude), math.radians(longitude)
            inner = np.sin(north) * math.sin(here_north) + np.cos(north) * math.cos(here_north) * np.cos(
                east - here_east
            )
            chord_km = np.sqrt(np.maximum(0, 2 - 2 * inner)) * gazetteer.EARTH_KM
            wanted = set(np.flatnonzero(chord_km <= radius_km - 0.05))
            allowed = set(np.flatnonzero(chord_km <= radius_km + 0.05))
            numbers, distances = known.within(latitude, longitude, radius_km)
            assert wanted <= set(numbers) <= allowed
            assert list(distances) == sorted(distances)
            found_some += len(numbers)
    assert found_some > 1000


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("munich", "Munich, Bavaria, Germany"),
        ("paris, te", "Paris, Texas, United States"),
        ("koln", "Köln, North Rhine-Westphalia, Germany"),
        ("york", "York, England, United Kingdom"),
        ("new york", "New York City, New York, United States"),
    ],
)
def test_towns_are_found_by_their_beginning_without_accents(text: str, first: str) -> None:
    assert places.find(text)[0].title == first


def test_what_is_no_town_finds_none() -> None:
    assert places.find("x") == places.find("") == places.find("qqzzqq") == places.find("munich, japan") == []
    assert len(places.find("san", limit=5)) == 5


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("48.1374, 11.5755", (48.1374, 11.5755)),
        ("48.1374° N, 11.5755° E", (48.1374, 11.5755)),
        ("33.8568 s 151.2153 e", (-33.8568, 151.2153)),
        ("−33.8,151", (-33.8, 151.0)),
        ("48°8′14″N 11°34′31″E", (48.1372222, 11.5752778)),
        ("91, 0", None),
        ("0, 181", None),
        ("Munich", None),
        ("48,1374 11", None),
        ("", None),
    ],
)
def test_coordinates_are_read_as_maps_write_them(text: str, position: tuple[float, float] | None) -> None:
    assert places.read_position(text) == position


def test_more_than_two_thousand_positions_a_second_are_named() -> None:
    places.name(48.0, 11.0)
    rng = random.Random(1)
    spots = [(rng.uniform(36, 60), rng.uniform(-5, 30)) for _ in range(2000)]
    began = time.process_time()
    for spot in spots:
        places.name(*spot)
    assert time.process_time() - began < 1


@pytest.mark.slow
def test_the_towns_take_less_than_forty_megabytes() -> None:
    said = subprocess.run([sys.executable, "-c", _MEASURE], capture_output=True, text=True, check=True).stdout
    assert 0 < int(said) < 40_000


_MEASURE = """
import numpy
from gallery import gazetteer
def resident_kb():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS"))
before = resident_kb()
known = gazetteer.load()
assert len(known) > 100_000
print(resident_kb() - before)
"""
