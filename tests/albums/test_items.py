"""Photos in albums: adding, taking out, the cover, and the photo page."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.http import Http404
from django.test import Client

from albums import services
from albums.models import Album
from gallery import photosets
from gallery.models import Photo
from tests.albums.conftest import House, order_of
from tests.albums.pages import HTMX, at, post


def test_photos_are_added_with_a_message(owner: User, owner_client: Client, album: Album, house: House) -> None:
    wanted = [photo.pk for photo in house.photos]
    response = owner_client.post(at("item_add"), {"photo": wanted, "album": album.pk, "next": "/"})
    assert (response.status_code, response.headers["Location"]) == (303, "/")
    assert len(order_of(album)) == 6
    page = owner_client.get(at("album_list")).content.decode()
    assert f'2 photos added to <a href="{album.get_absolute_url()}">Summer</a>. 3 were there already.' in page


def test_photos_are_added_to_a_new_album(owner: User, owner_client: Client, house: House) -> None:
    data = {"photo": [house.photos[0].pk, "x", "-1", "9" * 40], "new": " Autumn "}
    response = owner_client.post(at("item_add"), data)
    album = Album.objects.get()
    assert (album.name, album.owner, album.visibility) == ("Autumn", owner, "private")
    assert response.headers["Location"] == album.get_absolute_url()
    assert order_of(album) == [house.photos[0].pk]


@pytest.mark.parametrize("target", ["https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)"])
def test_one_is_never_sent_elsewhere(owner_client: Client, album: Album, house: House, target: str) -> None:
    data = {"photo": house.photos[4].pk, "album": album.pk, "next": target}
    assert owner_client.post(at("item_add"), data).headers["Location"] == album.get_absolute_url()
    data = {"photo": house.photos[4].pk, "next": target}
    assert owner_client.post(at("item_remove", album), data).headers["Location"] == album.get_absolute_url()
    assert "elsewhere" not in owner_client.post(at("album_chooser"), data).content.decode()


def test_photos_of_others_are_as_if_not_there(member: User, member_client: Client, house: House) -> None:
    response = member_client.post(at("item_add"), {"photo": house.secret.pk, "new": "Mine"})
    assert response.status_code == 422
    assert not Album.objects.exists()
    mine = services.create_album(member, name="Mine")
    member_client.post(at("item_add"), {"photo": [house.secret.pk, house.photos[0].pk], "album": mine.pk})
    assert order_of(mine) == [house.photos[0].pk]


def test_nothing_is_added_to_albums_of_others(member_client: Client, album: Album, house: House) -> None:
    before = order_of(album)
    response = member_client.post(at("item_add"), {"photo": house.photos[4].pk, "album": album.pk})
    assert response.status_code == 422
    assert "Summer" not in response.content.decode()
    assert order_of(album) == before


def test_an_album_must_be_chosen(owner_client: Client, album: Album, house: House) -> None:
    response = owner_client.post(at("item_add"), {"photo": house.photos[4].pk})
    assert response.status_code == 422
    page = response.content.decode()
    assert "Choose an album, or name a new one." in page
    assert f'name="photo" value="{house.photos[4].pk}"' in page


def test_the_chooser_lists_own_albums_alone(
    member: User, member_client: Client, album: Album, private_album: Album, house: House
) -> None:
    services.create_album(member, name="Tom's own")
    page = member_client.get(at("album_chooser"), headers=HTMX).content.decode()
    assert "Tom&#x27;s own" in page
    assert "Summer" not in page
    assert "<html" not in page
    assert page.count("<form") == 1


def test_without_a_script_the_chooser_is_a_page_that_keeps_the_photos(
    owner_client: Client, album: Album, house: House
) -> None:
    wanted = [house.photos[0].pk, house.secret.pk]
    page = owner_client.post(at("album_chooser"), {"photo": wanted, "next": "/favourites/"}).content.decode()
    assert "Add 2 photos to an album" in page
    assert all(f'name="photo" value="{pk}"' in page for pk in wanted)
    assert 'name="next" value="/favourites/"' in page
    assert "No photos are chosen" in owner_client.get(at("album_chooser")).content.decode()


def test_with_htmx_the_fields_go_away_and_the_message_comes(owner_client: Client, album: Album, house: House) -> None:
    response = owner_client.post(at("item_add"), {"photo": house.photos[4].pk, "album": album.pk}, headers=HTMX)
    page = response.content.decode()
    assert response.status_code == 200
    assert response.headers["HX-Trigger-After-Settle"] == "photos:added"
    assert "1 photo added to" in page
    assert "<form" not in page
    assert "hx-swap-oob" in page
    response = owner_client.post(at("item_add"), {"photo": house.photos[4].pk}, headers=HTMX)
    assert response.status_code == 422
    assert "<html" not in response.content.decode()


def test_photos_are_taken_out(owner_client: Client, album: Album, house: House) -> None:
    wanted = [house.photos[0].pk, house.photos[4].pk]
    assert "1 photo taken out of “Summer”." in post(owner_client, at("item_remove", album), {"photo": wanted})
    assert order_of(album) == [house.photos[1].pk, house.photos[2].pk, house.secret.pk]
    assert "Choose photos to take out" in post(owner_client, at("item_remove", album))


def test_a_cover_is_chosen(owner_client: Client, album: Album, house: House) -> None:
    assert owner_client.post(at("album_cover", album), {"photo": house.photos[1].pk}).status_code == 303
    album.refresh_from_db()
    assert album.cover == house.photos[1]
    assert owner_client.post(at("album_cover", album), {"photo": house.photos[4].pk}).status_code == 404
    assert "Choose the photo" in post(owner_client, at("album_cover", album))


def test_an_empty_album_says_how_to_fill_it(owner: User, owner_client: Client, member_client: Client) -> None:
    album = services.create_album(owner, name="Empty", visibility="household")
    assert "Nothing in it yet" in owner_client.get(album.get_absolute_url()).content.decode()
    assert "No photos for you here" in member_client.get(album.get_absolute_url()).content.decode()


def test_previous_and_next_walk_through_the_album(owner_client: Client, member_client: Client, album: Album) -> None:
    order = order_of(album)
    owner = User.objects.get(username="anna")
    photo_set = photosets.resolve(owner, f"album:{album.pk}")
    before, after = photosets.neighbours(photo_set, Photo.objects.get(pk=order[1]))
    assert before is not None
    assert after is not None
    assert (before.pk, after.pk) == (order[0], order[2])


@pytest.mark.parametrize("argument", ["", "x", "4711", "9" * 40])
def test_a_set_of_no_album_is_not_there(owner: User, argument: str) -> None:
    with pytest.raises(Http404):
        photosets.resolve(owner, f"album:{argument}")


def test_the_photo_page_names_the_albums_one_may_see(
    owner_client: Client, member_client: Client, album: Album, private_album: Album, house: House
) -> None:
    address = f"{house.photos[0].get_absolute_url()}?in=album:{album.pk}"
    page = owner_client.get(address).content.decode()
    assert "A surprise for Tom" in page
    page = member_client.get(address).content.decode()
    assert "A surprise for Tom" not in page
    assert "Summer" in page
