"""Who may do what with albums: the owner, another member, an administrator, and somebody who is not signed in."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from albums import services
from albums.models import Album
from tests.albums.conftest import House, order_of
from tests.albums.pages import FIELDS, OF_ALBUM, POST_ONLY, ask, at


@pytest.mark.parametrize("name", OF_ALBUM)
def test_the_owner_reaches_every_page_of_an_album(
    owner: User, owner_client: Client, album: Album, house: House, name: str
) -> None:
    if name == "album_restore":
        services.delete_album(owner, album.pk)
    assert ask(owner_client, name, album, house.photos[0]) in {200, 303}


@pytest.mark.parametrize("name", OF_ALBUM)
@pytest.mark.parametrize("who", ["member_client", "admin_client"])
def test_a_private_album_is_not_there_for_anybody_else(
    request: pytest.FixtureRequest, who: str, private_album: Album, house: House, name: str
) -> None:
    client = request.getfixturevalue(who)
    assert ask(client, name, private_album, house.photos[0]) == 404
    if name not in POST_ONLY and name != "album_detail":
        data = {"photo": house.photos[0].pk, "to": "last", **FIELDS}
        assert client.post(at(name, private_album), data).status_code == 404
    private_album.refresh_from_db()
    assert private_album.name == "A surprise for Tom"
    assert order_of(private_album)[0] == house.photos[0].pk


@pytest.mark.parametrize("name", OF_ALBUM)
@pytest.mark.parametrize("who", ["member_client", "admin_client"])
def test_others_see_a_household_album_and_change_nothing(
    request: pytest.FixtureRequest, who: str, album: Album, house: House, name: str
) -> None:
    client, before = request.getfixturevalue(who), order_of(album)
    assert ask(client, name, album, house.photos[0]) == (200 if name == "album_detail" else 404)
    if name in {"album_edit", "album_delete", "item_move"}:
        assert client.post(at(name, album), {**FIELDS, "photo": before[0], "to": "last"}).status_code == 404
    album.refresh_from_db()
    assert (album.name, album.deleted_at, order_of(album)) == ("Summer", None, before)


@pytest.mark.parametrize("name", [*OF_ALBUM, "album_list", "album_add", "album_chooser", "item_add"])
def test_who_is_not_signed_in_is_asked_to_sign_in(client: Client, album: Album, name: str) -> None:
    address = at(name, album if name in OF_ALBUM else None)
    for response in (client.get(address), client.post(address, {"photo": "1"})):
        assert response.status_code == 302
        assert response.headers["Location"].startswith(reverse("site:login"))


def test_others_see_only_the_photos_that_they_see_anyway(
    owner_client: Client, member_client: Client, album: Album, house: House
) -> None:
    def shown(client: Client) -> set[int]:
        return {tile.id for tile in client.get(at("album_detail", album)).context["tiles"]}

    common = {photo.pk for photo in house.photos[:3]}
    assert shown(owner_client) == common | {house.secret.pk}
    assert shown(member_client) == common
    assert "3 photos" in member_client.get(at("album_detail", album)).content.decode()


def test_an_album_that_never_was_is_not_there(owner_client: Client) -> None:
    for number in (0, 4711, 10**30):
        assert owner_client.get(f"/albums/{number}/").status_code == 404
