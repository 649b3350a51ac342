"""A house with two people, a library for all, a private one, and an album with photos of both."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pytest
from django.contrib.auth.models import User

from albums import services
from albums.models import Album, AlbumItem
from gallery.models import Library, Photo
from tests.factories import LibraryFactory, PhotoFactory


@dataclass(frozen=True)
class House:
    """`photos` are of the household, oldest first; `secret` is of Anna's private library."""

    library: Library
    private: Library
    photos: list[Photo]
    secret: Photo


@pytest.fixture
def house(owner: User) -> House:
    library = LibraryFactory(name="Family")
    private = LibraryFactory(name="Anna's own", owner=owner, visibility=Library.Visibility.PRIVATE)
    start = dt.datetime(2024, 5, 1, 12)
    photos = [PhotoFactory(library=library, taken=start + dt.timedelta(days=day)) for day in range(5)]
    secret = PhotoFactory(library=private, taken=start + dt.timedelta(days=30))
    return House(library, private, photos, secret)


@pytest.fixture
def album(owner: User, house: House) -> Album:
    """Anna's album, shown to the house, in her own order: three household photos, and one that only she sees."""
    made = services.create_album(owner, name="Summer", visibility="household", order="manual")
    services.add_photos(owner, made.pk, photo_ids=[photo.pk for photo in [*house.photos[:3], house.secret]])
    return made


@pytest.fixture
def private_album(owner: User, house: House) -> Album:
    made = services.create_album(owner, name="A surprise for Tom")
    services.add_photos(owner, made.pk, photo_ids=[house.photos[0].pk, house.secret.pk])
    return made


def order_of(album: Album) -> list[int]:
    """Ids of all photos of the album in its own order."""
    items = AlbumItem.objects.filter(album=album).order_by("position", "photo_id")
    return list(items.values_list("photo_id", flat=True))
