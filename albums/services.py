"""Everything that changes albums. Each function is one transaction and starts from what the viewer may change.

Every write to the items of an album first locks the album's row (on SQLite the transaction itself is the lock), so two
people, or two windows, never compute a position from the same gap.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from albums import positions
from albums.access import albums_editable_by, albums_restorable_by, photos_of
from albums.models import Album, AlbumItem
from gallery.access import get_or_404, visible_to

# How long a deleted album can be brought back.
KEEP_DELETED = dt.timedelta(days=30)
# SQLite allows only so many values in one statement.
IDS_PER_QUERY = 500


class NotInOwnOrder(Exception):  # noqa: N818
    """The album is ordered by date: moving an item in it means nothing."""


@dataclass(frozen=True, slots=True)
class Added:
    """What became of the photos that someone chose for an album."""

    album: Album
    added: int
    already_there: int


def _locked(rows: QuerySet[Album], album_id: int) -> Album:
    """The album with its row locked until the transaction ends; Http404 if it is not among `rows`."""
    return get_or_404(rows.select_for_update(no_key=True), pk=album_id)


@transaction.atomic
def create_album(
    viewer: User,
    *,
    name: str,
    description: str = "",
    visibility: str = Album.Visibility.PRIVATE,
    order: str = Album.Order.OLDEST,
) -> Album:
    """A new, empty album of the viewer."""
    return Album.objects.create(owner=viewer, name=name, description=description, visibility=visibility, order=order)


@transaction.atomic
def update_album(viewer: User, album_id: int, *, name: str, description: str, visibility: str, order: str) -> Album:
    """Changes what the album says about itself.

    An own order starts as the photos stand now, unless somebody arranged the album before: then as they left it.
    """
    album = _locked(albums_editable_by(viewer), album_id)
    if order == Album.Order.MANUAL:
        _start_own_order(album)
    album.name, album.description, album.visibility, album.order = name, description, visibility, order
    album.save(update_fields=["name", "description", "visibility", "order", "changed_at"])
    return album


@transaction.atomic
def use_own_order(viewer: User, album_id: int) -> Album:
    """Lets the owner arrange the photos; they start as they stand now, or as they were left when arranged before."""
    album = _locked(albums_editable_by(viewer), album_id)
    _start_own_order(album)
    album.order = Album.Order.MANUAL
    album.save(update_fields=["order", "changed_at"])
    return album


def _start_own_order(album: Album) -> None:
    if album.order == Album.Order.MANUAL or album.is_arranged:
        return
    by_date = ("photo__sort_at", "photo_id") if album.order == Album.Order.OLDEST else ("-photo__sort_at", "-photo_id")
    items = AlbumItem.objects.filter(album=album).order_by(*by_date)
    positions.number(album, list(items.values_list("photo_id", flat=True)))


@transaction.atomic
def delete_album(viewer: User, album_id: int) -> Album:
    """Puts the album away; its photos are not touched. It can be restored for `KEEP_DELETED`.

    What the viewer deleted longer ago goes for good here: nothing else has to remember to do it.
    """
    now = timezone.now()
    albums_restorable_by(viewer).filter(deleted_at__lt=now - KEEP_DELETED).delete()
    album = _locked(albums_editable_by(viewer), album_id)
    album.deleted_at = now
    album.save(update_fields=["deleted_at"])
    return album


@transaction.atomic
def restore_album(viewer: User, album_id: int) -> Album:
    """Brings a deleted album back as it was."""
    album = _locked(albums_restorable_by(viewer), album_id)
    album.deleted_at = None
    album.save(update_fields=["deleted_at"])
    return album


def visible_photo_ids(viewer: User, photo_ids: Iterable[int]) -> list[int]:
    """Those of `photo_ids` that the viewer may see, oldest photo first; the others are as if not there."""
    wanted = list(dict.fromkeys(photo_ids))
    found: list[tuple[dt.datetime, int]] = []
    for start in range(0, len(wanted), IDS_PER_QUERY):
        part = visible_to(viewer).filter(pk__in=wanted[start : start + IDS_PER_QUERY]).order_by()
        found += part.values_list("sort_at", "pk")
    return [pk for _, pk in sorted(found)]


@transaction.atomic
def add_photos(viewer: User, album_id: int, *, photo_ids: Iterable[int]) -> Added:
    """Adds photos at the end, oldest first. Photos that are there already stay where they are."""
    album = _locked(albums_editable_by(viewer), album_id)
    visible = visible_photo_ids(viewer, photo_ids)
    present: set[int] = set()
    for start in range(0, len(visible), IDS_PER_QUERY):
        part = AlbumItem.objects.filter(album=album, photo_id__in=visible[start : start + IDS_PER_QUERY])
        present.update(part.values_list("photo_id", flat=True))
    new = [pk for pk in visible if pk not in present]
    if new:
        first = positions.after_last(album)
        AlbumItem.objects.bulk_create(
            AlbumItem(album=album, photo_id=pk, position=first + place * positions.GAP, added_by=viewer)
            for place, pk in enumerate(new)
        )
        album.save(update_fields=["changed_at"])
    return Added(album, added=len(new), already_there=len(present))


@transaction.atomic
def create_with_photos(viewer: User, *, name: str, photo_ids: Iterable[int]) -> Added:
    """A new album of the viewer with photos in it."""
    return add_photos(viewer, create_album(viewer, name=name).pk, photo_ids=photo_ids)


@transaction.atomic
def add_upload(viewer: User, album_id: int, *, photo_id: int) -> None:
    """Adds a photo that the viewer just uploaded, though it was not read yet; Http404 for an album not theirs."""
    album = _locked(albums_editable_by(viewer), album_id)
    if AlbumItem.objects.filter(album=album, photo_id=photo_id).exists():
        return
    AlbumItem.objects.create(album=album, photo_id=photo_id, position=positions.after_last(album), added_by=viewer)
    album.save(update_fields=["changed_at"])


@transaction.atomic
def add_upload_by_name(viewer: User, name: str, *, photo_id: int) -> None:
    """The same for the viewer's album of this name, which is made if there is none."""
    User.objects.select_for_update().get(pk=viewer.pk)  # two uploads at once shall not make two albums
    album = albums_editable_by(viewer).filter(name=name).order_by("pk").first() or create_album(viewer, name=name)
    add_upload(viewer, album.pk, photo_id=photo_id)


@transaction.atomic
def remove_photos(viewer: User, album_id: int, *, photo_ids: Iterable[int]) -> int:
    """Takes photos out of the album and says how many; the photos stay in the library."""
    album = _locked(albums_editable_by(viewer), album_id)
    visible = visible_photo_ids(viewer, photo_ids)
    removed = 0
    for start in range(0, len(visible), IDS_PER_QUERY):
        part = visible[start : start + IDS_PER_QUERY]
        removed += AlbumItem.objects.filter(album=album, photo_id__in=part).delete()[0]
    if removed:
        if album.cover_id in visible:
            album.cover = None
        album.save(update_fields=["cover", "changed_at"])
    return removed


@transaction.atomic
def set_cover(viewer: User, album_id: int, *, photo_id: int) -> Album:
    """Makes a photo of the album its cover; Http404 for one that is not in it or that the viewer cannot see."""
    album = _locked(albums_editable_by(viewer), album_id)
    album.cover = get_or_404(photos_of(viewer, album), pk=photo_id)
    album.save(update_fields=["cover", "changed_at"])
    return album


@transaction.atomic
def move_photo(viewer: User, album_id: int, *, photo_id: int, to: str) -> Album:
    """Moves one photo: `first`, `last`, `earlier`, `later`, `before:<photo id>` or `after:<photo id>`.

    All of them count what the viewer sees. Writes one row, rarely all of the album (see `positions`). Http404 for
    photos that are not in the album as the viewer sees it; ValueError for another `to`; NotInOwnOrder.
    """
    album = _locked(albums_editable_by(viewer), album_id)
    if album.order != Album.Order.MANUAL:
        raise NotInOwnOrder
    item = _item(viewer, album, photo_id)
    position = _target(viewer, item, to)
    if position is not None:
        AlbumItem.objects.filter(pk=item.pk).update(position=position)
        album.is_arranged = True
        album.save(update_fields=["is_arranged", "changed_at"])
    return album


def _seen_items(viewer: User, album: Album) -> QuerySet[AlbumItem]:
    return positions.items_of(album).filter(Exists(visible_to(viewer).filter(pk=OuterRef("photo_id"))))


def _item(viewer: User, album: Album, photo_id: int | str) -> AlbumItem:
    return get_or_404(_seen_items(viewer, album).select_related("album"), photo_id=photo_id)


def _target(viewer: User, item: AlbumItem, to: str) -> int | None:
    """The new position of `item`; None if it is to stay where it is."""
    seen = _seen_items(viewer, item.album)
    word, _, argument = to.partition(":")
    if word in {"first", "last"} and not argument:
        at_edge = seen.first() if word == "first" else seen.last()
        if at_edge == item:
            return None
        return positions.before_first(item.album) if word == "first" else positions.after_last(item.album)
    if word in {"earlier", "later"} and not argument:
        later = word == "later"
        anchor = seen.filter(positions.beyond(item)).first() if later else seen.filter(positions.ahead(item)).last()
        return None if anchor is None else positions.beside(item, anchor=anchor, behind=later)
    if word in {"before", "after"}:
        anchor = _item(viewer, item.album, argument)
        return None if anchor == item else positions.beside(item, anchor=anchor, behind=word == "after")
    raise ValueError(f"nowhere to move to: {word}")
