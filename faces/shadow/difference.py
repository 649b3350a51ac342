"""What two runs over the same faces disagree about. Pure numpy, no Django.

Everything is kept by library, since what a viewer sees of it follows from the libraries that the viewer sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]
NOBODY = -1


@dataclass(frozen=True, slots=True)
class Run:
    """Whom each of n faces belongs to and which group it is in, int64 (n,); NOBODY for none.

    A face that belongs to somebody is in no group here: groups are the questions that are left.
    """

    people: Rows
    groups: Rows

    @classmethod
    def of(cls, people: Rows, groups: Rows) -> Run:
        return cls(people, np.where(people == NOBODY, groups, NOBODY))


def keep_unseen(was: Rows, now: Rows, seen: Mask, references: Mask) -> Rows:
    """Whom the faces belong to after a run that could look at the `seen` ones alone, int64 (n,).

    What was not looked at says nothing: a face keeps its person if the run did not see it, and does not lose them to
    nobody as long as one of their `references`, the faces that were confirmed, was not seen.
    """
    silent = np.unique(was[references & ~seen])
    is_kept = ~seen | ((now == NOBODY) & np.isin(was, silent))
    return np.where((was != NOBODY) & is_kept, was, now)


def compare(ids: Rows, libraries: Rows, quality: NDArray[np.float32], before: Run, after: Run) -> dict[str, Any]:
    """The difference as a row of JSON: `people` who gain or lose, `groups` that are not the same, and `same_groups`.

    `people`: person id -> `gains`, `losses` (library id -> face ids, the best first) and `kept` (library id -> number).
    `groups`: what hangs together: `before` and `after`, each a list of groups, each library id -> face ids.
    `same_groups`: how many groups stay as they are, by the ids of their libraries ("1,3").
    """
    # The best faces first, so that the first of each list are good examples.
    order = np.lexsort((ids, -quality))
    ids, libraries = ids[order], libraries[order]
    was, now = before.people[order], after.people[order]
    groups, same = _groups(ids, libraries, before.groups[order], after.groups[order])
    return {"people": _people(ids, libraries, was, now), "groups": groups, "same_groups": same}


def _people(ids: Rows, libraries: Rows, was: Rows, now: Rows) -> dict[str, Any]:
    moved = np.flatnonzero(was != now)
    changed = np.setdiff1d(np.concatenate([was[moved], now[moved]]), [NOBODY])
    found: dict[str, Any] = {str(person): {"gains": {}, "losses": {}, "kept": {}} for person in changed.tolist()}
    for row in moved.tolist():
        for person, kind in ((int(was[row]), "losses"), (int(now[row]), "gains")):
            if person != NOBODY:
                found[str(person)][kind].setdefault(str(libraries[row]), []).append(int(ids[row]))
    stayed = np.flatnonzero((was == now) & np.isin(was, changed))
    if len(stayed):
        pairs, counts = np.unique(np.stack([was[stayed], libraries[stayed]], axis=1), axis=0, return_counts=True)
        for (person, library), count in zip(pairs.tolist(), counts.tolist(), strict=True):
            found[str(person)]["kept"][str(library)] = count
    return found


def _groups(ids: Rows, libraries: Rows, was: Rows, now: Rows) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Groups that share a face hang together; those of one before and one after with the same faces are the same."""
    old, new = _members(was), _members(now)
    changed: list[dict[str, Any]] = []
    same: dict[str, int] = {}
    seen: set[int] = set()
    for start in sorted(old):
        if start in seen:
            continue
        befores, afters = _hang_together(start, old, new, was, now)
        seen |= befores
        rows = [old[group] for group in sorted(befores)], [new[group] for group in sorted(afters)]
        if len(rows[0]) == len(rows[1]) == 1 and rows[0][0] == rows[1][0]:
            key = ",".join(map(str, sorted(set(libraries[rows[0][0]].tolist()))))
            same[key] = same.get(key, 0) + 1
        else:
            changed.append(_by_library(ids, libraries, *rows))
        for group in afters:
            new.pop(group)
    changed += [_by_library(ids, libraries, [], [rows]) for _, rows in sorted(new.items())]
    return changed, same


def _members(groups: Rows) -> dict[int, list[int]]:
    """Rows of each group, in order."""
    found: dict[int, list[int]] = {}
    for row in np.flatnonzero(groups != NOBODY).tolist():
        found.setdefault(int(groups[row]), []).append(row)
    return found


def _hang_together(
    start: int, old: dict[int, list[int]], new: dict[int, list[int]], was: Rows, now: Rows
) -> tuple[set[int], set[int]]:
    """All groups before and after that are reached from one before through shared faces."""
    befores, afters, waiting = {start}, set[int](), [start]
    while waiting:
        for after in set(now[old[waiting.pop()]].tolist()) - {NOBODY} - afters:
            afters.add(after)
            more = set(was[new[after]].tolist()) - {NOBODY} - befores
            befores |= more
            waiting += more
    return befores, afters


def _by_library(
    ids: Rows, libraries: Rows, befores: Sequence[list[int]], afters: Sequence[list[int]]
) -> dict[str, Any]:
    def split(rows: list[int]) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for row in rows:
            found.setdefault(str(libraries[row]), []).append(int(ids[row]))
        return found

    return {"before": [split(rows) for rows in befores], "after": [split(rows) for rows in afters]}
