"""The groups of faces, from embeddings to suggestions, kept right while faces come and go.

`DynamicDBSCAN` finds clusters; those that hold two faces that stand against each other are separated into **seeds**;
the units of "always these two" are made whole, which gives **nodes** (a lone face is one as well); nodes that are alike
on the whole are linked to **groups**. Each step looks at the pieces of the step before one by one, or at those that
some chain of similar pairs connects. So a piece of which no face came, went or was decided about has come out as it did
before, and only the others are looked at again. The first time, all are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from faces.clustering import trees
from faces.clustering.centres import Centres
from faces.clustering.constraints import NO_PAIRS, Constraints, rows_of, units
from faces.clustering.dynamic import DynamicDBSCAN
from faces.clustering.linkage import Linkage, join_units, similarity, tokens_of
from faces.clustering.one_a_photo import separated
from faces.clustering.pairs import NOISE, Embeddings, Mask, Rows, distinct, whole
from faces.clustering.sums import Sums

# Of more faces than these, and than half of those that stay, that come and go, everything is built from nothing.
_FEW_FACES = 64
_COLUMNS = ("photos", "units", "components", "seeds", "nodes", "groups")


Strength = NDArray[np.float32]
_NO_STRENGTH: Strength = np.empty(0, dtype=np.float32)


class NewFaces(NamedTuple):
    """Faces with their embeddings: ids int64 (k,), float32 (k, d)."""

    ids: Rows
    embeddings: Embeddings


class DynamicGroups:
    """Groups of faces under insertion, deletion and decisions: after any sequence those of a fresh `build`.

    Everything is kept by the rows of `DynamicDBSCAN`; a seed, a node and a group have the row of their lowest face id
    for a number. Memory: 90 bytes and the embedding for each face, and an embedding for each node. Not for two threads
    at once.
    """

    def __init__(self, dimensions: int, *, eps: float, min_samples: int, link_distance: float) -> None:
        self.link_distance = link_distance
        self._dbscan = DynamicDBSCAN(dimensions, eps=eps, min_samples=min_samples)
        nothing: Rows = np.empty(0, dtype=np.int64)
        self._photos, self._units = nothing, nothing
        self._components, self._seeds, self._nodes, self._groups = nothing, nothing, nothing, nothing
        self._never = NO_PAIRS  # of face ids
        # Of rows: the spanning trees of the clusters that were separated, the pairs of each most similar first.
        self._tree = NO_PAIRS
        self._strength: Strength = _NO_STRENGTH  # how similar they are
        self._links = NO_PAIRS  # of nodes that are alike on the whole
        self._ids, self._rows = nothing, nothing  # of all faces, in the order of ids, at the last update
        self._sums, self._centres = Sums(), Centres()  # of nodes

    @classmethod
    def restored(
        cls, arrays: Mapping[str, NDArray[Any]], *, eps: float, min_samples: int, link_distance: float
    ) -> DynamicGroups:
        """What `arrays` was given by, which it keeps and changes. Raises KeyError or ValueError if that cannot be."""
        inner = {name.removeprefix("dbscan."): array for name, array in arrays.items() if name.startswith("dbscan.")}
        dbscan = DynamicDBSCAN.restored(inner, eps=eps, min_samples=min_samples)
        made = cls(dbscan.points.shape[1], eps=eps, min_samples=min_samples, link_distance=link_distance)
        made._dbscan = dbscan
        for name in _COLUMNS:
            if arrays[name].shape != dbscan.row_ids.shape:
                raise ValueError(f"{name}: {arrays[name].shape} for {len(dbscan.row_ids)} rows")
            setattr(made, f"_{name}", arrays[name])
        for name in ("never", "tree", "links"):
            if arrays[name].shape[1:] != (2,):
                raise ValueError(f"{name}: {arrays[name].shape}")
            setattr(made, f"_{name}", arrays[name])
        if len(made._tree) and not 0 <= made._tree.min() <= made._tree.max() < len(dbscan.row_ids):
            raise ValueError("tree: rows that are not there")
        made._strength = trees.products_of(dbscan.points, *made._tree.T)
        return made

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that it knows, by name; no copies."""
        inner = {f"dbscan.{name}": array for name, array in self._dbscan.arrays().items()}
        return inner | {name: getattr(self, f"_{name}") for name in (*_COLUMNS, "never", "tree", "links")}

    def __len__(self) -> int:
        return len(self._dbscan)

    @property
    def dimensions(self) -> int:
        return int(self._dbscan.points.shape[1])

    def ids(self) -> Rows:
        """The ids of all faces, ascending."""
        ids = self._dbscan.row_ids
        return np.sort(ids[ids != NOISE])

    def by_row(self) -> tuple[Rows, Embeddings]:
        """Ids int64 (rows,) in no order, NOISE for a row without a face, and float32 (rows, d), without a copy. Not to
        be changed."""
        return self._dbscan.row_ids, self._dbscan.points

    def embeddings(self, ids: Rows) -> Embeddings:
        """float32 (k, d); zeros for a face that has none. Raises KeyError."""
        return self._dbscan.points[self._rows_of(ids)]

    def are_usable(self, ids: Rows) -> Mask:
        """Which faces have an embedding. bool (k,). Raises KeyError."""
        return self._dbscan.usable_rows()[self._rows_of(ids)]

    def labels(self, ids: Rows) -> Rows:
        """The group of each face, a number that its faces have in common, or NOISE. int64 (k,). Raises KeyError."""
        sizes = np.bincount(self._groups[self._groups != NOISE], minlength=1)
        groups = self._groups[self._rows_of(ids)]
        is_alone = (sizes[groups] < 2) & (self._dbscan.min_samples > 1)
        return np.where(is_alone, NOISE, groups)

    def _rows_of(self, ids: Rows) -> Rows:
        return self._rows if np.array_equal(ids, self._ids) else self._dbscan.rows_of(ids)

    def update(
        self,
        *,
        gone: Rows,
        new: NewFaces,
        ids: Rows,
        photo_ids: Rows,
        never: Rows = NO_PAIRS,
        always: Rows = NO_PAIRS,
    ) -> None:
        """Follows a change. `gone` are ids of faces to take out, `new` those to put in; one that is embedded anew is
        both. Then there are the faces `ids`, ascending, in `photo_ids`, all int64; `never` and `always` are all pairs
        of ids, int64 (k, 2). Raises KeyError or ValueError, as `DynamicDBSCAN` does.

        What of it takes time: O(n * d) for each face that comes or goes, and O(n) once.
        """
        dirty = self._change(gone, new)
        self._follow_ids(ids, new.ids)
        components, nodes = self._components, self._nodes
        self._decide(dirty, ids, photo_ids, never, always)
        if not len(gone) and not dirty.any():
            return
        self._components = self._dbscan.row_labels()
        intact = _intact(components, self._components, dirty)
        self._separate(intact, np.where(self._is_new, NOISE, components))
        self._make_nodes()
        self._count_moved(np.where(self._is_new, NOISE, nodes))
        self._link(_intact(nodes, self._nodes, dirty))

    # ---- Faces and decisions

    def _change(self, gone: Rows, new: NewFaces) -> Mask:
        """Takes faces out and puts faces in. Which rows hold other faces than before: bool (rows,)."""
        left = len(self._dbscan) - len(gone)
        if len(gone) + len(new.ids) > max(_FEW_FACES, left // 2):
            self._rebuild(gone, new)
            self._is_new = np.ones(len(self._dbscan.row_ids), dtype=np.bool_)
            return self._is_new.copy()
        was = self._dbscan.row_ids.copy()
        if len(gone):
            rows = self._dbscan.rows_of(gone)
            self._sums.take(self._dbscan.points, rows, self._nodes[rows])
            self._dbscan.delete(gone)
        if len(new.ids):
            self._dbscan.insert(new.ids, new.embeddings)
        self._is_new = self._dbscan.row_ids != _longer(was, len(self._dbscan.row_ids))
        self._is_new[self._dbscan.rows_of(new.ids)] = True
        for name in _COLUMNS:
            setattr(self, f"_{name}", _longer(getattr(self, f"_{name}"), len(self._is_new)))
        return self._is_new.copy()

    def _rebuild(self, gone: Rows, new: NewFaces) -> None:
        kept = np.setdiff1d(self.ids(), gone, assume_unique=True)
        ids = np.concatenate([kept, new.ids])
        points = np.concatenate([self.embeddings(kept), new.embeddings])
        limits = {"eps": self._dbscan.eps, "min_samples": self._dbscan.min_samples}
        self._dbscan = DynamicDBSCAN.build(ids, points, **limits)  # type: ignore[arg-type]
        for name in _COLUMNS:
            setattr(self, f"_{name}", np.full(len(self._dbscan.row_ids), NOISE, dtype=np.int64))
        self._tree, self._strength, self._links = NO_PAIRS, _NO_STRENGTH, NO_PAIRS
        self._ids, self._rows = np.empty((2, 0), dtype=np.int64)
        self._sums, self._centres = Sums(), Centres()

    def _follow_ids(self, ids: Rows, new: Rows) -> None:
        """Notes the row of every face. To sort them all would take longer than to look at what is new."""
        stays = ~self._is_new[self._rows]
        known, rows = self._ids[stays], self._rows[stays]
        new = np.sort(new)
        place = np.searchsorted(known, new)
        if np.array_equal(np.insert(known, place, new), ids):
            self._rows = np.insert(rows, place, self._dbscan.rows_of(new))
        else:
            self._rows = self._dbscan.rows_of(ids)
            if len(ids) != len(self._dbscan):
                raise ValueError(f"{len(ids)} faces were said to be there, but {len(self._dbscan)} are")
        self._ids = ids

    def _decide(self, dirty: Mask, ids: Rows, photo_ids: Rows, never: Rows, always: Rows) -> None:
        """Notes photos, units and pairs, and marks in `dirty` the faces for which they changed."""
        photos, own = np.full((2, len(dirty)), NOISE, dtype=np.int64)
        photos[self._rows], own[self._rows] = photo_ids, ids
        unit_of = units(always, never)
        self._has_units = bool(unit_of)
        members = self._among(unit_of, ids)
        own[self._dbscan.rows_of(members)] = [unit_of[member] for member in members.tolist()]
        dirty |= (photos != self._photos) | (own != self._units)
        here = {*map(tuple, never.tolist())}
        changed = {face for pair in here ^ {*map(tuple, self._never.tolist())} for face in pair}
        dirty[self._dbscan.rows_of(self._among(changed, ids))] = True
        self._photos, self._units, self._never = photos, own, never.copy()
        sides = rows_of(never, ids)
        self._never_rows = self._rows[sides] if len(sides) else NO_PAIRS

    @staticmethod
    def _among(faces: Iterable[int], ids: Rows) -> Rows:
        """Those of a few faces that are among `ids`, which ascend."""
        found = np.array(sorted(faces), dtype=np.int64)
        among: Rows = found[np.append(ids, NOISE)[np.searchsorted(ids, found)] == found]
        return among

    def _constraints(self, rows: Rows) -> Constraints:
        """Those among some rows."""
        place = np.full(len(self._photos), NOISE, dtype=np.int64)
        place[rows] = np.arange(len(rows))
        never = place[self._never_rows]
        return Constraints(self._photos[rows], self._units[rows], never[(never != NOISE).all(axis=1)])

    def _in_order(self, rows: Rows, labels: Rows) -> Rows:
        """`rows` by their labels, and those of one label by their ids."""
        return rows[np.lexsort((self._dbscan.row_ids[rows], labels[rows]))]

    # ---- Seeds

    def _separate(self, intact: Mask, before: Rows) -> None:
        """Seeds of the clusters that are not as they were; `before` (rows,) is the cluster in which each face was."""
        components, seeds = self._components, self._seeds
        seeds[components == NOISE] = NOISE
        changed = self._rows[((components != NOISE) & ~intact[components])[self._rows]]  # in the order of ids
        by_cluster = changed[np.argsort(components[changed], kind="stable")]
        seeds[changed] = _first_of_each(by_cluster, components)[changed]
        one, other = self._tree.T
        is_left = ~self._is_new[one] & ~self._is_new[other]
        is_left &= (components[one] == components[other]) & (components[one] != NOISE)
        is_kept = is_left & intact[components[one]]
        pairs, strengths = [self._tree[is_kept]], [self._strength[is_kept]]
        known = np.flatnonzero(is_left & ~is_kept)
        torn = changed[self._constraints(changed).contested(components[changed])[0]]
        for component in distinct(components[torn]).tolist():
            rows = changed[components[changed] == component]
            tree = self._take_apart(rows, known[components[one[known]] == component], before)
            pairs.append(np.stack([rows[tree.left], rows[tree.right]], axis=1))
            strengths.append(tree.similarity)
        self._tree, self._strength = np.concatenate(pairs), np.concatenate(strengths)

    def _take_apart(self, rows: Rows, known: Rows, before: Rows) -> trees.Tree:
        """Separates the faces of one cluster, `rows` in the order of ids. Its spanning tree, by places in `rows`, of
        which the pairs `known` are left of the trees of former clusters."""
        points = whole(self._dbscan.points[rows])
        place = np.full(len(before), NOISE, dtype=np.int64)
        place[rows] = np.arange(len(rows))
        if len(known):
            former = before[self._tree[known, 0]]
            largest = np.bincount(former).argmax()
            known = known[former == largest]
            left, right = place[self._tree[known]].T
            tree = trees.Tree(left, right, self._strength[known])
            tree = trees.spanning_tree(points, tree, base=before[rows] == largest)
        else:
            tree = trees.spanning_tree(points)
        groups = separated(tree, self._constraints(rows))
        _, first = np.unique(groups, return_index=True)
        is_large = np.bincount(groups)[groups] >= self._dbscan.min_samples
        self._seeds[rows] = np.where(is_large, rows[first][groups], NOISE)
        return tree

    # ---- Nodes

    def _make_nodes(self) -> None:
        """Seeds, lone faces and units; what is no embedding is no node."""
        rows = np.arange(len(self._seeds))
        nodes = np.where(self._seeds != NOISE, self._seeds, np.where(self._dbscan.usable_rows(), rows, NOISE))
        if self._has_units:
            there = self._rows[nodes[self._rows] != NOISE]
            former = nodes[there]
            nodes[there] = join_units(former, self._constraints(there))
            other = nodes[there] != former
            again = there[np.isin(former, former[other]) | np.isin(nodes[there], nodes[there][other])]
            nodes[again] = _first_of_each(self._in_order(again, nodes), nodes)[again]
        self._nodes = nodes

    def _count_moved(self, before: Rows) -> None:
        """`before`: NOISE for faces that are new; those that are gone were taken off before they went."""
        moved = np.flatnonzero(before != self._nodes)
        self._sums.take(self._dbscan.points, moved, before[moved])
        self._sums.add(self._dbscan.points, moved, self._nodes[moved])
        self._sums.keep(self._nodes)

    # ---- Groups

    def _link(self, intact: Mask) -> None:
        """Groups of the nodes that are not as they were, and of those that have to do with them."""
        nodes, count = self._nodes, len(self._nodes)
        there = np.flatnonzero(nodes == np.arange(count))
        changed = there[~intact[there]]
        touched = np.zeros(count, dtype=np.bool_)
        touched[changed] = True
        is_kept = intact[self._links].all(axis=1)
        touched[self._links[~is_kept]] = True  # the rows of nodes that are gone are no nodes, or others
        missing = self._centres.follow(there, intact)
        self._centres.add(missing, self._sums.means(self._dbscan.points, nodes, missing))
        self._links = np.concatenate([self._links[is_kept], self._new_links(changed)])
        into = np.arange(count)
        if len(self._links):
            involved, ends = np.unique(self._links, return_inverse=True)
            ends = ends.reshape(-1, 2)
            graph = coo_array((np.ones(len(ends), dtype=np.bool_), ends.T), shape=(len(involved), len(involved)))
            _, parts = connected_components(graph, directed=False)
            is_due = np.zeros(len(involved), dtype=np.bool_)
            is_due[parts[touched[involved]]] = True
            chosen = is_due[parts]
            due = involved[chosen]
            into[due] = self._linked(due, parts[chosen], self._links[chosen[ends[:, 0]]])
            touched[due] = True
        again = np.flatnonzero((nodes != NOISE) & touched[nodes])
        self._groups[again] = into[nodes[again]]
        self._groups[nodes == NOISE] = NOISE

    def _linked(self, nodes: Rows, parts: Rows, links: Rows) -> Rows:
        """The node that each is in at the end; `parts` (k,): those connected by `links` have one number."""
        if not len(nodes):
            return nodes
        order = np.argsort(self._dbscan.row_ids[nodes])
        ranked = nodes[order]
        place = np.full(len(self._nodes) + 1, NOISE, dtype=np.int64)
        place[ranked] = np.arange(len(ranked))
        members = np.flatnonzero(place[self._nodes] != NOISE)
        held = tokens_of(place[self._nodes[members]], parts[order], self._constraints(members))
        linkage = Linkage(*self._sums.of(self._dbscan.points, self._nodes, ranked), held, limit=self.link_distance)
        one, other = np.sort(place[links], axis=1).T
        found = np.empty_like(nodes)
        found[order] = ranked[linkage.run(one, other)]
        return found

    def _new_links(self, changed: Rows) -> Rows:
        """Pairs of nodes, one of them `changed`, whose mean similarity reaches the limit."""
        lowest = 1.0 - self.link_distance
        pairs = self._centres.alike(changed, lowest)
        if not len(pairs):
            return NO_PAIRS
        pairs = np.sort(pairs, axis=1)
        pairs = np.stack(np.divmod(distinct(pairs[:, 0] * len(self._nodes) + pairs[:, 1]), len(self._nodes)), axis=1)
        involved, ends = np.unique(pairs, return_inverse=True)
        sums, sizes = self._sums.of(self._dbscan.points, self._nodes, involved)
        one, other = ends.reshape(-1, 2).T
        kept: Rows = pairs[similarity(sums, sizes.astype(np.float64), one, other) >= lowest]
        return kept


def _longer(labels: Rows, count: int) -> Rows:
    if len(labels) == count:
        return labels
    return np.concatenate([labels, np.full(count - len(labels), NOISE, dtype=np.int64)])


def _intact(before: Rows, after: Rows, dirty: Mask) -> Mask:
    """Which labels name the same faces in `after` as they did in `before`, none of them `dirty`, as all rows are that
    hold another face than before. Labels that name nothing at all count as well.

    bool, one for each label up to the highest and for each row, and False for the last, so that NOISE is not intact.
    """
    intact = np.ones(max(int(before.max(initial=NOISE)), int(after.max(initial=NOISE)), len(after) - 1) + 2, np.bool_)
    moved = np.flatnonzero(dirty | (before != after))
    intact[before[moved]] = intact[after[moved]] = intact[-1] = False
    return intact


def _first_of_each(rows: Rows, labels: Rows) -> Rows:
    """For each of `rows`, which are ordered by label and then by id, the first row of its label. int64, by row."""
    first = np.full(len(labels), NOISE, dtype=np.int64)
    if len(rows):
        starts = np.append(True, labels[rows][1:] != labels[rows][:-1])
        first[rows] = rows[np.flatnonzero(starts)][np.cumsum(starts) - 1]
    return first
