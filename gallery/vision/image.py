"""A file's bytes become upright sRGB pixels, decoded once; or `UnreadableImage` says in a sentence why not.

The content decides what a file is, never its name. Pictures are shrunk in bands, so that memory is bounded however
large a picture is (`readers.DECODE_BUDGET_BYTES`).
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from gallery.vision.colour import stretch_of, to_rgb
from gallery.vision.formats import (
    DECODER_ERRORS,
    Format,
    RawFormat,
    UnreadableImage,
    foreign,
    is_raw,
    is_video,
    mime_of,
    recognise,
)
from gallery.vision.pixels import (
    Letterbox,
    Pixels,
    encode_jpeg,
    letterbox,
    mean_colour,
    reduce,
    shrink,
    shrink_if_much_larger,
    upright,
)
from gallery.vision.readers import DECODE_BUDGET_BYTES, decoders_silenced, read

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

_BAND_PIXELS = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class DecodedImage:
    """A picture as people see it.

    `pixels`: uint8, height x width x 3, RGB in sRGB, upright, C-contiguous, perhaps smaller than the original and not
    to be written to. `width` and `height`: of the original in full, upright, in pixels. `is_animated`: the file has
    more than one frame to play (pages of a TIFF are no frames); `pixels` is its poster.
    """

    pixels: Pixels
    width: int
    height: int
    format: Format
    mime: str
    is_animated: bool = False


def decode(data: bytes, min_edge_px: int = 1920) -> DecodedImage:
    """Decode a picture: its first frame that shows something, or the picture in a camera's RAW file.

    The longer edge of `pixels` is at least `min_edge_px` (or the original's, if that is less) and at most 1.25 times
    that; the preview in a RAW file may be smaller. Raises UnreadableImage for every fault of the data, and for videos
    (`video.poster` is for them).
    """
    format_ = recognise(data)
    if is_video(format_):
        raise foreign("a video")
    try:
        with decoders_silenced():
            if is_raw(format_):
                return _decode_raw(data, format_, min_edge_px)
            image, size, orientation, is_animated = read(data, format_, min_edge_px)
            pixels = upright(_to_pixels(image, min_edge_px), orientation)
    except DECODER_ERRORS as error:
        raise UnreadableImage(_reason(error, data)) from error
    width, height = size if orientation < 5 else size[::-1]
    return DecodedImage(pixels, width, height, format_, mime_of(format_), is_animated)


def _decode_raw(data: bytes, format_: RawFormat, min_edge_px: int) -> DecodedImage:
    from gallery.vision.raw import read_raw

    picture = read_raw(data, min_edge_px, DECODE_BUDGET_BYTES)
    width, height, orientation = picture.width, picture.height, picture.orientation
    if picture.jpeg is not None:
        image, size, own_orientation, _ = read(picture.jpeg, "jpeg", min_edge_px)
        # Most previews lack an orientation (LibRaw then writes the RAW's into them); some stand already.
        is_turned = orientation > 4 and width > height and size[0] < size[1]
        turn = 1 if is_turned else own_orientation if own_orientation > 1 else orientation
        pixels = upright(_to_pixels(image, min_edge_px), turn)
    else:
        assert picture.pixels is not None
        pixels = shrink_if_much_larger(picture.pixels, min_edge_px)
    if orientation > 4:
        width, height = height, width
    return DecodedImage(pixels, width, height, format_, mime_of(format_))


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


def _to_pixels(image: Image.Image, min_edge_px: int) -> Pixels:
    """RGB pixels of a loaded image in any mode, not much larger than asked for."""
    profile = image.info.get("icc_profile")
    stretch = stretch_of(image)
    factor = max(image.size) // min_edge_px
    if factor < 2:
        return shrink_if_much_larger(to_rgb(image, profile, stretch), min_edge_px)
    # In bands, so that no second copy of a huge picture ever exists; whole factors, so that bands meet exactly.
    rows_px = factor * max(1, _BAND_PIXELS // (image.width * factor))
    bands = []
    for top in range(0, image.height, rows_px):
        band = image.crop((0, top, image.width, min(top + rows_px, image.height)))
        band.info = image.info
        rgb = to_rgb(band, profile, stretch)
        bands.append(reduce(rgb, factor))
    return shrink_if_much_larger(np.concatenate(bands), min_edge_px)
