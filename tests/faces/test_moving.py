"""Saying something about many faces at once, and taking it back."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from faces import services, undo
from faces.access import get_event
from faces.models import Event, Face, Person, Refusal
from tests.faces.conftest import House, Regroup
from tests.faces.test_merging import everything, row
from tests.factories import ClusterFactory, PersonFactory


@pytest.fixture
def tom(house: House) -> Person:
    made: Person = PersonFactory(name="Tom")
    house.faces(4, 2, person=made, state="assigned", is_confirmed=True)
    return made


def pks(faces: list[Face]) -> list[int]:
    return [face.pk for face in faces]


def taken_back(event: Event, by: User) -> list[str]:
    return undo.undo_event(get_event(by, event.pk), by)


def test_chosen_faces_become_somebody_else_and_come_back(owner: User, house: House, anna: Person) -> None:
    faces = list(anna.faces.order_by("pk"))
    Person.objects.filter(pk=anna.pk).update(cover=faces[0])
    before = everything()
    moved = services.name_faces(pks(faces[:2] + faces[3:4]), "Anneliese", owner)
    assert (moved.count, moved.remarks) == (3, [])
    assert [row(face) for face in faces] == [("Anneliese", True)] * 2 + [
        ("Anna", True),
        ("Anneliese", True),
        ("Anna", False),
    ]
    assert taken_back(moved.event, owner) == []
    assert everything() == before


def test_many_at_once_leave_refused_faces_and_nobody_twice_in_a_photo(owner: User, house: House, tom: Person) -> None:
    refused, plain, better = house.face(4), house.face(4), house.face(4, quality=0.9)
    Refusal.objects.create(face=refused, person=tom)
    beside = house.face(4, photo=better.photo, x=0.8)
    guess = house.face(4, photo=plain.photo, person=tom, state="assigned", x=0.8)
    before = everything()
    moved = services.move_faces(pks([refused, plain, better, beside]), tom, owner)
    assert moved.remarks == [
        "One face stays as before, because somebody said before that it is not Tom.",
        "One face stays as before, because another face in the same photo is Tom.",
    ]
    assert [row(face)[0] for face in (refused, plain, better, beside, guess)] == [None, "Tom", "Tom", None, None]
    assert taken_back(moved.event, owner) == []
    assert everything() == before
    # One face alone was meant.
    alone = services.move_faces([refused.pk], tom, owner)
    assert row(refused) == ("Tom", True)
    assert not Refusal.objects.exists()
    taken_back(alone.event, owner)
    assert everything() == before


def test_guesses_are_confirmed_together(owner: User, anna: Person, tom: Person) -> None:
    moved = services.confirm_faces(anna.faces.values_list("pk", flat=True), anna, owner)
    assert moved.count == 2
    assert not anna.faces.filter(is_confirmed=False).exists()
    with pytest.raises(services.NothingToName):
        services.confirm_faces(tom.faces.values_list("pk", flat=True), anna, owner)
    taken_back(moved.event, owner)
    assert anna.faces.filter(is_confirmed=False).count() == 2


def test_many_are_refused_for_ever_and_not_for_others(owner: User, anna: Person, tom: Person, regroup: Regroup) -> None:
    before = everything()
    chosen = list(anna.faces.order_by("pk")[1:4])
    moved = services.refuse_faces([*pks(chosen), tom.faces.all()[0].pk], anna, owner)
    assert moved.count == 3
    regroup()
    assert {row(face) for face in chosen} == {(None, False)}
    assert Refusal.objects.filter(person=anna).count() == 3
    assert taken_back(moved.event, owner) == []
    assert everything() == before


def test_strangers_are_set_aside_and_taken_back(owner: User, member: User, house: House, anna: Person) -> None:
    cluster = ClusterFactory(size=3)
    house.faces(9, 2, cluster=cluster)
    private = house.face(9, cluster=cluster, is_private=True)
    before = everything()
    moved = services.ignore_cluster(cluster, member)
    assert moved.count == 2
    assert Face.objects.get(pk=private.pk).state == "unknown"
    cluster.refresh_from_db()
    assert cluster.size == 1
    again = services.take_strangers_back(Face.objects.filter(state="ignored").values_list("pk", flat=True), member)
    assert everything() == before
    assert taken_back(again.event, member) == []
    assert Face.objects.filter(state="ignored").count() == 2
    assert taken_back(moved.event, member) == []
    assert everything() == before
    one = anna.faces.first()
    assert one
    dropped = services.set_no_faces([one.pk], owner)
    assert Face.objects.get(pk=one.pk).state == "not_a_face"
    taken_back(dropped.event, owner)
    assert everything() == before


def test_what_is_decided_later_stands(owner: User, member: User, anna: Person, tom: Person) -> None:
    faces = list(anna.faces.filter(is_confirmed=True).order_by("pk"))
    moved = services.move_faces(pks(faces), tom, owner)
    services.refuse_face(faces[0], member)
    services.merge_people(anna, [PersonFactory()], owner)
    assert taken_back(moved.event, owner) == ["One face was changed or deleted since, and stays as it is."]
    assert [row(face) for face in faces] == [(None, False), ("Anna", True), ("Anna", True)]
    with pytest.raises(undo.AlreadyUndone):
        taken_back(moved.event, owner)


def test_faces_come_back_to_whom_their_person_was_merged_into(owner: User, anna: Person, tom: Person) -> None:
    face = tom.faces.order_by("pk")[0]
    moved = services.move_faces([face.pk], anna, owner)
    other = PersonFactory(name="Thomas")
    merged = services.merge_people(other, [tom], owner)
    taken_back(moved.event, owner)
    assert row(face) == ("Thomas", True)
    taken_back(merged.event, owner)
    assert row(face) == ("Tom", True), "as if it had been there all the time"


def test_a_person_made_by_a_move_goes_with_it(owner: User, anna: Person) -> None:
    moved = services.name_faces([anna.faces.all()[0].pk], "New", owner)
    assert moved.person
    taken_back(moved.event, owner)
    assert not Person.objects.filter(name="New").exists()


def test_a_date_of_birth_is_told_and_taken_back(owner: User, anna: Person) -> None:
    event = services.set_birth_date(anna, dt.date(2020, 2, 29), owner)
    assert event
    assert services.set_birth_date(anna, dt.date(2020, 2, 29), owner) is None
    with pytest.raises(ValueError, match="past"):
        services.set_birth_date(anna, timezone.localdate() + dt.timedelta(days=1), owner)
    second = services.set_birth_date(anna, None, owner)
    assert second
    assert taken_back(event, owner) == ["The date of birth was changed again since."]
    assert taken_back(second, owner) == []
    assert Person.objects.get(pk=anna.pk).birth_date is None, "the date was taken back before"


def test_what_was_taken_back_does_not_come_up_again(owner: User, house: House, anna: Person, tom: Person) -> None:
    face = house.face(9)
    named = services.name_face(face, "Anna", owner)
    refused = services.refuse_face(face, owner)
    moved = services.move_faces([face.pk], tom, owner)
    assert refused
    assert taken_back(named.event, owner) == ["One face was changed or deleted since, and stays as it is."]
    assert taken_back(refused, owner) == ["One face was changed or deleted since, and stays as it is."]
    assert row(face) == ("Tom", True)
    assert taken_back(moved.event, owner) == []
    assert row(face) == (None, False), "neither Anna, nor refused as her"
    assert not Refusal.objects.exists()


def test_how_many_stay_is_told_to_who_decided_about_them(
    owner: User, admin: User, house: House, anna: Person, tom: Person
) -> None:
    faces = [*house.faces(4, 2), *house.faces(4, 2, is_private=True)]
    moved = services.move_faces(pks(faces), tom, owner)
    services.move_faces(pks(faces[1:]), anna, owner)
    assert taken_back(moved.event, admin) == ["What was changed or deleted since stays as it is."]
    assert row(faces[0]) == (None, False)
