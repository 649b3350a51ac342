"""What albums lose with photos that somebody wants to forget."""

from __future__ import annotations

from django.db.models import Count, QuerySet

from albums.access import albums_visible_to
from albums.models import AlbumItem
from gallery.access import Viewer
from gallery.losses import listed
from gallery.models import Photo


def tell(viewer: Viewer, photos: QuerySet[Photo]) -> list[str]:
    """The places in albums that the viewer sees, by album."""
    items = AlbumItem.objects.filter(photo__in=photos, album__in=albums_visible_to(viewer)).order_by()
    rows = items.values_list("album__name").annotate(count=Count("id")).order_by("-count", "album_id")
    counts = [(name, count) for name, count in rows]
    if not counts:
        return []
    total = sum(count for _, count in counts)
    places = "One place" if total == 1 else f"{total:,} places"
    albums = "the album" if len(counts) == 1 else f"{len(counts):,} albums:"
    return [f"{places} in {albums} {listed([f'“{name}” ({count:,})' for name, count in counts])}"]
