"""Which person a face is given to."""

from __future__ import annotations

from typing import Any

import numpy as np

from faces.matching import CHOICES, NOBODY, assign

ANNA, TOM = 7, 3


def at(*degrees: float) -> np.ndarray:
    """Directions of a circle, float32 (n, 2)."""
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def given(faces: np.ndarray, photos: list[int], **changes: Any) -> list[int]:
    arguments: dict[str, Any] = {
        "confirmed": at(0, 50, 5),
        "confirmed_people": np.array([ANNA, TOM, ANNA]),
        "taken": [],
        "refused": [],
        "match_distance": 1 - float(np.cos(np.radians(30))),
    }
    return assign(faces, np.array(photos), **{**arguments, **changes}).tolist()


def test_a_face_goes_to_the_person_with_the_nearest_confirmed_face() -> None:
    assert given(at(10, 40, 28, 130), [1, 2, 3, 4]) == [ANNA, TOM, TOM, NOBODY]


def test_a_refused_person_is_never_chosen() -> None:
    assert given(at(10, 24), [1, 2], refused=[(0, ANNA), (1, ANNA), (1, 99)]) == [NOBODY, TOM]


def test_of_two_faces_in_a_photo_the_nearer_one_wins() -> None:
    assert given(at(12, 7), [1, 1]) == [NOBODY, ANNA]
    assert given(at(12), [1], taken=[(1, ANNA)]) == [NOBODY]


def test_a_face_that_lost_its_best_person_may_be_the_second_best() -> None:
    assert given(at(24, 6), [1, 1]) == [TOM, ANNA]


def test_rows_that_are_no_embeddings_belong_to_nobody() -> None:
    faces = np.array([[0, 0], [np.nan, 1], [1, 0]], dtype=np.float32)
    assert given(faces, [1, 2, 3]) == [NOBODY, NOBODY, ANNA]


def test_without_confirmed_faces_or_without_faces_nobody_is_found() -> None:
    assert given(at(10), [1], confirmed=at()[:0], confirmed_people=np.array([], dtype=np.int64)) == [NOBODY]
    assert given(at()[:0], []) == []


def test_more_people_than_choices_still_give_the_nearest() -> None:
    people = np.arange(100, 100 + 3 * CHOICES)
    confirmed = at(*range(3 * CHOICES))
    assert given(at(2), [1], confirmed=confirmed, confirmed_people=people) == [102]
