"""Faces that are too bad to start a group join the groups that good ones made (`quality`), while all come and go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from faces.clustering.constraints import NO_PAIRS, units
from faces.clustering.pairs import NOISE, Embeddings, Mask, Rows, beside, distinct, usable

# Of the good faces near it so many are looked at, the nearest first: where a face may join none of their groups,
# because somebody else of its photo is in each, it is better in none.
CHOICES = 8
# Entries of one block of similarities: 16 MB.
_BLOCK = 4_194_304
_COLUMNS = ("ids", "embeddings", "nearest", "similarity")


class Joining:
    """Fair faces, each with the nearest good faces within eps, under insertion and deletion of both.

    `nearest` int64 (m, CHOICES): ids of good faces, the most alike first, equals by id, NOISE where there are no more;
    `similarity` float64 (m, CHOICES), -inf there. After any sequence the same as one that begins from nothing. Memory:
    128 bytes and the embedding for each face.
    """

    def __init__(self, dimensions: int, *, eps: float) -> None:
        self.eps = eps
        self.ids: Rows = np.empty(0, dtype=np.int64)
        self.embeddings: Embeddings = np.empty((0, dimensions), dtype=np.float32)
        self.nearest: Rows = np.empty((0, CHOICES), dtype=np.int64)
        self.similarity: NDArray[np.float64] = np.empty((0, CHOICES))

    @classmethod
    def restored(cls, arrays: Mapping[str, NDArray[Any]], *, eps: float) -> Joining:
        """What `arrays` gave. Raises KeyError or ValueError if that cannot be."""
        made = cls(arrays["embeddings"].shape[1], eps=eps)
        for name in _COLUMNS:
            setattr(made, name, arrays[name])
        count = len(made.ids)
        if len(made.embeddings) != count or {made.nearest.shape, made.similarity.shape} != {(count, CHOICES)}:
            raise ValueError(f"{count} faces, but arrays of another length")
        return made

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that it knows, by name; no copies."""
        return {name: getattr(self, name) for name in _COLUMNS}

    def update(
        self, *, gone: Rows, new_ids: Rows, new: Embeddings, good: Rows, points: Embeddings, lost: Rows, came: Mask
    ) -> None:
        """Follows a change. Fair faces `gone` are taken out, `new_ids` with the embeddings `new` put in; one that is
        embedded anew is both. Then there are the good faces `good` int64 (n,), in any order, with `points` float32
        (n, d), of which `came` (n,) were not there before, as they are; NOISE is no face. `lost` are ids of those that
        are not any more, or not as they were. O(n * d) for a fair face that comes or loses one of its nearest,
        O(m * d) for a good one.
        """
        if len(gone) or len(new_ids):
            stays = ~np.isin(self.ids, gone)
            ids = np.concatenate([self.ids[stays], new_ids])
            order = np.argsort(ids, kind="stable")
            self.ids = ids[order]
            self.embeddings = np.concatenate([self.embeddings[stays], new])[order]
            blank = np.full((len(new_ids), CHOICES), NOISE, dtype=np.int64)
            self.nearest = np.concatenate([self.nearest[stays], blank])[order]
            self.similarity = np.concatenate([self.similarity[stays], np.full(blank.shape, -np.inf)])[order]
        stale = np.isin(self.ids, new_ids)
        if len(lost):
            stale |= np.isin(self.nearest, lost).any(axis=1)
        self.nearest[stale], self.similarity[stale] = NOISE, -np.inf
        is_point = usable(self.embeddings)
        self._offer(np.flatnonzero(~stale & is_point), good[came], points[came])
        self._offer(np.flatnonzero(stale & is_point), good, points)

    def _offer(self, rows: Rows, good: Rows, points: Embeddings) -> None:
        """Compares some fair faces with some good ones, and keeps the nearest of all that they were compared with."""
        if not len(rows) or not len(good):
            return
        threshold = 1.0 - self.eps
        # Pairs that float32 may have on the wrong side are decided by a sum that does not depend on the block.
        least = threshold - self.embeddings.shape[1] * 2.0**-23
        height = max(1, _BLOCK // len(good))
        for top in range(0, len(rows), height):
            block = rows[top : top + height]
            if len(block) < len(good):
                column, line, _ = beside(points, self.embeddings[block], least)
            else:
                line, column, _ = beside(self.embeddings[block], points, least)
            row = block[line]
            similarity = _products(self.embeddings, row, points, column)
            near = (similarity >= threshold) & (good[column] != NOISE)
            self._take(row[near], good[column[near]], similarity[near])

    def _take(self, rows: Rows, ids: Rows, similarity: NDArray[np.float64]) -> None:
        touched = np.unique(rows)
        held_row, held = np.nonzero(self.nearest[touched] != NOISE)
        rows = np.concatenate([rows, touched[held_row]])
        ids = np.concatenate([ids, self.nearest[touched[held_row], held]])
        similarity = np.concatenate([similarity, self.similarity[touched[held_row], held]])
        order = np.lexsort((ids, -similarity, rows))
        rows, ids, similarity = rows[order], ids[order], similarity[order]
        rank = np.arange(len(rows)) - np.searchsorted(rows, rows)
        kept = rank < CHOICES
        self.nearest[touched], self.similarity[touched] = NOISE, -np.inf
        self.nearest[rows[kept], rank[kept]] = ids[kept]
        self.similarity[rows[kept], rank[kept]] = similarity[kept]

    def join(
        self,
        photo_ids: Rows,
        *,
        good: Rows,
        labels: Rows,
        good_photos: Rows,
        never: Rows = NO_PAIRS,
        always: Rows = NO_PAIRS,
    ) -> Rows:
        """The group of each fair face, or NOISE: int64 (m,), in the order of `ids`. The groups stay as they are.

        `labels` (n,) are the groups of the good faces, NOISE for none. A face goes to the group of the nearest of its
        good faces that is in one, unless that holds a face of its photo, or one that it is never to be with: then to
        the next. The nearest pairs go first, so two faces of one photo never come into one group. Before all others
        those join that are always one person with a face of a group.
        """
        result = np.full(len(self.ids), NOISE, dtype=np.int64)
        if not len(good):
            return result
        rows, column = np.nonzero(self.nearest != NOISE)
        nearest, similarity = self.nearest[rows, column], self.similarity[rows, column]
        group = labels[np.searchsorted(good, nearest).clip(max=len(good) - 1)]
        pairs = _Choices(rows, nearest, similarity, group).picked(group != NOISE)
        tied = self._tied(good, labels, units(always, never))
        # A place in a group is the group and a photo, of which nobody else may be in it.
        photos, number = np.unique(photo_ids, return_inverse=True)
        there = np.searchsorted(photos, good_photos).clip(max=max(len(photos) - 1, 0))
        held = np.flatnonzero((labels != NOISE) & (photos[there] == good_photos)) if len(photos) else there[:0]
        held = distinct(labels[held] * len(photos) + there[held])
        places = pairs.group * len(photos) + number[pairs.row]
        tied_places = np.array([label * len(photos) + int(number[row]) for row, label in tied], dtype=np.int64)

        # Most are the only ones who could have the place that they like best, and have it.
        best = np.flatnonzero(np.append(True, pairs.row[1:] != pairs.row[:-1])[: len(places)])
        is_beside = np.bincount(number, minlength=1)[number[pairs.row]] > 1
        asked = _of_several(places[is_beside], pairs.row[is_beside])
        is_free = ~_are_in(places[best], held) & ~_are_in(places[best], np.sort(np.append(asked, tied_places)))
        is_free &= ~np.isin(self.ids[pairs.row[best]], never) & ~np.isin(pairs.row[best], [row for row, _ in tied])
        result[pairs.row[best[is_free]]] = pairs.group[best[is_free]]

        # The others one by one.
        is_open = result[pairs.row] == NOISE
        rest, wanted = pairs.picked(is_open), places[is_open]
        taken = set(wanted[_are_in(wanted, held)].tolist())
        apart: dict[int, set[int]] = {}
        for one, other in never.tolist():
            apart.setdefault(one, set()).add(other)
            apart.setdefault(other, set()).add(one)
        is_partner = np.isin(good, never)
        label_of = dict(zip(good[is_partner].tolist(), labels[is_partner].tolist(), strict=True))

        def take(row: int, label: int, *, anyway: bool) -> None:
            face, place = int(self.ids[row]), label * len(photos) + int(number[row])
            if result[row] != NOISE or (place in taken and not anyway):
                return
            if any(label_of.get(other) == label for other in apart.get(face, ())):
                return
            result[row] = label
            taken.add(place)
            if face in apart:
                label_of[face] = label

        for row, label in tied:
            take(row, label, anyway=True)
        order = np.lexsort((rest.nearest, self.ids[rest.row], -rest.similarity))
        for row, label in zip(rest.row[order].tolist(), rest.group[order].tolist(), strict=True):
            take(row, label, anyway=False)
        return result

    def _tied(self, good: Rows, labels: Rows, unit_of: dict[int, int]) -> list[tuple[int, int]]:
        """Rows of fair faces and the group in which their unit is, in the order of ids."""
        if not unit_of:
            return []
        group_of: dict[int, int] = {}
        for row in np.flatnonzero(np.isin(good, list(unit_of)) & (labels != NOISE)).tolist():
            group_of.setdefault(unit_of[int(good[row])], int(labels[row]))
        rows = np.flatnonzero(np.isin(self.ids, list(unit_of))).tolist()
        return [(row, group_of[unit]) for row in rows if (unit := unit_of[int(self.ids[row])]) in group_of]


class _Choices(NamedTuple):
    """Rows of fair faces, each with a good face near it, the nearest first, and the group of that: all (k,)."""

    row: Rows
    nearest: Rows
    similarity: NDArray[np.float64]
    group: Rows

    def picked(self, chosen: Mask) -> _Choices:
        return _Choices(self.row[chosen], self.nearest[chosen], self.similarity[chosen], self.group[chosen])


def _are_in(values: Rows, ranked: Rows) -> Mask:
    """Which values are among `ranked`, which ascend. np.isin sorts or hashes both."""
    if not len(ranked):
        return np.zeros(len(values), dtype=np.bool_)
    found: Mask = ranked[np.searchsorted(ranked, values).clip(max=len(ranked) - 1)] == values
    return found


def _of_several(values: Rows, rows: Rows) -> Rows:
    """Those values (k,) that are with more than one of the rows (k,)."""
    order = np.argsort(values)
    ranked, rows = values[order], rows[order]
    starts = np.append(True, ranked[1:] != ranked[:-1])[: len(ranked)]
    first = rows[np.flatnonzero(starts)][np.cumsum(starts) - 1]
    return distinct(ranked[rows != first])


def _products(
    points: Embeddings, rows: Rows, others: Embeddings, columns: Rows, step: int = 65_536
) -> NDArray[np.float64]:
    """Dot products of pairs, float64 (k,), as `pairs.exact_similarity` sums them."""
    result = np.empty(len(rows), dtype=np.float64)
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        result[part] = (points[rows[part]].astype(np.float64) * others[columns[part]]).sum(axis=1)
    return result
