"""What album pages show. Every photo and every count here is taken from what the viewer may see."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, QuerySet, Subquery
from django.http import Http404

from albums import sets
from albums.access import albums_restorable_by, albums_visible_to, photos_of
from albums.models import Album, AlbumItem
from gallery import photosets, quantise
from gallery.access import Viewer, visible_to
from gallery.duplicates.worth import Worth
from gallery.models import Photo
from gallery.photosets import PhotoSet
from gallery.queries import Tile, srcset, thumbnail_size, thumbnail_url, tiles

CARDS_PER_PAGE = 60
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_TICK = dt.timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Cover:
    """The picture of a card, ready to print."""

    src: str
    srcset: str
    width: int
    height: int
    tint: str


@dataclass(frozen=True, slots=True)
class AlbumCard:
    """An album as its card shows it to one viewer; `owner_name` is empty for their own."""

    album: Album
    cover: Cover | None
    photo_count: int
    owner_name: str


@dataclass(frozen=True, slots=True)
class AlbumCards:
    cards: list[AlbumCard]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class AlbumFacts:
    """How many photos of an album the viewer sees, and the naive days of the first and the last that have a date."""

    photo_count: int
    first_day: dt.date | None
    last_day: dt.date | None


@dataclass(frozen=True, slots=True)
class Place:
    """A photo on the page for arranging, and which one of the album it is, counted from 1."""

    tile: Tile
    number: int
    is_first: bool
    is_last: bool


@dataclass(frozen=True, slots=True)
class Arrangement:
    """A page of an album in its own order, for moving photos. `moved` is where the photo that was moved stands now.

    `after` is the cursor the page begins behind; empty: with the first photo.
    """

    places: list[Place]
    total: int
    after: str
    next_cursor: str | None
    moved: int | None = None


def name_of(album: Album) -> str:
    """What to call the album's owner."""
    return album.owner.get_full_name() or album.owner.get_username()


def album_cards(viewer: Viewer, *, after: str | None = None, size: int = CARDS_PER_PAGE) -> AlbumCards:
    """The albums that were changed last, behind the cursor `after`; at most five queries, however many albums."""
    rows = albums_visible_to(viewer).select_related("owner").order_by("-changed_at", "-id")
    if after:
        changed_at, album_id = _decode(after)
        rows = rows.filter(Q(changed_at__lt=changed_at) | Q(changed_at=changed_at, id__lt=album_id))
    found = list(rows[: size + 1])
    more = len(found) > size
    found = found[:size]
    return AlbumCards(cards_of(viewer, found), _encode(found[-1]) if more else None)


def cards_of(viewer: Viewer, albums: list[Album]) -> list[AlbumCard]:
    """Cards for `albums`, which must come from `albums_visible_to(viewer)` with their owners. Three queries."""
    # From the items to their photos: the other way round a database may well read every photo there is.
    seen = Exists(visible_to(viewer).filter(pk=OuterRef("photo_id")))
    items = AlbumItem.objects.filter(seen, album__in=albums).order_by()
    counts = dict(items.values_list("album_id").annotate(Count("id")))
    covers = _covers(viewer, albums)
    return [
        AlbumCard(
            album=album,
            cover=_cover(covers[album.pk]) if album.pk in covers else None,
            photo_count=counts.get(album.pk, 0),
            owner_name="" if album.owner_id == viewer.pk else name_of(album),
        )
        for album in albums
    ]


def _cover(photo: Photo) -> Cover:
    width, height = thumbnail_size(photo, "small")
    return Cover(thumbnail_url(photo, "small"), srcset(photo), width, height, quantise.tint_class(photo.colour))


def _covers(viewer: Viewer, albums: list[Album]) -> dict[int, Photo]:
    """By album: the chosen cover if the viewer may see it, else the first photo they see, in order of position.

    By position also where the album is ordered by date: that stops at the first row of an index, where an order by
    date would have to look at every photo of every album. Two queries.
    """
    seen = photos_of(viewer, OuterRef("pk"))
    first_seen = seen.order_by(F("position"), "id").values("pk")[:1]
    seen_cover = seen.filter(pk=OuterRef("cover")).order_by().values("pk")[:1]
    ids = {
        album_id: cover or first
        for album_id, cover, first in Album.objects.filter(pk__in=[album.pk for album in albums])
        .annotate(seen_cover=Subquery(seen_cover), first_seen=Subquery(first_seen))
        .order_by()
        .values_list("pk", "seen_cover", "first_seen")
    }
    photos = visible_to(viewer).in_bulk([photo_id for photo_id in ids.values() if photo_id])
    return {album_id: photos[photo_id] for album_id, photo_id in ids.items() if photo_id in photos}


def album_facts(viewer: Viewer, album: Album) -> AlbumFacts:
    """One query."""
    facts = (
        photos_of(viewer, album)
        .order_by()
        .aggregate(count=Count("id"), first=Min("taken_local"), last=Max("taken_local"))
    )
    # `taken_local` is wall-clock time stored as if it were UTC, so its date is the day on the wall.
    return AlbumFacts(
        facts["count"],
        facts["first"].astimezone(dt.UTC).date() if facts["first"] else None,
        facts["last"].astimezone(dt.UTC).date() if facts["last"] else None,
    )


def arrangement(viewer: Viewer, album: Album, *, after: str = "", moved: int | None = None) -> Arrangement:
    """The photos behind the cursor `after`, or the first ones if nothing is left there; at most nine queries."""
    photo_set = sets.set_of(viewer, album)
    page = photosets.page(photo_set, after)
    if after and not page.photos:
        after, page = "", photosets.page(photo_set)
    total = photo_set.photos.order_by().count()
    first = _number(photo_set, page.photos[0]) if page.photos else 1
    places = [
        Place(tile, number, is_first=number == 1, is_last=number == total)
        for number, tile in enumerate(tiles(viewer, page.photos, photo_set.name), start=first)
    ]
    numbers = {place.tile.id: place.number for place in places}
    if moved is not None and moved not in numbers:
        elsewhere = photo_set.photos.filter(pk=moved).first()
        numbers[moved] = _number(photo_set, elsewhere) if elsewhere else 0
    return Arrangement(places, total, after, page.next_cursor, numbers.get(moved) if moved is not None else None)


def _number(photo_set: PhotoSet, photo: Any) -> int:
    """Which one of an album in its own order `photo` is, counted from 1. One query."""
    ahead = Q(position__lt=photo.position) | Q(position=photo.position, pk__lt=photo.pk)
    return 1 + photo_set.photos.filter(ahead).order_by().count()


def deleted_albums(viewer: Viewer) -> QuerySet[Album]:
    """The viewer's own albums that can be brought back, the last deleted first."""
    return albums_restorable_by(viewer).order_by("-deleted_at", "-id")[:CARDS_PER_PAGE]


def albums_with(viewer: Viewer, photo: Photo) -> QuerySet[Album]:
    """Albums, of those the viewer may see, that contain `photo`."""
    return albums_visible_to(viewer).filter(items__photo=photo).order_by("name", "id")


def worth(viewer: Viewer, photo_ids: Sequence[int]) -> dict[int, Worth]:
    """In how many albums that the viewer sees each of the photos is: one query."""
    items = AlbumItem.objects.filter(photo__in=photo_ids, album__in=albums_visible_to(viewer)).order_by()
    rows = items.values_list("photo").annotate(Count("album"))
    return {pk: Worth((f"in {'an album' if count == 1 else f'{count} albums'}",)) for pk, count in rows}


def _encode(album: Album) -> str:
    return f"{(album.changed_at - _EPOCH) // _TICK}-{album.pk}"


def _decode(cursor: str) -> tuple[dt.datetime, int]:
    ticks, _, album_id = cursor.partition("-")
    try:
        return _EPOCH + int(ticks) * _TICK, min(int(album_id), 2**63 - 1)
    except (ValueError, OverflowError):
        raise Http404 from None
