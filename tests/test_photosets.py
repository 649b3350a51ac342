"""Photo sets: keyset pages and neighbours."""

import base64
import datetime as dt
import json

import pytest
from django.contrib.auth.models import User
from django.http import Http404

from gallery import photosets
from tests.factories import AlbumFactory, AlbumItemFactory, LibraryFactory, PhotoFactory


def test_pages_show_every_photo_once_in_order_even_where_dates_are_equal(member: User) -> None:
    library = LibraryFactory()
    same = dt.datetime(2020, 1, 1, 12)
    made = [PhotoFactory(library=library, taken=same).pk for _ in range(5)]
    made += [PhotoFactory(library=library, taken=dt.datetime(2021, 1, 1) + dt.timedelta(days=n)).pk for n in range(6)]
    photos = photosets.resolve(member, "timeline")
    seen: list[int] = []
    cursor = None
    while True:
        page = photosets.page(photos, cursor, size=4)
        seen += [photo.pk for photo in page.photos]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == made[5:][::-1] + made[:5][::-1]


def test_neighbours_are_the_photos_next_to_it(member: User) -> None:
    library = LibraryFactory()
    old, middle, new = (PhotoFactory(library=library, taken=dt.datetime(2020, 1, day)) for day in (1, 2, 3))
    photos = photosets.resolve(member, "timeline")
    assert photosets.neighbours(photos, middle) == (new, old)
    assert photosets.neighbours(photos, new) == (None, middle)
    assert photosets.neighbours(photos, old) == (middle, None)


def test_a_photo_outside_the_set_has_no_neighbours(member: User, owner: User) -> None:
    private = PhotoFactory(library=LibraryFactory(visibility="private", owner=owner))
    with pytest.raises(Http404):
        photosets.neighbours(photosets.resolve(member, "timeline"), private)


@pytest.mark.parametrize("cursor", ["", "x", "bnVsbA", "W10", "WzEsMl0", "é", "WyIyMDIwIiwgIngiXQ"])
def test_a_cursor_that_nobody_made_is_not_found_and_no_crash(member: User, cursor: str) -> None:
    PhotoFactory()
    photos = photosets.resolve(member, "timeline")
    if cursor:
        with pytest.raises(Http404):
            photosets.page(photos, cursor)
    else:
        assert len(photosets.page(photos, cursor).photos) == 1


def crafted(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [crafted(["0001-01-01T00:00:00+14:00", 1]), crafted(["9999-12-31T23:59:59-12:00", 1]),
     crafted(["2020-01-01T00:00:00", 2**70]), base64.urlsafe_b64encode(b"[" * 20_000).decode()],
    ids=["too early", "too late", "too large", "too deep"],
)  # fmt: skip
def test_a_cursor_out_of_all_bounds_is_not_found(member: User, cursor: str) -> None:
    PhotoFactory()
    with pytest.raises(Http404):
        photosets.page(photosets.resolve(member, "timeline"), cursor)


def test_a_cursor_in_an_album_tells_nothing_of_what_the_viewer_does_not_see(member: User, owner: User) -> None:
    album = AlbumFactory(owner=owner, visibility="household", order="manual")
    hidden = PhotoFactory(library=LibraryFactory(visibility="private", owner=owner))
    seen = [PhotoFactory() for _ in range(3)]
    for position, photo in enumerate([seen[0], hidden, seen[1], seen[2]]):
        AlbumItemFactory(album=album, photo=photo, position=position * 1024)
    photos = photosets.resolve(member, f"album:{album.pk}")
    page = photosets.page(photos, size=2)
    assert page.photos == seen[:2]
    assert page.next_cursor == str(seen[1].pk)
    assert photosets.page(photos, page.next_cursor).photos == seen[2:]
    with pytest.raises(Http404):
        photosets.page(photos, str(hidden.pk))


def test_an_unknown_set_is_not_found(member: User) -> None:
    with pytest.raises(Http404):
        photosets.resolve(member, "nonsense:1")
