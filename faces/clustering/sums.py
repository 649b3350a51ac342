"""Sums of the embeddings of nodes, of large ones kept: a face more or less is added or taken off, exactly."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from faces.clustering.linkage import means
from faces.clustering.pairs import NOISE, Embeddings, Rows, distinct, whole

# Faces whose whole numbers are added up at once.
_FACES = 65_536
# The sum of a node of so many faces is kept.
_LARGE = 64


class Sums:
    """Nodes are numbers up to the number of rows; `nodes` int64 (rows,) says in which each face is, NOISE for none, and
    `points` float32 (rows, d) are the faces. Whole numbers add up to the same in any order, so what is kept stays right
    as long as every face that moves is counted."""

    def __init__(self) -> None:
        self._known: dict[int, NDArray[np.float64]] = {}

    def take(self, points: Embeddings, rows: Rows, nodes: Rows) -> None:
        """Takes the faces in `rows` off the nodes they were in."""
        self._count(points, rows, nodes, -1.0)

    def add(self, points: Embeddings, rows: Rows, nodes: Rows) -> None:
        """Adds the faces in `rows` to the nodes they are in."""
        self._count(points, rows, nodes, 1.0)

    def _count(self, points: Embeddings, rows: Rows, nodes: Rows, sign: float) -> None:
        for node in distinct(nodes).tolist():
            if node in self._known:
                self._known[node] += sign * whole(points[rows[nodes == node]]).sum(axis=0, dtype=np.float64)

    def keep(self, nodes: Rows) -> None:
        """Forgets what is no node any more: a node has the number of one of its faces."""
        self._known = {node: total for node, total in self._known.items() if nodes[node] == node}

    def of(self, points: Embeddings, nodes: Rows, asked: Rows) -> tuple[NDArray[np.float64], Rows]:
        """Of each of `asked` the sum of its faces in whole numbers, float64 (k, d), and their number, int64 (k,)."""
        found = np.empty((len(asked), points.shape[1]), dtype=np.float64)
        sizes = np.bincount(nodes[nodes != NOISE], minlength=1)[asked]
        is_known = np.array([node in self._known for node in asked.tolist()], dtype=np.bool_)
        for row in np.flatnonzero(is_known).tolist():
            found[row] = self._known[int(asked[row])]
        rest = np.flatnonzero(~is_known)
        for part, total in _portions(points, nodes, asked[rest]):
            found[rest[part]] = total
        for row in np.flatnonzero(~is_known & (sizes >= _LARGE)).tolist():
            self._known[int(asked[row])] = found[row].copy()
        return found, sizes

    def means(self, points: Embeddings, nodes: Rows, asked: Rows) -> Embeddings:
        """The mean embedding of each of `asked`, float32 (k, d)."""
        found = np.empty((len(asked), points.shape[1]), dtype=np.float32)
        for start in range(0, len(asked), _FACES // 4):
            part = slice(start, start + _FACES // 4)
            found[part] = means(*self.of(points, nodes, asked[part]))
        return found


def _portions(points: Embeddings, nodes: Rows, asked: Rows) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Slices of `asked` with the sums of theirs, as many faces at a time as memory should hold."""
    place = np.full(len(nodes) + 1, NOISE, dtype=np.int64)
    place[asked] = np.arange(len(asked))
    number = place[nodes]
    rows = np.flatnonzero(number != NOISE)
    rows = rows[np.argsort(number[rows], kind="stable")]
    sizes = np.bincount(number[rows], minlength=len(asked))
    ends = np.cumsum(sizes)
    start = 0
    while start < len(asked):
        begin = int(ends[start] - sizes[start])
        end = max(start + 1, int(np.searchsorted(ends, begin + _FACES, side="right")))
        members = whole(points[rows[begin : ends[end - 1]]]).astype(np.float64)
        # As a product: np.add.reduceat takes three times as long.
        offsets = np.append(0, ends[start:end] - begin)
        summing = csr_array(
            (np.ones(len(members)), np.arange(len(members)), offsets), shape=(end - start, len(members))
        )
        yield slice(start, end), summing @ members
        start = end
