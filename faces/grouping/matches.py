"""Who each face is: as confirmed, or of the nearest confirmed face."""

from __future__ import annotations

import numpy as np

from faces import clustering as algorithm
from faces import matching
from faces.clustering import NOISE, Mask, Rows
from faces.grouping.rules import Rules
from faces.grouping.snapshot import Snapshot


def people(snapshot: Snapshot, good: Mask, rules: Rules) -> Rows:
    """The person of every face, or NOISE. int64 (n,). `good` (n,): those that may be given to somebody.

    What only a file of a private library says is compared with the faces of that library alone: a name that the house
    does not know must not come to it by likeness.
    """
    found = np.where(snapshot.confirmed, snapshot.people, NOISE)
    known = snapshot.confirmed & (snapshot.people != NOISE) & algorithm.usable(snapshot.embeddings)
    among, common = good & ~snapshot.confirmed, known & ~snapshot.quiet
    apart = np.unique(snapshot.private[known & snapshot.quiet])
    # The libraries share no photo, so a person whom one pass found is in none of the photos of another.
    _match(found, snapshot, among & ~np.isin(snapshot.private, apart), common, rules)
    for library_id in apart.tolist():
        here = snapshot.private == library_id
        _match(found, snapshot, among & here, common | (known & snapshot.quiet & here), rules)
    return found


def _match(found: Rows, snapshot: Snapshot, among: Mask, reference: Mask, rules: Rules) -> None:
    """Writes into `found` whom the faces of `among` are, judged by those of `reference`."""
    rows = np.flatnonzero(among)
    row_of = {face_id: row for row, face_id in enumerate(snapshot.ids[rows].tolist())}
    sure = snapshot.confirmed & (snapshot.people != NOISE)
    found[rows] = matching.assign(
        snapshot.embeddings[rows],
        snapshot.photo_ids[rows],
        confirmed=snapshot.embeddings[reference],
        confirmed_people=snapshot.people[reference],
        taken=zip(snapshot.photo_ids[sure].tolist(), snapshot.people[sure].tolist(), strict=True),
        refused=[(row_of[face], person) for _, face, person in snapshot.refusals if face in row_of],
        match_distance=rules.match_distance,
    )
