"""The rule that nobody is twice in one photo: clusters that break it are split."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from faces.clustering.pairs import NOISE, Embeddings, Rows, in_order, pairs_above

# Pairs of one band of similarity that are held at once.
PAIR_BUDGET = 2_000_000
_BINS = 1024


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


def _constrained_linkage(points: Embeddings, photo_ids: Rows, threshold: float) -> Rows:
    """Groups (m,) 0, 1, 2 ... of the m faces of one cluster, in none of which a photo appears twice."""
    linkage = _Linkage(photo_ids)
    # A hair below the limit, so that no pair that made the cluster is lost to rounding.
    lowest = threshold - points.shape[1] * 2.0**-23
    edges = np.linspace(lowest, 1.0, _BINS + 1, dtype=np.float32)[1:-1]
    counts = np.zeros(_BINS, dtype=np.int64)
    for _, _, similarity in pairs_above(points, lowest):
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
    for left, right, similarity in pairs_above(points, floor):
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
