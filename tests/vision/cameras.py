"""RAW files that the tests make: DNGs with a sensor's data, and perhaps a preview, as cameras write them."""

import struct

import numpy as np
import numpy.typing as npt

_LONG, _SHORT, _BYTE, _ASCII, _RATIONAL, _SRATIONAL = 4, 3, 1, 2, 5, 10
_SIZES = {_BYTE: 1, _ASCII: 1, _SHORT: 2, _LONG: 4, _RATIONAL: 8, _SRATIONAL: 8}
_LETTERS = {_SHORT: "H", _LONG: "I"}
# From CIE XYZ to linear sRGB (IEC 61966-2-1): a camera that sees as sRGB does.
_MATRIX = (3.2406, -1.5372, -0.4986, -0.9689, 1.8758, 0.0415, 0.0557, -0.2040, 1.0570)

Entry = tuple[int, int, list[int] | bytes]


def dng(
    pixels: npt.NDArray[np.uint8], *, orientation: int = 1, preview: bytes | None = None, maker: bytes = b"PictoPy"
) -> bytes:
    """A DNG of the sensor's data (RGGB, 16 bits, as light) behind `pixels` (sRGB, not turned, even sizes)."""
    height, width = pixels.shape[:2]
    light = (np.power(pixels / 255, 2.2) * 60000).astype("<u2")
    mosaic = light[..., 1].copy()
    mosaic[::2, ::2], mosaic[1::2, 1::2] = light[::2, ::2, 0], light[1::2, 1::2, 2]
    # A sensor is never without noise.
    mosaic += np.random.default_rng(3).integers(0, 50, mosaic.shape, dtype=np.uint16)
    matrix = b"".join(struct.pack("<ii", round(value * 10000), 10000) for value in _MATRIX)
    data = mosaic.tobytes()
    at_data = 8
    at_preview = at_data + len(data)
    at_first = at_preview + len(preview or b"") + len(preview or b"") % 2
    entries: list[Entry] = [
        (254, _LONG, [0]), (256, _LONG, [width]), (257, _LONG, [height]), (258, _SHORT, [16]), (259, _SHORT, [1]),
        (262, _SHORT, [32803]), (271, _ASCII, maker + b"\0"), (272, _ASCII, b"Test\0"), (273, _LONG, [at_data]),
        (274, _SHORT, [orientation]), (277, _SHORT, [1]), (278, _LONG, [height]), (279, _LONG, [len(data)]),
        (284, _SHORT, [1]), (33421, _SHORT, [2, 2]), (33422, _BYTE, b"\0\1\1\2"), (50706, _BYTE, b"\1\4\0\0"),
        (50708, _ASCII, b"PictoPy Test\0"), (50714, _SHORT, [0]), (50717, _LONG, [65535]),
        (50721, _SRATIONAL, matrix), (50728, _RATIONAL, struct.pack("<6I", *[1] * 6)), (50778, _SHORT, [21]),
    ]  # fmt: skip
    second = b""
    if preview is not None:
        below: list[Entry] = [
            (254, _LONG, [1]), (256, _LONG, [64]), (257, _LONG, [64]), (258, _SHORT, [8, 8, 8]), (259, _SHORT, [7]),
            (262, _SHORT, [6]), (273, _LONG, [at_preview]), (277, _SHORT, [3]), (278, _LONG, [64]),
            (279, _LONG, [len(preview)]),
        ]  # fmt: skip
        size = len(_directory([*entries, (330, _LONG, [0])], at_first))
        entries.append((330, _LONG, [at_first + size]))
        second = _directory(below, at_first + size)
    first = _directory(sorted(entries), at_first)
    picture = (preview or b"") + b"\0" * (len(preview or b"") % 2)
    return b"II*\0" + struct.pack("<I", at_first) + data + picture + first + second


def _directory(entries: list[Entry], at: int) -> bytes:
    """A TIFF directory that lies at `at`, with its values behind it."""
    behind = at + 2 + 12 * len(entries) + 4
    rows, values = b"", b""
    for tag, type_, value in sorted(entries, key=lambda it: it[0]):
        content = value if isinstance(value, bytes) else struct.pack(f"<{len(value)}{_LETTERS[type_]}", *value)
        count = len(content) // _SIZES[type_]
        if len(content) <= 4:
            rows += struct.pack("<HHI", tag, type_, count) + content.ljust(4, b"\0")
        else:
            rows += struct.pack("<HHII", tag, type_, count, behind + len(values))
            values += content + b"\0" * (len(content) % 2)
    return struct.pack("<H", len(entries)) + rows + b"\0" * 4 + values
