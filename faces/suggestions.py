"""What pages show of suggestions: groups of faces that look alike and are nobody's yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, OuterRef, Q, Subquery
from django.urls import reverse

from faces.access import clusters_visible_to, unnamed_visible_to
from faces.models import Cluster, Face
from faces.people import FaceThumb, face_thumbs
from gallery.access import Viewer

CARDS_PER_PAGE = 24
# Faces with a box to untick. What lies beyond follows the rest: nobody ticks thousands of boxes.
MOST_FACES = 240


@dataclass(frozen=True, slots=True)
class SuggestionCard:
    id: int
    url: str
    name_url: str
    cover: FaceThumb
    face_count: int


@dataclass(frozen=True, slots=True)
class SuggestionCards:
    """`next_after` is the id of the last suggestion, when there are more; its size would count hidden faces."""

    cards: list[SuggestionCard]
    next_after: str | None


def suggestion_cards(viewer: Viewer, *, after: str | None = None, size: int = CARDS_PER_PAGE) -> SuggestionCards:
    """Suggestions, the largest first, behind the place `after`. Five queries, however many there are.

    They stand in the order of all their faces; what is shown and counted are the faces that the viewer sees.
    """
    clusters = clusters_visible_to(viewer).order_by("-size", "pk")
    if after:
        # One that was named meanwhile is no place any more: the list begins anew.
        last = clusters_visible_to(viewer).filter(pk=after).first() if _is_id(after) else None
        if last:
            clusters = clusters.filter(Q(size__lt=last.size) | Q(size=last.size, pk__gt=last.pk))
    found = list(clusters.values_list("size", "pk")[: size + 1])
    more = len(found) > size
    found = found[:size]
    cards = cards_of(viewer, [pk for _, pk in found])
    return SuggestionCards(cards, str(found[-1][1]) if more else None)


def cards_of(viewer: Viewer, cluster_ids: Sequence[int]) -> list[SuggestionCard]:
    """Cards in the order of the ids; those without a face that the viewer sees are left out. Three queries."""
    faces = unnamed_visible_to(viewer)
    counts = dict(faces.filter(cluster_id__in=cluster_ids).order_by().values_list("cluster_id").annotate(Count("pk")))
    best = faces.filter(cluster_id=OuterRef("pk")).order_by("-quality", "id").values("pk")[:1]
    covers = dict(Cluster.objects.filter(pk__in=cluster_ids).order_by().values_list("pk", Subquery(best)))
    thumbs = {face.id: face for face in face_thumbs(Face.objects.filter(pk__in=[c for c in covers.values() if c]))}
    detail = reverse("faces:cluster_detail", args=[0]).removesuffix("0/")
    return [
        SuggestionCard(
            id=pk,
            url=f"{detail}{pk}/",
            name_url=f"{detail}{pk}/name/",
            cover=thumbs[covers[pk]],
            face_count=counts.get(pk, 0),
        )
        for pk in cluster_ids
        if covers.get(pk) in thumbs
    ]


def suggestion_faces(viewer: Viewer, cluster: Cluster) -> list[FaceThumb]:
    """The best faces of a suggestion that the viewer sees, at most `MOST_FACES`: one query."""
    faces = unnamed_visible_to(viewer).filter(cluster=cluster).order_by("-quality", "id")
    return face_thumbs(faces[:MOST_FACES])


def face_count(viewer: Viewer, cluster: Cluster) -> int:
    """How many faces of a suggestion the viewer sees: one query."""
    return unnamed_visible_to(viewer).filter(cluster=cluster).order_by().count()


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19
