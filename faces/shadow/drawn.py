"""Looking closely at faces that people drew, with the models in use. Only workers load this."""

from __future__ import annotations

import logging
import time
import zlib

from django.db import DatabaseError, transaction

from faces import drawing, revisions
from faces.analyzer import FacesAnalyzer
from faces.models import Face, SpareEmbedding
from faces.shadow import embedding
from gallery import recording, thumbnails, work
from gallery.vision.catalog import ModelUnavailable

logger = logging.getLogger(__name__)

TURN_S = 20


def embed(*, turn_s: float = TURN_S) -> None:
    """Embeds drawn faces until none is left or the turn is over. What fell is woken again when the queue settles.

    Raises `thumbnails.StorageFull` when the database has no room.
    """
    detector, spec = FacesAnalyzer().models()
    if spec is None:
        return
    deadline = time.monotonic() + turn_s
    try:
        embedder = embedding.Embedder(spec, detector)
    except ModelUnavailable as error:
        logger.warning("drawn faces wait: %s", error)
        return

    def write(found: dict[int, embedding.Embedded]) -> None:
        _write(spec.key, found)

    try:
        is_done = embedding.look_through(
            embedder, drawing.unseen_by(spec.key), write, lambda: time.monotonic() > deadline
        )
    except DatabaseError as error:
        if recording.says_full(error):
            raise thumbnails.StorageFull(recording.FULL) from error
        raise
    if not is_done:
        work.wake(drawing.EMBED)


@transaction.atomic
def _write(model: str, found: dict[int, embedding.Embedded]) -> None:
    """Puts in place what was seen; of faces where nothing was, a row remembers the reason, so that it ends there."""
    revisions.lock()
    embedding.write_spares(model, found)
    seen = {pk: it for pk, it in found.items() if it.data is not None}
    rows = Face.objects.filter(pk__in=seen, is_drawn=True).exclude(model=model).defer("embedding")
    faces = list(rows.select_for_update(no_key=True).order_by("pk"))
    former = {face.model for face in faces}
    for face in faces:
        it = seen[face.pk]
        landmarks = it.seen.landmarks if it.seen else None
        face.embedding, face.embedding_crc, face.model = it.data, zlib.crc32(it.data or b""), model
        face.quality, face.cluster = it.quality, None
        face.landmarks = face.landmarks if landmarks is None else landmarks.tobytes()
    columns = ["embedding", "embedding_crc", "model", "quality", "cluster", "landmarks"]
    Face.objects.bulk_update(faces, columns)
    SpareEmbedding.objects.filter(model=model, face__in=seen).delete()
    if faces:
        revisions.count_up({model, *former}, wake=True, faces=True)
