"""Which of today's groups is which of yesterday's: a suggestion keeps its address while it grows. Pure numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faces.clustering import NOISE, Rows


def carry_over(before: Rows, labels: Rows) -> Rows:
    """The earlier group id that each label keeps, or NOISE for a group that is new. int64 (number of labels,).

    `before` (n,) holds each face's earlier group id (NOISE: none), `labels` (n,) its label 0, 1, 2 ... now. Pairs of
    an earlier group and a label are taken by the number of faces they have in common, most first; among equals the
    older group (the lower id), then the lower label. Each id goes to one label only.
    """
    kept = np.full(int(labels.max(initial=NOISE)) + 1, NOISE, dtype=np.int64)
    both = (before != NOISE) & (labels != NOISE)
    if not both.any():
        return kept
    pairs, shared = _shared(before[both], labels[both])
    given: set[int] = set()
    for group, label in pairs[np.argsort(-shared, kind="stable")].tolist():
        if kept[label] == NOISE and group not in given:
            kept[label] = group
            given.add(group)
    return kept


def _shared(one: Rows, other: Rows) -> tuple[Rows, Rows]:
    """Each pair of an earlier group and one now that have faces in common, in their order, (k, 2), and how many."""
    width = int(other.max(initial=0)) + 1
    pairs, counts = np.unique(one * width + other, return_counts=True)
    return np.stack(np.divmod(pairs, width), axis=1), counts


@dataclass(frozen=True, slots=True)
class Moves:
    """What became of groups: `merged` (gone, the one that has most of its faces now), `split` (the one that most of its
    faces were in and that lives on, new)."""

    merged: tuple[tuple[int, int], ...]
    split: tuple[tuple[int, int], ...]


def moves(before: Rows, after: Rows) -> Moves:
    """`before` and `after` int64 (n,): the id of each face's group, or NOISE."""
    both = (before != NOISE) & (after != NOISE) & (before != after)
    pairs, shared = _shared(before[both], after[both])
    there, was = set(after.tolist()), set(before.tolist())
    merged: dict[int, int] = {}
    split: dict[int, int] = {}
    for gone, new in pairs[np.argsort(-shared, kind="stable")].tolist():
        if gone not in there and new in was:
            merged.setdefault(gone, new)
        elif gone in there and new not in was:
            split.setdefault(new, gone)
    return Moves(tuple(merged.items()), tuple((old, new) for new, old in split.items()))
