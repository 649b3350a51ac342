"""Faces are found, turned upright and embedded as their models' contracts say."""

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from faces.vision import (
    TEMPLATE,
    DetectedFace,
    YuNetDetector,
    align,
    crop_by,
    face_quality,
    load_face_detector,
    load_face_embedder,
    similarity_transform,
)
from gallery.vision import catalog
from gallery.vision.catalog import ModelUnavailable
from gallery.vision.image import decode
from tests.vision import toys
from tests.vision.test_objects import put

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = Path(os.environ.get("PICTOPY_MODEL_MIRROR") or ROOT.parent / "shared" / "models")
FRIENDS = ROOT.parent / "shared" / "photos" / "friends"
needs_weights = pytest.mark.skipif(
    not all(catalog.model(key).path(WEIGHTS).is_file() for key in ("yunet", "mobilefacenet")),
    reason="the weights are not there",
)
needs_photos = pytest.mark.skipif(not FRIENDS.is_dir(), reason="the sample photos are not there")


Box = tuple[float, float, float, float]


def yunet_outputs(faces: list[Box], columns: int, rows: int) -> dict[str, npt.NDArray[np.float32]]:
    """YuNet's answer for faces (box x y w h in canvas pixels) on a canvas of columns x rows cells of 32 pixels."""
    outputs = {}
    for stride in (8, 16, 32):
        wide, high = columns * 32 // stride, rows * 32 // stride
        cells = [np.zeros((1, wide * high, size), np.float32) for size in (1, 1, 4, 10)]
        for index, (x, y, w, h) in enumerate(faces):
            if stride != (8, 16, 32)[index % 3]:
                continue
            cx, cy = x + w / 2, y + h / 2
            cell = int(cy // stride) * wide + int(cx // stride)
            origin = np.array([cx // stride, cy // stride])
            cells[0][0, cell], cells[1][0, cell] = 0.81, 1.0  # the score is the root of the product: 0.9
            cells[2][0, cell] = *(np.array([cx, cy]) / stride - origin), np.log(w / stride), np.log(h / stride)
            points = np.array([x, y]) + landmarks_in_box() * (w, h)
            cells[3][0, cell] = (points / stride - origin).ravel()
        for name, array in zip(("cls", "obj", "bbox", "kps"), cells, strict=True):
            outputs[f"{name}_{stride}"] = array
    return outputs


class ScriptedYuNet:
    """Stands in for an onnxruntime session: one answer for the picture, one for each closer look."""

    def __init__(self, first: dict[str, npt.NDArray[np.float32]], views: list[list[Box]]) -> None:
        self.answers = [first, *(yunet_outputs(faces, 14, 14) for faces in views)]
        self.shapes: list[tuple[int, ...]] = []

    def get_inputs(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(name="input")]

    def get_outputs(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(name=name) for name in self.answers[0]]

    def run(self, names: None, inputs: dict[str, npt.NDArray[np.float32]]) -> list[npt.NDArray[np.float32]]:
        self.shapes.append(inputs["input"].shape)
        return list(self.answers.pop(0).values())


def yunet(session: ScriptedYuNet) -> YuNetDetector:
    return YuNetDetector(session, catalog.model("yunet"), 960)  # type: ignore[arg-type]


def landmarks_in_box() -> npt.NDArray[np.float64]:
    return np.array([(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)])


def test_yunet_faces_come_back(tmp_path: Path) -> None:
    # 1,920 x 1,080 becomes 960 x 540 on a canvas of 960 x 544. All as large as the landmarks are exact at.
    boxes = [(96.0, 54.0, 180.0, 200.0), (480.0, 270.0, 190.0, 216.0), (672.0, 21.0, 200.0, 270.0)]
    spec = catalog.model("yunet")
    path = toys.constant_model(tmp_path / spec.file, (1, 3, 640, 640), yunet_outputs(boxes, columns=30, rows=17))
    found = load_face_detector(put(spec, path), tmp_path).detect(np.zeros((1080, 1920, 3), np.uint8))
    assert len(found) == 3
    for (x, y, w, h), face in zip(boxes, sorted(found, key=lambda face: face.w), strict=True):
        assert face.score == pytest.approx(0.9, abs=1e-4)
        assert (face.x, face.y, face.w, face.h) == pytest.approx((x / 960, y / 540, w / 960, h / 540), abs=1e-4)
        assert face.landmarks is not None
        assert face.landmarks.shape == (5, 2)
        assert face.landmarks.dtype == np.float32
        wanted = (face.x, face.y) + landmarks_in_box() * (face.w, face.h)
        assert np.abs(face.landmarks - wanted).max() < 1e-4


def test_small_faces_are_looked_at_again_for_exact_landmarks() -> None:
    # A face of 56 pixels in a picture of 960 x 640 fills 224 of the 448 pixels of the closer look: 4 times as large.
    # There it turns out to lie 2 pixels further right.
    session = ScriptedYuNet(yunet_outputs([(400, 300, 56, 56)], 30, 20), [[(112 + 8, 112, 224, 224)]])
    (face,) = yunet(session).detect(np.zeros((640, 960, 3), np.uint8))
    assert session.shapes == [(1, 3, 640, 960), (1, 3, 448, 448)]
    assert (face.x * 960, face.w * 960) == pytest.approx((400, 56), abs=1e-3)
    assert face.landmarks is not None
    wanted = (402, 300) + landmarks_in_box() * 56
    assert np.abs(face.landmarks * (960, 640) - wanted).max() < 1e-3


@pytest.mark.parametrize("view", [[], [(0.0, 112.0, 150.0, 150.0)]])
def test_landmarks_stay_when_the_closer_look_finds_another_face_or_none(view: list[Box]) -> None:
    session = ScriptedYuNet(yunet_outputs([(400, 300, 56, 56)], 30, 20), [view])
    (face,) = yunet(session).detect(np.zeros((640, 960, 3), np.uint8))
    assert face.landmarks is not None
    assert np.abs(face.landmarks * (960, 640) - ((400, 300) + landmarks_in_box() * 56)).max() < 1e-3


def test_a_large_picture_with_small_faces_is_looked_through_in_quarters() -> None:
    # 2,400 x 1,600 is seen at 0.4, and each quarter (1,272 x 848) at 0.755. The first one shows the face that was seen,
    # another, one that its edge cuts, and a large one, which the whole picture would have shown.
    known, new = (400.0, 300.0, 20.0, 20.0), (100.0, 100.0, 30.0, 30.0)
    again = tuple(edge / 0.4 * 960 / 1272 for edge in known)
    session = ScriptedYuNet(yunet_outputs([known], 30, 20), [])
    nothing = yunet_outputs([], 30, 20)
    quarter = yunet_outputs([again, new, (945, 300, 30, 30), (200, 400, 100, 100)], 30, 20)
    session.answers += [quarter, nothing, nothing, nothing, yunet_outputs([], 14, 14), yunet_outputs([], 14, 14)]
    found = yunet(session).detect(np.zeros((1600, 2400, 3), np.uint8))
    assert session.shapes == [(1, 3, 640, 960)] * 5 + [(1, 3, 448, 448)] * 2
    boxes = sorted((face.x * 2400, face.y * 1600, face.w * 2400, face.h * 1600) for face in found)
    assert boxes[0] == pytest.approx([edge * 1272 / 960 for edge in new], abs=0.01)
    assert boxes[1] == pytest.approx([edge / 0.4 for edge in known], abs=0.01)
    assert len(boxes) == 2


def test_a_picture_with_large_faces_is_looked_through_once() -> None:
    session = ScriptedYuNet(yunet_outputs([(400, 300, 56, 56)], 30, 20), [[]])
    yunet(session).detect(np.zeros((1600, 2400, 3), np.uint8))
    assert session.shapes == [(1, 3, 640, 960), (1, 3, 448, 448)]


def test_small_pictures_are_not_enlarged_and_faces_at_the_edge_are_clipped() -> None:
    session = ScriptedYuNet(yunet_outputs([(-10, 20, 40, 40)], columns=4, rows=3), [[]])
    (face,) = yunet(session).detect(np.zeros((80, 100, 3), np.uint8))
    assert session.shapes[0] == (1, 3, 96, 128)
    assert (face.x, face.y, face.w, face.h) == pytest.approx((0.0, 0.25, 0.3, 0.5), abs=1e-4)


@pytest.mark.parametrize("key", ["yolo11n_face", "yolo11s_face", "yolo11m_face"])
def test_yolo_faces_come_back_without_landmarks(tmp_path: Path, key: str) -> None:
    spec = catalog.model(key)
    output = np.zeros((1, 5, 8400), np.float32)
    output[0, :, 7] = 320, 320, 64, 128, 0.8
    output[0, :, 8] = 322, 320, 64, 128, 0.7  # the same face again
    output[0, :, 9] = 320, 60, 64, 64, 0.9  # in the grey border above the picture
    put_in = put(spec, toys.constant_model(tmp_path / spec.file, (1, 3, 640, 640), {"output0": output}))
    (face,) = load_face_detector(put_in, tmp_path).detect(np.zeros((640, 1280, 3), np.uint8))
    assert (face.x, face.y, face.w, face.h) == pytest.approx((0.45, 0.3, 0.1, 0.4), abs=1e-5)
    assert face.score == pytest.approx(0.8)
    assert face.landmarks is None


# ---- Alignment --------------------------------------------------------------------------------------------------


def test_a_known_similarity_is_found_again() -> None:
    angle, scale = 0.4, 2.5
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = similarity_transform(TEMPLATE, TEMPLATE @ turn.T + (30, -7))
    assert np.abs(matrix - np.hstack([turn, [[30], [-7]]])).max() < 1e-4


def test_the_similarity_is_the_least_squares_one() -> None:
    rng = np.random.default_rng(2)
    source, target = rng.normal(size=(5, 2)), rng.normal(size=(5, 2))
    # The same as a linear system in (a, b, tx, ty), solved by numpy.
    rows = []
    for x, y in source:
        rows += [(x, -y, 1, 0), (y, x, 0, 1)]
    a, b, tx, ty = np.linalg.lstsq(np.array(rows), target.ravel(), rcond=None)[0]
    assert np.abs(similarity_transform(source, target) - [[a, -b, tx], [b, a, ty]]).max() < 1e-9


def test_coinciding_landmarks_do_not_divide_by_zero() -> None:
    assert np.isfinite(similarity_transform(np.ones((5, 2)), TEMPLATE)).all()


@pytest.mark.parametrize("scale", [0.7, 1.0, 2.0, 6.3])
@pytest.mark.parametrize("angle", [0.0, 0.5, -1.2])
def test_an_aligned_face_has_its_landmarks_in_the_template(scale: float, angle: float) -> None:
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    size = 1600
    points = (TEMPLATE - 56) @ turn.T + size / 2
    pixels = np.zeros((size, size, 3), np.uint8)
    for x, y in points:
        cv2.circle(
            pixels, (round(x * 8), round(y * 8)), round(3 * max(scale, 1) * 8), (255, 255, 255), -1, cv2.LINE_AA, 3
        )
    face = DetectedFace(0.2, 0.2, 0.5, 0.5, 0.9, (points / size).astype(np.float32))
    crop = align(pixels, face)
    assert crop.shape == (112, 112, 3)
    for x, y in TEMPLATE:
        left, top = round(x) - 8, round(y) - 8
        spot = crop[top : top + 17, left : left + 17, 0].astype(float)
        ys, xs = np.mgrid[:17, :17]
        centre = (xs * spot).sum() / spot.sum() + left, (ys * spot).sum() / spot.sum() + top
        assert centre == pytest.approx((x - 0.5, y - 0.5), abs=0.3)


def test_a_face_without_landmarks_is_cropped_around_its_box() -> None:
    pixels = np.zeros((400, 400, 3), np.uint8)
    pixels[100:300, 120:280] = 255
    crop = align(pixels, DetectedFace(0.3, 0.25, 0.4, 0.5, 0.9))
    assert crop[62, 56].tolist() == [255] * 3
    assert crop[62, 2].tolist() == [0] * 3


def test_a_crop_beyond_the_picture_repeats_its_edge() -> None:
    pixels = np.full((50, 50, 3), 90, np.uint8)
    assert (crop_by(pixels, np.array([[1.0, 0, 200], [0, 1.0, 200]]), 64) == 90).all()
    assert (crop_by(pixels, np.array([[0.1, 0, 200], [0, 0.1, 200]]), 64) == 90).all()


# ---- Embedders --------------------------------------------------------------------------------------------------

SOMEONE = DetectedFace(0.25, 0.25, 0.5, 0.5, 0.9, (TEMPLATE / 112 * 0.5 + 0.25).astype(np.float32))


def face_picture(seed: int = 3) -> npt.NDArray[np.uint8]:
    small = np.random.default_rng(seed).integers(0, 256, (14, 14, 3), dtype=np.uint8)
    return cv2.resize(small, (224, 224), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize(
    ("key", "normalised"),
    [
        ("sface", lambda crop: crop),
        ("mobilefacenet", lambda crop: (crop - 127.5) / 128),
        ("facenet", lambda crop: (crop - 127.5) / 128),
    ],
)
def test_the_network_sees_red_first_and_in_the_range_of_its_contract(
    tmp_path: Path, key: str, normalised: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]
) -> None:
    edge = catalog.model(key).input_px
    spec = put(catalog.model(key), toys.echo_model(tmp_path / catalog.model(key).file, (1, 3, edge, edge)))
    embedder = load_face_embedder(spec, tmp_path)
    crops = embedder.crops(face_picture(), [SOMEONE])
    assert crops.shape == (1, edge, edge, 3)
    seen = normalised(crops[0, :, :, 0].astype(np.float64)).ravel()[:128]
    assert np.abs(embedder.embed_crops(crops)[0] - seen / np.linalg.norm(seen)).max() < 1e-5


@pytest.mark.parametrize("batch", [1, "batch", 4])
@pytest.mark.parametrize("key", ["sface", "mobilefacenet", "facenet"])
def test_embeddings_are_unit_vectors_whatever_the_batch(tmp_path: Path, key: str, batch: int | str) -> None:
    edge = catalog.model(key).input_px
    path = toys.embedding_model(tmp_path / catalog.model(key).file, (batch, 3, edge, edge))
    embedder = load_face_embedder(put(catalog.model(key), path), tmp_path)
    others = [DetectedFace(x / 40, 0.1, 0.4, 0.4, 0.8) for x in range(20)]
    vectors = embedder.embed(face_picture(), [SOMEONE, *others])
    assert vectors.shape == (21, 128)
    assert vectors.dtype == np.float32
    assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() < 1e-5
    assert np.abs(vectors[0] - embedder.embed(face_picture(), [SOMEONE])[0]).max() < 1e-5
    assert embedder.embed(face_picture(), []).shape == (0, 128)


def test_models_of_other_roles_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="yolox_s does not detect faces"):
        load_face_detector(catalog.model("yolox_s"), tmp_path)
    with pytest.raises(ModelUnavailable, match="yunet does not embed faces"):
        load_face_embedder(catalog.model("yunet"), tmp_path)


# ---- Quality ----------------------------------------------------------------------------------------------------


def quality(crop: npt.NDArray[np.uint8], size_px: int = 200, landmarks: object = TEMPLATE, score: float = 0.9) -> float:
    points = None if landmarks is None else (np.asarray(landmarks) / 112).astype(np.float32)
    return face_quality(DetectedFace(0, 0, 1, 1, score, points), crop, size_px, size_px)


def test_quality_falls_with_size_blur_turn_and_doubt() -> None:
    small = np.random.default_rng(3).integers(0, 256, (28, 28, 3), dtype=np.uint8)
    sharp = cv2.resize(small, (112, 112), interpolation=cv2.INTER_CUBIC)
    best = quality(sharp)
    assert 0.5 < best <= 1
    assert quality(sharp, size_px=30) < best
    assert quality(cv2.GaussianBlur(sharp, (0, 0), 6)) < best
    turned = TEMPLATE.copy()
    turned[2, 0] = TEMPLATE[1, 0]  # the nose under the left eye: a profile
    assert quality(sharp, landmarks=turned) < best / 2
    assert quality(sharp, score=0.6) < best
    assert 0 < quality(sharp, landmarks=None) < best
    assert quality(np.zeros((112, 112, 3), np.uint8)) == 0
    assert quality(sharp, size_px=5) == 0


# ---- Real weights -----------------------------------------------------------------------------------------------


@pytest.mark.weights
@needs_weights
@needs_photos
@pytest.mark.parametrize("input_px", [640, 960])
@pytest.mark.slow
def test_the_faces_of_the_group_photos_are_counted(input_px: int) -> None:
    detector = load_face_detector(catalog.model("yunet"), WEIGHTS, input_px)
    photos = sorted((FRIENDS / "bbt_group").glob("*.jpg"))
    assert [len(detector.detect(decode(photo.read_bytes()).pixels)) for photo in photos] == [4, 3, 5, 6, 5]


@pytest.mark.weights
@needs_weights
@needs_photos
@pytest.mark.slow
def test_a_person_is_nearer_to_themself_than_to_others() -> None:
    detector = load_face_detector(catalog.model("yunet"), WEIGHTS)
    embedder = load_face_embedder(catalog.model("mobilefacenet"), WEIGHTS)
    vectors, people = [], []
    for folder in sorted(path for path in (FRIENDS / "bbt").iterdir() if path.is_dir())[:4]:
        for path in sorted(folder.iterdir())[:3]:
            pixels = decode(path.read_bytes()).pixels
            vectors.append(embedder.embed(pixels, detector.detect(pixels)[:1])[0])
            people.append(folder.name)
    distances = 1 - np.array(vectors) @ np.array(vectors).T
    same = np.array(people)[:, None] == np.array(people)[None]
    apart = ~np.eye(len(people), dtype=bool)
    assert np.median(distances[same & apart]) < 0.5
    assert np.median(distances[~same]) > 0.75


@pytest.mark.weights
@needs_weights
@pytest.mark.parametrize("size", [(1, 1), (20, 3000), (640, 640)])
def test_there_are_no_faces_in_a_plain_picture(size: tuple[int, int]) -> None:
    detector = load_face_detector(catalog.model("yunet"), WEIGHTS)
    assert detector.detect(np.full((*size, 3), 128, np.uint8)) == []
