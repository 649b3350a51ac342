"""Where a picture was taken."""

from __future__ import annotations

import datetime as dt

import pytest

from gallery import metadata
from gallery.metadata.places import from_iso6709
from tests.metadata.making import tagged, xmp

NOW = dt.datetime(2026, 11, 22, 12)


def place(exif: dict[str, str], packet: bytes = b"") -> tuple[float | None, float | None]:
    found = metadata.read(tagged({f"Exif.GPSInfo.{key}": value for key, value in exif.items()}, packet=packet), now=NOW)
    return found.latitude, found.longitude


SYDNEY = {"GPSLatitude": "33/1 51/1 2448/100", "GPSLongitude": "151/1 12/1 5508/100"}


@pytest.mark.parametrize(("south", "east"), [("S", "E"), ("s", "e"), ("South", "East"), (" S", "E ")])
def test_letters_of_all_sorts(south: str, east: str) -> None:
    found = place({**SYDNEY, "GPSLatitudeRef": south, "GPSLongitudeRef": east})
    assert found == pytest.approx((-33.8568, 151.2153), abs=1e-4)


def test_degrees_without_any_letter_are_not_believed() -> None:
    assert place(SYDNEY) == (None, None)


def test_letters_of_the_other_direction_are_not_believed() -> None:
    assert place({**SYDNEY, "GPSLatitudeRef": "E", "GPSLongitudeRef": "S"}) == (None, None)


def test_seconds_that_are_zero_over_zero_are_none() -> None:
    found = place({"GPSLatitude": "48/1 5150/100 0/0", "GPSLatitudeRef": "N",
                   "GPSLongitude": "2/1 1766/100 0/0", "GPSLongitudeRef": "W"})  # fmt: skip
    assert found == pytest.approx((48.8583, -2.2943), abs=1e-4)


@pytest.mark.parametrize("latitude", ["0/1 0/1 0/1", "91/1 0/1 0/1", "0/0 0/0 0/0"])
def test_no_fix_and_no_place_on_earth(latitude: str) -> None:
    zero = {"GPSLatitudeRef": "N", "GPSLongitude": "0/1 0/1 0/1", "GPSLongitudeRef": "E"}
    assert place({"GPSLatitude": latitude, **zero}) == (None, None)


@pytest.mark.parametrize(
    ("latitude", "longitude"), [("48,51.5N", "2,17.67E"), ("48,51,30N", "2,17,40.2E"), ("48.858333", "2.2945")]
)
def test_places_of_xmp(latitude: str, longitude: str) -> None:
    found = place({}, xmp(attributes=f'exif:GPSLatitude="{latitude}" exif:GPSLongitude="{longitude}"'))
    assert found == pytest.approx((48.8583, 2.2945), abs=1e-3)


def test_a_sidecar_moves_the_picture() -> None:
    beside = metadata.Sidecar(metadata.Kind.XMP, xmp(attributes='exif:GPSLatitude="10,0S" exif:GPSLongitude="20,0W"'))
    data = tagged({"Exif.GPSInfo.GPSLatitudeRef": "N", "Exif.GPSInfo.GPSLatitude": "48/1 0/1 0/1",
                   "Exif.GPSInfo.GPSLongitudeRef": "E", "Exif.GPSInfo.GPSLongitude": "2/1 0/1 0/1"})  # fmt: skip
    found = metadata.read(data, now=NOW, sidecars=[beside])
    assert (found.latitude, found.longitude) == (-10, -20)


def test_altitude_below_the_sea() -> None:
    data = tagged({"Exif.GPSInfo.GPSLatitudeRef": "N", "Exif.GPSInfo.GPSLatitude": "31/1 30/1 0/1",
                   "Exif.GPSInfo.GPSLongitudeRef": "E", "Exif.GPSInfo.GPSLongitude": "35/1 30/1 0/1",
                   "Exif.GPSInfo.GPSAltitudeRef": "1", "Exif.GPSInfo.GPSAltitude": "430/1"})  # fmt: skip
    assert metadata.read(data, now=NOW).altitude_m == -430


@pytest.mark.parametrize(
    "text", ["+48.8583+002.2945+035.000/", "+48.8583+002.2945/", "+4851.498+00217.67/", "+485129.9+0021740.2/"]
)
def test_places_of_videos(text: str) -> None:
    found = from_iso6709(text)
    assert found is not None
    assert (found.latitude, found.longitude) == pytest.approx((48.8583, 2.2945), abs=1e-4)


@pytest.mark.parametrize("text", ["", "+00.0000+000.0000/", "48.85,2.29", "+99.0+002.0/", "+-+-"])
def test_no_places_of_videos(text: str) -> None:
    assert from_iso6709(text) is None
