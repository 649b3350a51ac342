"""What Pillow finds in a file that exiv2 refuses or sees nothing in: EXIF under exiv2's names, and the XMP packet."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pillow_heif
from PIL import ExifTags, Image

from gallery.metadata.text import decoded

_BROKEN = (OSError, ValueError, TypeError, LookupError, SyntaxError, RuntimeError, EOFError, ArithmeticError,
           struct.error, AttributeError, MemoryError, Image.DecompressionBombError)  # fmt: skip
# Pillow and exiv2 disagree about a few names.
_RENAMED = {"SubsecTime": "SubSecTime", "SubsecTimeOriginal": "SubSecTimeOriginal", "GPSInfo": "GPSTag",
            "SubsecTimeDigitized": "SubSecTimeDigitized", "ImageLength": "ImageLength"}  # fmt: skip

Value = str | bytes | tuple[int | float, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """EXIF by exiv2's keys, the raw XMP packet, and the size in pixels (0 when unknown)."""

    exif: Mapping[str, Value] = field(default_factory=dict)
    packet: bytes = b""
    width: int = 0
    height: int = 0


def read(data: bytes) -> Found:
    """What there is; nothing for what Pillow does not know either. Raises nothing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if data[4:12] == b"ftypcrx ":
                return _canon_raw(data)
            return _heif(data) if data[4:8] == b"ftyp" else _picture(data)
    except _BROKEN:
        return Found()


def _picture(data: bytes) -> Found:
    with Image.open(io.BytesIO(data)) as image:
        packet = image.info.get("xmp") or b""
        exif = _directories(image.getexif())
        return Found(exif=exif, packet=_packet(packet), width=image.width, height=image.height)


def _heif(data: bytes) -> Found:
    """libheif finds items where exiv2 does not look."""
    image = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False)
    exif = Image.Exif()
    exif.load(image.info.get("exif") or b"")
    # libheif gives the size upright already, which is not what regions are relative to: 0 means unknown.
    return Found(exif=_directories(exif), packet=_packet(image.info.get("xmp") or b""))


def _canon_raw(data: bytes) -> Found:
    """A CR3 that was cut off: its boxes CMT1, CMT2 and CMT4 are TIFF blocks of EXIF's three directories (ExifTool's
    documentation of CR3, https://exiftool.org/TagNames/Canon.html#uuid)."""
    blocks: list[dict[int, Any]] = []
    for kind in (b"CMT1", b"CMT2", b"CMT4"):
        place = data.find(kind, 0, 1_000_000)
        exif = Image.Exif()
        if place >= 4:
            (size,) = struct.unpack_from(">I", data, place - 4)
            exif.load(b"Exif\0\0" + data[place + 4 : place - 4 + size])
        blocks.append(dict(exif))
    return Found(exif=named(*blocks))


def _directories(exif: Image.Exif) -> dict[str, Value]:
    return named(dict(exif), dict(exif.get_ifd(ExifTags.IFD.Exif)), dict(exif.get_ifd(ExifTags.IFD.GPSInfo)))


def _packet(packet: Any) -> bytes:
    if isinstance(packet, str):
        return packet.encode("utf-8", "surrogateescape")
    return packet if isinstance(packet, bytes) else b""


def named(main: Mapping[int, Any], photo: Mapping[int, Any], gps: Mapping[int, Any]) -> dict[str, Value]:
    """The three directories of Exif (tag number -> value as Pillow gives it) under exiv2's keys."""
    found: dict[str, Value] = {}
    for group, names, directory in (
        ("Image", ExifTags.TAGS, main), ("Photo", ExifTags.TAGS, photo), ("GPSInfo", ExifTags.GPSTAGS, gps)
    ):  # fmt: skip
        for number, value in directory.items():
            name = names.get(number)
            plain = _plain(value)
            if name and plain is not None:
                found[f"Exif.{group}.{_RENAMED.get(name, name)}"] = plain
    return found


def _plain(value: Any) -> Value | None:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return decoded(value.encode("latin-1", "replace")) if value.isascii() else decoded(_as_written(value))
    if isinstance(value, dict):
        return None
    try:
        return tuple(float(part) for part in (value if isinstance(value, tuple) else (value,)))
    except _BROKEN:
        return None


def _as_written(value: str) -> bytes:
    """Pillow reads Exif text as Latin-1; this gives the bytes back."""
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode("utf-8", "replace")
