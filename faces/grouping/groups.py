"""Groups by rules: from nothing, or by following what changed since they were last made. The result is the same."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from faces import clustering as algorithm
from faces import continuity
from faces.clustering import NOISE, DynamicGroups, Embeddings, Mask, NewFaces, Rows
from faces.grouping import matches, vectors
from faces.grouping.snapshot import Snapshot
from faces.grouping.state import State
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
    good = _good(snapshot, rules)
    groups = _empty(snapshot.embeddings.shape[1], rules)
    groups.update(
        gone=_NOTHING,
        new=NewFaces(snapshot.ids[good], snapshot.embeddings[good]),
        ids=snapshot.ids[good],
        photo_ids=snapshot.photo_ids[good],
        never=snapshot.never,
        always=snapshot.always,
    )
    return _result(snapshot, good, groups, matches.match(snapshot, good, rules))


def compute_people(snapshot: Snapshot, rules: Rules) -> Result:
    """People alone: the groups stay, because no face changed since they were made."""
    labels = algorithm.in_order(snapshot.clusters)
    kept = continuity.carry_over(snapshot.clusters, labels)
    return Result(labels, kept, matches.follow(snapshot, _good(snapshot, rules), rules))


@dataclass(frozen=True, slots=True)
class Change:
    """What a snapshot says other than a state: good faces `ids`, int64 (n,), in `photo_ids`, with the `crcs` and
    `lengths` of their embeddings; `gone` are those to take out, `new` those to put in, in the order of their ids.

    `state` is None if everything has to be made from nothing: then `new` is all there is.
    """

    snapshot: Snapshot
    state: State | None
    ids: Rows
    photo_ids: Rows
    crcs: Rows
    lengths: Rows
    gone: Rows
    new: NewFaces

    def embeddings(self) -> Embeddings:
        """Those of all its faces, float32 (n, d); rows that are none are NaN or zeros."""
        if self.state is None:
            return self.new.embeddings
        found = np.empty((len(self.ids), self.new.embeddings.shape[1]), dtype=np.float32)
        is_new = np.isin(self.ids, self.new.ids, assume_unique=True)
        found[is_new] = self.new.embeddings
        found[~is_new] = self.state.groups.embeddings(self.ids[~is_new])
        return found


def compare(state: State | None, snapshot: Snapshot, rules: Rules) -> Change:
    """What changed since a state of the same model and rules, of any moment, was made; None: everything.

    Reads the embeddings of faces that the state does not know: one query for each 5,000.
    """
    good = snapshot.good(rules)
    ids, photo_ids, crcs = snapshot.ids[good], snapshot.photo_ids[good], snapshot.crcs[good].copy()
    before = state or State.empty(snapshot.model, rules)
    place = np.searchsorted(before.ids, ids)
    is_known = np.append(before.ids, NOISE)[place] == ids
    place = np.where(is_known, place, 0)
    lengths = np.where(is_known, np.append(before.lengths, 0)[place], 0)
    is_same = is_known & (np.append(before.crcs, 0)[place] == crcs)
    # Whoever wrote an embedding without its CRC, or none at all, is asked again; these should be few.
    asked = np.flatnonzero(~is_same | (crcs == 0))
    found = vectors.read(ids[asked])
    crcs[asked], lengths[asked] = found.crcs, found.lengths
    is_new = ~is_known | (np.append(before.crcs, 0)[place] != crcs)
    length = vectors.usual_length(lengths)
    if state is not None and length != 4 * state.groups.dimensions:
        # Most embeddings are of another length now: what the others are worth is seen from the beginning.
        return compare(None, snapshot, rules)
    new = NewFaces(ids[is_new], found.matrix(length)[is_new[asked]])
    gone = np.union1d(np.setdiff1d(before.ids, ids, assume_unique=True), ids[is_known & is_new])
    return Change(snapshot, state, ids, photo_ids, crcs, lengths, gone, new)


def follow(change: Change, rules: Rules) -> State:
    """The state that says of the faces of a snapshot what `compute` would. The one that was compared with is used up:
    should this fail, it is of no use any more."""
    before = change.state or State.empty(change.snapshot.model, rules)
    groups = before.groups if change.state else _empty(change.new.embeddings.shape[1], rules)
    groups.update(
        gone=change.gone,
        new=change.new,
        ids=change.ids,
        photo_ids=change.photo_ids,
        never=change.snapshot.never,
        always=change.snapshot.always,
    )
    unsaved = before.unsaved + len(change.gone) + len(change.new.ids)
    return State(before.model, before.key, groups, change.ids, change.crcs, change.lengths, unsaved)


def results_of(state: State, snapshot: Snapshot, rules: Rules) -> Result:
    """What a state that has followed a snapshot says of it. Reads the embeddings of confirmed faces that are not good
    enough for a group: they say who others are."""
    good = snapshot.good(rules)
    if good.all():
        embeddings = state.groups.embeddings(snapshot.ids)
    else:
        embeddings = np.full((len(snapshot.ids), state.groups.dimensions), np.nan, dtype=np.float32)
        embeddings[good] = state.groups.embeddings(snapshot.ids[good])
    rest = np.flatnonzero(~good & snapshot.confirmed)
    embeddings[rest] = vectors.read(snapshot.ids[rest]).matrix(4 * state.groups.dimensions)
    good[good] = state.groups.are_usable(snapshot.ids[good])
    snapshot = replace(snapshot, embeddings=embeddings)
    return _result(snapshot, good, state.groups, matches.follow(snapshot, good, rules))


def _result(snapshot: Snapshot, good: Mask, groups: DynamicGroups, matching: Matching) -> Result:
    labels = np.full(len(snapshot.ids), NOISE, dtype=np.int64)
    labels[good] = groups.labels(snapshot.ids[good])
    labels = algorithm.in_order(labels)
    kept = continuity.carry_over(snapshot.clusters, labels)
    return Result(labels, kept, matching)


def _good(snapshot: Snapshot, rules: Rules) -> Mask:
    return algorithm.usable(snapshot.embeddings) & snapshot.good(rules)


def _empty(dimensions: int, rules: Rules) -> DynamicGroups:
    return DynamicGroups(dimensions, eps=rules.eps, min_samples=rules.min_samples, link_distance=rules.link_distance)
