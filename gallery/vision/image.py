"""A file's bytes become upright sRGB pixels, decoded once; or `UnreadableImage` says in a sentence why not.

The content decides what a file is, never its name. JPEGs are decoded at a reduced size inside the decoder, other
formats are shrunk in bands, so that memory is bounded by `_DECODE_BUDGET_BYTES` however large a picture is.

Measured (12 megapixels, 4:2:0, one core): Pillow's draft mode and OpenCV's reduced decoding both take 28 ms. Pillow was
chosen: it notices a file that is cut off, knows CMYK, and hands over profile and orientation.
"""

import contextlib
import io
import math
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from gallery.vision.colour import stretch_of, to_rgb
from gallery.vision.formats import DECODER_ERRORS, Format, UnreadableImage, foreign, recognise

__all__ = [
    "DecodedImage",
    "Letterbox",
    "Pixels",
    "UnreadableImage",
    "decode",
    "encode_jpeg",
    "letterbox",
    "mean_colour",
    "shrink",
]

Pixels = npt.NDArray[np.uint8]

# What the decoder may hold at once. With the interpreter, the models and the file itself a worker stays below 900 MB.
_DECODE_BUDGET_BYTES = 640_000_000
# Baseline JPEGs stream through the decoder and cost only time: about 2 s for this many.
_MAX_JPEG_PIXELS = 1_000_000_000
# A progressive JPEG walks over all of the picture once per scan (usually 10); crafted files have thousands.
_MAX_SCANNED_PIXELS = 10_000_000_000
# "Much larger" than asked for: from here on shrinking pays for itself in the later stages.
_SHRINK_ABOVE = 1.25

_BAND_PIXELS = 1_000_000

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
_DECODER_BYTES_PER_PIXEL = {"webp": 16, "avif": 12, "heic": 5.5, "heif": 5.5, "gif": 3}

_PILLOW_READERS: dict[str, type[ImageFile.ImageFile]] = {
    "jpeg": JpegImagePlugin.JpegImageFile,
    "png": PngImagePlugin.PngImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
    "gif": GifImagePlugin.GifImageFile,
    "bmp": BmpImagePlugin.BmpImageFile,
    "tiff": TiffImagePlugin.TiffImageFile,
    "avif": AvifImagePlugin.AvifImageFile,
}
_ORIENTATION_TAG = 0x0112


@dataclass(frozen=True, slots=True, eq=False)
class DecodedImage:
    """A picture as people see it.

    `pixels`: uint8, height x width x 3, RGB in sRGB, upright, C-contiguous, perhaps smaller than the original and not
    to be written to. `width` and `height`: of the original in full, upright, in pixels.
    """

    pixels: Pixels
    width: int
    height: int
    format: Format
    mime: str


def decode(data: bytes, min_edge_px: int = 1920) -> DecodedImage:
    """Decode a picture's first frame.

    The longer edge of `pixels` is at least `min_edge_px` (or the original's, if that is less) and at most 1.25 times
    that. Raises UnreadableImage for every fault of the data.
    """
    format_ = recognise(data)
    try:
        with _pillow_silenced():
            if format_ in ("heic", "heif"):
                image, size, orientation = _read_heif(data, format_, min_edge_px)
            else:
                image, size, orientation = _read_pillow(data, format_, min_edge_px)
            pixels = _upright(_to_pixels(image, min_edge_px), orientation)
    except DECODER_ERRORS as error:
        raise UnreadableImage(_reason(error, data)) from error
    width, height = size if orientation < 5 else size[::-1]
    return DecodedImage(pixels, width, height, format_, f"image/{format_}")


def _reason(error: BaseException, data: bytes) -> str:
    if isinstance(error, MemoryError | Image.DecompressionBombError):
        return "The picture has more megapixels than can be read from this kind of file."
    text = str(error).lower()
    if "unsupported" in text or "not supported" in text:
        return "The picture is stored in an unusual way that PictoPy cannot read."
    if any(sign in text for sign in ("truncated", "end of file", "eof", "premature", "not enough data")) or (
        data[:4] == b"RIFF" and int.from_bytes(data[4:8], "little") + 8 > len(data)
    ):
        return "The file is cut off: the picture is incomplete."
    return "The file is damaged: the picture in it cannot be decoded."


# ---- Reading ----------------------------------------------------------------------------------------------------


class _Read(NamedTuple):
    image: Image.Image  # loaded, perhaps reduced, not turned
    size: tuple[int, int]  # of the original, not turned
    orientation: int  # EXIF, 1 to 8


def _read_pillow(data: bytes, format_: Format, min_edge_px: int) -> _Read:
    # Not Image.open: so that only this format is tried, and Pillow's own limit of pixels is not in the way.
    image = _PILLOW_READERS[format_](io.BytesIO(data))
    size = image.size
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        _check_jpeg_cost(image, data)
        reduction = next((by for by in (8, 4, 2) if max(size) // by >= min_edge_px), 1)
        if reduction > 1:
            image.draft(None, (max(size[0] // reduction, 1), max(size[1] // reduction, 1)))
    else:
        if isinstance(image, TiffImagePlugin.TiffImageFile):
            _refuse_raw(image, data)
        _check_size(size, _bytes_per_pixel(image, format_), format_)
    image.load()
    if format_ == "tiff":
        # Pillow's TIFF reader turns the picture itself, and gives the size of the turned one from the start.
        return _Read(image, size, 1)
    return _Read(image, size, _orientation(image))


def _read_heif(data: bytes, format_: Format, min_edge_px: int) -> _Read:
    import pillow_heif

    heif = pillow_heif.open_heif(data, convert_hdr_to_8bit=True)
    _check_size(heif.size, _DECODER_BYTES_PER_PIXEL[format_], format_)
    pixels = np.asarray(heif)
    factor = max(heif.size) // min_edge_px
    if heif.mode == "RGB" and factor > 1:  # before Pillow makes its larger copy
        pixels = _reduce(pixels, factor)
    image = Image.fromarray(pixels)
    if profile := heif.info.get("icc_profile"):
        image.info["icc_profile"] = profile
    # The decoder has applied the file's own rotation; by the standard (ISO 23008-12) EXIF's is only a copy of it.
    return _Read(image, heif.size, 1)


def _bytes_per_pixel(image: Image.Image, format_: Format) -> float:
    if format_ in _DECODER_BYTES_PER_PIXEL:
        return _DECODER_BYTES_PER_PIXEL[format_]
    own = _BYTES_PER_PIXEL.get(image.mode, 4)
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        rows = image.tag_v2.get(TiffImagePlugin.ROWSPERSTRIP, image.height)
        return own * (1 + min(1.0, float(rows) / image.height))  # libtiff holds one strip besides
    return own


def _check_size(size: tuple[int, int], bytes_per_pixel: float, format_: Format) -> None:
    pixels, most = size[0] * size[1], int(_DECODE_BUDGET_BYTES / bytes_per_pixel)
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
        most = min(most, int(_DECODE_BUDGET_BYTES / (2 * coefficients)))
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


def _refuse_raw(image: TiffImagePlugin.TiffImageFile, data: bytes) -> None:
    """Most RAW files are TIFFs whose first picture is a thumbnail: showing that as the photo would be wrong."""
    dng_version, subfile_type, photometric, colour_filter_array = 50706, 254, 262, 32803
    tags = image.tag_v2
    kind = tags.get(subfile_type, 0)
    if dng_version in tags or (isinstance(kind, int) and kind & 1) or tags.get(photometric) == colour_filter_array:
        raise foreign("a camera RAW file")


def _orientation(image: Image.Image) -> int:
    """EXIF orientation 1 to 8; 1 if there is none or it is nonsense. Broken EXIF costs the picture nothing."""
    try:
        orientation = image.getexif().get(_ORIENTATION_TAG, 1)
    except DECODER_ERRORS:
        return 1
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1


# ---- Pixels -----------------------------------------------------------------------------------------------------


def _to_pixels(image: Image.Image, min_edge_px: int) -> Pixels:
    """RGB pixels of a loaded image in any mode, not much larger than asked for."""
    profile = image.info.get("icc_profile")
    stretch = stretch_of(image)
    factor = max(image.size) // min_edge_px
    if factor < 2:
        return _shrink_if_much_larger(to_rgb(image, profile, stretch), min_edge_px)
    # In bands, so that no second copy of a huge picture ever exists; whole factors, so that bands meet exactly.
    rows_px = factor * max(1, _BAND_PIXELS // (image.width * factor))
    bands = []
    for top in range(0, image.height, rows_px):
        band = image.crop((0, top, image.width, min(top + rows_px, image.height)))
        band.info = image.info
        rgb = to_rgb(band, profile, stretch)
        bands.append(_reduce(rgb, factor))
    return _shrink_if_much_larger(np.concatenate(bands), min_edge_px)


def _reduce(pixels: Pixels, factor: int) -> Pixels:
    size = math.ceil(pixels.shape[1] / factor), math.ceil(pixels.shape[0] / factor)
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _shrink_if_much_larger(pixels: Pixels, edge_px: int) -> Pixels:
    return shrink(pixels, edge_px) if max(pixels.shape) > _SHRINK_ABOVE * edge_px else pixels


def _upright(pixels: Pixels, orientation: int) -> Pixels:
    """Turn and mirror by an EXIF orientation (CIPA DC-008, table 6), so that the result is C-contiguous."""
    if orientation in (2, 4):
        pixels = cv2.flip(pixels, 1 if orientation == 2 else 0).astype(np.uint8, copy=False)
    elif orientation in (5, 7):
        pixels = cv2.transpose(pixels).astype(np.uint8, copy=False)
        if orientation == 7:
            pixels = cv2.rotate(pixels, cv2.ROTATE_180).astype(np.uint8, copy=False)
    elif orientation in (3, 6, 8):
        turn = {3: cv2.ROTATE_180, 6: cv2.ROTATE_90_CLOCKWISE, 8: cv2.ROTATE_90_COUNTERCLOCKWISE}[orientation]
        pixels = cv2.rotate(pixels, turn).astype(np.uint8, copy=False)
    return np.ascontiguousarray(pixels)


# ---- Silence ----------------------------------------------------------------------------------------------------

_silence_lock = threading.Lock()
_silence_depth = 0
_silence = warnings.catch_warnings()


@contextlib.contextmanager
def _pillow_silenced() -> Iterator[None]:
    """No Python warnings about odd metadata. Counted, since `catch_warnings` alone is not made for several threads."""
    global _silence_depth, _silence
    with _silence_lock:
        if _silence_depth == 0:
            _silence = warnings.catch_warnings()
            _silence.__enter__()
            warnings.filterwarnings("ignore", module=r"PIL\.")
        _silence_depth += 1
    try:
        yield
    finally:
        with _silence_lock:
            _silence_depth -= 1
            if _silence_depth == 0:
                _silence.__exit__(None, None, None)


# ---- Working with pixels ----------------------------------------------------------------------------------------


class Letterbox(NamedTuple):
    """`canvas`: uint8 height x width x 3. A point p of the picture (pixels) lies at p * scale + (left_px, top_px)."""

    canvas: Pixels
    scale: float
    left_px: int
    top_px: int


def letterbox(pixels: Pixels, width_px: int, height_px: int, *, centred: bool, fill: int = 114) -> Letterbox:
    """Fit a picture into a canvas without changing its shape, at the top left or centred, the rest in grey `fill`."""
    height, width = pixels.shape[:2]
    scale = min(width_px / width, height_px / height)
    inner_width, inner_height = max(1, round(width * scale)), max(1, round(height * scale))
    if (inner_width, inner_height) != (width, height):
        # Area is what keeps small things when shrinking; when enlarging it would be nearest neighbour.
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        pixels = cv2.resize(pixels, (inner_width, inner_height), interpolation=how).astype(np.uint8, copy=False)
    left = (width_px - inner_width) // 2 if centred else 0
    top = (height_px - inner_height) // 2 if centred else 0
    canvas = np.full((height_px, width_px, 3), fill, np.uint8)
    canvas[top : top + inner_height, left : left + inner_width] = pixels
    return Letterbox(canvas, scale, left, top)


def shrink(pixels: Pixels, long_edge_px: int) -> Pixels:
    """The picture with its longer edge at `long_edge_px`, averaged by area; as it is if it is not larger than that."""
    height, width = pixels.shape[:2]
    scale = long_edge_px / max(height, width)
    if scale >= 1:
        return pixels
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def encode_jpeg(pixels: Pixels, quality: int) -> bytes:
    """A baseline JPEG (4:2:0) of RGB pixels, `quality` 1 to 100. Raises ValueError if they cannot be encoded."""
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    is_encoded, content = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not is_encoded:
        raise ValueError(f"An array of {pixels.shape} cannot be encoded as JPEG.")
    return content.tobytes()


def mean_colour(pixels: Pixels) -> tuple[int, int, int]:
    """The mean (red, green, blue), each 0 to 255: what stands in the picture's place while it loads."""
    red, green, blue, _ = cv2.mean(pixels)
    return round(red), round(green), round(blue)
