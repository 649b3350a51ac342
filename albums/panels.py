"""What albums add to the photo page: the albums that the photo is in."""

from __future__ import annotations

from albums import queries
from gallery.access import Viewer
from gallery.models import Photo
from gallery.photo_panels import Panel


def albums_panel(viewer: Viewer, photo: Photo) -> Panel | None:
    """Albums with this photo, of those that the viewer may see; one query."""
    albums = list(queries.albums_with(viewer, photo))
    return Panel(template="albums/_photo_albums.html", context={"albums": albums}) if albums else None
