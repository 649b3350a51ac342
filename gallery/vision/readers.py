"""Bytes of a known format become a loaded Pillow image, within the limits of memory and time.

JPEGs are decoded at a reduced size inside the decoder. Everything else is refused by its header alone if the decoder
would need more than `DECODE_BUDGET_BYTES`.

Measured (12 megapixels, 4:2:0, one core): Pillow's draft mode and OpenCV's reduced decoding both take 28 ms. Pillow was
chosen: it notices a file that is cut off, knows CMYK, and hands over profile and orientation.
"""

import contextlib
import io
import math
import threading
import warnings
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from gallery.vision import boxes, primaries
from gallery.vision.formats import DECODER_ERRORS, ImageFormat, UnreadableImage
from gallery.vision.jxl import read_header
from gallery.vision.pixels import reduce
from gallery.vision.tiff import SUBFILE_TYPE

# What the decoder may hold at once. With the interpreter, the models and the file itself a worker stays below 900 MB.
DECODE_BUDGET_BYTES = 640_000_000
# Baseline JPEGs stream through the decoder and cost only time: about 2 s for this many.
_MAX_JPEG_PIXELS = 1_000_000_000
# A progressive JPEG walks over all of the picture once per scan (usually 10); crafted files have thousands.
_MAX_SCANNED_PIXELS = 10_000_000_000
# How far the poster of an animation, and the first real page of a TIFF, are looked for.
_MAX_FRAMES = 30
_MAX_FRAME_PIXELS = 60_000_000

_BYTES_PER_PIXEL = {
    "1": 1,
    "L": 1,
    "P": 1,
    "I;16": 2,
    "I;16B": 2,
    "I;16L": 2,
    "LA": 4,
    "PA": 4,
}  # Pillow's memory; else 4
# The decoders of these hold several copies of the whole picture (measured peak per pixel, 8 bits).
_DECODER_BYTES_PER_PIXEL = {"webp": 16, "avif": 12, "heic": 5.5, "heif": 5.5, "gif": 3, "jxl": 13, "jp2": 20}

_PILLOW_READERS: dict[str, type[ImageFile.ImageFile]] = {
    "jpeg": JpegImagePlugin.JpegImageFile,
    "png": PngImagePlugin.PngImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
    "gif": GifImagePlugin.GifImageFile,
    "bmp": BmpImagePlugin.BmpImageFile,
    "tiff": TiffImagePlugin.TiffImageFile,
    "avif": AvifImagePlugin.AvifImageFile,
    "jp2": Jpeg2KImagePlugin.Jpeg2KImageFile,
}
_ORIENTATION_TAG, _INTEROPERABILITY_TAG = 0x0112, 0xA005


class Read(NamedTuple):
    """`image`: loaded, perhaps reduced. `size`: of the original. Neither is turned by `orientation` (EXIF, 1 to 8)."""

    image: Image.Image
    size: tuple[int, int]
    orientation: int
    is_animated: bool = False


def read(data: bytes, format_: ImageFormat, min_edge_px: int) -> Read:
    """The picture to show. Raises UnreadableImage for what is refused, `DECODER_ERRORS` for what is damaged."""
    if format_ in ("heic", "heif"):
        return _read_heif(data, format_, min_edge_px)
    if format_ == "jxl":
        return _read_jxl(data, min_edge_px)
    return _read_pillow(data, format_, min_edge_px)


def _read_pillow(data: bytes, format_: ImageFormat, min_edge_px: int) -> Read:
    # Not Image.open: so that only this format is tried, and Pillow's own limit of pixels is not in the way.
    image = _PILLOW_READERS[format_](io.BytesIO(data))
    is_animated = False
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        size = image.size
        _check_jpeg_cost(image, data)
        reduction = next((by for by in (8, 4, 2) if max(size) // by >= min_edge_px), 1)
        if reduction > 1:
            image.draft(None, (max(size[0] // reduction, 1), max(size[1] // reduction, 1)))
        image.load()
    else:
        if isinstance(image, TiffImagePlugin.TiffImageFile):
            _find_page(image)
        size = image.size
        _check_size(size, _bytes_per_pixel(image, format_), format_)
        image.load()
        # TIFFs hold pages, and Pillow counts a JPEG 2000's quality layers; these four can move.
        is_animated = format_ in ("gif", "png", "webp", "avif") and bool(getattr(image, "is_animated", False))
    orientation = 1 if format_ == "tiff" else _orientation(image)  # Pillow's TIFF reader turns the picture itself
    if "icc_profile" not in image.info:
        _add_profile(image, data, format_)
    profile = image.info.get("icc_profile")
    shown = _poster(image) if is_animated else image
    if profile:
        shown.info["icc_profile"] = profile
    return Read(shown, size, orientation, is_animated)


def _read_heif(data: bytes, format_: ImageFormat, min_edge_px: int) -> Read:
    import pillow_heif

    # The main picture only: depth maps, thumbnails and the other pictures of a burst are never shown in its place.
    heif = pillow_heif.open_heif(data, convert_hdr_to_8bit=True)
    _check_size(heif.size, _DECODER_BYTES_PER_PIXEL[format_], format_)
    pixels = np.asarray(heif)
    factor = max(heif.size) // min_edge_px
    if heif.mode == "RGB" and factor > 1:  # before Pillow makes its larger copy
        pixels = reduce(pixels, factor)
    image = Image.fromarray(pixels)
    codes = heif.info.get("nclx_profile") or {}
    profile = heif.info.get("icc_profile") or primaries.profile_of(
        int(codes.get("color_primaries", 2)), int(codes.get("transfer_characteristics", 2))
    )
    if profile:
        image.info["icc_profile"] = profile
    # The decoder has applied the file's own rotation; by the standard (ISO 23008-12) EXIF's is only a copy of it.
    return Read(image, heif.size, 1)


def _read_jxl(data: bytes, min_edge_px: int) -> Read:
    import pillow_jxl

    header = read_header(data)
    size = header.width, header.height
    _check_size(size, _DECODER_BYTES_PER_PIXEL["jxl"] + 4 * header.extra_channels, "jxl")
    is_jpeg, info, pixels, profile, _ = pillow_jxl.Decoder(num_threads=1)(data)
    if is_jpeg:  # the file is a JPEG in a smaller dress, and its own EXIF says how it is turned
        return _read_pillow(pixels, "jpeg", min_edge_px)
    image = Image.frombuffer(info.mode, (info.width, info.height), pixels, "raw", info.mode, 0, 1)
    if profile:
        image.info["icc_profile"] = profile
    # The decoder turns the picture as the codestream says; by the standard (ISO 18181-2) EXIF's is only a copy of it.
    return Read(image, (info.width, info.height), 1, header.is_animated)


def _find_page(image: TiffImagePlugin.TiffImageFile) -> None:
    """Go to the first page that is neither a thumbnail nor a mask; to the first of all if there is none."""
    for page in range(_MAX_FRAMES):
        kind = image.tag_v2.get(SUBFILE_TYPE, 0)
        if not (isinstance(kind, int) and kind & 0b101):
            return
        try:
            image.seek(page + 1)
        except EOFError:
            break
    image.seek(0)


def _poster(image: ImageFile.ImageFile) -> Image.Image:
    """The first frame that shows something; the first of all if none does within the bounds."""
    first = image.copy() if _is_blank(image) else None
    if first is None:
        return image
    for frame in range(1, min(_MAX_FRAMES, 1 + _MAX_FRAME_PIXELS // max(image.width * image.height, 1))):
        try:
            image.seek(frame)
            image.load()
        except DECODER_ERRORS:
            break
        if not _is_blank(image):
            return image
    return first


def _is_blank(image: Image.Image) -> bool:
    """Whether it is of one colour all over, or all transparent."""
    shown = image.convert("RGBA") if "transparency" in image.info or image.mode in ("P", "PA", "LA") else image
    if shown.mode == "RGBA" and shown.getchannel("A").getextrema() == (0, 0):
        return True
    bands = (shown,) if shown.mode in ("1", "L") else shown.split()
    return all(low == high for low, high in (band.getextrema() for band in bands))


def _add_profile(image: Image.Image, data: bytes, format_: ImageFormat) -> None:
    """Colours that the file names in another way than by a profile."""
    profile = None
    if format_ == "avif" and (codes := boxes.colour_codes(io.BytesIO(data), len(data))):
        profile = primaries.profile_of(*codes)
    elif format_ == "jpeg" and _means_adobe_rgb(image):
        profile = primaries.adobe_rgb()
    if profile:
        image.info["icc_profile"] = profile


def _means_adobe_rgb(image: Image.Image) -> bool:
    """Whether the camera marked it by DCF's "R03": the way of those that embed no profile."""
    if image.mode != "RGB":
        return False
    try:
        return bool(image.getexif().get_ifd(_INTEROPERABILITY_TAG).get(1) == "R03")
    except DECODER_ERRORS:
        return False


def _orientation(image: Image.Image) -> int:
    """EXIF orientation 1 to 8; 1 if there is none or it is nonsense. Broken EXIF costs the picture nothing."""
    try:
        orientation = image.getexif().get(_ORIENTATION_TAG, 1)
    except DECODER_ERRORS:
        return 1
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1


# ---- Limits -----------------------------------------------------------------------------------------------------


def _bytes_per_pixel(image: Image.Image, format_: ImageFormat) -> float:
    if format_ in _DECODER_BYTES_PER_PIXEL:
        return _DECODER_BYTES_PER_PIXEL[format_]
    own = _BYTES_PER_PIXEL.get(image.mode, 4)
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        rows = image.tag_v2.get(TiffImagePlugin.ROWSPERSTRIP, image.height)
        return own * (1 + min(1.0, float(rows) / image.height))  # libtiff holds one strip besides
    return own


def _check_size(size: tuple[int, int], bytes_per_pixel: float, format_: ImageFormat) -> None:
    pixels, most = size[0] * size[1], int(DECODE_BUDGET_BYTES / bytes_per_pixel)
    if pixels > most:
        raise _too_large(pixels, most, f"this kind of {format_.upper()} file")
    if pixels < 1:
        raise UnreadableImage("The file is damaged: the picture in it has no width or no height.")


def _too_large(pixels: int, most: int, kind: str) -> UnreadableImage:
    millions = f"{math.ceil(pixels / 1e6):,} megapixels"
    return UnreadableImage(f"The picture has {millions}; at most {most // 1_000_000:,} can be read from {kind}.")


def _check_jpeg_cost(image: JpegImagePlugin.JpegImageFile, data: bytes) -> None:
    """Refuse what would take the decoder too much memory or time, by the header alone."""
    pixels = image.width * image.height
    most = _MAX_JPEG_PIXELS
    # A file of several scans is held whole, two bytes per coefficient of each colour in its own resolution.
    if "progressive" in image.info or _first_scan_colours(data) < image.layers:
        finest = max(h for _, h, _, _ in image.layer) * max(v for _, _, v, _ in image.layer)
        coefficients = sum(h * v for _, h, v, _ in image.layer) / max(finest, 1)
        most = min(most, int(DECODE_BUDGET_BYTES / (2 * coefficients)))
        if data.count(b"\xff\xda") * pixels > _MAX_SCANNED_PIXELS:
            raise UnreadableImage("The picture is stored in so many passes that decoding it would take too long.")
    if pixels > most:
        raise _too_large(pixels, most, "this kind of JPEG file")


def _first_scan_colours(data: bytes) -> int:
    """How many colour components the first scan of a JPEG holds; 0 if there is no scan (ITU-T T.81, annex B)."""
    at = 2
    while at + 5 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xDA:
            return data[at + 4]
        # Fill bytes and the markers without content are one and two bytes long.
        at += 1 if marker == 0xFF else 2 if 0xD0 <= marker <= 0xD8 else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return 0


# ---- Silence ----------------------------------------------------------------------------------------------------

_silence_lock = threading.Lock()
_silence_depth = 0
_silence = warnings.catch_warnings()


@contextlib.contextmanager
def decoders_silenced() -> Iterator[None]:
    """No Python warnings about odd metadata. Counted, since `catch_warnings` alone is not made for several threads."""
    global _silence_depth, _silence
    with _silence_lock:
        if _silence_depth == 0:
            _silence = warnings.catch_warnings()
            _silence.__enter__()
            warnings.filterwarnings("ignore", module=r"PIL\.")
            # rawpy fears forked processes; ours fork before it is loaded, so no lock of its threads can be held.
            warnings.filterwarnings("ignore", module=r"rawpy")
        _silence_depth += 1
    try:
        yield
    finally:
        with _silence_lock:
            _silence_depth -= 1
            if _silence_depth == 0:
                _silence.__exit__(None, None, None)
