"""Things: the labels that were found in photos, counted over what the viewer may see."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Count, Exists, Max, OuterRef, QuerySet
from django.urls import reverse

from gallery import quantise
from gallery.access import Viewer, get_or_404, shown_in, visible_to
from gallery.kept import Kept
from gallery.models import Detection, Label
from gallery.photosets import PhotoSet
from gallery.queries import thumbnail_url


@dataclass(frozen=True, slots=True)
class Thing:
    """A label with the photos the viewer sees of it; the cover is the one added last."""

    name: str
    url: str
    count: int
    cover_url: str
    tint: str


def things(viewer: Viewer) -> list[Thing]:
    """All labels of photos that the viewer sees, the commonest first. Two queries and the viewer's libraries, if what
    was counted is kept; else one more for each library that changed.
    """
    found: dict[int, tuple[int, int]] = {}
    for library in _kept.of(viewer):
        for label_id, count, newest in library:
            before = found.get(label_id, (0, 0))
            found[label_id] = (before[0] + count, max(before[1], newest))
    covers = visible_to(viewer).only("id", "digest", "colour").in_bulk([newest for _, newest in found.values()])
    detail = reverse("gallery:thing_detail", args=["-"]).removesuffix("-/")
    made = []
    for label in Label.objects.filter(pk__in=found):
        count, newest = found[label.pk]
        cover = covers.get(newest)  # None: it went away this very moment
        made.append(
            Thing(
                name=label.name,
                url=f"{detail}{label.slug}/",
                count=count,
                cover_url=thumbnail_url(cover, "small") if cover else "",
                tint=quantise.tint_class(cover.colour) if cover else "",
            )
        )
    return sorted(made, key=lambda thing: (-thing.count, thing.name))


def _count(library_ids: Sequence[int]) -> dict[int, list[tuple[int, int, int]]]:
    """(label, photos, newest photo) by library. One at a time, which takes half as long as all in one query."""
    return {library_id: list(_labels_in(library_id)) for library_id in library_ids}


def _labels_in(library_id: int) -> Iterable[tuple[int, int, int]]:
    return (
        Detection.objects.filter(photo__in=shown_in([library_id]).order_by().values("id"))
        .order_by()
        .values_list("label_id")
        .annotate(count=Count("photo_id", distinct=True), newest=Max("photo_id"))
    )


_kept = Kept(_count)


def label_names(viewer: Viewer) -> list[str]:
    """Names of labels of photos that the viewer sees, for the search form."""
    return list(labels_visible_to(viewer).order_by("name").values_list("name", flat=True))


def labels_visible_to(viewer: Viewer) -> QuerySet[Label]:
    """Labels that were found in a photo that the viewer sees; others would tell what is on other people's photos."""
    photos = visible_to(viewer).filter(pk=OuterRef("photo_id"))
    return Label.objects.filter(Exists(Detection.objects.filter(Exists(photos), label=OuterRef("pk"))))


def thing_set(viewer: Viewer, slug: str) -> PhotoSet:
    """The photos in which this was found. Http404 for a label of no photo that the viewer sees."""
    label = get_or_404(labels_visible_to(viewer), slug=slug)
    # Exists, not `in`: the newest photos are found along the timeline's index, which stops at a page.
    photos = visible_to(viewer).filter(Exists(Detection.objects.filter(photo=OuterRef("pk"), label=label)))
    return PhotoSet(f"thing:{label.slug}", label.name.capitalize(), label.get_absolute_url(), photos)
