"""Names of places: country, region and city of a position, without asking anybody outside this machine.

The towns are GeoNames' (`gazetteer`), each a point with a number of people. The town of a position is the one whose
disc is nearest: a disc that holds its people as densely as an inner city does, so that a photo in a quarter of Berlin
is from Berlin, and one in Potsdam from Potsdam. Towns in another time zone than the position's are passed over, which
keeps most borders; out at sea (beyond the coastal waters) there is no name at all.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from gallery import gazetteer, timezones
from gallery.gazetteer import City

# A town names what is not further from it than this; the country is that of a town within the second distance, and on
# land where people are few, of the nearest in the same time zone within the third.
CITY_KM = 25.0
NEAR_KM = 100.0
FAR_KM = 1500.0
# Radius of a town's disc in km: this times the root of its population, or 35,000 people for each square km.
_DISC_KM = 0.003
_LOOKED_AT = 24
_NUMBER = r"([+\-]?\d{1,3}(?:[.]\d+)?)\s*°?"
_DECIMAL = re.compile(rf"{_NUMBER}\s*([NS]?)\s*[,;\s]\s*{_NUMBER}\s*([EW]?)")
_PART = r"(\d{1,3})°\s*(?:(\d{1,2}(?:[.]\d+)?)['′]\s*)?(?:(\d{1,2}(?:[.]\d+)?)(?:\"|″|'')\s*)?"
_SEXAGESIMAL = re.compile(rf"{_PART}([NS])[,;\s]*{_PART}([EW])")


@dataclass(frozen=True, slots=True)
class Place:
    """Names as GeoNames spells them in English; empty where there is none."""

    country: str = ""
    region: str = ""
    city: str = ""

    @property
    def title(self) -> str:
        """For example "Munich, Bavaria, Germany"."""
        return title(self.city, self.region, self.country)


def title(city: str, region: str, country: str) -> str:
    """The names from small to large; a region that only repeats the city is left out ("Singapore")."""
    return ", ".join(dict.fromkeys(part for part in (city, region, country) if part))


def name(latitude: float, longitude: float) -> Place:
    """Names of a position in degrees. The first call in a process reads the data (a second); then 10,000 a second."""
    zone = timezones.at(latitude, longitude)
    if zone is None:
        return Place()
    longitude = (longitude + 180) % 360 - 180
    known = gazetteer.load()
    numbers, distances = known.within(latitude, longitude, CITY_KM)
    if not len(numbers):  # seldom, and the wider circle takes longer
        numbers, distances = known.within(latitude, longitude, NEAR_KM)
    if not len(numbers):
        return _far(known, latitude, longitude, zone)
    nearest = next((place for place in range(min(len(numbers), _LOOKED_AT)) if _is_in(known, numbers[place], zone)), 0)
    home = numbers[nearest]
    if distances[nearest] > CITY_KM:
        found = known.city(int(home))
        return Place(found.country[:80], found.region[:120], "")
    # Among towns of the same region, so that a large one does not reach over a border.
    same = (known.regions[numbers] == known.regions[home]) & (distances <= CITY_KM)
    discs = _DISC_KM * np.sqrt(known.populations[numbers[same]])
    found = known.city(int(numbers[same][np.argmin(distances[same] - discs)]))
    return Place(found.country[:80], found.region[:120], found.name[:120])


def _far(known: gazetteer.Gazetteer, latitude: float, longitude: float, zone: str) -> Place:
    """Where nobody lives: the country of the nearest town in the same zone."""
    numbers, _ = known.within(latitude, longitude, FAR_KM)
    home = next((number for number in numbers[: 40 * _LOOKED_AT] if _is_in(known, number, zone)), None)
    return Place(known.city(int(home)).country[:80]) if home is not None else Place()


def _is_in(known: gazetteer.Gazetteer, number: int, zone: str) -> bool:
    latitude, longitude = known.positions[number]
    return timezones.at(float(latitude), float(longitude)) == zone


def find(text: str, limit: int = 8) -> list[City]:
    """Towns by the beginning of their names: "muni", "Paris, Texas"."""
    return gazetteer.load().find(text, limit)


def read_position(text: str) -> tuple[float, float] | None:
    """Latitude and longitude in degrees that a person typed or copied from a map, or None.

    "48.1374, 11.5755", "48.1374° N, 11.5755° E", "48°8′14″N 11°34′31″E".
    """
    typed = " ".join(text.replace("−", "-").split()).upper()
    if match := _DECIMAL.fullmatch(typed):
        latitude, south, longitude, west = match.groups()
        return _on_earth(float(latitude) * _sign(south), float(longitude) * _sign(west))
    if match := _SEXAGESIMAL.fullmatch(typed):
        parts = match.groups()
        return _on_earth(_degrees(*parts[:3]) * _sign(parts[3]), _degrees(*parts[4:7]) * _sign(parts[7]))
    return None


def _sign(letter: str) -> int:
    return -1 if letter in {"S", "W"} else 1


def _degrees(degrees: str, minutes: str | None, seconds: str | None) -> float:
    return int(degrees) + float(minutes or 0) / 60 + float(seconds or 0) / 3600


def _on_earth(latitude: float, longitude: float) -> tuple[float, float] | None:
    inside = abs(latitude) <= 90 and abs(longitude) <= 180 and not math.isnan(latitude + longitude)
    return (round(latitude, 7), round(longitude, 7)) if inside else None
