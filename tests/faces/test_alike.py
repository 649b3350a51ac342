"""Who looks like a person and may be the same one, named twice."""

from __future__ import annotations

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from faces.alike import look_alikes
from faces.models import Face, FacePair, Person
from tests.faces.conftest import House, look
from tests.factories import PersonFactory


def named(house: House, who: int, name: str, **fields: object) -> Person:
    """Somebody with two confirmed faces, each in a photo of its own."""
    person: Person = PersonFactory(name=name)
    for _ in range(2):
        house.face(who, person=person, state="assigned", is_confirmed=True, **fields)
    return person


def names(viewer: User, person: Person) -> list[str]:
    return [card.name for card in look_alikes(viewer, person)]


@pytest.fixture
def twice(house: House, anna: Person) -> Person:
    """Who was named a second time."""
    return named(house, 1, "Annie")


def test_who_was_named_twice_is_found_and_nobody_else(member: User, house: House, anna: Person, twice: Person) -> None:
    stranger = named(house, 7, "Berta")
    assert names(member, anna) == ["Annie"]
    assert names(member, twice) == ["Anna"]
    assert names(member, stranger) == []


def test_the_one_most_alike_comes_first_and_no_more_than_a_few(
    member: User, house: House, anna: Person, twice: Person
) -> None:
    for number in range(8):
        named(house, 1, f"Further {number}", embedding=look(1, 50 + number, noise=0.9))
    found = names(member, anna)
    assert found[0] == "Annie"
    assert len(found) == 6


def test_guesses_and_faces_that_show_little_are_not_compared(member: User, house: House, anna: Person) -> None:
    guessed: Person = PersonFactory(name="Guessed")
    house.face(1, person=guessed, state="assigned")
    named(house, 1, "Blurred", quality=0.3)
    assert names(member, anna) == []


@pytest.mark.parametrize("reason", ["hidden", "beside", "never"])
def test_who_cannot_be_or_shall_not_be_shown_is_left_out(
    member: User, house: House, anna: Person, twice: Person, reason: str
) -> None:
    one, other = (person.faces.filter(photo__library=house.library).order_by("pk")[0] for person in (anna, twice))
    if reason == "hidden":
        Person.objects.filter(pk=twice.pk).update(hidden=True)
    elif reason == "beside":
        house.face(1, photo=one.photo, person=twice, state="assigned", is_confirmed=True, x=0.7)
    else:
        FacePair.objects.create(
            one=min(one, other, key=lambda it: it.pk), other=max(one, other, key=lambda it: it.pk), is_same=False
        )
    assert names(member, anna) == []


def test_what_one_does_not_see_is_nobody_who_looks_alike(owner: User, member: User, house: House, anna: Person) -> None:
    own = named(house, 1, "Only mine", is_private=True)
    assert names(owner, anna) == ["Only mine"]
    assert names(member, anna) == []
    # Nor are faces compared that the viewer does not see, of whichever of the two.
    mixed = named(house, 8, "Mixed")
    house.faces(1, 3, person=mixed, state="assigned", is_confirmed=True, is_private=True, quality=0.99)
    assert names(owner, own) == ["Anna", "Mixed"]
    assert names(member, anna) == []
    like = named(house, 8, "Like the others of Mixed")
    assert names(member, mixed) == [like.name]
    assert like.name not in names(owner, mixed)


def test_what_was_said_of_faces_that_one_does_not_see_leaves_nobody_out(
    owner: User, member: User, house: House, anna: Person, twice: Person
) -> None:
    house.face(1, person=twice, state="assigned", is_confirmed=True, is_private=True)
    one, other = sorted((p.faces.filter(photo__library=house.private)[0] for p in (anna, twice)), key=lambda it: it.pk)
    one.is_confirmed = other.is_confirmed = True
    Face.objects.bulk_update([one, other], ["is_confirmed"])
    FacePair.objects.create(one=one, other=other, is_same=False)
    assert names(member, anna) == ["Annie"]
    assert names(owner, anna) == []


def test_an_embedding_of_another_length_is_compared_with_nobody(member: User, house: House, anna: Person) -> None:
    short = (np.ones(64, dtype=np.float32) / 8).tobytes()
    odd = named(house, 1, "Odd", embedding=short)
    assert names(member, odd) == names(member, anna) == []


def test_embeddings_that_are_none_and_people_of_another_model_are_passed_over(
    member: User, house: House, anna: Person
) -> None:
    for number, embedding in enumerate((b"", bytes(512), b"\xff" * 512, b"odd")):
        broken: Person = PersonFactory(name=f"Broken {number}")
        house.face(1, person=broken, state="assigned", is_confirmed=True, embedding=embedding)
        assert names(member, broken) == []
    named(house, 1, "Another", model="sface")
    assert names(member, anna) == []


def test_the_page_that_asks_who_else_it_is_shows_them(member_client: Client, anna: Person, twice: Person) -> None:
    page = member_client.get(f"/people/{anna.pk}/merge/").content.decode()
    assert f'href="/people/{anna.pk}/merge/?with={twice.pk}"' in page
    assert "They look alike" not in member_client.get(f"/people/{anna.pk}/merge/?with={twice.pk}").content.decode()


def test_more_people_make_no_more_queries(member: User, house: House, anna: Person, twice: Person) -> None:
    look_alikes(member, anna)  # the ids of libraries are asked once for each viewer
    with CaptureQueriesContext(connection) as few:
        assert len(look_alikes(member, anna)) == 1
    for number in range(5):
        named(house, 1, f"More {number}")
    with CaptureQueriesContext(connection) as many:
        assert len(look_alikes(member, anna)) == 6
    assert len(many) == len(few) <= 14
