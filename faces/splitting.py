"""Somebody who may be two people: the faces that the viewer sees, in the two halves that differ most (`halves`).

Two faces in one photo are two people here also when both were confirmed as one: that is what is asked. Not if they are
as alike as pictures of one person are, which a mirror, a collage or a copy shows (of the pairs of LFW 1 of 100,000 of
two people is, and 85 % of one person), and not where more than two are in the photo. What somebody said of pairs holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from faces import halves
from faces.access import faces_visible_to, unnamed_visible_to
from faces.models import Cluster, Face, FacePair, Person
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
    """None if there are not two faces to compare. Four queries."""
    return _halves(faces_visible_to(viewer).filter(person=person))


def cluster_halves(viewer: Viewer, cluster: Cluster) -> Proposal | None:
    """The same for a suggestion."""
    return _halves(unnamed_visible_to(viewer).filter(cluster=cluster))


def _halves(faces: QuerySet[Face]) -> Proposal | None:
    rows = list(faces.order_by("-quality", "pk").values_list("pk", "photo_id", "model", "embedding")[:MOST_FACES])
    # Faces of another model cannot be compared; there are some only while one takes the place of another.
    models = [model for _, _, model, _ in rows]
    model = max(models, key=models.count, default="")
    embeddings = [bytes(data or b"") if its == model else b"" for _, _, its, data in rows]
    spec = catalog.catalog().models.get(model)
    limit = spec.match_distance if spec and spec.match_distance else 0.0
    never, always = _said([pk for pk, *_ in rows])
    beside = _beside([photo_id for _, photo_id, *_ in rows], embeddings, limit) if limit else []
    found = halves.halve(embeddings, apart=never, together=always, beside=beside)
    if found is None:
        return None
    thumbs = {thumb.id: thumb for thumb in face_thumbs(Face.objects.filter(pk__in=[pk for pk, *_ in rows]))}

    def shown(places: Iterable[int]) -> list[FaceThumb]:
        return [thumbs[pk] for place in places if (pk := rows[place][0]) in thumbs]

    unshown = max(0, faces.order_by().count() - len(rows))
    return Proposal(shown(found.large), shown(found.small), unshown, found.distance < limit)


def _said(face_ids: Sequence[int]) -> tuple[list[halves.Pair], list[halves.Pair]]:
    """Places of faces that somebody said are never one person, and of those that always are. One query."""
    place = {pk: number for number, pk in enumerate(face_ids)}
    said = FacePair.objects.filter(one__in=face_ids, other__in=face_ids).order_by("pk")
    pairs = [
        (is_same, (place[one], place[other])) for one, other, is_same in said.values_list("one", "other", "is_same")
    ]
    return [pair for is_same, pair in pairs if not is_same], [pair for is_same, pair in pairs if is_same]


def _beside(photo_ids: Sequence[int], embeddings: Sequence[bytes], limit: float) -> list[halves.Pair]:
    """Places of the two faces of each photo that has two, if they differ as two people do."""
    places: dict[int, list[int]] = {}
    for place, photo_id in enumerate(photo_ids):
        places.setdefault(photo_id, []).append(place)
    pairs = [(both[0], both[1]) for both in places.values() if len(both) == 2]
    return [pair for pair in pairs if (halves.distance(*(embeddings[it] for it in pair)) or 0.0) >= limit]
