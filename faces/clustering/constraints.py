"""What people and photos say about which faces cannot be, or must be, one person. Pure numpy.

Two faces of one photo are not one person; nor are two of which somebody said "never". "Never these two" is a photo that
shows just those two, so both rules are one: every face holds tokens (its photo, and one for each such pair), and no
group holds a token twice.

"Always these two" joins faces to a **unit** that stays together in whatever group it is in, even if it is in one photo
several times: its faces do not stand against each other. Where the answers contradict, **never wins**: an "always" that
would put two faces of a "never" into one unit, by itself or through others, is passed over. Of several that cannot all
be, those of lower ids are kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from faces.clustering.pairs import Rows

NO_PAIRS: Rows = np.empty((0, 2), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Constraints:
    """Of n faces: `photo_ids` int64 (n,); `units` int64 (n,), a number that the faces of one unit have in common; and
    `never`, int64 (k, 2), pairs of rows."""

    photo_ids: Rows
    units: Rows
    never: Rows

    @classmethod
    def of(
        cls, photo_ids: Rows, *, ids: Rows | None = None, never: Rows = NO_PAIRS, always: Rows = NO_PAIRS
    ) -> Constraints:
        """From pairs of face ids, int64 (k, 2); `ids` (n,) of the faces, else their rows. Pairs with a face that is
        not among them stand against nobody, but an "always" through one holds."""
        ids = np.arange(len(photo_ids), dtype=np.int64) if ids is None else ids
        unit_of = units(always, never)
        own = ids.copy()
        if unit_of:
            members = np.array(sorted(unit_of), dtype=np.int64)
            place = np.minimum(np.searchsorted(members, ids), len(members) - 1)
            found = members[place] == ids
            own[found] = np.array([unit_of[member] for member in members.tolist()], dtype=np.int64)[place[found]]
        return cls(photo_ids, own, rows_of(never, ids))

    def among(self, rows: Rows) -> Constraints:
        """Those of some faces, as rows of `rows`."""
        place = np.full(len(self.photo_ids), -1, dtype=np.int64)
        place[rows] = np.arange(len(rows))
        never = place[self.never]
        return Constraints(self.photo_ids[rows], self.units[rows], never[(never >= 0).all(axis=1)])

    def tokens(self) -> tuple[Rows, Rows]:
        """Rows and the tokens they hold, int64 (t,) each."""
        numbers = -1 - np.arange(len(self.never), dtype=np.int64)
        rows = np.concatenate([np.arange(len(self.photo_ids)), self.never[:, 0], self.never[:, 1]])
        return rows, np.concatenate([self.photo_ids, numbers, numbers])

    def contested(self, groups: Rows) -> tuple[Rows, Rows]:
        """The tokens that more than one unit of a group holds: rows and tokens, as `tokens` gives them. `groups` int64
        (n,): the group of each face."""
        rows, tokens = self.tokens()
        order = np.lexsort((self.units[rows], tokens, groups[rows]))
        rows, tokens = rows[order], tokens[order]
        group, unit = groups[rows], self.units[rows]
        is_same = (group[1:] == group[:-1]) & (tokens[1:] == tokens[:-1])
        starts = np.append(True, ~is_same) if len(rows) else np.empty(0, dtype=np.bool_)
        block = np.cumsum(starts) - 1
        is_torn = np.zeros(int(block[-1]) + 1 if len(block) else 0, dtype=np.bool_)
        is_torn[block[1:][is_same & (unit[1:] != unit[:-1])]] = True
        kept = is_torn[block]
        return rows[kept], tokens[kept]


def rows_of(pairs: Rows, ids: Rows) -> Rows:
    """Pairs of ids (k, 2) as pairs of rows of `ids` (n,), which ascend; pairs with an id that is not there are left
    out."""
    if not len(ids) or not len(pairs):
        return NO_PAIRS
    place = np.minimum(np.searchsorted(ids, pairs), len(ids) - 1)
    found: Rows = place[(ids[place] == pairs).all(axis=1)]
    return found


def units(always: Rows, never: Rows) -> dict[int, int]:
    """The unit of each face id that is in one with others: the lowest id in it."""
    held: dict[int, set[int]] = {}
    for number, pair in enumerate(never.tolist()):
        for face in pair:
            held.setdefault(face, set()).add(number)
    members: dict[int, list[int]] = {}
    unit_of: dict[int, int] = {}
    for one, other in sorted(map(tuple, always.tolist())):
        low, high = sorted((unit_of.get(one, one), unit_of.get(other, other)))
        if low == high or not held.get(low, set()).isdisjoint(held.get(high, set())):
            continue
        held[low] = held.get(low, set()) | held.pop(high, set())
        members[low] = members.get(low, [low]) + members.pop(high, [high])
        unit_of.update(dict.fromkeys(members[low], low))
    return unit_of


def disjoint(groups: Iterable[set[int]]) -> bool:
    """Whether no two of these sets of tokens have one in common."""
    seen: set[int] = set()
    for tokens in groups:
        if not seen.isdisjoint(tokens):
            return False
        seen |= tokens
    return True
