"""What the photo page says about a photo, in words for people."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Prefetch
from django.template.defaultfilters import filesizeformat
from django.urls import reverse

from gallery import analysis, decided, edits, place_list, places, playing
from gallery.access import Viewer, get_or_404, visible_to
from gallery.metadata import clock
from gallery.models import Detection, Label, Photo, Receipt
from gallery.photo_panels import PhotoBox
from gallery.search import Query

SURE, FAIRLY_SURE, GUESS = "sure", "fairly sure", "a guess"
# docs/dates.md has the whole table.
_SURE = {Photo.TakenSource.EXIF, Photo.TakenSource.XMP, Photo.TakenSource.SIDECAR, Photo.TakenSource.VIDEO}
GUESSES = {Photo.TakenSource.FILE, Photo.TakenSource.EXIF_MODIFIED}
_COUNTING_IN_UTC = {
    Photo.TakenSource.VIDEO, Photo.TakenSource.TAKEOUT, Photo.TakenSource.GPS, Photo.TakenSource.NAME
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class When:
    """`text` "14:05, Friday 17 May 2024"; `source` "from the camera, UTC+2 from GPS"; `confidence` in words, empty for
    what a person said; `day` for the link to search."""

    text: str
    source: str
    confidence: str
    day: dt.date

    @property
    def is_guess(self) -> bool:
        return self.confidence == GUESS


@dataclass(frozen=True, slots=True)
class Work:
    """One line of what was done to the photo."""

    title: str
    version: str
    is_failed: bool
    error: str
    at: dt.datetime
    milliseconds: int


@dataclass(frozen=True, slots=True)
class OverlayBox:
    """A box in pixels of the picture, for the SVG over it. `text_y` is where its name stands."""

    kind: str
    name: str
    url: str
    x: int
    y: int
    w: int
    h: int
    text_y: int


def get_photo(viewer: Viewer, photo_id: int) -> Photo:
    """The photo with its library, files, parts, labels and receipts: five queries, plus the viewer's libraries.
    Http404."""
    photos = playing.with_parts(visible_to(viewer)).prefetch_related(
        Prefetch("detections", Detection.objects.select_related("label")), "receipts"
    )
    return get_or_404(photos, pk=photo_id)


def when(photo: Photo) -> When | None:
    """When it was taken, None for undated photos."""
    taken = photo.taken
    if taken is None:
        return None
    source = f"from {photo.get_taken_source_display()}" if photo.taken_source else ""
    source = ", ".join(part for part in (source, _offset(photo)) if part)
    day = f"{taken:%A} {taken.day} {taken:%B} {taken.year}"
    return When(
        text=day if photo.is_day_only else f"{taken:%H:%M}, {day}",
        source=source,
        confidence=confidence(photo),
        day=taken.date(),
    )


def confidence(photo: Photo) -> str:
    """How sure the date is, in words; empty for undated photos and for what a person said.

    It follows from where the date and the difference to UTC are from, as `metadata.dates.choose` weighed them.
    """
    taken, source = photo.taken, photo.taken_source
    if taken is None or source in {"", Photo.TakenSource.PERSON}:
        return ""
    is_reset = not photo.is_day_only and clock.is_reset(taken)
    # What counts in UTC and says no place has the household's time zone, or is shown in UTC.
    is_lost = photo.offset_source == Photo.OffsetSource.HOUSEHOLD
    is_lost |= source in _COUNTING_IN_UTC and photo.utc_offset_min == 0 and not photo.offset_source
    if source in GUESSES or is_reset or is_lost or (source == Photo.TakenSource.NAME and photo.is_day_only):
        return GUESS
    is_moved = source == Photo.TakenSource.VIDEO and photo.offset_source == Photo.OffsetSource.PLACE
    return SURE if source in _SURE and not is_moved else FAIRLY_SURE


def _offset(photo: Photo) -> str:
    """For example "UTC+2 from GPS"; the household's time zone is no more than a guess."""
    if photo.utc_offset_min is None:
        return "time zone not known" if photo.offset_source == Photo.OffsetSource.PERSON else ""
    said = edits.say_offset(photo.utc_offset_min)
    if not photo.offset_source:
        return said
    guess = " (a guess)" if photo.offset_source == Photo.OffsetSource.HOUSEHOLD else ""
    # "from the camera, UTC+2 from the camera" says the same twice.
    told = photo.get_offset_source_display()
    is_same = told == photo.get_taken_source_display() if photo.taken_source else False
    return said if is_same else f"{said} from {told}{guess}"


def exposure(photo: Photo) -> str:
    """For example "1/250 s, f/2.8, ISO 100, 35 mm"; empty if the file says nothing."""
    parts = []
    if photo.exposure_s and photo.exposure_s > 0:
        parts.append(shutter(photo.exposure_s))
    if photo.f_number:
        parts.append(f"f/{photo.f_number:.2g}" if photo.f_number < 10 else f"f/{photo.f_number:.0f}")
    if photo.iso:
        parts.append(f"ISO {photo.iso}")
    if photo.focal_mm:
        parts.append(f"{photo.focal_mm:.3g} mm")
    return ", ".join(parts)


def shutter(seconds: float) -> str:
    """0.004 -> "1/250 s", 0.6 -> "0.6 s"."""
    return f"1/{round(1 / seconds)} s" if seconds < 0.4 else f"{seconds:.3g} s"


def size(photo: Photo) -> str:
    """For example "4000 × 3000, 12 megapixels, 4.0 MB"."""
    parts = [f"{photo.width} × {photo.height}"] if photo.width else []
    if photo.megapixels >= 0.05:
        number = f"{photo.megapixels:.2g}" if photo.megapixels < 9.5 else f"{photo.megapixels:.0f}"
        parts.append(f"{number} megapixel{'' if number == '1' else 's'}")
    if photo.size_bytes:
        parts.append(filesizeformat(photo.size_bytes).replace("\xa0", " "))
    return ", ".join(parts)


def position(photo: Photo) -> str:
    """For example "52.5200° N, 13.4050° E, 34 m"; empty if unknown."""
    if photo.latitude is None or photo.longitude is None:
        return ""
    latitude = f"{abs(photo.latitude):.4f}° {'N' if photo.latitude >= 0 else 'S'}"
    longitude = f"{abs(photo.longitude):.4f}° {'E' if photo.longitude >= 0 else 'W'}"
    height = f", {photo.altitude_m:.0f} m" if photo.altitude_m is not None else ""
    return f"{latitude}, {longitude}{height}"


@dataclass(frozen=True, slots=True)
class Where:
    """`title` "Munich, Bavaria, Germany" with its search, empty where nobody lives; `source` in words."""

    title: str
    url: str
    position: str
    source: str


def where(photo: Photo) -> Where | None:
    """Where it was taken, None if nobody knows."""
    title = places.title(photo.city, photo.region, photo.country)
    told = position(photo)
    if not title and not told:
        return None
    source = "set by a person" if decided.is_set(photo, "position") else "as the camera or a program wrote it"
    return Where(title, place_list.search_url(title) if title else "", told, source)


def labels(photo: Photo) -> list[Label]:
    """What was found in it, the surest first, each once."""
    return list({found.label_id: found.label for found in photo.detections.all()}.values())


@dataclass(frozen=True, slots=True)
class Keyword:
    word: str
    url: str


def keywords(photo: Photo) -> list[Keyword]:
    """What the file and those beside it call the photo, each with the search for it."""
    found = []
    for word in photo.keywords.splitlines():
        query = Query(words=tuple(part.strip() for part in word.split('"') if part.strip()))
        found.append(Keyword(word, f"{reverse('gallery:search')}?{query.address()}"))
    return found


def object_boxes(photo: Photo) -> list[PhotoBox]:
    return [
        PhotoBox("object", found.x, found.y, found.w, found.h, found.label.name, found.label.get_absolute_url())
        for found in photo.detections.all()
    ]


def overlay(photo: Photo, boxes: Iterable[PhotoBox]) -> list[OverlayBox]:
    """Boxes in pixels, large ones first, so that small ones lie on top and can be pointed at."""
    width, height = photo.width or 1, photo.height or 1
    line = max(width, height) // 45
    made = []
    for box in sorted(boxes, key=lambda box: -box.w * box.h):
        y = round(box.y * height)
        made.append(
            OverlayBox(
                kind=box.kind,
                name=box.name,
                url=box.url,
                x=round(box.x * width),
                y=y,
                w=max(1, round(box.w * width)),
                h=max(1, round(box.h * height)),
                text_y=y - line // 3 if y > line * 1.5 else y + line,
            )
        )
    return made


def work_done(photo: Photo) -> list[Work]:
    """What each analyzer did, in the order of time."""
    titles = {analyzer.name: analyzer.title for analyzer in analysis.analyzers()}
    receipts = sorted(photo.receipts.all(), key=lambda receipt: receipt.at)
    return [
        Work(
            title=titles.get(receipt.analyzer, receipt.analyzer),
            version=receipt.version,
            is_failed=receipt.state == Receipt.State.FAILED,
            error=receipt.error,
            at=receipt.at,
            milliseconds=receipt.milliseconds,
        )
        for receipt in receipts
    ]
