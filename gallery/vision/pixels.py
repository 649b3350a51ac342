"""Pictures as arrays: uint8, height x width x 3, RGB in sRGB."""

import math
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

# "Much larger" than asked for: from here on shrinking pays for itself in the later stages.
_SHRINK_ABOVE = 1.25


def shrink(pixels: Pixels, long_edge_px: int) -> Pixels:
    """The picture with its longer edge at `long_edge_px`, averaged by area; as it is if it is not larger than that."""
    height, width = pixels.shape[:2]
    scale = long_edge_px / max(height, width)
    if scale >= 1:
        return pixels
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def shrink_if_much_larger(pixels: Pixels, long_edge_px: int) -> Pixels:
    """`shrink`, but only where the longer edge is more than 1.25 times as long as asked for."""
    return shrink(pixels, long_edge_px) if max(pixels.shape) > _SHRINK_ABOVE * long_edge_px else pixels


def reduce(pixels: Pixels, factor: int) -> Pixels:
    """Averaged over squares of `factor` pixels."""
    size = math.ceil(pixels.shape[1] / factor), math.ceil(pixels.shape[0] / factor)
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def upright(pixels: Pixels, orientation: int) -> Pixels:
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
