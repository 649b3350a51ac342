"""What cameras write, and what of it is believed."""

from __future__ import annotations

import datetime as dt

import pytest

from gallery import metadata
from tests.factories import jpeg_bytes

NOW = dt.datetime(2026, 11, 22, 12)


def test_date_camera_and_place_of_a_photo() -> None:
    data = jpeg_bytes(
        64, 48, taken=dt.datetime(2018, 7, 5, 14, 15, 30), offset="+02:00", camera=("Canon", "Canon EOS 5D"),
        gps=(-33.8568, 151.2153),
    )  # fmt: skip
    found = metadata.read(data, now=NOW)
    assert found.taken_local == dt.datetime(2018, 7, 5, 14, 15, 30)
    assert found.taken_source == "exif"
    assert found.utc_offset_min == 120
    assert found.camera == "Canon EOS 5D"
    assert found.latitude == pytest.approx(-33.8568, abs=1e-4)
    assert found.longitude == pytest.approx(151.2153, abs=1e-4)


@pytest.mark.parametrize(
    "text",
    ["0000:00:00 00:00:00", "1970:01:01 00:00:00", "2027:01:01 00:00:00", "2018:02:30 10:00:00", "    :  :     :  :  ",
     "2018:07:05 25:00:00", "2018:07:05 10:61:00", "yesterday", "1500:01:01 10:00:00", ""],
)  # fmt: skip
def test_impossible_dates_are_refused(text: str) -> None:
    assert metadata.parse_date(text, now=NOW) is None


@pytest.mark.parametrize(
    "text", ["2018:07:05 14:15:30", "2018-07-05 14:15:30", "2018/07/05T14:15:30", " 2018:7:5 14:15:30"]
)
def test_common_misspellings_of_dates_are_understood(text: str) -> None:
    assert metadata.parse_date(text, now=NOW) == dt.datetime(2018, 7, 5, 14, 15, 30)


def test_midnight_as_hour_24_is_the_next_day() -> None:
    assert metadata.parse_date("2018:12:31 24:00:00", now=NOW) == dt.datetime(2019, 1, 1)


@pytest.mark.parametrize(
    ("text", "minutes"), [("+02:00", 120), ("-0330", -210), ("+14:00", 840), ("+15:00", None), ("Z", None)]
)
def test_offsets(text: str, minutes: int | None) -> None:
    assert metadata.parse_offset(text) == minutes


def test_a_receiver_without_a_fix_gives_no_place() -> None:
    assert metadata.read(jpeg_bytes(64, 48, gps=(0.0, 0.0)), now=NOW).latitude is None


def test_values_of_the_wrong_kind_are_no_error() -> None:
    found = metadata.from_tags(
        {0x010F: b"\xff\xfeCanon", 0x0110: 7, 0x010E: ("x",)},
        {0x9003: 20180705, 0x829A: "fast", 0x829D: float("nan"), 0x8827: (), 0x920A: -3},
        {1: 5, 2: "north", 3: None, 4: (1, 2, 3, 4)},
        now=NOW,
    )
    assert found.taken is None
    assert found.exposure_s is None
    assert found.latitude is None
    assert found.iso is None


def test_what_is_no_picture_has_no_metadata() -> None:
    assert metadata.read(b"\xff\xd8\xff\xe1 nonsense", now=NOW) == metadata.Metadata()
