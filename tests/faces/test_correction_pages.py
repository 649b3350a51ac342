"""Correcting many faces at once, merging and strangers, through the pages, without scripts."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from faces import services
from faces.models import Event, Face, Person, Refusal
from tests.faces.conftest import House
from tests.faces.test_corrections import take_back
from tests.factories import ClusterFactory, PersonFactory


@pytest.fixture
def berta(house: House) -> Person:
    person: Person = PersonFactory(name="Berta")
    house.faces(5, 2, person=person, state="assigned", is_confirmed=True)
    return person


def text(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.slow
def test_ticked_faces_are_named_confirmed_and_refused(
    owner_client: Client, house: House, anna: Person, berta: Person
) -> None:
    place = f"/people/{anna.pk}/faces/"
    faces = [face.pk for face in anna.faces.order_by("pk")]
    page = text(owner_client, place)
    assert page.count('class="tile-select"') == 5
    assert page.count('type="hidden" name="face"') == 2, "all guesses at once"
    data = {"next": place, "person": anna.pk}
    other = PersonFactory(name="BERTA")
    house.face(7, person=other, state="assigned", is_confirmed=True)
    response = owner_client.post("/faces/name/", {**data, "face": faces[:2], "name": "berta"})
    assert response.status_code == 422, "which of the two?"
    assert f'name="who" value="{berta.pk}"' in response.content.decode()
    response = owner_client.post("/faces/name/", {**data, "face": faces[:2], "name": "berta", "who": berta.pk})
    assert (response.status_code, response["Location"]) == (303, place)
    assert berta.faces.count() == 4
    assert "2 faces are Berta now." in (page := text(owner_client, place))
    assert take_back(owner_client, page) == place
    assert berta.faces.count() == 2
    other.faces.all().delete()
    assert owner_client.post("/faces/name/", {**data, "face": faces[:1], "name": "berta"}).status_code == 303
    assert berta.faces.count() == 3, "one person has the name: they are meant, as for a single face"
    take_back(owner_client, text(owner_client, place))
    owner_client.post("/faces/confirm/", {**data, "face": faces})
    assert not anna.faces.filter(is_confirmed=False).exists()
    owner_client.post("/faces/refuse/", {**data, "face": faces[:4]})
    assert Refusal.objects.filter(person=anna).count() == 4
    response = owner_client.post("/faces/refuse/", {**data, "face": faces})
    assert response["Location"] == "/people/", "nobody is left there"


def test_without_a_name_the_page_asks_and_without_faces_it_says_so(owner_client: Client, anna: Person) -> None:
    place = f"/people/{anna.pk}/faces/"
    face = anna.faces.all()[0].pk
    response = owner_client.post("/faces/name/", {"face": face, "name": "", "next": place})
    assert response.status_code == 422
    assert f'type="hidden" name="face" value="{face}"' in response.content.decode()
    assert owner_client.post("/faces/name/", {"name": "X", "next": place})["Location"] == place
    assert "Tick the faces first." in text(owner_client, place)
    assert not Event.objects.exists()


def test_faces_that_one_does_not_see_are_left_out(member_client: Client, house: House, anna: Person) -> None:
    private = [face.pk for face in anna.faces.filter(photo__library=house.private)]
    public = [face.pk for face in anna.faces.filter(photo__library=house.library)]
    for what in ("name", "refuse", "confirm", "ignore", "dismiss", "restore"):
        data = {"face": private, "name": "X", "person": anna.pk}
        assert member_client.post(f"/faces/{what}/", data).status_code == 404
    member_client.post("/faces/ignore/", {"face": [*private, *public[:1]]})
    assert list(Face.objects.filter(state="ignored").values_list("pk", flat=True)) == public[:1]


@pytest.mark.slow
def test_strangers_have_a_page_of_their_own(owner_client: Client, member_client: Client, house: House) -> None:
    assert "/people/strangers/" not in text(owner_client, "/people/")
    cluster = ClusterFactory(size=3)
    faces = [*house.faces(9, 2, cluster=cluster), house.face(9, cluster=cluster, is_private=True)]
    house.face(3, person=PersonFactory(), state="assigned")
    response = owner_client.post(f"/people/suggestions/{cluster.pk}/ignore/", {"next": cluster.get_absolute_url()})
    assert response["Location"] == "/people/"
    page = text(owner_client, "/people/")
    assert "3 strangers are set aside." in page
    assert 'href="/people/strangers/"' in page
    assert text(owner_client, "/people/strangers/").count('class="face"') == 3
    assert text(member_client, "/people/strangers/").count('class="face"') == 2
    owner_client.post("/faces/restore/", {"face": faces[0].pk, "next": "/people/strangers/"})
    assert Face.objects.get(pk=faces[0].pk).state == "unknown"
    assert f"/photos/{faces[0].photo_id}/" not in text(owner_client, "/people/strangers/")


def test_a_stranger_on_the_photo_page_comes_back_by_undo(owner_client: Client, house: House) -> None:
    face = house.face(9)
    place = f"/photos/{face.photo_id}/#_photo_people"
    owner_client.post("/faces/ignore/", {"face": face.pk, "next": place})
    page = text(owner_client, f"/photos/{face.photo_id}/")
    assert f'id="face_{face.pk}"' not in page
    assert take_back(owner_client, page) == place
    assert f'id="face_{face.pk}"' in text(owner_client, f"/photos/{face.photo_id}/")


@pytest.mark.slow
def test_two_people_are_compared_and_merged(owner_client: Client, anna: Person, berta: Person) -> None:
    page = text(owner_client, f"/people/{anna.pk}/merge/?name=BERTA")
    assert "Are they the same person?" in page
    assert f'name="keep" value="{berta.pk}"' in page
    data = {"with": berta.pk, "keep": anna.pk}
    response = owner_client.post(f"/people/{anna.pk}/merge/", data)
    assert (response.status_code, response["Location"]) == (303, anna.get_absolute_url())
    page = text(owner_client, anna.get_absolute_url())
    assert "Berta is Anna now." in page
    assert anna.faces.count() == 7
    # The other way round, from a page that somebody else had open.
    response = owner_client.post(f"/people/{berta.pk}/merge/", {"with": anna.pk})
    assert (response.status_code, response["Location"]) == (303, anna.get_absolute_url())
    assert "That was merged already: here is Anna." in text(owner_client, anna.get_absolute_url())
    take_back(owner_client, page)
    assert anna.faces.count() == 5
    response = owner_client.get(f"/people/{anna.pk}/merge/", {"name": "Nobody"})
    assert response.status_code == 422
    assert owner_client.get(f"/people/{anna.pk}/merge/", {"with": anna.pk}).status_code == 404


def test_renaming_to_a_name_that_is_taken_offers_to_merge(owner_client: Client, anna: Person, berta: Person) -> None:
    response = owner_client.post(f"/people/{berta.pk}/merge/", {"name": "Anna", "with": anna.pk, "birth_date": ""})
    assert response["Location"] == anna.get_absolute_url()
    berta.refresh_from_db()
    assert (berta.merged_into, berta.name) == (anna, "Berta")


def test_who_stands_beside_somebody_is_hardly_the_same(
    owner_client: Client, member_client: Client, house: House, anna: Person, berta: Person
) -> None:
    shared, private = (anna.faces.filter(photo__library=library)[0] for library in (house.library, house.private))
    for face in (shared, private):
        house.face(5, photo=face.photo, person=berta, state="assigned", is_confirmed=True)
    page = text(owner_client, f"/people/{anna.pk}/merge/?with={berta.pk}")
    assert "Together in 2 photos" in page
    assert "Together in 1 photo<" in text(member_client, f"/people/{anna.pk}/merge/?with={berta.pk}"), (
        "as one sees them"
    )
    form = owner_client.post(f"/people/{anna.pk}/rename/", {"name": "Berta"}).content.decode()
    asked = form.partition('class="same-question"')[2].partition("</form>")[0]
    assert "Together in 2 photos" in asked
    assert 'name="anyway" value="1" autofocus' in asked
    assert asked.count("autofocus") == 1


def test_people_whom_one_does_not_see_are_no_choice(
    member_client: Client, house: House, anna: Person, secret: Person
) -> None:
    assert member_client.get(f"/people/{anna.pk}/merge/", {"with": secret.pk}).status_code == 404
    assert member_client.get(f"/people/{anna.pk}/merge/", {"name": secret.name}).status_code == 422
    assert member_client.post(f"/people/{anna.pk}/merge/", {"with": secret.pk}).status_code == 404


def test_what_must_wait_says_for_what(owner: User, owner_client: Client, anna: Person, berta: Person) -> None:
    event = services.rename_person(berta, "Bertl", owner)
    services.merge_people(anna, [berta], owner)
    assert event
    owner_client.post(f"/people/events/{event.pk}/undo/", {"next": "/people/journal/"})
    assert "Bertl was found to be Anna since: take that back first." in text(owner_client, "/people/journal/")


@pytest.mark.slow
def test_many_faces_cost_no_more_queries(owner: User, owner_client: Client, house: House, anna: Person) -> None:
    def queries(address: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            owner_client.get(address)
        return len(captured)

    pages = (f"/people/{anna.pk}/faces/", f"/people/{anna.pk}/split/", f"/people/{anna.pk}/", "/people/strangers/")
    house.face(9, state="ignored")
    few = [queries(page) for page in pages]
    house.faces(1, 5, person=anna, state="assigned")
    house.faces(9, 3, state="ignored")
    assert [queries(page) for page in pages] == few

    def writes(count: int) -> int:
        ids = [face.pk for face in house.faces(7, count)]
        with CaptureQueriesContext(connection) as captured:
            services.move_faces(ids, anna, owner)
        return len(captured)

    writes(2)
    assert writes(3) == writes(9)


@pytest.mark.slow
def test_taking_back_never_leads_to_what_is_gone(owner: User, owner_client: Client, house: House, anna: Person) -> None:
    cluster = ClusterFactory()
    face, _ = house.face(6, cluster=cluster), house.face(6, cluster=cluster)

    def taken_back_to(place: str) -> str:
        named = services.name_face(face, "Tom", owner)
        return str(
            owner_client.post(
                f"/people/events/{named.event.pk}/undo/", {"next": place.replace("TOM", str(named.person.pk))}
            )["Location"]
        )

    assert taken_back_to("/people/journal/?person=TOM#entry_1") == "/people/journal/#entry_1"
    assert taken_back_to(f"/people/journal/?person={anna.pk}") == f"/people/journal/?person={anna.pk}"
    assert taken_back_to("/people/TOM/faces/") == "/people/"
    assert taken_back_to(f"/people/suggestions/{cluster.pk}/") == f"/people/suggestions/{cluster.pk}/"
    assert taken_back_to("/people/suggestions/987654/") == "/people/"
    assert taken_back_to("/faces/987654/why/") == "/people/"
    assert taken_back_to("/?at=5") == "/?at=5"
