"""The rule that nobody is twice in one photo, nor in a group with whom they "never" are: clusters that break it split.

A cluster that holds two faces that stand against each other is taken apart and put together again, along the pairs that
hold it together best (`trees`): from the most similar to the least, two groups become one unless they stand against
each other. That is single linkage with constraints over the spanning tree. Pairs that are not in the tree are not
asked: they could only join groups that have a third between them with which neither goes, and whether those are one
person, `link_groups` decides by all of their faces.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from faces.clustering import trees
from faces.clustering.constraints import NO_PAIRS, Constraints
from faces.clustering.pairs import NOISE, Embeddings, Rows, distinct, in_order, whole


def separate_same_photo(
    labels: Rows,
    embeddings: Embeddings,
    photo_ids: Rows,
    *,
    min_samples: int,
    never: Rows = NO_PAIRS,
    always: Rows = NO_PAIRS,
) -> Rows:
    """Splits every cluster that holds two faces of one photo until none does. Labels int64 (n,) as in `Clusters`.

    `never` and `always` are pairs of rows, int64 (k, 2), see `constraints`. Groups smaller than `min_samples` become
    noise. Clusters that break no rule stay exactly as they are. Memory: O(n) and one block.
    """
    result = labels.copy()
    clustered = np.flatnonzero(labels != NOISE)
    constraints = Constraints.of(photo_ids, never=never, always=always).among(clustered)
    torn = distinct(labels[clustered][constraints.contested(labels[clustered])[0]])
    following = int(labels.max(initial=NOISE)) + 1
    for label in torn.tolist():
        own = np.flatnonzero(labels[clustered] == label)
        members = clustered[own]
        points = whole(embeddings[members])
        groups = separated(trees.spanning_tree(points), constraints.among(own))
        sizes = np.bincount(groups)
        result[members] = np.where(sizes[groups] >= min_samples, groups + following, NOISE)
        following += len(sizes)
    return in_order(result)


def separated(tree: trees.Tree, constraints: Constraints) -> Rows:
    """The groups int64 (m,) 0, 1, 2 ... into which the m faces of one cluster fall, along the pairs of its spanning
    tree, most similar first.

    Only pairs between two faces that stand against somebody, or belong to a unit, can be refused: whatever else hangs
    on the tree goes wherever it hangs. So the time that it takes depends on those, not on how large the cluster is.
    """
    count = len(constraints.units)
    rows, tokens = constraints.contested(np.zeros(count, dtype=np.int64))
    units = _unit_pairs(constraints.units)
    asked = trees.between(tree, distinct(np.concatenate([rows, *units])), count)
    sides = np.stack([np.concatenate([units[0], tree.left[asked]]), np.concatenate([units[1], tree.right[asked]])])
    refused = asked[_refused(sides, len(units[0]), rows, tokens)]
    is_kept = np.ones(count - 1, dtype=np.bool_)
    is_kept[refused] = False
    ends = tuple(np.concatenate(pair) for pair in zip(units, (tree.left[is_kept], tree.right[is_kept]), strict=True))
    graph = coo_array((np.ones(len(ends[0]), dtype=np.bool_), ends), shape=(count, count))
    return in_order(connected_components(graph, directed=False)[1].astype(np.int64))


def _refused(sides: Rows, first: int, rows: Rows, tokens: Rows) -> Rows:
    """Which pairs would put two together who hold the same token. `sides` int64 (2, k), pairs that close no circle but
    with the `first` ones, which are always taken; the pairs after them are counted from 0."""
    involved, places = np.unique(np.concatenate([sides.reshape(-1), rows]), return_inverse=True)
    held: dict[int, set[int]] = {}
    for row, token in zip(places[sides.size :].tolist(), tokens.tolist(), strict=True):
        held.setdefault(row, set()).add(token)
    into = list(range(len(involved)))
    size = [1] * len(involved)
    refused: list[int] = []
    left, right = places[: sides.size].reshape(2, -1).tolist()
    # In one loop without a call: somebody of whom there are thousands of faces may be in many photos twice.
    for number, (one, other) in enumerate(zip(left, right, strict=True), start=-first):
        while into[one] != one:
            into[one] = one = into[into[one]]
        while into[other] != other:
            into[other] = other = into[into[other]]
        if one == other:
            continue
        ours, theirs = held.get(one), held.get(other)
        if ours and theirs:
            if number >= 0 and not ours.isdisjoint(theirs):
                refused.append(number)
                continue
            if len(ours) < len(theirs):
                ours, theirs = theirs, ours
            ours |= theirs
        if size[one] < size[other]:
            one, other = other, one
        into[other] = one
        size[one] += size[other]
        if tokens_held := ours or theirs:
            held[one] = tokens_held
    return np.array(refused, dtype=np.int64)


def _unit_pairs(units: Rows) -> trees.Pairs:
    """Pairs that hold the faces of each unit together."""
    order = np.argsort(units, kind="stable")
    is_same = units[order][1:] == units[order][:-1]
    return order[:-1][is_same], order[1:][is_same]
