"""Putting in place what was tried: the distances of a model, or another model. Each is one entry of the journal.

Another model comes into use in one transaction: its embeddings take the place of the present ones, which become spares,
the receipts of the photos say so, and so does the version of the analyzer. So either model is in use for everything at
any moment, nothing is analysed again, and switching back is the same step with the models exchanged. Faces that the new
model could not look at keep what they have; their photos are queued, and are analysed with the new model when they can
be read.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, transaction
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.utils import timezone

from faces import revisions
from faces.analyzer import FacesAnalyzer, version_of
from faces.models import Cluster, Clustering, Event, Face, Preview, SpareEmbedding
from faces.shadow import distances, models
from faces.shadow.distances import NAMES, Distances
from gallery.analysis import in_use
from gallery.models import AnalyzerVersion, Receipt
from gallery.vision import catalog
from gallery.vision.catalog import ModelUnavailable


class NotApplicable(Exception):  # noqa: N818
    """What was tried cannot be put in place now. The message says why."""


@transaction.atomic
def use(preview: Preview, by: AbstractBaseUser) -> Event:
    """From now on faces are compared as this preview did, by its distances and its model. Raises `NotApplicable`.

    Locks all of clustering. For another model it writes a row for each face: seconds for 100,000.
    """
    revisions.lock()
    preview = _ready(preview)
    present = models.present()
    before: dict[str, Any] = {"model": preview.model, "former": present}
    if preview.model != present:
        _switch(present, preview.model)
    clustering, _ = Clustering.objects.get_or_create(model=preview.model)
    before["was"] = _chosen(clustering)
    try:
        spec = catalog.model(preview.model)
        default = distances.by_itself(clustering, spec)
        before["after"] = _choose(clustering, distances.read(preview.rules, default), default)
    except ModelUnavailable as error:
        raise NotApplicable(str(error)) from error
    Preview.objects.filter(pk=preview.pk).update(
        state=Preview.State.DONE, is_accepted=True, result={}, finished_at=timezone.now()
    )
    revisions.count_up({preview.model, present}, wake=True, faces=True)
    return Event.objects.create(kind=Event.Kind.RULES, actor_id=by.pk, before=before)


def undo(event: Event) -> list[str]:
    """Takes distances, and a switch of the model, back. In the transaction of `undo.undo_event`, which has locked.

    Raises `NotApplicable` if that is not possible now: it may be later.
    """
    before = event.before
    clustering = Clustering.objects.filter(model=before["model"]).first()
    if models.present() != before["model"]:
        raise NotApplicable("Another model for recognising faces is in use since.")
    if clustering is None or _chosen(clustering) != before["after"]:
        raise NotApplicable("The distances were changed again since.")
    if before["former"] != before["model"]:
        _switch(before["model"], before["former"])
    Clustering.objects.filter(pk=clustering.pk).update(**before["was"])
    revisions.count_up({before["model"], before["former"]}, wake=True, faces=True)
    return []


def _ready(preview: Preview) -> Preview:
    found = Preview.objects.select_for_update().filter(pk=preview.pk, state=Preview.State.READY).first()
    if found is None:
        raise NotApplicable("This preview was put away in the meantime.")
    return found


def _chosen(clustering: Clustering) -> dict[str, float | None]:
    return {name: getattr(clustering, name) for name in NAMES}


def _choose(clustering: Clustering, wanted: Distances, default: Distances) -> dict[str, float | None]:
    """Writes what differs from what would be in force anyway, so that a later measurement still counts for the rest."""
    columns: dict[str, float | None] = {
        name: None if abs(value - getattr(default, name)) < distances.STEP / 10 else value
        for name, value in wanted.as_row().items()
    }
    Clustering.objects.filter(pk=clustering.pk).update(**columns)
    return columns


# --- another model


def _switch(former: str, model: str) -> None:
    """Exchanges the embeddings of one model for those of another. Raises `NotApplicable`.

    Six statements that each go through all faces or photos, however many there are.
    """
    if why := models.why_not(model):
        raise NotApplicable(why)
    detector = FacesAnalyzer().models()[0]
    if detector is None:
        raise NotApplicable("The model for face detection is not at hand.")
    if not _exchanged(model).exists() and Face.objects.filter(model=former).exists():
        raise NotApplicable(f"{model} has not looked at any face yet.")
    now = version_of(detector, catalog.model(model))
    was, present = in_use(FacesAnalyzer.name), FacesAnalyzer().version()
    if present is not None and was != present:
        raise NotApplicable("PictoPy was just updated, and is noting which photos to look at again. Try in a minute.")
    _keep_former(model)
    spare = SpareEmbedding.objects.filter(face=OuterRef("pk"), model=model)
    _exchanged(model).update(
        embedding=Subquery(spare.values("embedding")[:1]), embedding_crc=Subquery(spare.values("crc")[:1]), model=model
    )
    # Suggestions keep their addresses: the next run makes the groups anew, and each keeps its id while it mostly stays.
    Cluster.objects.filter(model=former).update(model=model)
    left = Face.objects.filter(digest=F("photo__digest")).exclude(model__in=[model, ""])
    left.filter(cluster__isnull=False).update(cluster=None)
    receipts = Receipt.objects.filter(analyzer=FacesAnalyzer.name, version=was, state=Receipt.State.OK)
    receipts.exclude(photo__in=left.order_by().values("photo")).update(version=now)
    # What else was tried was compared with the former model.
    tried = Preview.objects.filter(state__in=[Preview.State.WAITING, Preview.State.READY, Preview.State.FAILED])
    tried.update(state=Preview.State.DONE, result={})
    # Photos with a face that is left are queued by the sweep.
    AnalyzerVersion.objects.update_or_create(
        name=FacesAnalyzer.name, defaults={"version": now, "is_behind": left.exists()}
    )


def _exchanged(model: str) -> QuerySet[Face]:
    """Faces whose embedding by the model lies ready, made of what they are now."""
    ready = SpareEmbedding.objects.filter(model=model, embedding__isnull=False, crc__gt=0)
    rows = ready.filter(made_of=F("face__embedding_crc")).exclude(face__model=model)
    return Face.objects.filter(pk__in=rows.values("face"))


def _keep_former(model: str) -> None:
    """Makes spares of the embeddings that are about to be replaced. One statement: the ORM has none for it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO faces_spareembedding"
            " (face_id, model, made_of, embedding, crc, reason, attempts, lease_owner)"
            " SELECT face.id, face.model, spare.crc, face.embedding, face.embedding_crc, '', 0, ''"
            " FROM faces_spareembedding AS spare JOIN faces_face AS face ON face.id = spare.face_id"
            " WHERE spare.model = %s AND spare.embedding IS NOT NULL AND spare.crc > 0"
            " AND spare.made_of = face.embedding_crc AND face.model <> spare.model AND face.model <> ''"
            " AND face.embedding IS NOT NULL"
            " ON CONFLICT (model, face_id) DO UPDATE SET made_of = excluded.made_of, embedding = excluded.embedding,"
            " crc = excluded.crc, reason = '', attempts = 0",
            [model],
        )
