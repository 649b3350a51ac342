"""Whether somebody may be two people: parts their faces into the two halves that differ most.

In plain Python, for a few hundred faces: pages use it, and the process that serves them does not load numpy.
`tests/faces/test_splitting.py` holds it to its time.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul
from typing import TypeAlias

# Rounds until the halves do not change any more: of 300 faces five or six.
MOST_ROUNDS = 20
# Rounds of power iteration: enough to start on the right side; the halves themselves are then found by k-means.
_POWER_ROUNDS = 12

Vector: TypeAlias = Sequence[float]


@dataclass(frozen=True, slots=True)
class Halves:
    """Places of the faces of either half, the larger first, and how far apart (cosine distance 0..2) they are."""

    large: tuple[int, ...]
    small: tuple[int, ...]
    distance: float


def vectors(embeddings: Sequence[bytes]) -> list[Vector | None]:
    """float32 bytes as numbers of length 1; None for what is no embedding (empty, zeros, NaN, another length)."""
    length = max((len(it) for it in embeddings), key=[len(it) for it in embeddings].count, default=0)
    found: list[Vector | None] = []
    for raw in embeddings:
        numbers = array("f", raw) if len(raw) == length and length % 4 == 0 else array("f")
        size = math.sqrt(_dot(numbers, numbers))
        found.append([number / size for number in numbers] if size and math.isfinite(size) else None)
    return found


def halve(embeddings: Sequence[bytes]) -> Halves | None:
    """The two halves of n faces (float32 (n, d) as bytes each), or None if fewer than two can be compared.

    k-means with two means (Lloyd 1982), from two beginnings: the sides of the direction in which the faces differ most
    (as in spectral relaxation, Zha et al. 2001), which finds two people of about equally many faces, and the face
    furthest from the mean, which finds the few that slipped in. Of the two results the one is taken whose means are
    further apart, weighted by the root of the smaller half: one odd picture says less than many. Faces that are no
    embeddings go to the larger half.
    """
    all_of_them = vectors(embeddings)
    known = [place for place, vector in enumerate(all_of_them) if vector is not None]
    points = [vector for vector in all_of_them if vector is not None]
    if len(points) < 2:
        return None
    mean = _mean(points)
    found = [_parted(points, start) for start in (_by_direction(points, mean), _by_furthest(points, mean))]
    best = max(filter(None, found), key=lambda it: it.distance * math.sqrt(len(it.small)), default=None)
    if best is None:
        return None
    rest = [place for place, vector in enumerate(all_of_them) if vector is None]
    large = sorted([*(known[at] for at in best.large), *rest])
    return Halves(tuple(large), tuple(known[at] for at in best.small), best.distance)


def _parted(points: Sequence[Vector], start: list[bool]) -> Halves | None:
    sides = _settle(points, start)
    ones = tuple(at for at, side in enumerate(sides) if side)
    others = tuple(at for at, side in enumerate(sides) if not side)
    if not ones or not others:
        return None
    first, second = _mean([points[at] for at in ones]), _mean([points[at] for at in others])
    large, small = sorted((ones, others), key=lambda half: (-len(half), half[0]))
    return Halves(large, small, 1.0 - _dot(first, second))


def _dot(one: Vector, other: Vector) -> float:
    return float(sum(map(mul, one, other)))


def _mean(points: Sequence[Vector]) -> Vector:
    """The direction of the mean, of length 1."""
    total = [sum(column) for column in zip(*points, strict=True)]
    size = math.sqrt(_dot(total, total)) or 1.0
    return [number / size for number in total]


def _by_direction(points: Sequence[Vector], mean: Vector) -> list[bool]:
    """On which side of the mean each point lies, along the direction of the largest variance (power iteration)."""
    apart = [[a - b for a, b in zip(point, mean, strict=True)] for point in points]
    way: Vector = max(apart, key=lambda it: _dot(it, it))
    for _ in range(_POWER_ROUNDS):
        shares = [_dot(row, way) for row in apart]
        way = [_dot(shares, column) for column in zip(*apart, strict=True)]
        size = math.sqrt(_dot(way, way))
        if not size:
            break
        way = [number / size for number in way]
    middle = sum(shares := [_dot(row, way) for row in apart]) / len(shares)
    return [share > middle for share in shares]


def _by_furthest(points: Sequence[Vector], mean: Vector) -> list[bool]:
    """Which points are nearer to the point furthest from the mean than to the mean."""
    furthest = min(points, key=lambda point: _dot(point, mean))
    return [_dot(point, furthest) > _dot(point, mean) for point in points]


def _settle(points: Sequence[Vector], sides: list[bool]) -> list[bool]:
    """Moves points to the nearer mean until none moves."""
    for _ in range(MOST_ROUNDS):
        ones = [point for point, side in zip(points, sides, strict=True) if side]
        others = [point for point, side in zip(points, sides, strict=True) if not side]
        if not ones or not others:
            break
        # Nearer to the one mean than to the other: one product with their difference instead of two.
        apart = [a - b for a, b in zip(_mean(ones), _mean(others), strict=True)]
        moved = [_dot(point, apart) > 0 for point in points]
        if moved == sides:
            break
        sides = moved
    return sides
