"""The photo sets of this app; `gallery.apps` registers them when Django starts."""

from __future__ import annotations

from django.urls import reverse

from gallery import photosets, search_set, things
from gallery.access import Viewer, visible_to
from gallery.models import Mark
from gallery.photosets import PhotoSet


def favourites(viewer: Viewer, argument: str = "") -> PhotoSet:
    """The viewer's own favourites."""
    marked = Mark.objects.filter(user_id=viewer.pk or 0, favourite=True).values("photo_id")
    return PhotoSet(
        "favourites", "Favourites", reverse("gallery:favourite_list"), visible_to(viewer).filter(pk__in=marked)
    )


def register() -> None:
    photosets.register("favourites", favourites)
    photosets.register("thing", things.thing_set)
    photosets.register("search", search_set.resolve)
