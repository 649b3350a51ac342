"""What people say about two faces: at once, by the job, and taken back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.http import Http404
from django.test import Client

from faces import pairs, services, undo
from faces.keeper import FaceKeeper
from faces.models import Event, Face, FacePair, Person, Refusal
from tests.faces.conftest import House, look
from tests.factories import PersonFactory, PhotoFactory


def confirmed(house: House, person: Person, who: int = 1, **fields: object) -> Face:
    return house.face(who, person=person, state="assigned", is_confirmed=True, **fields)


def person_of(face: Face) -> Person | None:
    face.refresh_from_db()
    return face.person


@pytest.fixture
def mia() -> Person:
    return PersonFactory(name="Mia")


def test_never_these_two_takes_a_guess_back_for_ever(
    house: House, mia: Person, member: User, regroup: Callable[[], object]
) -> None:
    known = confirmed(house, mia)
    guess = house.face(1)
    regroup()
    assert person_of(guess) == mia
    event = pairs.set_pair(guess, known, member, is_same=False)
    assert event
    assert (event.kind, event.person) == (Event.Kind.PAIR, mia)
    assert person_of(guess) is None
    regroup()
    assert person_of(guess) is None
    assert undo.undo_event(event, member) == []
    assert person_of(guess) == mia
    assert not FacePair.objects.exists()


def test_always_these_two_gives_the_person_to_all_that_are_tied(
    house: House, mia: Person, member: User, regroup: Callable[[], object]
) -> None:
    known = confirmed(house, mia)
    far, farther, refused = house.face(5, photo=known.photo), house.face(6), house.face(7)
    Refusal.objects.create(face=refused, person=mia)
    pairs.set_pair(far, farther, member, is_same=True)
    assert person_of(far) is None
    pairs.set_pair(refused, far, member, is_same=True)
    event = pairs.set_pair(known, far, member, is_same=True)
    assert (person_of(far), person_of(farther), person_of(refused)) == (mia, mia, None)
    regroup()
    assert (person_of(far), person_of(farther), person_of(refused)) == (mia, mia, None)
    assert event
    undo.undo_event(event, member)
    assert (person_of(far), person_of(farther)) == (None, None)


def test_a_contradicting_pair_is_replaced_and_comes_back(house: House, mia: Person, member: User) -> None:
    known, other = confirmed(house, mia), house.face(3)
    pairs.set_pair(known, other, member, is_same=True)
    assert pairs.set_pair(other, known, member, is_same=True) is None, "that is known"
    second = pairs.set_pair(known, other, member, is_same=False)
    assert FacePair.objects.get().is_same is False
    assert person_of(other) is None
    assert second
    undo.undo_event(second, member)
    assert FacePair.objects.get().is_same is True
    assert person_of(other) == mia


def test_of_two_faces_that_were_named_only_what_may_be_said_is_offered(
    house: House, mia: Person, member_client: Client, regroup: Callable[[], object]
) -> None:
    first, _, _ = confirmed(house, mia), confirmed(house, mia), confirmed(house, PersonFactory(name="Tom"))
    regroup()
    page = member_client.get(f"/faces/{first.pk}/why/").content.decode()
    assert page.count(">Always these two<") == page.count(">Never these two<") == 1


def test_what_was_said_later_of_the_two_stands(house: House, mia: Person, member: User) -> None:
    known, other = confirmed(house, mia), house.face(3)
    first = pairs.set_pair(known, other, member, is_same=True)
    pairs.set_pair(known, other, member, is_same=False)
    assert first
    assert undo.undo_event(first, member) == ["Somebody said something else about these two since."]
    assert FacePair.objects.get().is_same is False


def test_what_cannot_be_said_of_two_faces(house: House, mia: Person, member: User, owner: User) -> None:
    known, also = confirmed(house, mia), confirmed(house, mia)
    tom, hidden = confirmed(house, PersonFactory(name="Tom"), 2), house.face(4, is_private=True)
    for other, is_same, why in (
        (known, False, "same face"),
        (also, False, "named Mia"),
        (tom, True, "and the other Tom"),
    ):
        with pytest.raises(pairs.NoPair, match=why):
            pairs.set_pair(known, other, member, is_same=is_same)
    with pytest.raises(Http404):
        pairs.set_pair(known, hidden, member, is_same=True)
    assert pairs.set_pair(known, hidden, owner, is_same=True)
    services.set_no_face(hidden, owner)
    with pytest.raises(pairs.NoPair, match="set aside"):
        pairs.set_pair(also, hidden, owner, is_same=True)


def test_a_photo_that_takes_anothers_place_takes_no_name_that_its_face_never_has(
    house: House, mia: Person, member: User
) -> None:
    source, target = PhotoFactory(library=house.library), PhotoFactory(library=house.library)
    same = {"embedding": look(1, 77)}
    confirmed(house, mia, photo=source, digest=source.digest, **same)
    ours = house.face(1, photo=target, digest=target.digest, **same)
    pairs.set_pair(ours, confirmed(house, mia), member, is_same=False)
    FaceKeeper().move([source.pk], target.pk)
    assert person_of(ours) is None
