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
from django.db.models import F
from django.utils import timezone

from faces import revisions
from faces.analyzer import FacesAnalyzer, version_of
from faces.models import Cluster, Clustering, Event, Face, Preview
from faces.shadow import distances, models
from faces.shadow.distances import NAMES, Distances
from gallery.analysis import in_use
from gallery.models import AnalyzerVersion, Receipt
from gallery.vision import catalog
from gallery.vision.catalog import ModelUnavailable

IN_USE = "This was put in use already."


class NotApplicable(Exception):  # noqa: N818
    """What was tried cannot be put in place now. The message says why."""


@transaction.atomic
def use(preview: Preview, by: AbstractBaseUser) -> Event:
    """From now on faces are compared as this preview did, by its distances and its model. Raises `NotApplicable`.

    Locks all of clustering. For another model it writes a row for each face, seconds for 100,000, so only workers do
    that (`switching`).
    """
    revisions.lock()
    preview = ready(preview)
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
    clustering = may_be_undone(event)
    if before["former"] != before["model"]:
        _switch(before["model"], before["former"])
    Clustering.objects.filter(pk=clustering.pk).update(**before["was"])
    revisions.count_up({before["model"], before["former"]}, wake=True, faces=True)
    return []


def may_be_undone(event: Event) -> Clustering:
    """The distances that an entry left, if they and its model are still in use. Raises `NotApplicable`."""
    clustering = Clustering.objects.filter(model=event.before["model"]).first()
    if models.present() != event.before["model"]:
        raise NotApplicable("Another model for recognising faces is in use since.")
    if clustering is None or _chosen(clustering) != event.before["after"]:
        raise NotApplicable("The distances were changed again since.")
    return clustering


def ready(preview: Preview) -> Preview:
    """A preview that may be put in place, locked. Raises `NotApplicable`."""
    states = [Preview.State.READY, Preview.State.SWITCHING]
    found = Preview.objects.select_for_update().filter(pk=preview.pk, state__in=states).first()
    if found is None:
        raise put_away(preview)
    return found


def put_away(preview: Preview) -> NotApplicable:
    """Why a preview can neither be put in place nor accepted from now."""
    now = Preview.objects.filter(pk=preview.pk).first()
    if now is not None and now.is_accepted:
        return NotApplicable(IN_USE)
    if now is not None and now.state == Preview.State.SWITCHING:
        return NotApplicable(f"PictoPy is switching to {now.model} at this moment.")
    return NotApplicable("This preview was put away in the meantime.")


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


def may_switch(model: str) -> tuple[str, str]:
    """The versions of the analyzer before and after a switch to a model. Raises `NotApplicable`. Cheap."""
    if why := models.why_not(model):
        raise NotApplicable(why)
    detector = FacesAnalyzer().models()[0]
    if detector is None:
        raise NotApplicable("The model for face detection is not at hand.")
    was, present = in_use(FacesAnalyzer.name), FacesAnalyzer().version()
    if present is not None and was != present:
        raise NotApplicable("PictoPy was just updated, and is noting which photos to look at again. Try in a minute.")
    return was, version_of(detector, catalog.model(model))


def _switch(former: str, model: str) -> None:
    """Exchanges the embeddings of one model for those of another. Raises `NotApplicable`.

    Six statements that each go through all faces or photos, however many there are.
    """
    was, now = may_switch(model)
    _keep_former(model)
    if not _exchange(model) and Face.objects.filter(model=former).exists():
        raise NotApplicable(f"{model} has not looked at any face yet.")
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


# Embeddings of the model that lie ready, made of what the faces are now. Two statements for which the ORM has no words:
# rows of one table written into the other, joined once.
_READY = (
    "spare.face_id = face.id AND spare.model = %s AND spare.embedding IS NOT NULL AND spare.crc > 0"
    " AND spare.made_of = face.embedding_crc AND face.model <> spare.model"
)


def _exchange(model: str) -> int:
    """Puts the embeddings that lie ready in place; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE faces_face AS face SET embedding = spare.embedding, embedding_crc = spare.crc, model = spare.model"
            f" FROM faces_spareembedding AS spare WHERE {_READY}",
            [model],
        )
        return int(cursor.rowcount)


def _keep_former(model: str) -> None:
    """Makes spares of the embeddings that are about to be replaced."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO faces_spareembedding"
            " (face_id, model, made_of, embedding, crc, reason, attempts, lease_owner)"
            " SELECT face.id, face.model, spare.crc, face.embedding, face.embedding_crc, '', 0, ''"
            " FROM faces_spareembedding AS spare JOIN faces_face AS face ON face.id = spare.face_id"
            f" WHERE {_READY} AND face.model <> '' AND face.embedding IS NOT NULL"
            " ON CONFLICT (model, face_id) DO UPDATE SET made_of = excluded.made_of, embedding = excluded.embedding,"
            " crc = excluded.crc, reason = '', attempts = 0",
            [model],
        )
