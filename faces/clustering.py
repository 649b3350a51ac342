"""Groups of faces that look alike: DBSCAN in bounded memory, and the rule that nobody is twice in one photo.

Pure numpy and scipy, no Django; usable from a REPL. Embeddings are float32 (n, d) of L2 length 1, one row a face; rows
that are not (zeros, NaN) belong to nothing. Order matters only where two choices are equally good: then the lower row
wins, so callers pass faces in the order of their ids and get the same answer every time.

DBSCAN: Ester, Kriegel, Sander, Xu, "A density-based algorithm for discovering clusters in large spatial databases with
noise", KDD 1996.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Embeddings = NDArray[np.float32]
Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]

NOISE = -1

# Rows of one block: a block of similarities takes 4 MB whatever n is.
BLOCK_ROWS = 1024
# Neighbour pairs held before those that are settled are folded into components (12 bytes each).
PAIR_BUDGET = 2_000_000
# How far from 1 the length of a usable embedding may be: float32 leaves 1e-7, anything near this is no embedding.
LENGTH_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Clusters:
    """`labels` int64 (n,): 0, 1, 2 ... in the order of their first row, or NOISE. `core` bool (n,): the core points."""

    labels: Rows
    core: Mask


def usable(embeddings: Embeddings) -> Mask:
    """Which rows are embeddings at all: finite and of length 1. bool (n,)."""
    with np.errstate(invalid="ignore", over="ignore"):
        lengths = np.sqrt(np.einsum("ij,ij->i", embeddings, embeddings))
        return np.asarray(np.abs(lengths - 1.0) <= LENGTH_TOLERANCE)


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
    forest = _Forest(len(points), min_samples)
    for left, right in _neighbours(points, 1.0 - eps):
        forest.add(left, right)
    component, is_core = forest.finish()
    found = np.where(is_core, component, NOISE)
    _join_borders(points, found, is_core, *forest.pending())
    labels[rows] = found
    core[rows] = is_core
    return Clusters(in_order(labels), core)


def separate_same_photo(labels: Rows, embeddings: Embeddings, photo_ids: Rows, *, eps: float, min_samples: int) -> Rows:
    """Splits every cluster that holds two faces of one photo until none does. Labels int64 (n,) as in `Clusters`.

    Constrained single linkage: the neighbouring pairs (distance at most eps) of such a cluster are walked from the most
    similar to the least, equals by their rows, and two groups become one unless they share a photo. Groups smaller than
    `min_samples` become noise. Clusters without such a pair stay exactly as they are.

    Memory is bounded: the pairs of a big cluster are walked in bands of similarity of at most PAIR_BUDGET pairs each.
    Should one thousandth of the range hold more (thousands of copies of one picture), those pairs are walked block by
    block.
    """
    result = labels.copy()
    clustered = np.flatnonzero(labels != NOISE)
    if not len(clustered):
        return result
    keys = np.stack([labels[clustered], photo_ids[clustered]], axis=1)
    _, inverse, counts = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    torn = np.unique(labels[clustered][counts[inverse.reshape(-1)] > 1])
    following = int(labels.max()) + 1
    for label in torn:
        members = clustered[labels[clustered] == label]
        groups = _constrained_linkage(embeddings[members], photo_ids[members], 1.0 - eps)
        sizes = np.bincount(groups)
        result[members] = np.where(sizes[groups] >= min_samples, groups + following, NOISE)
        following += len(sizes)
    return in_order(result)


def in_order(labels: Rows) -> Rows:
    """The same partition with labels 0, 1, 2 ... in the order of each cluster's first row; NOISE stays."""
    result = np.full(len(labels), NOISE, dtype=np.int64)
    clustered = np.flatnonzero(labels != NOISE)
    if len(clustered):
        _, first, inverse = np.unique(labels[clustered], return_index=True, return_inverse=True)
        rank = np.empty(len(first), dtype=np.int64)
        rank[np.argsort(first)] = np.arange(len(first))
        result[clustered] = rank[inverse]
    return result


def exact_similarity(points: Embeddings, left: Rows, right: Rows) -> NDArray[np.float64]:
    """Dot products of the rows `left[k]` and `right[k]`, float64 (k,), summed in an order that depends on d alone."""
    result = np.empty(len(left), dtype=np.float64)
    for start in range(0, len(left), 65_536):
        part = slice(start, start + 65_536)
        result[part] = (points[left[part]].astype(np.float64) * points[right[part]]).sum(axis=1)
    return result


# ---- Pairs ------------------------------------------------------------------------------------------------------


def _blocks(count: int) -> Iterator[tuple[slice, slice]]:
    """The blocks of the upper triangle of a count x count matrix, row by row."""
    for top in range(0, count, BLOCK_ROWS):
        for left in range(top, count, BLOCK_ROWS):
            yield slice(top, min(top + BLOCK_ROWS, count)), slice(left, min(left + BLOCK_ROWS, count))


def _pairs_above(points: Embeddings, lowest: float) -> Iterator[tuple[Rows, Rows, NDArray[np.float32]]]:
    """Pairs left < right with a float32 similarity of at least `lowest`, and that; block by block, row-major."""
    for down, across in _blocks(len(points)):
        similarity = points[down] @ points[across].T
        near = similarity >= np.float32(lowest)
        if down == across:
            near = np.triu(near, 1)
        # One flat index and a division: np.nonzero would give the same twice as slowly.
        flat = np.flatnonzero(near)
        if len(flat):
            row, column = np.divmod(flat, near.shape[1])
            yield row + down.start, column + across.start, similarity.reshape(-1)[flat]


def _neighbours(points: Embeddings, threshold: float) -> Iterator[tuple[Rows, Rows]]:
    """All pairs left < right with `exact_similarity` >= threshold."""
    # The worst error of a float32 dot product of unit vectors of length d: d roundings of half an ulp each, twice.
    doubt = points.shape[1] * 2.0**-23
    for left, right, similarity in _pairs_above(points, threshold - doubt):
        unsure = np.flatnonzero(similarity < threshold + doubt)
        if len(unsure):
            keep = np.ones(len(left), dtype=np.bool_)
            keep[unsure] = exact_similarity(points, left[unsure], right[unsure]) >= threshold
            left, right = left[keep], right[keep]
        yield left, right


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


def _join_borders(points: Embeddings, labels: Rows, core: Mask, left: Rows, right: Rows) -> None:
    """Gives each point that is not core, but next to one, the label of its nearest core neighbour. Changes `labels`."""
    border = np.concatenate([left[~core[left] & core[right]], right[core[left] & ~core[right]]])
    centre = np.concatenate([right[~core[left] & core[right]], left[core[left] & ~core[right]]])
    if not len(border):
        return
    order = np.lexsort((centre, -exact_similarity(points, border, centre), border))
    border, centre = border[order], centre[order]
    first = np.ones(len(border), dtype=np.bool_)
    first[1:] = border[1:] != border[:-1]
    labels[border[first]] = labels[centre[first]]


# ---- Nobody is twice in one photo -----------------------------------------------------------------------------------

_BINS = 1024


def _constrained_linkage(points: Embeddings, photo_ids: Rows, threshold: float) -> Rows:
    """Groups (m,) 0, 1, 2 ... of the m faces of one cluster, in none of which a photo appears twice."""
    linkage = _Linkage(photo_ids)
    # A hair below the limit, so that no pair that made the cluster is lost to rounding.
    lowest = threshold - points.shape[1] * 2.0**-23
    edges = np.linspace(lowest, 1.0, _BINS + 1, dtype=np.float32)[1:-1]
    counts = np.zeros(_BINS, dtype=np.int64)
    for _, _, similarity in _pairs_above(points, lowest):
        counts += np.bincount(np.searchsorted(edges, similarity, side="right"), minlength=_BINS)
    high = _BINS
    while high > 0:
        low = high - 1
        while low > 0 and counts[low - 1 : high].sum() <= PAIR_BUDGET:
            low -= 1
        _walk_band(points, linkage, edges, low, high, lowest)
        high = low
    return in_order(linkage.groups)


def _walk_band(
    points: Embeddings, linkage: _Linkage, edges: NDArray[np.float32], low: int, high: int, lowest: float
) -> None:
    """Offers the pairs in the bins low..high-1 to the linkage, most similar first."""
    floor = lowest if low == 0 else float(edges[low - 1])
    held: list[tuple[Rows, Rows, NDArray[np.float32]]] = []
    total = 0
    for left, right, similarity in _pairs_above(points, floor):
        keep = linkage.groups[left] != linkage.groups[right]
        if high < _BINS:
            keep &= similarity < edges[high - 1]
        if not keep.any():
            continue
        held.append((left[keep], right[keep], similarity[keep]))
        total += len(held[-1][0])
        if total > PAIR_BUDGET:  # one bin alone holds too many
            linkage.offer(*(np.concatenate(part) for part in zip(*held, strict=True)))
            held, total = [], 0
    if held:
        linkage.offer(*(np.concatenate(part) for part in zip(*held, strict=True)))


@dataclass(slots=True)
class _Linkage:
    """Groups of faces with the photos each holds. Two groups that share a photo never become one."""

    photo_ids: Rows
    groups: Rows = field(init=False)
    photos: list[set[int]] = field(init=False)
    members: list[list[int]] = field(init=False)

    def __post_init__(self) -> None:
        self.groups = np.arange(len(self.photo_ids), dtype=np.int64)
        self.photos = [{int(photo)} for photo in self.photo_ids]
        self.members = [[row] for row in range(len(self.photo_ids))]

    def offer(self, left: Rows, right: Rows, similarity: NDArray[np.float32]) -> None:
        """Walks the pairs from the most similar to the least, equals by row."""
        order = np.lexsort((right, left, -similarity))
        left, right = left[order], right[order]
        for start in range(0, len(left), 16_384):
            a, b = self.groups[left[start : start + 16_384]], self.groups[right[start : start + 16_384]]
            low, high = np.minimum(a, b), np.maximum(a, b)
            # Of all pairs between the same two groups the first decides: refused once is refused for good.
            _, first = np.unique(low * len(self.groups) + high, return_index=True)
            first = np.sort(first[low[first] != high[first]])
            for one, other in zip(left[start + first].tolist(), right[start + first].tolist(), strict=True):
                self._merge(int(self.groups[one]), int(self.groups[other]))

    def _merge(self, one: int, other: int) -> None:
        if one == other or not self.photos[one].isdisjoint(self.photos[other]):
            return
        if len(self.members[one]) < len(self.members[other]):
            one, other = other, one
        self.groups[self.members[other]] = one
        self.members[one] += self.members[other]
        self.photos[one] |= self.photos[other]
        self.members[other], self.photos[other] = [], set()
