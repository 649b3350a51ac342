"""What faces of less quality may do: join the group of the nearest good face, start none, and vouch for nobody."""

from __future__ import annotations

import numpy as np

from faces.clustering import NOISE
from faces.clustering.quality import CORE, JOIN, attach, may_join, may_start

GOOD, FAIR, BAD = CORE + 0.1, JOIN + 0.1, JOIN - 0.1


def at(*degrees: float) -> np.ndarray:
    """Unit vectors at so many degrees: float32 (n, 2). Within 0.4 of each other lie those up to 53 degrees apart."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def attached(labels: list[int], degrees: list[float], quality: list[float], photos: list[int] | None = None, **more):  # type: ignore[no-untyped-def]
    photo_ids = np.arange(len(labels)) if photos is None else np.array(photos)
    found = attach(np.array(labels), at(*degrees), photo_ids, np.array(quality), eps=0.4, **more)
    return found.tolist()


def test_a_fair_face_joins_the_group_of_the_nearest_good_face() -> None:
    labels = [0, 0, 1, 1, NOISE]
    assert attached(labels, [0, 10, 80, 90, 50], [GOOD, GOOD, GOOD, GOOD, FAIR])[-1] == 1
    assert attached(labels, [0, 10, 80, 90, 40], [GOOD, GOOD, GOOD, GOOD, FAIR])[-1] == 0


def test_a_bad_face_a_far_one_and_none_at_all_stay_alone() -> None:
    assert attached([0, 0, NOISE], [0, 10, 5], [GOOD, GOOD, BAD]) == [0, 0, NOISE]
    assert attached([0, 0, NOISE], [0, 10, 80], [GOOD, GOOD, FAIR]) == [0, 0, NOISE]
    points = np.concatenate([at(0, 10), np.full((1, 2), np.nan, np.float32)])
    found = attach(np.array([0, 0, NOISE]), points, np.arange(3), np.array([GOOD, GOOD, FAIR]), eps=0.4)
    assert found.tolist() == [0, 0, NOISE]


def test_fair_faces_start_nothing_together_and_pull_nobody_in() -> None:
    assert attached([NOISE, NOISE], [0, 1], [FAIR, FAIR]) == [NOISE, NOISE]
    assert attached([NOISE, NOISE], [0, 1], [GOOD, FAIR]) == [NOISE, NOISE]
    # The second fair face is near the first, which joined, but near no good one.
    assert attached([0, 0, NOISE, NOISE], [0, 10, 50, 95], [GOOD, GOOD, FAIR, FAIR]) == [0, 0, 0, NOISE]


def test_nobody_is_twice_in_a_photo() -> None:
    labels, quality = [0, 0, 1, 1, NOISE, NOISE], [GOOD] * 4 + [FAIR] * 2
    # Two fair faces of photo 7: the nearer one joins group 0, the other the next group within reach.
    assert attached(labels, [0, 10, 70, 80, 15, 25], quality, [1, 2, 3, 4, 7, 7])[4:] == [0, 1]
    # A good face of that photo is in the group already.
    assert attached(labels, [0, 10, 70, 80, 15, 60], quality, [7, 2, 3, 4, 7, 8])[4:] == [NOISE, 1]


def test_never_these_two_is_obeyed() -> None:
    labels, quality = [0, 0, NOISE, NOISE], [GOOD, GOOD, FAIR, FAIR]
    never = np.array([[1, 2]])
    assert attached(labels, [0, 10, 12, 14], quality, never=never) == [0, 0, NOISE, 0]
    # Nor do two that are never to be together both join.
    assert attached(labels, [0, 10, 12, 14], quality, never=np.array([[2, 3]])) == [0, 0, 0, NOISE]


def test_equals_go_by_row_() -> None:
    assert attached([0, 0, 1, 1, NOISE], [0, 0, 60, 60, 30], [GOOD] * 4 + [FAIR])[-1] == 0
    rng = np.random.default_rng(0)
    points = rng.normal(size=(700, 8))
    points = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
    quality, photos = rng.choice([GOOD, FAIR], 700), rng.integers(0, 250, 700)
    labels = np.where(quality == GOOD, rng.integers(0, 40, 700), NOISE)
    whole = attach(labels, points, photos, quality, eps=0.5)
    assert (whole != NOISE).sum() > (labels != NOISE).sum()


def test_who_may_what() -> None:
    points = np.concatenate([at(0, 0, 0), np.zeros((1, 2), np.float32)])
    quality = np.array([GOOD, FAIR, BAD, GOOD])
    assert may_start(points, quality).tolist() == [True, False, False, False]
    assert may_join(points, quality).tolist() == [True, True, False, False]
