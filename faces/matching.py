"""Which person a face belongs to, judged by the faces that somebody confirmed. Pure numpy, no Django."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from faces.clustering import Embeddings, Mask, Rows
from faces.clustering.calibration import match_limits

NOBODY = -1

# Rows of one block of similarities, and how many people are considered for one face: the fourth nearest has never been
# the right one when three nearer people were taken by other faces of the same photo.
BLOCK_ROWS = 1024
CHOICES = 4


def assign(
    embeddings: Embeddings,
    photo_ids: Rows,
    *,
    confirmed: Embeddings,
    confirmed_people: Rows,
    taken: Iterable[tuple[int, int]],
    refused: Iterable[tuple[int, int]],
    match_distance: float,
) -> Rows:
    """A person id, or NOBODY, for each of n faces that nobody confirmed. int64 (n,).

    A face may be a person if its cosine distance to the nearest of that person's confirmed faces (float32 (m, d), with
    int64 (m,) person ids) is at most `match_distance`, less for people with many (`match_limits`). `refused` holds
    pairs of row and person that somebody ruled out; `taken` holds pairs of photo and person that a confirmed face
    already fills. Among what is left the nearest pairs win, one after the other, and nobody is twice in one photo;
    equals go by row, then by person id. A face whose best person went to a nearer face of its photo may still be its
    second best: brothers who are both in the picture.

    Rows that are not embeddings (zeros, NaN) belong to nobody. Memory: O(n + m) and one block.
    """
    result = np.full(len(embeddings), NOBODY, dtype=np.int64)
    if not len(embeddings) or not len(confirmed):
        return result
    order = np.argsort(confirmed_people, kind="stable")
    people, starts, counts = np.unique(confirmed_people[order], return_index=True, return_counts=True)
    gallery = np.nan_to_num(confirmed[order])
    ruled_out = _positions(refused, people)
    thresholds = (1.0 - match_limits(match_distance, counts)).astype(np.float32)
    candidates = []
    for top in range(0, len(embeddings), BLOCK_ROWS):
        block = np.nan_to_num(embeddings[top : top + BLOCK_ROWS])
        nearest = np.maximum.reduceat(block @ gallery.T, starts, axis=1)
        for row, person in ruled_out.get(top // BLOCK_ROWS, ()):
            nearest[row - top, person] = -np.inf
        candidates.append(_nearest_people(nearest, thresholds, top))
    rows, columns, similarity = (np.concatenate(part) for part in zip(*candidates, strict=True))
    filled = set(taken)
    for choice in np.lexsort((columns, rows, -similarity)).tolist():
        row, person = int(rows[choice]), int(people[columns[choice]])
        place = (int(photo_ids[row]), person)
        if result[row] == NOBODY and place not in filled:
            result[row] = person
            filled.add(place)
    return result


def _nearest_people(
    nearest: NDArray[np.float32], thresholds: NDArray[np.float32], top: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Row, column and similarity of up to CHOICES people to each row of a block (b, p) that are near enough, by
    `thresholds` (p,)."""
    near: Mask = nearest >= thresholds
    for row in np.flatnonzero(near.sum(axis=1) > CHOICES):
        further = np.argsort(-nearest[row], kind="stable")[CHOICES:]
        near[row, further] = False
    rows, columns = np.nonzero(near)
    return rows.astype(np.int64) + top, columns.astype(np.int64), nearest[rows, columns]


def _positions(refused: Iterable[tuple[int, int]], people: Rows) -> dict[int, list[tuple[int, int]]]:
    """Refusals by block, with the person's column in place of the id; people without confirmed faces are left out."""
    column = {int(person): index for index, person in enumerate(people)}
    found: dict[int, list[tuple[int, int]]] = {}
    for row, person in refused:
        if person in column:
            found.setdefault(row // BLOCK_ROWS, []).append((row, column[person]))
    return found
