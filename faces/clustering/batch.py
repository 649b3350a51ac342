"""DBSCAN in bounded memory, over all faces at once.

DBSCAN: Ester, Kriegel, Sander, Xu, "A density-based algorithm for discovering clusters in large spatial databases with
noise", KDD 1996.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from faces.clustering.pairs import NOISE, Embeddings, Mask, Rows, exact_similarity, in_order, neighbours, usable

# Neighbour pairs held before those that are settled are folded into components (12 bytes each).
PAIR_BUDGET = 2_000_000


@dataclass(frozen=True, slots=True)
class Clusters:
    """`labels` int64 (n,): 0, 1, 2 ... in the order of their first row, or NOISE. `core` bool (n,): the core points."""

    labels: Rows
    core: Mask


def dbscan(embeddings: Embeddings, *, eps: float, min_samples: int) -> Clusters:
    """DBSCAN with cosine distance, exact, in O(n * min_samples) memory and one pass over the upper triangle of pairs.

    Two faces are neighbours when the float64 dot product of their float32 embeddings is at least 1 - eps. Blocks are
    multiplied in float32; the few pairs too close to the limit for float32 to tell are computed again in float64, so
    the answer for a pair never depends on where its rows stand or on how the work was cut. A core point has at least
    `min_samples` neighbours, itself included; clusters are the connected components of core points. A border point
    joins the cluster of its nearest core neighbour, the lowest row among equals.

    Why one pass is enough: a pair of core points can be folded into the components and forgotten at once, and a point
    that is not core (yet) has fewer than `min_samples` pairs by definition.
    """
    count = len(embeddings)
    labels = np.full(count, NOISE, dtype=np.int64)
    core = np.zeros(count, dtype=np.bool_)
    rows = np.flatnonzero(usable(embeddings))
    if not len(rows):
        return Clusters(labels, core)
    points = np.ascontiguousarray(embeddings[rows], dtype=np.float32)
    found = density(points, eps=eps, min_samples=min_samples)
    labels[rows] = found.labels()
    core[rows] = found.core
    return Clusters(in_order(labels), core)


@dataclass(frozen=True, slots=True)
class Density:
    """What makes the clusters of n usable points. All int64 (n,) but `core`, bool (n,).

    `degrees`: neighbours, the point itself included; `component`: a number that connected core points have in common;
    `nearest`: the nearest core neighbour of a border point, the lowest row among equals, NOISE for all other points.
    """

    degrees: Rows
    core: Mask
    component: Rows
    nearest: Rows

    def labels(self) -> Rows:
        """The component of each point, that of its nearest core neighbour for a border point, else NOISE."""
        joined = np.where(self.nearest != NOISE, self.component[self.nearest], NOISE)
        return np.where(self.core, self.component, joined)


def density(points: Embeddings, *, eps: float, min_samples: int) -> Density:
    """The same for points that are all usable; see `dbscan`."""
    forest = _Forest(len(points), min_samples)
    for left, right in neighbours(points, 1.0 - eps):
        forest.add(left, right)
    component, core = forest.finish()
    nearest = np.full(len(points), NOISE, dtype=np.int64)
    left, right = forest.pending()
    is_left, is_right = ~core[left] & core[right], core[left] & ~core[right]
    border = np.concatenate([left[is_left], right[is_right]])
    centre = np.concatenate([right[is_left], left[is_right]])
    border, centre = nearest_centres(points, border, centre, centre)
    nearest[border] = centre
    return Density(forest.degrees, core, component, nearest)


def nearest_centres(points: Embeddings, border: Rows, centre: Rows, rank: Rows) -> tuple[Rows, Rows]:
    """Each of the rows in `border` once, with the most similar of its `centre`s, among equals that of lowest rank."""
    if not len(border):
        return border, centre
    order = np.lexsort((rank, -exact_similarity(points, border, centre), border))
    border, centre = border[order], centre[order]
    first = np.ones(len(border), dtype=np.bool_)
    first[1:] = border[1:] != border[:-1]
    return border[first], centre[first]


class _Forest:
    """Degrees, and the components of core points, fed with pairs in any order."""

    def __init__(self, count: int, min_samples: int) -> None:
        self.count = count
        self.min_samples = min_samples
        self.degrees = np.ones(count, dtype=np.int64)
        self.component = np.arange(count, dtype=np.int64)
        self.waiting: list[tuple[NDArray[np.int32], NDArray[np.int32]]] = []
        self.held = 0
        self.kept = 0

    def add(self, left: Rows, right: Rows) -> None:
        if not len(left):
            return
        for side in (left, right):  # a block touches few rows: count within their range, not over all of n
            lowest = int(side.min())
            counts = np.bincount(side - lowest)
            self.degrees[lowest : lowest + len(counts)] += counts
        self.waiting.append((left.astype(np.int32), right.astype(np.int32)))
        self.held += len(left)
        if self.held > 2 * self.kept + PAIR_BUDGET:
            self._fold()

    def pending(self) -> tuple[Rows, Rows]:
        """Pairs not folded: at least one of the two is not a core point so far."""
        if not self.waiting:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        left, right = (np.concatenate(side).astype(np.int64) for side in zip(*self.waiting, strict=True))
        return left, right

    def finish(self) -> tuple[Rows, Mask]:
        """The component (n,) of every point and which points are core."""
        self._fold()
        return self.component, self.degrees >= self.min_samples

    def _fold(self) -> None:
        left, right = self.pending()
        core = self.degrees >= self.min_samples
        both = core[left] & core[right]
        if both.any():
            ends = (self.component[left[both]], self.component[right[both]])
            graph = coo_array((np.ones(len(ends[0]), dtype=np.bool_), ends), shape=(self.count, self.count))
            _, labels = connected_components(graph, directed=False)
            self.component = labels.astype(np.int64)[self.component]
        left, right = left[~both], right[~both]
        self.waiting = [(left.astype(np.int32), right.astype(np.int32))] if len(left) else []
        self.held = self.kept = len(left)
