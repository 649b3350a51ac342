"""What was decided tells nobody of people and faces in other people's private libraries, and neither does undo."""

from __future__ import annotations

import datetime as dt
import html

from django.contrib.auth.models import User
from django.test import Client

from faces import pairs, services, undo
from faces.models import Event, Face, Person, Preview
from tests.faces.conftest import House
from tests.faces.test_journal import JOURNAL, lines
from tests.factories import PersonFactory


def text(client: Client, address: str) -> str:
    return html.unescape(client.get(address).content.decode())


def take_back(client: Client, event_id: int) -> str:
    """The page that one sees after Undo."""
    return html.unescape(client.post(f"/people/events/{event_id}/undo/", follow=True).content.decode())


def known_to_owner(house: House, owner: User, name: str) -> Person:
    """Somebody in two private photos, named by hand."""
    person: Person = PersonFactory(name=name)
    house.faces(2, 2, person=person, is_private=True, state="assigned", is_confirmed=True, decided_by=owner)
    return person


def again(person: Person) -> Person:
    return Person.objects.get(pk=person.pk)


# ---- Names of people who were merged --------------------------------------------------------------------------------


def test_a_merged_person_of_whom_nothing_came_along_that_one_sees_has_no_name(
    owner: User, member_client: Client, admin_client: Client, house: House, anna: Person
) -> None:
    santa = known_to_owner(house, owner, "Secret Santa")
    event = services.refuse_face(house.face(2, person=santa, state="assigned"), owner)
    assert event
    assert lines(member_client) == []
    services.merge_people(anna, [santa], owner)
    assert lines(member_client) == ["anna said that a face is not somebody"]
    assert lines(member_client, f"{JOURNAL}?person={anna.pk}") == [], "which would tell who somebody is"
    page = text(admin_client, "/admin/faces/event/")
    assert "somebody" in page
    assert "Secret Santa" not in page + text(admin_client, f"/admin/faces/event/{event.pk}/change/")
    assert "0 events" in text(admin_client, "/admin/faces/event/?q=Santa")
    said = take_back(admin_client, event.pk)
    assert "Something that was decided since has to be taken back first." in said
    assert "Secret Santa" not in said


def test_the_author_of_an_entry_reads_no_name_that_was_given_out_of_their_sight(
    owner: User, member: User, member_client: Client, house: House, anna: Person
) -> None:
    tom = known_to_owner(house, owner, "Tom")
    face = house.face(2, person=tom, state="assigned")
    services.hide_person(tom, member, is_hidden=True)
    undo.undo_event(services.merge_people(anna, [tom], owner).event, owner)
    services.refuse_face(face, owner)
    services.rename_person(again(tom), "Secret Santa", owner)
    assert lines(member_client) == ["anna said that somebody is Anna"], "Tom is nobody whom they see now"
    services.merge_people(anna, [again(tom)], owner)
    assert lines(member_client) == [
        "anna said that a face is not somebody",
        "anna said that somebody is Anna",
        "You hid somebody",
    ]


def test_a_merged_person_whose_face_one_sees_keeps_their_name(
    owner: User, member_client: Client, admin_client: Client, house: House, anna: Person
) -> None:
    berta = PersonFactory(name="Berta")
    face = house.face(5, person=berta, state="assigned")
    services.name_faces([face.pk], "Berta", owner, same_as=berta.pk)
    services.merge_people(anna, [berta], owner)
    assert lines(member_client) == ["anna said that Berta is Anna", "anna said that a face is Berta"]
    assert lines(member_client, f"{JOURNAL}?person={anna.pk}") == lines(member_client)
    assert "Berta" in text(admin_client, "/admin/faces/event/?q=Berta")


# ---- What entries are about -----------------------------------------------------------------------------------------


def test_names_and_birthdays_from_before_the_house_knew_somebody_stay_with_who_said_them(
    owner: User, owner_client: Client, member_client: Client, house: House
) -> None:
    tom = known_to_owner(house, owner, "A surprise for Mum")
    services.rename_person(tom, "Tom", owner)
    services.set_birth_date(again(tom), dt.date(1980, 2, 3), owner)
    house.face(2, person=tom, state="assigned")
    services.rename_person(again(tom), "Thomas", owner)
    services.set_birth_date(again(tom), dt.date(1980, 2, 4), owner)
    since = ["anna said that Thomas was born on 4 February 1980", "anna renamed Tom to Thomas"]
    assert lines(member_client) == since
    assert len(lines(owner_client)) == 4
    Event.objects.filter(kind=Event.Kind.RENAME).update(before={"name": "A surprise for Mum", "after": "Tom"})
    assert lines(member_client) == since[:1], "an entry that does not say who knew them"


def test_a_cover_is_told_to_who_sees_the_picture(
    owner: User, owner_client: Client, member_client: Client, house: House, anna: Person
) -> None:
    services.set_cover(anna.faces.filter(photo__library=house.private)[0], owner)
    assert lines(owner_client) == ["You chose a picture of Anna"]
    assert lines(member_client) == []
    services.set_cover(anna.faces.filter(photo__library=house.library)[0], owner)
    assert lines(member_client) == ["anna chose a picture of Anna"]


def test_a_pair_is_told_to_who_sees_both_faces(
    owner: User, owner_client: Client, member_client: Client, house: House
) -> None:
    one, two, hidden = house.face(2), house.face(2), house.face(2, is_private=True)
    pairs.set_pair(one, hidden, owner, is_same=True)
    assert len(lines(owner_client)) == 1
    assert lines(member_client) == []
    pairs.set_pair(one, two, owner, is_same=True)
    assert lines(member_client) == ["anna said whether two faces are one person"]


def test_what_was_only_said_to_be_somebody_else_is_told_as_that(
    member: User, member_client: Client, admin_client: Client, house: House
) -> None:
    tom = PersonFactory(name="Tom")
    house.faces(4, 2, person=tom, state="assigned", is_confirmed=True)
    lost, hidden = house.face(5, person=tom, state="assigned"), house.face(5, is_private=True)
    change = {"gains": {}, "losses": {str(house.library.pk): [lost.pk]}, "kept": {}}
    result = {"people": {str(tom.pk): change}, "groups": [], "same_groups": {}}
    preview = Preview.objects.create(model="mobilefacenet", state="ready", result=result)
    admin_client.post(f"/people/recognition/previews/{preview.pk}/people/{tom.pk}/")
    assert lines(admin_client) == ["You said that a face is not Tom"]
    assert lines(member_client) == ["root said that a face is not Tom"]
    Event.objects.update(before={**Event.objects.get().before, "refused": [hidden.pk]})
    assert lines(member_client) == []
    Event.objects.update(before={**Event.objects.get().before, "refused": [lost.pk]})
    take_back(admin_client, Event.objects.get().pk)
    assert Face.objects.get(pk=lost.pk).person == tom
