"""All that is known of one picture or video, put together from its tags and the files beside it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gallery.metadata import apple, colours, dates, fallback, fields, motion, places, regions, takeout, written_dates
from gallery.metadata.dates import Taken
from gallery.metadata.motion import Motion
from gallery.metadata.places import Place
from gallery.metadata.regions import Region
from gallery.metadata.sidecars import Kind, Sidecar
from gallery.metadata.tags import Tags, read_sidecar, read_tags
from gallery.metadata.takeout import Takeout
from gallery.metadata.video import VideoTags


@dataclass(frozen=True, slots=True)
class Metadata:
    """Degrees are WGS 84, north and east positive; `rating` is 1 to 5; `orientation` 1 to 8 as EXIF counts; the boxes
    of regions are 0..1 of the upright picture. None or "" means that nothing says it, or that it is nonsense."""

    taken: Taken | None = None
    camera: str = ""
    lens: str = ""
    exposure_s: float | None = None
    f_number: float | None = None
    iso: int | None = None
    focal_mm: float | None = None
    latitude: float | None = None
    longitude: float | None = None
    altitude_m: float | None = None
    title: str = ""
    caption: str = ""
    keywords: tuple[str, ...] = ()
    rating: int | None = None
    is_favourite: bool = False
    people: tuple[str, ...] = ()
    regions: tuple[Region, ...] = ()
    content_id: str = ""
    burst_id: str = ""
    motion: Motion | None = None
    orientation: int | None = None
    colour: str = ""

    @property
    def taken_local(self) -> dt.datetime | None:
        """Naive time on the wall where it was taken."""
        return self.taken.local if self.taken else None

    @property
    def taken_source(self) -> str:
        """Where the date is from (`dates.Source`); "" when there is none."""
        return self.taken.source.value if self.taken else ""

    @property
    def utc_offset_min(self) -> int | None:
        """Minutes east of UTC."""
        return self.taken.utc_offset_min if self.taken else None


def read(
    data: bytes,
    *,
    now: dt.datetime,
    name: str = "",
    sidecars: Sequence[Sidecar] = (),
    file_time: dt.datetime | None = None,
    household_zone: str = "",
) -> Metadata:
    """The metadata of an encoded picture. Raises nothing.

    `now` (naive UTC) bounds what can be a date, with a day for time zones. `name` is the file's name, which may hold a
    date. What stands in `sidecars` was written later, by a person or a photo manager, and overrides the same field of
    the picture; of several the first one that says something. `file_time` (aware, or naive time of the household) is
    the last guess; `household_zone` is an IANA name.
    """
    tags = read_tags(data)
    beside = [read_sidecar(it.data) for it in sidecars if it.kind is Kind.XMP]
    export = _export(sidecars, now=now)
    found = _from_tags(tags, beside, export, now=now, name=name, file_time=file_time, household_zone=household_zone)
    return replace(found, motion=motion.find(data, tags))


def from_tags(
    main: Mapping[int, Any], details: Mapping[int, Any], gps: Mapping[int, Any], *, now: dt.datetime
) -> Metadata:
    """Metadata from the three directories of Exif: tag number -> value as Pillow gives it."""
    tags = Tags(exif=fallback.named(main, details, gps))
    return _from_tags(tags, [], Takeout(), now=now, name="", file_time=None, household_zone="")


def from_video_tags(
    tags: Mapping[str, str],
    *,
    now: dt.datetime,
    name: str = "",
    sidecars: Sequence[Sidecar] = (),
    file_time: dt.datetime | None = None,
    household_zone: str = "",
) -> Metadata:
    """The metadata of a video from its container's names and texts (those of the file and of its streams together, as
    FFmpeg names them). The other arguments are those of `read`. Raises nothing."""
    video = VideoTags(tags)
    beside = [read_sidecar(it.data) for it in sidecars if it.kind is Kind.XMP]
    export = _export(sidecars, now=now)
    said = _from_tags(Tags(), beside, export, now=now, name="", file_time=None, household_zone="")
    place = _first([*(_place(it) for it in beside), video.place(), export.place])
    of_sidecars = written_dates.candidates(Tags(), beside, takeout_utc=None, name="", now=now)
    of_takeout = written_dates.candidates(Tags(), [], takeout_utc=export.taken_utc, name="", now=now)
    of_video = video.candidates(name=name, now=now)
    named = [it for it in of_video if it.source is dates.Source.NAME]
    taken = dates.choose(
        [
            *of_sidecars,
            *(it for it in of_video if it not in named),
            *of_takeout,
            *named,
            *dates.file_candidate(file_time, household_zone=household_zone, now=now),
        ],
        place=place,
        household_zone=household_zone,
    )
    return Metadata(
        taken=taken,
        camera=video.camera(),
        latitude=place.latitude if place else None,
        longitude=place.longitude if place else None,
        altitude_m=place.altitude_m if place else None,
        title=said.title or video.title(),
        caption=said.caption or video.caption(),
        keywords=fields.distinct([*said.keywords, *video.keywords()]),
        rating=said.rating or video.rating(),
        is_favourite=export.is_favourite,
        people=export.people,
        content_id=video.content_id(),
    )


def _from_tags(
    tags: Tags,
    beside: Sequence[Tags],
    export: Takeout,
    *,
    now: dt.datetime,
    name: str,
    file_time: dt.datetime | None,
    household_zone: str,
) -> Metadata:
    layers = [*beside, tags]
    place = _first([*(_place(it) for it in layers), export.place])
    candidates = written_dates.candidates(tags, beside, takeout_utc=export.taken_utc, name=name, now=now)
    taken = dates.choose(
        [*candidates, *dates.file_candidate(file_time, household_zone=household_zone, now=now)],
        place=place,
        gps_utc=written_dates.gps_moment(tags, now=now),
        camera_offset_min=written_dates.camera_offset(tags),
        household_zone=household_zone,
    )
    orientation = fields.orientation(tags)
    note = tags.exif.get("Exif.Photo.MakerNote")
    content_id, burst_id = apple.identifiers(note) if isinstance(note, bytes) else ("", "")
    faces = [regions.read(it, orientation=orientation, picture=tags) for it in layers]
    return Metadata(
        taken=taken,
        camera=fields.camera(tags),
        lens=fields.lens(tags),
        exposure_s=fields.exposure_s(tags),
        f_number=fields.f_number(tags),
        iso=fields.iso(tags),
        focal_mm=fields.focal_mm(tags),
        latitude=place.latitude if place else None,
        longitude=place.longitude if place else None,
        altitude_m=place.altitude_m if place else None,
        title=next((text for text in map(fields.title, layers) if text), ""),
        caption=next(
            (text for text in (*map(fields.caption, beside), export.description, fields.caption(tags)) if text), ""
        ),
        # Words are added, not replaced: none that a person wrote shall be lost.
        keywords=fields.distinct(word for it in layers for word in fields.keywords(it)),
        rating=next((fields.rating(it) for it in layers if fields.has_rating(it)), None),
        is_favourite=export.is_favourite,
        people=export.people,
        regions=next((found for found in faces if found), ()),
        content_id=content_id,
        burst_id=burst_id or tags.text("Xmp.GCamera.BurstID")[:200],
        orientation=orientation,
        colour=colours.name(tags),
    )


def _export(sidecars: Sequence[Sidecar], *, now: dt.datetime) -> Takeout:
    read = (takeout.read(it.data, now=now) for it in sidecars if it.kind is Kind.TAKEOUT)
    return takeout.merged([it for it in read if it is not None])


def _place(tags: Tags) -> Place | None:
    return places.from_exif(tags) or places.from_xmp(tags)


def _first(found: Sequence[Place | None]) -> Place | None:
    return next((it for it in found if it is not None), None)
