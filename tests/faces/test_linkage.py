"""Groups that are put together because they are alike on the whole."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from faces.clustering import NOISE, dbscan, link_groups
from faces.clustering.pairs import ONE, whole
from tests.faces.test_clustering import embeddings, normalised, partition
from tests.thorough import examples


def by_definition(labels: np.ndarray, points: np.ndarray, photos: np.ndarray, limit: float) -> set[frozenset[int]]:
    """Average linkage, from all pairs of faces, looked at anew for every step."""
    wide = whole(points).astype(np.float64) / ONE
    similar = wide @ wide.T
    groups = [[row] for row in np.flatnonzero(labels == NOISE).tolist()]
    groups += [np.flatnonzero(labels == label).tolist() for label in sorted(set(labels.tolist()) - {NOISE})]
    while True:
        best = None
        groups.sort()
        for one, other in itertools.combinations(groups, 2):
            mean = similar[np.ix_(one, other)].mean()
            if mean >= 1 - limit and not set(photos[one]) & set(photos[other]) and (best is None or mean > best[0]):
                best = (mean, one, other)
        if best is None:
            return {frozenset(group) for group in groups if len(group) > 1 or labels[group[0]] != NOISE}
        groups.remove(best[1])
        groups.remove(best[2])
        groups.append(best[1] + best[2])


@given(
    points=embeddings(), limit=st.floats(0.05, 0.95), eps=st.floats(0.01, 0.3), photos=st.integers(1, 60),
    seed=st.integers(0, 2**32 - 1),
)  # fmt: skip
@settings(max_examples=examples(150), deadline=None)
def test_it_is_average_linkage(points: np.ndarray, limit: float, eps: float, photos: int, seed: int) -> None:
    photo_ids = np.random.default_rng(seed).integers(0, photos, len(points))
    labels = dbscan(points, eps=eps, min_samples=2).labels
    found = link_groups(labels, points, photo_ids, limit=limit)
    expected = by_definition(labels, points, photo_ids, limit)
    assert partition(found, found != NOISE) == expected


@given(points=embeddings(), limit=st.floats(0.05, 0.95), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=examples(50), deadline=None)
def test_what_is_linked_is_in_one_photo_once_and_no_group_falls_apart(
    points: np.ndarray, limit: float, seed: int
) -> None:
    photo_ids = np.random.default_rng(seed).integers(0, 8, len(points))
    lone = np.full(len(points), NOISE, dtype=np.int64)
    found = link_groups(lone, points, photo_ids, limit=limit)
    for label in set(found.tolist()) - {NOISE}:
        own = photo_ids[found == label]
        assert len(set(own.tolist())) == len(own)
    again = link_groups(found, points, np.arange(len(points)), limit=0.0)
    for label in set(found.tolist()) - {NOISE}:
        assert len(set(again[found == label].tolist())) == 1


def test_one_bridge_between_two_people_is_outvoted() -> None:
    random = np.random.default_rng(3)
    centres = np.eye(16)[:2]
    points = normalised(np.repeat(centres, 10, axis=0) + random.normal(size=(20, 16)) * 0.08)
    bridge = normalised((points[0] + points[10])[None])
    points = np.concatenate([points, bridge]).astype(np.float32)
    chained = dbscan(points, eps=0.35, min_samples=2).labels
    assert len(set(chained.tolist())) == 1
    seeds = dbscan(points, eps=0.2, min_samples=2).labels
    linked = link_groups(seeds, points, np.arange(21), limit=0.5)
    assert len(set(linked[:10].tolist())) == 1
    assert len(set(linked[10:20].tolist())) == 1
    assert linked[0] != linked[10]


def test_rows_that_are_no_embeddings_are_in_no_group() -> None:
    points = np.array([[1, 0], [np.nan, 0], [1, 0], [0, 0], [3, 0]], dtype=np.float32)
    found = link_groups(np.full(5, NOISE, dtype=np.int64), points, np.arange(5), limit=0.5)
    assert found.tolist() == [0, NOISE, 0, NOISE, NOISE]
    assert link_groups(np.empty(0, np.int64), np.empty((0, 2), np.float32), np.empty(0, np.int64), limit=0.5).size == 0
