"""What kind of file some bytes are, by the bytes alone, and the error for what is no picture."""

import struct
from typing import Literal

from PIL import Image

Format = Literal["jpeg", "png", "webp", "gif", "bmp", "tiff", "heic", "heif", "avif"]

# What Pillow, pillow-heif and lcms are known to raise on damaged files.
DECODER_ERRORS = (
    OSError, ValueError, RuntimeError, EOFError, SyntaxError, TypeError, struct.error, LookupError, ArithmeticError,
    MemoryError, AttributeError, Image.DecompressionBombError,
)  # fmt: skip


class UnreadableImage(Exception):  # noqa: N818 (the name the design gives it)
    """The data is not a picture that can be shown. The message is a sentence for the person whose file it is."""


_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}
_FOREIGN: tuple[tuple[int, bytes, str], ...] = (
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\x03\x04", "a ZIP archive or an office document"),
    (0, b"\x1f\x8b", "a compressed archive"),
    (0, b"\xff\x0a", "a JPEG XL picture"),
    (0, b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (0, b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"gimp xcf", "a GIMP document"),
    (0, b"\0\0\x01\0", "an icon"),
    (0, b"FUJIFILMCCD-RAW", "a camera RAW file"),
    (0, b"IIU\0", "a camera RAW file"),
    (0, b"IIRO", "a camera RAW file"),
    (0, b"IIRS", "a camera RAW file"),
    (0, b"FOVb", "a camera RAW file"),
    (0, b"\x1aE\xdf\xa3", "a video"),
    (8, b"AVI ", "a video"),
    (4, b"moov", "a video"),
    (4, b"mdat", "a video"),
    (0, b"\0\0\x01\xba", "a video"),
    (0, b"<svg", "an SVG drawing"),
    (0, b"<?xml", "an XML file"),
    (0, b"<!DOCTYPE", "a web page"),
    (0, b"<html", "a web page"),
    (0, b"{\\rtf", "a text document"),
    (0, b"{", "a JSON file"),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ", "a program"),
    (0, b"OggS", "a sound or video file"),
    (0, b"ID3", "a sound file"),
    (8, b"WAVE", "a sound file"),
)


def recognise(data: bytes) -> Format:
    """The format by the first bytes. Raises UnreadableImage naming what else it seems to be."""
    if not data:
        raise UnreadableImage("The file is empty.")
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "webp"
    if data.startswith(b"BM"):
        return "bmp"
    if data[4:8] == b"ftyp":
        brands = _brands(data)
        if brands & {b"avif", b"avis"}:
            return "avif"
        if brands & _HEIC_BRANDS:
            return "heic"
        if brands & {b"mif1", b"msf1"}:
            return "heif"
        raise foreign("a camera RAW file" if b"crx " in brands else "a video")
    if data.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")) and data[8:10] != b"CR":
        return "tiff"
    if data[:4] in (b"II*\0", b"MM\0*"):
        raise foreign("a camera RAW file")
    for offset, magic, name in _FOREIGN:
        if data.startswith(magic, offset):
            raise foreign(name)
    if not any(data[:4096]):
        raise UnreadableImage("The file holds only zeros: its content was lost, perhaps in copying.")
    raise foreign("a text file" if data[:1024].isascii() and b"\0" not in data[:1024] else None)


def foreign(name: str | None) -> UnreadableImage:
    """The error for a file that is something else; `name` says what, if that can be told."""
    looks = f" (it looks like {name})" if name else ""
    return UnreadableImage(f"This is not a picture PictoPy can read{looks}.")


def _brands(data: bytes) -> set[bytes]:
    end = min(int.from_bytes(data[:4], "big"), 256, len(data))
    return {data[8:12], *(data[at : at + 4] for at in range(16, end - 3, 4))}
