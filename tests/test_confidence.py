"""How sure the photo page is of a date: what the reader weighed, told again from the photo's columns."""

from __future__ import annotations

import datetime as dt

import pytest

from gallery import describing, metadata, photo_facts
from gallery.metadata import Confidence, Metadata, Sidecar, Source
from gallery.metadata.sidecars import Kind
from gallery.models import Photo
from tests.metadata import oracle
from tests.metadata.making import tagged, takeout, text, xmp

NOW = dt.datetime(2026, 11, 22, 12)
WORDS = {Confidence.HIGH: "sure", Confidence.MEDIUM: "fairly sure", Confidence.LOW: "a guess", None: ""}
EXIF = "Exif.Photo.DateTimeOriginal"
PARIS = {"latitude": 48.8, "longitude": 2.3}


def told(found: Metadata) -> str:
    photo = Photo()
    describing.apply(photo, found)
    return photo_facts.confidence(photo)


@pytest.mark.parametrize(
    "found",
    [
        metadata.read(tagged({EXIF: "2019:05:05 10:00:00"}), now=NOW),
        metadata.read(tagged({EXIF: "2019:05:05 10:00:00", "Exif.Photo.OffsetTimeOriginal": "+02:00"}), now=NOW),
        metadata.read(tagged({EXIF: "2019:01:01 00:00:00"}), now=NOW),
        metadata.read(tagged({"Exif.Image.DateTime": "2019:05:05 10:00:00"}), now=NOW),
        metadata.read(tagged({"Exif.Photo.DateTimeDigitized": "2019:05:05 10:00:00"}), now=NOW),
        metadata.read(tagged(packet=xmp(text("dc:title", "a"))), now=NOW, name="IMG_20190505_101112.jpg"),
        metadata.read(tagged(), now=NOW, name="IMG-20190505-WA0003.jpg"),
        metadata.read(tagged(), now=NOW, name="PXL_20190505_101112.jpg"),
        metadata.read(tagged(), now=NOW, name="PXL_20190505_101112.jpg", household_zone="Europe/Berlin"),
        metadata.read(tagged(), now=NOW, file_time=dt.datetime(2019, 5, 5, tzinfo=dt.UTC)),
        metadata.read(tagged(), now=NOW),
        *(
            metadata.read(
                tagged(),
                now=NOW,
                sidecars=[Sidecar(Kind.TAKEOUT, takeout(photoTakenTime={"timestamp": "1557000000"}, geoData=place))],
                household_zone=zone,
            )
            for place, zone in (({}, ""), ({}, "Europe/Berlin"), (PARIS, ""))
        ),
        *(
            metadata.from_video_tags(tags, now=NOW, household_zone=zone)
            for zone in ("", "Europe/Berlin")
            for tags in (
                {"com.apple.quicktime.creationdate": "2019-05-05T10:00:00+0200"},
                {"creation_time": "2019-05-05T10:00:00Z"},
                {"creation_time": "2019-05-05T10:00:00Z", "location": "+48.8000+002.3000/"},
            )
        ),
    ],
    ids=lambda found: str(found.taken),
)
def test_the_page_says_what_the_reader_weighed(found: Metadata) -> None:
    assert told(found) == WORDS[found.taken.confidence if found.taken else None]


@pytest.mark.slow
@pytest.mark.skipif(not oracle.FORMATS.is_dir(), reason="needs ../shared/eval/formats")
def test_so_it_is_with_every_real_picture() -> None:
    """But for the digitized date of a sidecar, which is called by the sidecar's name."""
    seen = 0
    for file in sorted(oracle.FORMATS.rglob("*")):
        if not file.is_file() or file.suffix.lower() not in {".jpg", ".jpeg", ".heic", ".tif", ".png", ".nef", ".dng"}:
            continue
        found = metadata.read(file.read_bytes(), now=NOW, name=file.name)
        if found.taken is not None and found.taken.source is not Source.SIDECAR:
            assert told(found) == WORDS[found.taken.confidence], file
            seen += 1
    assert seen > 150
