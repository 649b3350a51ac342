"""Forms of people: with and without htmx, right and wrong input, and what they say."""

from __future__ import annotations

import html
import json
import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from faces import services
from faces.models import Face, Person
from tests.faces.conftest import House
from tests.factories import ClusterFactory, PersonFactory

PEOPLE = "/people/"
HTMX = {"HX-Request": "true"}


def text(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200, url
    return response.content.decode()


@pytest.mark.slow
def test_a_suggestion_is_named_without_script(owner_client: Client, house: House) -> None:
    cluster = ClusterFactory(size=2)
    house.faces(1, 2, cluster=cluster)
    response = owner_client.post(f"/people/suggestions/{cluster.pk}/name/", {"name": "  Oma \u200b Lotte "})
    assert (response.status_code, response["Location"]) == (303, PEOPLE)
    page = text(owner_client, PEOPLE)
    assert "Oma Lotte" in page
    assert "2 faces are Oma Lotte now." in page
    undo = re.search(r'action="(/people/events/\d+/undo/)"', page)
    assert undo
    owner_client.post(undo[1])
    assert not Person.objects.exists()
    assert "Taken back." in text(owner_client, PEOPLE)


def test_a_suggestion_is_named_in_place(owner_client: Client, house: House) -> None:
    cluster = ClusterFactory(size=2)
    house.faces(1, 2, cluster=cluster)
    url = f"/people/suggestions/{cluster.pk}/name/"
    response = owner_client.post(url, {"name": ""}, headers=HTMX)
    assert response.status_code == 422
    assert "Type a name." in response.content.decode()
    response = owner_client.post(url, {"name": "Oma"}, headers=HTMX)
    body = response.content.decode()
    assert response.status_code == 200
    assert 'class="suggestion named"' in body
    assert "Undo" in body
    assert 'hx-swap-oob="true"' in body
    assert "<html" not in body
    assert "HX-Request" in response["Vary"]


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_name_that_exists_is_asked_about_and_the_answer_counts(
    owner_client: Client, house: House, anna: Person, headers: dict[str, str]
) -> None:
    cluster = ClusterFactory(size=2)
    house.faces(5, 2, cluster=cluster)
    url = f"/people/suggestions/{cluster.pk}/name/"
    response = owner_client.post(url, {"name": "anna"}, headers=headers)
    body = response.content.decode()
    assert response.status_code == 422
    assert f'name="who" value="{anna.pk}"' in body
    assert 'name="who" value="new"' in body
    response = owner_client.post(url, {"name": "anna", "who": anna.pk}, headers=headers)
    assert response.status_code in {200, 303}
    assert anna.faces.count() == 7


@pytest.mark.parametrize("who", ["x", "-1", "９", "99999999999999999999"])
def test_nonsense_about_who_is_meant_changes_nothing(owner_client: Client, house: House, who: str) -> None:
    cluster = ClusterFactory(size=2)
    house.faces(1, 2, cluster=cluster)
    response = owner_client.post(f"/people/suggestions/{cluster.pk}/name/", {"name": "Oma", "who": who})
    assert response.status_code in {404, 422}
    assert not Person.objects.exists()


def test_unticked_faces_do_not_become_the_person(owner_client: Client, house: House) -> None:
    cluster = ClusterFactory(size=3)
    one, two, three = house.faces(1, 3, cluster=cluster)
    data = {"name": "Oma", "shown": [one.pk, two.pk], "face": [one.pk]}
    owner_client.post(f"/people/suggestions/{cluster.pk}/name/", data)
    named = set(Face.objects.filter(person__name="Oma"))
    assert named == {one, three}, "a face that was not shown goes with the rest"


def test_a_suggestion_named_by_somebody_else_meanwhile_is_gone(
    owner: User, member_client: Client, house: House
) -> None:
    cluster = ClusterFactory(size=2)
    house.faces(1, 2, cluster=cluster)
    services.name_cluster(cluster, "Oma", owner)
    assert member_client.post(f"/people/suggestions/{cluster.pk}/name/", {"name": "Opa"}).status_code == 404


def first_button(page: str, action: str) -> str:
    """What Enter in a field of a form presses."""
    found = re.search(r"<button[^>]*>", page.partition(f'action="{action}"')[2])
    return found[0] if found else ""


@pytest.mark.slow
def test_a_person_is_renamed_and_a_double_name_is_asked_about(owner_client: Client, house: House, anna: Person) -> None:
    tom = PersonFactory(name="Tom")
    house.face(4, person=tom, state="assigned")
    url = f"/people/{tom.pk}/rename/"
    response = owner_client.post(url, {"name": "ANNA"})
    assert response.status_code == 422
    page = response.content.decode()
    assert "There is already somebody called Anna. Are they the same person?" in page
    assert f'name="with" value="{anna.pk}" formaction="/people/{tom.pk}/merge/"' in page
    assert page.count("/media/faces/") >= 2, "pictures of both"
    assert first_button(page, url) == '<button class="button">', "Enter after another name is no answer"
    tom.refresh_from_db()
    assert tom.name == "Tom"
    assert owner_client.post(url, {"name": ""}).status_code == 422
    assert owner_client.post(url, {"name": "x" * 121}).status_code == 422
    response = owner_client.post(url, {"name": "ANNA", "anyway": "1"})
    assert (response.status_code, response["Location"]) == (303, f"/people/{tom.pk}/")
    assert "Tom is called ANNA now." in text(owner_client, f"/people/{tom.pk}/")


@pytest.mark.slow
def test_a_name_is_shown_as_text(owner_client: Client, house: House) -> None:
    cluster = ClusterFactory(size=2)
    house.faces(1, 2, cluster=cluster)
    evil = "<script>alert(1)</script>"
    owner_client.post(f"/people/suggestions/{cluster.pk}/name/", {"name": evil})
    page = text(owner_client, PEOPLE)
    assert evil not in page
    assert "&lt;script&gt;" in page


def test_not_this_person_takes_the_face_out_of_the_page(owner_client: Client, anna: Person) -> None:
    face, other, *_ = anna.faces.order_by("pk")
    response = owner_client.post(f"/faces/{face.pk}/refuse/", headers=HTMX)
    body = response.content.decode()
    assert response.status_code == 200
    assert json.loads(response["HX-Trigger"]) == {"personleft": {"photo": face.photo_id}}
    assert "Undo" in body
    response = owner_client.post(f"/faces/{other.pk}/refuse/")
    assert (response.status_code, response["Location"]) == (303, f"/people/{anna.pk}/")
    assert anna.faces.count() == 3


def test_refusing_the_last_face_leads_back_to_the_list(owner_client: Client, house: House) -> None:
    anna = PersonFactory()
    face = house.face(1, person=anna, state="assigned")
    assert owner_client.post(f"/faces/{face.pk}/refuse/")["Location"] == PEOPLE


def test_a_hidden_person_is_only_in_the_hidden_list(owner_client: Client, anna: Person) -> None:
    owner_client.post(f"/people/{anna.pk}/hide/", {"hidden": "1"})
    text(owner_client, PEOPLE)  # the toast that names Anna is shown once
    assert ">Anna<" not in text(owner_client, PEOPLE)
    assert ">Anna<" in text(owner_client, f"{PEOPLE}?hidden=1")
    owner_client.post(f"/people/{anna.pk}/hide/", {"hidden": "0"})
    assert ">Anna<" in text(owner_client, PEOPLE)


def test_a_cover_is_chosen(owner_client: Client, anna: Person) -> None:
    face = anna.faces.order_by("pk").last()
    assert face is not None
    owner_client.post(f"/faces/{face.pk}/cover/")
    anna.refresh_from_db()
    assert anna.cover == face


def test_something_undone_twice_says_so(owner: User, owner_client: Client, anna: Person) -> None:
    event = services.rename_person(anna, "Anne", owner)
    assert event is not None
    for _ in range(2):
        assert owner_client.post(f"/people/events/{event.pk}/undo/").status_code == 303
    assert "taken back already" in text(owner_client, PEOPLE)


def test_a_photo_stays_while_another_face_of_the_person_is_in_it(owner_client: Client, house: House) -> None:
    anna = PersonFactory()
    face = house.face(1, person=anna, state="assigned")
    house.face(1, photo=face.photo, person=anna, state="assigned", x=0.7)
    assert "HX-Trigger" not in owner_client.post(f"/faces/{face.pk}/refuse/", headers=HTMX)


# ---- Coming back to where one was


def undo_form(page: str) -> tuple[str, str]:
    """Address and `next` of the undo button in a page."""
    found = re.search(r'action="(/people/events/\d+/undo/)"><input type="hidden" name="next" value="([^"]*)"', page)
    assert found, page
    return found[1], html.unescape(found[2])


def test_what_was_taken_back_leads_to_the_page_where_it_was_done(owner_client: Client, anna: Person) -> None:
    faces = f"/people/{anna.pk}/faces/?after=3"
    face, other, *_ = anna.faces.order_by("pk")
    headers = {**HTMX, "HX-Current-URL": f"http://testserver{faces}"}
    body = owner_client.post(f"/faces/{face.pk}/refuse/", headers=headers).content.decode()
    address, place = undo_form(body)
    assert place == f"{faces}#face_{face.pk}"
    assert owner_client.post(address, {"next": place})["Location"] == place
    response = owner_client.post(f"/faces/{other.pk}/refuse/", {"next": faces})
    assert (response.status_code, response["Location"]) == (303, faces)
    address, place = undo_form(text(owner_client, faces))
    assert place == f"{faces}#face_{other.pk}"


@pytest.mark.parametrize("place", ["https://example.com/", "//example.com/x/", "javascript:alert(1)", "/\\example.com"])
def test_nobody_is_led_out_of_the_house(owner: User, owner_client: Client, anna: Person, place: str) -> None:
    event = services.rename_person(anna, "Anne", owner)
    assert event
    response = owner_client.post(f"/people/events/{event.pk}/undo/", {"next": place})
    assert (response.status_code, response["Location"]) == (303, f"/people/{anna.pk}/")
    face = anna.faces.first()
    assert face
    for address in ("refuse", "dismiss", "name"):
        response = owner_client.post(f"/faces/{face.pk}/{address}/", {"next": place, "name": "Tom"})
        assert response["Location"].startswith(("/people/", "/photos/")), address


def test_a_person_who_is_gone_is_no_place_to_go_back_to(owner_client: Client, house: House) -> None:
    anna = PersonFactory()
    face = house.face(1, person=anna, state="assigned")
    response = owner_client.post(f"/faces/{face.pk}/refuse/", {"next": f"/people/{anna.pk}/faces/"})
    assert response["Location"] == PEOPLE
    photo = f"/photos/{face.photo_id}/?in=person:{anna.pk}#_photo_people"
    assert owner_client.post(f"/faces/{face.pk}/dismiss/", {"next": photo})["Location"] == photo
    assert text(owner_client, photo)


# ---- What is left of a group


def test_after_joining_a_person_the_rest_of_the_group_is_explained(
    owner_client: Client, house: House, anna: Person
) -> None:
    cluster = ClusterFactory(size=3)
    first, *_ = house.faces(1, 3, cluster=cluster)
    house.face(1, photo=first.photo, person=anna, state="assigned", is_confirmed=True, x=0.1)
    url = f"/people/suggestions/{cluster.pk}/name/"
    body = owner_client.post(url, {"name": "Anna", "who": anna.pk}, headers=HTMX).content.decode()
    assert "2 faces are Anna now." in body
    assert "One face stays in the group, because another face in the same photo is Anna." in body
    assert f'href="{cluster.get_absolute_url()}">1 face left in the group' in body
    assert "One face is left in this group" in text(owner_client, cluster.get_absolute_url())
