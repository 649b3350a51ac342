"""Fair faces know the good faces near them: after any sequence as from nothing, and what becomes of them then."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faces.clustering import NOISE, Joining
from faces.clustering.constraints import units
from faces.clustering.joining import CHOICES
from tests.thorough import examples

EPS = 0.4
NOTHING = np.empty(0, dtype=np.int64)
# A circle of few places, so that there are many equals and more good faces near a fair one than it keeps.
PLACES = [0, 0, 0, 10, 20, 30, 53, 53.2, 90, 180]
faces = st.dictionaries(st.integers(0, 29), st.sampled_from(PLACES), max_size=24)


def points(degrees: list[float]) -> np.ndarray:
    radians = np.radians(np.array(degrees, dtype=np.float64))
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32).reshape(-1, 2)


def follow(joining: Joining, before: dict[int, tuple[bool, float]], now: dict[int, tuple[bool, float]]) -> None:
    """Brings the fair faces up to date with what is there now: whether each face is good, and where it is."""

    def part(state: dict[int, tuple[bool, float]], is_good: bool) -> dict[int, float]:
        return {face: place for face, (good, place) in sorted(state.items()) if good == is_good}

    def changed(one: dict[int, float], other: dict[int, float]) -> list[int]:
        return [face for face in one if other.get(face) != one[face]]

    good_before, good = part(before, True), part(now, True)
    fair_before, fair = part(before, False), part(now, False)
    new = changed(fair, fair_before)
    ids = np.array(list(good), dtype=np.int64)
    joining.update(
        gone=np.array(changed(fair_before, fair), dtype=np.int64),
        new_ids=np.array(new, dtype=np.int64),
        new=points([fair[face] for face in new]),
        good=ids,
        points=points(list(good.values())),
        lost=np.array(changed(good_before, good), dtype=np.int64),
        came=np.isin(ids, changed(good, good_before)),
    )


@pytest.mark.slow
@settings(max_examples=examples(300), deadline=None)
@given(st.lists(st.dictionaries(st.integers(0, 29), st.tuples(st.booleans(), st.sampled_from(PLACES))), max_size=5))
def test_after_any_changes_the_same_is_near_as_from_nothing(steps: list[dict[int, tuple[bool, float]]]) -> None:
    joining, before = Joining(2, eps=EPS), dict[int, tuple[bool, float]]()
    for now in steps:
        follow(joining, before, now)
        joining = Joining.restored({name: array.copy() for name, array in joining.arrays().items()}, eps=EPS)
        anew = Joining(2, eps=EPS)
        follow(anew, {}, now)
        for name, array in anew.arrays().items():
            np.testing.assert_array_equal(joining.arrays()[name], array, err_msg=name)
        before = now


def test_the_nearest_are_kept_and_equals_go_by_id() -> None:
    joining = Joining(2, eps=EPS)
    good = dict.fromkeys(range(2 * CHOICES), (True, 10.0)) | {50: (True, 2.0)}
    follow(joining, {}, good | {99: (False, 0.0)})
    assert joining.nearest.tolist() == [[50, *range(CHOICES - 1)]]


def test_who_is_always_one_person_with_a_face_of_a_group_joins_it_wherever_it_is() -> None:
    joining = Joining(2, eps=EPS)
    follow(joining, {}, {1: (True, 0.0), 2: (True, 5.0), 3: (False, 170.0), 4: (False, 4.0)})
    known = {"good": np.array([1, 2]), "labels": np.array([7, 7]), "good_photos": np.array([10, 20])}
    photos = np.array([10, 30])
    assert joining.join(photos, **known).tolist() == [NOISE, 7]
    assert joining.join(photos, **known, always=np.array([[1, 3]])).tolist() == [7, 7], "even in one photo"
    both = {"always": np.array([[1, 3]]), "never": np.array([[2, 3]])}
    assert joining.join(photos, **known, **both).tolist() == [NOISE, 7], "never wins"


def test_what_does_not_belong_together_is_not_restored() -> None:
    joining = Joining(2, eps=EPS)
    follow(joining, {}, {1: (True, 0.0), 4: (False, 4.0)})
    with pytest.raises(ValueError, match="another length"):
        Joining.restored(joining.arrays() | {"nearest": NOTHING}, eps=EPS)
    with pytest.raises(KeyError):
        Joining.restored({"embeddings": joining.embeddings}, eps=EPS)


def plain_join(
    joining: Joining, photos: np.ndarray, good: dict[int, tuple[int, int]], never: np.ndarray, always: np.ndarray
) -> list[int]:
    """`Joining.join` pair by pair; `good` has the group and the photo of each good face."""
    row_of = {int(face): row for row, face in enumerate(joining.ids)}
    shown = {(group, photo) for group, photo in good.values() if group != NOISE}
    group_of = {face: group for face, (group, _) in good.items()}
    result = [NOISE] * len(row_of)
    partners: dict[int, set[int]] = {}
    for one, other in never.tolist():
        partners.setdefault(one, set()).add(other)
        partners.setdefault(other, set()).add(one)

    def take(face: int, group: int, *, anyway: bool) -> None:
        row = row_of[face]
        is_beside = (group, int(photos[row])) in shown and not anyway
        if result[row] == NOISE and not is_beside and all(group_of.get(it) != group for it in partners.get(face, ())):
            result[row] = group_of[face] = group
            shown.add((group, int(photos[row])))

    unit_of = units(always, never)
    unit_group: dict[int, int] = {}
    for face, (group, _) in good.items():
        if face in unit_of and group != NOISE:
            unit_group.setdefault(unit_of[face], group)
    for face in row_of:
        if face in unit_of and unit_of[face] in unit_group:
            take(face, unit_group[unit_of[face]], anyway=True)
    pairs = [
        (-similarity, face, int(near), good[int(near)][0])
        for face, row in row_of.items()
        for near, similarity in zip(joining.nearest[row], joining.similarity[row], strict=True)
        if near != NOISE
    ]
    for _, face, _, group in sorted(pairs):
        if group != NOISE:
            take(face, group, anyway=False)
    return result


@settings(max_examples=examples(100), deadline=None)
@given(
    now=st.dictionaries(st.integers(0, 29), st.tuples(st.booleans(), st.sampled_from(PLACES)), min_size=1),
    seed=st.integers(0, 2**32 - 1),
    photos=st.integers(1, 12),
    groups=st.integers(0, 3),
    pairs=st.lists(st.tuples(st.booleans(), st.integers(0, 29), st.integers(0, 29)), max_size=8),
)
def test_who_joins_at_once_is_who_would_one_by_one(
    now: dict[int, tuple[bool, float]], seed: int, photos: int, groups: int, pairs: list[tuple[bool, int, int]]
) -> None:
    joining = Joining(2, eps=EPS)
    follow(joining, {}, now)
    random = np.random.default_rng(seed)
    good = {
        face: (int(random.integers(NOISE, groups)), int(random.integers(photos)))
        for face in sorted(now)
        if now[face][0]
    }
    fair_photos = random.integers(0, photos, len(joining.ids))
    never, always = (
        np.array(sorted({(min(pair), max(pair)) for it, *pair in pairs if it == is_same and pair[0] != pair[1]}))
        .astype(np.int64)
        .reshape(-1, 2)
        for is_same in (False, True)
    )
    found = joining.join(
        fair_photos,
        good=np.array(list(good), dtype=np.int64),
        labels=np.array([group for group, _ in good.values()], dtype=np.int64),
        good_photos=np.array([photo for _, photo in good.values()], dtype=np.int64),
        never=never,
        always=always,
    )
    assert found.tolist() == plain_join(joining, fair_photos, good, never, always)
