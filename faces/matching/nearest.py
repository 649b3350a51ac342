"""The nearest people of faces: blocked products find them, exact sums decide, the best few of each face are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from faces.clustering import Embeddings, Mask, Rows, exact_similarity
from faces.limits import ADDED_EACH, ENOUGH
from faces.matching.state import CHOICES, NOBODY, Distances

# Entries of one block of similarities: 16 MB.
_BLOCK = 4_194_304


@dataclass(frozen=True, slots=True)
class Found:
    """People within reach of faces: row, person, the row of their nearest confirmed face, and how alike the two are.

    That is the dot product, less what `limits.added_distance` adds to the distance.
    """

    rows: Rows
    people: Rows
    nearest: Rows
    similarity: Distances

    @classmethod
    def nothing(cls) -> Self:
        empty = np.empty(0, dtype=np.int64)
        return cls(empty, empty, empty, np.empty(0))

    @classmethod
    def joined(cls, parts: list[Self]) -> Self:
        if not parts:
            return cls.nothing()
        return cls(
            np.concatenate([part.rows for part in parts]),
            np.concatenate([part.people for part in parts]),
            np.concatenate([part.nearest for part in parts]),
            np.concatenate([part.similarity for part in parts]),
        )

    def where(self, mask: Mask) -> Found:
        """Those for which the mask is true."""
        return Found(self.rows[mask], self.people[mask], self.nearest[mask], self.similarity[mask])


def find(points: Embeddings, rows: Rows, references: Rows, people: Rows, quality: Distances, *, lowest: float) -> Found:
    """Everyone within reach of `rows`: those with a face among `references` whose similarity is at least `lowest`.

    `people` are the persons of all rows of `points`, `quality` how well each is seen, float64 (n,). Each person once
    for each row, by their nearest face; the lowest row among equals. Memory: one block and what is found.
    """
    if not len(rows) or not len(references):
        return Found.nothing()
    references = references[np.lexsort((references, people[references]))]
    _, starts = np.unique(people[references], return_index=True)
    ends = np.append(starts[1:], len(references))
    others = points[references]
    # The worst error of a float32 dot product of unit vectors and of what is taken off: whatever lies closer is decided
    # by an exact sum.
    doubt = np.float32((points.shape[1] + 4) * 2.0**-23)
    height = max(1, _BLOCK // len(references))
    parts: list[Found] = []
    for top in range(0, len(rows), height):
        block = rows[top : top + height]
        similarity = _products(points, block, others)
        similarity -= added_distances(quality[block][:, None], quality[references]).astype(np.float32)
        best = np.maximum.reduceat(similarity, starts, axis=1)
        line, person = np.nonzero(best >= np.float32(lowest) - doubt)
        # All faces of these people that may be the nearest one.
        pair, column = _expand(starts[person], ends[person])
        may_be = similarity[line[pair], column] >= best[line[pair], person[pair]] - 2 * doubt
        pair, column = pair[may_be], column[may_be]
        parts.append(_nearest(points, block[line[pair]], references[column], people, quality, lowest))
    return Found.joined(parts)


def _products(points: Embeddings, rows: Rows, others: Embeddings) -> NDArray[np.float32]:
    """`points[rows] @ others.T`, without copying nearly all points to compare them with a few."""
    first, last = int(rows[0]), int(rows[-1])
    if last - first < 2 * len(rows) and len(others) < points.shape[1]:
        return np.asarray((points[first : last + 1] @ others.T)[rows - first])
    return np.asarray(points[rows] @ others.T)


def _expand(starts: NDArray[np.intp], ends: NDArray[np.intp]) -> tuple[Rows, Rows]:
    """The numbers from each start up to its end, put together, and which of the ranges each comes from."""
    lengths = ends - starts
    which = np.repeat(np.arange(len(starts)), lengths)
    offsets = np.arange(len(which)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return which, np.repeat(starts, lengths) + offsets


def added_distances(quality: Distances, other: Distances) -> Distances:
    """`limits.added_distance` of arrays of one shape, or of two that go together."""
    missing = ENOUGH - (np.maximum(quality, other) + np.minimum(quality, other) / 2)
    return np.asarray(ADDED_EACH * np.maximum(missing, 0.0))


def _nearest(
    points: Embeddings, rows: Rows, references: Rows, people: Rows, quality: Distances, lowest: float
) -> Found:
    similarity = exact_similarity(points, rows, references) - added_distances(quality[rows], quality[references])
    found = Found(rows, people[references], references, similarity)
    return _once(found.where(found.similarity >= lowest))


def _once(found: Found) -> Found:
    """The nearest face of each row and person, in the order of rows, then people."""
    order = np.lexsort((found.nearest, -found.similarity, found.people, found.rows))
    rows, people = found.rows[order], found.people[order]
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = (np.diff(rows) != 0) | (np.diff(people) != 0)
    kept = order[first]
    return Found(found.rows[kept], found.people[kept], found.nearest[kept], found.similarity[kept])


@dataclass(frozen=True, slots=True)
class Table:
    """The nearest people of all faces, as `Matching` holds them, but with rows in place of the ids of nearest faces."""

    candidates: Rows
    nearest: Rows
    similarity: Distances

    @classmethod
    def empty(cls, count: int) -> Table:
        """A table without anybody."""
        return cls(
            np.full((count, CHOICES), NOBODY, dtype=np.int64),
            np.full((count, CHOICES), NOBODY, dtype=np.int64),
            np.full((count, CHOICES), -np.inf),
        )

    def clear(self, rows: Rows) -> None:
        """Nobody is near these rows."""
        self.candidates[rows], self.nearest[rows], self.similarity[rows] = NOBODY, NOBODY, -np.inf

    def offer(self, found: Found) -> Rows:
        """Takes in people who were found; of each row the nearest `CHOICES` stay. The rows that changed, ascending."""
        touched = np.unique(found.rows)
        before = self.candidates[touched], self.nearest[touched]
        line, column = np.nonzero(before[0] != NOBODY)
        held = Found(
            touched[line], before[0][line, column], before[1][line, column], self.similarity[touched[line], column]
        )
        all_of_them = _once(Found.joined([found, held]))
        order = np.lexsort((all_of_them.people, -all_of_them.similarity, all_of_them.rows))
        rows = all_of_them.rows[order]
        rank = np.arange(len(rows)) - np.searchsorted(rows, rows)
        order, rows, rank = order[rank < CHOICES], rows[rank < CHOICES], rank[rank < CHOICES]
        self.clear(touched)
        self.candidates[rows, rank] = all_of_them.people[order]
        self.nearest[rows, rank] = all_of_them.nearest[order]
        self.similarity[rows, rank] = all_of_them.similarity[order]
        after = self.candidates[touched], self.nearest[touched]
        is_other: Mask = ((before[0] != after[0]) | (before[1] != after[1])).any(axis=1)
        return np.asarray(touched[is_other])
