"""Groups of photos that were never on a disk, and all rows that a decision may touch, to be compared."""

from __future__ import annotations

from typing import Any

from albums.models import Album, AlbumItem
from faces.models import Cluster, Face, Person, Refusal
from gallery.models import DuplicateGroup, DuplicateMember, File, Library, Mark, Photo, Receipt, SearchText
from tests.factories import PhotoFactory

# What says only that a row was worked on or looked at.
_BOOKKEEPING = {
    Photo: {"work_state", "attempts", "worked_at"},
    DuplicateGroup: {"decided_at", "decided_by_id"},
}
_ALL = (Photo, File, Mark, Album, AlbumItem, Face, Person, Refusal, Cluster, SearchText, Receipt, DuplicateMember)


def group_of(*photos: Photo, kind: str = "same", sharpness: tuple[float, ...] = ()) -> DuplicateGroup:
    """An open group of these photos."""
    group = DuplicateGroup.objects.create(library=photos[0].library, kind=kind)
    for place, photo in enumerate(photos):
        sharp = sharpness[place] if sharpness else 1.0
        DuplicateMember.objects.create(group=group, photo=photo, sharpness=sharp)
    return group


def twins(library: Library, count: int = 2, **each: Any) -> list[Photo]:
    """Photos of which the first is the largest and has camera data."""
    first = PhotoFactory(library=library, camera="Alpenglow X1", **each)
    return [first, *(PhotoFactory(library=library, width=1600, height=1200, **each) for _ in range(count - 1))]


def snapshot() -> dict[str, list[dict[str, Any]]]:
    """All rows of all that people make."""
    found: dict[str, list[dict[str, Any]]] = {}
    for model in (*_ALL, DuplicateGroup):
        without = _BOOKKEEPING.get(model, set())
        rows = model.objects.order_by("pk").values()  # type: ignore[attr-defined]
        found[model.__name__] = [{name: it for name, it in row.items() if name not in without} for row in rows]
    return found
