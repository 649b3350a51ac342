"""What grids of photos show: a `Tile` for each photo, computed for many at once so that templates only print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, urlencode

from django.db.models import Q
from django.urls import get_script_prefix, reverse
from django.utils import timezone

from gallery import alt_text, photosets, quantise, thumbnails
from gallery.access import Viewer, visible_library_ids
from gallery.models import Mark, Photo
from gallery.photosets import PhotoSet

# What tiles and their order need: a third of the columns, and half the time.
TILE_FIELDS = (
    "id", "library_id", "digest", "kind", "width", "height", "colour",
    "taken_local", "sort_at", "month", "caption", "missing_since", "duration_s", "is_animated",
    "country", "region", "city",
)  # fmt: skip
# How many photos of a set are loaded to come back to a photo in it: more, and the page begins at its top.
RETURN_MOST = 200


class Sign(NamedTuple):
    """In the corner of a tile: the name of an icon, what it says, and a short text beside it; either may be empty."""

    icon: str
    says: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Tile:
    """One photo in a grid."""

    id: int
    url: str
    classes: str
    alt: str
    src: str
    srcset: str
    width: int
    height: int
    is_favourite: bool
    is_missing: bool
    signs: tuple[Sign, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """One page of a set: pass `tiles` and `next_url` to `_photo_grid.html` and `_tiles.html`."""

    tiles: list[Tile]
    next_url: str | None


_KIND_SIGNS = {
    Photo.Kind.VIDEO: Sign("play", "Video"),
    Photo.Kind.MOTION: Sign("motion", "Live photo"),
    Photo.Kind.RAW: Sign("", "RAW picture", "RAW"),
}
_ANIMATED = Sign("", "Animated picture", "GIF")


def tiles(viewer: Viewer, photos: Sequence[Photo], within: str = "timeline") -> list[Tile]:
    """Tiles whose links open the photos within the photo set called `within`.

    Two queries (labels, favourites) and one for each app that gives names, however many photos. The photos must come
    from `visible_to(viewer)`.
    """
    texts = alt_text.describe(photos, viewer)
    favourites = favourite_ids(viewer, [photo.pk for photo in photos])
    detail = reverse("gallery:photo_detail", args=[0]).removesuffix("0/")
    media = f"{get_script_prefix()}media/"
    suffix = set_suffix(within)
    return [
        _tile(
            photo,
            url=f"{detail}{photo.pk}/{suffix}",
            media=f"{media}{photo.pk}/",
            alt=texts[photo.pk],
            is_favourite=photo.pk in favourites,
        )
        for photo in photos
    ]


def set_suffix(within: str) -> str:
    """What follows a photo's address to open it within a set; the timeline needs nothing."""
    return "" if within == "timeline" else f"?in={quote(within, safe=':')}"


def has_libraries(viewer: Viewer) -> bool:
    """Whether there is any library for the viewer: an empty page says different things then."""
    return bool(visible_library_ids(viewer))


def favourite_ids(viewer: Viewer, photo_ids: Sequence[int]) -> set[int]:
    """Which of these photos are favourites of the viewer: one query."""
    if not photo_ids:
        return set()
    marks = Mark.objects.filter(user_id=viewer.pk or 0, favourite=True, photo_id__in=photo_ids)
    return set(marks.values_list("photo_id", flat=True))


def thumbnail_url(photo: Photo, size: str) -> str:
    """The address of a thumbnail: it changes with the content, so a browser may keep the answer for ever."""
    return f"{get_script_prefix()}media/{photo.pk}/{size}-{(photo.digest or '')[:12]}.jpg"


def thumbnail_size(photo: Photo, size: str) -> tuple[int, int]:
    """Width and height of a thumbnail in pixels: never larger than the original."""
    return _fit(photo.width or 1, photo.height or 1, thumbnails.SIZES[size])


@lru_cache(maxsize=4096)
def _fit(width: int, height: int, edge_px: int) -> tuple[int, int]:
    scale = min(1.0, edge_px / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def srcset(photo: Photo) -> str:
    """All thumbnails with their widths, for `<img srcset>`."""
    return _srcset(photo, f"{get_script_prefix()}media/{photo.pk}/")


def _srcset(photo: Photo, media: str) -> str:
    digest = (photo.digest or "")[:12]
    return ", ".join(f"{media}{size}-{digest}.jpg {thumbnail_size(photo, size)[0]}w" for size in thumbnails.SIZES)


def grid(viewer: Viewer, photo_set: PhotoSet, *, after: str | None = None, at: str | None = None) -> Grid:
    """One page of a set behind the cursor `after`; with `at`, a photo's id, as many photos as reach just beyond it.

    `at` is how the photo page comes back to where it was opened. A constant number of queries.
    """
    size = photosets.PAGE_SIZE if after else max(photosets.PAGE_SIZE, _reaching(photo_set, at))
    page = photosets.page(slim(photo_set), after, size=size)
    next_url = None
    if page.next_cursor:
        glue = "&" if "?" in photo_set.url else "?"
        next_url = f"{photo_set.url}{glue}{urlencode({'after': page.next_cursor})}"
    return Grid(tiles(viewer, page.photos, photo_set.name), next_url)


def slim(photo_set: PhotoSet) -> PhotoSet:
    """The set with only the columns that tiles need."""
    return replace(photo_set, photos=photo_set.photos.only(*TILE_FIELDS))


def count(photo_set: PhotoSet) -> int:
    """How many photos the set has: one query."""
    return photo_set.photos.order_by().count()


def _reaching(photo_set: PhotoSet, at: str | None) -> int:
    """How many photos of the set reach the photo `at` and a few more; 0 when that is too many, or it is not there."""
    if not at or not at.isdecimal() or len(at) > 18:
        return 0
    here = photo_set.photos.filter(pk=int(at)).order_by().first()
    if here is None:
        return 0
    before = photo_set.photos.filter(_before(photo_set.order, here)).order_by().count()
    return before + 30 if before < RETURN_MOST else 0


def _before(order: Sequence[str], photo: Photo) -> Q:
    """Rows that stand before `photo` in this order."""
    condition, equal = Q(pk__in=[]), Q()
    for name in order:
        column = name.lstrip("-")
        value = getattr(photo, column)
        step = "gt" if name.startswith("-") else "lt"
        condition |= equal & Q(**{f"{column}__{step}": value})
        equal &= Q(**{column: value})
    return condition


@lru_cache(maxsize=1024)
def _film_sign(seconds: int) -> Sign:
    return Sign("play", "Video", duration(seconds))


def duration(seconds: int) -> str:
    """42 -> "0:42", 3723 -> "1:02:03"."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _tile(photo: Photo, *, url: str, media: str, alt: str, is_favourite: bool) -> Tile:
    width, height = thumbnail_size(photo, "small")
    signs = []
    if photo.kind == Photo.Kind.VIDEO and photo.duration_s is not None:
        signs.append(_film_sign(round(photo.duration_s)))
    elif photo.kind in _KIND_SIGNS:
        signs.append(_KIND_SIGNS[Photo.Kind(photo.kind)])
    elif photo.is_animated:
        signs.append(_ANIMATED)
    is_missing = photo.missing_since is not None
    if photo.missing_since is not None:
        signs.append(Sign("away", f"The file is away since {timezone.localtime(photo.missing_since):%-d %B %Y}"))
    if is_favourite:
        signs.append(Sign("heart", "Favourite"))
    ratio = quantise.ratio_class(photo.width, photo.height)
    return Tile(
        id=photo.pk,
        url=url,
        classes=f"tile {ratio} {quantise.tint_class(photo.colour)}{' missing' if is_missing else ''}",
        alt=alt,
        src=f"{media}small-{(photo.digest or '')[:12]}.jpg",
        srcset=_srcset(photo, media),
        width=width,
        height=height,
        is_favourite=is_favourite,
        is_missing=is_missing,
        signs=tuple(signs),
    )
