"""Bytes of a picture or a sidecar -> its tags as plain Python values. The only module that knows exiv2.

libexiv2 0.28 (python-exiv2) reads EXIF, IPTC, XMP and maker notes; where it refuses a damaged file, Pillow still finds
what it can. Keys are exiv2's (https://exiv2.org/metadata.html): `Exif.Photo.DateTimeOriginal`, `Xmp.dc.subject`,
`Xmp.mwg-rs.Regions/mwg-rs:RegionList[1]/mwg-rs:Name`.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import exiv2

from gallery.metadata import fallback, packets
from gallery.metadata.text import decoded

Number = int | float
ExifValue = str | bytes | tuple[Number, ...]
XmpValue = str | tuple[str, ...]

BLOB_BYTES = 65_536  # longer binary values are thumbnails and previews, never facts
ARRAY_ITEMS = 64  # longer number arrays in maker notes are tables of the firmware
XMP_ITEMS = 20_000
# Of the maker notes, with their hundreds of entries, only the groups that say something for people.
_GROUPS = frozenset(
    "Image Photo GPSInfo Iop PanasonicRaw Canon CanonTi NikonWt OlympusEq Panasonic Pentax PentaxDng".split()
)
_NOTHING: Mapping[str, Any] = MappingProxyType({})

# Namespaces of phones that exiv2 does not know by itself: fixed here, so that keys do not depend on a file's prefixes.
_NAMESPACES = {
    "http://ns.google.com/photos/1.0/camera/": "GCamera",
    "http://ns.google.com/photos/1.0/container/": "Container",
    "http://ns.google.com/photos/1.0/container/item/": "Item",
}


@dataclass(frozen=True, slots=True)
class Tags:
    """What stands in the metadata blocks of one file. `exif` numbers are tuples (a fraction over 0 is NaN), text
    is decoded, other bytes are bytes. `iptc` keeps the repeated values of a key. `xmp` arrays are tuples; a text in
    several languages is its default. `lens` is the lens by the maker note's numbers, "" when they do not say. Width and
    height are those of the stored picture in pixels, 0 when unknown. `picture_info_s` is the date of a JPEG older than
    EXIF, in seconds since 1970 on the camera's clock, 0 when there is none."""

    exif: Mapping[str, ExifValue] = field(default_factory=lambda: _NOTHING)
    iptc: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _NOTHING)
    xmp: Mapping[str, XmpValue] = field(default_factory=lambda: _NOTHING)
    lens: str = ""
    icc: bytes = b""
    width: int = 0
    height: int = 0
    picture_info_s: int = 0

    def text(self, *keys: str) -> str:
        """The first of the keys that holds text that is not empty; "" when none does."""
        for key in keys:
            value = self.exif.get(key) or self.xmp.get(key) or self.iptc.get(key)
            if isinstance(value, tuple):
                value = next((item for item in value if isinstance(item, str) and item.strip()), "")
            if isinstance(value, bytes):
                value = decoded(value)
            if isinstance(value, str) and value.strip():
                return value.strip()
        return ""

    def numbers(self, key: str) -> tuple[Number, ...]:
        """The numbers of an EXIF key; empty when it is absent or no number."""
        value = self.exif.get(key)
        if isinstance(value, bytes):
            return tuple(value) if len(value) <= ARRAY_ITEMS else ()
        return value if isinstance(value, tuple) else ()

    def items(self, key: str) -> tuple[str, ...]:
        """The texts of an XMP array or a repeated IPTC value; a plain text is an array of one."""
        value = self.xmp.get(key) or self.iptc.get(key) or ()
        return (value,) if isinstance(value, str) else value


# The XMP toolkit keeps one global table of namespaces and is not made for several threads at once. Reading takes less
# than a millisecond, so one lock around all of exiv2 costs less than a subtle crash.
_lock = threading.Lock()
_ready = False


def _prepare() -> None:
    """Once per process, with the lock held: no messages on stderr, and our namespaces."""
    global _ready
    if not _ready:
        exiv2.LogMsg.setLevel(exiv2.LogMsg.Level.mute)
        for address, prefix in _NAMESPACES.items():
            exiv2.XmpProperties.registerNs(address, prefix)
        _ready = True


def read_tags(data: bytes) -> Tags:
    """The tags of an encoded picture; empty Tags for what is no picture. Raises nothing."""
    data = packets.defused(data)
    try:
        with _lock:
            _prepare()
            found = _from_exiv2(data)
    except _REFUSALS:
        return _by_pillow(data)
    if data[4:8] == b"ftyp" and not found.exif and not found.xmp:
        return _by_pillow(data)
    return found


def _by_pillow(data: bytes) -> Tags:
    found = fallback.read(data)
    xmp = _packet(found.packet) if found.packet else {}
    exif = MappingProxyType(dict(found.exif))
    return Tags(exif=exif, xmp=MappingProxyType(xmp), width=found.width, height=found.height)


def read_sidecar(data: bytes) -> Tags:
    """The tags of an `.xmp` file; empty Tags for what is no XMP, is too long, or has a DTD. Raises nothing."""
    return Tags(xmp=MappingProxyType(_packet(data)))


# UnicodeError and the like: exiv2 hands over text of any encoding.
_REFUSALS = (exiv2.Exiv2Error, ValueError, TypeError, LookupError, ArithmeticError, RuntimeError, MemoryError,
             AttributeError)  # fmt: skip


def _packet(data: bytes) -> dict[str, XmpValue]:
    text = packets.xml_text(data)
    if text is None:
        return {}
    try:
        with _lock:
            _prepare()
            image = exiv2.ImageFactory.create(exiv2.ImageType.xmp)
            image.setXmpPacket(text)
            return _xmp(image.xmpData())
    except _REFUSALS:
        return {}


def _from_exiv2(data: bytes) -> Tags:
    image = exiv2.ImageFactory.open(data)
    image.readMetadata()
    found = image.exifData()
    exif = _exif(found)
    return Tags(
        exif=MappingProxyType(exif),
        iptc=MappingProxyType(_iptc(image.iptcData())),
        xmp=MappingProxyType(_xmp(image.xmpData())),
        lens=_lens(found),
        icc=bytes(image.iccProfile().data()) if image.iccProfileDefined() else b"",
        width=int(image.pixelWidth()),
        height=int(image.pixelHeight()),
        picture_info_s=_picture_info(data),
    )


_PICTURE_INFO = re.compile(rb"\[picture info\][^\0]{0,400}?TimeDate=(\d{9,10})")


def _picture_info(data: bytes) -> int:
    """The date in the APP12 text that cameras wrote before there was EXIF."""
    match = _PICTURE_INFO.search(data, 0, 16_384) if data.startswith(b"\xff\xd8") else None
    return int(match[1]) if match else 0


def _lens(found: Any) -> str:
    datum = exiv2.lensName(found)
    if datum is None:
        return ""
    try:
        return str(datum.print(found))
    except _REFUSALS:
        return ""


def _exif(found: Any) -> dict[str, ExifValue]:
    tags: dict[str, ExifValue] = {}
    for datum in found:
        try:
            key = datum.key()
            if key in tags or key.split(".", 2)[1] not in _GROUPS:
                continue  # the first of several directories speaks for the picture
            convert, count = _CONVERSIONS.get(datum.typeId()), datum.count()
            if convert is None or count > (BLOB_BYTES if convert in {_text, _bytes} else ARRAY_ITEMS):
                continue
            tags[key] = convert(datum.value())
        except _REFUSALS:
            continue
    return tags


def _text(value: Any) -> str:
    return decoded(str(value).encode("utf-8", "surrogateescape"))


def _comment(value: Any) -> str:
    return str(value.comment())


def _bytes(value: Any) -> ExifValue:
    if isinstance(value, exiv2.CommentValue):
        return _comment(value)
    return bytes(value.data())


def _whole(value: Any) -> tuple[Number, ...]:
    return tuple(value.toInt64(i) for i in range(value.count()))


def _fractions(value: Any) -> tuple[Number, ...]:
    pairs = (value.toRational(i) for i in range(value.count()))
    return tuple(top / bottom if bottom else math.nan for top, bottom in pairs)


def _decimals(value: Any) -> tuple[Number, ...]:
    return tuple(value.toFloat(i) for i in range(value.count()))


_CONVERSIONS: dict[Any, Callable[[Any], ExifValue]] = {
    exiv2.TypeId.asciiString: _text,
    exiv2.TypeId.comment: _comment,
    exiv2.TypeId.unsignedByte: _bytes,
    exiv2.TypeId.undefined: _bytes,
    exiv2.TypeId.unsignedShort: _whole,
    exiv2.TypeId.unsignedLong: _whole,
    exiv2.TypeId.signedByte: _whole,
    exiv2.TypeId.signedShort: _whole,
    exiv2.TypeId.signedLong: _whole,
    exiv2.TypeId.unsignedRational: _fractions,
    exiv2.TypeId.signedRational: _fractions,
    exiv2.TypeId.tiffFloat: _decimals,
    exiv2.TypeId.tiffDouble: _decimals,
}


def _iptc(found: Any) -> dict[str, tuple[str, ...]]:
    tags: dict[str, tuple[str, ...]] = {}
    for datum in found:
        try:
            key, value = datum.key(), _text(datum.value())
        except _REFUSALS:
            continue
        if len(tags.get(key, ())) < ARRAY_ITEMS * 16:
            tags[key] = (*tags.get(key, ()), value)
    return tags


def _xmp(found: Any) -> dict[str, XmpValue]:
    tags: dict[str, XmpValue] = {}
    for number, datum in enumerate(found):
        if number >= XMP_ITEMS:
            break
        try:
            tags[datum.key()] = _xmp_value(datum.value())
        except _REFUSALS:
            continue
    return tags


def _xmp_value(value: Any) -> XmpValue:
    if isinstance(value, exiv2.XmpArrayValue):
        return tuple(_text(value.toString(i)) for i in range(value.count()))
    if isinstance(value, exiv2.LangAltValue):
        texts = dict(value.items())
        return _text(texts.get("x-default") or next(iter(texts.values()), ""))
    return _text(value)
