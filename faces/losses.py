"""Which names of faces are lost with photos that somebody wants to forget."""

from __future__ import annotations

from django.db.models import Count, QuerySet

from faces.models import Face
from gallery.access import Viewer
from gallery.losses import listed
from gallery.models import Photo


def tell(viewer: Viewer, photos: QuerySet[Photo]) -> list[str]:
    """The people named in the photos. Who may edit the library sees its photos, and so their names."""
    faces = Face.objects.filter(photo__in=photos, person__isnull=False).order_by()
    rows = faces.values_list("person__name").annotate(count=Count("id")).order_by("-count", "person_id")
    counts = [(name, count) for name, count in rows]
    if not counts:
        return []
    total = sum(count for _, count in counts)
    names = listed([f"{name} ({count:,})" for name, count in counts])
    return [f"{total:,} named face{'s' if total > 1 else ''}: {names}"]
