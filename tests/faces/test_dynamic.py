"""Clusters while faces come and go: after any sequence, those of scikit-learn over what is left."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sklearn.cluster import DBSCAN

from faces.clustering import NOISE, Changes, DynamicDBSCAN, Event, dbscan, pairs
from tests.faces.test_clustering import normalised, partition
from tests.thorough import examples


def fresh_run(points: np.ndarray, eps: float, min_samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels and core points by scikit-learn, on exactly our distances; borders go to their nearest core neighbour,
    the first among equals."""
    # By similarity, as `dbscan` defines neighbours, so that no rounding of 1 - x decides.
    wide = np.nan_to_num(points).astype(np.float64)
    good = np.abs(np.linalg.norm(wide, axis=1) - 1) < 1e-3
    is_near = ((wide[:, None, :] * wide[None, :, :]).sum(axis=2) >= 1.0 - eps) & good & good[:, None]
    np.fill_diagonal(is_near, good)
    theirs = DBSCAN(eps=0.5, min_samples=min_samples, metric="precomputed").fit(np.where(is_near, 0.0, 1.0))
    core = np.zeros(len(points), dtype=bool)
    core[theirs.core_sample_indices_] = True
    core &= good
    labels = np.where(core, theirs.labels_, NOISE)
    for row in np.flatnonzero(~core & good):
        centres = np.flatnonzero(core & is_near[row])
        if len(centres):
            similar = (wide[row] * wide[centres]).sum(axis=1)
            labels[row] = labels[centres[np.argmax(similar)]]
    return labels, core


def assert_is_fresh(kept: DynamicDBSCAN, points: dict[int, np.ndarray]) -> None:
    ids, labels = kept.labels()
    assert ids.tolist() == sorted(points)
    if not points:
        return
    all_points = np.array([points[face_id] for face_id in ids.tolist()], dtype=np.float32)
    expected, core = fresh_run(all_points, kept.eps, kept.min_samples)
    assert np.array_equal(np.isin(ids, kept.core_ids()), core)
    everything = np.ones(len(ids), dtype=bool)
    assert partition(labels, labels != NOISE) == partition(expected, expected != NOISE)
    assert partition(labels, everything & (labels == NOISE)) == partition(expected, expected == NOISE)


class ComingAndGoing(RuleBasedStateMachine):
    """Any sequence of insertions and deletions, in batches, on a sphere so small that clusters chain, run together and
    fall apart; copies of one face, points that lie exactly on the limit, and rows that are no embeddings."""

    @initialize(seed=st.integers(0, 2**32 - 1), min_samples=st.integers(1, 5), data=st.data())
    def begin(self, seed: int, min_samples: int, data: st.DataObject) -> None:
        self.random = np.random.default_rng(seed)
        dimensions = data.draw(st.integers(2, 4))
        # A grid of directions: many pairs have the same distance, and some lie on the limit.
        grid = np.array(np.meshgrid(*[[-2.0, -1.0, 0.0, 1.0, 2.0]] * dimensions)).reshape(dimensions, -1).T
        self.directions = normalised(grid[np.abs(grid).sum(axis=1) > 0])
        wide = self.directions.astype(np.float64)
        limits = 1.0 - (wide[0] * wide[self.random.integers(0, len(wide), 4)]).sum(axis=1)
        candidates = [float(limit) for limit in limits if 0.005 < limit < 0.9] + [0.03, 0.1, 0.3]
        eps = data.draw(st.sampled_from(candidates))
        first = {face_id: self.a_point() for face_id in range(data.draw(st.integers(0, 30)))}
        ids = np.array(sorted(first, reverse=True), dtype=np.int64)
        embeddings = np.array([first[face_id] for face_id in ids], dtype=np.float32).reshape(-1, dimensions)
        self.kept = DynamicDBSCAN.build(ids, embeddings, eps=eps, min_samples=min_samples)
        self.points = first
        self.following = len(first)
        self.there = set(self.labels().values()) - {NOISE}

    def a_point(self) -> np.ndarray:
        kind = self.random.random()
        direction = self.directions[self.random.integers(0, len(self.directions))]
        if kind < 0.05:
            return np.full_like(direction, self.random.choice([0.0, np.nan, 3.0]))
        if kind < 0.5:
            return direction
        return normalised((direction + self.random.normal(size=len(direction)) * 0.1)[None])[0]

    def note(self, before: dict[int, int], changes: Changes) -> None:
        """What it says has changed is what has."""
        after = self.labels()
        moved = {face_id for face_id, label in after.items() if label != before.get(face_id, NOISE)}
        assert set(changes.moved.tolist()) == moved
        there = self.there
        for kind, cluster, other in changes.events:
            if kind == "created":
                assert cluster not in there
                there.add(cluster)
            elif kind == "split":
                assert cluster in there
                assert other not in there
                there.add(other)
            else:
                assert kind == "vanished" or other in there
                there.remove(cluster)
        assert there == set(after.values()) - {NOISE}

    def labels(self) -> dict[int, int]:
        return dict(zip(*(side.tolist() for side in self.kept.labels()), strict=True))

    @rule(count=st.integers(1, 6))
    def insert(self, count: int) -> None:
        new = {self.following + number: self.a_point() for number in range(count)}
        self.following += count
        before = self.labels()
        changes = self.kept.insert(list(new), np.array(list(new.values()), dtype=np.float32))
        self.points |= new
        self.note(before, changes)

    @precondition(lambda self: len(self.points) > 0)
    @rule(share=st.floats(0.01, 0.5))
    def delete(self, share: float) -> None:
        count = max(1, int(share * len(self.points)))
        gone = self.random.choice(sorted(self.points), count, replace=False)
        before = {face_id: label for face_id, label in self.labels().items() if face_id not in gone}
        changes = self.kept.delete(gone)
        for face_id in gone.tolist():
            del self.points[face_id]
        self.note(before, changes)

    @precondition(lambda self: len(self.points) > 0)
    @rule()
    def come_back(self) -> None:
        """A face that goes and comes again, under another id, changes nothing for the others."""
        face_id = int(self.random.choice(sorted(self.points)))
        before = {key: label for key, label in self.labels().items() if key != face_id}
        point = self.points.pop(face_id)
        self.note(before, self.kept.delete([face_id]))
        before = self.labels()
        self.points[self.following] = point
        self.note(before, self.kept.insert([self.following], point[None].astype(np.float32)))
        self.following += 1

    @invariant()
    def is_what_a_fresh_run_gives(self) -> None:
        if hasattr(self, "kept"):
            assert_is_fresh(self.kept, self.points)


ComingAndGoing.TestCase.settings = settings(max_examples=examples(60), stateful_step_count=12, deadline=None)
TestComingAndGoing = ComingAndGoing.TestCase


@pytest.mark.slow
@given(seed=st.integers(0, 2**32 - 1), step=st.sampled_from([1, 2, 64]), block=st.sampled_from([2, 1024]))
@settings(max_examples=examples(30), deadline=None)
def test_long_chains_are_walked_whatever_the_step(seed: int, step: int, block: int) -> None:
    random = np.random.default_rng(seed)
    angles = np.sort(random.uniform(0, 6, 90))
    points = normalised(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "BLOCK_ROWS", block)
        patch.setattr("faces.clustering.dynamic._STEP", step)
        kept = DynamicDBSCAN.build(np.arange(90), points, eps=0.01, min_samples=2)
        left = dict(enumerate(points))
        for face_id in random.permutation(90)[:60].tolist():
            kept.delete([face_id])
            del left[face_id]
            assert_is_fresh(kept, left)


def line(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


EPS = float(1 - np.cos(np.radians(1.5)))


def test_a_cluster_keeps_its_number_while_it_grows_and_shrinks() -> None:
    kept = DynamicDBSCAN(2, eps=EPS, min_samples=2)
    assert kept.insert([0, 1], line(0, 1)).events == (Event("created", 0),)
    grown = kept.insert([2, 3], line(2, 3))
    assert (grown.events, grown.moved.tolist()) == ((), [2, 3])
    shrunk = kept.delete([0])
    assert (shrunk.events, shrunk.moved.tolist()) == ((), [])
    assert kept.labels()[1].tolist() == [0, 0, 0]


def test_a_bridge_joins_the_smaller_to_the_greater_and_its_end_parts_them_again() -> None:
    kept = DynamicDBSCAN.build(np.arange(5), line(0, 1, 3, 4, 5), eps=EPS, min_samples=2)
    assert kept.labels()[1].tolist() == [0, 0, 1, 1, 1]
    joined = kept.insert([9], line(2))
    assert joined.events == (Event("merged", 0, 1),)
    assert joined.moved.tolist() == [0, 1, 9]
    parted = kept.delete([9])
    assert parted.events == (Event("split", 1, 2),)
    assert parted.moved.tolist() == [0, 1]
    assert kept.labels()[1].tolist() == [2, 2, 1, 1, 1]


def test_a_cluster_that_is_left_by_all_has_vanished_and_its_number_is_not_used_again() -> None:
    kept = DynamicDBSCAN.build(np.arange(2), line(0, 1), eps=EPS, min_samples=2)
    assert kept.delete([1]).events == (Event("vanished", 0),)
    assert kept.labels()[1].tolist() == [NOISE]
    assert kept.insert([5], line(0.5)).events == (Event("created", 1),)


def test_it_begins_as_a_fresh_run_ends() -> None:
    random = np.random.default_rng(4)
    centres = random.normal(size=(40, 16))
    points = normalised(np.repeat(centres, 20, axis=0) + random.normal(size=(800, 16)) * 0.35)
    kept = DynamicDBSCAN.build(np.arange(800), points, eps=0.2, min_samples=4)
    found = dbscan(points, eps=0.2, min_samples=4)
    assert found.labels.max() > 10
    assert np.array_equal(kept.labels()[1], found.labels)


@pytest.mark.parametrize(
    ("ids", "embeddings", "message"),
    [
        ([1], line(0), "there already"),
        ([7, 7], line(0, 1), "different"),
        ([-1], line(0), "not negative"),
        ([7], np.zeros((1, 3), dtype=np.float32), "2 numbers"),
        ([7, 8], line(0), "2 faces"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(ids: list[int], embeddings: np.ndarray, message: str) -> None:
    kept = DynamicDBSCAN.build(np.arange(2), line(0, 1), eps=EPS, min_samples=2)
    with pytest.raises(ValueError, match=message):
        kept.insert(ids, embeddings)
    with pytest.raises(KeyError):
        kept.delete([0, 99])
    assert kept.labels()[1].tolist() == [0, 0]


@pytest.mark.slow
def test_thousands_of_copies_of_one_face_come_and_go_in_little_memory() -> None:
    kept = DynamicDBSCAN.build(np.arange(10), line(*range(10)), eps=EPS, min_samples=3)
    copies = np.repeat(line(30), 5000, axis=0)
    tracemalloc.start()
    assert kept.insert(np.arange(100, 5100), copies).events == (Event("created", 1),)
    assert kept.delete(np.arange(100, 5098)).events == (Event("vanished", 1),)
    assert tracemalloc.get_traced_memory()[1] < 100_000_000
    tracemalloc.stop()
    assert len(kept) == 12
