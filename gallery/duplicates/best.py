"""Which photo of a group to keep: a proposal, with its reason in words. A person decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gallery.duplicates.worth import Worth
from gallery.models import DuplicateGroup, Photo

# Pictures whose number of pixels differs by less than this are of one size, and so of files.
_PIXELS_APART = 1.05
_BYTES_APART = 1.2
# Faces (0..1) and sharpness differ visibly from here on.
_FACES_APART = 0.05
_SHARPNESS_APART = 1.1
# What a camera or its maker's program wrote, before what a messenger makes of it.
_ORIGINAL_FORMATS = ("image/heic", "image/heif", "image/jxl", "image/tiff")


@dataclass(frozen=True, slots=True)
class Contender:
    """A photo of a group with what speaks for it. `parts`: "RAW file" and "film", as far as it has them."""

    photo: Photo
    sharpness: float
    worth: Worth
    parts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Proposal:
    """`reason` such as "largest, has camera data"; never empty."""

    photo_id: int
    reason: str


def has_camera_data(photo: Photo) -> bool:
    """Whether the file still says what took it, as copies from messengers do not."""
    return bool(photo.camera or photo.exposure_s or photo.f_number)


def propose(kind: str, contenders: Sequence[Contender]) -> Proposal:
    """The best of a group of one or more. One after the other, each question leaves those who are best at it.

    Copies: the most pixels, then what the camera wrote. Shots in a row: what people cared for, faces, sharpness.
    """
    left = list(contenders)
    said: list[str] = []
    for ask, phrase in _QUESTIONS[DuplicateGroup.Kind(kind)]:
        best = ask(left)
        if best and len(best) < len(left):
            left = best
            said.append(phrase)
        elif best and len(best) < len(contenders) and len(left) == 1 and ask(contenders) == left:
            said.append(phrase)
    chosen = min(left, key=lambda it: (-(it.photo.size_bytes), it.photo.added_at, it.photo.pk))
    return Proposal(chosen.photo.pk, ", ".join(said) or "they are equal; this one came first")


def _most(value: Callable[[Contender], float], factor: float = 1.0, step: float = 0.0) -> _Question:
    """Those whose value is near the highest; nobody if none has any."""

    def ask(contenders: Sequence[Contender]) -> list[Contender]:
        highest = max(map(value, contenders))
        return [it for it in contenders if highest > 0 and value(it) * factor + step >= highest]

    return ask


_Question = Callable[[Sequence[Contender]], list[Contender]]

_LARGEST = (_most(lambda it: it.photo.megapixels, _PIXELS_APART), "largest")
_RAW = (_most(lambda it: float("RAW file" in it.parts or it.photo.kind == Photo.Kind.RAW)), "raw picture")
_FILM = (_most(lambda it: float("film" in it.parts)), "it moves")
_CAMERA = (_most(lambda it: float(has_camera_data(it.photo))), "has camera data")
_FORMAT = (_most(lambda it: float(it.photo.mime in _ORIGINAL_FORMATS)), "original format")
_BYTES = (_most(lambda it: float(it.photo.size_bytes), _BYTES_APART), "least compressed")
_FACES = (_most(lambda it: it.worth.faces, step=_FACES_APART), "clearest faces")
_SHARP = (_most(lambda it: it.sharpness, _SHARPNESS_APART), "sharpest")
_MADE = (_most(lambda it: float(len(it.worth.made))), "most was made of it")

_QUESTIONS = {
    DuplicateGroup.Kind.SAME: (_RAW, _FILM, _LARGEST, _CAMERA, _FORMAT, _BYTES, _MADE),
    DuplicateGroup.Kind.ROW: (_MADE, _FACES, _SHARP, _LARGEST, _CAMERA, _BYTES),
}
