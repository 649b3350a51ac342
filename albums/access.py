"""The one door to albums: which a viewer may see, which they may change, and which photos of one they see.

What is not allowed looks exactly like what is not there. Being an administrator opens nobody's private album.
"""

from __future__ import annotations

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from albums.models import Album, ImportedAlbum
from gallery.access import Viewer, get_or_404, visible_to
from gallery.models import Library, Photo


def _is_member(viewer: Viewer) -> bool:
    return viewer.is_authenticated and bool(getattr(viewer, "is_active", False))


def albums_visible_to(viewer: Viewer) -> QuerySet[Album]:
    """The viewer's own albums and those shown to the house, without deleted ones. Nobody signed in: none.

    An album that was brought in with a library which is private now is its owner's alone: the title came from there.
    """
    if not _is_member(viewer):
        return Album.objects.none()
    source = ImportedAlbum.objects.filter(album=OuterRef("pk"), library__visibility=Library.Visibility.PRIVATE)
    return Album.objects.filter(
        Q(~Exists(source), visibility=Album.Visibility.HOUSEHOLD) | Q(owner_id=viewer.pk), deleted_at__isnull=True
    )


def albums_editable_by(viewer: Viewer) -> QuerySet[Album]:
    """The viewer's own albums: an album belongs to the person who made it."""
    return albums_visible_to(viewer).filter(owner_id=viewer.pk)


def albums_restorable_by(viewer: Viewer) -> QuerySet[Album]:
    """The viewer's own deleted albums, which they can bring back."""
    if not _is_member(viewer):
        return Album.objects.none()
    return Album.objects.filter(owner_id=viewer.pk, deleted_at__isnull=False)


def get_album(viewer: Viewer, album_id: int | str) -> Album:
    """The album, with its owner, if the viewer may see it; Http404 otherwise."""
    return get_or_404(albums_visible_to(viewer).select_related("owner"), pk=album_id)


def get_own_album(viewer: Viewer, album_id: int | str) -> Album:
    """The album if the viewer may change it; Http404 otherwise."""
    return get_or_404(albums_editable_by(viewer).select_related("owner"), pk=album_id)


def photos_of(viewer: Viewer, album: Album | OuterRef) -> QuerySet[Photo]:
    """Photos of the album that the viewer may see themselves, each with its `position`; in no order yet."""
    return visible_to(viewer).filter(album_items__album=album).annotate(position=F("album_items__position"))
