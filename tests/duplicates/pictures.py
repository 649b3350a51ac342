"""Pictures with enough in them to be told apart, and what becomes of them in a household: copies and shots in a row."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

CAMERA = ("Alpenglow", "X1")
NOON = dt.datetime(2024, 5, 17, 12)


def scene(seed: int, width: int = 640, height: int = 480) -> Image.Image:
    """Large shapes and small ones, drawn at random."""
    random = np.random.default_rng(seed)
    large = Image.fromarray(random.integers(0, 255, (5, 7, 3), dtype=np.uint8)).resize((width, height), 3)
    small = Image.fromarray(random.integers(0, 255, (54, 72, 3), dtype=np.uint8)).resize((width, height), 3)
    return Image.blend(large, small, 0.3)


def moved(image: Image.Image, by: float) -> Image.Image:
    """The same scene a moment later: moved by a share of the width, with a little noise."""
    pixels = np.roll(np.asarray(image), round(image.width * by), axis=1).astype(np.int16)
    noise = np.random.default_rng(1).integers(-6, 7, pixels.shape)
    return Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8))


def brighter(image: Image.Image, factor: float = 1.2) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(factor)


def smaller(image: Image.Image, width: int = 480) -> Image.Image:
    return image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)


def save(
    image: Image.Image,
    file: Path,
    *,
    taken: dt.datetime | None = None,
    camera: tuple[str, str] | None = None,
    quality: int = 88,
) -> Path:
    """Writes a JPEG with the given EXIF."""
    exif = Image.Exif()
    if camera:
        exif[0x010F], exif[0x0110] = camera
    if taken:
        exif.get_ifd(0x8769)[0x9003] = taken.strftime("%Y:%m:%d %H:%M:%S")
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, exif=exif)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(buffer.getvalue())
    return file
