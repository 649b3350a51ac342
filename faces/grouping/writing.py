"""What is to be, written as differences in one short transaction that checks what people decided meanwhile."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone
from numpy.typing import NDArray

from faces import continuity, revisions
from faces.clustering import NOISE, Mask, Rows
from faces.grouping.groups import Result
from faces.grouping.rules import Rules
from faces.grouping.snapshot import Snapshot
from faces.grouping.vectors import CHUNK
from faces.models import Cluster, Clustering, Face, Person, Refusal
from gallery import work
from gallery.models import Photo

logger = logging.getLogger(__name__)

_AS_IT_IS = -2
# Rows that get a distance of their own in one UPDATE: each is a branch of an expression, and SQLite allows 1,000 deep.
_CASES = 300
# Distances nearer than this say the same.
_SAME_DISTANCE = 1e-6


def write(clustering: Clustering, snapshot: Snapshot, rules: Rules, result: Result, *, milliseconds: int) -> bool:
    """Writes the differences in one transaction and gives the lease back. False if the lease was lost meanwhile."""
    with transaction.atomic():
        revisions.lock()
        held = Clustering.objects.filter(pk=clustering.pk, lease_owner=work.lease_owner())
        if not held.exists():
            logger.warning("clustering %d: the lease ran out; nothing was written", clustering.pk)
            return False
        clusters = _cluster_ids(clustering.model, result)[result.labels]
        # What went into the trash meanwhile leaves its group with the rest of it: no row is to be written twice.
        trashed = list(Photo.objects.filter(trashed_at__isnull=False).order_by().values_list("pk", flat=True))
        _write_faces(clustering.model, snapshot, clusters, result, there=~np.isin(snapshot.photo_ids, trashed))
        _tidy(clustering.model, trashed)
        moves = continuity.moves(snapshot.clusters, clusters)
        held.update(
            done=clustering.wanted,
            faces_done=clustering.faces_wanted,
            fingerprint=snapshot.fingerprint(rules),
            calibration=clustering.calibration,
            lease_owner="",
            lease_until=None,
            face_count=len(snapshot.ids),
            cluster_count=len(result.kept),
            merge_count=len(moves.merged),
            split_count=len(moves.split),
            milliseconds=milliseconds,
            finished_at=timezone.now(),
            error="",
        )
    for gone, into in moves.merged:
        logger.info("clustering %d: suggestion %d is now part of %d", clustering.pk, gone, into)
    for old, new in moves.split:
        logger.info("clustering %d: suggestion %d was parted from %d", clustering.pk, new, old)
    return True


def _write_faces(model: str, snapshot: Snapshot, clusters: Rows, result: Result, *, there: Mask) -> None:
    """Group, person and nearest person of every face that is `there` and for which one of them changed.

    Each row is written once: of a row that a transaction writes twice, PostgreSQL checks every foreign key anew when it
    commits, and would wait there for workers that have locked photos and wait for us.
    """
    people = np.where(_may_change(model, snapshot, result.people), result.people, snapshot.people)
    moves, names = clusters != snapshot.clusters, people != snapshot.people
    near = _near(snapshot, result)
    nears = np.zeros(len(snapshot.ids), dtype=np.bool_) if near is None else near[2]
    nears &= there
    _write_alike(
        model,
        snapshot.ids,
        np.where(moves, clusters, _AS_IT_IS),
        np.where(names, people, _AS_IT_IS),
        there & ~nears,
    )
    if near is None:
        return
    for moved in (False, True):
        for named in (False, True):
            rows = np.flatnonzero(nears & (moves == moved) & (names == named))
            fields = ["near_person", "near_distance", *["cluster"] * moved, *["person", "state"] * named]
            faces = [_face(row, snapshot, clusters, people, near) for row in rows.tolist()]
            # Distances are all different: each is a branch of one expression.
            revisions.comparable(model).bulk_update(faces, fields, batch_size=_CASES)


def _write_alike(model: str, ids: Rows, clusters: Rows, people: Rows, among: Mask) -> None:
    """One UPDATE for all that get the same group and person; _AS_IT_IS for what stays."""
    changed = np.flatnonzero(among & ((clusters != _AS_IT_IS) | (people != _AS_IT_IS)))
    changed = changed[np.lexsort((people[changed], clusters[changed]))]
    is_other = (np.diff(clusters[changed]) != 0) | (np.diff(people[changed]) != 0)
    for part in np.split(changed, np.flatnonzero(is_other) + 1):
        for start in range(0, len(part), CHUNK):
            rows = part[start : start + CHUNK]
            cluster, person = int(clusters[rows[0]]), int(people[rows[0]])
            values: dict[str, Any] = {}
            if cluster != _AS_IT_IS:
                values["cluster"] = None if cluster == NOISE else cluster
            if person != _AS_IT_IS:
                values["person"] = None if person == NOISE else person
                values["state"] = _state(person)
            revisions.comparable(model).filter(pk__in=ids[rows].tolist()).update(**values)


def _state(person: int) -> Face.State:
    return Face.State.UNKNOWN if person == NOISE else Face.State.ASSIGNED


def _near(snapshot: Snapshot, result: Result) -> tuple[Rows, NDArray[np.float64], Mask] | None:
    """Nearest people and distances, and for which faces they changed; None if nobody worked them out. A person who is
    gone since, or refused, is near to nobody."""
    if result.near_people is None or result.near_distances is None:
        return None
    people = result.near_people.copy()
    people[~np.isin(people, list(Person.objects.values_list("pk", flat=True)))] = NOISE
    for face_id, person_id in _new_refusals(snapshot):
        people[(snapshot.ids == face_id) & (people == person_id)] = NOISE
    distances = np.where(people == NOISE, np.nan, result.near_distances)
    changed = (people != snapshot.near_people) | ~np.isclose(
        distances, snapshot.near_distances, rtol=0, atol=_SAME_DISTANCE, equal_nan=True
    )
    return people, distances, changed


def _face(
    row: int, snapshot: Snapshot, clusters: Rows, people: Rows, near: tuple[Rows, NDArray[np.float64], Mask]
) -> Face:
    cluster, person, nearest = int(clusters[row]), int(people[row]), int(near[0][row])
    return Face(
        pk=int(snapshot.ids[row]),
        cluster_id=None if cluster == NOISE else cluster,
        person_id=None if person == NOISE else person,
        state=_state(person),
        near_person_id=None if nearest == NOISE else nearest,
        near_distance=None if nearest == NOISE else float(near[1][row]),
    )


def _cluster_ids(model: str, result: Result) -> Rows:
    """The id of the group of each label, and NOISE as the last, which is where the label NOISE (-1) points."""
    there = set(Cluster.objects.filter(model=model).values_list("pk", flat=True))
    ids = np.array([kept if kept in there else NOISE for kept in result.kept.tolist()] + [NOISE], dtype=np.int64)
    new = np.flatnonzero(ids[:-1] == NOISE)
    ids[new] = [cluster.pk for cluster in Cluster.objects.bulk_create(Cluster(model=model) for _ in new)]
    return ids


def _may_change(model: str, snapshot: Snapshot, people: Rows) -> Mask:
    """Whether each face may be given to its new person, after all that was decided since the snapshot was read."""
    there = [NOISE, *Person.objects.values_list("pk", flat=True)]
    changed = snapshot.ids[snapshot.people != people].tolist()
    still_open: list[int] = []
    for start in range(0, len(changed), CHUNK):
        faces = revisions.eligible(model).filter(pk__in=changed[start : start + CHUNK], is_confirmed=False)
        still_open += faces.values_list("pk", flat=True)
    allowed: Mask = np.isin(snapshot.ids, still_open) & np.isin(people, there)
    for face_id, person_id in _new_refusals(snapshot):
        allowed &= (snapshot.ids != face_id) | (people != person_id)
    return allowed


def _new_refusals(snapshot: Snapshot) -> list[tuple[int, int]]:
    return list(Refusal.objects.filter(pk__gt=snapshot.last_refusal).values_list("face_id", "person_id"))


def _tidy(model: str, trashed: list[int]) -> None:
    """Takes faces that clustering does not look at any more out of the groups, drops empty groups, and counts those
    anew that are counted wrong."""
    grouped = Face.objects.filter(cluster__model=model).order_by()
    # One by one, and from the few that there are, so that an index answers each of them alone.
    reasons = [
        Q(state__in=[Face.State.IGNORED, Face.State.NOT_A_FACE]),
        Q(model__lt=model) | Q(model__gt=model),
        *(Q(photo__in=trashed[start : start + CHUNK]) for start in range(0, len(trashed), CHUNK)),
    ]
    left = sorted({pk for reason in reasons for pk in grouped.filter(reason).values_list("pk", flat=True)})
    for start in range(0, len(left), CHUNK):
        Face.objects.filter(pk__in=left[start : start + CHUNK]).update(cluster=None)
    groups = Cluster.objects.filter(model=model)
    groups.filter(faces__isnull=True).delete()
    unnamed = Face.objects.filter(cluster__isnull=False, state=Face.State.UNKNOWN).order_by()
    sizes = dict(unnamed.values_list("cluster").annotate(count=Count("pk")))
    wrong = [pk for pk, size in groups.values_list("pk", "size") if size != sizes.get(pk, 0)]
    for start in range(0, len(wrong), CHUNK):
        revisions.count_sizes(Cluster.objects.filter(pk__in=wrong[start : start + CHUNK]))
