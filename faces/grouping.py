"""Clustering as a job: read all faces of one embedding model, compute, write only what changed.

Reading and computing happen outside any transaction and may take a minute; writing is one short transaction, which
checks again what people may have decided meanwhile. A decision always wins: confirmed faces are never touched, new
refusals are obeyed, and whatever else moved is picked up by the next round.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from faces import clustering as algorithm
from faces import continuity, matching, revisions
from faces.clustering import NOISE, Embeddings, Mask, Rows
from faces.models import Cluster, Clustering, Face, Person, Refusal
from faces.shadow import distances
from gallery import work
from gallery.models import Library
from gallery.vision import catalog

logger = logging.getLogger(__name__)

# Faces worse than this (`vision.face_quality`: small, blurred or turned away) neither start a group nor join one.
MIN_QUALITY = 0.30
# Changes that come in while it computes are followed at once this often; after that the sweep asks again.
MAX_ROUNDS = 4
# Ids in one UPDATE: SQLite has taken 32,766 parameters in a statement since 3.32, PostgreSQL 65,535.
CHUNK = 5000
_AS_IT_IS = -2


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All eligible faces of a model in the order of their ids; `person` and `cluster` are NOISE (-1) for none.

    `private`: the private library that the photo is in, else NOISE. `quiet`: only a file there says who it is.
    """

    model: str
    ids: Rows
    photo_ids: Rows
    people: Rows
    clusters: Rows
    confirmed: Mask
    private: Rows
    quiet: Mask
    quality: NDArray[np.float32]
    embeddings: Embeddings
    refusals: list[tuple[int, int, int]]

    @property
    def last_refusal(self) -> int:
        return max((refusal_id for refusal_id, _, _ in self.refusals), default=0)

    def fingerprint(self) -> str:
        """The same numbers as `revisions.fingerprint` counts in the database."""
        ids, sure = self.ids, self.confirmed
        faces = map(int, (len(ids), ids.max(initial=0), ids.sum()))
        named = self.people[sure & (self.people != NOISE)]
        decisions = map(int, (sure.sum(), ids[sure].sum(), named.sum(), len(self.refusals), self.last_refusal))
        return revisions.compose(self.model, faces=faces, decisions=decisions)


@dataclass(frozen=True, slots=True)
class Result:
    """What is to be: group labels (NOISE: none) with the cluster id each keeps (NOISE: a new one), and people."""

    labels: Rows
    kept: Rows
    people: Rows


def run(clustering_id: int) -> None:
    """Brings the groups of one model up to date; returns at once when they are, or when another worker is at it."""
    for _ in range(MAX_ROUNDS):
        clustering = Clustering.objects.filter(pk=clustering_id).first()
        if clustering is None or not revisions.is_stale(clustering) or not _claim(clustering):
            return
        # Read after the lease is ours: what is counted up from here on is for the next round.
        clustering.refresh_from_db()
        start = time.perf_counter()
        try:
            snapshot = read(clustering.model)
            spec = catalog.model(clustering.model)
            spec = distances.applied(spec, distances.in_force(clustering, spec))
            # Two threads of OpenBLAS on a core that is busy wait for each other: 69 s instead of 26 for 100,000 faces.
            with threadpool_limits(settings.PICTOPY.threads_per_worker, user_api="blas"):
                is_anew = revisions.are_groups_stale(clustering, snapshot.fingerprint())
                result = compute(snapshot, spec) if is_anew else compute_people(snapshot, spec)
            written = write(clustering, snapshot, result, milliseconds=round((time.perf_counter() - start) * 1000))
        except Exception as error:
            # The lease stays, so that what fails is not tried again every second; the sweep comes back when it ends.
            Clustering.objects.filter(pk=clustering_id).update(error=f"{type(error).__name__}: {error}")
            raise
        if not written:
            return


def _claim(clustering: Clustering) -> bool:
    """Takes the lease with one compare-and-swap; a lease that ran out, or whose process is gone, is free."""
    if revisions.is_running(clustering):
        return False
    return bool(
        Clustering.objects.filter(
            pk=clustering.pk, lease_owner=clustering.lease_owner, lease_until=clustering.lease_until
        ).update(
            lease_owner=work.lease_owner(),
            lease_until=timezone.now() + dt.timedelta(seconds=settings.PICTOPY.lease_s),
        )
    )


# ---- Read -------------------------------------------------------------------------------------------------------


def read(model: str) -> Snapshot:
    """All faces of a model. One query that streams, one for the refusals and one for the private libraries; 128 numbers
    a face and little else."""
    fields = (
        "id",
        "photo_id",
        "person_id",
        "cluster_id",
        "photo__library_id",
        "decided_by_id",
        "is_confirmed",
        "quality",
        "embedding",
    )
    hidden = set(Library.objects.filter(visibility=Library.Visibility.PRIVATE).values_list("pk", flat=True))
    numbers: list[tuple[int, int, int, int, int]] = []
    quiet: list[bool] = []
    confirmed: list[bool] = []
    quality: list[float] = []
    vectors: list[bytes] = []
    length = 0
    for face_id, photo_id, person_id, cluster_id, library_id, decided_by_id, is_confirmed, how_good, embedding in (
        revisions.eligible(model).order_by("id").values_list(*fields).iterator(chunk_size=2000)
    ):
        private = library_id if library_id in hidden else NOISE
        numbers.append((face_id, photo_id, person_id or NOISE, cluster_id or NOISE, private))
        quiet.append(is_confirmed and decided_by_id is None and private != NOISE)
        confirmed.append(is_confirmed)
        quality.append(how_good)
        vectors.append(bytes(embedding or b""))
        length = length or len(vectors[-1])
    columns = np.array(numbers, dtype=np.int64).reshape(-1, 5)
    return Snapshot(
        model=model,
        ids=columns[:, 0].copy(),
        photo_ids=columns[:, 1].copy(),
        people=columns[:, 2].copy(),
        clusters=columns[:, 3].copy(),
        confirmed=np.array(confirmed, dtype=np.bool_),
        private=columns[:, 4].copy(),
        quiet=np.array(quiet, dtype=np.bool_),
        quality=np.array(quality, dtype=np.float32),
        embeddings=_matrix(vectors, length),
        refusals=list(Refusal.objects.order_by("id").values_list("id", "face_id", "person_id")),
    )


def _matrix(vectors: list[bytes], length: int) -> Embeddings:
    """float32 (n, length / 4); bytes of another length become NaN, which belongs to nothing."""
    nothing = np.full(length // 4, np.nan, dtype=np.float32).tobytes()
    joined = b"".join(vector if len(vector) == length else nothing for vector in vectors)
    return np.frombuffer(joined, dtype=np.float32).reshape(len(vectors), length // 4)


# ---- Compute ----------------------------------------------------------------------------------------------------


def compute(snapshot: Snapshot, spec: catalog.ModelSpec) -> Result:
    """Groups and people for a snapshot. No database. Raises ModelUnavailable for a model without distances."""
    if spec.eps is None or spec.min_samples is None or spec.link_distance is None:
        raise catalog.ModelUnavailable(f"{spec.key} has no distances in the catalog: its faces cannot be compared.")
    good = _good(snapshot)
    labels = np.full(len(snapshot.ids), NOISE, dtype=np.int64)
    embeddings, photo_ids = snapshot.embeddings[good], snapshot.photo_ids[good]
    found = algorithm.dbscan(embeddings, eps=spec.eps, min_samples=spec.min_samples).labels
    found = algorithm.separate_same_photo(found, embeddings, photo_ids, eps=spec.eps, min_samples=spec.min_samples)
    labels[good] = algorithm.link_groups(found, embeddings, photo_ids, limit=spec.link_distance)
    return Result(labels, kept=continuity.carry_over(snapshot.clusters, labels), people=_people(snapshot, good, spec))


def compute_people(snapshot: Snapshot, spec: catalog.ModelSpec) -> Result:
    """People alone: the groups stay, because no face changed since they were made."""
    labels = algorithm.in_order(snapshot.clusters)
    kept = continuity.carry_over(snapshot.clusters, labels)
    return Result(labels, kept, people=_people(snapshot, _good(snapshot), spec))


def _good(snapshot: Snapshot) -> Mask:
    return algorithm.usable(snapshot.embeddings) & (snapshot.quality >= MIN_QUALITY)


def _people(snapshot: Snapshot, good: Mask, spec: catalog.ModelSpec) -> Rows:
    """The person of every face: as confirmed, or of the nearest confirmed face.

    What only a file of a private library says is compared with the faces of that library alone: a name that the house
    does not know must not come to it by likeness.
    """
    if spec.match_distance is None:
        raise catalog.ModelUnavailable(f"{spec.key} has no distances in the catalog: its faces cannot be compared.")
    people = np.where(snapshot.confirmed, snapshot.people, NOISE)
    known = snapshot.confirmed & (snapshot.people != NOISE) & algorithm.usable(snapshot.embeddings)
    among, common = good & ~snapshot.confirmed, known & ~snapshot.quiet
    apart = np.unique(snapshot.private[known & snapshot.quiet])
    # The libraries share no photo, so a person whom one pass found is in none of the photos of another.
    _match(people, snapshot, among & ~np.isin(snapshot.private, apart), common, match_distance=spec.match_distance)
    for library_id in apart.tolist():
        here = snapshot.private == library_id
        reference = common | (known & snapshot.quiet & here)
        _match(people, snapshot, among & here, reference, match_distance=spec.match_distance)
    return people


def _match(people: Rows, snapshot: Snapshot, among: Mask, reference: Mask, *, match_distance: float) -> None:
    """Writes into `people` whom the faces of `among` are, judged by those of `reference`."""
    rows = np.flatnonzero(among)
    row_of = {face_id: row for row, face_id in enumerate(snapshot.ids[rows].tolist())}
    sure = snapshot.confirmed & (snapshot.people != NOISE)
    people[rows] = matching.assign(
        snapshot.embeddings[rows],
        snapshot.photo_ids[rows],
        confirmed=snapshot.embeddings[reference],
        confirmed_people=snapshot.people[reference],
        taken=zip(snapshot.photo_ids[sure].tolist(), snapshot.people[sure].tolist(), strict=True),
        refused=[(row_of[face], person) for _, face, person in snapshot.refusals if face in row_of],
        match_distance=match_distance,
    )


# ---- Write ------------------------------------------------------------------------------------------------------


def write(clustering: Clustering, snapshot: Snapshot, result: Result, *, milliseconds: int) -> bool:
    """Writes the differences in one transaction and gives the lease back. False if the lease was lost meanwhile."""
    with transaction.atomic():
        revisions.lock()
        held = Clustering.objects.filter(pk=clustering.pk, lease_owner=work.lease_owner())
        if not held.exists():
            logger.warning("clustering %d: the lease ran out; nothing was written", clustering.pk)
            return False
        _write_faces(clustering.model, snapshot, result)
        _tidy(clustering.model)
        held.update(
            done=clustering.wanted,
            faces_done=clustering.faces_wanted,
            fingerprint=snapshot.fingerprint(),
            lease_owner="",
            lease_until=None,
            face_count=len(snapshot.ids),
            cluster_count=len(result.kept),
            milliseconds=milliseconds,
            finished_at=timezone.now(),
            error="",
        )
    return True


def _write_faces(model: str, snapshot: Snapshot, result: Result) -> None:
    """Group and person of every face whose group or person changed, in one UPDATE for all that get the same.

    Each row is written once: of a row that a transaction writes twice, PostgreSQL checks every foreign key anew when it
    commits, and would wait there for workers that have locked photos and wait for us.
    """
    clusters = _cluster_ids(model, result)[result.labels]
    people = np.where(_may_change(model, snapshot, result.people), result.people, snapshot.people)
    changed = np.flatnonzero((clusters != snapshot.clusters) | (people != snapshot.people))
    wanted = np.stack(
        [
            np.where(clusters != snapshot.clusters, clusters, _AS_IT_IS),
            np.where(people != snapshot.people, people, _AS_IT_IS),
        ],
        axis=1,
    )[changed]
    order = np.lexsort((wanted[:, 1], wanted[:, 0]))
    changed, wanted = changed[order], wanted[order]
    for part in np.split(np.arange(len(changed)), np.flatnonzero((np.diff(wanted, axis=0) != 0).any(axis=1)) + 1):
        for start in range(0, len(part), CHUNK):
            chunk = part[start : start + CHUNK]
            cluster, person = (int(target) for target in wanted[chunk[0]])
            values: dict[str, Any] = {}
            if cluster != _AS_IT_IS:
                values["cluster"] = None if cluster == NOISE else cluster
            if person != _AS_IT_IS:
                is_nobody = person == NOISE
                values["person"] = None if is_nobody else person
                values["state"] = Face.State.UNKNOWN if is_nobody else Face.State.ASSIGNED
            revisions.eligible(model).filter(pk__in=snapshot.ids[changed[chunk]].tolist()).update(**values)


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
    for face_id, person_id in Refusal.objects.filter(pk__gt=snapshot.last_refusal).values_list("face_id", "person_id"):
        allowed &= (snapshot.ids != face_id) | (people != person_id)
    return allowed


def _tidy(model: str) -> None:
    """Takes faces that clustering does not look at any more out of the groups, drops empty groups, counts the rest."""
    set_aside = Q(state__in=[Face.State.IGNORED, Face.State.NOT_A_FACE]) | Q(photo__trashed_at__isnull=False)
    left = Face.objects.filter(cluster__model=model).filter(set_aside | ~Q(model=model)).values("pk")
    Face.objects.filter(pk__in=list(left.values_list("pk", flat=True))).update(cluster=None)
    Cluster.objects.filter(model=model, faces__isnull=True).delete()
    revisions.count_sizes(Cluster.objects.filter(model=model))
