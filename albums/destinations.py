"""Albums as places that uploads go to: an album of one's own, or one called like the folder that was dropped."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.http import Http404

from albums import services
from albums.access import albums_editable_by
from gallery.destinations import Destination

_MOST = 200
_NEW = "new:"


def choices(user: User) -> list[tuple[str, str]]:
    """The user's own albums, the last changed first."""
    rows = albums_editable_by(user).order_by("-changed_at", "-id")[:_MOST]
    return [(str(album.pk), album.name) for album in rows]


def named(name: str) -> str:
    return f"{_NEW}{name[:120]}"


def put(user: User, argument: str, photo_id: int) -> None:
    """Adds the photo at the end of the album; an album that is gone, or is somebody else's by now, is passed over."""
    try:
        if argument.startswith(_NEW):
            services.add_upload_by_name(user, argument.removeprefix(_NEW), photo_id=photo_id)
        elif argument.isascii() and argument.isdecimal():
            services.add_upload(user, int(argument), photo_id=photo_id)
    except Http404:
        return


ALBUMS = Destination(choices=choices, named=named, put=put)
