"""What models exist, and which are at hand."""

import dataclasses
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gallery.vision import catalog
from gallery.vision.catalog import ModelSpec, ModelUnavailable


def spec_of(content: bytes, **changes: object) -> ModelSpec:
    spec = ModelSpec(
        key="toy",
        role="objects",
        family="yolox",
        file="toy.onnx",
        sha256=hashlib.sha256(content).hexdigest(),
        licence="MIT",
        input_px=64,
    )
    return dataclasses.replace(spec, **changes)


def test_every_row_is_complete() -> None:
    for spec in catalog.catalog().models.values():
        assert len(spec.sha256) == 64
        assert spec.role in catalog.ROLES
        assert spec.url is None or spec.url == f"{spec.url.rsplit('/', 1)[0]}/{spec.file}"
        assert spec.url is None or spec.url.startswith("https://")
        if spec.role == "face_embedding":
            assert spec.eps is not None
            assert 0 < spec.eps <= (spec.match_distance or 0) < 1
            assert spec.eps < (spec.link_distance or 0) < 1
            assert spec.min_samples == 2
        else:
            assert spec.score_threshold is not None
            assert spec.nms_iou is not None
        assert len(spec.labels) == (80 if spec.role == "objects" else 0)
    assert len({spec.file for spec in catalog.catalog().models.values()}) == len(catalog.catalog().models) == 13


def test_every_pack_does_everything() -> None:
    assert set(catalog.catalog().packs) == {"standard", "light", "pictopy"}
    for name in catalog.catalog().packs:
        assert {spec.role for spec in catalog.pack(name)} == set(catalog.ROLES)


def test_unknown_keys_and_packs_are_refused_in_words() -> None:
    with pytest.raises(ModelUnavailable, match="no model called 'yolo99'"):
        catalog.model("yolo99")
    with pytest.raises(ModelUnavailable, match="no pack called 'huge'; there are standard, light, pictopy"):
        catalog.pack("huge")


def test_only_whole_and_right_files_are_ready(tmp_path: Path) -> None:
    spec = spec_of(b"weights")
    assert catalog.weights_state(spec, tmp_path) == "missing"
    with pytest.raises(ModelUnavailable, match=r"toy \(toy.onnx\) are not there"):
        catalog.weights_path(spec, tmp_path)

    spec.path(tmp_path).write_bytes(b"wei")
    assert catalog.weights_state(spec, tmp_path) == "damaged"
    with pytest.raises(ModelUnavailable, match="damaged or another version"):
        catalog.weights_path(spec, tmp_path)

    spec.path(tmp_path).write_bytes(b"weights")
    assert catalog.weights_state(spec, tmp_path) == "ready"
    assert catalog.weights_path(spec, tmp_path) == tmp_path / "toy.onnx"


def test_a_file_of_another_size_is_not_even_hashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "sha256_of", lambda path: pytest.fail("hashed"))
    spec = spec_of(b"weights", size_bytes=7)
    spec.path(tmp_path).write_bytes(b"longer than that")
    assert catalog.weights_state(spec, tmp_path) == "damaged"


def test_a_file_is_hashed_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = []
    sha256_of = catalog.sha256_of
    monkeypatch.setattr(catalog, "sha256_of", lambda path: hashed.append(path) or sha256_of(path))
    spec = spec_of(b"weights")
    path = spec.path(tmp_path)
    path.write_bytes(b"weights")
    assert [catalog.weights_state(spec, tmp_path) for _ in range(3)] == ["ready"] * 3
    assert len(hashed) == 1
    path.write_bytes(b"damaged")
    os.utime(path, ns=(0, 12345))
    assert catalog.weights_state(spec, tmp_path) == "damaged"
    assert len(hashed) == 2


def test_a_folder_in_place_of_the_file_is_no_model(tmp_path: Path) -> None:
    spec = spec_of(b"weights")
    spec.path(tmp_path).mkdir()
    assert catalog.weights_state(spec, tmp_path) == "damaged"


def test_the_best_model_at_hand_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contents = {"yolox_s": b"s", "yolox_nano": b"n", "yunet": b"y"}
    models = {
        key: dataclasses.replace(
            spec,
            size_bytes=None,
            sha256=hashlib.sha256(contents[key]).hexdigest() if key in contents else spec.sha256,
        )
        for key, spec in catalog.catalog().models.items()
    }
    toy = catalog.Catalog(models=models, packs=catalog.catalog().packs)
    monkeypatch.setattr(catalog, "catalog", lambda: toy)
    for key, content in contents.items():
        models[key].path(tmp_path).write_bytes(content)
    assert [spec.key for spec in catalog.available(tmp_path, "objects")] == ["yolox_s", "yolox_nano"]
    assert catalog.best(tmp_path, "objects") == models["yolox_s"]
    assert catalog.best(tmp_path, "face_embedding") is None


def test_importing_the_catalog_is_cheap() -> None:
    code = "import sys, gallery.vision.catalog; print([m for m in ('cv2', 'onnxruntime', 'numpy') if m in sys.modules])"
    root = Path(__file__).resolve().parents[2]
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert result.stdout.strip() == "[]"
