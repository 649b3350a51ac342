"""Groups while faces come, go, are embedded anew and decided about: after any sequence those of a run from nothing."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from faces.clustering import (
    NOISE,
    DynamicGroups,
    NewFaces,
    constraints,
    dbscan,
    groups,
    link_groups,
    separate_same_photo,
)
from faces.clustering.constraints import rows_of, units
from tests.faces.test_clustering import normalised

Pairs: TypeAlias = set[tuple[int, int]] | frozenset[tuple[int, int]]
NOBODY = np.empty(0, dtype=np.int64)


def as_pairs(pairs: Pairs) -> np.ndarray:
    return np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)


def partition(ids: np.ndarray, labels: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(ids[labels == label].tolist()) for label in set(labels.tolist()) - {NOISE}}


class Decisions(RuleBasedStateMachine):
    """Any sequence of what can happen to faces, on a sphere so small that everything is near everything; with faces in
    few photos, pairs that contradict each other, embeddings that are none, and a state that is put away and taken up
    again."""

    @initialize(seed=st.integers(0, 2**32 - 1), data=st.data())
    def begin(self, seed: int, data: st.DataObject) -> None:
        self.random = np.random.default_rng(seed)
        self.dimensions = data.draw(st.integers(2, 5))
        self.rules: dict[str, Any] = {
            "eps": data.draw(st.sampled_from([0.02, 0.05, 0.1, 0.2, 0.4])),
            "min_samples": data.draw(st.integers(1, 3)),
            "link_distance": data.draw(st.sampled_from([0.05, 0.2, 0.5, 0.8])),
        }
        groups._FEW_FACES = data.draw(st.sampled_from([0, 64]))
        self.centres = self.random.normal(size=(4, self.dimensions))
        self.spread = data.draw(st.sampled_from([0.0, 0.1, 0.3, 0.6]))
        self.photos = data.draw(st.integers(1, 15))
        self.points: dict[int, np.ndarray] = {}
        self.photo: dict[int, int] = {}
        self.never: set[tuple[int, int]] = set()
        self.always: set[tuple[int, int]] = set()
        self.following = 0
        self.kept = DynamicGroups(self.dimensions, **self.rules)
        self.insert(data.draw(st.integers(0, 40)))

    def teardown(self) -> None:
        groups._FEW_FACES = 64

    def a_point(self) -> np.ndarray:
        if self.random.random() < 0.05:
            return np.zeros(self.dimensions, dtype=np.float32)
        centre = self.centres[self.random.integers(4)]
        return normalised((centre + self.spread * self.random.normal(size=self.dimensions))[None])[0]

    def some(self, most: int) -> list[int]:
        count = min(len(self.points), int(self.random.integers(1, most + 1)))
        return self.random.choice(sorted(self.points), count, replace=False).tolist()

    def follow(self, followed: DynamicGroups, *, gone: list[int], new: list[int]) -> None:
        ids = np.array(sorted(self.points), dtype=np.int64)
        followed.update(
            gone=np.array(gone, dtype=np.int64),
            new=NewFaces(
                np.array(new, dtype=np.int64),
                np.array([self.points[face] for face in new], dtype=np.float32).reshape(-1, self.dimensions),
            ),
            ids=ids,
            photo_ids=np.array([self.photo[face] for face in ids.tolist()], dtype=np.int64),
            never=as_pairs(self.never),
            always=as_pairs(self.always),
        )

    @rule(count=st.integers(1, 8))
    def insert(self, count: int) -> None:
        new = list(range(self.following, self.following + count))
        self.following += count
        for face in new:
            self.points[face], self.photo[face] = self.a_point(), int(self.random.integers(self.photos))
        self.follow(self.kept, gone=[], new=new)

    @precondition(lambda self: self.points)
    @rule()
    def delete(self) -> None:
        gone = self.some(8)
        for face in gone:
            del self.points[face], self.photo[face]
        self.follow(self.kept, gone=gone, new=[])

    @precondition(lambda self: self.points)
    @rule()
    def embed_anew(self) -> None:
        faces = self.some(3)
        self.points |= {face: self.a_point() for face in faces}
        self.follow(self.kept, gone=faces, new=faces)

    @precondition(lambda self: self.points)
    @rule()
    def be_in_another_photo(self) -> None:
        self.photo |= {face: int(self.random.integers(self.photos)) for face in self.some(3)}
        self.follow(self.kept, gone=[], new=[])

    @precondition(lambda self: self.following > 1)
    @rule(is_same=st.booleans())
    def decide(self, is_same: bool) -> None:
        """Also about faces that are gone, and what was decided is taken back as well."""
        one, other = sorted(self.random.choice(self.following, 2, replace=False).tolist())
        chosen, rest = (self.always, self.never) if is_same else (self.never, self.always)
        chosen ^= {(one, other)}
        rest -= {(one, other)}
        self.follow(self.kept, gone=[], new=[])

    @rule()
    def put_away_and_take_up(self) -> None:
        self.kept = DynamicGroups.restored({name: it.copy() for name, it in self.kept.arrays().items()}, **self.rules)

    @invariant()
    def is_what_a_run_from_nothing_gives(self) -> None:
        if not hasattr(self, "kept"):
            return
        fresh = DynamicGroups(self.dimensions, **self.rules)
        self.follow(fresh, gone=[], new=sorted(self.points))
        ids = self.kept.ids()
        assert ids.tolist() == sorted(self.points)
        found = partition(ids, self.kept.labels(ids))
        assert found == partition(ids, fresh.labels(ids))
        assert found == partition(ids, self.step_by_step(ids))
        self.assert_decisions_stand(found)

    def step_by_step(self, ids: np.ndarray) -> np.ndarray:
        points = np.array([self.points[face] for face in ids.tolist()], dtype=np.float32).reshape(-1, self.dimensions)
        photo_ids = np.array([self.photo[face] for face in ids.tolist()], dtype=np.int64)
        # As rows: a unit that faces hold together who are gone is held by those that are left.
        unit_of = units(as_pairs(self.always), as_pairs(self.never))
        there = {face for face in unit_of if face in self.points}
        held = {
            (min(there & same), face) for face in there for same in [{f for f in there if unit_of[f] == unit_of[face]}]
        }
        pairs = {
            "never": rows_of(as_pairs(self.never), ids),
            "always": rows_of(as_pairs({(one, other) for one, other in held if one != other}), ids),
        }
        labels = dbscan(points, eps=self.rules["eps"], min_samples=self.rules["min_samples"]).labels
        labels = separate_same_photo(labels, points, photo_ids, min_samples=self.rules["min_samples"], **pairs)
        labels = link_groups(labels, points, photo_ids, limit=self.rules["link_distance"], **pairs)
        sizes = np.bincount(labels[labels != NOISE], minlength=1)
        return np.where((sizes[labels] < 2) & (self.rules["min_samples"] > 1), NOISE, labels)

    def assert_decisions_stand(self, found: set[frozenset[int]]) -> None:
        unit_of = units(as_pairs(self.always), as_pairs(self.never))
        unit = {face: unit_of.get(face, face) for face in self.points}
        for group in found:
            shown = {(self.photo[face], unit[face]) for face in group}
            assert len({photo for photo, _ in shown}) == len(shown), "nobody is twice in one photo"
        for one, other in self.never:
            assert not any({one, other} <= group for group in found)
        group_of = {face: group for group in found for face in group}
        for face in self.points:
            if self.points[face].any() and self.points.get(unit[face], np.zeros(1)).any():
                assert unit[face] in group_of.get(face, {face})


class Quickly(Decisions):
    pass


Quickly.TestCase.settings = settings(max_examples=5, stateful_step_count=6, deadline=None)
TestQuickly = Quickly.TestCase

Decisions.TestCase.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
TestDecisions = pytest.mark.slow(Decisions.TestCase)


def line(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def grouped(
    points: np.ndarray, photos: list[int], *, never: Pairs = frozenset(), always: Pairs = frozenset()
) -> list[int]:
    ids = np.arange(len(points), dtype=np.int64)
    made = DynamicGroups(points.shape[1], eps=0.002, min_samples=2, link_distance=0.002)
    made.update(
        gone=NOBODY,
        new=NewFaces(ids, points),
        ids=ids,
        photo_ids=np.array(photos, dtype=np.int64),
        never=as_pairs(never),
        always=as_pairs(always),
    )
    return made.labels(ids).tolist()


def test_never_parts_what_is_alike_and_always_joins_what_is_not() -> None:
    points = line(0, 1, 2, 90)
    assert grouped(points, [1, 2, 3, 4]) == [0, 0, 0, NOISE]
    parted = grouped(points, [1, 2, 3, 4], never={(0, 2)})
    assert parted[0] != parted[2]
    assert grouped(points, [1, 2, 3, 4], always={(2, 3)}) == [0, 0, 0, 0]


def test_always_holds_in_one_photo_too_and_only_for_those_faces() -> None:
    points = line(0, 1, 2)
    assert len(set(grouped(points, [1, 1, 2]))) == 2
    assert grouped(points, [1, 1, 2], always={(0, 1)}) == [0, 0, 0]
    assert grouped(points, [1, 1, 1], always={(0, 1)}) == [0, 0, NOISE]


def test_never_wins_over_always() -> None:
    points = line(0, 90, 45)
    assert grouped(points, [1, 2, 3], always={(0, 1), (1, 2)}) == [0, 0, 0]
    assert grouped(points, [1, 2, 3], always={(0, 1), (1, 2)}, never={(0, 2)}) == [0, 0, NOISE]


def test_faces_that_must_be_together_leave_groups_that_cannot_be() -> None:
    # Two groups with a face each in photo 9; one of each is said to be the same person.
    points = line(0, 1, 90, 91)
    assert grouped(points, [1, 9, 2, 9]) == [0, 0, 2, 2]
    found = grouped(points, [1, 9, 2, 9], always={(0, 2)})
    assert found[0] == found[2] != NOISE
    assert found[1] == found[3] == NOISE


def test_a_photo_with_300_faces_holds_everybody_once() -> None:
    random = np.random.default_rng(5)
    points = normalised(random.normal(size=(1, 8)) + 0.05 * random.normal(size=(600, 8)))
    found = np.array(grouped(points, [0] * 300 + list(range(1, 301))))
    for label in set(found.tolist()) - {NOISE}:
        assert (found[:300] == label).sum() <= 1


@pytest.mark.slow
def test_thousands_of_copies_come_at_once_or_one_by_one() -> None:
    copies = np.repeat(line(30), 5000, axis=0)
    photos = list(range(5000))
    assert set(grouped(copies, photos)) == {0}
    assert len(set(grouped(copies, [0, 0, *photos[2:]]))) == 2
    made = DynamicGroups(2, eps=0.1, min_samples=2, link_distance=0.2)
    for start in range(0, 5000, 100):
        ids = np.arange(start + 100, dtype=np.int64)
        new = NewFaces(ids[start:], copies[start : start + 100])
        made.update(gone=NOBODY, new=new, ids=ids, photo_ids=np.maximum(ids - 1, 0))
    found = made.labels(np.arange(5000))
    assert sorted(np.unique(found, return_counts=True)[1].tolist()) == [1, 4999]


def test_units_are_named_by_their_lowest_face() -> None:
    always = as_pairs({(3, 9), (9, 12), (1, 2)})
    assert units(always, constraints.NO_PAIRS) == {3: 3, 9: 3, 12: 3, 1: 1, 2: 1}


def test_faces_that_do_not_belong_together_are_refused() -> None:
    made = DynamicGroups(2, eps=0.1, min_samples=2, link_distance=0.2)
    with pytest.raises(ValueError, match="were said to be there"):
        made.update(gone=NOBODY, new=NewFaces(np.arange(2), line(0, 1)), ids=np.arange(1), photo_ids=np.arange(1))


def test_trees_of_other_faces_are_not_restored() -> None:
    rules = {"eps": 0.1, "min_samples": 2, "link_distance": 0.2}
    made = DynamicGroups(2, **rules)  # type: ignore[arg-type]
    ids = np.arange(3)
    made.update(gone=NOBODY, new=NewFaces(ids, line(0, 1, 2)), ids=ids, photo_ids=np.array([1, 1, 2]))
    with pytest.raises(ValueError, match="not there"):
        DynamicGroups.restored(made.arrays() | {"tree": np.array([[0, 7]])}, **rules)  # type: ignore[arg-type]
