"""Dates in the names of files."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gallery.metadata.filenames import date_in_name

NOW = dt.datetime(2026, 11, 22, 12)


@pytest.mark.parametrize(
    "name",
    [
        "IMG_20180705_141530.jpg", "20180705_141530.jpg", "20180705141530.jpg", "VID_20180705_141530.mp4",
        "IMG_20180705_141530_HDR.jpg", "IMG_20180705_141530(1).jpg", "Screenshot_2018-07-05-14-15-30.png",
        "Screenshot_20180705-141530_Chrome.jpg", "signal-2018-07-05-141530.jpg", "2018-07-05 14.15.30.jpg",
        "2018-07-05 14.15.30-2.jpg", "photo_2018-07-05_14-15-30.jpg", "DJI_20180705141530_0001_D.JPG",
        "Screen Shot 2018-07-05 at 2.15.30 PM.png",
        "Bildschirmfoto 2018-07-05 um 14.15.30.png", "WhatsApp Image 2018-07-05 at 14.15.30.jpeg",
        "IMG_20180705_141530_BURST001.jpg", "folder 20190101/20180705_141530.jpg", "2018-07-05T14:15:30.jpg",
    ],
)  # fmt: skip
def test_the_second_is_in_the_name(name: str) -> None:
    found = date_in_name(name, now=NOW)
    assert found is not None
    assert found.moment == dt.datetime(2018, 7, 5, 14, 15, 30)
    assert found.has_time
    assert not found.is_utc


def test_googles_camera_counts_in_utc() -> None:
    found = date_in_name("PXL_20231006_063108407.jpg", now=NOW)
    assert found is not None
    assert found.moment == dt.datetime(2023, 10, 6, 6, 31, 8, 407_000)
    assert found.is_utc


def test_milliseconds_since_1970_count_in_utc() -> None:
    found = date_in_name("FB_IMG_1530800130123.jpg", now=NOW)
    assert found is not None
    assert found.moment == dt.datetime(2018, 7, 5, 14, 15, 30, 123_000)
    assert found.is_utc


@pytest.mark.parametrize(
    "name",
    ["IMG-20190314-WA0003.jpg", "VID-20190314-WA0003.mp4", "2019-03-14.jpg", "20190314_a.png", "2019.03.14 Oma.jpg"],
)
def test_only_the_day_is_in_the_name(name: str) -> None:
    found = date_in_name(name, now=NOW)
    assert found is not None
    assert found.moment == dt.datetime(2019, 3, 14)
    assert not found.has_time


@pytest.mark.parametrize(
    "name",
    ["IMG_12345678.jpg", "IMG_1234.jpg", "DSC00001.JPG", "20189999_141530.jpg", "20300705_141530.jpg",
     "IMG_00000000_000000.jpg", "19700101_000000.jpg", "120180705999.jpg", "9999999999999.jpg", "",
     "2018-07.jpg", "GOPR0001.JPG", "2018-0705.jpg", "20180705123456789012.jpg", "20180230.jpg"],
)  # fmt: skip
def test_nonsense_is_no_date(name: str) -> None:
    assert date_in_name(name, now=NOW) is None


@settings(deadline=None)
@given(st.text(max_size=300))
def test_no_name_is_an_error(name: str) -> None:
    found = date_in_name(name, now=NOW)
    assert found is None or dt.datetime(1990, 1, 1) <= found.moment <= NOW + dt.timedelta(days=1)
