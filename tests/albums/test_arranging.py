"""The page for arranging an album in one's own order."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from albums import services
from albums.models import Album
from gallery import photosets
from tests.albums.conftest import House, order_of
from tests.albums.pages import FIELDS, HTMX, at, post


def test_moves_without_a_script_come_back_to_the_photo(owner_client: Client, album: Album) -> None:
    order = order_of(album)
    response = owner_client.post(at("item_move", album), {"photo": order[3], "to": "first"})
    assert response.status_code == 303
    assert response.headers["Location"] == f"{at('item_move', album)}#photo-{order[3]}"
    assert order_of(album) == [order[3], *order[:3]]
    places = owner_client.get(at("item_move", album)).context["arrangement"].places
    assert [place.tile.id for place in places] == order_of(album)
    assert [place.number for place in places] == [1, 2, 3, 4]


def test_moves_with_htmx_answer_the_list_and_say_where_the_photo_is(owner_client: Client, album: Album) -> None:
    order = order_of(album)
    data = {"photo": order[0], "to": f"after:{order[2]}"}
    page = owner_client.post(at("item_move", album), data, headers=HTMX).content.decode()
    assert "<html" not in page
    assert "Now photo 3 of 4." in page
    assert order_of(album) == [order[1], order[2], order[0], order[3]]


def test_moves_that_mean_nothing_are_refused(owner_client: Client, album: Album, house: House) -> None:
    first, second, *_ = order_of(album)
    for data in ({"photo": first, "to": "sideways"}, {"to": "first"}, {"photo": [first, second], "to": "first"}):
        assert owner_client.post(at("item_move", album), data).status_code == 400
    data = {"photo": house.photos[4].pk, "to": "first"}
    assert owner_client.post(at("item_move", album), data).status_code == 404


@pytest.mark.slow
def test_an_album_by_date_is_arranged_after_changing_to_an_own_order(
    owner: User, owner_client: Client, album: Album
) -> None:
    services.update_album(owner, album.pk, **{**FIELDS, "order": "oldest"})
    before = order_of(album)
    page = owner_client.get(at("item_move", album)).content.decode()
    assert "Use my own order" in page
    assert "ordered by date" in post(owner_client, at("item_move", album), {"photo": before[0], "to": "last"})
    assert order_of(album) == before
    owner_client.post(at("item_move", album), {"order": "manual"})
    owner_client.post(at("item_move", album), {"photo": before[0], "to": "last"})
    assert order_of(album) == [*before[1:], before[0]]


def test_a_long_album_is_arranged_page_by_page(
    owner: User, owner_client: Client, album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photosets.page, "__defaults__", (None, 3))
    order = order_of(album)
    first = owner_client.get(at("item_move", album)).context["arrangement"]
    assert [place.number for place in first.places] == [1, 2, 3]
    data = {"after": first.next_cursor}
    second = owner_client.get(at("item_move", album), data).context["arrangement"]
    assert [(place.number, place.is_last) for place in second.places] == [(4, True)]
    response = owner_client.post(at("item_move", album), {**data, "photo": order[3], "to": "first"}, headers=HTMX)
    assert "Now photo 1 of 4." in response.content.decode()
    assert [place.number for place in response.context["arrangement"].places] == [1, 2, 3], "nothing is left behind it"
