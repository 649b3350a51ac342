"""A second look tells copies, shots from the hand and other pictures apart."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from gallery.vision.likeness import Likeness, likeness, look
from tests.duplicates.pictures import brighter, moved, scene, smaller


def seen(image: Image.Image) -> object:
    return look(np.asarray(image.convert("L").resize((480, 360), Image.Resampling.LANCZOS)))


@pytest.mark.parametrize(
    ("other", "alike"),
    [
        (smaller(scene(1), 320), Likeness.SAME),
        (brighter(scene(1)), Likeness.SAME),
        (brighter(scene(1), 0.7), Likeness.SAME),
        (scene(1).convert("L"), Likeness.SAME),
        (moved(scene(1), 0.004), Likeness.ALIKE),
        (moved(scene(1), 0.2), Likeness.DIFFERENT),
        (scene(2), Likeness.DIFFERENT),
        (Image.new("L", (480, 360), 77), Likeness.DIFFERENT),
    ],
    ids=["small", "bright", "dark", "grey", "shaken", "moved", "other", "flat"],
)
def test_how_alike_two_pictures_are(other: Image.Image, alike: Likeness) -> None:
    one, two = seen(scene(1)), seen(other)
    assert likeness(one, two) is alike  # type: ignore[arg-type]
    assert likeness(two, one) is alike  # type: ignore[arg-type]


def test_pictures_of_one_colour_are_like_nothing() -> None:
    flat = look(np.full((360, 480), 77, np.uint8))
    assert likeness(flat, flat) is Likeness.DIFFERENT


def test_what_is_blurred_is_less_sharp() -> None:
    edges = Image.effect_noise((48, 36), 90).resize((480, 360), Image.Resampling.NEAREST)
    blurred = edges.filter(ImageFilter.GaussianBlur(3))
    assert look(np.asarray(edges)).sharpness > 2 * look(np.asarray(blurred)).sharpness
