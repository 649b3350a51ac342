"""Asking for the pages of albums."""

from __future__ import annotations

from django.test import Client
from django.urls import reverse

from albums.models import Album
from gallery.models import Photo

HTMX = {"HX-Request": "true"}
FIELDS = {"name": "Winter", "description": "Snow.\n\nMore snow.", "visibility": "household", "order": "newest"}
OF_ALBUM = ("album_detail", "album_edit", "album_delete", "album_restore", "album_cover", "item_move", "item_remove")
POST_ONLY = ("album_restore", "album_cover", "item_remove")


def at(name: str, album: Album | None = None) -> str:
    return reverse(f"albums:{name}", args=[album.pk] if album else [])


def ask(client: Client, name: str, album: Album, photo: Photo) -> int:
    """The status of asking for a page of an album, or of posting a photo to it."""
    if name in POST_ONLY:
        return client.post(at(name, album), {"photo": photo.pk}).status_code
    return client.get(at(name, album)).status_code


def post(client: Client, address: str, data: dict[str, object] | None = None) -> str:
    """Posts a form and goes where the answer sends one, as a browser does; the page that is shown there."""
    response = client.post(address, data or {})
    assert response.status_code == 303
    return client.get(response.headers["Location"]).content.decode()
