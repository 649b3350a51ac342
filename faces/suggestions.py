"""What pages show of suggestions: groups of faces that look alike and are nobody's yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.urls import reverse

from faces.access import clusters_visible_to, unnamed_visible_to
from faces.models import Cluster, Face
from faces.people import FaceThumb, face_thumbs
from gallery.access import Viewer

CARDS_PER_PAGE = 24
# Faces with a box to untick. What lies beyond follows the rest: nobody ticks thousands of boxes.
MOST_FACES = 240
# How many of the largest groups, for one that is shown, are looked at to know how large one has to be.
_COUNTED_FIRST = 3


@dataclass(frozen=True, slots=True)
class SuggestionCard:
    id: int
    url: str
    name_url: str
    cover: FaceThumb
    face_count: int


@dataclass(frozen=True, slots=True)
class SuggestionCards:
    """`next_after` is the id of the last suggestion, when there are more."""

    cards: list[SuggestionCard]
    next_after: str | None


def suggestion_cards(viewer: Viewer, *, after: str | None = None, size: int = CARDS_PER_PAGE) -> SuggestionCards:
    """Suggestions, the largest for the viewer first, behind the place `after`. At most seven queries."""
    place = None
    # One that was named meanwhile is no place any more: the list begins anew.
    if after and _is_id(after) and (last := clusters_visible_to(viewer).filter(pk=after).first()):
        place = face_count(viewer, last), last.pk
    found = largest(viewer, Cluster.objects.all(), size + 1, after=place)
    more = len(found) > size
    counts = dict(found[:size])
    return SuggestionCards(_cards(viewer, counts), str(found[size - 1][0]) if more else None)


def largest(
    viewer: Viewer, clusters: QuerySet[Cluster], most: int, *, after: tuple[int, int] | None = None
) -> list[tuple[int, int]]:
    """Those of the groups that are suggestions with most faces, as (id, how many), the older one first of two alike.

    `after` are the count and id of the group behind which they begin. What counts are the faces that the viewer sees:
    an order by `Cluster.size`, which counts everybody's, would tell of the others. But no group has more than its size,
    so a few of the largest are counted first, and then only those of at least the size that is called for. Three
    queries.
    """
    faces = unnamed_visible_to(viewer)
    suggested = clusters.filter(Exists(clusters_visible_to(viewer).filter(pk=OuterRef("pk"))))
    by_size = suggested.order_by("-size", "pk")
    if after:
        by_size = by_size.filter(Q(size__lt=after[0]) | Q(size=after[0], pk__gt=after[1]))
    first = list(by_size.values_list("pk", flat=True)[: _COUNTED_FIRST * most])
    counts = sorted(dict(_counted(faces.filter(cluster__in=first))).values(), reverse=True)
    least = counts[most - 1] if len(counts) >= most else 0
    # Whoever sees two faces of a group sees a suggestion; of one alone that has to be looked up.
    among = clusters.filter(size__gte=least) if least > 1 else suggested
    rows = _counted(faces.filter(cluster__in=among.order_by().values("pk"))).filter(number__gte=least)
    if after:
        rows = rows.filter(Q(number__lt=after[0]) | Q(number=after[0], cluster_id__gt=after[1]))
    return list(rows.order_by("-number", "cluster_id")[:most])


def _counted(faces: QuerySet[Face]) -> QuerySet[Any, Any]:
    return faces.order_by().values_list("cluster_id").annotate(number=Count("pk"))


def cards_of(viewer: Viewer, cluster_ids: Sequence[int]) -> list[SuggestionCard]:
    """Cards in the order of the ids; those without a face that the viewer sees are left out. Three queries."""
    counts = dict(_counted(unnamed_visible_to(viewer).filter(cluster__in=cluster_ids)))
    return _cards(viewer, {pk: counts[pk] for pk in cluster_ids if pk in counts})


def _cards(viewer: Viewer, counts: dict[int, int]) -> list[SuggestionCard]:
    """Cards of groups of which the faces were counted. Two queries."""
    faces = unnamed_visible_to(viewer)
    best = faces.filter(cluster_id=OuterRef("pk")).order_by("-quality", "id").values("pk")[:1]
    covers = dict(Cluster.objects.filter(pk__in=counts).order_by().values_list("pk", Subquery(best)))
    thumbs = {face.id: face for face in face_thumbs(Face.objects.filter(pk__in=[c for c in covers.values() if c]))}
    detail = reverse("faces:cluster_detail", args=[0]).removesuffix("0/")
    return [
        SuggestionCard(
            id=pk,
            url=f"{detail}{pk}/",
            name_url=f"{detail}{pk}/name/",
            cover=thumbs[covers[pk]],
            face_count=count,
        )
        for pk, count in counts.items()
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
