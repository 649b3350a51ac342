"""Detectors find the boxes that their networks mean."""

import dataclasses
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from gallery.vision import catalog
from gallery.vision.catalog import ModelSpec, ModelUnavailable
from gallery.vision.image import decode
from gallery.vision.objects import Candidates, Detection, load_object_detector, suppress
from tests.vision import toys

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = Path(os.environ.get("PICTOPY_MODEL_MIRROR") or ROOT.parent / "shared" / "models")
needs_weights = pytest.mark.skipif(not (WEIGHTS / "yolox_nano.onnx").is_file(), reason="the weights are not there")
PERSON, DOG = 0, 16


def put(spec: ModelSpec, path: Path) -> ModelSpec:
    """The spec with the toy's hash, so that the toy counts as its weights."""
    return dataclasses.replace(spec, sha256=hashlib.sha256(path.read_bytes()).hexdigest(), size_bytes=None)


def yolox_toy(folder: Path, key: str, things: list[tuple[int, float, tuple[float, float, float, float]]]) -> ModelSpec:
    """YOLOX that sees things (class, score, box x y w h in canvas pixels) by the inverse of the contract."""
    spec = catalog.model(key)
    rows = []
    for stride in (8, 16, 32):
        rows += [(stride, x, y) for y in range(spec.input_px // stride) for x in range(spec.input_px // stride)]
    output = np.zeros((1, len(rows), 85), np.float32)
    for index, (label, score, (x, y, w, h)) in enumerate(things):
        # Each on another stride; the cell is the one of its centre.
        stride = (8, 16, 32)[index % 3]
        cx, cy = x + w / 2, y + h / 2
        row = rows.index((stride, int(cx // stride), int(cy // stride)))
        output[0, row, :4] = (
            cx / stride - cx // stride,
            cy / stride - cy // stride,
            np.log(w / stride),
            np.log(h / stride),
        )
        output[0, row, 4] = 0.9
        output[0, row, 5 + label] = score / 0.9
    path = toys.constant_model(folder / spec.file, (1, 3, spec.input_px, spec.input_px), {"output": output})
    return put(spec, path)


def yolo_toy(folder: Path, key: str, things: list[tuple[int, float, tuple[float, float, float, float]]]) -> ModelSpec:
    """YOLO11 that sees things (class, score, box x y w h in canvas pixels)."""
    spec = catalog.model(key)
    output = np.zeros((1, 84, 8400), np.float32)
    for index, (label, score, (x, y, w, h)) in enumerate(things):
        output[0, :4, 100 + index] = x + w / 2, y + h / 2, w, h
        output[0, 4 + label, 100 + index] = score
    path = toys.constant_model(folder / spec.file, (1, 3, spec.input_px, spec.input_px), {"output0": output})
    return put(spec, path)


def assert_box(found: Detection, label: str, score: float, box: tuple[float, float, float, float]) -> None:
    assert found.label == label
    assert (found.score, found.x, found.y, found.w, found.h) == pytest.approx((score, *box), abs=1e-4)


@pytest.mark.parametrize("key", ["yolox_nano", "yolox_tiny", "yolox_s"])
def test_yolox_boxes_come_back(tmp_path: Path, key: str) -> None:
    edge = catalog.model(key).input_px
    # A picture twice as wide as high fills the upper half of the canvas.
    dog, person = (edge * 0.1, edge * 0.05, edge * 0.3, edge * 0.4), (edge * 0.5, edge * 0.1, edge * 0.2, edge * 0.3)
    spec = yolox_toy(tmp_path, key, [(DOG, 0.8, dog), (PERSON, 0.6, person)])
    first, second = load_object_detector(spec, tmp_path).detect(np.zeros((edge, 2 * edge, 3), np.uint8))
    assert_box(first, "dog", 0.8, (0.1, 0.1, 0.3, 0.8))
    assert_box(second, "person", 0.6, (0.5, 0.2, 0.2, 0.6))


@pytest.mark.parametrize("key", ["yolo11n", "yolo11s", "yolo11m"])
def test_yolo11_boxes_come_back(tmp_path: Path, key: str) -> None:
    # A picture twice as high as wide stands in the middle half of the canvas: 160 to 480.
    spec = yolo_toy(tmp_path, key, [(PERSON, 0.7, (192, 128, 64, 256)), (DOG, 0.9, (320, 0, 160, 320))])
    first, second = load_object_detector(spec, tmp_path).detect(np.zeros((1280, 640, 3), np.uint8))
    assert_box(first, "dog", 0.9, (0.5, 0.0, 0.5, 0.5))
    assert_box(second, "person", 0.7, (0.1, 0.2, 0.2, 0.4))


def test_boxes_are_clipped_and_the_grey_border_holds_nothing(tmp_path: Path) -> None:
    spec = yolo_toy(tmp_path, "yolo11n", [(DOG, 0.9, (600, 300, 100, 40)), (DOG, 0.8, (10, 10, 50, 50))])
    (found,) = load_object_detector(spec, tmp_path).detect(np.zeros((320, 640, 3), np.uint8))
    assert_box(found, "dog", 0.9, (600 / 640, 140 / 320, 40 / 640, 40 / 320))


def test_weak_detections_are_shown_only_on_request(tmp_path: Path) -> None:
    spec = yolo_toy(tmp_path, "yolo11n", [(DOG, 0.1, (100, 100, 50, 50))])
    detector = load_object_detector(spec, tmp_path)
    pixels = np.zeros((640, 640, 3), np.uint8)
    assert detector.detect(pixels) == []
    assert len(detector.detect(pixels, 0.05)) == 1


def test_two_boxes_of_one_thing_become_one_but_classes_stay_apart(tmp_path: Path) -> None:
    box, nearly = (100.0, 100.0, 200.0, 200.0), (105.0, 100.0, 200.0, 200.0)
    spec = yolo_toy(tmp_path, "yolo11n", [(DOG, 0.9, box), (DOG, 0.8, nearly), (PERSON, 0.7, nearly)])
    found = load_object_detector(spec, tmp_path).detect(np.zeros((640, 640, 3), np.uint8))
    assert [(it.label, round(it.score, 2)) for it in found] == [("dog", 0.9), ("person", 0.7)]


def test_suppression_is_greedy_and_exact() -> None:
    rng = np.random.default_rng(5)
    boxes = np.hstack([rng.uniform(0, 100, (300, 2)), rng.uniform(5, 60, (300, 2))]).astype(np.float32)
    candidates = Candidates(boxes, rng.uniform(size=300).astype(np.float32), rng.integers(0, 3, 300))

    def iou(a: int, b: int) -> float:
        (ax, ay, aw, ah), (bx, by, bw, bh) = boxes[a].tolist(), boxes[b].tolist()
        w, h = min(ax + aw, bx + bw) - max(ax, bx), min(ay + ah, by + bh) - max(ay, by)
        common = max(w, 0) * max(h, 0)
        return common / (aw * ah + bw * bh - common)

    kept: list[int] = []
    for index in sorted(range(300), key=lambda index: -candidates.scores[index]):
        if all(candidates.classes[index] != candidates.classes[it] or iou(index, it) <= 0.4 for it in kept):
            kept.append(index)
    assert suppress(candidates, 0.4).tolist() == kept


def test_nothing_is_suppressed_to_nothing() -> None:
    nothing = Candidates(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.intp))
    assert suppress(nothing, 0.5).tolist() == []


def test_a_face_model_does_not_detect_objects(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="yunet does not detect objects"):
        load_object_detector(catalog.model("yunet"), tmp_path)


@pytest.mark.weights
@needs_weights
@pytest.mark.parametrize("size", [(416, 416), (1, 1), (3000, 20)])
def test_real_weights_see_nothing_in_a_plain_picture(size: tuple[int, int]) -> None:
    detector = load_object_detector(catalog.model("yolox_nano"), WEIGHTS)
    assert detector.detect(np.full((*size, 3), 128, np.uint8)) == []


@pytest.mark.weights
@needs_weights
@pytest.mark.skipif(not (ROOT.parent / "shared" / "photos").is_dir(), reason="the sample photos are not there")
def test_real_weights_find_people() -> None:
    detector = load_object_detector(catalog.model("yolox_nano"), WEIGHTS)
    photo = sorted((ROOT.parent / "shared" / "photos" / "friends" / "bbt_group").glob("*.jpg"))[0]
    people = [it for it in detector.detect(decode(photo.read_bytes()).pixels) if it.label == "person"]
    assert len(people) >= 3
    for it in people:
        assert it.x >= 0
        assert it.y >= 0
        assert it.x + it.w <= 1 + 1e-9
        assert it.y + it.h <= 1 + 1e-9
