"""Albums keep what people put into them, and nothing of what they may not touch."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.auth.models import User
from django.http import Http404
from django.utils import timezone

from albums import services
from albums.models import Album, AlbumItem
from gallery.models import Photo
from tests.albums.conftest import House, order_of


def ids(photos: list[Photo]) -> list[int]:
    return [photo.pk for photo in photos]


def test_photos_are_added_at_the_end_oldest_first(owner: User, house: House) -> None:
    album = services.create_album(owner, name="Trip")
    services.add_photos(owner, album.pk, photo_ids=ids(house.photos[3:]))
    result = services.add_photos(owner, album.pk, photo_ids=ids([house.photos[2], house.photos[0]]))
    assert (result.added, result.already_there) == (2, 0)
    assert order_of(album) == ids([house.photos[3], house.photos[4], house.photos[0], house.photos[2]])
    assert {item.added_by for item in album.items.all()} == {owner}


def test_adding_a_photo_twice_leaves_it_where_it_is(owner: User, album: Album, house: House) -> None:
    before = order_of(album)
    again = services.add_photos(owner, album.pk, photo_ids=[before[0], before[0], house.photos[4].pk])
    assert (again.added, again.already_there) == (1, 1)
    assert order_of(album) == [*before, house.photos[4].pk]


def test_photos_that_the_owner_cannot_see_are_not_added(member: User, house: House) -> None:
    album = services.create_album(member, name="Tom's")
    in_trash = house.photos[1]
    Photo.objects.filter(pk=in_trash.pk).update(trashed_at=timezone.now())
    wanted = [house.secret.pk, in_trash.pk, house.photos[0].pk, 10**12]
    assert services.add_photos(member, album.pk, photo_ids=wanted).added == 1
    assert order_of(album) == [house.photos[0].pk]


def test_more_photos_than_fit_in_one_query(
    owner: User, album: Album, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "IDS_PER_QUERY", 2)
    result = services.add_photos(owner, album.pk, photo_ids=ids(house.photos))
    assert (result.added, result.already_there) == (2, 3)
    assert services.remove_photos(owner, album.pk, photo_ids=ids(house.photos)) == 5
    assert order_of(album) == [house.secret.pk]


def test_a_household_album_can_be_changed_by_its_owner_alone(
    member: User, admin: User, album: Album, house: House
) -> None:
    before = order_of(album)
    fields = {"name": "Mine", "description": "", "visibility": "private", "order": "newest"}
    for stranger in (member, admin):
        with pytest.raises(Http404):
            services.add_photos(stranger, album.pk, photo_ids=[house.photos[4].pk])
        with pytest.raises(Http404):
            services.remove_photos(stranger, album.pk, photo_ids=[house.photos[0].pk])
        with pytest.raises(Http404):
            services.move_photo(stranger, album.pk, photo_id=before[0], to="last")
        with pytest.raises(Http404):
            services.set_cover(stranger, album.pk, photo_id=before[0])
        with pytest.raises(Http404):
            services.update_album(stranger, album.pk, **fields)
        with pytest.raises(Http404):
            services.delete_album(stranger, album.pk)
        with pytest.raises(Http404):
            services.restore_album(stranger, album.pk)
    album.refresh_from_db()
    assert (album.name, album.deleted_at, order_of(album)) == ("Summer", None, before)


def test_removing_photos_leaves_them_in_the_library(owner: User, album: Album, house: House) -> None:
    services.set_cover(owner, album.pk, photo_id=house.photos[1].pk)
    assert services.remove_photos(owner, album.pk, photo_ids=[house.photos[1].pk, house.photos[4].pk]) == 1
    album.refresh_from_db()
    assert album.cover is None
    assert Photo.objects.filter(pk=house.photos[1].pk).exists()


def test_the_cover_is_a_photo_of_the_album(owner: User, album: Album, house: House) -> None:
    services.set_cover(owner, album.pk, photo_id=house.photos[2].pk)
    with pytest.raises(Http404):
        services.set_cover(owner, album.pk, photo_id=house.photos[4].pk)
    album.refresh_from_db()
    assert album.cover == house.photos[2]


def test_a_deleted_album_can_be_brought_back_with_everything_in_it(owner: User, album: Album) -> None:
    before = order_of(album)
    services.delete_album(owner, album.pk)
    with pytest.raises(Http404):
        services.add_photos(owner, album.pk, photo_ids=before)
    services.restore_album(owner, album.pk)
    assert order_of(album) == before
    assert Photo.objects.count() == 6


def test_what_was_deleted_a_month_ago_goes_for_good(owner: User, album: Album, private_album: Album) -> None:
    services.delete_album(owner, album.pk)
    long_ago = timezone.now() - services.KEEP_DELETED - dt.timedelta(minutes=1)
    Album.objects.filter(pk=album.pk).update(deleted_at=long_ago)
    services.delete_album(owner, private_album.pk)
    assert list(Album.objects.values_list("pk", flat=True)) == [private_album.pk]
    assert Photo.objects.count() == 6


def test_an_own_order_starts_as_the_photos_stood(owner: User, house: House) -> None:
    album = services.create_album(owner, name="Trip", order="newest")
    services.add_photos(owner, album.pk, photo_ids=ids(house.photos))
    fields = {"name": "Trip", "description": "", "visibility": "private"}
    services.update_album(owner, album.pk, order="manual", **fields)
    assert order_of(album) == ids(house.photos)[::-1]


def test_an_own_order_that_was_arranged_comes_back_as_it_was_left(owner: User, album: Album) -> None:
    services.move_photo(owner, album.pk, photo_id=order_of(album)[3], to="first")
    arranged = order_of(album)
    fields = {"name": "Summer", "description": "", "visibility": "household"}
    services.update_album(owner, album.pk, order="oldest", **fields)
    services.update_album(owner, album.pk, order="manual", **fields)
    assert order_of(album) == arranged


def test_changes_bring_an_album_to_the_front(owner: User, album: Album, private_album: Album, house: House) -> None:
    services.add_photos(owner, album.pk, photo_ids=[house.photos[4].pk])
    album.refresh_from_db()
    private_album.refresh_from_db()
    assert album.changed_at > private_album.changed_at


def test_deleting_a_photo_takes_it_out_of_albums(owner: User, album: Album, house: House) -> None:
    services.set_cover(owner, album.pk, photo_id=house.photos[0].pk)
    house.photos[0].delete()
    album.refresh_from_db()
    assert album.cover is None
    assert AlbumItem.objects.filter(album=album).count() == 3
