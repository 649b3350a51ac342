"""An album of the house may hold photos that only its owner sees. Nothing tells the others that, or how many."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from albums import services
from albums.models import Album, AlbumItem
from gallery import photosets
from gallery.models import Library, Photo
from tests.albums.conftest import House, order_of
from tests.albums.pages import HTMX, at
from tests.factories import AlbumFactory, AlbumItemFactory, PhotoFactory


@pytest.fixture(params=Album.Order.values)
def albums(request: pytest.FixtureRequest, owner: User, house: House) -> tuple[Album, Album]:
    """Two albums of the house with the same photos; the second holds private ones at its ends and between."""
    made = []
    for secrets in (0, 2):
        album = AlbumFactory(owner=owner, name="Summer", visibility="household", order=request.param)
        position = 0
        for photo in [*house.photos, None]:
            for number in range(secrets):
                hidden = PhotoFactory(library=house.private, taken=house.photos[number].taken)
                AlbumItemFactory(album=album, photo=hidden, position=(position := position + 7))
            if photo:
                AlbumItemFactory(album=album, photo=photo, position=(position := position + 7))
        album.cover = AlbumItem.objects.filter(album=album).order_by("position").first().photo
        album.save()
        made.append(album)
    return made[0], made[1]


def seen(client: Client, address: str, **headers: str) -> tuple[int, str]:
    """The page without the numbers of albums, its own address, and what is new in every answer."""
    response = client.get(address, headers=headers)
    page = re.sub(r"[\w-]{60,}", "", response.content.decode())  # tokens against forged requests
    page = page.replace(address.replace("&", "&amp;"), "here")
    return response.status_code, re.sub(r"(album(?:s/|:|%3A))\d+", r"\1", page)


NEXT = re.compile(r'href="([^"]*\?after=[^"]*)"')


@pytest.mark.slow
def test_the_pages_of_others_are_those_of_an_album_without_private_photos(
    owner_client: Client,
    member_client: Client,
    albums: tuple[Album, Album],
    house: House,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(photosets, "PAGE_SIZE", 2)
    plain, mixed = albums
    assert f"{5 + 12} photos" in seen(owner_client, at("album_detail", mixed))[1]

    def everything(album: Album) -> list[tuple[int, str]]:
        pages, address = [], at("album_detail", album)
        while address:
            pages.append(seen(member_client, address, **HTMX))
            following = NEXT.search(member_client.get(address, headers=HTMX).content.decode())
            address = following[1] if following else ""
        pages.append(seen(member_client, at("album_detail", album)))
        for photo in house.photos:
            pages.append(seen(member_client, f"/photos/{photo.pk}/?in=album:{album.pk}", **HTMX))
            pages.append(seen(member_client, f"{at('album_detail', album)}?at={photo.pk}"))
        return pages

    assert len(everything(plain)) == 3 + 1 + 2 * 5
    assert everything(plain) == everything(mixed)


def test_a_private_photo_of_an_album_is_like_one_that_never_was(
    member_client: Client, albums: tuple[Album, Album], house: House
) -> None:
    _, mixed = albums
    hidden = Photo.objects.filter(library=house.private, album_items__album=mixed).first()
    assert hidden
    nobody = hidden.pk + 1_000_000
    for query in ("after={}", "at={}"):
        address = f"{at('album_detail', mixed)}?{query}"
        assert seen(member_client, address.format(hidden.pk)) == seen(member_client, address.format(nobody))
    for pk in (hidden.pk, nobody):
        assert member_client.get(f"/photos/{pk}/?in=album:{mixed.pk}").status_code == 404


def test_places_are_counted_over_what_the_owner_sees(member: User, member_client: Client, house: House) -> None:
    """Photos that were shown to the house when they came into the album, and are another's alone now."""
    album = services.create_album(member, name="Mine", order="manual")
    others = [PhotoFactory(library=house.library) for _ in range(2)]
    services.add_photos(member, album.pk, photo_ids=[photo.pk for photo in [*house.photos, *others]])
    away = [house.photos[0], house.photos[2], others[1]]
    Photo.objects.filter(pk__in=[photo.pk for photo in away]).update(library=house.private)
    assert house.private.visibility == Library.Visibility.PRIVATE
    places = member_client.get(at("item_move", album)).context["arrangement"].places
    shown = [place.tile.id for place in places]
    assert [(place.number, place.is_first, place.is_last) for place in places] == [
        (1, True, False), (2, False, False), (3, False, False), (4, False, True),
    ]  # fmt: skip
    before = order_of(album)
    for photo, to in ((shown[0], "first"), (shown[-1], "last"), (shown[0], "earlier"), (shown[-1], "later")):
        services.move_photo(member, album.pk, photo_id=photo, to=to)
    assert order_of(album) == before, "they stand there already"
    album.refresh_from_db()
    assert not album.is_arranged
