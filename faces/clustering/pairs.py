"""Pairs of faces that look alike, by blocked products in bounded memory, and what labels are.

Embeddings are float32 (n, d) of L2 length 1, one row a face; rows that are not (zeros, NaN) belong to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Embeddings = NDArray[np.float32]
Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]

NOISE = -1

# Rows of one block: a block of similarities takes 4 MB whatever n is.
BLOCK_ROWS = 1024
# So many are very few (`beside`), of whom so many are multiplied with a block at once.
_VERY_FEW, _TOGETHER = 16, 4
# How far from 1 the length of a usable embedding may be: float32 leaves 1e-7, anything near this is no embedding.
LENGTH_TOLERANCE = 1e-3
# What 1 is in whole numbers (`whole`).
ONE = 4064


def usable(embeddings: Embeddings) -> Mask:
    """Which rows are embeddings at all: finite and of length 1. bool (n,)."""
    with np.errstate(invalid="ignore", over="ignore"):
        lengths = np.sqrt(np.einsum("ij,ij->i", embeddings, embeddings))
        return np.asarray(np.abs(lengths - 1.0) <= LENGTH_TOLERANCE)


def whole(points: Embeddings) -> Embeddings:
    """Usable embeddings in whole numbers, float32 (n, d): 4064 times as long, and rounded.

    A product of two such rows, and each sum on the way to it, is a whole number below 2**24, as long as d is at most
    3000. float32 holds it exactly, so it is the same however BLAS goes about it, and so are sums of rows in float64.
    That gives all pairs, and all means over pairs, one order that no rounding can touch: what is kept while faces come
    and go stays what a run from nothing finds. It costs 0.0001 of a similarity; the error of an embedding is far more.
    """
    return np.asarray(np.rint(points * np.float32(ONE)), dtype=np.float32)


def distinct(values: Rows) -> Rows:
    """Each value once, ascending. Sorts: np.unique hashes, which takes long where most values are the same."""
    ranked = np.sort(values, axis=None)
    return ranked[np.append(True, ranked[1:] != ranked[:-1])] if len(ranked) else ranked


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


def _blocks(count: int) -> Iterator[tuple[slice, slice]]:
    """The blocks of the upper triangle of a count x count matrix, row by row."""
    for top in range(0, count, BLOCK_ROWS):
        for left in range(top, count, BLOCK_ROWS):
            yield slice(top, min(top + BLOCK_ROWS, count)), slice(left, min(left + BLOCK_ROWS, count))


def pairs_above(points: Embeddings, lowest: float) -> Iterator[tuple[Rows, Rows, NDArray[np.float32]]]:
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


def beside(many: Embeddings, few: Embeddings, lowest: float) -> tuple[Rows, Rows, NDArray[np.float32]]:
    """Pairs (row of `many`, row of `few`) with a float32 similarity of at least `lowest`, and that; in no order.

    Memory: one block and the pairs. Very few are multiplied by blocks that stay in a processor's own cache and are too
    small for BLAS to copy them first or to wait for a second thread: a third of the time, and less while others work.
    """
    width, height = len(few), max(1, 8 * BLOCK_ROWS * BLOCK_ROWS // max(1, len(few)))
    if width <= _VERY_FEW:
        width, height = _TOGETHER, BLOCK_ROWS
    parts = [(left, np.ascontiguousarray(few[left : left + width].T)) for left in range(0, len(few), max(1, width))]
    found: list[tuple[Rows, Rows, NDArray[np.float32]]] = []
    for top in range(0, len(many), height):
        block = many[top : top + height]
        for left, part in parts:
            # The rows are finite (`usable`), but BLAS fills up so few columns with what an earlier product left, NaN
            # perhaps, and may say so.
            with np.errstate(invalid="ignore"):
                similarity = block @ part
            flat = np.flatnonzero(similarity >= np.float32(lowest))
            if len(flat):
                row, column = np.divmod(flat, part.shape[1])
                found.append((row + top, column + left, similarity.reshape(-1)[flat]))
    if not found:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
    row, column, similarity = (np.concatenate(side) for side in zip(*found, strict=True))
    return row, column, similarity


def near(points: Embeddings, rows: Rows, threshold: float, *, among: Rows | None = None) -> tuple[Rows, Rows]:
    """All pairs (one of `rows`, another row) with `exact_similarity` >= threshold; `among` limits the other rows.

    In no order that matters. Memory: one block and the pairs.
    """
    if not len(rows):
        return rows, rows
    others = points if among is None else points[among]
    doubt = _doubt(points)
    column, line, similarity = beside(others, points[rows], threshold - doubt)
    left, right = rows[line], column if among is None else among[column]
    is_near = left != right
    unsure = np.flatnonzero(is_near & (similarity < threshold + doubt))
    is_near[unsure] = exact_similarity(points, left[unsure], right[unsure]) >= threshold
    return left[is_near], right[is_near]


def _doubt(points: Embeddings) -> float:
    """The worst error of a float32 dot product of unit vectors of length d: d roundings of half an ulp each, twice."""
    return float(points.shape[1] * 2.0**-23)


def neighbours(points: Embeddings, threshold: float) -> Iterator[tuple[Rows, Rows]]:
    """All pairs left < right with `exact_similarity` >= threshold."""
    doubt = _doubt(points)
    for left, right, similarity in pairs_above(points, threshold - doubt):
        unsure = np.flatnonzero(similarity < threshold + doubt)
        if len(unsure):
            keep = np.ones(len(left), dtype=np.bool_)
            keep[unsure] = exact_similarity(points, left[unsure], right[unsure]) >= threshold
            left, right = left[keep], right[keep]
        yield left, right
