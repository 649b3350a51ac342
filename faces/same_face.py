"""Which face that was there before a detection shows, so that its id, its name and its refusals live on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from faces.models import Face
from gallery.vision import catalog

# From this overlap (intersection over union) on, a box is at the same place.
SAME_PLACE_IOU = 0.5
# And with a box that somebody drew: people draw loosely, and two faces hardly ever cover each other so far.
DRAWN_PLACE_IOU = 0.3
# In an edited photo a face at the same place may look this much less alike than `match_distance` asks: what tells
# pairs of LFW apart best is 0.74 with mobilefacenet, 1.48 times its match_distance. Another person is further away.
SAME_PLACE_REACH = 1.5


class Boxed(Protocol):
    """What has a box relative (0..1) to the upright picture."""

    @property
    def x(self) -> float: ...
    @property
    def y(self) -> float: ...
    @property
    def w(self) -> float: ...
    @property
    def h(self) -> float: ...


class Found(Boxed, Protocol):
    """A detection; `embedding` float32 (d,) of length 1."""

    @property
    def embedding(self) -> bytes: ...


def match(faces: Sequence[Face], found: Sequence[Found], *, model: str, digest: str) -> dict[int, Face]:
    """Which earlier face each detection is: index in `found` -> face. Every face is used once.

    The same content (`digest`): boxes that overlap, the largest overlap first. After an edit boxes may mean something
    else, so looks decide where the `model` is the same, the most alike first: at the same place the face must be
    somewhat like the earlier one, elsewhere it must be as near as two faces of one person are. Without looks to
    compare, the overlap must do.
    """
    options = sorted(
        (*rank, index, place)
        for place, face in enumerate(faces)
        for index, detected in enumerate(found)
        if (rank := _rank(face, detected, model, is_edited=face.digest != digest)) is not None
    )
    pairs: dict[int, Face] = {}
    used: set[int] = set()
    for *_, index, place in options:
        if index not in pairs and place not in used:
            pairs[index] = faces[place]
            used.add(place)
    return pairs


def _rank(face: Face, found: Found, model: str, *, is_edited: bool) -> tuple[int, float] | None:
    """What comes first among pairs, least first; None for two faces that are not the same."""
    overlap = iou(face, found)
    is_same_place = overlap >= (DRAWN_PLACE_IOU if face.is_drawn else SAME_PLACE_IOU)
    if not is_edited:
        return (0, -overlap) if is_same_place else None
    spec = catalog.catalog().models.get(model)
    if face.model != model or spec is None or spec.match_distance is None:
        return (2, -overlap) if is_same_place else None
    apart = distance(bytes(face.embedding or b""), found.embedding)
    if apart is None:
        return (2, -overlap) if is_same_place else None
    return (1, apart) if apart <= spec.match_distance * (SAME_PLACE_REACH if is_same_place else 1) else None


def iou(one: Boxed, other: Boxed) -> float:
    """Intersection over union of two boxes, 0..1."""
    width = min(one.x + one.w, other.x + other.w) - max(one.x, other.x)
    height = min(one.y + one.h, other.y + other.h) - max(one.y, other.y)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (one.w * one.h + other.w * other.h - shared)


def distance(one: bytes, other: bytes) -> float | None:
    """Cosine distance 0..2 of two embeddings, float32 of length 1; None if they cannot be compared."""
    import numpy as np

    if not one or len(one) != len(other) or len(one) % 4:
        return None
    similarity = float(np.dot(np.frombuffer(one, np.float32), np.frombuffer(other, np.float32)))
    return 1.0 - similarity if similarity == similarity else None  # NaN is no embedding
