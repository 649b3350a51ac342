"""Which photos are worth a second look: hashes that are near, and shots of one camera in a row. Pure numpy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gallery.vision import similarity

Hashes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Pairs = npt.NDArray[np.int64]

# Of 64 bits. Copies that were recompressed, shrunk or brightened are within 8 for every one of 306 sample photos, and
# so are 99 % of crops by 3 % of the edge. The nearest two different pictures among them are 14 apart.
MOST = 8
# Shots in a row move more. What is this near, from one camera within seconds, is the same scene.
MOST_IN_A_ROW = 16
IN_A_ROW_S = 10
# What more pictures than this are near to says nothing: pages of text, a time lapse, frames with a mark.
CROWD = 100
# A shot is compared with so many that follow it. Who holds the button for longer gets several groups.
_FOLLOWING = 60
# Up to so many comparisons one by one beat sorting into buckets (`similarity.near_pairs`); blocks of 16 MB.
_ONE_BY_ONE = 500_000_000
_BLOCK = 2_000_000
_PROBES = 2000


def near(hashes: Hashes, is_new: Mask, most: int = MOST) -> Pairs:
    """All pairs with a new one in them whose hashes are at most `most` bits apart, but for crowds exactly.

    `hashes` int64 (n,). Returns int64 (pairs, 2), the smaller place first, sorted. Photos that more than `CROWD`
    others are near to are left out. Memory O(n); 100 new among 100,000 take 10 ms, 200,000 new ones 11 s.
    """
    if not is_new.any():
        return np.empty((0, 2), np.int64)
    _, which, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    places = np.flatnonzero(counts[which] <= CROWD)
    is_many = int(is_new[places].sum()) * len(places) > _ONE_BY_ONE
    if is_many:
        places = places[~_is_in_a_crowd(hashes[places], most)]
    kept, fresh = hashes[places], is_new[places]
    if is_many:
        found = similarity.near_pairs(kept, most)
        found = found[fresh[found].any(axis=1)]
    else:
        found = _one_by_one(kept, np.flatnonzero(fresh), fresh, most)
    degree = np.bincount(found.ravel(), minlength=len(kept))
    return _sorted(places[found[(degree[found] <= CROWD).all(axis=1)]])


def _is_in_a_crowd(hashes: Hashes, most: int) -> Mask:
    """Which hashes a crowd is near to, told from a sample: pairs within a crowd of thousands would fill the memory."""
    bits = np.ascontiguousarray(hashes).view(np.uint64)
    probes = np.random.default_rng(0).choice(bits, min(_PROBES, len(bits)), replace=False)
    hits = np.zeros(len(bits), np.int64)
    for probe in probes:
        hits += np.bitwise_count(bits ^ probe) <= most
    return hits > max(10, 10 * CROWD * len(probes) // max(1, len(bits)))


def _one_by_one(hashes: Hashes, new: npt.NDArray[np.int64], is_new: Mask, most: int) -> Pairs:
    bits = np.ascontiguousarray(hashes).view(np.uint64)
    step = max(1, _BLOCK // max(1, len(bits)))
    found = [np.empty((0, 2), np.int64)]
    for start in range(0, len(new), step):
        rows = new[start : start + step]
        row, other = np.nonzero(np.bitwise_count(bits[rows][:, None] ^ bits[None, :]) <= most)
        first = rows[row]
        # Two new ones meet twice, and each meets itself.
        once = (first < other) | ((first > other) & ~is_new[other])
        found.append(np.stack([first[once], other[once]], axis=1))
    return np.concatenate(found)


def in_a_row(cameras: npt.NDArray[np.int64], seconds: npt.NDArray[np.int64], hashes: Hashes, is_new: Mask) -> Pairs:
    """Pairs with a new one in them, taken by one camera within `IN_A_ROW_S` seconds, whose hashes are not far apart.

    `cameras` int64 (n,), any number for each; `seconds` int64 (n,). Returns as `near` does. Time O(n log n), memory
    O(n + pairs): each is compared with the next `_FOLLOWING` at most.
    """
    order = np.lexsort((seconds, cameras))
    camera, second, bits = cameras[order], seconds[order], hashes[order].view(np.uint64)
    found = [np.empty((0, 2), np.int64)]
    for step in range(1, min(_FOLLOWING, len(order) - 1) + 1):
        together = (camera[step:] == camera[:-step]) & (second[step:] - second[:-step] <= IN_A_ROW_S)
        if not together.any():
            break
        together &= np.bitwise_count(bits[step:] ^ bits[:-step]) <= MOST_IN_A_ROW
        first = np.flatnonzero(together)
        found.append(np.stack([order[first], order[first + step]], axis=1))
    pairs = np.concatenate(found)
    return _sorted(pairs[is_new[pairs].any(axis=1)])


def _sorted(pairs: Pairs) -> Pairs:
    pairs = np.sort(pairs, axis=1)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
