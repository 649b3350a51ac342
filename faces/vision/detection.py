"""Finding faces in pictures."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

import numpy as np

from faces.vision.alignment import crop_by
from faces.vision.detected import DetectedFace, Floats
from gallery.vision.catalog import ModelSpec, ModelUnavailable
from gallery.vision.image import Pixels, letterbox
from gallery.vision.objects import Candidates, suppress, yolo_blob, yolo_candidates
from gallery.vision.sessions import session

if TYPE_CHECKING:
    from gallery.vision.sessions import Session

_YUNET_STRIDES = (8, 16, 32)
# A picture this many times larger than what the network sees of it, with a face smaller than so many pixels there, is
# looked through once more in quarters (so much of each edge, which leaves room for such a face in the overlap). Faces
# of 20 pixels are nearly all found, of 10 not.
_LARGE_PICTURE, _SMALL_FACE_PX, _QUARTER = 2.5, 24.0, 0.53
# The closer look at a face: a square view with its longer edge at half of it. Faces that the first look saw about as
# large are left as they are.
_VIEW_PX, _VIEW_FACE_PX = 448, 224.0
_EXACT_FROM_PX, _EXACT_TO_PX = 180.0, 320.0


class FaceDetector(Protocol):
    """Finds faces in pictures."""

    def detect(self, pixels: Pixels, min_score: float | None = None) -> list[DetectedFace]:
        """Faces in uint8 height x width x 3 RGB pixels, best first.

        `min_score` replaces the threshold of the model's row in the catalog.
        """
        ...


def load_face_detector(spec: ModelSpec, folder: Path, input_px: int | None = None) -> FaceDetector:
    """The detector of a row of the catalog; `input_px` replaces the row's (YuNet only). Raises ModelUnavailable."""
    if spec.family == "yunet":
        return YuNetDetector(session(spec, folder, any_size=True), spec, input_px or spec.input_px)
    if spec.family == "yolo_face":
        return YoloFaceDetector(session(spec, folder), spec)
    raise ModelUnavailable(f"{spec.key} does not detect faces.")


class _Seen(NamedTuple):
    """Faces of a picture: boxes (n, 4) x, y, w, h and landmarks (n, 5, 2), relative, scores (n,), and the longer edges
    of the boxes in the pixels that the network saw (n,)."""

    boxes: Floats
    scores: Floats
    points: Floats
    edges_px: Floats


class YuNetDetector:
    """YuNet (Wu et al. 2023, Machine Intelligence Research 20): small, quick, with landmarks. BGR 0..255.

    The longer edge of the picture is brought to `input_px`, never enlarged. Of the faces in 140 sample photos that are
    good enough to be told apart (quality 0.2 and more; found at two sizes at least), 960 finds 88 of 92, 640 only 82,
    1280, 1600 and 1920 find 89, 87 and 88 for 1.5, 1.8 and 2.5 times the time, and lose some large ones. That goes for
    pictures up to twice as large: 98 % of faces of 40 pixels are found in 2000, 62 % in 4000. So a picture that is much
    larger and shows small faces is looked through once more in four parts, which finds them all (portraits of LFW put
    into a picture, measured).

    Then each face is looked at again at the size at which landmarks are most exact: on LFW 89 % instead of 85 % of
    the pairs of one person are recognised when one pair of strangers in 100,000 is mistaken (mobilefacenet, measured).
    """

    def __init__(self, session: "Session", spec: ModelSpec, input_px: int) -> None:
        self._session, self._spec, self._input_px = session, spec, input_px
        self._input = session.get_inputs()[0].name
        self._outputs = [output.name for output in session.get_outputs()]

    def detect(self, pixels: Pixels, min_score: float | None = None) -> list[DetectedFace]:
        """See FaceDetector."""
        least = (self._spec.score_threshold if min_score is None else min_score) or 0.0
        seen = self._look(pixels, self._input_px, least)
        is_large = max(pixels.shape[:2]) >= _LARGE_PICTURE * self._input_px
        if is_large and len(seen.edges_px) and seen.edges_px.min() < _SMALL_FACE_PX:
            seen = self._together(seen, *self._look_closer(pixels, least))
        found = []
        for box, score, landmarks, edge_px in zip(seen.boxes, seen.scores, seen.points, seen.edges_px, strict=True):
            if not _EXACT_FROM_PX <= edge_px <= _EXACT_TO_PX:
                landmarks = self._look_again(pixels, box, landmarks)
            if face := _face(box, score, landmarks):
                found.append(face)
        return found

    def _look(self, pixels: Pixels, input_px: int, min_score: float) -> _Seen:
        """What the whole picture shows when its longer edge has `input_px`."""
        height, width = pixels.shape[:2]
        scale = min(1.0, input_px / max(height, width))
        inner_width, inner_height = max(1, round(width * scale)), max(1, round(height * scale))
        picture = letterbox(pixels, inner_width, inner_height, centred=False).canvas
        boxes, scores, points = self._find(picture, min_score)
        # The picture was rounded to whole pixels in each direction by itself.
        to_relative = np.array([1 / inner_width, 1 / inner_height], np.float32)
        relative = (boxes.reshape(-1, 2, 2) * to_relative).reshape(-1, 4)
        return _Seen(relative, scores, points * to_relative, boxes[:, 2:].max(axis=1, initial=0))

    def _look_closer(self, pixels: Pixels, min_score: float) -> Iterator[_Seen]:
        """The small faces of a picture in four quarters that overlap a little: twice the size in the same memory.

        A face that the edge of a quarter cuts is whole in the next one, and large faces were seen before.
        """
        height, width = pixels.shape[:2]
        inner_height, inner_width = round(height * _QUARTER), round(width * _QUARTER)
        part = np.array([inner_width / width, inner_height / height], np.float32)
        for top, left in product((0, height - inner_height), (0, width - inner_width)):
            quarter = pixels[top : top + inner_height, left : left + inner_width]
            seen = self._look(np.ascontiguousarray(quarter), self._input_px, min_score)
            ends = seen.boxes[:, :2] + seen.boxes[:, 2:]
            is_cut = ((seen.boxes[:, :2] <= 0) | (ends >= 1)).any(axis=1)
            kept = (seen.edges_px < 2 * _SMALL_FACE_PX) & ~is_cut
            corner = np.array([left / width, top / height], np.float32)
            boxes = np.hstack([seen.boxes[kept, :2] * part + corner, seen.boxes[kept, 2:] * part])
            yield _Seen(boxes, seen.scores[kept], seen.points[kept] * part + corner, seen.edges_px[kept])

    def _together(self, *looks: _Seen) -> _Seen:
        """What several looks saw, best first; the best box where more than one saw the same face."""
        boxes, scores, points, edges_px = (np.concatenate(parts) for parts in zip(*looks, strict=True))
        kept = suppress(Candidates(boxes, scores, np.zeros(len(scores), np.intp)), self._spec.nms_iou or 0.3)
        return _Seen(boxes[kept], scores[kept], points[kept], edges_px[kept])

    def _find(self, picture: Pixels, min_score: float) -> tuple[Floats, Floats, Floats]:
        """Boxes (n, 4) x, y, w, h, scores (n,) and landmarks (n, 5, 2) in pixels of a picture of any size."""
        height, width = picture.shape[:2]
        canvas = np.zeros((-(-height // 32) * 32, -(-width // 32) * 32, 3), np.uint8)
        canvas[:height, :width] = picture
        blob = np.ascontiguousarray(canvas[..., ::-1].transpose(2, 0, 1), dtype=np.float32)[None]
        outputs = dict(zip(self._outputs, self._session.run(None, {self._input: blob}), strict=True))
        parts = [_decode_yunet(outputs, stride, canvas.shape[1] // stride, min_score) for stride in _YUNET_STRIDES]
        boxes, scores, points = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        kept = suppress(Candidates(boxes, scores, np.zeros(len(scores), np.intp)), self._spec.nms_iou or 0.3)
        return boxes[kept], scores[kept], points[kept].reshape(-1, 5, 2)

    def _look_again(self, pixels: Pixels, box: Floats, landmarks: Floats) -> Floats:
        """The landmarks of one face from a closer (or more distant) view of it; as they were if it is not found."""
        size = np.array([pixels.shape[1], pixels.shape[0]], np.float64)
        x, y = (box[:2] + box[2:] / 2) * size
        scale = _VIEW_FACE_PX / max(float((box[2:] * size).max()), 1.0)
        matrix = np.array([[scale, 0, _VIEW_PX / 2 - scale * x], [0, scale, _VIEW_PX / 2 - scale * y]])
        boxes, _, points = self._find(crop_by(pixels, matrix, _VIEW_PX), 0.5)
        if not len(boxes):
            return landmarks
        centres = points.mean(axis=1)
        before = landmarks.mean(axis=0) * size * scale + matrix[:, 2]
        nearest = int(np.linalg.norm(centres - before, axis=1).argmin())
        if float(np.linalg.norm(centres[nearest] - before)) > _VIEW_FACE_PX / 8:
            return landmarks  # another face
        return cast(Floats, ((points[nearest] - matrix[:, 2]) / scale / size).astype(np.float32))


def _decode_yunet(
    outputs: dict[str, Floats], stride: int, columns: int, min_score: float
) -> tuple[Floats, Floats, Floats]:
    """Boxes (n, 4) x, y, w, h and landmarks (n, 10) in canvas pixels, and scores (n,), of one stride."""
    score = np.sqrt(outputs[f"cls_{stride}"].ravel().clip(0, 1) * outputs[f"obj_{stride}"].ravel().clip(0, 1))
    cells = np.flatnonzero(score >= min_score)
    origin = np.stack([cells % columns, cells // columns], axis=1).astype(np.float32)
    raw = outputs[f"bbox_{stride}"][0, cells]
    centres, sizes = (raw[:, :2] + origin) * stride, np.exp(raw[:, 2:]) * stride
    points = (outputs[f"kps_{stride}"][0, cells] + np.tile(origin, 5)) * stride
    return np.hstack([centres - sizes / 2, sizes]), score[cells], points


class YoloFaceDetector:
    """YOLOv8/YOLO11 trained on faces: boxes without landmarks, so faces are cropped rather than aligned."""

    def __init__(self, session: "Session", spec: ModelSpec) -> None:
        self._session, self._spec = session, spec
        self._input = session.get_inputs()[0].name

    def detect(self, pixels: Pixels, min_score: float | None = None) -> list[DetectedFace]:
        """See FaceDetector."""
        height, width = pixels.shape[:2]
        box = letterbox(pixels, self._spec.input_px, self._spec.input_px, centred=True)
        (output,) = self._session.run(None, {self._input: yolo_blob(box.canvas)})
        found = yolo_candidates(output, self._spec.score_threshold if min_score is None else min_score)
        border = np.array([box.left_px, box.top_px, 0, 0], np.float32)
        relative = (found.boxes - border) / box.scale / np.array([width, height, width, height], np.float32)
        kept = suppress(found, self._spec.nms_iou or 0.45)
        return [face for index in kept if (face := _face(relative[index], found.scores[index], None))]


def _face(box: Floats, score: np.float32, landmarks: Floats | None) -> DetectedFace | None:
    """The face of a relative box x, y, w, h, clipped; None if nothing of it lies in the picture."""
    left, top = (min(max(float(edge), 0.0), 1.0) for edge in box[:2])
    right, bottom = (min(max(float(edge), 0.0), 1.0) for edge in box[:2] + box[2:])
    if right <= left or bottom <= top:
        return None
    return DetectedFace(left, top, right - left, bottom - top, float(score), landmarks)
