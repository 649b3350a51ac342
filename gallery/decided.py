"""What people set on a photo themselves, which no file may change any more: `Photo.set_by_people`, words and spaces."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from gallery.models import Photo

Part = Literal["taken", "position", "caption", "rating", "keywords"]


def parts(photo: Photo) -> frozenset[str]:
    return frozenset(photo.set_by_people.split())


def is_set(photo: Photo, part: Part) -> bool:
    """Whether a person set this part of the photo."""
    return part in parts(photo)


def put(photo: Photo, names: Iterable[str]) -> None:
    """Sets all that people decided; the row is not saved."""
    photo.set_by_people = " ".join(sorted(names))


def mark(photo: Photo, part: Part) -> None:
    put(photo, parts(photo) | {part})
