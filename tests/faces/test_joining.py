"""Fair faces know the good faces near them: after any sequence as from nothing, and what becomes of them then."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faces.clustering import NOISE, Joining
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
