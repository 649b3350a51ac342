"""Which face stands for a person: the chosen one, a confirmed one that is good enough, the best."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from faces import people, services, undo
from faces.models import Face, Person
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


def test_a_cover_in_a_private_library_leaves_others_the_one_that_was_chosen_before() -> None:
    owner, member, person = UserFactory(), UserFactory(), PersonFactory()
    own = LibraryFactory(owner=owner, visibility="private")
    best = face(person, 0.9, sure=True)
    first, second = (face(person, 0.3, sure=True) for _ in range(2))
    secret = face(person, 0.8, sure=True, library=own)
    entries = {}
    for chosen in (first, second, secret):
        entries[chosen] = services.set_cover(Face.objects.get(pk=chosen), owner)
    person.refresh_from_db()
    assert [cover_of(owner, person), cover_of(member, person)] == [secret, second]
    undo.undo_event(entries[second], owner)
    assert [cover_of(owner, person), cover_of(member, person)] == [secret, first], "what was taken back was not chosen"
    other = PersonFactory()
    Face.objects.filter(pk=first).update(person=other)
    assert cover_of(member, person) == best, "of somebody else by now"
    Face.objects.filter(pk=first).update(person=person)
    undo.undo_event(entries[secret], owner)
    assert [cover_of(owner, person), cover_of(member, person)] == [first, first]
    undo.undo_event(entries[first], owner)
    assert [cover_of(owner, person), cover_of(member, person)] == [best, best]


@pytest.mark.parametrize("how", ["refused", "named otherwise", "no face", "deleted"])
def test_a_private_cover_that_goes_changes_nothing_for_who_does_not_see_it(how: str) -> None:
    owner, member, person = UserFactory(), UserFactory(), PersonFactory()
    own = LibraryFactory(owner=owner, visibility="private")
    best, formerly = face(person, 0.9, sure=True), face(person, 0.3, sure=True)
    secret = Face.objects.get(pk=face(person, 0.8, sure=True, library=own))
    services.set_cover(Face.objects.get(pk=formerly), owner)
    services.set_cover(secret, owner)
    assert [cover_of(owner, person), cover_of(member, person)] == [secret.pk, formerly]
    event = {
        "refused": lambda: services.refuse_face(secret, owner),
        "named otherwise": lambda: services.name_face(secret, "Tom", owner).event,
        "no face": lambda: services.set_no_face(secret, owner),
        "deleted": lambda: secret.photo.delete() and None,
    }[how]()
    person.refresh_from_db()
    assert person.cover_id is None
    assert [cover_of(owner, person), cover_of(member, person)] == [formerly, formerly]
    never = PersonFactory()
    unchosen = face(never, 0.5, sure=True)
    assert cover_of(member, never) == unchosen
    if event is not None:
        undo.undo_event(event, owner)
        assert [cover_of(owner, person), cover_of(member, person)] == [secret.pk, formerly]
    services.refuse_face(Face.objects.get(pk=formerly), owner)
    assert cover_of(member, person) == best


@pytest.mark.parametrize("chosen", ["none", "one that is seen", "also one that is not seen"])
def test_covers_cost_as_many_queries_however_many_there_are(chosen: str) -> None:
    owner, member = UserFactory(), UserFactory()
    own = LibraryFactory(owner=owner, visibility="private")
    libraries = {"none": [], "one that is seen": [None], "also one that is not seen": [None, own]}[chosen]

    def another() -> int:
        person = PersonFactory()
        for library in libraries:
            services.set_cover(Face.objects.get(pk=face(person, 0.5, sure=True, library=library)), owner)
        face(person, 0.4, sure=True)
        return person.pk

    def queries(ids: list[int]) -> int:
        viewer = User.objects.get(pk=member.pk)
        with CaptureQueriesContext(connection) as captured:
            assert len(people.person_covers(viewer, ids)) == len(ids)
        return len(captured)

    ids = [another() for _ in range(2)]
    few = queries(ids)
    assert queries([*ids, another(), another()]) == few
