"""Spanning trees of the faces of one cluster: the most similar pairs that hold it together.

All pairs of the faces have one strict order, by the product of their whole numbers (`pairs.whole`) and then by their
rows, so there is exactly one tree of greatest similarity, whichever way it was come to. It can be kept while faces come
and go: a face that comes adds pairs of its own and makes no other pair better; one that goes leaves every pair that it
is no part of where it was (the cycle property).

Points are whole numbers, float32 (m, d), one row a face in the order of ids. Pairs are int64 rows `left` < `right`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, minimum_spanning_tree

from faces.clustering.pairs import BLOCK_ROWS, Embeddings, Mask, Rows, distinct, whole

# Pairs that are held at once.
PAIR_BUDGET = 4_000_000
_NOTHING: Rows = np.empty(0, dtype=np.int64)
Pairs = tuple[Rows, Rows]


class Tree(NamedTuple):
    """Pairs int64 (k,), most similar first, and how similar they are, float32 (k,): all of a tree, or some."""

    left: Rows
    right: Rows
    similarity: NDArray[np.float32]

    def picked(self, chosen: Rows | Mask) -> Tree:
        return Tree(self.left[chosen], self.right[chosen], self.similarity[chosen])

    def and_more(self, left: Rows, right: Rows, similarity: NDArray[np.float32], *, count: int) -> Tree:
        """With other pairs of `count` rows, in order again."""
        both = Tree(
            np.concatenate([self.left, left]),
            np.concatenate([self.right, right]),
            np.concatenate([self.similarity, similarity]),
        )
        return both.picked(best_first(*both, count=count))


NO_TREE = Tree(_NOTHING, _NOTHING, np.empty(0, dtype=np.float32))


def products(points: Embeddings, left: Rows, right: Rows) -> NDArray[np.float32]:
    """How similar the rows left[k] and right[k] are, in whole numbers. float32 (k,)."""
    found = np.empty(len(left), dtype=np.float32)
    for start in range(0, len(left), 65_536):
        part = slice(start, start + 65_536)
        found[part] = np.einsum("ij,ij->i", points[left[part]], points[right[part]])
    return found


def products_of(points: Embeddings, left: Rows, right: Rows) -> NDArray[np.float32]:
    """The same for embeddings as they are."""
    found = np.empty(len(left), dtype=np.float32)
    for start in range(0, len(left), 65_536):
        part = slice(start, start + 65_536)
        found[part] = np.einsum("ij,ij->i", whole(points[left[part]]), whole(points[right[part]]))
    return found


def best_first(left: Rows, right: Rows, similarity: NDArray[np.float32], *, count: int) -> Rows:
    """The order of pairs of `count` rows: most similar first, equals by their rows."""
    if count > 2**19:
        return np.lexsort((right, left, -similarity))
    # All three in one number, which is sorted many times faster: 25 bits, and twice 19.
    worse = 2**24 - similarity.astype(np.int64)
    return np.argsort((worse << 38) + left * count + right)


def spanning_tree(points: Embeddings, known: Tree = NO_TREE, *, base: Mask | None = None) -> Tree:
    """The m - 1 pairs of the tree of m points, most similar first.

    `known` are pairs of the tree of the points in `base` (of all points without it), any number of them, in their
    order. If few others have joined the base, each adds its pairs with all, which is O(m) for each of them; otherwise
    it begins anew.
    """
    there = np.ones(len(points), dtype=np.bool_) if base is None else base.copy()
    new = np.flatnonzero(~there)
    if 4 * len(new) > len(points):
        there[:], new, known = True, _NOTHING, NO_TREE
    old = np.flatnonzero(there)
    tree = known
    if len(known.left) < len(old) - 1:
        place = np.cumsum(there) - 1
        inner = points if len(old) == len(points) else points[old]
        left, right = _completed(inner, (place[known.left], place[known.right]))
        left, right = old[left[len(known.left) :]], old[right[len(known.right) :]]
        tree = known.and_more(left, right, products(points, left, right), count=len(points))
    height = max(1, PAIR_BUDGET // max(1, len(points)))
    for start in range(0, len(new), height):
        part = new[start : start + height]
        tree = _grown(points, tree, part, there)
        there[part] = True
    return tree


def _grown(points: Embeddings, tree: Tree, new: Rows, there: Mask) -> Tree:
    """The tree with the rows of `new` in it: of its pairs and all of theirs, the best that close no circle (J. B.
    Kruskal, 1956)."""
    similarity = _with_few(points, new)
    is_pair = np.repeat(there[:, None], len(new), axis=1)
    is_pair[new] = new[:, None] < new[None, :]
    flat = np.flatnonzero(is_pair)
    other, line = np.divmod(flat, len(new))
    one = new[line]
    more = np.minimum(one, other), np.maximum(one, other), similarity.reshape(-1)[flat]
    pairs = tree.and_more(*more, count=len(points))
    rank = np.arange(1, len(pairs.left) + 1, dtype=np.float64)  # none is as good as another, and 0 would be no pair
    graph = coo_array((rank, (pairs.left, pairs.right)), shape=(len(points), len(points)))
    chosen = np.sort(minimum_spanning_tree(graph.tocsr()).data).astype(np.int64) - 1
    return pairs.picked(chosen)


def _with_few(points: Embeddings, rows: Rows) -> NDArray[np.float32]:
    """Products of all with a few, float32 (m, k), by blocks for which BLAS needs no second thread."""
    found = np.empty((len(points), len(rows)), dtype=np.float32)
    few = np.ascontiguousarray(points[rows].T)
    for top in range(0, len(points), BLOCK_ROWS):
        np.dot(points[top : top + BLOCK_ROWS], few, out=found[top : top + BLOCK_ROWS])
    return found


def between(tree: Tree, ends: Rows, count: int) -> Rows:
    """Which pairs of a whole tree of `count` rows lie on the way from one of `ends` to another: int64, ascending."""
    if len(ends) < 2:
        return _NOTHING
    graph = coo_array((np.ones(count - 1, dtype=np.bool_), (tree.left, tree.right)), shape=(count, count))
    _, before = breadth_first_order(graph.tocsr(), int(ends[0]), directed=False)
    towards = before.tolist()
    seen = {int(ends[0])}
    for row in ends.tolist():
        while row not in seen:
            seen.add(row)
            row = towards[row]
    seen.remove(int(ends[0]))
    pair = np.empty(count, dtype=np.int64)
    pair[np.where(before[tree.right] == tree.left, tree.right, tree.left)] = np.arange(count - 1)
    return np.sort(pair[np.fromiter(seen, dtype=np.int64, count=len(seen))])


def _completed(points: Embeddings, known: Pairs) -> Pairs:
    """The whole tree, of which `known` is a part and stands first: each part but the largest takes its best pair with
    another, until there is one (O. Borůvka, 1926)."""
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
