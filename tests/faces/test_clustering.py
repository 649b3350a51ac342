"""DBSCAN, compared with scikit-learn's, and the rule that nobody is twice in one photo."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.cluster import DBSCAN

from faces.clustering import NOISE, batch, dbscan, pairs, separate_same_photo, trees
from tests.thorough import examples


def normalised(points: np.ndarray) -> np.ndarray:
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


def exact_distances(points: np.ndarray) -> np.ndarray:
    """Cosine distances as `dbscan` defines them: float64 sums of float32 embeddings."""
    wide = points.astype(np.float64)
    return np.maximum(1.0 - (wide[:, None, :] * wide[None, :, :]).sum(axis=2), 0.0)


def partition(labels: np.ndarray, among: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero((labels == label) & among).tolist()) for label in set(labels[among].tolist())}


@st.composite
def embeddings(draw: st.DrawFn) -> np.ndarray:
    """Clumps of faces around a few directions of a low-dimensional sphere, where neighbourhoods overlap and chain."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count, dimensions = draw(st.integers(1, 60)), draw(st.integers(2, 6))
    centres = random.normal(size=(draw(st.integers(1, 6)), dimensions))
    spread = draw(st.sampled_from([0.0, 0.1, 0.4, 1.0]))
    points = centres[random.integers(0, len(centres), count)] + random.normal(size=(count, dimensions)) * spread
    return normalised(points)


@given(
    points=embeddings(), eps=st.floats(0.01, 0.9), min_samples=st.integers(1, 6), block=st.sampled_from([1, 3, 7, 64])
)
@settings(max_examples=examples(150), deadline=None)
def test_partition_is_that_of_scikit_learn(points: np.ndarray, eps: float, min_samples: int, block: int) -> None:
    distances = exact_distances(points)
    # scikit-learn normalises and rounds by itself; a pair within a rounding of the limit may fall on either side.
    assume(np.abs(distances - eps).min() > 1e-6)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "BLOCK_ROWS", block)
        patch.setattr(batch, "PAIR_BUDGET", 10)
        ours = dbscan(points, eps=eps, min_samples=min_samples)
    theirs = DBSCAN(eps=eps, min_samples=min_samples, metric="cosine", algorithm="brute").fit(points.astype(np.float64))

    is_core = np.zeros(len(points), dtype=bool)
    is_core[theirs.core_sample_indices_] = True
    assert np.array_equal(ours.core, is_core)
    assert np.array_equal(ours.labels == NOISE, theirs.labels_ == -1)
    assert partition(ours.labels, is_core) == partition(theirs.labels_, is_core)
    for border in np.flatnonzero(~is_core & (ours.labels != NOISE)):
        centres = np.flatnonzero(is_core & (distances[border] <= eps))
        assert ours.labels[border] == ours.labels[centres[np.argmin(distances[border, centres])]]


@given(points=embeddings(), min_samples=st.integers(2, 4), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=examples(60), deadline=None)
def test_an_answer_on_the_limit_does_not_depend_on_the_order(points: np.ndarray, min_samples: int, seed: int) -> None:
    distances = exact_distances(points)
    eps = float(np.random.default_rng(seed).choice(distances.ravel()))  # some pair lies exactly on it
    assume(0.0 < eps < 1.0)
    order = np.random.default_rng(seed).permutation(len(points))
    one = dbscan(points, eps=eps, min_samples=min_samples)
    other = dbscan(points[order], eps=eps, min_samples=min_samples)
    assert np.array_equal(one.core[order], other.core)
    assert partition(one.labels[order], other.core) == partition(other.labels, other.core)


@pytest.mark.slow
def test_thousands_of_copies_take_little_memory_and_are_one_cluster() -> None:
    points = np.repeat(normalised(np.ones((1, 8))), 3000, axis=0)
    found = dbscan(points, eps=0.4, min_samples=2)
    assert (found.labels == 0).all()
    assert found.core.all()


def test_zeros_and_nan_belong_to_nothing() -> None:
    points = np.array([[1, 0], [1, 0], [0, 0], [np.nan, 1], [np.inf, 0], [1, 0]], dtype=np.float32)
    found = dbscan(points, eps=0.4, min_samples=2)
    assert found.labels.tolist() == [0, 0, NOISE, NOISE, NOISE, 0]
    assert found.core.tolist() == [True, True, False, False, False, True]


def test_no_faces_make_no_clusters() -> None:
    assert len(dbscan(np.empty((0, 128), np.float32), eps=0.4, min_samples=2).labels) == 0
    nothing = np.empty(0, np.int64)
    assert len(separate_same_photo(nothing, np.empty((0, 8), np.float32), nothing, min_samples=2)) == 0


@pytest.mark.slow
@given(
    points=embeddings(),
    eps=st.floats(0.05, 0.9),
    min_samples=st.integers(2, 3),
    photos=st.lists(st.integers(0, 25), min_size=60, max_size=60),
    budget=st.sampled_from([3, 50, 2_000_000]),
)
@settings(max_examples=examples(150), deadline=None)
def test_nobody_is_twice_in_one_photo(
    points: np.ndarray, eps: float, min_samples: int, photos: list[int], budget: int
) -> None:
    photo_ids = np.array(photos[: len(points)], dtype=np.int64)
    before = dbscan(points, eps=eps, min_samples=min_samples).labels
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trees, "PAIR_BUDGET", budget)
        after = separate_same_photo(before, points, photo_ids, min_samples=min_samples)

    groups = {label: np.flatnonzero(after == label) for label in set(after.tolist()) - {NOISE}}
    for rows in groups.values():
        assert len(set(photo_ids[rows].tolist())) == len(rows)
        assert len(set(before[rows].tolist())) == 1, "a group comes from one cluster"
        assert len(rows) >= min_samples
    for label in set(before.tolist()) - {NOISE}:
        rows = np.flatnonzero(before == label)
        if len(set(photo_ids[rows].tolist())) == len(rows):
            assert len(set(after[rows].tolist())) == 1, "a cluster without conflict is not touched"
            assert len(rows) == len(groups[after[rows[0]]])
    assert (after[before == NOISE] == NOISE).all()


def test_two_people_linked_by_one_blurred_face_come_apart() -> None:
    def at(degrees: float) -> list[float]:
        return [float(np.cos(np.radians(degrees))), float(np.sin(np.radians(degrees)))]

    # Anna around 0 degrees, Tom around 60; photo 3 shows both, and a blurred face at 32.5 degrees links them.
    points = np.array([at(d) for d in (0, 4, 8, 32.5, 58, 62, 66)], dtype=np.float32)
    photo_ids = np.array([1, 2, 3, 4, 3, 5, 6])
    eps = 1 - float(np.cos(np.radians(26)))
    labels = dbscan(points, eps=eps, min_samples=2).labels
    assert labels.tolist() == [0] * 7
    separated = separate_same_photo(labels, points, photo_ids, min_samples=2)
    assert separated.tolist() == [0, 0, 0, 0, 1, 1, 1]


def test_labels_count_up_in_the_order_of_first_rows() -> None:
    assert pairs.in_order(np.array([7, NOISE, 2, 7, 2, 9])).tolist() == [0, NOISE, 1, 0, 1, 2]
