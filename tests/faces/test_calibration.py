"""A library measures its own strangers: the distances that follow, and what must not decide them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from faces.clustering import calibration
from faces.clustering.calibration import calibrate, fit_strangers
from faces.clustering.pairs import Embeddings, Rows
from faces.limits import match_limit
from gallery.vision.catalog import ModelSpec, ModelUnavailable, model, read_catalog
from tests.clock import takes_less_than

SPEC = model("mobilefacenet")
NUMBERS = 94


def crowd(people: int, *, near: float = 0.0, seed: int = 0) -> Embeddings:
    """Faces of as many people as random directions, all a little alike: float32 (people, 94).

    In 94 dimensions the distances of random directions deviate by 0.103, as those of strangers do on LFW.
    """
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(people, NUMBERS)) + near * rng.normal(size=NUMBERS)
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


def photos_of(size: int, count: int) -> Rows:
    return np.repeat(np.arange(count), size)


def strangers(distance: float, spread: float, count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(distance, spread, count)


def off(by: float) -> ModelSpec:
    """The catalog's row with all distances and ranges off by so much."""
    moved = {name: round(getattr(SPEC, name) + by, 2) for name in ("eps", "link_distance", "match_distance")} | {
        name: tuple(round(end + by, 2) for end in getattr(SPEC, name))
        for name in ("eps_range", "link_range", "match_range")
    }
    return dataclasses.replace(SPEC, **moved)


def test_the_fit_finds_the_strangers() -> None:
    mean, deviation = fit_strangers(strangers(0.98, 0.1, 20_000))
    assert mean == pytest.approx(0.98, abs=0.003)
    assert deviation == pytest.approx(0.1, abs=0.002)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.10])
def test_pairs_that_are_one_person_hardly_move_the_fit(share: float) -> None:
    found = strangers(0.98, 0.1, 5000)
    found[: int(5000 * share)] = strangers(0.35, 0.1, int(5000 * share), seed=1)
    mean, deviation = fit_strangers(found)
    assert mean == pytest.approx(0.98, abs=0.006)
    assert deviation == pytest.approx(0.1, abs=0.004)


def test_a_catalog_that_is_off_is_brought_back() -> None:
    embeddings = crowd(2400, near=0.3)
    found = [calibrate(embeddings, photos_of(3, 800), spec=off(by)) for by in (-0.05, 0.0, 0.05)]
    assert all(one.is_measured for one in found)
    right = found[1]
    for one in found:
        assert one.eps == pytest.approx(right.eps, abs=0.021)
        assert one.match_distance == pytest.approx(right.match_distance, abs=0.031)  # the range was off as well
    assert found[0].eps > off(-0.05).eps  # type: ignore[operator]


def test_strangers_who_are_nearer_make_the_distances_smaller_within_the_range() -> None:
    usual, alike = (calibrate(crowd(1500, near=near), photos_of(3, 500), spec=SPEC) for near in (0.2, 0.45))
    assert alike.mean < usual.mean
    assert alike.eps < usual.eps
    assert SPEC.eps_range
    assert SPEC.eps_range[0] <= alike.eps <= SPEC.eps_range[1]
    assert alike.eps == round(alike.eps, 2)


def test_few_pairs_leave_the_catalog_as_it_is() -> None:
    for photos in (0, 1, 20):
        found = calibrate(crowd(3 * photos), photos_of(3, photos), spec=SPEC)
        assert not found.is_measured
        assert (found.eps, found.link_distance, found.match_distance) == (0.40, 0.57, 0.50)
        assert found.pairs == 3 * photos
    alone = calibrate(crowd(500), np.arange(500), spec=SPEC)
    assert not alone.is_measured
    assert alone.quantiles == ()


def test_a_crowd_counts_as_few_pairs_and_a_couple_too() -> None:
    rng = np.random.default_rng(1)
    people = crowd(4)
    household = people[np.tile(np.arange(4), 300)] + rng.normal(0, 0.01, (1200, NUMBERS))
    household = (household / np.linalg.norm(household, axis=1, keepdims=True)).astype(np.float32)
    assert calibrate(household, photos_of(4, 300), spec=SPEC).pairs <= 6 * calibration.PAIRS_PER_COUPLE
    assert calibrate(crowd(300), photos_of(300, 1), spec=SPEC).pairs == calibration.PAIRS_PER_PHOTO


def test_what_is_no_embedding_and_what_is_there_twice_is_left_out() -> None:
    embeddings, photo_ids = crowd(900), photos_of(3, 300)
    right = calibrate(embeddings, photo_ids, spec=SPEC)
    bad = np.stack([np.zeros(NUMBERS), np.full(NUMBERS, np.nan), np.full(NUMBERS, 3.0)]).astype(np.float32)
    copies = np.concatenate([embeddings, bad, embeddings[:600]])
    others = np.concatenate([photo_ids, [0, 1, 2], photo_ids[:600] + 5000])
    assert calibrate(copies, others, spec=SPEC) == right


def test_five_thousand_identical_faces_are_one_and_quick() -> None:
    poster = np.repeat(crowd(1), 5000, axis=0)
    faces = np.concatenate([poster, crowd(900, seed=2)])
    with takes_less_than(2):
        found = calibrate(faces, np.tile(np.arange(1, 301), 20)[:5900], spec=SPEC)
    assert found.is_measured
    assert found.pairs <= 901


def test_it_tells_itself_as_json() -> None:
    found = calibrate(crowd(600), photos_of(3, 200), spec=SPEC)
    told = json.loads(json.dumps(found.as_json()))
    assert told["eps"] == found.eps
    assert told["photos"] == found.photos <= 200
    assert [part for part, _ in told["quantiles"]] == [0.001, 0.01, 0.05, 0.25, 0.5]


def test_a_model_without_distances_cannot_be_calibrated() -> None:
    with pytest.raises(ModelUnavailable):
        calibrate(crowd(4), photos_of(2, 2), spec=dataclasses.replace(SPEC, eps=None))


@pytest.mark.parametrize("written", ["[0.5, 0.6]", "[0.3]", "[0.5, 0.3]", "[-1.0, 0.45]", "[0.35, 2.5]"])
def test_a_range_that_does_not_hold_its_distance_is_no_catalog(tmp_path: Path, written: str) -> None:
    file = tmp_path / "catalog.toml"
    row = [
        'role = "face_embedding"',
        'family = "sface"',
        'file = "a"',
        'sha256 = "b"',
        'licence = "c"',
        "input_px = 112",
    ]
    file.write_text(
        "\n".join(["[labels]", "[packs]", "[models.toy]", *row, "eps = 0.4", f"eps_range = {written}"]),
        encoding="utf-8",
    )
    with pytest.raises(ValueError, match="toy: eps_range"):
        read_catalog(file)


def test_people_with_many_confirmed_faces_take_only_nearer_ones() -> None:
    limits = np.array([match_limit(0.50, count) for count in (1, 5, 10, 80, 640, 9000)])
    assert limits == pytest.approx([0.50, 0.50, 0.4875, 0.45, 0.4125, 0.40])


@pytest.mark.parametrize("share", [0.01, 0.05])
def test_mirrors_and_collages_do_not_move_the_distances(share: float) -> None:
    embeddings, photo_ids = crowd(1500, near=0.3), photos_of(3, 500)
    right = calibrate(embeddings, photo_ids, spec=SPEC)
    twice = np.arange(0, 1500, 3)[: round(500 * 3 * share)]  # so many of the pairs are one person
    noise = np.random.default_rng(5).normal(size=(len(twice), NUMBERS)) * 0.05
    embeddings[twice + 1] = embeddings[twice] + noise.astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    found = calibrate(embeddings, photo_ids, spec=SPEC)
    assert found.eps == pytest.approx(right.eps, abs=0.011)
    assert found.link_distance == pytest.approx(right.link_distance, abs=0.011)
