"""The short video that phones hide in a photo.

Google's motion photos say in XMP how many bytes before the end it begins (developer.android.com/media/platform/
motion-photo-format); HEIC pictures keep it in a box `mpvd`; Samsung's older ones name it in a trailer. Whatever the
file says counts only if an MP4 begins there.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from gallery.metadata.tags import Tags

_SAMSUNG = b"MotionPhoto_Data"
_LEAST_BYTES = 64
_BOXES = 1000


@dataclass(frozen=True, slots=True)
class Motion:
    """Where the MP4 lies in the file, in bytes."""

    offset: int
    length: int


def find(data: bytes, tags: Tags) -> Motion | None:
    """The embedded video of a motion photo; None for a photo that does not move."""
    for offset, length in _places(data, tags):
        length = min(length, len(data) - offset)
        if offset > 0 and length >= _LEAST_BYTES and data[offset + 4 : offset + 8] == b"ftyp":
            return Motion(offset, length)
    return None


def _places(data: bytes, tags: Tags) -> Iterator[tuple[int, int]]:
    if data[4:8] == b"ftyp":
        yield from _video_box(data)
    lengths, motion_at = [], -1
    for number in range(1, 33):
        key = f"Xmp.Container.Directory[{number}]"
        if key not in tags.xmp:
            break
        item = f"{key}/Container:Item/Item:"
        lengths.append(_count(tags.text(f"{item}Length")) + _count(tags.text(f"{item}Padding")))
        if tags.text(f"{item}Semantic") == "MotionPhoto":
            motion_at = number - 1
    if motion_at >= 0:
        offset = len(data) - sum(lengths[motion_at:])
        yield offset, lengths[motion_at]
        yield (
            len(data) - _count(tags.text(f"Xmp.Container.Directory[{motion_at + 1}]/Container:Item/Item:Length")),
            len(data),
        )
    before_end = _count(tags.text("Xmp.GCamera.MicroVideoOffset"))
    if before_end:
        yield len(data) - before_end, before_end
    if data[-4:] == b"SEFT" or motion_at >= 0:
        place = data.rfind(_SAMSUNG)
        if place >= 0:
            yield place + len(_SAMSUNG), _samsung_length(data, place)


def _video_box(data: bytes) -> Iterator[tuple[int, int]]:
    """The content of the box `mpvd` at the top level of a HEIC file (ISO/IEC 14496-12, 4.2)."""
    position = 0
    for _ in range(_BOXES):
        if position + 16 > len(data):
            return
        size, kind = struct.unpack_from(">I4s", data, position)
        header = 8
        if size == 1:
            size, header = struct.unpack_from(">Q", data, position + 8)[0], 16
        elif size == 0:
            size = len(data) - position
        if kind == b"mpvd":
            yield position + header, size - header
        if size < header:
            return
        position += size


def _samsung_length(data: bytes, place: int) -> int:
    """The video's length by the trailer's directory (entries of type 0x0a30: distance before SEFH, size), else all the
    rest."""
    rest = len(data) - place - len(_SAMSUNG)
    head = data.rfind(b"SEFH")
    if head < place or head + 12 > len(data):
        return rest
    (count,) = struct.unpack_from("<I", data, head + 8)
    for number in range(min(count, 100)):
        entry = head + 12 + 12 * number
        if entry + 12 > len(data):
            break
        _, kind, distance, size = struct.unpack_from("<HHII", data, entry)
        if kind == 0x0A30 and head - distance + 8 == place:
            return int(size) - 8 - len(_SAMSUNG)
    return head - place - len(_SAMSUNG)


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 13 else 0
