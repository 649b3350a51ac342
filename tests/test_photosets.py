"""Photo sets: keyset pages and neighbours."""

import datetime as dt

import pytest
from django.contrib.auth.models import User
from django.http import Http404

from gallery import photosets
from tests.factories import LibraryFactory, PhotoFactory


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


def test_an_unknown_set_is_not_found(member: User) -> None:
    with pytest.raises(Http404):
        photosets.resolve(member, "nonsense:1")
