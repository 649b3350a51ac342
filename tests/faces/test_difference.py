"""What two runs over the same faces disagree about, by library."""

from __future__ import annotations

from typing import Any

import numpy as np

from faces.shadow.difference import NOBODY, Run, compare, keep_unseen


def rows(*numbers: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array(numbers, np.int64)


def difference(before: tuple[list[int], list[int]], after: tuple[list[int], list[int]]) -> dict[str, Any]:
    """Of faces 10, 11, 12 ...; those from the fourth on lie in library 2, and each is worse than the one before it."""
    count = len(before[0])
    ids, libraries = np.arange(10, 10 + count), np.where(np.arange(count) < 3, 1, 2)
    runs = [Run.of(rows(*people), rows(*groups)) for people, groups in (before, after)]
    return compare(ids, libraries, np.linspace(1, 0, count, dtype=np.float32), runs[0], runs[1])


def test_a_run_that_gives_the_same_has_no_difference() -> None:
    same = ([7, NOBODY, NOBODY, NOBODY], [NOBODY, 1, 1, 1])
    other_labels = (same[0], [3, 0, 0, 0])
    assert difference(same, other_labels) == {"people": {}, "groups": [], "same_groups": {"1,2": 1}}


def test_people_gain_and_lose_faces_and_keep_the_rest() -> None:
    found = difference(([7, 7, 8, 7], [-1] * 4), ([7, 8, NOBODY, 7], [-1] * 4))["people"]
    assert found == {
        "7": {"gains": {}, "losses": {"1": [11]}, "kept": {"1": 1, "2": 1}},
        "8": {"gains": {"1": [11]}, "losses": {"1": [12]}, "kept": {}},
    }


def test_groups_that_join_fall_apart_and_appear() -> None:
    nobody = [NOBODY] * 8
    found = difference((nobody, [1, 1, 2, 2, 3, 3, -1, -1]), (nobody, [0, 0, 0, 0, 1, 2, 3, 3]))
    assert found["same_groups"] == {}
    assert found["groups"] == [
        {"before": [{"1": [10, 11]}, {"1": [12], "2": [13]}], "after": [{"1": [10, 11, 12], "2": [13]}]},
        {"before": [{"2": [14, 15]}], "after": [{"2": [14]}, {"2": [15]}]},
        {"before": [], "after": [{"2": [16, 17]}]},
    ]


def test_a_group_whose_faces_found_somebody_is_gone() -> None:
    found = difference(([NOBODY] * 3, [1, 1, 1]), ([7, 7, 7], [0, 0, 0]))
    assert found["groups"] == [{"before": [{"1": [10, 11, 12]}], "after": []}]
    assert found["people"]["7"]["gains"] == {"1": [10, 11, 12]}


def test_what_another_model_could_not_look_at_takes_nothing_from_anybody() -> None:
    """Anna (7) has a confirmed face that was not seen, Tom (8) has one that was; the first faces are those two."""
    was = rows(7, 8, 7, 7, 7, 8, 8, NOBODY)
    now = rows(7, 8, NOBODY, 8, NOBODY, NOBODY, NOBODY, 7)
    seen = np.array([0, 1, 1, 1, 0, 1, 0, 1], bool)
    sure = np.array([1, 1, 0, 0, 0, 0, 0, 0], bool)
    assert keep_unseen(was, now, seen, sure).tolist() == [7, 8, 7, 8, 7, NOBODY, 8, 7]
