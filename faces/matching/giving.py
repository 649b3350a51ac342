"""Gives faces to people: the nearest first, nobody twice in a photo, and what pairs of faces say."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from faces.clustering import Mask, Rows
from faces.matching.nearest import Table
from faces.matching.state import NOBODY, Distances


def connected(pairs: Rows) -> dict[int, list[int]]:
    """The sets that pairs tie together: for each id in a pair all ids of its set, ascending."""
    leader: dict[int, int] = {}

    def find(one: int) -> int:
        leader.setdefault(one, one)
        while leader[one] != one:
            leader[one] = leader[leader[one]]
            one = leader[one]
        return one

    for one, other in pairs.tolist():
        leader[find(one)] = find(other)
    sets: dict[int, list[int]] = {}
    for one in sorted(leader):
        sets.setdefault(find(one), []).append(one)
    return {one: members for members in sets.values() for one in members}


class Pairs:
    """Pairs of faces: whom they rule out, and whom they decide."""

    def __init__(self, ids: Rows, never: Rows, always: Rows) -> None:
        self._ids = ids
        self.never: dict[int, list[int]] = {}
        for one, other in never.tolist():
            self.never.setdefault(one, []).append(other)
            self.never.setdefault(other, []).append(one)
        self.sets = connected(always)

    def row(self, face_id: int) -> int | None:
        """The row of a face, None if it is not there."""
        row = int(np.searchsorted(self._ids, face_id))
        return row if row < len(self._ids) and self._ids[row] == face_id else None

    def rows(self) -> Rows:
        """The rows of all faces of pairs that are there."""
        ids = np.array(sorted(self.never.keys() | self.sets.keys()), dtype=np.int64)
        return np.flatnonzero(np.isin(self._ids, ids)) if len(ids) else ids

    def ruled_out(self, confirmed: Rows) -> set[tuple[int, int]]:
        """Face and person, for every face whose "never" partner is confirmed as that person."""
        found = set()
        for face_id, partners in self.never.items():
            for partner in partners:
                row = self.row(partner)
                if row is not None and confirmed[row] != NOBODY:
                    found.add((face_id, int(confirmed[row])))
        return found

    def decided(self, confirmed: Rows, private: Rows, quiet: Mask) -> list[tuple[int, int]]:
        """Row and person of every face that nobody confirmed and that "always these two" makes a person's."""
        found = []
        for face_id, members in sorted(self.sets.items()):
            row = self.row(face_id)
            if row is None or confirmed[row] != NOBODY or self._contradicts(members):
                continue
            there = [other for other in map(self.row, members) if other is not None and confirmed[other] != NOBODY]
            said = {int(confirmed[it]) for it in there if not quiet[it] or private[it] == private[row]}
            if len(said) == 1:
                found.append((row, said.pop()))
        return found

    def _contradicts(self, members: list[int]) -> bool:
        inside = set(members)
        return any(not inside.isdisjoint(self.never.get(member, ())) for member in members)


def give(
    rows: Rows,
    people: Rows,
    *,
    ids: Rows,
    photos: Rows,
    confirmed: Rows,
    table: Table,
    pairs: Pairs,
    decided: Iterable[tuple[int, int]],
    ruled_out: set[tuple[int, int]],
    lowest: Distances,
) -> None:
    """Writes into `people` whom each of `rows` is: all rows of some photos, which no pair ties to other rows.

    `lowest` (n, CHOICES): how alike a face has to be to each of its candidates in `table`.
    """
    people[rows] = confirmed[rows]
    sure = rows[confirmed[rows] != NOBODY]
    filled = set(zip(photos[sure].tolist(), confirmed[sure].tolist(), strict=True))
    held = np.zeros(len(ids), dtype=np.bool_)
    held[rows] = True

    def is_free(row: int, person: int) -> bool:
        """Whether no partner of the face, of whom it was said that they are two people, is this person."""
        partners = pairs.never.get(int(ids[row]))
        return not partners or all(other is None or people[other] != person for other in map(pairs.row, partners))

    for row, person in decided:
        if held[row] and (int(ids[row]), person) not in ruled_out and is_free(row, person):
            people[row] = person
            filled.add((int(photos[row]), person))
    line, column = np.nonzero(table.similarity[rows] >= lowest[rows])
    line = rows[line]
    persons = table.candidates[line, column]
    order = np.lexsort((persons, line, -table.similarity[line, column]))
    places = zip(line[order].tolist(), persons[order].tolist(), photos[line[order]].tolist(), strict=True)
    for row, person, photo in places:
        if people[row] == NOBODY and (photo, person) not in filled and is_free(row, person):
            people[row] = person
            filled.add((photo, person))
