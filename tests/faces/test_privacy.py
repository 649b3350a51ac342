"""What was decided tells nobody of people and faces in other people's private libraries, and neither does undo."""

from __future__ import annotations

import datetime as dt
import html

import pytest
from django.contrib.auth.models import User
from django.test import Client

from faces import pairs, services, undo
from faces.models import Event, Face, FacePair, Person, Preview, Refusal
from gallery.models import Photo
from tests.faces.conftest import House
from tests.faces.test_journal import JOURNAL, lines
from tests.factories import ClusterFactory, PersonFactory


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


@pytest.mark.slow
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


@pytest.mark.slow
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
    assert lines(member_client) == ["anna said that two faces are always one person"]


@pytest.mark.slow
def test_what_was_only_said_to_be_somebody_else_is_told_as_that(
    member: User, member_client: Client, admin_client: Client, house: House
) -> None:
    tom = PersonFactory(name="Tom")
    house.faces(4, 2, person=tom, state="assigned", is_confirmed=True)
    lost, hidden = house.face(5, person=tom, state="assigned"), house.face(5, is_private=True)
    change = {"gains": {}, "losses": {str(house.library.pk): [lost.pk]}, "kept": {}}
    looks = {str(lost.pk): lost.embedding_crc}
    result = {"people": {str(tom.pk): change}, "groups": [], "same_groups": {}, "looks": looks}
    preview = Preview.objects.create(model="mobilefacenet", state="ready", result=result)
    admin_client.post(f"/people/recognition/previews/{preview.pk}/people/{tom.pk}/")
    assert lines(admin_client) == ["You said that a face is not Tom"]
    assert lines(member_client) == ["root said that a face is not Tom"]
    Event.objects.update(before={**Event.objects.get().before, "refused": [hidden.pk]})
    assert lines(member_client) == []
    Event.objects.update(before={**Event.objects.get().before, "refused": [lost.pk]})
    take_back(admin_client, Event.objects.get().pk)
    assert Face.objects.get(pk=lost.pk).person == tom


# ---- Undo -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_undo_says_nothing_of_faces_that_were_named_out_of_sight(
    owner: User, member: User, member_client: Client, house: House, anna: Person
) -> None:
    face, hidden = house.face(2), house.face(2, is_private=True)
    named = services.name_face(face, "Tom", member)
    services.name_face(hidden, "Tom", owner, same_as=named.person.pk)
    services.rename_person(again(named.person), "Secret Santa", owner)
    page = take_back(member_client, named.event.pk)
    assert "Taken back." in page
    assert "stays" not in page
    assert again(named.person).faces.get() == hidden
    seen, other = services.name_face(face, "Zoe", member), house.face(2)
    services.name_face(other, "Zoe", owner, same_as=seen.person.pk)
    assert "Zoe stays: more faces were named since." in take_back(member_client, seen.event.pk)


def test_undo_says_of_a_merge_only_who_knows_who_was_merged(
    owner: User, member: User, admin: User, house: House, anna: Person
) -> None:
    face = house.face(2)
    named = services.name_face(face, "Tom", member)
    guess = house.face(2, person=named.person, state="assigned")
    services.merge_people(named.person, [known_to_owner(house, owner, "Secret Santa")], owner)
    Face.objects.filter(person=named.person, photo__library=house.private).update(is_confirmed=False)
    assert undo.undo_event(named.event, member) == []
    assert Face.objects.get(pk=guess.pk).person == named.person


@pytest.mark.slow
def test_undo_gives_no_face_to_somebody_who_went_out_of_sight(owner: User, member: User, house: House) -> None:
    tom = known_to_owner(house, owner, "Tom")
    face = house.face(2, person=tom, state="assigned")
    first = services.name_face(face, "Dora", member)
    undo.undo_event(first.event, member)
    assert Face.objects.get(pk=face.pk).person == tom, "by that very decision they saw nothing more of Tom"
    for decide in (
        lambda: services.name_face(face, "Dora", member).event,
        lambda: services.name_faces([face.pk], "Dora", member, is_someone_else=True).event,
        lambda: services.refuse_face(face, member),
        lambda: services.set_no_face(face, member),
    ):
        event = decide()
        assert event
        services.rename_person(again(tom), f"Secret {event.pk}", owner)
        assert undo.undo_event(event, member) == []
        face.refresh_from_db()
        assert (face.person, face.state) == (None, "unknown")
        Face.objects.filter(pk=face.pk).update(person=tom, state="assigned")


def test_undo_of_a_pair_gives_no_face_to_somebody_who_went_out_of_sight(
    owner: User, member: User, house: House
) -> None:
    tom = known_to_owner(house, owner, "Tom")
    one, two = house.face(2, person=tom, state="assigned"), house.face(2, person=tom, state="assigned")
    event = pairs.set_pair(one, two, member, is_same=False)
    assert event
    Face.objects.filter(pk__in=[one.pk, two.pk]).update(person=None, state="unknown")
    services.rename_person(again(tom), "Secret Santa", owner)
    assert undo.undo_event(event, member) == []
    assert not Face.objects.filter(pk__in=[one.pk, two.pk], person=tom).exists()


@pytest.mark.slow
def test_an_administrator_takes_back_what_they_see_and_its_author_the_rest(
    owner: User, owner_client: Client, admin_client: Client, house: House, anna: Person
) -> None:
    group = ClusterFactory()
    seen, hidden = house.faces(2, 2, cluster=group), house.faces(2, 3, is_private=True, cluster=group)
    ids = [face.pk for face in (*seen, *hidden)]
    moved = services.name_faces(ids, "Tom", owner)
    assert "Taken back.</" in take_back(admin_client, moved.event.pk)
    assert {face.pk for face in moved.person.faces.all()} == {face.pk for face in hidden}
    assert lines(owner_client) == ["You said that 2 faces are Tom", "You said that 3 faces are Tom"]
    assert lines(admin_client) == [], "of Tom they see nothing any more"
    assert admin_client.post(f"/people/events/{moved.event.pk}/undo/").status_code == 404
    take_back(owner_client, moved.event.pk)
    assert not Person.objects.filter(name="Tom").exists()
    named = services.name_cluster(group, "Tom", owner, leave_out={seen[1].pk, hidden[0].pk})
    take_back(admin_client, named.event.pk)
    assert {face.pk for face in named.person.faces.all()} == {face.pk for face in hidden[1:]}
    assert [row.face_id for row in Refusal.objects.all()] == [hidden[0].pk]


def test_undo_counts_only_faces_that_one_sees(owner: User, member: User, house: House, anna: Person) -> None:
    named = services.name_face(house.face(2), "Tom", owner)
    faces = house.faces(2, 4, person=named.person, state="assigned")
    moved = services.move_faces([face.pk for face in faces], anna, member)
    undo.undo_event(named.event, owner)
    for face in faces[1:]:
        Photo.objects.filter(pk=face.photo_id).update(library=house.private)
    assert undo.undo_event(moved.event, member) == ["The people who one face was before are not there any more."]


def test_a_cover_that_one_does_not_see_stays_without_a_word(
    owner: User, member: User, house: House, anna: Person
) -> None:
    mine, other = anna.faces.filter(photo__library=house.library)[:2]
    hidden = anna.faces.filter(photo__library=house.private)[0]
    event = services.set_cover(mine, member)
    assert event
    services.set_cover(hidden, owner)
    assert undo.undo_event(event, member) == []
    assert again(anna).cover == hidden
    event = services.set_cover(mine, member)
    assert event
    services.set_cover(other, owner)
    assert undo.undo_event(event, member) == ["The cover was changed again since."]


def test_what_was_said_of_a_pair_out_of_sight_is_not_told(owner: User, member: User, house: House) -> None:
    one, two = house.faces(2, 2)
    event = pairs.set_pair(one, two, member, is_same=False)
    assert event
    Photo.objects.filter(pk=two.photo_id).update(library=house.private)
    pairs.set_pair(one, two, owner, is_same=True)
    assert undo.undo_event(event, member) == []
    assert FacePair.objects.get().is_same
