"""Faces of strangers, which somebody set aside: they are in no suggestion, and can be taken back."""

from __future__ import annotations

from django.db.models import QuerySet

from faces.access import faces_visible_to
from faces.models import Face
from faces.people import FACES_PER_PAGE, FaceStrip, face_thumbs
from gallery.access import Viewer


def has_strangers(viewer: Viewer) -> bool:
    """Whether the viewer sees any: one query."""
    return _rows(viewer).exists()


def strangers(viewer: Viewer, *, after: int | None = None, size: int = FACES_PER_PAGE) -> FaceStrip:
    """A page of them, the face found last first; `after` is the id of the last face shown. One query."""
    faces = _rows(viewer).order_by("-pk")
    if after is not None:
        faces = faces.filter(pk__lt=after)
    found = face_thumbs(faces[: size + 1])
    more = len(found) > size
    found = found[:size]
    return FaceStrip(found, str(found[-1].id) if more else None)


def _rows(viewer: Viewer) -> QuerySet[Face]:
    return faces_visible_to(viewer).filter(state=Face.State.IGNORED)
