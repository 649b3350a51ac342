"""Somebody who may be two people: the faces that the viewer sees, in the two halves that differ most (`halves`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import QuerySet

from faces import halves
from faces.access import faces_visible_to, unnamed_visible_to
from faces.models import Cluster, Face, Person
from faces.people import FaceThumb, face_thumbs
from gallery.access import Viewer
from gallery.vision import catalog

# So many of the best faces are compared and shown, in about 0.2 s.
MOST_FACES = 240


@dataclass(frozen=True, slots=True)
class Proposal:
    """Two halves of somebody's faces, the larger first. `unshown` more were not compared and stay where they are.

    `is_alike`: the halves differ no more than pictures of one person may.
    """

    large: list[FaceThumb]
    small: list[FaceThumb]
    unshown: int
    is_alike: bool


def person_halves(viewer: Viewer, person: Person) -> Proposal | None:
    """None if there are not two faces to compare. Three queries."""
    return _halves(faces_visible_to(viewer).filter(person=person))


def cluster_halves(viewer: Viewer, cluster: Cluster) -> Proposal | None:
    """The same for a suggestion."""
    return _halves(unnamed_visible_to(viewer).filter(cluster=cluster))


def _halves(faces: QuerySet[Face]) -> Proposal | None:
    rows = list(faces.order_by("-quality", "pk").values_list("pk", "model", "embedding")[:MOST_FACES])
    # Faces of another model cannot be compared; there are some only while one takes the place of another.
    models = [model for _, model, _ in rows]
    model = max(models, key=models.count, default="")
    found = halves.halve([bytes(data or b"") if its == model else b"" for _, its, data in rows])
    if found is None:
        return None
    thumbs = {thumb.id: thumb for thumb in face_thumbs(Face.objects.filter(pk__in=[pk for pk, _, _ in rows]))}

    def shown(places: Iterable[int]) -> list[FaceThumb]:
        return [thumbs[pk] for place in places if (pk := rows[place][0]) in thumbs]

    spec = catalog.catalog().models.get(model)
    limit = spec.match_distance if spec and spec.match_distance else 0.0
    unshown = max(0, faces.order_by().count() - len(rows))
    return Proposal(shown(found.large), shown(found.small), unshown, found.distance < limit)
