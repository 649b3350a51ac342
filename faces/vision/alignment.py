"""Faces turned upright and cut out, as the networks that embed them were trained on."""

from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from faces.vision.detected import DetectedFace, Floats, Matrix
from gallery.vision.image import Pixels

# Where the landmarks lie in an aligned face of 112 x 112 pixels (the template of ArcFace, Deng et al. 2019, arXiv
# 1801.07698, which SFace and MobileFaceNet were trained on).
TEMPLATE_PX = 112
TEMPLATE: Floats = np.array(
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)], np.float32
)
# YuNet's points lie a little up and left of what the embedders learned: with the template moved by half a pixel 89.3 %
# instead of 89.0 % of LFW's pairs are recognised at one mistake in 100,000, 82 % instead of 79 % at one in a million.
_YUNET_OFFSET_PX = 0.5


def similarity_transform(source: npt.ArrayLike, target: npt.ArrayLike) -> Matrix:
    """The 2 x 3 matrix of the rotation, scale and shift that brings points nearest to others (least squares).

    Both (n, 2) with n >= 2. Points as complex numbers make Umeyama's solution (1991, IEEE PAMI 13(4)) one division; a
    mirror image is not allowed. Coinciding source points give a pure shift.
    """
    source, target = np.asarray(source, np.float64), np.asarray(target, np.float64)
    p, q = source @ (1, 1j), target @ (1, 1j)
    p_mean, q_mean = p.mean(), q.mean()
    spread = float((np.abs(p - p_mean) ** 2).sum())
    turn = complex((np.conj(p - p_mean) * (q - q_mean)).sum() / spread) if spread > 1e-12 else 1 + 0j
    shift = q_mean - turn * p_mean
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def crop_by(pixels: Pixels, matrix: Matrix, edge_px: int) -> Pixels:
    """uint8 (edge, edge, 3): what `matrix` (2 x 3, picture to crop) brings into a square; edges of the picture repeat.

    A face much larger than the crop is first averaged down: sampling it at 112 points would alias.
    """
    factor = int(1 / max(np.hypot(matrix[0, 0], matrix[1, 0]), 1e-6))
    if factor >= 2:
        height, width = pixels.shape[:2]
        corners = np.array([[0, 0, 1], [edge_px, 0, 1], [0, edge_px, 1], [edge_px, edge_px, 1]], np.float64)
        in_picture = corners @ cv2.invertAffineTransform(matrix).T
        left, top = np.clip(np.floor(in_picture.min(axis=0)), 0, (width - 1, height - 1)).astype(int)
        right, bottom = np.clip(np.ceil(in_picture.max(axis=0)), (left + 1, top + 1), (width, height)).astype(int)
        part = pixels[top:bottom, left:right]
        size = max(1, part.shape[1] // factor), max(1, part.shape[0] // factor)
        pixels = cv2.resize(part, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        grown = np.array([part.shape[1] / size[0], part.shape[0] / size[1]])
        # Pixel centres lie at half numbers: x_part = (x_small + 0.5) * grown - 0.5.
        shift = np.array([left, top]) + (grown - 1) / 2
        matrix = np.hstack([matrix[:, :2] * grown, (matrix[:, :2] @ shift + matrix[:, 2])[:, None]])
    warped = cv2.warpAffine(pixels, matrix, (edge_px, edge_px), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cast(Pixels, warped)


def align(pixels: Pixels, face: DetectedFace) -> Pixels:
    """The face upright in 112 x 112 RGB pixels.

    By its landmarks; without them by its box, as the average box lies around the average aligned face. That is
    upright only if the head is, and costs accuracy: embeddings of tilted heads move away from their person.
    """
    height, width = pixels.shape[:2]
    if face.landmarks is not None:
        points = face.landmarks * (width, height)
        return crop_by(pixels, similarity_transform(points, TEMPLATE - _YUNET_OFFSET_PX), TEMPLATE_PX)
    return crop_by(pixels, box_transform(face, width, height, _ALIGNED_BOX), TEMPLATE_PX)


# The mean box (centre x, centre y, edge) that YuNet finds, in the pixels of its aligned face (LFW, measured).
_ALIGNED_BOX = (55.6, 66.2, 92.7)


def box_transform(face: DetectedFace, width: int, height: int, target: tuple[float, float, float]) -> Matrix:
    """Without rotation, the box's centre and mean edge (geometric) to a target's centre x, centre y and edge."""
    scale = target[2] / max(float(np.sqrt(face.w * width * face.h * height)), 1.0)
    x, y = (face.x + face.w / 2) * width, (face.y + face.h / 2) * height
    return np.array([[scale, 0, target[0] - scale * x], [0, scale, target[1] - scale * y]])
