"""Which group keeps which id."""

from __future__ import annotations

import numpy as np

from faces.clustering import NOISE
from faces.continuity import carry_over


def kept(before: list[int], labels: list[int]) -> list[int]:
    return carry_over(np.array(before, dtype=np.int64), np.array(labels, dtype=np.int64)).tolist()


def test_a_group_keeps_the_id_most_of_its_faces_had() -> None:
    assert kept([7, 7, 9, NOISE, 9, 9], [0, 0, 0, 0, 1, 1]) == [7, 9]


def test_when_a_group_splits_the_larger_part_keeps_the_id() -> None:
    assert kept([7, 7, 7, 7, 7], [0, 0, 1, 1, 1]) == [NOISE, 7]


def test_among_equals_the_older_id_and_then_the_first_group_win() -> None:
    assert kept([9, 7, 7, 9], [0, 0, 0, 0]) == [7]
    assert kept([7, 7, 7, 7], [0, 0, 1, 1]) == [7, NOISE]


def test_a_group_that_loses_its_first_choice_takes_the_next() -> None:
    assert kept([7, 7, 7, 7, 7, 8], [0, 0, 0, 1, 1, 1]) == [7, 8]


def test_nothing_is_carried_from_nothing() -> None:
    assert kept([], []) == []
    assert kept([NOISE, NOISE], [0, 0]) == [NOISE]
    assert kept([5, 5], [NOISE, NOISE]) == []
