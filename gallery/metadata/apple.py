"""Two identifiers of Apple's maker note, which exiv2 does not read: what belongs to one live photo or one burst.

The note is a big-endian TIFF directory behind a 14-byte header, its offsets counted from the header
(https://exiftool.org/TagNames/Apple.html).
"""

from __future__ import annotations

import struct

from gallery.metadata.text import decoded

_HEADER = b"Apple iOS\0"
_BURST, _CONTENT = 0x000B, 0x0011
_ASCII = 2


def identifiers(note: bytes) -> tuple[str, str]:
    """The content identifier and the burst identifier; "" where there is none. Raises nothing."""
    if not note.startswith(_HEADER) or len(note) < 16:
        return "", ""
    order = "<" if note[12:14] == b"II" else ">"
    (count,) = struct.unpack_from(f"{order}H", note, 14)
    found = {_BURST: "", _CONTENT: ""}
    for number in range(min(count, 200)):
        place = 16 + 12 * number
        if place + 12 > len(note):
            break
        tag, kind, length, offset = struct.unpack_from(f"{order}HHII", note, place)
        if tag in found and kind == _ASCII and 4 < length <= 200:
            found[tag] = decoded(note[offset : offset + length])
    return found[_CONTENT], found[_BURST]
