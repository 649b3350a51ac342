"""An answer from nothing, and an earlier one brought up to date."""

from __future__ import annotations

import numpy as np

from faces.clustering import Mask, Rows, usable
from faces.limits import match_limit
from faces.matching.giving import Pairs, give
from faces.matching.nearest import Found, Table, find
from faces.matching.state import NOBODY, Distances, Faces, Matching, Rules, nothing


def match(faces: Faces, rules: Rules) -> Matching:
    """The answer for these faces and rules, from nothing: O(unconfirmed x confirmed) time, O(n) memory."""
    empty = np.empty(0, dtype=np.int64)
    mask, table = np.empty(0, dtype=np.bool_), Table.empty(0)
    return update(
        Matching(
            ids=empty, photos=empty, confirmed=empty, private=empty, quiet=mask, versions=empty,
            good=mask, quality=np.empty(0), embedded=mask, open=mask, known=mask, candidates=table.candidates,
            nearest=table.nearest, similarity=table.similarity, people=empty, ruled_out=nothing(), never=nothing(),
            always=nothing(), match_distance=rules.match_distance, reach=rules.reach,
        ),
        faces,
        rules,
    )  # fmt: skip


def update(before: Matching, faces: Faces, rules: Rules) -> Matching:
    """The answer for these faces and rules, given one for others: exactly that of `match`.

    A confirmed face that comes is compared with all unconfirmed ones, O(n); an unconfirmed face that comes, or whose
    nearest confirmed face goes, or whose rules change, with all confirmed ones, O(confirmed). Photos without a change
    are not looked at. With other distances it begins from nothing.
    """
    if (before.match_distance, before.reach) != (rules.match_distance, rules.reach):
        return match(faces, rules)
    step = _Step(before, faces, rules)
    step.find()
    return step.give()


class _Step:
    """One update while it is worked out. `old` is the row of each face in the answer before, NOBODY if it is new."""

    def __init__(self, before: Matching, faces: Faces, rules: Rules) -> None:
        self.before, self.faces, self.rules = before, faces, rules
        self.old = _rows_of(faces.ids, before.ids)
        self.same = self.old != NOBODY
        old = self.old[self.same]
        self.same[self.same] = (before.versions[old] == faces.versions[self.same]) & (
            (before.good[old] == faces.good[self.same]) & (before.quality[old] == faces.quality[self.same])
        )
        self.embedded = np.zeros(len(faces.ids), dtype=np.bool_)
        self.embedded[self.same] = before.embedded[self.old[self.same]]
        self.embedded[~self.same] = usable(faces.embeddings[~self.same])
        sure = faces.people != NOBODY
        self.known: Mask = sure & self.embedded
        self.open: Mask = ~sure & (faces.good | faces.fair) & self.embedded
        self.pairs = Pairs(faces.ids, rules.never, rules.always)
        self.ruled_out = {(face, person) for face, person in rules.refused.tolist()} | self.pairs.ruled_out(
            faces.people
        )
        self.changed = np.zeros(len(faces.ids), dtype=np.bool_)
        self.table = Table.empty(len(faces.ids))

    def find(self) -> None:
        """The nearest people of every face."""
        came, gone = self._references()
        stale = self._stale(gone)
        kept = np.flatnonzero(self.open & ~stale)
        was = self.old[kept]
        self.table.candidates[kept] = self.before.candidates[was]
        self.table.similarity[kept] = self.before.similarity[was]
        self.table.nearest[kept] = _rows_of(self.before.nearest[was], self.faces.ids)
        anew = np.flatnonzero(stale)
        self.changed[anew] = True
        self.changed[self.table.offer(self._search(anew, np.flatnonzero(self.known)))] = True
        self.changed[self.table.offer(self._search(kept, came))] = True

    def _references(self) -> tuple[Rows, Rows]:
        """Rows of confirmed faces to compare with that are new, and ids of those that are not there any more."""
        now, before, faces = self.known, self.before, self.faces
        was = np.zeros(len(now), dtype=np.bool_)
        rows, old = np.flatnonzero(self.same), self.old[self.same]
        was[rows] = (
            before.known[old]
            & (before.confirmed[old] == faces.people[rows])
            & (before.quiet[old] == faces.quiet[rows])
            & (before.private[old] == faces.private[rows])
        )
        stays = np.zeros(len(before.ids), dtype=np.bool_)
        stays[self.old[now & was]] = True
        return np.flatnonzero(now & ~was), before.ids[before.known & ~stays]

    def _stale(self, gone: Rows) -> Mask:
        """Unconfirmed faces whose nearest people must be found anew."""
        before, faces = self.before, self.faces
        fresh = np.ones(len(faces.ids), dtype=np.bool_)
        rows, old = np.flatnonzero(self.same), self.old[self.same]
        fresh[rows] = ~before.open[old] | (before.private[old] != faces.private[rows])
        if len(gone):
            fresh[rows] |= np.isin(before.nearest[old], gone).any(axis=1)
        earlier = {(face, person) for face, person in before.ruled_out.tolist()}
        if other := [face for face, _ in earlier ^ self.ruled_out]:
            fresh |= np.isin(faces.ids, other)
        return self.open & fresh

    def _search(self, rows: Rows, references: Rows) -> Found:
        """Everyone within reach of `rows` by the faces of `references`, as far as quality, rules and privacy allow."""
        good = self.faces.good
        parts = self._search_among(rows[good[rows]], references)
        parts += self._search_among(rows[~good[rows]], references[good[references]])
        return self._allowed(Found.joined(parts))

    def _search_among(self, rows: Rows, references: Rows) -> list[Found]:
        faces, lowest = self.faces, 1.0 - self.rules.furthest
        loud = references[~faces.quiet[references]]
        parts = [find(faces.embeddings, rows, loud, faces.people, faces.quality, lowest=lowest)]
        quiet = references[faces.quiet[references]]
        for library_id in np.unique(faces.private[quiet]).tolist():
            here = rows[faces.private[rows] == library_id]
            heard = quiet[faces.private[quiet] == library_id]
            parts.append(find(faces.embeddings, here, heard, faces.people, faces.quality, lowest=lowest))
        return parts

    def _allowed(self, found: Found) -> Found:
        """Those whom nobody ruled out."""
        if not self.ruled_out or not len(found.rows):
            return found
        ids = self.faces.ids[found.rows]
        doubt = np.flatnonzero(np.isin(ids, [face for face, _ in self.ruled_out]))
        allowed = np.ones(len(ids), dtype=np.bool_)
        pairs = zip(ids[doubt].tolist(), found.people[doubt].tolist(), strict=True)
        allowed[doubt] = [pair not in self.ruled_out for pair in pairs]
        return found.where(allowed)

    def give(self) -> Matching:
        """The answer."""
        faces, before, rules = self.faces, self.before, self.rules
        rows = np.flatnonzero(self._unsettled())
        people = np.full(len(faces.ids), NOBODY, dtype=np.int64)
        there = self.old != NOBODY
        people[there] = before.people[self.old[there]]
        give(
            rows,
            people,
            ids=faces.ids,
            photos=faces.photos,
            confirmed=faces.people,
            table=self.table,
            pairs=self.pairs,
            decided=self.pairs.decided(faces.people, faces.private, faces.quiet),
            ruled_out=self.ruled_out,
            lowest=1.0 - self._limits_now(),
        )
        nearest = self.table.nearest
        return Matching(
            ids=faces.ids,
            photos=faces.photos,
            confirmed=faces.people,
            private=faces.private,
            quiet=faces.quiet,
            versions=faces.versions,
            good=faces.good,
            quality=faces.quality,
            embedded=self.embedded,
            open=self.open,
            known=self.known,
            candidates=self.table.candidates,
            nearest=np.where(nearest != NOBODY, faces.ids[nearest], NOBODY) if len(faces.ids) else nearest,
            similarity=self.table.similarity,
            people=people,
            ruled_out=np.array(sorted(self.ruled_out), dtype=np.int64).reshape(-1, 2),
            never=rules.never,
            always=rules.always,
            match_distance=rules.match_distance,
            reach=rules.reach,
        )

    def _limits_now(self) -> Distances:
        """Up to which distance each candidate may be given. float64 (n, CHOICES)."""
        speaking = self.faces.people[self.known & ~self.faces.quiet]
        return person_limits(self.table.candidates, speaking, self.rules.match_distance)

    def _unsettled(self) -> Mask:
        """All faces of the photos in which something changed, and of those that pairs tie together, now or before."""
        faces, before = self.faces, self.before
        changed = self.changed
        there = np.flatnonzero(self.old != NOBODY)
        old = self.old[there]
        changed[self.old == NOBODY] = True
        changed[there] |= (
            (before.confirmed[old] != faces.people[there])
            | (before.open[old] != self.open[there])
            | (before.photos[old] != faces.photos[there])
        )
        changed[self.pairs.rows()] = True
        # Who is given less far than before, or further.
        similarity = self.table.similarity
        limits = self._limits_now(), person_limits(self.table.candidates, _speaking(before), before.match_distance)
        changed |= ((similarity >= 1.0 - limits[0]) != (similarity >= 1.0 - limits[1])).any(axis=1)
        changed |= np.isin(faces.ids, np.concatenate([before.never.ravel(), before.always.ravel()]))
        photos = [faces.photos[changed]]
        left = np.ones(len(before.ids), dtype=np.bool_)
        left[old] = before.photos[old] != faces.photos[there]
        photos.append(before.photos[left])
        return np.isin(faces.photos, np.unique(np.concatenate(photos)))


def person_limits(candidates: Rows, confirmed: Rows, match_distance: float) -> Distances:
    """Up to which distance a face is given to each of `candidates` (any shape), by how often they are among the people
    of all `confirmed` faces, int64 (m,)."""
    people, counts = np.unique(confirmed, return_counts=True)
    limits = np.array([match_limit(match_distance, count) for count in counts.tolist()] + [match_distance])
    place = np.searchsorted(people, candidates)
    return np.asarray(np.where(np.append(people, NOBODY)[place] == candidates, limits[place], match_distance))


def _speaking(matching: Matching) -> Rows:
    """The people of the confirmed faces that speak for the whole house."""
    return matching.confirmed[matching.known & ~matching.quiet]


def _rows_of(ids: Rows, among: Rows) -> Rows:
    """The row of each id (of any shape) in `among`, which is ascending; NOBODY for those that are not in it."""
    if not len(among):
        return np.full(ids.shape, NOBODY, dtype=np.int64)
    rows = np.searchsorted(among, ids).clip(max=len(among) - 1)
    return np.where(among[rows] == ids, rows, NOBODY)
