"""Spanning trees of the faces of one cluster: the most similar pairs that hold it together.

All pairs of the faces have one strict order, by the product of their whole numbers (`pairs.whole`) and then by their
rows, so there is exactly one tree of greatest similarity, whichever way it was come to. It can be kept while faces come
and go: a face that comes adds pairs of its own and makes no other pair better; one that goes leaves every pair that it
is no part of where it was (the cycle property).

Points are whole numbers, float32 (m, d), one row a face in the order of ids. Pairs are int64 rows `left` < `right`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

from faces.clustering.pairs import Embeddings, Mask, Rows, distinct

# Pairs that are held at once.
PAIR_BUDGET = 4_000_000
_NOTHING: Rows = np.empty(0, dtype=np.int64)
Pairs = tuple[Rows, Rows]
NO_PAIRS: Pairs = (_NOTHING, _NOTHING)


def products(points: Embeddings, left: Rows, right: Rows) -> NDArray[np.float32]:
    """How similar the rows left[k] and right[k] are, in whole numbers. float32 (k,)."""
    found = np.empty(len(left), dtype=np.float32)
    for start in range(0, len(left), 65_536):
        part = slice(start, start + 65_536)
        found[part] = np.einsum("ij,ij->i", points[left[part]], points[right[part]])
    return found


def best_first(left: Rows, right: Rows, similarity: NDArray[np.float32]) -> Rows:
    """The order of pairs: most similar first, equals by their rows."""
    return np.lexsort((right, left, -similarity))


def spanning_tree(points: Embeddings, known: Pairs = NO_PAIRS, *, base: Mask | None = None) -> Pairs:
    """The m - 1 pairs of the tree of m points, most similar first.

    `known` are pairs of the tree of the points in `base` (of all points without it), any number of them. If few others
    have joined the base, each adds its pairs with all, which is O(m) for each of them; otherwise it begins anew.
    """
    new = _NOTHING if base is None else np.flatnonzero(~base)
    if base is None or not len(new) or 4 * len(new) > len(points):
        left, right = _completed(points, NO_PAIRS if len(new) else known)
        order = best_first(left, right, products(points, left, right))
        return left[order], right[order]
    old = np.flatnonzero(base)
    place = np.cumsum(base) - 1
    left, right = _completed(points[old], (place[known[0]], place[known[1]]))
    tree = (old[left], old[right])
    height = max(1, PAIR_BUDGET // len(points))
    there = base.copy()
    for start in range(0, len(new), height):
        part = new[start : start + height]
        tree = _grown(points, tree, part, there)
        there[part] = True
    return tree


def _grown(points: Embeddings, tree: Pairs, new: Rows, there: Mask) -> Pairs:
    """The tree with the rows of `new` in it: of its pairs and all of theirs, the best that close no circle (J. B.
    Kruskal, 1956)."""
    similarity = points[new] @ points.T
    is_pair = np.broadcast_to(there, similarity.shape).copy()
    is_pair[:, new] = new[:, None] < new[None, :]
    line, other = np.nonzero(is_pair)
    one = new[line]
    left = np.concatenate([tree[0], np.minimum(one, other)])
    right = np.concatenate([tree[1], np.maximum(one, other)])
    order = best_first(left, right, np.concatenate([products(points, *tree), similarity[line, other]]))
    left, right = left[order], right[order]
    rank = np.arange(1, len(order) + 1, dtype=np.float64)  # nothing is as good as another, and 0 would be no pair
    graph = coo_array((rank, (left, right)), shape=(len(points), len(points)))
    chosen = np.sort(minimum_spanning_tree(graph.tocsr()).data).astype(np.int64) - 1
    return left[chosen], right[chosen]


def _completed(points: Embeddings, known: Pairs) -> Pairs:
    """The whole tree, of which `known` is a part: each part but the largest takes its best pair with another, until
    there is one (O. Borůvka, 1926)."""
    left, right = known
    count, part = _parts(len(points), left, right)
    search = _Search(points)
    while count > 1:
        one, other = search.best_pairs(part)
        left, right = np.concatenate([left, one]), np.concatenate([right, other])
        count, part = _parts(len(points), left, right)
    return left, right


def _parts(count: int, left: Rows, right: Rows) -> tuple[int, NDArray[np.int32]]:
    graph = coo_array((np.ones(len(left), dtype=np.bool_), (left, right)), shape=(count, count))
    return connected_components(graph, directed=False)  # type: ignore[no-any-return]


class _Search:
    """The nearest point outside of its part for each point, remembered: parts only grow, so it stays the nearest as
    long as it is outside, and what comes after it is no nearer."""

    def __init__(self, points: Embeddings) -> None:
        self.points = points
        self.nearest = np.arange(len(points))
        self.similarity = np.full(len(points), np.inf, dtype=np.float32)

    def best_pairs(self, part: NDArray[np.int32]) -> Pairs:
        """The best pair out of each part but the largest, each pair once."""
        sizes = np.bincount(part)
        is_searching = part != np.argmax(sizes)
        is_inside = part[self.nearest] == part
        # What a part has found already; only points that may have better, or as good, need to be looked at again.
        found = np.full(len(sizes), -np.inf, dtype=np.float32)
        valid = np.flatnonzero(~is_inside)
        np.maximum.at(found, part[valid], self.similarity[valid])
        self._look(np.flatnonzero(is_searching & is_inside & (self.similarity >= found[part])), part)
        rows = np.flatnonzero(is_searching & (part[self.nearest] != part))
        other = self.nearest[rows]
        left, right = np.minimum(rows, other), np.maximum(rows, other)
        order = np.lexsort((right, left, -self.similarity[rows], part[rows]))
        ranked = part[rows][order]
        first = order[np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1]))]
        pairs = distinct(left[first] * len(part) + right[first])
        return np.divmod(pairs, len(part))

    def _look(self, rows: Rows, part: NDArray[np.int32]) -> None:
        height = max(1, PAIR_BUDGET // len(part))
        for start in range(0, len(rows), height):
            block = rows[start : start + height]
            similarity = self.points[block] @ self.points.T
            similarity[part[block][:, None] == part[None, :]] = -np.inf
            # The first among equals is the lowest row, and so its pair with this one is the first of them.
            self.nearest[block] = similarity.argmax(axis=1)
            self.similarity[block] = similarity[np.arange(len(block)), self.nearest[block]]
