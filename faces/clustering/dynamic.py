"""DBSCAN that is kept right while faces come and go: after any sequence it is what `dbscan` makes of those left.

What changes when a point comes or goes is near it (M. Ester et al., "Incremental clustering for mining in a data
warehousing environment", VLDB 1998): only its neighbours can become core points or cease to be, only the components of
those can run together or fall apart, and only their borders can go elsewhere. A product of the few points in question
with all others finds them, so an insertion costs O(n) for each face and nothing like n squared. Whether a component
falls apart is decided by walking from one neighbour of what went to the others, and is over when all were met.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from faces.clustering.batch import density, nearest_centres
from faces.clustering.pairs import NOISE, Embeddings, Mask, Rows, distinct, near, usable

# Points of one step of a walk: more make the product cheaper, fewer make it end sooner.
_STEP = 64
# Faces that come or go at once: thousands of copies of one picture have millions of pairs among them.
_BATCH = 64
_COLUMNS = ("ids", "degrees", "core", "component", "nearest")


class Event(NamedTuple):
    """What became of a cluster. Merged: `cluster` is gone, `other` has its faces; split: `other` is a new part of it.

    Of two that merge the one with more core points is kept, of the parts of a split the greatest keeps the number, the
    older one (that of the lowest face id) among equals.
    """

    kind: Literal["created", "merged", "split", "vanished"]
    cluster: int
    other: int = NOISE


@dataclass(frozen=True, slots=True)
class Changes:
    """Events in their order, and the ids of the faces that are in another cluster now: int64, ascending."""

    events: tuple[Event, ...]
    moved: Rows


class DynamicDBSCAN:
    """Clusters of faces under insertion and deletion, exactly those of `dbscan`.

    A face has an id of its own, any integer from 0 up, and an embedding, float32 (d,); one that is none (zeros, NaN)
    belongs to nothing. A cluster keeps its id while it grows and shrinks; ids are never used again. Memory: the
    embeddings and 41 bytes for each face. Not for two threads at once.
    """

    def __init__(self, dimensions: int, *, eps: float, min_samples: int) -> None:
        self.eps, self.min_samples = eps, min_samples
        self._points: Embeddings = np.zeros((0, dimensions), dtype=np.float32)
        self._ids: Rows = np.empty(0, dtype=np.int64)  # NOISE: a free row
        self._degrees: Rows = np.empty(0, dtype=np.int64)
        self._core: Mask = np.empty(0, dtype=np.bool_)
        self._component: Rows = np.empty(0, dtype=np.int64)  # of core points
        self._nearest: Rows = np.empty(0, dtype=np.int64)  # of border points: the row of their nearest core neighbour
        self._rows: dict[int, int] = {}
        self._free: list[int] = []
        self._next = 0

    @classmethod
    def build(cls, ids: Rows, embeddings: Embeddings, *, eps: float, min_samples: int) -> DynamicDBSCAN:
        """The clusters of many faces at once, by `dbscan`, numbered from 0 in the order of their lowest face id."""
        made = cls(embeddings.shape[1], eps=eps, min_samples=min_samples)
        order = np.argsort(ids, kind="stable")
        rows = made._allocate(ids[order], embeddings[order])
        good = rows[made._degrees[rows] > 0]
        if len(good):
            # Row numbers stand in the order of ids here, so the lowest row among equals is the lowest id.
            found = density(made._points[good], eps=eps, min_samples=min_samples)
            made._degrees[good], made._core[good] = found.degrees, found.core
            made._nearest[good] = np.where(found.nearest != NOISE, good[found.nearest], NOISE)
            cores = good[found.core]
            _, first, inverse = np.unique(found.component[found.core], return_index=True, return_inverse=True)
            made._component[cores] = np.argsort(np.argsort(first))[inverse]
            made._next = len(first)
        return made

    @classmethod
    def restored(cls, arrays: Mapping[str, NDArray[Any]], *, eps: float, min_samples: int) -> DynamicDBSCAN:
        """What `arrays` was given by, which it keeps and changes. Raises KeyError or ValueError if that cannot be."""
        points = arrays["points"]
        made = cls(points.shape[1], eps=eps, min_samples=min_samples)
        for name in _COLUMNS:
            column = arrays[name]
            if column.shape != (len(points),):
                raise ValueError(f"{name}: {column.shape} for {len(points)} rows")
            setattr(made, f"_{name}", column)
        made._points = points
        made._next = int(arrays["next"][0])
        taken = np.flatnonzero(made._ids != NOISE)
        made._rows = dict(zip(made._ids[taken].tolist(), taken.tolist(), strict=True))
        made._free = np.flatnonzero(made._ids == NOISE).tolist()
        return made

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that it knows, by name; no copies."""
        columns = {name: getattr(self, f"_{name}") for name in _COLUMNS}
        return {"points": self._points, **columns, "next": np.array([self._next], dtype=np.int64)}

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, face_id: int) -> bool:
        return face_id in self._rows

    def labels(self) -> tuple[Rows, Rows]:
        """The ids of all faces, ascending, and the cluster of each, or NOISE. Both int64 (n,)."""
        rows = np.flatnonzero(self._ids != NOISE)
        rows = rows[np.argsort(self._ids[rows])]
        return self._ids[rows], self._all_labels()[rows]

    def core_ids(self) -> Rows:
        """The ids of the core points, ascending."""
        return np.sort(self._ids[self._core])

    # ---- By row. A face keeps its row while it is there; afterwards another may have it.

    @property
    def points(self) -> Embeddings:
        """float32 (rows, d); zeros in free rows and for faces without an embedding. Not to be changed."""
        return self._points

    @property
    def row_ids(self) -> Rows:
        """The id of the face in each row, or NOISE for a free one. int64 (rows,). Not to be changed."""
        return self._ids

    def row_labels(self) -> Rows:
        """The cluster of each row, or NOISE."""
        return self._all_labels()

    def usable_rows(self) -> Mask:
        """Which rows hold a face that has an embedding."""
        return self._degrees > 0

    def rows_of(self, ids: Rows) -> Rows:
        """The rows of faces. Raises KeyError for an id that is not there."""
        if len(ids) * 8 < len(self._rows):
            return np.array([self._rows[face_id] for face_id in ids.tolist()], dtype=np.int64)
        order = np.argsort(self._ids, kind="stable")
        place = np.minimum(np.searchsorted(self._ids, ids, sorter=order), len(order) - 1)
        rows = order[place] if len(order) else place
        if not np.array_equal(self._ids[rows], ids):
            raise KeyError("a face is not there")
        return rows

    # ---- Coming

    def insert(self, ids: Sequence[int] | Rows, embeddings: Embeddings) -> Changes:
        """Adds faces. Raises ValueError, and changes nothing, for an id that is there or an array of another shape."""
        new_ids = np.asarray(ids, dtype=np.int64)
        self._check_new(new_ids, embeddings)
        before = self._all_labels()
        events: list[Event] = []
        for start in range(0, len(new_ids), _BATCH):
            part = slice(start, start + _BATCH)
            events += self._insert(new_ids[part], embeddings[part])
        before = np.concatenate([before, np.full(len(self._ids) - len(before), NOISE, dtype=np.int64)])
        return Changes(tuple(events), self._moved(before))

    def _insert(self, ids: Rows, embeddings: Embeddings) -> list[Event]:
        rows = self._allocate(ids, embeddings)
        is_new = self._mask(rows)
        one, other = near(self._points, rows[self._degrees[rows] > 0], self._threshold)
        had_others = self._degrees > 1
        np.add.at(self._degrees, one, 1)
        np.add.at(self._degrees, other[~is_new[other]], 1)
        touched = self._distinct(rows, other)
        fresh = touched[~self._core[touched] & (self._degrees[touched] >= self.min_samples)]
        self._core[fresh], self._nearest[fresh] = True, NOISE
        # Known are the new points' neighbours, and those of old ones that had none; not of others that are core now.
        left, right = near(self._points, fresh[~is_new[fresh] & had_others[fresh]], self._threshold)
        known = self._core[one]
        left, right = np.concatenate([left, one[known]]), np.concatenate([right, other[known]])
        to_core = self._core[right]
        events = self._connect(fresh, left[to_core], right[to_core])
        from_core = ~self._core[one] & self._core[other]
        self._attach(
            np.concatenate([right[~to_core], one[from_core]]), np.concatenate([left[~to_core], other[from_core]])
        )
        return events

    def _connect(self, fresh: Rows, left: Rows, right: Rows) -> list[Event]:
        """Gives new core points `fresh` their components; (left, right) are their pairs with core points."""
        if not len(fresh):
            return []
        is_fresh = self._mask(fresh)
        order = np.argsort(self._ids[fresh])
        fresh = fresh[order]
        place = np.full(len(self._ids), NOISE, dtype=np.int64)
        place[fresh] = np.arange(len(fresh))
        old = right[~is_fresh[right]]
        components = distinct(self._component[old])
        ends = np.where(is_fresh[right], place[right], len(fresh) + np.searchsorted(components, self._component[right]))
        size = len(fresh) + len(components)
        graph = coo_array((np.ones(len(left), dtype=np.bool_), (place[left], ends)), shape=(size, size))
        _, groups = connected_components(graph, directed=False)
        target = np.full(groups.max() + 1, NOISE, dtype=np.int64)
        events: list[Event] = []
        for group in distinct(groups[len(fresh) :]).tolist():
            own = components[groups[len(fresh) :] == group]
            kept = int(own[0]) if len(own) == 1 else self._greatest(own)
            target[group] = kept
            for gone in own[own != kept].tolist():
                self._component[self._component == gone] = kept
                events.append(Event("merged", gone, kept))
        for group in dict.fromkeys(groups[: len(fresh)].tolist()):  # in the order of the lowest face id
            if target[group] == NOISE:
                target[group] = self._new_cluster()
                events.append(Event("created", int(target[group])))
        self._component[fresh] = target[groups[: len(fresh)]]
        return events

    def _greatest(self, components: Rows) -> int:
        """The one with most core points, the oldest among equals."""
        sizes = [int((self._component == component).sum()) for component in components.tolist()]
        return int(components[int(np.argmax(sizes))])

    def _attach(self, border: Rows, centre: Rows) -> None:
        """Offers core neighbours to points that are not core; each keeps the nearest, the lowest id among equals."""
        held = self._distinct(border)
        held = held[self._nearest[held] != NOISE]
        border, centre = np.concatenate([border, held]), np.concatenate([centre, self._nearest[held]])
        border, centre = nearest_centres(self._points, border, centre, self._ids[centre])
        self._nearest[border] = centre

    # ---- Going

    def delete(self, ids: Sequence[int] | Rows) -> Changes:
        """Takes faces out. Raises KeyError, and changes nothing, for an id that is not there."""
        rows = np.array(sorted({self._rows[face_id] for face_id in np.asarray(ids).tolist()}), dtype=np.int64)
        before = self._all_labels()
        before[rows] = NOISE
        events: list[Event] = []
        for start in range(0, len(rows), _BATCH):
            events += self._delete(rows[start : start + _BATCH])
        return Changes(tuple(events), self._moved(before))

    def _delete(self, rows: Rows) -> list[Event]:
        going = self._mask(rows)
        one, other = near(self._points, rows, self._threshold)
        stays = ~going[other]
        one, other = one[stays], other[stays]
        np.subtract.at(self._degrees, other, 1)
        near_by = self._distinct(other)
        lost = near_by[self._core[near_by] & (self._degrees[near_by] < self.min_samples)]
        _, right = near(self._points, self._with_others(lost), self._threshold)
        ceased = self._mask(np.concatenate([rows[self._core[rows]], lost]))
        components = distinct(self._component[ceased])
        known = ceased[one]
        others = np.concatenate([other[known], right[~going[right]]])
        self._core[rows] = self._core[lost] = False
        self._component[rows] = self._component[lost] = NOISE
        self._release(rows)
        beside = self._distinct(others[self._core[others]])  # core points that lost a neighbour in their component
        events: list[Event] = []
        for component in components.tolist():
            if (self._component == component).any():
                events += self._split(component, beside[self._component[beside] == component])
            else:
                events.append(Event("vanished", component))
        orphans = np.flatnonzero((self._nearest != NOISE) & ceased[self._nearest])
        homeless = np.union1d(orphans, lost)
        self._nearest[homeless] = NOISE
        border, centre = near(self._points, self._with_others(homeless), self._threshold)
        self._attach(border[self._core[centre]], centre[self._core[centre]])
        return events

    def _split(self, component: int, beside: Rows) -> list[Event]:
        """Finds out whether the core points of a component still hang together, and numbers the parts if not.

        `beside` are those next to what ceased to be core. Whoever went through that came and left through one of them,
        so if they hang together, all do.
        """
        if len(beside) < 2 or self._walk(beside, beside[:1], beside)[1]:
            return []
        rest = np.flatnonzero(self._core & (self._component == component))
        targets = beside
        parts: list[Rows] = []
        while len(targets):
            reached, are_all = self._walk(rest, targets[:1], targets)
            if are_all:  # whatever else is left hangs on to these
                parts.append(rest)
                break
            parts.append(reached)
            rest, targets = (np.setdiff1d(side, reached, assume_unique=True) for side in (rest, targets))
        parts.sort(key=lambda part: (-len(part), int(self._ids[part].min())))
        found = []
        for part in parts[1:]:
            number = self._new_cluster()
            self._component[part] = number
            found.append(Event("split", component, number))
        return found

    def _walk(self, among: Rows, start: Rows, targets: Rows) -> tuple[Rows, bool]:
        """Goes from `start` from neighbour to neighbour within `among`: what was reached, and whether all `targets`
        were, upon which it stops."""
        is_open, is_target = self._mask(among), self._mask(targets)
        is_open[start] = is_target[start] = False
        waiting, left = [start], int(is_target.sum())
        open_rows, seen = among[is_open[among]], 0
        while left and waiting:
            step = np.concatenate(waiting)
            step, later = step[:_STEP], step[_STEP:]
            waiting = [later] if len(later) else []
            if seen > len(open_rows) // 2:
                open_rows, seen = open_rows[is_open[open_rows]], 0
            _, found = near(self._points, step, self._threshold, among=open_rows)
            found = self._distinct(found[is_open[found]])
            is_open[found] = False
            seen += len(found)
            left -= int(is_target[found].sum())
            is_target[found] = False
            if len(found):
                waiting.append(found)
        return among[~is_open[among]], not left

    # ---- Rows

    def _with_others(self, rows: Rows) -> Rows:
        """Those that have neighbours but themselves."""
        return rows[self._degrees[rows] > 1]

    @property
    def _threshold(self) -> float:
        return 1.0 - self.eps

    def _mask(self, rows: Rows) -> Mask:
        mask = np.zeros(len(self._ids), dtype=np.bool_)
        mask[rows] = True
        return mask

    def _distinct(self, *rows: Rows) -> Rows:
        """Each of the rows once, ascending: much quicker than sorting those of a dense neighbourhood."""
        return np.flatnonzero(self._mask(np.concatenate(rows)))

    def _all_labels(self) -> Rows:
        """Of every row, free ones too."""
        labels = self._component.copy()  # NOISE for what is not core
        border = np.flatnonzero(self._nearest != NOISE)
        labels[border] = self._component[self._nearest[border]]
        return labels

    def _moved(self, before: Rows) -> Rows:
        moved = (self._all_labels() != before) & (self._ids != NOISE)
        return np.sort(self._ids[moved])

    def _new_cluster(self) -> int:
        self._next += 1
        return self._next - 1

    def _check_new(self, ids: Rows, embeddings: Embeddings) -> None:
        if embeddings.shape != (len(ids), self._points.shape[1]):
            raise ValueError(f"{len(ids)} faces need embeddings of {self._points.shape[1]} numbers each")
        if len(distinct(ids)) != len(ids) or (len(ids) and ids.min() < 0):
            raise ValueError("ids must be different, and not negative")
        if known := [face_id for face_id in ids.tolist() if face_id in self._rows]:
            raise ValueError(f"face {known[0]} is there already")

    def _allocate(self, ids: Rows, embeddings: Embeddings) -> Rows:
        """Rows for new faces: free ones first."""
        missing = len(ids) - len(self._free)
        if missing > 0:
            self._grow(max(missing, len(self._ids) // 4))
        rows = np.array(sorted(self._free[: len(ids)]), dtype=np.int64)
        del self._free[: len(ids)]
        good = usable(embeddings)
        self._points[rows] = np.where(good[:, None], embeddings, np.float32(0))
        self._ids[rows], self._degrees[rows] = ids, good
        self._rows.update(zip(ids.tolist(), rows.tolist(), strict=True))
        return rows

    def _grow(self, by: int) -> None:
        size = len(self._ids)
        self._points = np.concatenate([self._points, np.zeros((by, self._points.shape[1]), dtype=np.float32)])
        nothing = np.full(by, NOISE, dtype=np.int64)
        self._ids, self._component, self._nearest = (
            np.concatenate([column, nothing]) for column in (self._ids, self._component, self._nearest)
        )
        self._degrees = np.concatenate([self._degrees, np.zeros(by, dtype=np.int64)])
        self._core = np.concatenate([self._core, np.zeros(by, dtype=np.bool_)])
        self._free += range(size, size + by)

    def _release(self, rows: Rows) -> None:
        for face_id in self._ids[rows].tolist():
            del self._rows[face_id]
        self._points[rows], self._ids[rows], self._degrees[rows], self._nearest[rows] = 0, NOISE, 0, NOISE
        self._free += rows.tolist()
