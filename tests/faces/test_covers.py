"""Which face stands for a person: the chosen one, a confirmed one that is good enough, the best."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from faces import people
from faces.models import Person
from gallery.models import Library
from tests.factories import FaceFactory, LibraryFactory, PersonFactory, PhotoFactory, UserFactory

pytestmark = pytest.mark.django_db


def cover_of(viewer: User, person: Person) -> int | None:
    again = User.objects.get(pk=viewer.pk)  # a request's user remembers which libraries they see
    found = people.person_covers(again, [person.pk]).get(person.pk)
    return found.id if found else None


def face(person: Person, quality: float, *, sure: bool, library: Library | None = None) -> int:
    photo = PhotoFactory(library=library) if library else PhotoFactory()
    return FaceFactory(
        photo=photo, digest=photo.digest, person=person, state="assigned", quality=quality, is_confirmed=sure
    ).pk


def test_a_confirmed_face_that_is_good_enough_goes_before_a_better_guess() -> None:
    viewer, person = UserFactory(), PersonFactory()
    guess = face(person, 0.9, sure=False)
    assert cover_of(viewer, person) == guess
    face(person, 0.3, sure=True)
    assert cover_of(viewer, person) == guess
    sure = face(person, people.COVER_QUALITY, sure=True)
    assert cover_of(viewer, person) == sure
    best = face(person, 0.8, sure=True)
    assert cover_of(viewer, person) == best


def test_a_confirmed_face_that_is_not_good_is_better_than_a_worse_guess() -> None:
    viewer, person = UserFactory(), PersonFactory()
    face(person, 0.2, sure=False)
    sure = face(person, 0.3, sure=True)
    assert cover_of(viewer, person) == sure


def test_the_chosen_face_stands_whatever_its_quality_and_no_hidden_face_does() -> None:
    viewer, person = UserFactory(), PersonFactory()
    own = LibraryFactory(owner=UserFactory(), visibility="private")
    secret = face(person, 0.95, sure=True, library=own)
    shown = face(person, 0.7, sure=False)
    assert cover_of(viewer, person) == shown
    person.cover_id = secret
    person.save()
    assert cover_of(viewer, person) == shown
    person.cover_id = face(person, 0.1, sure=True)
    person.save()
    assert cover_of(viewer, person) == person.cover_id
