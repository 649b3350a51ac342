"""How far a face can be told apart."""

import math

import cv2
import numpy as np

from faces.vision.detected import DetectedFace, Matrix
from gallery.vision.image import Pixels

_LEAST_FACE_PX, _GOOD_FACE_PX = 16.0, 96.0  # shorter edge of the box: below the first nothing is left of a face
_HALF_SHARP = 20.0  # variance of the Laplacian of an aligned face that counts as half sharp
_POSE_UNKNOWN, _LEAST_POSE = 0.5, 0.01


def face_quality(face: DetectedFace, crop: Pixels, width_px: int, height_px: int) -> float:
    """How far a face can be trusted to tell its person, 0..1.

    `crop` is its uint8 RGB crop, `width_px` and `height_px` the size of the pixels it was found in. The detector's
    score times the sharpness times the sixth root of size and pose, each 0..1:

    - sharpness: v / (v + 20) of the variance v of the crop's Laplacian (Pech-Pacheco et al. 2000), which is low for
      small faces too, since their crops are enlarged;
    - size: the box's shorter edge, from 16 pixels (0) to 96 (1);
    - pose: how near the nose is to the middle between the eyes (turned head) and between eyes and mouth (nodding
      head), 0.01 when it lies on one of them or beyond; 0.5 if there are no landmarks.

    The powers come from LFW as it is, made smaller (20 to 64 pixels) and blurred (by 2 and 3.5 pixels), mobilefacenet:
    whether a good face of the same person lies within 0.50 follows nearly all from sharpness, little from size, and
    hardly from pose (three of four profiles are recognised). With the same weight for all three the area under the ROC
    curve is 0.79, because large blurred faces passed for good ones; with these it is 0.92, and 10 % of the faces at
    quality 0.1 to 0.2 are recognised, 30 % at 0.2 to 0.3, 81 % at 0.3 to 0.4, 91 % at 0.4 to 0.5 and 96 to 99 % above.
    """
    short_px = min(face.w * width_px, face.h * height_px)
    size = min(max((short_px - _LEAST_FACE_PX) / (_GOOD_FACE_PX - _LEAST_FACE_PX), 0.0), 1.0)
    variance = float(cv2.Laplacian(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), cv2.CV_32F).var())
    sharpness = variance / (variance + _HALF_SHARP)
    picture_px = np.array([width_px, height_px], np.float64)
    pose = _POSE_UNKNOWN if face.landmarks is None else max(_frontality(face.landmarks * picture_px), _LEAST_POSE)
    return min(max(face.score * sharpness * math.pow(size * pose, 1 / 6), 0.0), 1.0)


def _frontality(points: Matrix) -> float:
    """1 for a face seen from the front, 0 in profile or worse; points (5, 2) in pixels."""
    right_eye, left_eye, nose = points[0], points[1], points[2]
    eyes, mouth = (right_eye + left_eye) / 2, points[3:].mean(axis=0)
    across, down = left_eye - right_eye, mouth - eyes
    if not across @ across or not down @ down:
        return 0.0
    # Shares of the way from eye to eye and from eyes to mouth; the template's nose is at 0.50 and 0.49.
    sideways = float((nose - right_eye) @ across / (across @ across))
    downwards = float((nose - eyes) @ down / (down @ down))
    return max(0.0, 1 - abs(sideways - 0.5) * 2) * max(0.0, 1 - abs(downwards - 0.5) * 2)
