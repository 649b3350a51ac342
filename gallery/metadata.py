"""What a camera wrote into a picture: date, place, camera. Pure: bytes in, a dataclass out.

Tags and their meaning: CIPA DC-008 (Exif 3.0). Pillow parses; damaged or absurd values become None and never an error,
because a photo with a broken date is still a photo.
"""

from __future__ import annotations

import datetime as dt
import io
import math
import re
import struct
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL import ExifTags, Image

EARLIEST = dt.datetime(1826, 1, 1)  # before the first photograph; scanned prints may carry old dates
_BROKEN = (OSError, ValueError, TypeError, KeyError, IndexError, SyntaxError, RuntimeError, EOFError, ZeroDivisionError,
           OverflowError, struct.error, AttributeError, MemoryError, Image.DecompressionBombError)  # fmt: skip
_DATE = re.compile(r"^\s*(\d{4})[:/\-. ](\d{1,2})[:/\-. ](\d{1,2})[ T]+(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?")
_OFFSET = re.compile(r"^\s*([+-])(\d{1,2}):?(\d{2})\s*$")


# What cameras and programs write into the description by themselves.
_NOISE = frozenset(
    [
        "olympus digital camera",
        "sony dsc",
        "kodak digital still camera",
        "minolta digital camera",
        "konica minolta digital camera",
        "samsung digital camera",
        "exif_jpeg_picture",
        "untitled",
    ]
)


@dataclass(frozen=True, slots=True)
class Metadata:
    """`taken` is naive wall-clock time; `taken_source` one of `Photo.TakenSource`; degrees are WGS 84, north and east
    positive. None or "" means that the picture does not say, or says nonsense."""

    taken: dt.datetime | None = None
    taken_source: str = ""
    utc_offset_min: int | None = None
    camera: str = ""
    lens: str = ""
    exposure_s: float | None = None
    f_number: float | None = None
    iso: int | None = None
    focal_mm: float | None = None
    latitude: float | None = None
    longitude: float | None = None
    altitude_m: float | None = None
    caption: str = ""


def read(data: bytes, *, now: dt.datetime) -> Metadata:
    """The metadata of an encoded picture. `now` (naive UTC) bounds what can be a date, with a day for time zones."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data)) as image:
                exif = image.getexif()
                return from_tags(
                    dict(exif), dict(exif.get_ifd(ExifTags.IFD.Exif)), dict(exif.get_ifd(ExifTags.IFD.GPSInfo)), now=now
                )
    except _BROKEN:
        return Metadata()


def from_tags(
    main: Mapping[int, Any], details: Mapping[int, Any], gps: Mapping[int, Any], *, now: dt.datetime
) -> Metadata:
    """Metadata from the three directories of Exif: tag number -> value as Pillow gives it."""
    taken, source, offset = _taken(main, details, now)
    latitude, longitude = _position(gps)
    return Metadata(
        taken=taken,
        taken_source=source,
        utc_offset_min=offset,
        camera=_camera(_text(main.get(ExifTags.Base.Make)), _text(main.get(ExifTags.Base.Model))),
        lens=_text(details.get(ExifTags.Base.LensModel))[:120],
        exposure_s=_number(details.get(ExifTags.Base.ExposureTime), low=1e-7, high=1e5),
        f_number=_number(details.get(ExifTags.Base.FNumber), low=0.1, high=1000),
        iso=_iso(details.get(ExifTags.Base.ISOSpeedRatings)),
        focal_mm=_number(details.get(ExifTags.Base.FocalLength), low=0.1, high=10000),
        latitude=latitude,
        longitude=longitude,
        altitude_m=_altitude(gps),
        caption=_caption(_text(main.get(ExifTags.Base.ImageDescription))),
    )


def _taken(
    main: Mapping[int, Any], details: Mapping[int, Any], now: dt.datetime
) -> tuple[dt.datetime | None, str, int | None]:
    """The first believable date: when the shutter opened, when it became digital, when a program last wrote it."""
    base = ExifTags.Base
    candidates = (
        (details, base.DateTimeOriginal, base.SubsecTimeOriginal, base.OffsetTimeOriginal, "exif"),
        (details, base.DateTimeDigitized, base.SubsecTimeDigitized, base.OffsetTimeDigitized, "digitized"),
        (main, base.DateTime, base.SubsecTime, base.OffsetTime, "modified"),
    )
    for directory, tag, fraction, offset, source in candidates:
        taken = parse_date(_text(directory.get(tag)), now=now)
        if taken is not None:
            digits = re.sub(r"\D.*", "", _text(details.get(fraction)))[:6]
            if digits:
                taken = taken.replace(microsecond=int(digits.ljust(6, "0")))
            return (
                taken,
                source,
                parse_offset(_text(details.get(offset)) or _text(details.get(ExifTags.Base.OffsetTime))),
            )
    return None, "", None


def parse_date(text: str, *, now: dt.datetime) -> dt.datetime | None:
    """`2024:05:17 14:05:09` and its common misspellings; None for zeros, impossible dates and the future.

    Midnight of 1 January 1970 is refused too: it is what a clock says that was never set.
    """
    match = _DATE.match(text)
    if not match:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
    try:
        # A leap second, and 24:00, which some cameras write.
        moment = dt.datetime(year, month, day) + dt.timedelta(hours=hour, minutes=minute, seconds=min(second, 59))
    except (ValueError, OverflowError):
        return None
    if hour > 24 or minute > 59 or second > 60:
        return None
    if moment < EARLIEST or moment > now + dt.timedelta(days=1) or moment == dt.datetime(1970, 1, 1):
        return None
    return moment


def parse_offset(text: str) -> int | None:
    """`+02:00` in minutes east of UTC; None unless it is a time zone that exists (-12:00 to +14:00)."""
    match = _OFFSET.match(text)
    if not match:
        return None
    minutes = int(match[2]) * 60 + int(match[3])
    minutes = -minutes if match[1] == "-" else minutes
    return minutes if -720 <= minutes <= 840 and int(match[3]) < 60 else None


def _text(value: Any) -> str:
    """Readable text without control characters; Exif text is ASCII by its rules and UTF-8 or Latin-1 in practice."""
    if isinstance(value, bytes):
        try:
            value = value.decode("utf-8")
        except UnicodeDecodeError:
            value = value.decode("latin-1")
    if not isinstance(value, str):
        return ""
    value = value.split("\0", 1)[0]
    return "".join(char for char in value if char.isprintable() or char == "\n").strip()


def _camera(make: str, model: str) -> str:
    """Maker and model without saying the maker twice: `Canon` and `Canon EOS 5D` give `Canon EOS 5D`."""
    first = make.split(" ", 1)[0]
    both = model if first and model.lower().startswith(first.lower()) else f"{make} {model}".strip()
    return both[:120]


def _caption(text: str) -> str:
    """The description, unless it is what cameras write there by themselves."""
    return "" if text.lower() in _NOISE else text


def _number(value: Any, *, low: float, high: float) -> float | None:
    if isinstance(value, tuple) and len(value) == 1:
        value = value[0]
    try:
        number = float(value)
    except _BROKEN:
        return None
    return number if math.isfinite(number) and low <= number <= high else None


def _iso(value: Any) -> int | None:
    if isinstance(value, tuple) and value:
        value = value[0]
    number = _number(value, low=1, high=10_000_000)
    return int(number) if number else None


def _degrees(value: Any, reference: Any, negative: str, limit: float) -> float | None:
    """Degrees, minutes, seconds and a letter as one signed number."""
    try:
        parts = [float(part) for part in value]
    except _BROKEN:
        return None
    if not 1 <= len(parts) <= 3 or not all(math.isfinite(part) for part in parts):
        return None
    degrees = sum(part / 60**power for power, part in enumerate(parts))
    if _text(reference).upper().startswith(negative):
        degrees = -degrees
    return degrees if abs(degrees) <= limit else None


def _position(gps: Mapping[int, Any]) -> tuple[float | None, float | None]:
    latitude = _degrees(gps.get(ExifTags.GPS.GPSLatitude), gps.get(ExifTags.GPS.GPSLatitudeRef), "S", 90)
    longitude = _degrees(gps.get(ExifTags.GPS.GPSLongitude), gps.get(ExifTags.GPS.GPSLongitudeRef), "W", 180)
    # A receiver without a fix writes 0, 0: a spot in the sea where next to nobody takes photos.
    if latitude is None or longitude is None or (latitude == 0 and longitude == 0):
        return None, None
    return latitude, longitude


def _altitude(gps: Mapping[int, Any]) -> float | None:
    altitude = _number(gps.get(ExifTags.GPS.GPSAltitude), low=0, high=100_000)
    if altitude is None:
        return None
    return -altitude if gps.get(ExifTags.GPS.GPSAltitudeRef) in {1, b"\x01"} else altitude
