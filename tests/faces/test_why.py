"""Why a face is where it is: the rule, the nearest faces, and nothing of what one may not see."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from faces import pairs, services
from faces.access import get_face
from faces.models import Cluster, Clustering, Face, FacePair, Person, Refusal
from faces.why import why
from tests.faces.conftest import MODEL, House, look
from tests.factories import PersonFactory

HTMX = {"HX-Request": "true"}
Regroup = Callable[[], object]


@pytest.fixture
def mia(house: House) -> Person:
    Clustering.objects.create(model=MODEL)
    person: Person = PersonFactory(name="Mia")
    house.faces(1, 4, person=person, state="assigned", is_confirmed=True)
    return person


def rule(viewer: User, face: Face) -> str:
    return why(viewer, get_face(viewer, face.pk)).rule


@pytest.mark.slow
def test_each_rule_is_told_in_a_sentence(
    house: House, mia: Person, member: User, regroup: Regroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = mia.faces.first()
    assert known
    guess, far, blurred = house.face(1), house.face(1, embedding=look(1, 77, noise=1.6)), house.face(1, quality=0.19)
    stranger, beside, none = house.face(9), house.face(1, photo=known.photo), house.face(1, embedding=None, model="")
    refused, never = house.face(1), house.face(1)
    Refusal.objects.create(face=refused, person=mia)
    for other in mia.faces.all():
        FacePair.objects.create(one=other, other=never, is_same=False)
    always = house.face(7)
    pairs.set_pair(known, always, member, is_same=True)
    regroup()
    assert re.search(
        r"nearest confirmed face is one of Mia, at a distance of 0\.\d\d\. Up to 0\.50", rule(member, guess)
    )
    assert re.search(r"too far .* one of Mia, at 0\.5\d, and the limit is 0\.50", rule(member, far))
    assert "its quality is 0.19" in rule(member, blurred)
    assert "too far" in rule(member, stranger)
    monkeypatch.setattr("faces.why.MOST", 3)
    assert "anywhere near" in rule(member, stranger), "with many confirmed faces only people in question are compared"
    monkeypatch.undo()
    assert rule(member, beside).startswith("Another face in this photo is Mia")
    assert rule(member, none).startswith("It waits for recognition")
    assert rule(member, refused) == "Somebody said that it is not Mia."
    assert "never one person with this face of Mia" in rule(member, never)
    assert "always one person with a face that was confirmed as Mia" in rule(member, always)
    services.name_face(stranger, "Tom", member)
    assert re.fullmatch(r"tom confirmed on \d+ \w+ \d{4} that it is Tom\.", rule(member, stranger))
    services.set_no_face(far, member)
    assert rule(member, far) == "Somebody said that this is no face."
    found = why(member, get_face(member, guess.pk))
    assert [near.person for near in found.nearest] == [mia, mia, mia]
    assert [near.distance for near in found.nearest] == sorted(near.distance for near in found.nearest)
    guess.refresh_from_db()
    assert found.nearest[0].distance == pytest.approx(guess.near_distance, abs=1e-6)


def test_a_decision_that_rests_on_a_hidden_face_says_nothing_of_it(
    house: House, member: User, owner: User, regroup: Regroup
) -> None:
    anna, secret = PersonFactory(name="Anna"), PersonFactory(name="Secret Santa")
    house.face(1, person=anna, state="assigned", is_confirmed=True, decided_by=owner, is_private=True)
    guess = house.face(1)
    house.face(2, person=secret, state="assigned", is_confirmed=True, decided_by=owner, is_private=True)
    far = house.face(2, embedding=look(2, 77, noise=1.8))
    regroup()
    found = why(member, get_face(member, guess.pk))
    assert found.rule == "It was taken for Anna because of a face in a photo that you cannot see."
    assert found.nearest == []
    far.refresh_from_db()
    assert far.near_person == secret
    found = why(member, get_face(member, far.pk))
    assert (found.rule, found.asked) == ("No face was confirmed yet that it could be compared with.", None)
    found = why(owner, get_face(owner, far.pk))
    assert "Secret Santa" in found.rule
    assert found.asked == secret


def test_the_page_is_the_same_whether_or_not_somebody_is_confirmed_in_photos_of_others(
    house: House, mia: Person, member: User, owner: User
) -> None:
    guess, stranger = house.face(1, person=mia, state="assigned"), house.face(8)

    def told() -> list[object]:
        found = [why(member, get_face(member, face.pk)) for face in (guess, stranger)]
        return [(it.rule, it.asked, it.nearest, it.match_distance) for it in found]

    before = told()
    assert "Up to 0.50" in str(before)
    house.faces(1, 7, person=mia, state="assigned", is_confirmed=True, decided_by=owner, is_private=True)
    assert told() == before
    assert "Up to 0.49" in rule(owner, guess), "who sees more of them sees a stricter limit"


def test_of_a_face_that_is_nobodys_not_even_that_something_is_hidden_is_told(
    house: House, mia: Person, member: User, owner: User
) -> None:
    face = house.face(1)
    hidden = house.face(1, person=mia, state="assigned", is_confirmed=True, decided_by=owner, is_private=True)
    pairs.set_pair(face, hidden, owner, is_same=False)
    Clustering.objects.update(done=10**6, faces_done=10**6)
    assert re.fullmatch(r"A confirmed face of Mia is near, at 0\.\d\d, but .* open\.", rule(member, face))
    assert "never one person with this face of Mia" in rule(owner, face)


@pytest.mark.slow
def test_the_page_offers_what_can_be_said(
    house: House, mia: Person, member: User, member_client: Client, regroup: Regroup
) -> None:
    guess, far = house.face(1), house.face(1, embedding=look(1, 77, noise=1.6))
    regroup()
    url = f"/faces/{guess.pk}/why/"
    page = html.unescape(member_client.get(url).content.decode())
    for words in (
        "Yes, this is Mia",
        "Not Mia",
        "Always these two",
        "Never these two",
        "Quality of the face: very good",
    ):
        assert words in page
    other = why(member, get_face(member, guess.pk)).nearest[0].thumb.id
    response = member_client.post(f"/faces/{guess.pk}/pair/", {"other": other, "same": "0"}, headers=HTMX)
    assert "never one person, somebody said" in response.content.decode()
    assert "Nobody yet" in response.content.decode()
    assert member_client.post(f"/faces/{guess.pk}/pair/", {"other": other, "same": "1"}).headers["location"] == url
    assert member_client.post(f"/faces/{guess.pk}/pair/", {"other": "x", "same": "1"}).status_code == 404
    no = {"question": f"face-{far.pk}-{mia.pk}", "answer": "no", "next": f"/faces/{far.pk}/why/"}
    assert f'value="{no["question"]}"' in member_client.get(f"/faces/{far.pk}/why/").content.decode()
    assert member_client.post("/people/questions/answer/", no).headers["location"] == f"/faces/{far.pk}/why/"
    assert "it is not Mia" in rule(member, far)


def test_the_number_of_queries_does_not_depend_on_how_many_are_near(
    house: House, mia: Person, member_client: Client
) -> None:
    cluster = Cluster.objects.create(model=MODEL)
    face = house.face(1, cluster=cluster, near_person=mia, near_distance=0.5)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert member_client.get(f"/faces/{face.pk}/why/").status_code == 200
        return len(captured)

    house.face(1, cluster=cluster, person=PersonFactory(), state="assigned", is_confirmed=True)
    Refusal.objects.create(face=face, person=mia)
    before = queries()
    for _ in range(3):
        house.face(1, cluster=cluster, person=PersonFactory(), state="assigned", is_confirmed=True)
        Refusal.objects.create(face=face, person=PersonFactory())
    assert queries() == before
