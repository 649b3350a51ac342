"""Clustering as a job: read all faces of one embedding model, compute, write only what changed.

Reading and computing happen outside any transaction and may take a minute; writing is one short transaction, which
checks again what people may have decided meanwhile. A decision always wins: confirmed faces are never touched, new
refusals are obeyed, and whatever else moved is picked up by the next round.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from faces import clustering as algorithm
from faces import continuity, matching, revisions, writing
from faces.clustering import NOISE, Embeddings, Mask, Rows
from faces.limits import MIN_QUALITY
from faces.matching import Matching, near_clusters
from faces.models import Cluster, Clustering, Face, FacePair, Person, Refusal
from faces.shadow import distances
from gallery import work
from gallery.models import Library
from gallery.vision import catalog

logger = logging.getLogger(__name__)

# Changes that come in while it computes are followed at once this often; after that the sweep asks again.
MAX_ROUNDS = 4
# Ids in one UPDATE: SQLite has taken 32,766 parameters in a statement since 3.32, PostgreSQL 65,535.
CHUNK = 5000


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
    near_people: Rows
    near_distances: NDArray[np.float64]
    refusals: list[tuple[int, int, int]]
    pairs: list[tuple[int, int, int, bool]]

    @property
    def last_refusal(self) -> int:
        return max((refusal_id for refusal_id, _, _ in self.refusals), default=0)

    def fingerprint(self) -> str:
        """The same numbers as `revisions.fingerprint` counts in the database."""
        ids, sure = self.ids, self.confirmed
        faces = map(int, (len(ids), ids.max(initial=0), ids.sum()))
        named = self.people[sure & (self.people != NOISE)]
        said = (sure.sum(), ids[sure].sum(), named.sum(), len(self.refusals), self.last_refusal)
        pairs = (len(self.pairs), max((pair[0] for pair in self.pairs), default=0), sum(pair[3] for pair in self.pairs))
        return revisions.compose(self.model, faces=faces, decisions=map(int, (*said, *pairs)))


@dataclass(frozen=True, slots=True)
class Result:
    """What is to be: group labels (NOISE: none) with the cluster id each keeps (NOISE: a new one), and people."""

    labels: Rows
    kept: Rows
    matching: Matching

    @property
    def people(self) -> Rows:
        return self.matching.people


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
    """All faces of a model. One query that streams, one each for refusals, pairs and private libraries; 128 numbers a
    face and little else."""
    fields = (
        "id",
        "photo_id",
        "person_id",
        "cluster_id",
        "photo__library_id",
        "decided_by_id",
        "is_confirmed",
        "quality",
        "near_person_id",
        "near_distance",
        "embedding",
    )
    hidden = set(Library.objects.filter(visibility=Library.Visibility.PRIVATE).values_list("pk", flat=True))
    numbers: list[tuple[int, int, int, int, int, int]] = []
    quiet: list[bool] = []
    confirmed: list[bool] = []
    quality: list[float] = []
    distances: list[float] = []
    vectors: list[bytes] = []
    length = 0
    rows = revisions.eligible(model).order_by("id").values_list(*fields).iterator(chunk_size=2000)
    for (
        face_id, photo_id, person_id, cluster_id, library_id, decided_by_id, is_confirmed, how_good, near_id, near,
        embedding,
    ) in rows:  # fmt: skip
        private = library_id if library_id in hidden else NOISE
        numbers.append((face_id, photo_id, person_id or NOISE, cluster_id or NOISE, private, near_id or NOISE))
        distances.append(np.nan if near is None else near)
        quiet.append(is_confirmed and decided_by_id is None and private != NOISE)
        confirmed.append(is_confirmed)
        quality.append(how_good)
        vectors.append(bytes(embedding or b""))
        length = length or len(vectors[-1])
    columns = np.array(numbers, dtype=np.int64).reshape(-1, 6)
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
        near_people=columns[:, 5].copy(),
        near_distances=np.array(distances, dtype=np.float64),
        pairs=list(FacePair.objects.order_by("id").values_list("id", "one_id", "other_id", "is_same")),
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
    return Result(labels, kept=continuity.carry_over(snapshot.clusters, labels), matching=_match(snapshot, good, spec))


def compute_people(snapshot: Snapshot, spec: catalog.ModelSpec) -> Result:
    """People alone: the groups stay, because no face changed since they were made."""
    labels = algorithm.in_order(snapshot.clusters)
    kept = continuity.carry_over(snapshot.clusters, labels)
    return Result(labels, kept, matching=_match(snapshot, _good(snapshot), spec))


def _good(snapshot: Snapshot) -> Mask:
    return algorithm.usable(snapshot.embeddings) & (snapshot.quality >= MIN_QUALITY)


def _match(snapshot: Snapshot, good: Mask, spec: catalog.ModelSpec) -> Matching:
    """The person of every face: as confirmed, or of the nearest confirmed face; and whom the others are near."""
    if spec.match_distance is None:
        raise catalog.ModelUnavailable(f"{spec.key} has no distances in the catalog: its faces cannot be compared.")
    faces = matching.Faces(
        ids=snapshot.ids,
        photos=snapshot.photo_ids,
        people=np.where(snapshot.confirmed, snapshot.people, NOISE),
        good=good,
        private=snapshot.private,
        quiet=snapshot.quiet,
        versions=np.zeros(len(snapshot.ids), dtype=np.int64),
        embeddings=snapshot.embeddings,
    )
    rules = matching.Rules(
        refused=_pairs((face, person) for _, face, person in snapshot.refusals),
        never=_pairs((one, other) for _, one, other, is_same in snapshot.pairs if not is_same),
        always=_pairs((one, other) for _, one, other, is_same in snapshot.pairs if is_same),
        match_distance=spec.match_distance,
        reach=spec.reach or spec.match_distance,
    )
    return matching.match(faces, rules)


def _pairs(pairs: Iterable[tuple[int, int]]) -> Rows:
    return np.array(list(pairs), dtype=np.int64).reshape(-1, 2)


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
    """Group, person and near person of every face of which something changed, and the near people of groups."""
    matching, ids = result.matching, _cluster_ids(model, result)
    clusters = ids[result.labels]
    is_other = _may_change(model, snapshot, result.people) & (result.people != snapshot.people)
    people = np.where(is_other, result.people, writing.AS_IT_IS)
    near = np.where(_may_be_near(snapshot, matching), matching.near_people, NOISE)
    distances = np.where(near != NOISE, matching.near_distances, np.nan)
    is_as_near = (distances == snapshot.near_distances) | (np.isnan(distances) & np.isnan(snapshot.near_distances))
    is_changed = (clusters != snapshot.clusters) | is_other | (near != snapshot.near_people) | ~is_as_near
    columns = [it[is_changed].tolist() for it in (snapshot.ids, clusters, people, near, distances)]
    writing.write_faces(model, [writing.Row(*row) for row in zip(*columns, strict=True)])
    writing.write_clusters(model, near_clusters(matching, clusters))


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
    for face_id, person_id in Refusal.objects.filter(pk__gt=snapshot.last_refusal).values_list("face_id", "person_id"):
        allowed &= (snapshot.ids != face_id) | (people != person_id)
    return allowed


def _people() -> list[int]:
    """Who may get faces: not who was merged into another meanwhile."""
    return list(Person.objects.filter(merged_into__isnull=True).values_list("pk", flat=True))


def _may_be_near(snapshot: Snapshot, matching: Matching) -> Mask:
    """Whether each face may still be a question about the person it is near."""
    allowed: Mask = np.isin(matching.near_people, _people())
    for face_id, person_id in Refusal.objects.filter(pk__gt=snapshot.last_refusal).values_list("face_id", "person_id"):
        allowed &= (snapshot.ids != face_id) | (matching.near_people != person_id)
    return allowed


def _tidy(model: str) -> None:
    """Takes faces that clustering does not look at any more out of the groups, drops empty groups, counts the rest."""
    set_aside = Q(state__in=[Face.State.IGNORED, Face.State.NOT_A_FACE]) | Q(photo__trashed_at__isnull=False)
    left = Face.objects.filter(cluster__model=model).filter(set_aside | ~Q(model=model)).values("pk")
    Face.objects.filter(pk__in=list(left.values_list("pk", flat=True))).update(cluster=None)
    Cluster.objects.filter(model=model, faces__isnull=True).delete()
    revisions.count_sizes(Cluster.objects.filter(model=model))
