"""A camera's RAW file becomes the picture that the camera made of it, or one that LibRaw makes of the sensor's data.

The embedded JPEG is what people saw on the camera, and is read in a tenth of the time. Sensor data is developed only
where there is none, or only a stamp of a picture.
"""

import io
from dataclasses import dataclass

import numpy as np
import rawpy

from gallery.vision.formats import UnreadableImage
from gallery.vision.pixels import Pixels

_DAMAGED = "The camera RAW file is damaged: the picture in it cannot be developed."
_UNKNOWN = "This camera RAW file is of a kind that PictoPy cannot read."
# A preview of this many pixels, or of half the sensor's, is good enough to be shown.
_PREVIEW_EDGE_PX = 1000
# LibRaw's exceptions are its own; the others come out of the wrapper for data that makes no sense.
_ERRORS = (rawpy.LibRawError, ValueError, RuntimeError, OSError, MemoryError, OverflowError, AttributeError)
# Measured peaks per pixel of the sensor: the data itself, four colours of 16 bits, and the result.
_FULL_BYTES_PER_PIXEL, _HALF_BYTES_PER_PIXEL = 24, 8
_MAX_SENSOR_PIXELS = 250_000_000
_SRGB_GAMMA = (2.4, 12.92)
_LAST_ROWS = 16
# No camera compresses so well; some decoders make a picture of nothing.
_MOST_PIXELS_PER_BYTE = 64
# LibRaw's turns as EXIF orientations.
_ORIENTATIONS = {0: 1, 3: 3, 5: 8, 6: 6}


@dataclass(frozen=True, slots=True, eq=False)
class RawPicture:
    """`jpeg`: the embedded picture, if it is to be shown, else `pixels` (upright) are.

    `width`, `height`: of the sensor's picture, not turned, in pixels. `orientation`: how it is turned, as in EXIF.
    """

    jpeg: bytes | None
    pixels: Pixels | None
    width: int
    height: int
    orientation: int


def read_raw(data: bytes, min_edge_px: int, budget_bytes: int) -> RawPicture:
    """Raises UnreadableImage for damaged files, unknown cameras and what would not fit into the budget."""
    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            return _read(raw, len(data), min_edge_px, budget_bytes)
    except (rawpy.LibRawFileUnsupportedError, rawpy.LibRawNotImplementedError) as error:
        raise UnreadableImage(_UNKNOWN) from error
    except _ERRORS as error:
        raise UnreadableImage(_DAMAGED) from error


def _read(raw: rawpy.RawPy, size_bytes: int, min_edge_px: int, budget_bytes: int) -> RawPicture:
    sizes = raw.sizes
    width, height = (sizes.crop_width, sizes.crop_height) if sizes.crop_width else (sizes.width, sizes.height)
    orientation = _ORIENTATIONS.get(sizes.flip, 1)
    jpeg = _preview(raw)
    edge = _long_edge(jpeg) if jpeg else 0
    if jpeg and (edge >= _PREVIEW_EDGE_PX or 2 * edge >= max(width, height) > 0):
        return RawPicture(jpeg, None, width, height, orientation)
    sensor = max(sizes.raw_width, sizes.width) * max(sizes.raw_height, sizes.height)
    is_half = max(width, height) // 2 >= min_edge_px or sensor * _FULL_BYTES_PER_PIXEL > budget_bytes
    if sensor > _MAX_SENSOR_PIXELS or sensor * _HALF_BYTES_PER_PIXEL > budget_bytes:
        raise UnreadableImage(
            f"The camera RAW file has {sensor // 1_000_000:,} megapixels, more than can be developed."
        )
    if size_bytes < sensor // _MOST_PIXELS_PER_BYTE or _is_cut_off(raw):
        raise UnreadableImage("The camera RAW file is cut off: the picture in it is incomplete.")
    developed: Pixels = raw.postprocess(
        half_size=is_half, use_camera_wb=True, output_color=rawpy.ColorSpace.sRGB, output_bps=8, gamma=_SRGB_GAMMA
    )  # LibRaw turns it upright
    if not developed.size or developed.ndim != 3:
        raise UnreadableImage(_DAMAGED)
    scale = 2 if is_half else 1
    down, across = developed.shape[0] * scale, developed.shape[1] * scale
    if orientation > 4:
        down, across = across, down
    return RawPicture(None, np.ascontiguousarray(developed[..., :3]), across, down, orientation)


def _is_cut_off(raw: rawpy.RawPy) -> bool:
    """Whether the last rows hold one value for each colour: LibRaw only warns where data is missing.

    A real sensor never does that, not in the dark either, unless it is blinded.
    """
    sensor = raw.raw_image_visible if raw.raw_type == rawpy.RawType.Flat else None
    if sensor is None or sensor.shape[0] < 4 * _LAST_ROWS:
        return False
    last = sensor[-_LAST_ROWS:]
    phases = [last[row::2, column::2] for row in (0, 1) for column in (0, 1)]
    return all(phase.min() == phase.max() for phase in phases) and float(last.max()) < 0.9 * raw.white_level


def _preview(raw: rawpy.RawPy) -> bytes | None:
    try:
        found = raw.extract_thumb()
    except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError):
        return None
    except _ERRORS:
        return None  # the sensor's data may be whole
    data = found.data
    return data if found.format == rawpy.ThumbFormat.JPEG and isinstance(data, bytes) else None


def _long_edge(jpeg: bytes) -> int:
    from PIL import JpegImagePlugin

    try:
        return max(JpegImagePlugin.JpegImageFile(io.BytesIO(jpeg)).size)
    except (OSError, ValueError, SyntaxError):
        return 0
