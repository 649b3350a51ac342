"""Whether two pictures whose hashes are near really show the same: a second look, at their small pictures.

A hash of 64 bits tells a picture from most others, but among thousands of portraits or pages some are near by chance.
So what is compared here are the pictures themselves in grey, shrunk to a square, without their slow changes of
brightness: the normalised correlation is 1 for equal pictures and about 0 for any two others.

Measured (docs/duplicates.md): copies that were recompressed, shrunk to 320 px, brightened by a fifth or made grey have
0.97 or more in detail; the same picture half a percent of its edge aside, as two shots from the hand are, 0.89 or less
(but for one of 266, which is almost smooth). Of 9.5 million pairs of portraits, those that are not one picture have at
most 0.70 at large.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Grey = npt.NDArray[np.uint8]

# Edge in pixels, and the blur (Gaussian, sigma in pixels) that is taken away.
_DETAIL, _AT_LARGE = (96, 4.0), (64, 6.0)
_SAME_IN_DETAIL = 0.95
_ALIKE_AT_LARGE = 0.75


class Likeness(enum.IntEnum):
    """How two pictures are alike; the larger, the more."""

    DIFFERENT = 0
    ALIKE = 1  # the same scene, or a crop
    SAME = 2  # the same picture, in another size, compression or light


@dataclass(frozen=True, slots=True)
class Look:
    """What is compared: float16 squares with mean 0 and length 1, and how sharp the picture is (any positive number,
    to be compared among pictures of one scene)."""

    detail: npt.NDArray[np.float16]
    at_large: npt.NDArray[np.float16]
    sharpness: float


def look(grey: Grey) -> Look:
    """The look of a picture in grey, uint8 (height, width); small pictures of the same kind are to be compared."""
    return Look(
        detail=_square(grey, *_DETAIL),
        at_large=_square(grey, *_AT_LARGE),
        sharpness=float(cv2.Laplacian(grey, cv2.CV_32F).var()),
    )


def likeness(one: Look, other: Look) -> Likeness:
    """How two pictures are alike."""
    if _correlation(one.detail, other.detail) >= _SAME_IN_DETAIL:
        return Likeness.SAME
    return Likeness.ALIKE if _correlation(one.at_large, other.at_large) >= _ALIKE_AT_LARGE else Likeness.DIFFERENT


def _square(grey: Grey, edge_px: int, sigma: float) -> npt.NDArray[np.float16]:
    small = cv2.resize(grey, (edge_px, edge_px), interpolation=cv2.INTER_AREA).astype(np.float32)
    small -= cv2.GaussianBlur(small, (0, 0), sigma)
    small -= small.mean()
    length = float(np.linalg.norm(small))
    return (small / length if length > 0 else small).astype(np.float16)


def _correlation(one: npt.NDArray[np.float16], other: npt.NDArray[np.float16]) -> float:
    return float(np.vdot(one.astype(np.float32), other.astype(np.float32)))
