"""What the container of a video says."""

from __future__ import annotations

import datetime as dt

import pytest

from gallery import metadata
from gallery.metadata import Kind, Metadata, Sidecar
from tests.metadata.making import takeout, xmp

NOW = dt.datetime(2026, 11, 22, 12)
SHOT = dt.datetime(2018, 7, 5, 14, 15, 30)
IPHONE = {
    "creation_time": "2018-07-05T12:15:32.000000Z",
    "com.apple.quicktime.creationdate": "2018-07-05T14:15:30+0200",
    "com.apple.quicktime.location.ISO6709": "+48.8583+002.2945+035.000/",
    "com.apple.quicktime.make": "Apple",
    "com.apple.quicktime.model": "iPhone 11",
    "com.apple.quicktime.content.identifier": "570F1469-09C7-4E50-9875-05F21D5BD166",
}


def read(tags: dict[str, str], **options: object) -> Metadata:
    return metadata.from_video_tags(tags, now=NOW, **options)  # type: ignore[arg-type]


def test_a_phones_video() -> None:
    found = read(IPHONE)
    assert found.taken is not None
    assert (found.taken_local, found.utc_offset_min, found.taken_source) == (SHOT, 120, "video")
    assert (found.taken.offset_source.value, found.taken.confidence.value) == ("tag", "high")
    assert (found.latitude, found.longitude, found.altitude_m) == (48.8583, 2.2945, 35)
    assert found.camera == "Apple iPhone 11"
    assert found.content_id == "570F1469-09C7-4E50-9875-05F21D5BD166"


def test_a_container_that_counts_in_utc_is_made_local_by_its_place() -> None:
    found = read({"creation_time": "2018-07-05T12:15:30.000000Z", "location": "+48.8583+002.2945/"})
    assert found.taken is not None
    assert (found.taken_local, found.utc_offset_min) == (SHOT, 120)
    assert (found.taken.offset_source.value, found.taken.confidence.value) == ("place", "medium")


def test_or_by_the_household() -> None:
    found = read({"creation_time": "2018-07-05T12:15:30.000000Z"}, household_zone="Europe/Paris")
    assert found.taken is not None
    assert (found.taken_local, found.taken.confidence.value) == (SHOT, "low")


def test_samsung_writes_the_offset_apart() -> None:
    found = read({"creation_time": "2018-07-05T12:15:30Z", "com.samsung.android.utc_offset": "+0200"})
    assert (found.taken_local, found.utc_offset_min) == (SHOT, 120)


@pytest.mark.parametrize(
    "text",
    ["1904-01-01T00:00:00.000000Z", "1970-01-01T00:00:00Z", "1970-01-01T10:00:00Z", "", "x", "2036-02-06T06:28:16Z"],
)
def test_unset_clocks_are_refused_and_the_name_speaks(text: str) -> None:
    assert read({"creation_time": text}).taken is None
    assert read({"creation_time": text}, name="VID_20180705_141530.mp4").taken_local == SHOT


def test_sidecars_of_videos() -> None:
    beside = Sidecar(Kind.XMP, xmp(attributes='exif:DateTimeOriginal="2001-02-03T04:05:06" xmp:Rating="4"'))
    found = read(IPHONE, sidecars=[beside])
    assert (found.taken_local, found.taken_source, found.rating) == (dt.datetime(2001, 2, 3, 4, 5, 6), "sidecar", 4)
    export = Sidecar(Kind.TAKEOUT, takeout(title="a.mp4", photoTakenTime={"timestamp": "1530792930"}))
    found = read({}, sidecars=[export], household_zone="Europe/Paris")
    assert (found.taken_local, found.taken_source) == (SHOT, "takeout")
