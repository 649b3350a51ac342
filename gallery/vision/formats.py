"""What kind of file some bytes are, by the bytes alone, and the error for what is no picture."""

import struct
from typing import Literal, get_args

from PIL import Image
from typing_extensions import TypeIs

from gallery.vision.tiff import raw_format

# An MPO (two pictures of one scene, one after the other) is a JPEG to every reader, and so it is one here.
ImageFormat = Literal["jpeg", "png", "webp", "gif", "bmp", "tiff", "heic", "heif", "avif", "jxl", "jp2"]
# By the camera's own name for it; `raw` is any other.
RawFormat = Literal[
    "arw", "cr2", "cr3", "crw", "dng", "iiq", "mrw", "nef", "orf", "pef", "raf", "rw2", "srw", "x3f", "raw"
]  # fmt: skip
VideoFormat = Literal["mp4", "mov", "3gp", "mkv", "webm", "avi", "mpg", "mts", "wmv", "flv", "ogv", "dv"]
Format = ImageFormat | RawFormat | VideoFormat
Kind = Literal["image", "raw", "video"]

# How much of a file `kind_of` and `recognise` want to see: the directories of RAW files lie within it.
HEAD_BYTES = 65_536

_RAW_FORMATS = frozenset(get_args(RawFormat))
_VIDEO_FORMATS = frozenset(get_args(VideoFormat))
_MIMES = {
    "arw": "image/x-sony-arw", "cr2": "image/x-canon-cr2", "cr3": "image/x-canon-cr3", "crw": "image/x-canon-crw",
    "dng": "image/x-adobe-dng", "iiq": "image/x-phaseone-iiq", "mrw": "image/x-minolta-mrw",
    "nef": "image/x-nikon-nef", "orf": "image/x-olympus-orf", "pef": "image/x-pentax-pef", "raf": "image/x-fuji-raf",
    "rw2": "image/x-panasonic-rw2", "srw": "image/x-samsung-srw", "x3f": "image/x-sigma-x3f", "raw": "image/x-dcraw",
    "mp4": "video/mp4", "mov": "video/quicktime", "3gp": "video/3gpp", "mkv": "video/x-matroska",
    "webm": "video/webm", "avi": "video/x-msvideo", "mpg": "video/mpeg", "mts": "video/mp2t", "wmv": "video/x-ms-wmv",
    "flv": "video/x-flv", "ogv": "video/ogg", "dv": "video/x-dv",
}  # fmt: skip

# What Pillow, pillow-heif, the JPEG XL reader and lcms are known to raise on damaged files.
DECODER_ERRORS = (
    OSError, ValueError, RuntimeError, EOFError, SyntaxError, TypeError, struct.error, LookupError, ArithmeticError,
    MemoryError, AttributeError, Image.DecompressionBombError,
)  # fmt: skip


class UnreadableImage(Exception):  # noqa: N818 (the name the design gives it)
    """The data is not a picture that can be shown. The message is a sentence for the person whose file it is."""


_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}
_SOUND_BRANDS = {b"M4A ", b"M4B ", b"M4P ", b"aax ", b"F4A ", b"F4B "}
_STARTS: tuple[tuple[int, bytes, Format], ...] = (
    (0, b"\xff\xd8\xff", "jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "png"),
    (0, b"GIF87a", "gif"),
    (0, b"GIF89a", "gif"),
    (0, b"BM", "bmp"),
    (0, b"\xff\x0a", "jxl"),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", "jxl"),
    (0, b"\0\0\0\x0cjP  ", "jp2"),
    (0, b"\xff\x4f\xff\x51", "jp2"),
    (0, b"FUJIFILMCCD-RAW", "raf"),
    (0, b"IIU\0", "rw2"),
    (0, b"IIRO", "orf"),
    (0, b"IIRS", "orf"),
    (0, b"MMOR", "orf"),
    (0, b"FOVb", "x3f"),
    (0, b"\0MRM", "mrw"),
    (6, b"HEAPCCDR", "crw"),
    (0, b"\0\0\x01\xba", "mpg"),
    (0, b"\0\0\x01\xb3", "mpg"),
    (0, b"0&\xb2u\x8ef\xcf\x11", "wmv"),
    (0, b"FLV\x01", "flv"),
    (0, b"\x1f\x07\0", "dv"),
)
# The boxes that a QuickTime file without `ftyp` begins with.
_QUICKTIME_BOXES = {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}
_FOREIGN: tuple[tuple[int, bytes, str], ...] = (
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\x03\x04", "a ZIP archive or an office document"),
    (0, b"\x1f\x8b", "a compressed archive"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"gimp xcf", "a GIMP document"),
    (0, b"\0\0\x01\0", "an icon"),
    (0, b".RMF", "a RealMedia video"),
    (0, b"\x06\x0e\x2b\x34", "an MXF video"),
    (0, b"\xb7\xd8\0\x20\x37\x49\xda\x11", "a recorded television programme"),
    (0, b"#EXTM3U", "a playlist"),
    (0, b"ffconcat", "a playlist"),
    (0, b"[playlist]", "a playlist"),
    (0, b"<svg", "an SVG drawing"),
    (0, b"<?xml", "an XML file"),
    (0, b"<!DOCTYPE", "a web page"),
    (0, b"<html", "a web page"),
    (0, b"{\\rtf", "a text document"),
    (0, b"{", "a JSON file"),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ", "a program"),
    (0, b"OggS", "a sound file"),
    (0, b"fLaC", "a sound file"),
    (0, b"ID3", "a sound file"),
    (8, b"WAVE", "a sound file"),
)


def kind_of(head: bytes) -> Kind:
    """What kind of file it is, by its first `HEAD_BYTES`. Raises UnreadableImage naming what else it seems to be."""
    format_ = recognise(head)
    return "raw" if is_raw(format_) else "video" if is_video(format_) else "image"


def is_raw(format_: Format) -> TypeIs[RawFormat]:
    """Whether it is a camera's RAW format."""
    return format_ in _RAW_FORMATS


def is_video(format_: Format) -> TypeIs[VideoFormat]:
    """Whether it is a video's format."""
    return format_ in _VIDEO_FORMATS


def mime_of(format_: Format) -> str:
    """The media type of a format."""
    return _MIMES.get(format_, f"image/{format_}")


def recognise(data: bytes) -> Format:
    """The format by the first `HEAD_BYTES`. Raises UnreadableImage naming what else it seems to be."""
    if not data:
        raise UnreadableImage("The file is empty.")
    if data[4:8] == b"ftyp":
        return _by_brand(data)
    if data[:4] in (b"II*\0", b"MM\0*"):
        return raw_format(data) or "tiff"
    if data[:4] in (b"II+\0", b"MM\0+"):
        return "tiff"
    if found := next((format_ for offset, magic, format_ in _STARTS if data.startswith(magic, offset)), None):
        return found
    if found := _by_structure(data):
        return found
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


def _by_brand(data: bytes) -> Format:
    """Of the family of ISO 14496-12, by the brands that the file says it can be read as."""
    brands = _brands(data)
    major = data[8:12]
    if brands & {b"avif", b"avis"}:
        return "avif"
    if brands & _HEIC_BRANDS:
        return "heic"
    if brands & {b"mif1", b"msf1"}:
        return "heif"
    if b"crx " in brands:
        return "cr3"
    if major in _SOUND_BRANDS:
        raise foreign("a sound file")
    if major == b"qt  ":
        return "mov"
    return "3gp" if major[:3] in (b"3gp", b"3g2") else "mp4"


def _by_structure(data: bytes) -> Format | None:
    if data.startswith(b"RIFF"):
        form: dict[bytes, Format] = {b"WEBP": "webp", b"AVI ": "avi"}
        return form.get(data[8:12])
    if data.startswith(b"\x1aE\xdf\xa3"):  # EBML: the document's type stands within its short header
        return "webm" if b"webm" in data[:64] else "mkv"
    if data[4:8] in _QUICKTIME_BOXES:
        return "mov"
    if data.startswith(b"OggS") and b"\x80theora" in data[:512]:
        return "ogv"
    # Transport streams are packets of 188 bytes that begin with 0x47; camcorders put a time of 4 bytes before each.
    for first, step in ((0, 188), (4, 192)):
        if len(data) > first + 2 * step and all(data[first + i * step] == 0x47 for i in range(3)):
            return "mts"
    return None


def _brands(data: bytes) -> set[bytes]:
    end = min(int.from_bytes(data[:4], "big"), 256, len(data))
    return {data[8:12], *(data[at : at + 4] for at in range(16, end - 3, 4))}
