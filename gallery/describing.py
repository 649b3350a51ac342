"""What a file says of its photo, brought into the photo's columns. What a person set there, no file changes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from django.conf import settings
from django.utils import timezone

from gallery import decided, gazetteer, metadata, place_names
from gallery.contents import Content
from gallery.metadata import Kind, Metadata, Precision, Sidecar
from gallery.metadata.fields import distinct as distinct_words
from gallery.models import File, Library, Mark, Photo, Region
from gallery.told import AlbumFolder

NAME = "metadata"  # of the receipts
# Counted up when the same files are to give another result: the sweep then has all photos described anew.
VERSION = "2"

_PLAIN = ("camera", "lens", "exposure_s", "f_number", "iso", "focal_mm")
_POSITION = ("latitude", "longitude", "altitude_m")
# Cut to what the columns hold.
_TEXT_CHARS = 120
_CONTENT_ID_CHARS = 64


def read(content: Content, file: File, sidecars: list[Sidecar]) -> Metadata:
    """All that the content and the files beside it say. Raises nothing."""
    now = timezone.now().replace(tzinfo=None)
    # Without a setting the household's zone is not known; UTC would be a guess that looks like knowledge.
    zone = "" if settings.TIME_ZONE == "UTC" else settings.TIME_ZONE
    name, file_time = file.name, _file_time(content)
    if content.film is not None:
        found = metadata.from_video_tags(
            content.film.tags, now=now, name=name, sidecars=sidecars, file_time=file_time, household_zone=zone
        )
    else:
        found = metadata.read(
            content.data, now=now, name=name, sidecars=sidecars, file_time=file_time, household_zone=zone
        )
    if found.latitude is not None:
        gazetteer.load()  # now, and not within the transaction that writes
    return found


def distinct(beside: Iterable[tuple[File, Sequence[Sidecar]]]) -> list[Sidecar]:
    """The sidecars of all places of a photo, each content once: an album's folder repeats those of the year's."""
    return list({(it.kind, it.data): it for _, sidecars in beside for it in sidecars}.values())


def albums(beside: Iterable[tuple[File, Sequence[Sidecar]]]) -> tuple[AlbumFolder, ...]:
    """The folders that are albums of an export, among those that the files lie in."""
    found = {}
    for file, sidecars in beside:
        titles = (metadata.read_album_title(it.data) for it in sidecars if it.kind is Kind.ALBUM)
        title = next((title for title in titles if title), "")
        if title:
            folder = file.path.rpartition("/")[0]
            found[folder] = AlbumFolder(folder, title)
    return tuple(found.values())


def _file_time(content: Content) -> dt.datetime | None:
    """The file's own time, aware."""
    try:
        return dt.datetime.fromtimestamp(content.stat.mtime_ns / 1e9, dt.UTC)
    except (OverflowError, ValueError, OSError):
        return None


def apply(photo: Photo, found: Metadata) -> None:
    """Sets the photo's columns, without saving it."""
    kept = decided.parts(photo)
    for name in _PLAIN:
        setattr(photo, name, getattr(found, name))
    photo.camera, photo.lens = photo.camera[:_TEXT_CHARS], photo.lens[:_TEXT_CHARS]
    if "position" not in kept:
        for name in _POSITION:
            setattr(photo, name, getattr(found, name))
    place_names.put(photo)
    if "caption" not in kept:
        photo.caption = found.caption or found.title
    if "rating" not in kept:
        photo.rating = found.rating
    # Words that came from another photo (`photo_keeper`) stay beside those of the file. Of people in Takeout nobody
    # knows which face is theirs, so they are words that a search finds.
    words = photo.keywords.splitlines() if "keywords" in kept else []
    photo.keywords = "\n".join(distinct_words([*words, *found.keywords, *found.people]))
    photo.content_id = found.content_id[:_CONTENT_ID_CHARS]
    motion = found.motion
    photo.motion_at, photo.motion_bytes = (motion.offset, motion.length) if motion else (None, None)
    if motion and photo.kind == Photo.Kind.IMAGE:
        photo.kind = Photo.Kind.MOTION
    if "taken" not in kept:
        _apply_date(photo, found)


def _apply_date(photo: Photo, found: Metadata) -> None:
    taken = found.taken
    if taken is None:
        photo.set_taken(None, utc_offset_min=None, source="")
        photo.offset_source, photo.is_day_only = "", False
        return
    photo.set_taken(taken.local, utc_offset_min=taken.utc_offset_min, source=taken.source.value)
    photo.offset_source = taken.offset_source.value if taken.utc_offset_min is not None else ""
    photo.is_day_only = taken.precision is Precision.DAY


def regions(photo: Photo, found: Metadata) -> list[Region]:
    """Rows for the faces that other programs marked; not saved."""
    return [
        Region(photo=photo, name=region.name[:_TEXT_CHARS], x=region.x, y=region.y, w=region.w, h=region.h)
        for region in found.regions
        if region.name and region.w > 0 and region.h > 0
    ]


def mark_favourites(described: Iterable[tuple[Photo, Metadata]]) -> None:
    """Makes what a file calls a favourite one of the library's owner, unless they ever decided about it: their mark
    stays, also one that they took away. Two queries, none without such a file; a library of nobody has no favourites.
    """
    wanted = {photo.pk: photo.library_id for photo, found in described if found.is_favourite}
    if not wanted:
        return
    owners = dict(
        Library.objects.filter(pk__in=set(wanted.values()), owner__isnull=False).values_list("pk", "owner_id")
    )
    marks = [
        Mark(user_id=owners[library_id], photo_id=photo_id, favourite=True)
        for photo_id, library_id in sorted(wanted.items())
        if library_id in owners
    ]
    Mark.objects.bulk_create(marks, ignore_conflicts=True)
