"""Albums as photo sets: `album:<id>`, so that the photo page and its previous and next know them."""

from __future__ import annotations

from albums.access import get_album, photos_of
from albums.models import Album
from gallery import photosets
from gallery.access import Viewer
from gallery.photosets import PhotoSet

ORDERS: dict[str, tuple[str, ...]] = {
    Album.Order.OLDEST: photosets.OLDEST_FIRST,
    Album.Order.NEWEST: photosets.NEWEST_FIRST,
    Album.Order.MANUAL: ("position", "id"),
}


def set_of(viewer: Viewer, album: Album) -> PhotoSet:
    """The album's photos as this viewer sees them. `album` must come from `albums_visible_to(viewer)`."""
    return PhotoSet(
        name=f"album:{album.pk}",
        title=album.name,
        url=album.get_absolute_url(),
        photos=photos_of(viewer, album),
        order=ORDERS[album.order],
    )


def resolve(viewer: Viewer, argument: str) -> PhotoSet:
    """The set `album:<argument>`; Http404 for an album that the viewer may not see. One query."""
    return set_of(viewer, get_album(viewer, argument))
