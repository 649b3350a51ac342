"""Whether somebody may be two people: parts their faces into the two halves that differ most.

What is known of pairs of faces holds: those that are two people are in different halves, those that are one in the
same. Such faces are tied together, and each knot goes to one side or the other as a whole (as the constraints of
k-means in Wagstaff et al. 2001, "Constrained K-means Clustering with Background Knowledge").

In plain Python, for a few hundred faces: `tests/faces/test_splitting.py` holds it to its time.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import mul
from typing import TypeAlias

# Rounds until the halves do not change any more: of 300 faces five or six.
MOST_ROUNDS = 20
# Rounds of power iteration: enough to start on the right side; the halves themselves are then found by k-means.
_POWER_ROUNDS = 12

Vector: TypeAlias = Sequence[float]
Pair: TypeAlias = tuple[int, int]
# Faces that are tied to each other: the place of each, and whether it is on the other side than the first of them.
Knot: TypeAlias = list[tuple[int, bool]]


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


def distance(one: bytes, other: bytes) -> float | None:
    """The cosine distance of two embeddings; None if they cannot be compared."""
    a, b = vectors([one, other])
    return None if a is None or b is None else 1.0 - _dot(a, b)


def halve(
    embeddings: Sequence[bytes],
    *,
    apart: Sequence[Pair] = (),
    together: Sequence[Pair] = (),
    beside: Sequence[Pair] = (),
) -> Halves | None:
    """The two halves of n faces (float32 (n, d) as bytes each), or None if fewer than two can be compared.

    Pairs of places of faces: `apart` are two people and `together` one, as somebody said, and those that are `beside`
    each other are two. What contradicts the pairs before it, in this order, is passed over.

    k-means with two means (Lloyd 1982), from a few beginnings: the sides of the direction in which faces differ most
    (as in spectral relaxation, Zha et al. 2001), which finds two people of about equally many faces; the face furthest
    from the mean, which finds the few that slipped in; and the direction in which those that are apart differ. Of the
    results the one is taken whose means are further apart, weighted by the root of the smaller half: one odd picture
    says less than many. Faces that are no embeddings go to the larger half.
    """
    all_of_them = vectors(embeddings)
    known = [place for place, vector in enumerate(all_of_them) if vector is not None]
    points = [vector for vector in all_of_them if vector is not None]
    if len(points) < 2:
        return None
    at = {place: number for number, place in enumerate(known)}
    said = [
        (at[one], at[other], differ)
        for pairs, differ in ((apart, True), (together, False), (beside, True))
        for one, other in pairs
        if one in at and other in at
    ]
    knots = _knots(len(points), said)
    parted = [(one, other) for one, other, differ in said if differ]
    mean = _mean(points)
    starts = [_by_direction(points, mean), _by_furthest(points, mean)]
    if parted:
        starts.append(_by_pairs(points, mean, parted))
    found = [_parted(points, start, knots) for start in starts]
    best = max(filter(None, found), key=lambda it: it.distance * math.sqrt(len(it.small)), default=None)
    if best is None:
        return None
    rest = [place for place, vector in enumerate(all_of_them) if vector is None]
    large = sorted([*(known[at] for at in best.large), *rest])
    return Halves(tuple(large), tuple(known[at] for at in best.small), best.distance)


def _knots(count: int, said: Iterable[tuple[int, int, bool]]) -> list[Knot]:
    """All points in knots, most of them alone, by pairs and whether the two of each differ."""
    knot_of: list[Knot] = [[(point, False)] for point in range(count)]
    is_other = [False] * count
    for one, other, differ in said:
        if knot_of[one] is knot_of[other]:
            continue
        is_turned = is_other[one] ^ is_other[other] ^ differ
        for point, side in knot_of[other]:
            is_other[point] = side ^ is_turned
            knot_of[one].append((point, is_other[point]))
            knot_of[point] = knot_of[one]
    return [knot for point, knot in enumerate(knot_of) if knot[0][0] == point]


def _parted(points: Sequence[Vector], start: list[bool], knots: Sequence[Knot]) -> Halves | None:
    sides = _settle(points, start, knots)
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
    """On which side of the mean each point lies, along the direction of the largest variance."""
    apart = [_minus(point, mean) for point in points]
    way = _way(apart)
    return _beyond([_dot(row, way) for row in apart])


def _by_pairs(points: Sequence[Vector], mean: Vector, pairs: Sequence[Pair]) -> list[bool]:
    """The same along the direction in which those of each pair differ most."""
    way = _way([_minus(points[one], points[other]) for one, other in pairs])
    return _beyond([_dot(_minus(point, mean), way) for point in points])


def _minus(one: Vector, other: Vector) -> Vector:
    return [a - b for a, b in zip(one, other, strict=True)]


def _way(rows: Sequence[Vector]) -> Vector:
    """The direction in which the rows are longest (power iteration)."""
    way: Vector = max(rows, key=lambda it: _dot(it, it))
    for _ in range(_POWER_ROUNDS):
        shares = [_dot(row, way) for row in rows]
        way = [_dot(shares, column) for column in zip(*rows, strict=True)]
        size = math.sqrt(_dot(way, way))
        if not size:
            break
        way = [number / size for number in way]
    return way


def _beyond(shares: Sequence[float]) -> list[bool]:
    middle = sum(shares) / len(shares)
    return [share > middle for share in shares]


def _by_furthest(points: Sequence[Vector], mean: Vector) -> list[bool]:
    """Which points are nearer to the point furthest from the mean than to the mean."""
    furthest = min(points, key=lambda point: _dot(point, mean))
    return [_dot(point, furthest) > _dot(point, mean) for point in points]


def _settle(points: Sequence[Vector], sides: list[bool], knots: Sequence[Knot]) -> list[bool]:
    """Moves knots to where their points are nearer to the means, until none moves."""
    for _ in range(MOST_ROUNDS):
        ones = [point for point, side in zip(points, sides, strict=True) if side]
        others = [point for point, side in zip(points, sides, strict=True) if not side]
        if not ones or not others:
            break
        # Nearer to the one mean than to the other: one product with their difference instead of two.
        apart = _minus(_mean(ones), _mean(others))
        nearer = [_dot(point, apart) for point in points]
        moved = list(sides)
        for knot in knots:
            is_one = sum(-nearer[point] if is_other else nearer[point] for point, is_other in knot) > 0
            for point, is_other in knot:
                moved[point] = is_one ^ is_other
        if moved == sides:
            break
        sides = moved
    return sides
