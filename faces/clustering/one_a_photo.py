"""The rule that nobody is twice in one photo, nor in a group with whom they "never" are: clusters that break it split.

A cluster that holds two faces that stand against each other is taken apart and put together again, along the pairs that
hold it together best (`trees`): from the most similar to the least, two groups become one unless they stand against
each other. That is single linkage with constraints over the spanning tree. Pairs that are not in the tree are not
asked: they could only join groups that have a third between them with which neither goes, and whether those are one
person, `link_groups` decides by all of their faces.
"""

from __future__ import annotations

import numpy as np

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


def separated(tree: trees.Pairs, constraints: Constraints) -> Rows:
    """The groups int64 (m,) 0, 1, 2 ... into which the m faces of one cluster fall, along the pairs of its spanning
    tree, most similar first."""
    held: dict[int, set[int]] = {}
    rows, tokens = constraints.contested(np.zeros(len(constraints.units), dtype=np.int64))
    for row, token in zip(rows.tolist(), tokens.tolist(), strict=True):
        held.setdefault(row, set()).add(token)
    into = list(range(len(constraints.units)))
    size = [1] * len(constraints.units)
    units = _unit_pairs(constraints.units)
    left, right = (np.concatenate(sides).tolist() for sides in zip(units, tree, strict=True))
    asked = len(units[0])
    # As long as a library is large, in one loop without a call: this is all that takes time for somebody of whom there
    # are thousands of faces.
    for number, (one, other) in enumerate(zip(left, right, strict=True)):
        while into[one] != one:
            into[one] = one = into[into[one]]
        while into[other] != other:
            into[other] = other = into[into[other]]
        if one == other:
            continue
        ours, theirs = held.get(one), held.get(other)
        if ours and theirs:
            if number >= asked and not ours.isdisjoint(theirs):
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
    for row in range(len(into)):
        root = row
        while into[root] != root:
            root = into[root]
        into[row] = root
    return in_order(np.array(into, dtype=np.int64))


def _unit_pairs(units: Rows) -> trees.Pairs:
    """Pairs that hold the faces of each unit together."""
    order = np.argsort(units, kind="stable")
    is_same = units[order][1:] == units[order][:-1]
    return order[:-1][is_same], order[1:][is_same]
