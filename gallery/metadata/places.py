"""Where a picture was taken: latitude and longitude (WGS 84, north and east positive) and metres above the sea."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from gallery.metadata.tags import Number, Tags

_XMP_DEGREES = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)(?:,(\d+(?:\.\d+)?))?(?:,(\d+(?:\.\d+)?))?\s*([NSEWnsew]?)\s*$")
_ISO6709 = re.compile(r"\s*([+-]\d+(?:\.\d*)?)([+-]\d+(?:\.\d*)?)([+-]\d+(?:\.\d*)?)?")
# A receiver without a fix writes 0, 0 (or nearly): a spot in the sea where next to nobody takes photos.
_ZERO = 1e-5


@dataclass(frozen=True, slots=True)
class Place:
    """Degrees and metres; `altitude_m` is None when unknown."""

    latitude: float
    longitude: float
    altitude_m: float | None = None


def make_place(latitude: float | None, longitude: float | None, altitude_m: float | None = None) -> Place | None:
    """A place on Earth, or None for what is none: missing, off the globe, or 0, 0."""
    if latitude is None or longitude is None or not (math.isfinite(latitude) and math.isfinite(longitude)):
        return None
    if abs(latitude) > 90 or abs(longitude) > 180 or (abs(latitude) < _ZERO and abs(longitude) < _ZERO):
        return None
    if altitude_m is not None and not (math.isfinite(altitude_m) and -12_000 <= altitude_m <= 100_000):
        altitude_m = None
    return Place(latitude, longitude, altitude_m)


def from_exif(tags: Tags) -> Place | None:
    """The GPS directory of EXIF. The letters may be lower case or words; without a letter only a sign can tell, and a
    positive number is believed for the latitude and longitude only when one of the two has its letter."""
    group = "Exif.GPSInfo."
    latitude, longitude = tags.numbers(group + "GPSLatitude"), tags.numbers(group + "GPSLongitude")
    letters = [_letter(tags.exif.get(group + name)) for name in ("GPSLatitudeRef", "GPSLongitudeRef")]
    if not any(letters) and not any(math.copysign(1, part) < 0 for part in (*latitude[:1], *longitude[:1])):
        return None
    return make_place(
        signed_degrees(latitude, letters[0], "NS", 90),
        signed_degrees(longitude, letters[1], "EW", 180),
        _altitude(tags),
    )


def from_xmp(tags: Tags) -> Place | None:
    """`exif:GPSLatitude` and its siblings, as `48,51.4628N`, `48,51,27.8N` or plain degrees with a sign."""
    altitude = _ratio(tags.text("Xmp.exif.GPSAltitude"))
    if altitude is not None and tags.text("Xmp.exif.GPSAltitudeRef") == "1":
        altitude = -abs(altitude)
    return make_place(
        _xmp_degrees(tags.text("Xmp.exif.GPSLatitude"), "NS", 90),
        _xmp_degrees(tags.text("Xmp.exif.GPSLongitude"), "EW", 180),
        altitude,
    )


def from_iso6709(text: str) -> Place | None:
    """`+48.8577+002.295+035/` as QuickTime and MP4 write it; also degrees with minutes, `+4851.46+00217.7/`."""
    match = _ISO6709.match(text)
    if not match:
        return None
    latitude, longitude = _iso_degrees(match[1], 2), _iso_degrees(match[2], 3)
    return make_place(latitude, longitude, float(match[3]) if match[3] else None)


def from_numbers(values: Mapping[str, object]) -> Place | None:
    """A place of Google Takeout: `latitude`, `longitude`, `altitude` as JSON numbers."""
    numbers = [_json_number(values.get(name)) for name in ("latitude", "longitude", "altitude")]
    return make_place(numbers[0], numbers[1], numbers[2] or None)


def signed_degrees(parts: tuple[Number, ...], letter: str, letters: str, limit: float) -> float | None:
    """Degrees, minutes and seconds and a letter of `letters` (positive, negative) as one number."""
    # 0/0 stands for "no minutes" or "no seconds" in the files of some phones.
    parts = (*parts[:1], *(0 if math.isnan(part) else part for part in parts[1:]))
    if not 1 <= len(parts) <= 3 or not all(math.isfinite(part) for part in parts):
        return None
    if letter and letter not in letters:
        return None
    degrees = sum(abs(part) / 60**power for power, part in enumerate(parts))
    if letter == letters[1] or (math.copysign(1, parts[0]) < 0):
        degrees = -degrees
    return degrees if abs(degrees) <= limit else None


def _letter(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    text = value.strip(" \0").upper() if isinstance(value, str) else ""
    return text[:1] if text[:1] in {"N", "S", "E", "W"} else ""


def _altitude(tags: Tags) -> float | None:
    numbers = tags.numbers("Exif.GPSInfo.GPSAltitude")
    if len(numbers) != 1 or not math.isfinite(numbers[0]):
        return None
    below = tags.numbers("Exif.GPSInfo.GPSAltitudeRef")[:1] in {(1,), (3,)}
    return -abs(float(numbers[0])) if below else float(numbers[0])


def _xmp_degrees(text: str, letters: str, limit: float) -> float | None:
    match = _XMP_DEGREES.match(text)
    if not match:
        return None
    parts = tuple(float(part) for part in match.groups()[:3] if part is not None)
    return signed_degrees(parts, match[4].upper(), letters, limit)


def _ratio(text: str) -> float | None:
    top, _, bottom = text.partition("/")
    try:
        return float(top) / float(bottom or 1)
    except (ValueError, ZeroDivisionError):
        return None


def _iso_degrees(text: str, digits: int) -> float:
    sign, whole = (-1 if text[0] == "-" else 1), text[1:].split(".")[0]
    number = float(text[1:])
    if len(whole) == digits + 2:
        number = number // 100 + number % 100 / 60
    elif len(whole) == digits + 4:
        number = number // 10_000 + number // 100 % 100 / 60 + number % 100 / 3600
    return sign * number


def _json_number(value: object) -> float | None:
    try:
        return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
    except OverflowError:
        return None
