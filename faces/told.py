"""Which faces only a file names: in a private library such a name speaks for the faces of that library alone.

That nobody's account stands beside a name is not enough: an account may be deleted, and what was said with it stays
said. So the mark is the name that was taken from the file.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import F, QuerySet

from faces.models import Face, MarkedName
from gallery.models import Library


def names() -> QuerySet[MarkedName]:
    """Names in private libraries that files gave faces."""
    return MarkedName.objects.filter(
        face__isnull=False, person__isnull=False, photo__library__visibility=Library.Visibility.PRIVATE
    )


def only_told(faces: Iterable[Face]) -> list[Face]:
    """Those of a few faces that only a file of a private library names. One query."""
    open_to = {face.pk: face for face in faces if face.is_confirmed and face.decided_by_id is None}
    marked = names().filter(face__in=open_to, face__person=F("person")).values_list("face_id", flat=True)
    return [open_to[pk] for pk in sorted(set(marked)) if pk]
