"""Albums as people use them: the owner, another member, an administrator, and somebody who is not signed in."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from albums import services
from albums.models import Album
from gallery.models import Photo
from tests.albums.conftest import House, order_of
from tests.factories import PhotoFactory

HTMX = {"HX-Request": "true"}
FIELDS = {"name": "Winter", "description": "Snow.\n\nMore snow.", "visibility": "household", "order": "newest"}
OF_ALBUM = ("album_detail", "album_edit", "album_delete", "album_restore", "album_cover", "item_move", "item_remove")
POST_ONLY = ("album_restore", "album_cover", "item_remove")


def at(name: str, album: Album | None = None) -> str:
    return reverse(f"albums:{name}", args=[album.pk] if album else [])


def ask(client: Client, name: str, album: Album, photo: Photo) -> int:
    """The status of asking for a page of an album, or of posting a photo to it."""
    if name in POST_ONLY:
        return client.post(at(name, album), {"photo": photo.pk}).status_code
    return client.get(at(name, album)).status_code


def post(client: Client, address: str, data: dict[str, object] | None = None) -> str:
    """Posts a form and goes where the answer sends one, as a browser does; the page that is shown there."""
    response = client.post(address, data or {})
    assert response.status_code == 303
    return client.get(response.headers["Location"]).content.decode()


# --- who may do what


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


# --- the list


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
    from albums import queries

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


# --- making, changing, deleting


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


# --- photos in albums


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


# --- arranging


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
    from gallery import photosets

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


# --- the photo page


def test_previous_and_next_walk_through_the_album(owner_client: Client, member_client: Client, album: Album) -> None:
    from gallery import photosets

    order = order_of(album)
    owner = User.objects.get(username="anna")
    photo_set = photosets.resolve(owner, f"album:{album.pk}")
    before, after = photosets.neighbours(photo_set, Photo.objects.get(pk=order[1]))
    assert before is not None
    assert after is not None
    assert (before.pk, after.pk) == (order[0], order[2])


@pytest.mark.parametrize("argument", ["", "x", "4711", "9" * 40])
def test_a_set_of_no_album_is_not_there(owner: User, argument: str) -> None:
    from django.http import Http404

    from gallery import photosets

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


# --- how many questions pages ask


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
