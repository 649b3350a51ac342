"""The boxes of ISO 14496-12, which HEIC, AVIF, MP4 and QuickTime files are made of."""

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from gallery.vision.formats import UnreadableImage

_MAX_BOXES = 200_000
# 23 hours of 60 pictures a second. The reader makes some 60 bytes of every sample that a file says it has.
_MAX_SAMPLES = 5_000_000
_MAX_TABLE_BYTES = 8 * _MAX_SAMPLES


class Box(NamedTuple):
    """`start` and `end`: where the content lies in the file, in bytes."""

    name: bytes
    start: int
    end: int


def boxes(file: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """The boxes that lie between two places of a file, one after the other; stops at the first that makes no sense."""
    for _ in range(_MAX_BOXES):
        if start + 8 > end:
            return
        file.seek(start)
        head = file.read(16)
        if len(head) < 8:
            return
        size, name, content = int.from_bytes(head[:4], "big"), head[4:8], start + 8
        if size == 1:
            size, content = int.from_bytes(head[8:16], "big"), start + 16
        after = start + size if size else end
        if after < content:
            return
        yield Box(name, content, min(after, end))
        start = after


# ---- Pictures ---------------------------------------------------------------------------------------------------


def colour_codes(file: BinaryIO, size_bytes: int) -> tuple[int, int] | None:
    """(primaries, transfer) of H.273 that a HEIF's or AVIF's main picture has; None if it says nothing."""
    meta = next((box for box in boxes(file, 0, size_bytes) if box.name == b"meta"), None)
    if meta is None:
        return None
    parts = {box.name: box for box in boxes(file, meta.start + 4, meta.end)}
    if b"pitm" not in parts or b"iprp" not in parts:
        return None
    main = _content(file, parts[b"pitm"])
    item = int.from_bytes(main[4:8] if main[:1] == b"\1" else main[4:6], "big")
    properties: list[Box] = []
    wanted: list[int] = []
    for box in boxes(file, parts[b"iprp"].start, parts[b"iprp"].end):
        if box.name == b"ipco":
            properties = list(boxes(file, box.start, box.end))
        elif box.name == b"ipma":
            wanted = _associations(_content(file, box), item)
    for index in wanted:
        if 0 < index <= len(properties) and properties[index - 1].name == b"colr":
            content = _content(file, properties[index - 1])
            if content[:4] == b"nclx" and len(content) >= 10:
                primaries, transfer = struct.unpack(">HH", content[4:8])
                return primaries, transfer
    return None


def _associations(content: bytes, item: int) -> list[int]:
    """The numbers (from 1) of an item's properties."""
    id_bytes, index_bytes = (4 if content[:1] != b"\0" else 2), (2 if content[3:4] and content[3] & 1 else 1)
    at = 8
    while at + id_bytes < len(content):
        this = int.from_bytes(content[at : at + id_bytes], "big")
        count = content[at + id_bytes]
        at += id_bytes + 1
        if this == item:
            mask = 0x7FFF if index_bytes == 2 else 0x7F
            places = range(at, at + count * index_bytes, index_bytes)
            return [int.from_bytes(content[place : place + index_bytes], "big") & mask for place in places]
        at += count * index_bytes
    return []


def _content(file: BinaryIO, box: Box, most_bytes: int = 65_536) -> bytes:
    file.seek(box.start)
    return file.read(min(box.end - box.start, most_bytes))


# ---- Videos -----------------------------------------------------------------------------------------------------


def refuse_bombs(file: BinaryIO, size_bytes: int) -> None:
    """Raises UnreadableImage for an MP4 or QuickTime file that makes a reader fill the memory.

    A few bytes can claim billions of samples, and FFmpeg makes a row for each before it looks for their data.
    """
    for box in boxes(file, 0, size_bytes):
        if box.name == b"moov":
            for part in boxes(file, box.start, box.end):
                if part.name == b"cmov":
                    raise UnreadableImage("The video has a compressed table of contents, which PictoPy does not read.")
                if part.name == b"trak":
                    _check_track(file, part)
        elif box.name == b"moof":
            for run in _below(file, box, (b"traf", b"trun")):
                _check_samples(int.from_bytes(_content(file, run, 8)[4:8], "big"))


def _check_track(file: BinaryIO, track: Box) -> None:
    tables: dict[bytes, list[Box]] = {}
    for table in _below(file, track, (b"mdia", b"minf", b"stbl")):
        for part in boxes(file, table.start, table.end):
            tables.setdefault(part.name, []).append(part)
    times = [_rows(file, box, 2) for box in tables.get(b"stts", [])]
    if len(times) == 1 and len(times[0]) == 1 and times[0][0, 1] == 1:
        # Sound whose samples all last one tick is read by the chunk, in rows of 160 samples or more.
        largest = max((int(_rows(file, box, 3)[:, 1].max(initial=0)) for box in tables.get(b"stsc", [])), default=0)
        chunks = sum(_count(file, box, 4) for name in (b"stco", b"co64") for box in tables.get(name, []))
        _check_samples(largest * chunks // 160)
        if any(_content(file, box, 12)[8:12] == b"vide" for box in _below(file, track, (b"mdia", b"hdlr"))):
            _check_samples(int(times[0][0, 0]))
        return
    for rows in (*times, *(_rows(file, box, 2) for box in tables.get(b"ctts", []))):
        _check_samples(int(rows[:, 0].sum(dtype=np.uint64)))
    for name in (b"stsz", b"stz2"):
        _check_samples(sum(_count(file, box, 8) for box in tables.get(name, [])))


def _check_samples(count: int) -> None:
    if count > _MAX_SAMPLES:
        raise UnreadableImage("The file is damaged: the video claims to have more pictures than it can hold.")


def _below(file: BinaryIO, box: Box, names: tuple[bytes, ...]) -> Iterator[Box]:
    for part in boxes(file, box.start, box.end):
        if part.name == names[0]:
            if len(names) == 1:
                yield part
            else:
                yield from _below(file, part, names[1:])


def _rows(file: BinaryIO, box: Box, width: int) -> npt.NDArray[np.uint32]:
    """A table's rows of `width` 32-bit numbers, after its version and count."""
    content = _content(file, box, _MAX_TABLE_BYTES)[8:]
    numbers = np.frombuffer(content, ">u4", count=len(content) // (4 * width) * width)
    return numbers.astype(np.uint32).reshape(-1, width)


def _count(file: BinaryIO, box: Box, at: int) -> int:
    return int.from_bytes(_content(file, box, at + 4)[at : at + 4], "big")
