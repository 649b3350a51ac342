"""The pages on which administrators try other distances: what they show, to whom, and what is never shown."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from faces.models import Clustering, Event, Face, Person, Preview, Refusal
from faces.shadow import computing, previews
from tests.faces.conftest import MODEL, House
from tests.faces.test_previews import STRICT, tried
from tests.factories import PersonFactory

Regroup = Callable[[], Clustering]
DATA = {"model": MODEL, "eps": "0.40", "link_distance": "0.57", "match_distance": "0.50"}


@pytest.fixture
def tom(house: House, regroup: Regroup) -> Person:
    """Tom, of whom the household sees one confirmed face and two guesses, and one guess lies in a private library."""
    person: Person = PersonFactory(name="Tom")
    house.face(5, person=person, state="assigned", is_confirmed=True)
    house.faces(5, 2)
    house.face(5, is_private=True)
    secret: Person = PersonFactory(name="Secret Santa")
    house.face(6, person=secret, state="assigned", is_confirmed=True, is_private=True)
    house.face(6, is_private=True)
    regroup()
    return person


def address(preview: Preview) -> str:
    return reverse("faces:preview_detail", args=[preview.pk])


@pytest.mark.slow
def test_an_administrator_sees_what_would_change_of_the_household_and_nothing_private(
    tom: Person, admin: User, admin_client: Client
) -> None:
    preview = tried(admin)
    assert len(preview.result["people"]) == 2
    page = admin_client.get(address(preview)).content.decode()
    assert ">2 faces leave Tom, 0 groups become 1." in page
    assert "Secret Santa" not in page
    seen = set(map(int, re.findall(r"media/faces/(\d+)-", page)))
    assert seen == set(Face.objects.filter(photo__library__visibility="household").values_list("pk", flat=True))
    own = admin_client.get(reverse("faces:preview_person", args=[preview.pk, tom.pk])).content.decode()
    assert own.count('name="face"') == 2
    secret = Person.objects.get(name="Secret Santa")
    assert admin_client.get(reverse("faces:preview_person", args=[preview.pk, secret.pk])).status_code == 404
    assert admin_client.post(reverse("faces:preview_person", args=[preview.pk, secret.pk])).status_code == 404
    assert "<dt>People</dt><dd>1</dd>" in admin_client.get(reverse("faces:recognition")).content.decode()


def test_changes_in_photos_of_others_are_no_changes(tom: Person, house: House, admin_client: Client) -> None:
    hidden = Face.objects.get(photo__library=house.private, person=tom)
    change = {"gains": {}, "losses": {str(house.private.pk): [hidden.pk]}, "kept": {}}
    for people in ({str(tom.pk): change}, {}):
        result = {"people": people, "groups": [], "same_groups": {}}
        preview = Preview.objects.create(model=MODEL, state=Preview.State.READY, result=result)
        url = reverse("faces:preview_person", args=[preview.pk, tom.pk])
        assert [admin_client.get(url).status_code, admin_client.post(url).status_code] == [404, 404]
    alone = Face.objects.filter(photo__library=house.library).first()
    assert alone
    group = {str(house.library.pk): [alone.pk], str(house.private.pk): [hidden.pk]}
    Preview.objects.filter(pk=preview.pk).update(result={**result, "groups": [{"before": [], "after": [group]}]})
    assert "Nothing would change" in admin_client.get(address(preview)).content.decode()


def test_a_library_that_became_private_since_is_not_told_of(
    tom: Person, house: House, admin: User, admin_client: Client
) -> None:
    preview = tried(admin)
    house.library.visibility, house.library.owner = "private", house.private.owner
    house.library.save()
    page = admin_client.get(address(preview)).content.decode()
    assert "Tom" not in page
    assert "Nothing would change" in page


@pytest.mark.slow
def test_distances_are_tried_accepted_for_one_person_and_taken_back(
    tom: Person, admin_client: Client, regroup: Regroup
) -> None:
    response = admin_client.post(reverse("faces:recognition_try"), DATA | {"match_distance": "0.38"})
    preview = Preview.objects.get()
    assert response.headers["Location"] == address(preview)
    assert "Waiting for a worker" in admin_client.get(address(preview)).content.decode()
    Preview.objects.filter(pk=preview.pk).update(rules=STRICT.as_row())
    computing.run(preview.pk)
    kept = tom.faces.filter(is_confirmed=False, photo__library__visibility="household").order_by("pk")[0]
    others = tom.faces.filter(is_confirmed=False, photo__library__visibility="household").exclude(pk=kept.pk)
    ticked = {"shown": "1", "face": [face.pk for face in others]}
    accepted = admin_client.post(reverse("faces:preview_person", args=[preview.pk, tom.pk]), ticked, follow=True)
    assert "Tom: 1 taken out." in accepted.content.decode()
    assert "accepted" in accepted.content.decode()
    assert "Out of date" not in accepted.content.decode()
    assert Refusal.objects.count() == 1
    regroup()
    kept.refresh_from_db()
    assert kept.person == tom, "what was not accepted stays as it was"
    undone = admin_client.post(reverse("faces:event_undo", args=[Event.objects.get().pk]), follow=True)
    assert "Taken back." in undone.content.decode()
    assert not Refusal.objects.exists()
    used = admin_client.post(reverse("faces:preview_use", args=[preview.pk]), follow=True)
    assert "These distances are in use now." in used.content.decode()
    assert "Somebody chose these" in used.content.decode()
    rules = Event.objects.get(kind="rules")
    journal = admin_client.get(reverse("faces:journal")).content.decode()
    assert "changed the distances between faces" in journal
    assert reverse("faces:event_undo", args=[rules.pk]) in journal
    assert admin_client.post(reverse("faces:event_undo", args=[rules.pk]), follow=True).status_code == 200
    assert Clustering.objects.get(model=MODEL).match_distance is None
    assert (
        "This was put in use already."
        in admin_client.post(reverse("faces:preview_use", args=[preview.pk]), follow=True).content.decode()
    )


@pytest.mark.parametrize("wrong", ["", "0.9", "0", "-1", "nan", "inf", "1e400", "near", "0,4", "0.4" * 400])
def test_distances_that_are_none_are_asked_for_again(tom: Person, admin_client: Client, wrong: str) -> None:
    response = admin_client.post(reverse("faces:recognition_try"), DATA | {"eps": wrong})
    assert response.status_code == 422
    assert "Choose a distance from 0.30 to 0.50." in response.content.decode()
    assert not Preview.objects.exists()


def test_an_unknown_model_is_not_there(tom: Person, admin_client: Client) -> None:
    for key in ("", "yunet", "nothing"):
        assert admin_client.post(reverse("faces:recognition_try"), DATA | {"model": key}).status_code == 404


@pytest.mark.slow
def test_the_page_of_a_preview_says_when_it_is_out_of_date_failed_or_put_away(
    tom: Person, house: House, admin: User, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    preview = tried(admin)
    house.face(7)
    assert "Out of date" in admin_client.get(address(preview)).content.decode()
    assert admin_client.post(reverse("faces:preview_retry", args=[preview.pk])).status_code == 303
    monkeypatch.setattr(computing, "compute", lambda *arguments: 1 / 0)
    computing.run(preview.pk)
    assert "ZeroDivisionError" in admin_client.get(address(preview)).content.decode()
    assert admin_client.post(reverse("faces:preview_discard", args=[preview.pk])).status_code == 303
    assert "was put away" in admin_client.get(address(preview)).content.decode()
    fragment = admin_client.get(address(preview), {"seen": "running-True"}, headers={"HX-Request": "true"})
    assert fragment.headers["HX-Refresh"] == "true"
    fragment = admin_client.get(address(preview), {"seen": "done"}, headers={"HX-Request": "true"})
    assert b"<html" not in fragment.content


def test_only_administrators_take_distances_back(tom: Person, admin: User, owner_client: Client) -> None:
    event = Event.objects.create(kind="rules", actor=admin, before={"model": MODEL})
    assert owner_client.post(reverse("faces:event_undo", args=[event.pk])).status_code == 404


@pytest.mark.slow
def test_twice_the_people_and_groups_make_the_same_queries(
    house: House, admin: User, admin_client: Client, regroup: Regroup
) -> None:
    def queries(count: int) -> int:
        for who in range(100 + 10 * count, 100 + 11 * count):
            person = PersonFactory()
            house.face(who, person=person, state="assigned", is_confirmed=True)
            house.face(who)
            house.faces(500 + who, 2)
        regroup()
        preview = tried(admin)
        assert len(preview.result["people"]) >= count
        preview.result["groups"] = [
            {"before": [], "after": [{str(house.library.pk): [pk]}]} for pk in Face.objects.values_list("pk", flat=True)
        ]
        preview.save()
        admin_client.get(address(preview))
        with CaptureQueriesContext(
            connection,
        ) as found:
            admin_client.get(address(preview))
            admin_client.get(reverse("faces:recognition"))
        previews.discard(preview)
        return len(found)

    assert queries(2) == queries(6)
