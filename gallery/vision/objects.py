"""What is in a picture: object detectors of the YOLOX and YOLOv8/YOLO11 families.

Each is made with `load_object_detector` and has one method, `detect`. Source of the output layouts: the publishers'
export code (Megvii-BaseDetection/YOLOX, ultralytics/ultralytics).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from gallery.vision.catalog import ModelSpec, ModelUnavailable
from gallery.vision.image import Pixels, letterbox
from gallery.vision.sessions import session

if TYPE_CHECKING:
    import onnxruntime

Floats = npt.NDArray[np.float32]

# For measuring (COCO's curves need the tail of weak boxes); people are shown the catalog's score_threshold.
EVALUATION_SCORE = 0.001
_YOLOX_STRIDES = (8, 16, 32)


@dataclass(frozen=True, slots=True)
class Detection:
    """One thing: its class name, score 0..1, and box relative (0..1) to the picture; (x, y) is the top left corner."""

    label: str
    score: float
    x: float
    y: float
    w: float
    h: float


class ObjectDetector(Protocol):
    """Finds things of known classes in pictures."""

    def detect(self, pixels: Pixels, min_score: float | None = None) -> list[Detection]:
        """Detections in uint8 height x width x 3 RGB pixels, best first, boxes clipped to the picture.

        `min_score` replaces the threshold of the model's row in the catalog.
        """
        ...


class Candidates(NamedTuple):
    """Boxes before suppression, all of length n: float32 (n, 4) x, y, w, h in canvas pixels; scores; class numbers."""

    boxes: Floats
    scores: Floats
    classes: npt.NDArray[np.intp]


def load_object_detector(spec: ModelSpec, folder: Path) -> ObjectDetector:
    """The detector of a row of the catalog with weights from `folder`. Raises ModelUnavailable."""
    if spec.family == "yolox":
        return YoloxDetector(session(spec, folder), spec)
    if spec.family == "yolo":
        return YoloDetector(session(spec, folder), spec)
    raise ModelUnavailable(f"{spec.key} does not detect objects.")


class YoloxDetector:
    """YOLOX (Ge et al. 2021, arXiv 2107.08430): BGR 0..255, picture at the top left, output relative to its grid."""

    def __init__(self, session: "onnxruntime.InferenceSession", spec: ModelSpec) -> None:
        self._session, self._spec = session, spec
        self._input = session.get_inputs()[0].name
        self._offsets, self._strides = _grid(spec.input_px)

    def detect(self, pixels: Pixels, min_score: float | None = None) -> list[Detection]:
        """See ObjectDetector."""
        edge = self._spec.input_px
        box = letterbox(pixels, edge, edge, centred=False)
        blob = np.ascontiguousarray(box.canvas[..., ::-1].transpose(2, 0, 1), dtype=np.float32)[None]
        (output,) = self._session.run(None, {self._input: blob})
        rows = output[0]
        scores = rows[:, 4:5] * rows[:, 5:]
        found = _above(scores, self._spec.score_threshold if min_score is None else min_score)
        centres = (rows[found.rows, :2] + self._offsets[found.rows]) * self._strides[found.rows]
        sizes = np.exp(rows[found.rows, 2:4]) * self._strides[found.rows]
        boxes = np.hstack([centres - sizes / 2, sizes])
        return _detections(Candidates(boxes, found.scores, found.classes), self._spec, pixels, box.scale, 0, 0)


class YoloDetector:
    """YOLOv8 and YOLO11 as exported by ultralytics: RGB 0..1, picture centred, output (1, 4 + classes, n)."""

    def __init__(self, session: "onnxruntime.InferenceSession", spec: ModelSpec) -> None:
        self._session, self._spec = session, spec
        self._input = session.get_inputs()[0].name

    def detect(self, pixels: Pixels, min_score: float | None = None) -> list[Detection]:
        """See ObjectDetector."""
        edge = self._spec.input_px
        box = letterbox(pixels, edge, edge, centred=True)
        (output,) = self._session.run(None, {self._input: yolo_blob(box.canvas)})
        candidates = yolo_candidates(output, self._spec.score_threshold if min_score is None else min_score)
        return _detections(candidates, self._spec, pixels, box.scale, box.left_px, box.top_px)


def yolo_blob(canvas: Pixels) -> Floats:
    """The input of a YOLOv8/YOLO11 network: float32 (1, 3, height, width), RGB, 0..1."""
    return np.ascontiguousarray(canvas.transpose(2, 0, 1), dtype=np.float32)[None] / np.float32(255)


def yolo_candidates(output: Floats, min_score: float | None) -> Candidates:
    """Boxes of a YOLOv8/YOLO11 output, float32 (1, 4 + classes, n) with cx, cy, w, h in canvas pixels."""
    rows = output[0].T
    found = _above(rows[:, 4:], min_score)
    centres, sizes = rows[found.rows, :2], rows[found.rows, 2:4]
    return Candidates(np.hstack([centres - sizes / 2, sizes]), found.scores, found.classes)


def suppress(candidates: Candidates, max_iou: float) -> npt.NDArray[np.intp]:
    """Indices of the boxes to keep, best first: greedy non-maximum suppression, each class by itself.

    A box goes when its intersection over union with a better one of its class is above `max_iou`.
    """
    boxes = candidates.boxes.astype(np.float64)
    left, top = boxes[:, 0], boxes[:, 1]
    right, bottom = left + boxes[:, 2], top + boxes[:, 3]
    areas = boxes[:, 2] * boxes[:, 3]
    order = np.argsort(-candidates.scores, kind="stable")
    keep = []
    while order.size:
        best, rest = order[0], order[1:]
        keep.append(best)
        width = np.minimum(right[best], right[rest]) - np.maximum(left[best], left[rest])
        height = np.minimum(bottom[best], bottom[rest]) - np.maximum(top[best], top[rest])
        common = np.maximum(width, 0) * np.maximum(height, 0)
        union = np.maximum(areas[best] + areas[rest] - common, 1e-9)
        is_other = (common / union <= max_iou) | (candidates.classes[rest] != candidates.classes[best])
        order = rest[is_other]
    return np.array(keep, dtype=np.intp)


class _Found(NamedTuple):
    rows: npt.NDArray[np.intp]
    scores: Floats
    classes: npt.NDArray[np.intp]


def _above(scores: Floats, min_score: float | None) -> _Found:
    """The rows (n, classes) whose best class reaches the threshold; each box has one class, its best."""
    classes = scores.argmax(axis=1)
    best = scores[np.arange(len(scores)), classes]
    rows = np.flatnonzero(best >= (min_score or 0.0))
    return _Found(rows, best[rows], classes[rows])


def _grid(input_px: int) -> tuple[Floats, Floats]:
    """Cell (x, y) and stride of each of YOLOX's n outputs, in its order: float32 (n, 2) and (n, 1)."""
    offsets, strides = [], []
    for stride in _YOLOX_STRIDES:
        cells = input_px // stride
        y, x = np.mgrid[:cells, :cells]
        offsets.append(np.stack([x.ravel(), y.ravel()], axis=1))
        strides.append(np.full((cells * cells, 1), stride))
    return np.concatenate(offsets).astype(np.float32), np.concatenate(strides).astype(np.float32)


def _detections(
    candidates: Candidates, spec: ModelSpec, pixels: Pixels, scale: float, left_px: int, top_px: int
) -> list[Detection]:
    """Suppressed, in picture coordinates and clipped; a box that lies in the grey border is none."""
    height, width = pixels.shape[:2]
    found = []
    for index in suppress(candidates, spec.nms_iou or 0.65):
        x, y, w, h = ((candidates.boxes[index] - (left_px, top_px, 0, 0)) / scale).tolist()
        left, right = (min(max(edge / width, 0.0), 1.0) for edge in (x, x + w))
        top, bottom = (min(max(edge / height, 0.0), 1.0) for edge in (y, y + h))
        if right > left and bottom > top:
            label = spec.labels[candidates.classes[index]]
            found.append(Detection(label, float(candidates.scores[index]), left, top, right - left, bottom - top))
    return found
