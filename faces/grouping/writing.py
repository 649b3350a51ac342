"""What is to be, written as differences in one short transaction that checks what people decided meanwhile."""

from __future__ import annotations

import logging

import numpy as np
from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone
from numpy.typing import NDArray

from faces import continuity, revisions
from faces.clustering import NOISE, Mask, Rows
from faces.grouping.groups import Result
from faces.grouping.rows import AS_IT_IS, Row, write_clusters, write_faces
from faces.grouping.snapshot import Snapshot
from faces.grouping.vectors import CHUNK
from faces.matching import near_clusters
from faces.models import Cluster, Clustering, Face, Person, Refusal
from faces.rules import Rules
from gallery import work
from gallery.models import Photo

logger = logging.getLogger(__name__)

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
        write_clusters(clustering.model, near_clusters(result.matching, clusters))
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
    """Group, person and nearest person of every face that is `there` and for which one of them changed."""
    names = _may_change(model, snapshot, result.people) & (result.people != snapshot.people)
    people = np.where(names, result.people, AS_IT_IS)
    near, distances = _near(snapshot, result)
    is_further = ~np.isclose(distances, snapshot.near_distances, rtol=0, atol=_SAME_DISTANCE, equal_nan=True)
    is_changed = (clusters != snapshot.clusters) | names | (near != snapshot.near_people) | is_further
    columns = [it[there & is_changed].tolist() for it in (snapshot.ids, clusters, people, near, distances)]
    write_faces(model, [Row(*row) for row in zip(*columns, strict=True)])


def _near(snapshot: Snapshot, result: Result) -> tuple[Rows, NDArray[np.float64]]:
    """Nearest people and distances. A person who is gone since, or refused, is near to nobody."""
    people = result.matching.near_people
    people[~np.isin(people, _people())] = NOISE
    for face_id, person_id in _new_refusals(snapshot):
        people[(snapshot.ids == face_id) & (people == person_id)] = NOISE
    return people, np.where(people == NOISE, np.nan, result.matching.near_distances)


def _people() -> list[int]:
    """Who may get faces: not who was merged into another meanwhile."""
    return list(Person.objects.filter(merged_into__isnull=True).values_list("pk", flat=True))


def _cluster_ids(model: str, result: Result) -> Rows:
    """The id of the group of each label, and NOISE as the last, which is where the label NOISE (-1) points."""
    there = set(Cluster.objects.filter(model=model).values_list("pk", flat=True))
    ids = np.array([kept if kept in there else NOISE for kept in result.kept.tolist()] + [NOISE], dtype=np.int64)
    new = np.flatnonzero(ids[:-1] == NOISE)
    ids[new] = [cluster.pk for cluster in Cluster.objects.bulk_create(Cluster(model=model) for _ in new)]
    return ids


def _may_change(model: str, snapshot: Snapshot, people: Rows) -> Mask:
    """Whether each face may be given to its new person, after all that was decided since the snapshot was read."""
    there = [NOISE, *_people()]
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
