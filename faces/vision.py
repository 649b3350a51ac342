"""Faces as numbers: finding them, turning them upright, and embedding them so that near means the same person.

Pure Python, numpy and OpenCV on top of gallery.vision; no Django. The order of the five landmarks is everywhere: right
eye, left eye, nose, right mouth corner, left mouth corner, where right is the person's own right.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

import cv2
import numpy as np
import numpy.typing as npt

from gallery.vision.catalog import ModelSpec, ModelUnavailable
from gallery.vision.image import Pixels, letterbox
from gallery.vision.objects import Candidates, suppress, yolo_blob, yolo_candidates
from gallery.vision.sessions import session

if TYPE_CHECKING:
    from gallery.vision.sessions import Session

Floats = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float64]

# Where the landmarks lie in an aligned face of 112 x 112 pixels (the template of ArcFace, Deng et al. 2019, arXiv
# 1801.07698, which SFace and MobileFaceNet were trained on).
TEMPLATE_PX = 112
TEMPLATE: Floats = np.array(
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)], np.float32
)
# YuNet's points lie a little up and left of what the embedders learned: with the template moved by half a pixel 89.3 %
# instead of 89.0 % of LFW's pairs are recognised at one mistake in 100,000, 82 % instead of 79 % at one in a million.
_YUNET_OFFSET_PX = 0.5
_YUNET_STRIDES = (8, 16, 32)
# A picture this many times larger than what the network sees of it, with a face smaller than so many pixels there, is
# looked through once more in quarters (so much of each edge, which leaves room for such a face in the overlap). Faces
# of 20 pixels are nearly all found, of 10 not.
_LARGE_PICTURE, _SMALL_FACE_PX, _QUARTER = 2.5, 24.0, 0.53
# The closer look at a face: a square view with its longer edge at half of it. Faces that the first look saw about as
# large are left as they are.
_VIEW_PX, _VIEW_FACE_PX = 448, 224.0
_EXACT_FROM_PX, _EXACT_TO_PX = 180.0, 320.0


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


class FaceDetector(Protocol):
    """Finds faces in pictures."""

    def detect(self, pixels: Pixels, min_score: float | None = None) -> list[DetectedFace]:
        """Faces in uint8 height x width x 3 RGB pixels, best first.

        `min_score` replaces the threshold of the model's row in the catalog.
        """
        ...


class FaceEmbedder(Protocol):
    """Turns faces into vectors whose cosine distance tells people apart; `spec` has the distances that go with it."""

    spec: ModelSpec

    def crops(self, pixels: Pixels, faces: Sequence[DetectedFace]) -> Pixels:
        """What the network sees of each face: uint8 (n, edge, edge, 3) RGB."""
        ...

    def embed_crops(self, crops: Pixels) -> Floats:
        """Embeddings of crops: float32 (n, 128), each of length 1."""
        ...

    def embed(self, pixels: Pixels, faces: Sequence[DetectedFace]) -> Floats:
        """Embeddings of the faces of one picture: float32 (n, 128), each of length 1."""
        ...


def load_face_detector(spec: ModelSpec, folder: Path, input_px: int | None = None) -> FaceDetector:
    """The detector of a row of the catalog; `input_px` replaces the row's (YuNet only). Raises ModelUnavailable."""
    if spec.family == "yunet":
        return YuNetDetector(session(spec, folder, any_size=True), spec, input_px or spec.input_px)
    if spec.family == "yolo_face":
        return YoloFaceDetector(session(spec, folder), spec)
    raise ModelUnavailable(f"{spec.key} does not detect faces.")


def load_face_embedder(spec: ModelSpec, folder: Path) -> FaceEmbedder:
    """The embedder of a row of the catalog. Raises ModelUnavailable."""
    if spec.family in ("sface", "mobilefacenet"):
        return AlignedEmbedder(session(spec, folder), spec)
    if spec.family == "facenet":
        return FaceNetEmbedder(session(spec, folder), spec)
    raise ModelUnavailable(f"{spec.key} does not embed faces.")


# ---- Detectors --------------------------------------------------------------------------------------------------


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


# ---- Alignment --------------------------------------------------------------------------------------------------


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
    return crop_by(pixels, _box_transform(face, width, height, _ALIGNED_BOX), TEMPLATE_PX)


# The mean box (centre x, centre y, edge) that YuNet finds, in the pixels of its aligned face (LFW, measured).
_ALIGNED_BOX = (55.6, 66.2, 92.7)


def _box_transform(face: DetectedFace, width: int, height: int, target: tuple[float, float, float]) -> Matrix:
    """Without rotation, the box's centre and mean edge (geometric) to a target's centre x, centre y and edge."""
    scale = target[2] / max(float(np.sqrt(face.w * width * face.h * height)), 1.0)
    x, y = (face.x + face.w / 2) * width, (face.y + face.h / 2) * height
    return np.array([[scale, 0, target[0] - scale * x], [0, scale, target[1] - scale * y]])


# ---- Embedders --------------------------------------------------------------------------------------------------


class AlignedEmbedder:
    """SFace (Zhong et al. 2021, arXiv 2205.12010) and MobileFaceNet (Chen et al. 2018, arXiv 1804.07573)."""

    def __init__(self, session: "Session", spec: ModelSpec) -> None:
        self.spec = spec
        self._session = session

    def crops(self, pixels: Pixels, faces: Sequence[DetectedFace]) -> Pixels:
        """See FaceEmbedder."""
        crops = [align(pixels, face) for face in faces]
        return np.stack(crops) if crops else np.empty((0, TEMPLATE_PX, TEMPLATE_PX, 3), np.uint8)

    def embed_crops(self, crops: Pixels) -> Floats:
        """See FaceEmbedder."""
        # SFace has its own normalisation inside the network.
        values = crops.astype(np.float32) if self.spec.family == "sface" else _centred(crops)
        return _run(self._session, values)

    def embed(self, pixels: Pixels, faces: Sequence[DetectedFace]) -> Floats:
        """See FaceEmbedder."""
        return self.embed_crops(self.crops(pixels, faces))


class FaceNetEmbedder:
    """FaceNet (Schroff et al. 2015, arXiv 1503.03832): face crops of 160 x 160 that are not aligned."""

    # The box fills this part of the crop, as in the crops it was trained on (a margin of about a tenth on each side).
    _BOX_SHARE = 0.8

    def __init__(self, session: "Session", spec: ModelSpec) -> None:
        self.spec = spec
        self._session = session

    def crops(self, pixels: Pixels, faces: Sequence[DetectedFace]) -> Pixels:
        """See FaceEmbedder."""
        height, width = pixels.shape[:2]
        edge = self.spec.input_px
        target = (edge / 2, edge / 2, edge * self._BOX_SHARE)
        crops = [crop_by(pixels, _box_transform(face, width, height, target), edge) for face in faces]
        return np.stack(crops) if crops else np.empty((0, edge, edge, 3), np.uint8)

    def embed_crops(self, crops: Pixels) -> Floats:
        """See FaceEmbedder."""
        return _run(self._session, _centred(crops))

    def embed(self, pixels: Pixels, faces: Sequence[DetectedFace]) -> Floats:
        """See FaceEmbedder."""
        return self.embed_crops(self.crops(pixels, faces))


def _centred(crops: Pixels) -> Floats:
    return (crops.astype(np.float32) - np.float32(127.5)) / np.float32(128)


def _run(session: "Session", values: Floats) -> Floats:
    """Embeddings, L2-normalised, of float32 (n, height, width, 3); in batches where the network takes them."""
    put_in = session.get_inputs()[0]
    # A number is a batch size fixed in the file, a name or None a free one; 16 faces keep the memory small.
    batch = put_in.shape[0] if isinstance(put_in.shape[0], int) else 16
    blobs = np.ascontiguousarray(values.transpose(0, 3, 1, 2))
    outputs = []
    for start in range(0, len(blobs), batch):
        blob = blobs[start : start + batch]
        missing = batch - len(blob) if isinstance(put_in.shape[0], int) else 0
        if missing:
            blob = np.concatenate([blob, np.zeros((missing, *blob.shape[1:]), np.float32)])
        outputs.append(session.run(None, {put_in.name: blob})[0][: batch - missing])
    if not outputs:
        return np.empty((0, 128), np.float32)
    vectors = np.concatenate(outputs).astype(np.float32)
    return cast(Floats, vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))


# ---- Quality ----------------------------------------------------------------------------------------------------

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
