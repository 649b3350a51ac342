"""From any of Pillow's modes and any colour profile to sRGB."""

import io
import math
from functools import lru_cache
from typing import cast

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from gallery.vision.formats import DECODER_ERRORS


def to_rgb(image: Image.Image, profile: bytes | None, stretch: tuple[float, float]) -> npt.NDArray[np.uint8]:
    """sRGB of an image in any of Pillow's modes, transparency on white."""
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        low, scale = stretch
        values = (np.nan_to_num(np.asarray(image, dtype=np.float32)) - low) * scale
        image = Image.fromarray(np.clip(values + 0.5, 0, 255).astype(np.uint8))
    elif image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        ground = Image.new("RGB", image.size, "white")
        ground.paste(image, mask=image.getchannel("A"))
        image = ground
    elif image.mode == "1":
        image = image.convert("L")
    elif image.mode not in ("L", "RGB", "CMYK", "LAB"):
        image = image.convert("RGB")
    if image.mode == "LAB":
        image = cast(Image.Image, ImageCms.applyTransform(image, _lab_transform()))
    elif profile and (transform := _transform(profile, image.mode)):
        image = cast(Image.Image, ImageCms.applyTransform(image, transform))
    if image.mode != "RGB":
        image = image.convert("RGB")
    # Not np.asarray: its way through __array_interface__ makes one copy more.
    return np.frombuffer(image.tobytes(), np.uint8).reshape(image.height, image.width, 3)


def stretch_of(image: Image.Image) -> tuple[float, float]:
    """(black, scale to 0..255) of images with more than 8 bits.

    The file says no more than the type, so the values decide: 0..1 and 0..255 are taken as such, up to 65,535 is 16
    bits, and anything else (heights, temperatures) is stretched from its least to its greatest value.
    """
    if image.mode.startswith("I;16"):
        return 0.0, 255 / 65535
    if image.mode not in ("I", "F"):
        return 0.0, 1.0
    extrema = cast(tuple[float, float], image.getextrema())
    low, high = (value if math.isfinite(value) else 0.0 for value in extrema)
    if low >= 0:
        for top in (1, 255, 65535) if image.mode == "F" else (255, 65535):
            if high <= top:
                return 0.0, 255 / top
    return low, 255 / max(high - low, 1e-12)


@lru_cache(maxsize=8)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From an ICC profile to sRGB; None if there is nothing to do, or nothing can be done with the profile.

    Whether a profile is sRGB is found by trying, not by its name (there are dozens): if no colour of a probe moves by
    more than 2 of 255, the transform is left out.
    """
    probe = _probe(mode)
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space.strip() != {"L": "GRAY"}.get(mode, mode):
            return None
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
        changed = np.asarray(ImageCms.applyTransform(probe, transform), dtype=np.int16)
    except (*DECODER_ERRORS, ImageCms.PyCMSError):
        return None
    unchanged = np.asarray(probe.convert("RGB"), dtype=np.int16)
    return None if mode != "CMYK" and np.abs(changed - unchanged).max() <= 2 else transform


def _probe(mode: str) -> Image.Image:
    """A small picture with colours from all over the space."""
    steps = np.arange(0, 256, 51, dtype=np.uint8)
    channels = {"L": 1, "RGB": 3, "CMYK": 4}[mode]
    colours = np.stack(np.meshgrid(*[steps] * channels), axis=-1).reshape(1, -1, channels)
    return Image.fromarray(colours[..., 0] if mode == "L" else colours, mode=mode)


@lru_cache(maxsize=1)
def _lab_transform() -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB")
