"""Moving photos in an own order does what a list would do, with one row written for a move."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import F
from django.http import Http404
from django.test.utils import CaptureQueriesContext

from albums import positions, services
from albums.access import photos_of
from albums.models import Album, AlbumItem
from gallery.models import Photo
from tests.albums.conftest import House, order_of
from tests.factories import PhotoFactory


def moved(order: list[int], photo: int, to: str) -> list[int]:
    """What a plain list does with the move."""
    rest = [pk for pk in order if pk != photo]
    here = order.index(photo)
    word, _, other = to.partition(":")
    if word in {"before", "after"}:
        if int(other) == photo:
            return order
        place = rest.index(int(other)) + (word == "after")
    else:
        place = {"first": 0, "last": len(rest), "earlier": max(here - 1, 0), "later": here + 1}[word]
    rest.insert(place, photo)
    return rest


def writes(action: Callable[[], object]) -> list[str]:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        action()
    return [query["sql"] for query in queries if query["sql"].startswith("UPDATE") and "albumitem" in query["sql"]]


@pytest.mark.parametrize("to", ["first", "last", "earlier", "later"])
@pytest.mark.parametrize("place", [0, 1, 3])
def test_a_move_does_what_it_says(owner: User, album: Album, place: int, to: str) -> None:
    before = order_of(album)
    services.move_photo(owner, album.pk, photo_id=before[place], to=to)
    assert order_of(album) == moved(before, before[place], to)


def test_a_move_writes_one_row(owner: User, album: Album) -> None:
    order = order_of(album)
    statements = writes(lambda: services.move_photo(owner, album.pk, photo_id=order[3], to=f"before:{order[1]}"))
    assert len(statements) == 1
    assert order_of(album) == [order[0], order[3], order[1], order[2]]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_any_series_of_moves_does_what_a_list_does(owner: User, house: House, seed: int) -> None:
    chance = random.Random(seed)
    album = services.create_album(owner, name="Trip", order="manual")
    for _ in range(4):
        PhotoFactory(library=house.library)
    services.add_photos(owner, album.pk, photo_ids=Photo.objects.values_list("pk", flat=True))
    expected = order_of(album)
    assert len(expected) == 10
    for _ in range(60):
        photo, other = chance.choice(expected), chance.choice(expected)
        to = chance.choice(["first", "last", "earlier", "later", f"before:{other}", f"after:{other}"])
        services.move_photo(owner, album.pk, photo_id=photo, to=to)
        expected = moved(expected, photo, to)
        assert order_of(album) == expected, (photo, to)


@pytest.mark.slow
def test_a_gap_that_is_used_up_is_made_anew(owner: User, album: Album) -> None:
    expected = order_of(album)
    for turn in range(40):
        photo = expected[-1] if turn % 2 else expected[-2]
        services.move_photo(owner, album.pk, photo_id=photo, to=f"before:{expected[1]}")
        expected = moved(expected, photo, f"before:{expected[1]}")
        assert order_of(album) == expected
    stands = list(AlbumItem.objects.filter(album=album).values_list("position", flat=True))
    assert len(set(stands)) == 4


def test_equal_positions_are_told_apart(owner: User, album: Album) -> None:
    AlbumItem.objects.filter(album=album).update(position=positions.GAP)
    expected = order_of(album)
    for photo, to in ((expected[3], "earlier"), (expected[0], "later"), (expected[2], f"after:{expected[0]}")):
        services.move_photo(owner, album.pk, photo_id=photo, to=to)
        expected = moved(expected, photo, to)
        assert order_of(album) == expected


def test_earlier_and_later_step_over_what_the_owner_does_not_see(owner: User, album: Album) -> None:
    first, second, third, fourth = order_of(album)
    Photo.objects.filter(pk=second).update(missing_since=None, imported_at=None)

    def seen() -> list[int]:
        return list(photos_of(owner, album).order_by(F("position")).values_list("pk", flat=True))

    assert seen() == [first, third, fourth]
    services.move_photo(owner, album.pk, photo_id=third, to="earlier")
    assert seen() == [third, first, fourth]
    services.move_photo(owner, album.pk, photo_id=third, to="later")
    assert seen() == [first, third, fourth]
    assert len(order_of(album)) == 4


def test_nothing_moves_to_or_from_where_nothing_is(owner: User, album: Album, house: House) -> None:
    before = order_of(album)
    elsewhere = house.photos[4].pk
    for photo, to in ((elsewhere, "first"), (before[0], f"before:{elsewhere}"), (before[0], "before:me")):
        with pytest.raises(Http404):
            services.move_photo(owner, album.pk, photo_id=photo, to=to)
    for to in ("sideways", "first:3", ""):
        with pytest.raises(ValueError, match="nowhere"):
            services.move_photo(owner, album.pk, photo_id=before[0], to=to)
    assert order_of(album) == before


def test_an_album_ordered_by_date_has_nothing_to_move(owner: User, album: Album) -> None:
    Album.objects.filter(pk=album.pk).update(order=Album.Order.OLDEST)
    with pytest.raises(services.NotInOwnOrder):
        services.move_photo(owner, album.pk, photo_id=order_of(album)[0], to="last")
