"""What is lost with photos that somebody wants to forget. Each app says it of its own; this one knows none of them.

A teller gets the viewer and the photos, and answers sentences such as "Ana in 12 photos". It must tell nothing that the
viewer may not see: what is another member's alone is lost as well, and the page says so in general.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TypeAlias

from django.db.models import Q, QuerySet

from gallery.access import Viewer
from gallery.models import Library, Mark, Photo

Teller: TypeAlias = Callable[[Viewer, QuerySet[Photo]], list[str]]
_tellers: dict[str, tuple[int, Teller]] = {}
# So many albums or people are named; the rest is counted.
NAMED = 12


def register(name: str, teller: Teller, *, order: int = 100) -> None:
    """Adds what an app loses with photos. Call it from `ready()`; registering a name again replaces it."""
    _tellers[name] = (order, teller)


def forgettable(library: Library, until: dt.datetime) -> QuerySet[Photo]:
    """The photos whose file was already missing at `until`; not those in the trash, and none that is only a part."""
    return Photo.objects.filter(
        library=library, missing_since__lte=until, trashed_at__isnull=True, imported_at__isnull=False
    )


def losses(viewer: Viewer, library: Library, *, until: dt.datetime) -> list[str]:
    """In sentences, what goes with the missing photos. The library must be one that the viewer may edit."""
    photos = forgettable(library, until)
    found = _own(viewer, photos)
    for _, teller in sorted(_tellers.values(), key=lambda entry: entry[0]):
        found += teller(viewer, photos)
    return found


def _own(viewer: Viewer, photos: QuerySet[Photo]) -> list[str]:
    found = []
    if favourites := Mark.objects.filter(user_id=viewer.pk or 0, favourite=True, photo__in=photos).count():
        found.append(f"{favourites:,} of your favourites")
    if captions := photos.exclude(caption="").count():
        found.append(f"{captions:,} caption{'s' if captions > 1 else ''}")
    by_hand = photos.filter(Q(set_by_people__contains="taken") | Q(set_by_people__contains="position")).count()
    if by_hand:
        found.append(f"dates or places that were set by hand, of {by_hand:,} photo{'s' if by_hand > 1 else ''}")
    return found


def listed(names: list[str]) -> str:
    """Names in a sentence; behind the first `NAMED`, how many more there are."""
    shown = names[:NAMED]
    if len(names) > NAMED:
        return f"{', '.join(shown)} and {len(names) - NAMED:,} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
