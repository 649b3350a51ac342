"""Groups by rules: from nothing, or by following what changed since they were last made. The result is the same."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from faces import clustering as algorithm
from faces import continuity
from faces.clustering import NOISE, Embeddings, Mask, NewFaces, Rows
from faces.grouping import matches, vectors
from faces.grouping.snapshot import Snapshot
from faces.grouping.state import Known, State
from faces.matching import Matching
from faces.rules import Rules

_NOTHING: Rows = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Result:
    """What is to be: group labels (NOISE: none) with the cluster id each keeps (NOISE: a new one), and who is who."""

    labels: Rows
    kept: Rows
    matching: Matching

    @property
    def people(self) -> Rows:
        """The person of every face, or NOISE. int64 (n,)."""
        return self.matching.people


def compute(snapshot: Snapshot, rules: Rules) -> Result:
    """Groups and people for a snapshot with embeddings, from nothing. No database; nothing is kept."""
    change = _from_nothing(snapshot, rules)
    state = follow(change, rules)
    good, fair = _compared(snapshot, rules)
    return _result(snapshot, state, matches.match(snapshot, good=good, fair=fair, rules=rules), rules)


def compute_people(snapshot: Snapshot, rules: Rules) -> Result:
    """People alone: the groups stay, because no face changed since they were made."""
    labels = algorithm.in_order(snapshot.clusters)
    kept = continuity.carry_over(snapshot.clusters, labels)
    good, fair = _compared(snapshot, rules)
    return Result(labels, kept, matches.follow(snapshot, good=good, fair=fair, rules=rules))


@dataclass(frozen=True, slots=True)
class Part:
    """The good faces, or the fair ones: those there are now, `gone` to take out, `new` to put in, in the order of their
    ids. A face that is embedded anew is in both."""

    known: Known
    gone: Rows
    new: NewFaces


@dataclass(frozen=True, slots=True)
class Change:
    """What a snapshot says other than a state; `state` is None if everything has to be made from nothing: then the new
    faces of both parts are all there are. `photo_ids` int64 (n,) are those of the good faces."""

    snapshot: Snapshot
    state: State | None
    photo_ids: Rows
    good: Part
    fair: Part

    def embeddings(self) -> Embeddings:
        """Those of all good faces, float32 (n, d); rows that are none are NaN or zeros."""
        ids, new = self.good.known.ids, self.good.new
        if self.state is None:
            return new.embeddings
        found = np.empty((len(ids), new.embeddings.shape[1]), dtype=np.float32)
        is_new = np.isin(ids, new.ids, assume_unique=True)
        found[is_new] = new.embeddings
        found[~is_new] = self.state.groups.embeddings(ids[~is_new])
        return found


def compare(state: State | None, snapshot: Snapshot, rules: Rules) -> Change:
    """What changed since a state of the same model and rules, of any moment, was made; None: everything.

    Reads the embeddings of faces that the state does not know: one query for each 5,000.
    """
    before = state or State.empty(snapshot.model, rules)
    is_good = snapshot.good(rules)
    good, fair = _Read.of(before.good, snapshot, is_good), _Read.of(before.fair, snapshot, snapshot.fair(rules))
    length = vectors.usual_length(np.concatenate([good.known.lengths, fair.known.lengths]))
    if state is not None and length != 4 * state.groups.dimensions:
        # Most embeddings are of another length now: what the others are worth is seen from the beginning.
        return compare(None, snapshot, rules)
    return Change(snapshot, state, snapshot.photo_ids[is_good], good.part(length), fair.part(length))


@dataclass(frozen=True, slots=True)
class _Read:
    """A part of the faces, and what was read of those that were not known as they are."""

    before: Known
    known: Known
    is_new: Mask
    is_asked: Mask
    found: vectors.Vectors

    @classmethod
    def of(cls, before: Known, snapshot: Snapshot, mask: Mask) -> _Read:
        ids, crcs = snapshot.ids[mask], snapshot.crcs[mask].copy()
        place = np.searchsorted(before.ids, ids)
        is_known = np.append(before.ids, NOISE)[place] == ids
        place = np.where(is_known, place, 0)
        lengths = np.where(is_known, np.append(before.lengths, 0)[place], 0)
        is_same = is_known & (np.append(before.crcs, 0)[place] == crcs)
        # Whoever wrote an embedding without its CRC, or none at all, is asked again; these should be few.
        is_asked = ~is_same | (crcs == 0)
        found = vectors.read(ids[is_asked])
        crcs[is_asked], lengths[is_asked] = found.crcs, found.lengths
        is_new = ~is_known | (np.append(before.crcs, 0)[place] != crcs)
        return cls(before, Known(ids, crcs, lengths), is_new, is_asked, found)

    def part(self, length: int) -> Part:
        ids, was = self.known.ids, self.before.ids
        again = ids[self.is_new & np.isin(ids, was, assume_unique=True)]
        gone = np.union1d(np.setdiff1d(was, ids, assume_unique=True), again)
        new = NewFaces(ids[self.is_new], self.found.matrix(length)[self.is_new[self.is_asked]])
        return Part(self.known, gone, new)


def _from_nothing(snapshot: Snapshot, rules: Rules) -> Change:
    """A change that makes everything of a snapshot with embeddings."""
    is_good, is_fair = snapshot.good(rules), snapshot.fair(rules)

    def part(mask: Mask) -> Part:
        ids = snapshot.ids[mask]
        lengths = np.full(len(ids), 4 * snapshot.embeddings.shape[1], dtype=np.int64)
        return Part(Known(ids, snapshot.crcs[mask], lengths), _NOTHING, NewFaces(ids, snapshot.embeddings[mask]))

    return Change(snapshot, None, snapshot.photo_ids[is_good], part(is_good), part(is_fair))


def follow(change: Change, rules: Rules) -> State:
    """The state that says of the faces of a snapshot what `compute` would. The one that was compared with is used up:
    should this fail, it is of no use any more."""
    good, fair = change.good, change.fair
    before = change.state or State.empty(
        change.snapshot.model, rules, dimensions=max(good.new.embeddings.shape[1], fair.new.embeddings.shape[1])
    )
    groups, joining = before.groups, before.joining
    groups.update(
        gone=good.gone,
        new=good.new,
        ids=good.known.ids,
        photo_ids=change.photo_ids,
        never=change.snapshot.never,
        always=change.snapshot.always,
    )
    if any(map(len, (good.gone, good.new.ids, fair.gone, fair.new.ids))):
        good_ids, points = groups.by_row()
        joining.update(
            gone=fair.gone,
            new_ids=fair.new.ids,
            new=fair.new.embeddings,
            good=good_ids,
            points=points,
            lost=good.gone,
            came=np.isin(good_ids, good.new.ids),
        )
    changed = sum(map(len, (good.gone, good.new.ids, fair.gone, fair.new.ids)))
    return State(before.model, before.key, groups, joining, good.known, fair.known, before.unsaved + changed)


def results_of(state: State, snapshot: Snapshot, rules: Rules) -> Result:
    """What a state that has followed a snapshot says of it. Reads the embeddings of confirmed faces that are not even
    fair: they say who good ones are."""
    is_good, is_fair = snapshot.good(rules), snapshot.fair(rules)
    if is_good.all():
        embeddings = state.groups.embeddings(snapshot.ids)
    else:
        embeddings = np.full((len(snapshot.ids), state.groups.dimensions), np.nan, dtype=np.float32)
        embeddings[is_good] = state.groups.embeddings(snapshot.ids[is_good])
        embeddings[is_fair] = state.joining.embeddings
    rest = np.flatnonzero(~is_good & ~is_fair & snapshot.confirmed)
    embeddings[rest] = vectors.read(snapshot.ids[rest]).matrix(4 * state.groups.dimensions)
    is_good[is_good] = state.groups.are_usable(snapshot.ids[is_good])
    is_fair[is_fair] = algorithm.usable(state.joining.embeddings)
    snapshot = replace(snapshot, embeddings=embeddings)
    matching = matches.follow(snapshot, good=is_good, fair=is_fair, rules=rules)
    return _result(snapshot, state, matching, rules)


def _result(snapshot: Snapshot, state: State, matching: Matching, rules: Rules) -> Result:
    is_good, is_fair = snapshot.good(rules), snapshot.fair(rules)
    labels = np.full(len(snapshot.ids), NOISE, dtype=np.int64)
    labels[is_good] = state.groups.labels(snapshot.ids[is_good])
    labels[is_fair] = state.joining.join(
        snapshot.photo_ids[is_fair],
        good=snapshot.ids[is_good],
        labels=labels[is_good],
        good_photos=snapshot.photo_ids[is_good],
        never=snapshot.never,
        always=snapshot.always,
    )
    labels = algorithm.in_order(labels)
    return Result(labels, continuity.carry_over(snapshot.clusters, labels), matching)


def _compared(snapshot: Snapshot, rules: Rules) -> tuple[Mask, Mask]:
    """Good and fair faces that have an embedding."""
    usable = algorithm.usable(snapshot.embeddings)
    return usable & snapshot.good(rules), usable & snapshot.fair(rules)
