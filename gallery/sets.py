"""The photo sets of this app; `gallery.apps` registers them when Django starts."""

from __future__ import annotations

from django.urls import reverse

from gallery import photosets, search_set, things
from gallery.access import Viewer, get_or_404, libraries_visible_to, visible_to
from gallery.models import Mark
from gallery.photosets import PhotoSet


def favourites(viewer: Viewer, argument: str = "") -> PhotoSet:
    """The viewer's own favourites."""
    marked = Mark.objects.filter(user_id=viewer.pk or 0, favourite=True).values("photo_id")
    return PhotoSet(
        "favourites", "Favourites", reverse("gallery:favourite_list"), visible_to(viewer).filter(pk__in=marked)
    )


def missing(viewer: Viewer, argument: str) -> PhotoSet:
    """The photos of one library whose file is away."""
    library = get_or_404(libraries_visible_to(viewer), pk=argument)
    photos = visible_to(viewer).filter(library=library, missing_since__isnull=False)
    url = reverse("gallery:library_missing", args=[library.pk])
    return PhotoSet(f"missing:{library.pk}", f"Missing in {library.name}", url, photos)


def register() -> None:
    photosets.register("favourites", favourites)
    photosets.register("missing", missing)
    photosets.register("thing", things.thing_set)
    photosets.register("search", search_set.resolve)
