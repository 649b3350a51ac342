"""Marks by other programs for tests: makes them, reads them, and says whose a face became."""

from __future__ import annotations

from faces.models import Face
from gallery import told
from gallery.models import Photo, Region

FACE = (0.4, 0.2, 0.2, 0.3)  # where the factory puts a face


def mark(photo: Photo, name: str, box: tuple[float, float, float, float] = (0.38, 0.16, 0.24, 0.36)) -> Region:
    """A box by another program; by default around the factory's face."""
    x, y, w, h = box
    made: Region = Region.objects.create(photo=photo, name=name, x=x, y=y, w=w, h=h)
    return made


def read(*photos: Photo) -> None:
    """What recording does when photos were read."""
    told.tell([told.Told(photo) for photo in photos])


def who(face: Face) -> tuple[str, bool]:
    face.refresh_from_db()
    return (face.person.name if face.person else "", face.is_confirmed)


def names_in(photo: Photo) -> list[tuple[str, bool]]:
    return [who(face) for face in photo.faces.order_by("x")]
