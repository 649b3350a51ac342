"""The tags of TIFF files, as far as they tell a camera's RAW from a plain TIFF. Reads no picture and trusts nothing."""

import struct
from collections.abc import Iterator
from typing import Literal

TiffRaw = Literal["arw", "cr2", "dng", "iiq", "nef", "orf", "pef", "srw", "raw"]

# TIFF 6.0, TIFF/EP (ISO 12234-2) and the DNG specification.
SUBFILE_TYPE, COMPRESSION, PHOTOMETRIC, MAKE, SUB_DIRECTORIES, DNG_VERSION = 254, 259, 262, 271, 330, 50706
_COLOUR_FILTER_ARRAY, _LINEAR_RAW = 32803, 34892
# Sony, Nikon, Samsung, Kodak, Pentax.
_RAW_COMPRESSIONS = {32767, 34713, 32769, 32770, 65000, 65535}

_MAKERS: tuple[tuple[bytes, TiffRaw], ...] = (
    (b"NIKON", "nef"), (b"SONY", "arw"), (b"PENTAX", "pef"), (b"RICOH", "pef"), (b"SAMSUNG", "srw"),
    (b"OLYMPUS", "orf"), (b"PHASE ONE", "iiq"), (b"CANON", "cr2"), (b"KODAK", "raw"), (b"EASTMAN", "raw"),
    (b"HASSELBLAD", "raw"), (b"LEAF", "raw"), (b"MAMIYA", "raw"), (b"SEIKO EPSON", "raw"), (b"LEICA", "raw"),
    (b"PANASONIC", "raw"),
)  # fmt: skip

_MAX_DIRECTORIES = 16
_MAX_ENTRIES = 512
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 7: 1, 13: 4}  # bytes of BYTE, ASCII, SHORT, LONG, UNDEFINED, IFD

Directory = dict[int, tuple[int, ...] | bytes]


def raw_format(data: bytes) -> TiffRaw | None:
    """Which camera's RAW the beginning of a TIFF is; None for a plain TIFF."""
    if data[8:10] == b"CR":
        return "cr2"
    if data[8:12] in (b"IIII", b"MMMM"):
        return "iiq"
    found = list(directories(data))
    if not found:
        return None
    first = found[0]
    if DNG_VERSION in first:
        return "dng"
    make = first.get(MAKE, b"")
    maker = _maker(make.strip(b"\0 ").upper()) if isinstance(make, bytes) else None
    for directory in found:
        if _number(directory, PHOTOMETRIC) in (_COLOUR_FILTER_ARRAY, _LINEAR_RAW):
            return maker or "raw"
        if maker and _number(directory, COMPRESSION) in _RAW_COMPRESSIONS:
            return maker
    # The sensor's data may be described further on in the file; a camera's thumbnail with pictures below it is enough.
    if maker and SUB_DIRECTORIES in first and (_number(first, SUBFILE_TYPE) or 0) & 1:
        return maker
    return None


def directories(data: bytes) -> Iterator[Directory]:
    """The directories that lie within `data`, the first one first: at most 16, each once."""
    order = "<" if data[:2] == b"II" else ">"
    waiting, seen = [_unpack(order + "I", data, 4)], set[int]()
    while waiting and len(seen) < _MAX_DIRECTORIES:
        offset = waiting.pop(0)
        if not offset or offset in seen:
            continue
        seen.add(offset)
        directory, after = _directory(data, offset, order)
        if directory:
            yield directory
        below = directory.get(SUB_DIRECTORIES, ())
        waiting += [*(below if isinstance(below, tuple) else ())[:_MAX_DIRECTORIES], after]


def _directory(data: bytes, offset: int, order: str) -> tuple[Directory, int]:
    """The tags of whole numbers and text at `offset`, and where the next directory lies (0: nowhere)."""
    entries: Directory = {}
    count = min(_unpack(order + "H", data, offset), _MAX_ENTRIES)
    for at in range(offset + 2, offset + 2 + 12 * count, 12):
        if at + 12 > len(data):
            return entries, 0
        tag, type_, values = struct.unpack_from(order + "HHI", data, at)
        size = _SIZES.get(type_, 0)
        if not size or values > _MAX_ENTRIES:
            continue
        where = at + 8 if size * values <= 4 else _unpack(order + "I", data, at + 8)
        content = data[where : where + size * values]
        if len(content) < size * values:
            continue
        letter = {2: "H", 4: "I"}.get(size)
        entries[tag] = struct.unpack(f"{order}{values}{letter}", content) if letter else content
    return entries, _unpack(order + "I", data, offset + 2 + 12 * count)


def _unpack(form: str, data: bytes, at: int) -> int:
    """One whole number; 0 outside of the data."""
    return int(struct.unpack_from(form, data, at)[0]) if at + struct.calcsize(form) <= len(data) else 0


def _number(directory: Directory, tag: int) -> int | None:
    values = directory.get(tag)
    return values[0] if isinstance(values, tuple) and values else None


def _maker(make: bytes) -> TiffRaw | None:
    return next((format_ for start, format_ in _MAKERS if make.startswith(start)), None)
