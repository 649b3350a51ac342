"""Groups that are one person though no two faces of theirs are near enough: average linkage over what DBSCAN found.

DBSCAN alone has to choose between two mistakes. With a small radius one person is several groups, with a greater one a
single pair of faces that happen to look alike chains two people together, and then all. So its radius is kept small,
and its groups (and lone faces) are put together when they are alike on the whole: when the mean cosine distance of all
pairs between them is at most `limit` (UPGMA: R. R. Sokal, C. D. Michener, 1958). One bridge between two people is
outvoted by all other pairs.

The mean similarity of all pairs between two groups is the product of their sums divided by their sizes, so a group
costs one vector, and no pair of faces is ever looked at. Measured on LFW with mobilefacenet, DBSCAN at 0.40 and limit
0.57: B-cubed F 0.981 with pair precision 0.998; DBSCAN alone reaches F 0.974 at best (0.48), with 0.98.
"""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray

from faces.clustering.pairs import NOISE, Embeddings, Rows, in_order, usable

# Similarities of so many pairs of groups are held at once: 32 MB.
_BLOCK_PAIRS = 8_000_000


def link_groups(labels: Rows, embeddings: Embeddings, photo_ids: Rows, *, limit: float) -> Rows:
    """Puts groups and lone faces together that are alike on the whole, most alike first. Labels as in `Clusters`.

    `labels` int64 (n,), NOISE for a face in no group; `embeddings` float32 (n, d) of L2 length 1; `photo_ids` int64
    (n,): groups that share a photo are never put together. `limit` is a mean cosine distance. Equals go by the first
    rows of the groups, so the answer does not depend on how groups are numbered. Faces that stay alone are NOISE; so is
    what is no embedding. Memory: O(n), and the pairs of groups that could be put together.
    """
    result = np.full(len(labels), NOISE, dtype=np.int64)
    rows = np.flatnonzero(usable(embeddings))
    if not len(rows):
        return result
    groups = _with_lone_faces(labels[rows])
    linked = _Linkage(groups, embeddings[rows].astype(np.float64), photo_ids[rows], 1.0 - limit)
    linked.run()
    found = linked.target()[groups]
    sizes = np.bincount(found)
    was_grouped = labels[rows] != NOISE
    result[rows] = np.where((sizes[found] > 1) | was_grouped, found, NOISE)
    return in_order(result)


def _with_lone_faces(labels: Rows) -> Rows:
    """Labels 0, 1, 2 ... in the order of first rows, where each NOISE is a group of its own."""
    own = labels.copy()
    lone = np.flatnonzero(labels == NOISE)
    own[lone] = int(labels.max(initial=NOISE)) + 1 + np.arange(len(lone))
    return in_order(own)


class _Linkage:
    """Groups in order of their first rows; the one that comes first takes in the other."""

    def __init__(self, groups: Rows, points: NDArray[np.float64], photo_ids: Rows, lowest: float) -> None:
        count = int(groups.max()) + 1
        self.lowest = lowest
        self.sizes = np.bincount(groups, minlength=count).astype(np.float64)
        self.sums = np.zeros((count, points.shape[1]))
        np.add.at(self.sums, groups, points)
        self.photos: list[set[int]] = [set() for _ in range(count)]
        for group, photo in zip(groups.tolist(), photo_ids.tolist(), strict=True):
            self.photos[group].add(photo)
        self.into = np.arange(count, dtype=np.int64)
        self.version = [0] * count
        self.near: dict[int, set[int]] = {}
        self.heap: list[tuple[float, int, int, int, int]] = []

    def run(self) -> None:
        self._find_pairs()
        heapq.heapify(self.heap)
        while self.heap:
            _, one, other, *versions = heapq.heappop(self.heap)
            if versions == [self.version[one], self.version[other]] and self.photos[one].isdisjoint(self.photos[other]):
                self._merge(one, other)

    def target(self) -> Rows:
        """For each group at the beginning, the one it is in at the end."""
        into = self.into
        while not np.array_equal(into, into[into]):
            into = into[into]
        return into

    def _find_pairs(self) -> None:
        """Pairs of groups that are alike enough as they are. No others need to be known: two groups that are not alike
        enough do not become so by taking in others that are not either, for a mean is never above its greatest part."""
        count = len(self.sizes)
        means = (self.sums / self.sizes[:, None]).astype(np.float32)
        # Means of unit vectors are no longer than they are, so float32 is as sure here as in `neighbours`.
        doubt = np.float32(means.shape[1] * 2.0**-23)
        height = max(1, _BLOCK_PAIRS // count)
        for top in range(0, count, height):
            block = means[top : top + height] @ means[top:].T
            line, column = np.nonzero(np.triu(block >= np.float32(self.lowest) - doubt, 1))
            for one, other in zip((line + top).tolist(), (column + top).tolist(), strict=True):
                self.near.setdefault(one, set()).add(other)
                self.near.setdefault(other, set()).add(one)
            self._offer(line + top, column + top)

    def _offer(self, one: Rows, other: Rows) -> None:
        similar = (self.sums[one] * self.sums[other]).sum(axis=1) / (self.sizes[one] * self.sizes[other])
        for mean, left, right in zip(similar.tolist(), one.tolist(), other.tolist(), strict=True):
            if mean >= self.lowest:
                self.heap.append((-mean, left, right, self.version[left], self.version[right]))

    def _merge(self, one: int, other: int) -> None:
        """Takes `other` into `one`, which stands before it."""
        self.into[other] = one
        self.sums[one] += self.sums[other]
        self.sizes[one] += self.sizes[other]
        self.photos[one] |= self.photos[other]
        self.version[one] += 1
        self.version[other] = -1
        beside = (self.near[one] | self.near.pop(other)) - {one, other}
        self.near[one] = beside
        for third in beside:
            self.near[third].discard(other)
            self.near[third].add(one)
        rows = np.array(sorted(beside), dtype=np.int64)
        similar = (self.sums[rows] * self.sums[one]).sum(axis=1) / (self.sizes[rows] * self.sizes[one])
        for third, mean in zip(rows.tolist(), similar.tolist(), strict=True):
            if mean >= self.lowest:
                left, right = min(one, third), max(one, third)
                heapq.heappush(self.heap, (-mean, left, right, self.version[left], self.version[right]))
