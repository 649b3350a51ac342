"""Camera, lens, words and stars."""

from __future__ import annotations

import datetime as dt
import io

import pytest
from PIL import Image, ImageCms

from gallery import metadata
from gallery.metadata import Kind, Metadata, Sidecar
from tests.metadata.making import bag, tagged, takeout, text, xmp

NOW = dt.datetime(2026, 11, 22, 12)


def read(data: bytes, *sidecars: Sidecar) -> Metadata:
    return metadata.read(data, now=NOW, sidecars=sidecars)


def beside(content: str = "", attributes: str = "") -> Sidecar:
    return Sidecar(Kind.XMP, xmp(content, attributes=attributes))


def test_keywords_of_every_program_once_and_in_order() -> None:
    packet = xmp(
        bag("dc:subject", "Oma", "Garten")
        + bag("lr:hierarchicalSubject", "Familie|Oma", "Orte|Berlin")
        + bag("digiKam:TagsList", "Tiere/Hund")
        + bag("MicrosoftPhoto:LastKeywordXMP", "Tiere/Katze")
    )
    words = "Sommer;oma".encode("utf-16-le") + b"\0\0"
    data = tagged(
        {"Exif.Image.XPKeywords": " ".join(map(str, words))},
        iptc={"Iptc.Application2.Keywords": ["garten", "Fest"]},
        packet=packet,
    )
    assert read(data).keywords == ("Oma", "Garten", "Fest", "Sommer", "Berlin", "Hund", "Katze")


def test_words_of_a_sidecar_come_first_and_lose_none() -> None:
    data = tagged(packet=xmp(bag("dc:subject", "Garten")))
    assert read(data, beside(bag("dc:subject", "Oma"))).keywords == ("Oma", "Garten")


@pytest.mark.parametrize(
    ("attributes", "exif", "stars"),
    [
        ('xmp:Rating="4"', {}, 4), ('xmp:Rating="-1"', {}, None), ('xmp:Rating="0"', {}, None),
        ("", {"Rating": "3"}, 3),
        ('MicrosoftPhoto:Rating="75"', {}, 4), ('MicrosoftPhoto:Rating="1"', {}, 1), ('xmp:Rating="17"', {}, None),
        ("", {"RatingPercent": "99"}, 5), ('xmp:Rating="-1"', {"Rating": "5"}, None), ('xmp:Rating="x"', {}, None),
    ],
)  # fmt: skip
def test_stars(attributes: str, exif: dict[str, str], stars: int | None) -> None:
    packet = xmp(attributes=attributes) if attributes else b""
    assert read(tagged({f"Exif.Image.{key}": value for key, value in exif.items()}, packet=packet)).rating == stars


def test_a_sidecar_rates_anew_and_can_reject() -> None:
    data = tagged(packet=xmp(attributes='xmp:Rating="2"'))
    assert read(data, beside(attributes='xmp:Rating="5"')).rating == 5
    assert read(data, beside(attributes='xmp:Rating="-1"')).rating is None
    assert read(data, beside()).rating == 2


def test_captions_of_a_sidecar_then_takeout_then_the_picture() -> None:
    data = tagged({"Exif.Image.ImageDescription": "in the picture"})
    export = Sidecar(Kind.TAKEOUT, takeout(title="a.jpg", description="in the export"))
    assert read(data, beside(text("dc:description", "in the sidecar")), export).caption == "in the sidecar"
    assert read(data, export).caption == "in the export"
    assert read(data).caption == "in the picture"


def test_what_cameras_write_by_themselves_is_no_caption() -> None:
    data = tagged(
        {"Exif.Image.ImageDescription": "OLYMPUS DIGITAL CAMERA         "}, packet=xmp(text("dc:description", "Oma"))
    )
    assert read(data).caption == "Oma"


def test_text_in_old_encodings_is_readable() -> None:
    latin = tagged({"Exif.Image.ImageDescription": "Strae"}).replace(b"Strae", b"Stra\xdf")
    assert read(latin).caption == "Straß"
    assert read(tagged(iptc={"Iptc.Application2.Caption": "Grüße aus Łódź"})).caption == "Grüße aus Łódź"


def test_titles() -> None:
    words = "Großmutter".encode("utf-16-le") + b"\0\0"
    assert read(tagged({"Exif.Image.XPTitle": " ".join(map(str, words))})).title == "Großmutter"
    assert read(tagged(packet=xmp(text("dc:title", "Oma")))).title == "Oma"


def test_the_lens_by_name_or_by_the_maker_notes_number() -> None:
    canon = {"Exif.Image.Make": "Canon", "Exif.Image.Model": "Canon EOS 5D"}
    assert read(tagged({**canon, "Exif.Photo.LensModel": "EF50mm f/1.8 II"})).lens == "EF50mm f/1.8 II"
    assert read(tagged({**canon, "Exif.Photo.LensModel": "----"})).lens == ""


def test_what_the_shutter_did() -> None:
    found = read(tagged({"Exif.Photo.ExposureTime": "1/250", "Exif.Photo.FNumber": "28/10",
                         "Exif.Photo.FocalLength": "50/1",
                         "Exif.Photo.ISOSpeedRatings": "65535", "Exif.Photo.RecommendedExposureIndex": "102400",
                         "Exif.Image.Orientation": "6", "Exif.Photo.ColorSpace": "1"}))  # fmt: skip
    assert (found.exposure_s, found.f_number, found.focal_mm, found.iso) == (0.004, 2.8, 50, 102_400)
    assert (found.orientation, found.colour) == (6, "sRGB")


def test_colours_by_the_profile_or_by_what_the_camera_says() -> None:
    file = io.BytesIO()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.new("RGB", (8, 8)).save(file, "JPEG", icc_profile=profile)
    assert read(file.getvalue()).colour == "sRGB built-in"
    adobe = {"Exif.Photo.ColorSpace": "65535", "Exif.Iop.InteroperabilityIndex": "R03"}
    assert read(tagged(adobe)).colour == "Adobe RGB"
    assert read(tagged()).colour == ""


def test_infinite_and_negative_numbers_are_nothing() -> None:
    found = read(tagged({"Exif.Photo.ExposureTime": "1/0", "Exif.Photo.FNumber": "0/0", "Exif.Image.Orientation": "9"}))
    assert (found.exposure_s, found.f_number, found.orientation) == (None, None, None)


def test_identifiers_of_live_photos_and_bursts() -> None:
    texts = [(0x0B, b"8C3F0F0B-0000-4000-8000-1234567890AB\0"), (0x11, b"570F1469-09C7-4E50-9875-05F21D5BD166\0")]
    start = 16 + 12 * len(texts) + 4
    note, tail = b"Apple iOS\0\0\1MM" + len(texts).to_bytes(2, "big"), b""
    for tag, value in texts:
        note += (
            tag.to_bytes(2, "big") + b"\0\2" + len(value).to_bytes(4, "big") + (start + len(tail)).to_bytes(4, "big")
        )
        tail += value
    data = tagged({"Exif.Photo.MakerNote": " ".join(map(str, note + b"\0\0\0\0" + tail))})
    found = read(data)
    assert found.content_id == "570F1469-09C7-4E50-9875-05F21D5BD166"
    assert found.burst_id == "8C3F0F0B-0000-4000-8000-1234567890AB"
