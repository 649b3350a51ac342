"""What speaks for keeping a photo besides its file: what people made of it, and how well its faces came out.

# in AppConfig.ready()
worth.register(albums_worth)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from gallery import decided
from gallery.access import Viewer
from gallery.models import Photo
from gallery.queries import favourite_ids


@dataclass(frozen=True, slots=True)
class Worth:
    """`made`: what people made of it, a phrase for each ("in 2 albums"). `faces`: the quality of its faces, 0..1."""

    made: tuple[str, ...] = ()
    faces: float = 0.0


Teller: TypeAlias = Callable[[Viewer, Sequence[int]], dict[int, Worth]]
_tellers: list[Teller] = []


def register(teller: Teller) -> None:
    """Adds what an app knows about photos that the viewer sees, by their ids: one query."""
    _tellers.append(teller)


def of(viewer: Viewer, photos: Sequence[Photo]) -> dict[int, Worth]:
    """The worth of photos: one query for favourites and one for each app."""
    ids = [photo.pk for photo in photos]
    favourites = favourite_ids(viewer, ids)
    told = [teller(viewer, ids) for teller in _tellers]
    found: dict[int, Worth] = {}
    for photo in photos:
        made = ["a favourite"] if photo.pk in favourites else []
        made += [f"{photo.rating} star{'s' if photo.rating > 1 else ''}"] if photo.rating else []
        made += ["has a caption"] if photo.caption else []
        made += ["date set by a person"] if decided.is_set(photo, "taken") else []
        made += ["place set by a person"] if decided.is_set(photo, "position") else []
        theirs = [worths.get(photo.pk, Worth()) for worths in told]
        made += [phrase for worth in theirs for phrase in worth.made]
        found[photo.pk] = Worth(tuple(made), max((worth.faces for worth in theirs), default=0.0))
    return found
