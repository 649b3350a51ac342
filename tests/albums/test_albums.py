"""The list of albums, and making, changing, deleting one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from albums import queries, services
from albums.models import Album
from tests.albums.conftest import House
from tests.albums.pages import FIELDS, OF_ALBUM, at, post
from tests.factories import PhotoFactory


def test_the_list_shows_own_albums_and_those_of_the_house(
    owner: User, owner_client: Client, member_client: Client, album: Album, private_album: Album
) -> None:
    mine = {card.album.name: card for card in owner_client.get(at("album_list")).context["cards"]}
    assert set(mine) == {"Summer", "A surprise for Tom"}
    assert (mine["Summer"].photo_count, mine["Summer"].owner_name) == (4, "")
    (his,) = member_client.get(at("album_list")).context["cards"]
    assert (his.album.name, his.photo_count, his.owner_name) == ("Summer", 3, owner.username)


def test_the_cover_is_one_that_the_viewer_may_see(
    owner: User, owner_client: Client, member_client: Client, album: Album, house: House
) -> None:
    services.set_cover(owner, album.pk, photo_id=house.secret.pk)

    def cover(client: Client) -> str:
        return str(client.get(at("album_list")).context["cards"][0].cover.src)

    assert f"/{house.secret.pk}/" in cover(owner_client)
    assert f"/{house.photos[0].pk}/" in cover(member_client)


def test_a_cover_that_is_no_longer_in_the_album_is_not_shown(owner_client: Client, album: Album, house: House) -> None:
    Album.objects.filter(pk=album.pk).update(cover=house.photos[4])
    assert f"/{house.photos[0].pk}/" in owner_client.get(at("album_list")).context["cards"][0].cover.src


def test_an_empty_list_says_how_to_make_an_album(member_client: Client, house: House) -> None:
    page = member_client.get(at("album_list")).content.decode()
    assert "No albums yet" in page
    assert at("album_add") in page


def test_the_list_goes_on_behind_a_cursor(owner: User, owner_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries.album_cards, "__kwdefaults__", {"after": None, "size": 3})
    for number in range(7):
        services.create_album(owner, name=f"Album {number}")
    names, address = [], at("album_list")
    while address:
        context = owner_client.get(address).context
        names += [card.album.name for card in context["cards"]]
        address = context["next_url"]
    assert names == [f"Album {number}" for number in range(6, -1, -1)]
    assert owner_client.get(at("album_list"), {"after": "rubbish"}).status_code == 404


def test_an_album_is_made(owner: User, owner_client: Client) -> None:
    response = owner_client.post(at("album_add"), FIELDS)
    album = Album.objects.get()
    assert response.status_code == 303
    assert response.headers["Location"] == album.get_absolute_url()
    assert (album.owner, album.name, album.visibility, album.order) == (owner, "Winter", "household", "newest")
    assert "<p>Snow.</p>" in owner_client.get(album.get_absolute_url()).content.decode()


@pytest.mark.parametrize("wrong", [{"name": "  "}, {"name": "x" * 121}, {"visibility": "world"}, {"order": "random"}])
def test_a_form_with_a_mistake_is_shown_again(owner_client: Client, album: Album, wrong: dict[str, str]) -> None:
    for address in (at("album_add"), at("album_edit", album)):
        response = owner_client.post(address, {**FIELDS, **wrong})
        assert response.status_code == 422
        assert "Snow." in response.content.decode()
        assert response.context["form"].errors
    album.refresh_from_db()
    assert album.name == "Summer"


def test_an_album_is_changed(owner_client: Client, album: Album) -> None:
    assert owner_client.post(at("album_edit", album), FIELDS).status_code == 303
    album.refresh_from_db()
    assert (album.name, album.order) == ("Winter", "newest")


def test_names_and_descriptions_are_text_and_nothing_else(owner: User, owner_client: Client) -> None:
    services.create_album(owner, name="<b>Fat</b>", description="<script>alert(1)</script>")
    for address in (at("album_list"), Album.objects.get().get_absolute_url()):
        page = owner_client.get(address).content.decode()
        assert "<b>Fat" not in page
        assert "<script>alert" not in page


def test_deleting_asks_first_and_can_be_undone(owner_client: Client, album: Album) -> None:
    page = owner_client.get(at("album_delete", album)).content.decode()
    assert "4 photos stay in the library" in page
    page = post(owner_client, at("album_delete", album))
    assert "No albums yet" in page
    assert at("album_restore", album) in page
    assert owner_client.get(album.get_absolute_url()).status_code == 404
    assert "“Summer” is back." in post(owner_client, at("album_restore", album))
    assert len(owner_client.get(album.get_absolute_url()).context["tiles"]) == 4


def questions(ask: Callable[[], object]) -> int:
    ask()
    with CaptureQueriesContext(connection) as queries:
        ask()
    return len(queries)


@pytest.mark.parametrize("name", ["album_list", "album_detail", "item_move", "album_chooser"])
def test_twice_the_rows_ask_the_same_number_of_questions(
    owner: User, owner_client: Client, album: Album, house: House, name: str
) -> None:
    def double() -> None:
        photos = [PhotoFactory(library=house.library).pk for _ in range(6)]
        services.add_photos(owner, album.pk, photo_ids=photos)
        for number in range(4):
            made = services.create_album(owner, name=f"Album {number}", visibility="household")
            services.add_photos(owner, made.pk, photo_ids=photos[: number + 1])

    double()
    address = at(name, album if name in OF_ALBUM else None)
    few = questions(lambda: owner_client.get(address))
    double()
    assert questions(lambda: owner_client.get(address)) == few
    assert few <= 16


def test_adding_many_photos_asks_as_much_as_adding_few(owner: User, house: House) -> None:
    album = services.create_album(owner, name="Trip")
    few = questions(lambda: services.add_photos(owner, album.pk, photo_ids=[house.photos[0].pk]))
    with CaptureQueriesContext(connection) as queries:
        services.add_photos(owner, album.pk, photo_ids=[photo.pk for photo in house.photos])
    assert len(queries) <= few + 3
