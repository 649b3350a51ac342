"""Pictures that look alike: a hash of 64 bits that survives resizing, recompression and brightening.

The hash (a DCT pHash, after C. Zauner, 2010): the picture in grey, 32 x 32, a cosine transform, and one bit for each of
the 64 lowest frequencies but the mean: whether it lies above their median. Distances are the bits that differ.
"""

import itertools
from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from gallery.vision.pixels import Pixels

Hashes = npt.NDArray[np.int64]
Pairs = npt.NDArray[np.int64]

_EDGE_PX = 32
_BITS = 64
_FLAT = 2.0  # standard deviation of the grey of 0 to 255
# A bucket of hashes with an equal part is compared in blocks of this many pairs, 16 MB.
_BLOCK_PAIRS = 2_000_000


def perceptual_hash(pixels: Pixels) -> int | None:
    """A signed integer of 64 bits, as databases hold them, of upright sRGB pixels (uint8, height x width x 3).

    None for a picture of almost one colour: a black frame looks like every other black frame and says nothing.
    """
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_EDGE_PX, _EDGE_PX), interpolation=cv2.INTER_AREA).astype(np.float32)
    if float(small.std()) < _FLAT:
        return None
    frequencies = cv2.dct(small)
    # The lowest 64 in zigzag order without the mean, which is the brightness.
    lowest = frequencies[_ROWS, _COLUMNS]
    bits = lowest > np.median(lowest)
    return int.from_bytes(np.packbits(bits).tobytes(), "big", signed=True)


def distance(first: int, second: int) -> int:
    """How many of the 64 bits differ; 0 for pictures that look the same."""
    return ((first ^ second) & ((1 << _BITS) - 1)).bit_count()


def near_pairs(hashes: Hashes, most: int) -> Pairs:
    """All pairs of hashes at most `most` bits apart (0 to 15), exactly.

    `hashes`: int64, any number. Returns int64 of shape (pairs, 2): places in `hashes`, the smaller first, sorted.
    Raises ValueError for other distances.

    Of `most` + 1 parts of the bits at least one is equal in two such hashes, so only those that share a part are
    compared. Equal hashes are compared once for all, but the pairs among them are all returned: 16 bytes for each of
    n (n - 1) / 2. Memory: O(hashes + pairs).
    """
    if not 0 <= most <= 15:
        raise ValueError(f"A distance of {most} bits cannot be searched for; 0 to 15 can.")
    values, groups = np.unique(hashes.astype(np.int64).view(np.uint64), return_inverse=True)
    found = [np.empty((0, 2), np.int64)]
    bounds = np.linspace(0, _BITS, most + 2).round().astype(int)
    for low, high in itertools.pairwise(bounds.tolist()):
        parts = (values >> np.uint64(low)) & np.uint64(2 ** (high - low) - 1)
        for first, second in _sharing(parts):
            near = np.bitwise_count(values[first] ^ values[second]) <= most
            found.append(np.stack([first[near], second[near]], axis=1))
    distinct = np.unique(np.concatenate(found), axis=0)
    return _expand(distinct, groups)


def _sharing(parts: npt.NDArray[np.uint64]) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Blocks of places (first < second) whose parts are equal."""
    order = np.argsort(parts, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(parts[order]) != 0, True]) if len(parts) else np.zeros(1, np.int64)
    sizes = np.diff(starts)
    # Every place is paired with those after it in its bucket: as many as are left there.
    left = np.repeat(starts[1:], sizes) - np.arange(len(order)) - 1
    at = 0
    total = np.cumsum(left)
    while at < len(order):
        done = total[at - 1] if at else 0
        end = max(int(np.searchsorted(total, done + _BLOCK_PAIRS, side="right")), at + 1)
        counts = left[at:end]
        first = np.repeat(np.arange(at, end), counts)
        step = np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts) + 1
        yield _ordered(order[first], order[first + step])
        at = end


def _ordered(
    first: npt.NDArray[np.int64], second: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    return np.minimum(first, second), np.maximum(first, second)


def _expand(distinct: Pairs, groups: npt.NDArray[np.int64]) -> Pairs:
    """Pairs of places from pairs of distinct hashes, and the pairs of equal ones."""
    members = np.argsort(groups, kind="stable")
    sizes = np.bincount(groups) if len(groups) else np.zeros(0, np.int64)
    starts = np.cumsum(sizes) - sizes
    same = np.stack(next(_all_sharing(groups), (np.empty(0, np.int64), np.empty(0, np.int64))), axis=1)
    counts = sizes[distinct[:, 0]] * sizes[distinct[:, 1]]
    pair = np.repeat(np.arange(len(distinct)), counts)
    step = np.arange(len(pair)) - np.repeat(np.cumsum(counts) - counts, counts)
    left, right = distinct[pair, 0], distinct[pair, 1]
    first = members[starts[left] + step // sizes[right]]
    second = members[starts[right] + step % sizes[right]]
    pairs = np.concatenate([same, np.stack(_ordered(first, second), axis=1)])
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def _all_sharing(groups: npt.NDArray[np.int64]) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    blocks = list(_sharing(groups.astype(np.uint64)))
    if blocks:
        yield np.concatenate([it[0] for it in blocks]), np.concatenate([it[1] for it in blocks])


def _zigzag() -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    places = sorted(
        ((row, column) for row in range(_EDGE_PX) for column in range(_EDGE_PX)), key=lambda it: (sum(it), it)
    )
    rows, columns = zip(*places[1 : _BITS + 1], strict=True)
    return np.array(rows, np.intp), np.array(columns, np.intp)


_ROWS, _COLUMNS = _zigzag()
