"""A face as detectors find it.

The order of the five landmarks is everywhere: right eye, left eye, nose, right mouth corner, left mouth corner, where
right is the person's own right.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class DetectedFace:
    """A face: box relative (0..1) to the picture, (x, y) its top left corner, clipped to the picture; score 0..1.

    `landmarks`: float32 (5, 2), relative like the box but not clipped; None from detectors that find none.
    """

    x: float
    y: float
    w: float
    h: float
    score: float
    landmarks: Floats | None = None
