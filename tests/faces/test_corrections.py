"""A wrong face, put right on the page of its photo: without scripts, with undo, and only by who sees the photo."""

from __future__ import annotations

import html
import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from faces import services, undo
from faces.access import get_event
from faces.models import Event, Face, Person, Refusal
from gallery.models import Photo
from tests.faces.conftest import House
from tests.factories import ClusterFactory, PersonFactory, PhotoFactory

FORM = re.compile(r'<form[^>]* action="(/faces/(?:\d+/(?:name|refuse|dismiss)|ignore)/)">(.*?)</form>', re.DOTALL)


def page_of(client: Client, photo: Photo) -> str:
    response = client.get(f"/photos/{photo.pk}/?in=favourites")
    assert response.status_code == 200
    return response.content.decode()


def forms(page: str) -> dict[str, str]:
    """Buttons of the forms in the list of people, with the address that each posts to."""
    return {
        html.unescape(re.sub(r"<[^>]+>", "", body.rpartition("<button")[2].partition(">")[2]).strip()): address
        for address, body in FORM.findall(page)
    }


def take_back(client: Client, page: str) -> str:
    found = re.search(r'action="(/people/events/\d+/undo/)"><input type="hidden" name="next" value="([^"]*)"', page)
    assert found
    response = client.post(found[1], {"next": html.unescape(found[2])})
    assert response.status_code == 303
    return response["Location"]


def state(face: Face) -> tuple[Person | None, str, bool, int | None]:
    face = Face.objects.select_related("person").get(pk=face.pk)
    return face.person, face.state, face.is_confirmed, face.decided_by_id


@pytest.fixture
def tom(house: House) -> Person:
    made: Person = PersonFactory(name="Tom")
    house.face(4, person=made, state="assigned", is_confirmed=True)
    return made


@pytest.fixture
def guess(house: House, anna: Person) -> Face:
    """A face that PictoPy takes for Anna."""
    return house.face(1, person=anna, state="assigned")


def test_each_face_offers_what_can_be_said_about_it(
    owner_client: Client, house: House, guess: Face, tom: Person
) -> None:
    stranger = house.face(9, photo=guess.photo, x=0.8)
    page = page_of(owner_client, guess.photo)
    assert f"/faces/{guess.pk}/refuse/" in forms(page)["Not Anna"]
    assert forms(page)["Yes, Anna"] == f"/faces/{guess.pk}/name/"
    for face in (guess, stranger):
        assert f'action="/faces/{face.pk}/dismiss/"' in page
        assert f'<label for="face_{face.pk}_name">' in page
        assert forms(page)["A stranger"] == "/faces/ignore/"
    assert f"/faces/{stranger.pk}/refuse/" not in page
    assert page.count('<option value="Tom">') == 1
    assert "a guess" in page


def test_names_on_offer_are_those_one_knows(
    owner_client: Client, member_client: Client, guess: Face, secret: Person
) -> None:
    assert '<option value="Secret Santa">' in page_of(owner_client, guess.photo)
    assert '<option value="Secret Santa">' not in page_of(member_client, guess.photo)


def test_not_this_person_comes_back_to_the_photo_and_can_be_taken_back(
    owner_client: Client, guess: Face, anna: Person
) -> None:
    before = state(guess)
    place = f"/photos/{guess.photo_id}/?in=favourites#_photo_people"
    response = owner_client.post(f"/faces/{guess.pk}/refuse/", {"next": place})
    assert (response.status_code, response["Location"]) == (303, place)
    assert state(guess) == (None, "unknown", False, None)
    page = page_of(owner_client, guess.photo)
    assert "this is not Anna" in page
    assert "Not Anna" not in forms(page)
    assert take_back(owner_client, page) == place
    assert state(guess) == before
    assert not Refusal.objects.exists()


def test_a_face_is_given_to_a_person_by_name(owner: User, owner_client: Client, guess: Face, tom: Person) -> None:
    before = state(guess)
    response = owner_client.post(f"/faces/{guess.pk}/name/", {"name": " tom\u200b "})
    assert (response.status_code, response["Location"]) == (303, f"/photos/{guess.photo_id}/")
    assert state(guess) == (tom, "assigned", True, owner.pk)
    take_back(owner_client, page_of(owner_client, guess.photo))
    assert state(guess) == before
    assert Person.objects.filter(name="Tom").count() == 1


@pytest.mark.slow
def test_a_new_name_makes_a_person_and_taking_it_back_unmakes_them(owner_client: Client, guess: Face) -> None:
    before = state(guess)
    owner_client.post(f"/faces/{guess.pk}/name/", {"name": "Tante Ju"})
    assert Person.objects.get(name="Tante Ju").faces.get() == guess
    take_back(owner_client, page_of(owner_client, guess.photo))
    assert state(guess) == before
    assert not Person.objects.filter(name="Tante Ju").exists()


def test_a_guess_is_confirmed_with_one_button(owner: User, owner_client: Client, guess: Face, anna: Person) -> None:
    anna.cover = guess
    anna.save()
    owner_client.post(f"/faces/{guess.pk}/name/", {"name": "Anna", "who": anna.pk})
    assert state(guess) == (anna, "assigned", True, owner.pk)
    anna.refresh_from_db()
    assert anna.cover == guess
    assert "Yes, Anna" not in forms(page_of(owner_client, guess.photo))
    response = owner_client.post(f"/faces/{guess.pk}/name/", {"name": "Anna"})
    assert response.status_code == 422
    assert "This face is Anna already." in response.content.decode()


def test_no_face_is_shown_no_more_and_can_be_taken_back(
    owner: User, owner_client: Client, house: House, guess: Face, anna: Person
) -> None:
    cluster = ClusterFactory(size=2)
    house.faces(1, 2, cluster=cluster)
    Face.objects.filter(pk=guess.pk).update(cluster=cluster, is_confirmed=True, decided_by=owner)
    anna.cover = guess
    anna.save()
    before = state(guess)
    owner_client.post(f"/faces/{guess.pk}/dismiss/")
    assert state(guess) == (None, "not_a_face", False, owner.pk)
    anna.refresh_from_db()
    assert anna.cover is None
    page = page_of(owner_client, guess.photo)
    assert f"/faces/{guess.pk}/" not in page
    assert "viewer-box face" not in page
    take_back(owner_client, page)
    assert state(guess) == before
    anna.refresh_from_db()
    assert anna.cover == guess


def test_of_two_people_of_a_name_one_says_which(owner_client: Client, house: House, guess: Face) -> None:
    people = [PersonFactory(name="Jo"), PersonFactory(name="jo")]
    for person in people:
        house.face(6, person=person, state="assigned")
    url, place = f"/faces/{guess.pk}/name/", f"/photos/{guess.photo_id}/?in=favourites#_photo_people"
    response = owner_client.post(url, {"name": "Jo", "next": place})
    page = response.content.decode()
    assert response.status_code == 422
    for person in people:
        assert f'name="who" value="{person.pk}"' in page
    assert html.escape(place) in page
    assert owner_client.post(url, {"name": "Jo", "who": people[1].pk, "next": place})["Location"] == place
    assert state(guess)[0] == people[1]
    owner_client.post(url, {"name": "Jo", "who": "new"})
    assert state(guess)[0] not in people


@pytest.mark.parametrize("name", ["", "\u3164", "x" * 121])
def test_a_name_that_cannot_be_is_asked_for_again(owner_client: Client, guess: Face, name: str) -> None:
    before = state(guess)
    response = owner_client.post(f"/faces/{guess.pk}/name/", {"name": name})
    assert response.status_code == 422
    assert 'aria-invalid="true"' in response.content.decode()
    assert state(guess) == before
    assert owner_client.get(f"/faces/{guess.pk}/name/").status_code == 200


def test_who_points_at_a_face_overrules_what_was_said_before(
    owner: User, member: User, owner_client: Client, guess: Face, tom: Person
) -> None:
    Refusal.objects.create(face=guess, person=tom, decided_by=member)
    named = services.name_face(guess, "Tom", owner)
    assert state(guess)[0] == tom
    assert not Refusal.objects.exists()
    undo.undo_event(get_event(owner, named.event.pk), owner)
    assert Refusal.objects.get().decided_by == member


def test_two_faces_of_a_photo_may_be_one_person_if_somebody_says_so(
    owner: User, house: House, tom: Person, guess: Face
) -> None:
    mirror = house.face(4, photo=guess.photo, person=tom, state="assigned", is_confirmed=True, x=0.8)
    third = house.face(4, photo=guess.photo, person=tom, state="assigned", x=0.6)
    named = services.name_face(guess, "Tom", owner)
    assert state(guess)[0] == state(mirror)[0] == tom
    assert state(third)[0] is None, "a guess beside two who were named"
    undo.undo_event(named.event, owner)
    assert state(mirror)[0] == tom
    assert state(third)[0] is None, "another face of Tom is confirmed in this photo"


def test_a_later_decision_about_the_face_stands(
    owner: User, member: User, guess: Face, tom: Person, anna: Person
) -> None:
    first = services.name_face(guess, "Tom", owner)
    second = services.set_no_face(guess, member)
    assert second
    assert undo.undo_event(first.event, owner) == ["One face was changed or deleted since, and stays as it is."]
    assert state(guess)[1] == "not_a_face"
    assert undo.undo_event(second, member) == []
    third = services.name_face(guess, "Anna", owner)
    assert undo.undo_event(Event.objects.get(pk=third.event.pk), owner) == []
    fourth = services.set_no_face(guess, owner)
    services.name_face(guess, "Anna", member)
    assert fourth
    assert undo.undo_event(fourth, owner) == ["Somebody decided about this face since."]
    assert state(guess)[0] == anna


def test_only_who_sees_the_photo_has_a_say(member_client: Client, house: House, secret: Person) -> None:
    face = secret.faces.first()
    assert face
    for address in ("name", "dismiss", "refuse"):
        assert member_client.post(f"/faces/{face.pk}/{address}/", {"name": "X"}).status_code == 404
    assert member_client.get(f"/faces/{face.pk}/name/").status_code == 404
    assert not Event.objects.exists()


@pytest.mark.slow
def test_a_photo_full_of_faces_costs_no_more_queries(owner_client: Client, house: House) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    photo = PhotoFactory(library=house.library)

    def queries(count: int) -> int:
        for number in range(count):
            house.face(number, photo=photo, person=PersonFactory(), state="assigned")
            house.face(40 + number, photo=photo)
        page_of(owner_client, photo)
        with CaptureQueriesContext(connection) as captured:
            page_of(owner_client, photo)
        return len(captured)

    assert queries(2) == queries(8)
