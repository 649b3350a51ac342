"""Favourites are personal."""

from __future__ import annotations

import re

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from gallery.models import Mark
from tests.factories import LibraryFactory, MarkFactory, PhotoFactory


def shown(client: Client) -> list[int]:
    return [int(pk) for pk in re.findall(r'id="p(\d+)"', client.get("/favourites/").content.decode())]


def test_the_heart_sets_and_takes_the_mark_of_the_one_who_presses_it(
    member_client: Client, owner_client: Client, member: User
) -> None:
    photo = PhotoFactory()
    url = f"/photos/{photo.pk}/favourite/"
    for _ in range(2):  # pressed twice by a bad connection, it stays
        response = member_client.post(url, {"is_favourite": "1", "next": "/things/"})
        assert response.status_code == 303
        assert response["Location"] == "/things/"
    assert shown(member_client) == [photo.pk]
    assert shown(owner_client) == []
    member_client.post(url, {"is_favourite": "0"})
    assert shown(member_client) == []
    assert Mark.objects.filter(user=member).count() == 1


def test_htmx_gets_the_button(member_client: Client) -> None:
    photo = PhotoFactory()
    response = member_client.post(
        f"/photos/{photo.pk}/favourite/", {"is_favourite": "1"}, headers={"HX-Request": "true"}
    )
    html = response.content.decode()
    assert html.startswith('<form id="favourite_button"')
    assert 'aria-pressed="true"' in html
    assert 'name="is_favourite" value="0"' in html


def test_a_selection_becomes_favourites_but_nothing_that_is_not_seen(member_client: Client, owner: User) -> None:
    one, two = PhotoFactory(), PhotoFactory()
    private = PhotoFactory(library=LibraryFactory(visibility="private", owner=owner))
    response = member_client.post(
        "/favourites/add/", {"photo": [one.pk, two.pk, two.pk, private.pk, "x", "-1", "9" * 30], "next": "/"}
    )
    assert (response.status_code, response["Location"]) == (303, "/")
    assert "2 photos added to your favourites" in member_client.get("/").content.decode()
    assert set(shown(member_client)) == {one.pk, two.pk}
    assert not Mark.objects.filter(photo=private).exists()


def test_no_form_sends_anyone_to_another_site(member_client: Client) -> None:
    photo = PhotoFactory()
    for target in ("https://evil.example/", "//evil.example", "javascript:alert(1)", "\\\\evil.example", ""):
        response = member_client.post(f"/photos/{photo.pk}/favourite/", {"next": target})
        assert response["Location"] == f"/photos/{photo.pk}/"


def test_only_posts_change_anything(member_client: Client) -> None:
    photo = PhotoFactory()
    assert member_client.get(f"/photos/{photo.pk}/favourite/").status_code == 405
    assert member_client.get("/favourites/add/").status_code == 405


def test_a_favourite_whose_library_became_private_is_gone(member_client: Client, member: User, owner: User) -> None:
    photo = PhotoFactory(library=LibraryFactory(visibility="private", owner=owner))
    MarkFactory(user=member, photo=photo)
    assert shown(member_client) == []


def test_twice_the_favourites_take_as_many_queries(member_client: Client, member: User) -> None:
    library = LibraryFactory()

    def count() -> int:
        for _ in range(4):
            MarkFactory(user=member, photo=PhotoFactory(library=library))
        with CaptureQueriesContext(connection) as captured:
            shown(member_client)
        return len(captured)

    assert count() == count()
