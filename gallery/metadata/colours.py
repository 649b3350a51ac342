"""Which colours a picture's numbers mean, by name."""

from __future__ import annotations

import struct

from gallery.metadata.fields import NAME_CHARS
from gallery.metadata.tags import Tags
from gallery.metadata.text import decoded, readable

_SPACES = {1: "sRGB", 2: "Adobe RGB"}


def name(tags: Tags) -> str:
    """The profile's description, else the EXIF colour space; "" when neither says anything."""
    described = profile_name(tags.icc)
    if described:
        return described
    number = next(iter(tags.numbers("Exif.Photo.ColorSpace")), 0)
    if number == 65_535 and tags.text("Exif.Iop.InteroperabilityIndex") == "R03":
        number = 2  # how cameras say Adobe RGB (DCF 2.0)
    return _SPACES.get(int(number), "")


def profile_name(profile: bytes) -> str:
    """The description (`desc`) of an ICC profile, version 2 or 4 (ICC.1:2022, 9.2.41); "" when there is none."""
    if len(profile) < 132:
        return ""
    (count,) = struct.unpack_from(">I", profile, 128)
    for number in range(min(count, 100)):
        place = 132 + 12 * number
        if place + 12 > len(profile):
            break
        signature, offset, size = struct.unpack_from(">4sII", profile, place)
        if signature == b"desc":
            return _description(profile[offset : offset + size])[:NAME_CHARS]
    return ""


def _description(data: bytes) -> str:
    if data[:4] == b"desc" and len(data) > 12:
        (length,) = struct.unpack_from(">I", data, 8)
        return decoded(data[12 : 12 + length])
    if data[:4] == b"mluc" and len(data) >= 28:
        length, offset = struct.unpack_from(">II", data, 20)
        return readable(data[offset : offset + length].decode("utf-16-be", "ignore").split("\0", 1)[0])
    return ""
