"""What of a photo plays: a film, the moving part of a live or motion photo, an animated picture."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Prefetch, QuerySet
from django.urls import reverse

from gallery import renditions
from gallery.models import File, Photo, Rendition, WorkState

# Animated pictures that browsers play.
_ANIMATED = frozenset({"image/gif", "image/webp", "image/png", "image/apng", "image/avif"})


@dataclass(frozen=True, slots=True)
class Film:
    """A film on its page. Without `url` the copy for browsers is not there: it is being made (`percent` of it are
    done, None before it is begun), or cannot be made, for the reason `error`."""

    url: str = ""
    percent: int | None = None
    error: str = ""

    @property
    def is_awaited(self) -> bool:
        return not self.url and not self.error


@dataclass(frozen=True, slots=True)
class Motion:
    """The moving part of a photo. `note` says why a browser may not play it, if so."""

    url: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the moving part of a photo is read: a file, the photo whose content it holds, and whether there is a copy
    for browsers."""

    photo: Photo
    file: File
    rendition: Rendition | None


def with_parts(photos: QuerySet[Photo]) -> QuerySet[Photo]:
    """With all that this module asks of a photo: two queries more."""
    parts = File.objects.select_related("photo__library", "photo__rendition")
    return photos.select_related("library", "rendition").prefetch_related("files", Prefetch("parts", parts))


def film(photo: Photo) -> Film | None:
    """How to play a film; None for a photo that is none, or whose file is away and of which there is no copy."""
    if photo.kind != Photo.Kind.VIDEO:
        return None
    rendition = _rendition(photo)
    if rendition is not None and rendition.digest != photo.digest:
        rendition = None
    if rendition is not None and renditions.is_ready(rendition, photo):
        return Film(url=reverse("gallery:photo_film", args=[photo.pk, photo.digest]))
    if photo.missing_since is not None:
        return None
    if rendition is None:
        return Film(url=reverse("gallery:photo_original", args=[photo.pk]))
    if rendition.work_state == WorkState.FAILED:
        return Film(error=rendition.error or "No reason was recorded.")
    return Film(percent=rendition.percent if rendition.work_state == WorkState.CLAIMED else None)


def motion(photo: Photo) -> Motion | None:
    """How to play the moving part; None for a photo that does not move, or whose moving part is away."""
    source = next(iter(motion_sources(photo)), None)
    if source is None:
        return None
    note, rendition = "", source.rendition
    if rendition is not None and not renditions.is_ready(rendition, source.photo):
        is_failed = rendition.work_state == WorkState.FAILED
        note = "no copy of it could be made." if is_failed else "a copy that does is being made. Try again in a while."
    return Motion(reverse("gallery:photo_motion", args=[photo.pk]), note)


def motion_sources(photo: Photo) -> Iterable[Source]:
    """Where the moving part may be read, the best first: in the photo's own file, or in one beside it."""
    here = [file for file in photo.files.all() if file.missing_since is None]
    if photo.motion_at is not None:
        yield from (Source(photo, file, _rendition(photo)) for file in here)
    for file in sorted(photo.parts.all(), key=lambda file: file.path):
        if file.role == File.Role.MOTION and file.missing_since is None:
            yield Source(file.photo, file, _rendition(file.photo))


def plays_as_picture(photo: Photo) -> bool:
    """Whether browsers play the original as they show a picture."""
    return photo.is_animated and photo.mime in _ANIMATED and photo.missing_since is None


def _rendition(photo: Photo) -> Rendition | None:
    return getattr(photo, "rendition", None)  # none, or loaded with it
