"""Making a preview: the run that nobody sees, and what it would change. Only workers load this."""

from __future__ import annotations

import dataclasses
import logging
import time

import numpy as np
from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from faces import grouping, revisions
from faces.analyzer import FacesAnalyzer
from faces.models import Clustering, Preview, SpareEmbedding
from faces.shadow import difference, distances, embedding, models, previews, spares
from faces.shadow.distances import Distances
from faces.shadow.fingerprint import fingerprint
from gallery import recording, steps, thumbnails, work
from gallery.tasks import MIN_FREE_BYTES
from gallery.vision import catalog
from gallery.vision.catalog import ModelUnavailable

logger = logging.getLogger(__name__)

# A worker goes back to the queue after this long, so that imports, scans and grouping have their turn.
TURN_S = 20


def run(preview_id: int, *, turn_s: float = TURN_S) -> None:
    """Makes a preview, or goes on with it for a turn. What goes wrong becomes its `error`, which a person reads.

    On a full disk nothing is begun. Raises `thumbnails.StorageFull` when the database is refused room in the middle:
    the preview goes on when its lease has ended and there is room.
    """
    if thumbnails.free_bytes() < MIN_FREE_BYTES or (preview := previews.claim(preview_id)) is None:
        return
    try:
        if not _make(preview, time.monotonic() + turn_s):
            _give_back(preview)
            if _is_held_up():
                return
    except work.LeaseLost as lost:
        logger.info("%s", lost)
    except ModelUnavailable as error:
        _fail(preview, str(error))
    except DatabaseError as error:
        if recording.says_full(error):
            raise thumbnails.StorageFull(recording.FULL) from error  # the lease ends by itself: nothing can be written
        logger.exception("%s could not be made", preview)
        _fail(preview, f"The database refused it: {work.without_names(error)}. The log says more.")
    except Exception as error:  # like a photo's: what nobody foresaw becomes a reason that a person reads
        logger.exception("%s could not be made", preview)
        _fail(preview, f"Something went wrong: {work.without_names(error)}. The log says more.")
    previews.sweep()  # one that waited for this one


def _make(preview: Preview, deadline: float) -> bool:
    """False when there is more to do. Raises LeaseLost, ModelUnavailable."""
    present = models.present()
    if preview.model != present and not _look_again(preview, deadline):
        return False
    if not _bring_up_to_date(present):
        return False
    seen = fingerprint(present)  # before the faces are read: what changes in between makes it out of date
    snapshot = grouping.read(present)
    libraries = _libraries(present, snapshot)
    spec = catalog.model(preview.model)
    wanted = distances.read(preview.rules, distances.by_itself(None, spec))
    shadow = snapshot if preview.model == present else _seen_by(preview.model, snapshot)
    with threadpool_limits(settings.PICTOPY.threads_per_worker, user_api="blas"):
        result = compute(shadow, wanted)
    people = np.where(snapshot.confirmed, snapshot.people, result.people)
    if preview.model != present:
        looked_at, compared = (~np.isnan(it.embeddings).all(axis=1) for it in (shadow, snapshot))
        references = np.asarray(snapshot.confirmed & compared)
        people = difference.keep_unseen(snapshot.people, people, np.asarray(looked_at), references)
    found = {"present": present} | difference.compare(
        snapshot.ids,
        libraries,
        snapshot.quality,
        difference.Run.of(snapshot.people, snapshot.clusters),
        difference.Run.of(people, result.labels),
    )
    changed = snapshot.people != people
    # By what each of these faces was judged: accepting asks whether it is still what it was.
    found["looks"] = dict(zip(map(str, snapshot.ids[changed].tolist()), snapshot.crcs[changed].tolist(), strict=True))
    previews.close(
        preview,
        Preview.State.READY,
        result=found,
        seen=seen,
        finished_at=timezone.now(),
        error="",
        attempts=0,
    )
    return True


def compute(snapshot: grouping.Snapshot, wanted: Distances) -> grouping.Result:
    """What grouping makes of a snapshot with these distances. The one place that knows how grouping takes them."""
    return grouping.compute(snapshot, distances.applied(catalog.model(snapshot.model), wanted))


def _bring_up_to_date(model: str) -> bool:
    """Has the groups and names of this moment made first, so that the difference is that of the distances alone.

    False while another worker is at it: the sweep asks again.
    """
    clustering, _ = Clustering.objects.get_or_create(model=model)
    if revisions.is_running(clustering):
        return False
    grouping.run(clustering.pk)
    return True


def _libraries(model: str, snapshot: grouping.Snapshot) -> NDArray[np.int64]:
    """The library of each face of a snapshot. One query; -1 for a face that is gone."""
    rows = revisions.eligible(model).order_by("id").values_list("id", "photo__library_id")
    found = np.fromiter((number for row in rows.iterator(chunk_size=5000) for number in row), np.int64).reshape(-1, 2)
    if not len(found):
        return np.full(len(snapshot.ids), -1, np.int64)
    places = np.searchsorted(found[:, 0], snapshot.ids).clip(0, len(found) - 1)
    return np.where(found[places, 0] == snapshot.ids, found[places, 1], -1)


# --- another model


def _look_again(preview: Preview, deadline: float) -> bool:
    """Has the model of the preview look at all faces. False when there is more to do, or something comes first."""
    if work.is_stopping() or work.has_ready_photos(steps.within_reach()):
        return False
    model = preview.model
    previews.renew(preview, total=spares.wanted_by(model).count())
    embedder = embedding.Embedder(catalog.model(model), FacesAnalyzer().models()[0])

    def write(found: dict[int, embedding.Embedded]) -> None:
        with transaction.atomic():
            previews.renew(preview, attempts=0)  # it gets on: an attempt is one without any result
            embedding.write_spares(model, found)

    is_done = embedding.look_through(
        embedder, spares.wanted_by(model), write, lambda: time.monotonic() > deadline or work.is_stopping()
    )
    return is_done


def _seen_by(model: str, snapshot: grouping.Snapshot) -> grouping.Snapshot:
    """The same faces as the other model sees them. Those that it could not look at are in no group and keep
    their person (`difference.keep_unseen`)."""
    rows = SpareEmbedding.objects.filter(model=model, embedding__isnull=False).order_by("face_id")
    spare = {face_id: bytes(data or b"") for face_id, data in rows.values_list("face_id", "embedding").iterator(2000)}
    lengths = {len(data) for data in spare.values()}
    length = min(lengths) if len(lengths) == 1 else 0
    if not length and lengths:
        raise ModelUnavailable(f"{model} gave embeddings of several lengths: its file may have been exchanged.")
    vectors = np.full((len(snapshot.ids), length // 4), np.nan, np.float32)
    for row, face_id in enumerate(snapshot.ids.tolist()):
        if data := spare.get(face_id):
            vectors[row] = np.frombuffer(data, np.float32)
    return dataclasses.replace(snapshot, model=model, embeddings=vectors)


# --- ends


def _is_held_up() -> bool:
    """Whether something else comes first: then it is woken when nothing is ready any more, or by the minute."""
    if work.is_stopping() or work.has_ready_photos(steps.within_reach()):
        return True
    return any(revisions.is_running(clustering) for clustering in Clustering.objects.all())


def _give_back(preview: Preview) -> None:
    """Lets it wait for the next turn; if photos come first, whoever finds none left wakes it."""
    previews.close(preview, Preview.State.WAITING, attempts=max(0, preview.attempts - 1))


def _fail(preview: Preview, error: str) -> None:
    previews.close(preview, Preview.State.FAILED, error=error, finished_at=timezone.now())
