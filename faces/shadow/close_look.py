"""Looking closely at one box of a picture: where somebody says there is a face."""

from __future__ import annotations

import dataclasses

import numpy as np

from faces.same_face import iou
from faces.vision import DetectedFace, FaceDetector, Matrix, crop_by
from gallery.vision.image import Pixels

# A square view with the box's longer edge at half of it: the size at which YuNet's landmarks are most exact.
_VIEW_PX, _BOX_PX = 448, 224.0
# Somebody says that there is a face, so less certainty will do than in a picture of anything.
_MIN_SCORE = 0.3
# The share (intersection over union) that box and face must have in common at least: people draw loosely.
_MIN_SHARE = 0.2


def look_closely(detector: FaceDetector, pixels: Pixels, box: DetectedFace) -> DetectedFace | None:
    """The face in a drawn box as the detector sees it, with the box as it was drawn; None if it sees none there.

    `pixels`: uint8 (height, width, 3) RGB; the box is relative (0..1) to them, and so are the landmarks of the answer.
    """
    size = np.array([pixels.shape[1], pixels.shape[0]], np.float64)
    x, y = (np.array([box.x + box.w / 2, box.y + box.h / 2]) * size).tolist()
    scale = _BOX_PX / max(float((np.array([box.w, box.h]) * size).max()), 1.0)
    shift = np.array([_VIEW_PX / 2 - scale * x, _VIEW_PX / 2 - scale * y])
    view = crop_by(pixels, np.array([[scale, 0, shift[0]], [0, scale, shift[1]]]), _VIEW_PX)
    found = [_in_picture(face, scale, shift, size) for face in detector.detect(view, _MIN_SCORE)]
    nearest = max(found, key=lambda face: iou(face, box), default=None)
    if nearest is None or iou(nearest, box) < _MIN_SHARE:
        return None
    return dataclasses.replace(box, score=nearest.score, landmarks=nearest.landmarks)


def _in_picture(face: DetectedFace, scale: float, shift: Matrix, size: Matrix) -> DetectedFace:
    """A face of the view, relative to the view, as one relative to the picture."""
    x, y = ((np.array([face.x, face.y]) * _VIEW_PX - shift) / scale / size).tolist()
    w, h = (np.array([face.w, face.h]) * _VIEW_PX / scale / size).tolist()
    landmarks = face.landmarks
    if landmarks is not None:
        landmarks = ((landmarks * _VIEW_PX - shift) / scale / size).astype(np.float32)
    return DetectedFace(x, y, w, h, face.score, landmarks)
