"""Whom a group of faces that are nobody's may show."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from faces.clustering import Rows
from faces.matching.state import NOBODY, Distances, Matching


class NearClusters(NamedTuple):
    """Groups with somebody near: their ids, ascending, that person, and the mean cosine distance."""

    clusters: Rows
    people: Rows
    distances: Distances


def near_clusters(matching: Matching, clusters: Rows) -> NearClusters:
    """The near person of each group of faces that are nobody's. `clusters` (n,): the group of each face, NOBODY: none.

    Someone is near a group if they are within reach of at least half of its faces. The distance is the mean of those
    to the nearest confirmed face, where a face that is out of reach, or refused, counts with the reach itself; the
    smallest wins, the lower person id among equals.
    """
    rows = np.flatnonzero((clusters != NOBODY) & (matching.people == NOBODY))
    groups, group, sizes = np.unique(clusters[rows], return_inverse=True, return_counts=True)
    line, column = np.nonzero(matching.similarity[rows] >= 1.0 - matching.reach)
    persons = matching.candidates[rows[line], column]
    order = np.lexsort((persons, group[line]))
    line, column, persons = line[order], column[order], persons[order]
    first = np.ones(len(line), dtype=np.bool_)
    first[1:] = (np.diff(group[line]) != 0) | (np.diff(persons) != 0)
    starts = np.flatnonzero(first)
    if not len(starts):
        return NearClusters(*(np.empty(0, dtype=np.int64),) * 2, np.empty(0))
    which, person = group[line][starts], persons[starts]
    count = np.diff(np.append(starts, len(line)))
    near = np.add.reduceat(1.0 - matching.similarity[rows[line], column], starts)
    distance = (near + (sizes[which] - count) * matching.reach) / sizes[which]
    half = 2 * count >= sizes[which]
    which, person, distance = which[half], person[half], distance[half]
    order = np.lexsort((person, distance, which))
    best = order[np.unique(which[order], return_index=True)[1]]
    return NearClusters(groups[which[best]], person[best], distance[best])
