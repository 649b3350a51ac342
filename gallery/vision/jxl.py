"""The beginning of a JPEG XL file (ISO 18181): what a decoder would be asked to do, before it is asked."""

from dataclasses import dataclass

from gallery.vision.formats import UnreadableImage

_CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
_MAX_BOXES = 1000
# Enough for a header with a preview and a few extra channels.
_HEADER_BYTES = 256


@dataclass(frozen=True, slots=True)
class JxlHeader:
    """`width` and `height` in pixels before the orientation (1 to 8, as in EXIF) is applied; the decoder applies it."""

    width: int
    height: int
    orientation: int
    is_animated: bool
    extra_channels: int


def read_header(data: bytes) -> JxlHeader:
    """Raises UnreadableImage if the data ends within the header, or holds no picture."""
    bits = _Bits(_codestream_start(data))
    if bits.read(16) != 0x0AFF:
        raise UnreadableImage("The file is damaged: the picture in it cannot be decoded.")
    width, height = _size(bits)
    orientation, is_animated, extra_channels = 1, False, 0
    if not bits.read(1):  # not everything in the metadata has its usual value
        if bits.read(1):
            orientation = 1 + bits.read(3)
            if bits.read(1):
                _size(bits)  # intrinsic
            if bits.read(1):
                _preview(bits)
            is_animated = bool(bits.read(1))
            if is_animated:
                _animation(bits)
        _bit_depth(bits)
        bits.read(1)  # whether 16 bits are enough for the decoder
        extra_channels = bits.u32((0, 0), (0, 1), (4, 2), (12, 1))
    return JxlHeader(width, height, orientation, is_animated, extra_channels)


class _Bits:
    """Reads the least significant bit first, as JPEG XL does."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "little")
        self._left = len(data) * 8

    def read(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise UnreadableImage("The file is cut off: the picture is incomplete.")
        value = self._value & ((1 << count) - 1)
        self._value >>= count
        return value

    def u32(self, *choices: tuple[int, int]) -> int:
        """One of four (bits to read, number to add), chosen by two bits."""
        bits, offset = choices[self.read(2)]
        return self.read(bits) + offset


_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))


def _size(bits: _Bits) -> tuple[int, int]:
    lengths = ((9, 1), (13, 1), (18, 1), (30, 1))
    in_eights = bits.read(1)
    height = (bits.read(5) + 1) * 8 if in_eights else bits.u32(*lengths)
    if ratio := bits.read(3):
        across, down = _RATIOS[ratio - 1]
        return height * across // down, height
    return ((bits.read(5) + 1) * 8 if in_eights else bits.u32(*lengths)), height


def _preview(bits: _Bits) -> None:
    in_eights = bits.read(1)
    lengths = ((0, 16), (0, 32), (5, 1), (9, 33)) if in_eights else ((6, 1), (8, 65), (10, 321), (12, 1345))
    bits.u32(*lengths)
    if not bits.read(3):
        bits.u32(*lengths)


def _animation(bits: _Bits) -> None:
    bits.u32((0, 100), (0, 1000), (10, 1), (30, 1))
    bits.u32((0, 1), (0, 1001), (8, 1), (10, 1))
    bits.u32((0, 0), (3, 0), (16, 0), (32, 0))
    bits.read(1)


def _bit_depth(bits: _Bits) -> None:
    if bits.read(1):  # floating point
        bits.u32((0, 32), (0, 16), (0, 24), (6, 1))
        bits.read(4)
    else:
        bits.u32((0, 8), (0, 10), (0, 12), (6, 1))


def _codestream_start(data: bytes) -> bytes:
    """The first bytes of the picture itself, out of the container's boxes if there is one."""
    if not data.startswith(_CONTAINER):
        return data[:_HEADER_BYTES]
    found, at = b"", 0
    for _ in range(_MAX_BOXES):
        size, name, start = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], at + 8
        if size == 1:
            size, start = int.from_bytes(data[at + 8 : at + 16], "big"), at + 16
        end = at + size if size else len(data)
        if end < start or len(name) < 4:
            break
        if name in (b"jxlc", b"jxlp"):
            start += 4 if name == b"jxlp" else 0  # the part's number comes first
            found += data[start : min(end, start + _HEADER_BYTES)]
            if name == b"jxlc" or len(found) >= _HEADER_BYTES:
                break
        at = end
    return found[:_HEADER_BYTES]
