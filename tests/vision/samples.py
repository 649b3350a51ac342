"""Pictures that the tests make, and where the sample files lie."""

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

Pixels = npt.NDArray[np.uint8]

SHARED = Path(__file__).resolve().parents[3] / "shared"
FORMATS = SHARED / "eval" / "formats"
needs_samples = pytest.mark.skipif(not FORMATS.is_dir(), reason="the sample files are not there")

# The quarters of the test picture, upright: top left, top right, bottom left, bottom right.
RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 180, 40), (30, 40, 210), (230, 220, 40)

# What a camera stores so that the picture is upright after the orientation is applied.
STORED = {
    1: (),
    2: (Image.Transpose.FLIP_LEFT_RIGHT,),
    3: (Image.Transpose.ROTATE_180,),
    4: (Image.Transpose.FLIP_TOP_BOTTOM,),
    5: (Image.Transpose.TRANSPOSE,),
    6: (Image.Transpose.ROTATE_90,),
    7: (Image.Transpose.TRANSVERSE,),
    8: (Image.Transpose.ROTATE_270,),
}


def quarters(width: int = 96, height: int = 64) -> Image.Image:
    picture = Image.new("RGB", (width, height))
    for paint, left, top in ((RED, 0, 0), (GREEN, 1, 0), (BLUE, 0, 1), (YELLOW, 1, 1)):
        box = (left * width // 2, top * height // 2, (left + 1) * width // 2, (top + 1) * height // 2)
        picture.paste(paint, box)
    return picture


def stored(picture: Image.Image, orientation: int) -> Image.Image:
    """As a camera held that way writes it."""
    for turn in STORED[orientation]:
        picture = picture.transpose(turn)
    return picture


def saved(picture: Image.Image, format_: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, format_, **options)
    return file.getvalue()


def corner_colours(pixels: Pixels) -> list[tuple[int, ...]]:
    h, w = pixels.shape[:2]
    spots = ((h // 4, w // 4), (h // 4, 3 * w // 4), (3 * h // 4, w // 4), (3 * h // 4, 3 * w // 4))
    return [tuple(int(value) for value in pixels[y, x]) for y, x in spots]


def assert_upright(pixels: Pixels, tolerance: int = 14) -> None:
    for found, wanted in zip(corner_colours(pixels), (RED, GREEN, BLUE, YELLOW), strict=True):
        assert max(abs(a - b) for a, b in zip(found, wanted, strict=True)) <= tolerance, corner_colours(pixels)
