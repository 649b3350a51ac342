"""Faces that another program marked and named: who becomes whose, what stands against it, and that it happens once."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from faces import pairs, panels, services, undo
from faces.access import get_event
from faces.models import Event, Face, MarkedName, Person, Refusal
from gallery import search_text
from gallery.models import Photo, Region
from tests.faces.conftest import House
from tests.faces.marks import mark, read, who
from tests.factories import PersonFactory, PhotoFactory


def test_a_marked_face_is_a_confirmed_face_of_the_person(house: House) -> None:
    face = house.face(1)
    mark(face.photo, "Oma Erna")
    read(face.photo)
    assert who(face) == ("Oma Erna", True)
    assert face.decided_by is None
    (event,) = Event.objects.all()
    assert (event.kind, event.actor, event.person) == ("marked", None, face.person)


@pytest.mark.parametrize("name", ["anna", "ANNA", "  Anna\u200b ", "Ánna"])
def test_names_are_compared_as_everywhere(house: House, anna: Person, name: str) -> None:
    face = house.face(9)
    mark(face.photo, name)
    read(face.photo)
    assert who(face) == ("Anna", True)
    assert face.person == anna


def test_reading_again_does_nothing_more(house: House, django_assert_max_num_queries: Any) -> None:
    face = house.face(1)
    mark(face.photo, "Oma")
    read(face.photo)
    before = list(Face.objects.values()), list(Event.objects.values()), list(MarkedName.objects.values())
    Region.objects.all().delete()
    mark(face.photo, "Oma")  # as recording does: deleted and written anew
    with django_assert_max_num_queries(2):
        read(face.photo)
    assert (list(Face.objects.values()), list(Event.objects.values()), list(MarkedName.objects.values())) == before
    with django_assert_max_num_queries(1):
        read(PhotoFactory.build(pk=77, library=house.library))


def test_the_mark_goes_and_the_name_stays(house: House) -> None:
    face = house.face(1)
    mark(face.photo, "Oma")
    read(face.photo)
    Region.objects.all().delete()
    read(face.photo)
    assert who(face) == ("Oma", True)


def test_what_a_person_said_stands(house: House, owner: User, anna: Person) -> None:
    face = house.face(1)
    services.name_face(face, "Berta", owner)
    mark(face.photo, "Anna")
    read(face.photo)
    assert who(face) == ("Berta", True)
    assert face.decided_by == owner


def test_a_refusal_is_obeyed_before_and_after(house: House, owner: User, anna: Person) -> None:
    before = house.face(1, person=anna, state="assigned")
    services.refuse_face(before, owner)
    mark(before.photo, "Anna")
    after = house.face(1)
    mark(after.photo, "Anna")
    read(before.photo, after.photo)
    assert who(before) == ("", False)
    assert who(after) == ("Anna", True)
    services.refuse_face(after, owner)
    read(before.photo, after.photo)
    assert (who(before), who(after)) == (("", False), ("", False))
    assert Refusal.objects.count() == 2


def test_never_one_person_is_obeyed(house: House, owner: User, anna: Person) -> None:
    sure = Face.objects.filter(person=anna, is_confirmed=True)[0]
    face, one, other = house.face(1), house.face(2), house.face(2)
    pairs.set_pair(face, sure, owner, is_same=False)
    pairs.set_pair(one, other, owner, is_same=False)
    mark(face.photo, "Anna")
    for it in (one, other):  # the first that is named speaks for the second
        mark(it.photo, "Tom")
    read(face.photo, one.photo, other.photo)
    assert who(face)[1] is False
    assert [who(one), who(other)[1]] == [("Tom", True), False]


def test_no_face_stays_no_face(house: House, owner: User) -> None:
    face = house.face(1)
    services.set_no_face(face, owner)
    mark(face.photo, "Oma")
    read(face.photo)
    face.refresh_from_db()
    assert face.state == Face.State.NOT_A_FACE
    assert not Person.objects.exists()


def test_a_guess_gives_way(house: House, anna: Person) -> None:
    berta = PersonFactory(name="Berta")
    wrong = house.face(2, person=anna, state="assigned")
    other = house.face(3, photo=wrong.photo, person=berta, state="assigned", x=0.05)
    mark(wrong.photo, "Berta")
    read(wrong.photo)
    assert who(wrong) == ("Berta", True)
    assert who(other) == ("", False), "two faces of a photo are never one person"


def test_undone_it_never_comes_back(house: House, admin: User) -> None:
    first, second = house.face(1), house.face(1)
    mark(first.photo, "Oma")
    mark(second.photo, "Oma")
    read(first.photo, second.photo)
    event = Event.objects.get()
    assert undo.undo_event(get_event(admin, event.pk), admin) == []
    assert (who(first), who(second)) == (("", False), ("", False))
    assert not Person.objects.exists(), "whom the file alone had brought along"
    read(first.photo, second.photo)
    assert (who(first), who(second)) == (("", False), ("", False))


def test_undo_of_the_first_leaves_what_came_later(house: House, admin: User) -> None:
    first, second = house.face(1), house.face(1)
    mark(first.photo, "Oma")
    mark(second.photo, "Oma")
    read(first.photo)
    read(second.photo)
    event = Event.objects.order_by("id").first()
    assert event is not None
    undo.undo_event(get_event(admin, event.pk), admin)
    assert (who(first), who(second)) == (("", False), ("Oma", True))


def test_the_journal_is_taken_back_in_the_administration(house: House, admin_client: Client) -> None:
    face = house.face(1)
    mark(face.photo, "Oma")
    read(face.photo)
    event = Event.objects.get()
    data = {"action": "take_back", "_selected_action": [event.pk]}
    answer = admin_client.post("/admin/faces/event/", data, follow=True)
    assert "1 entry was taken back." in answer.content.decode()
    assert who(face) == ("", False)


def test_a_renamed_person_is_still_meant(house: House, owner: User) -> None:
    first = house.face(1)
    mark(first.photo, "Anna M.")
    read(first.photo)
    first.refresh_from_db()
    assert first.person is not None
    services.rename_person(first.person, "Anna Müller", owner)
    second = house.face(1)
    mark(second.photo, "anna m.")
    read(first.photo, second.photo)
    assert who(second) == ("Anna Müller", True)
    assert Person.objects.count() == 1


def test_of_several_of_the_name_nobody_is_guessed(house: House, anna: Person) -> None:
    other = PersonFactory(name="Anna")
    house.face(5, person=other, state="assigned", is_confirmed=True)
    unclear, clear = house.face(9), house.face(5, person=other, state="assigned")
    mark(unclear.photo, "Anna")
    mark(clear.photo, "Anna")
    read(unclear.photo, clear.photo)
    assert who(unclear) == ("", False)
    clear.refresh_from_db()
    assert (clear.person, clear.is_confirmed) == (other, True)


def test_a_file_does_not_tell_of_people_whom_its_viewers_do_not_know(house: House, secret: Person) -> None:
    """In the owner's private library it is the secret one; in the house's, somebody new of the same name."""
    shared, private = house.face(7), house.face(7, is_private=True)
    mark(shared.photo, "SECRET SANTA")
    mark(private.photo, "secret santa")
    read(private.photo)
    read(shared.photo)
    private.refresh_from_db()
    shared.refresh_from_db()
    assert private.person == secret
    assert shared.person is not None
    assert (shared.person == secret, shared.person.name) == (False, "SECRET SANTA")


def test_two_names_on_one_face(house: House, owner: User) -> None:
    """The box that fits better; the other name is done with, and does not come when the first one is refused."""
    face = house.face(1)
    mark(face.photo, "Wide", (0.3, 0.05, 0.4, 0.6))
    mark(face.photo, "Close")
    read(face.photo)
    assert who(face) == ("Close", True)
    services.refuse_face(face, owner)
    read(face.photo)
    assert who(face) == ("", False)


def test_one_box_over_two_faces_names_neither(house: House) -> None:
    left = house.face(1, x=0.2, y=0.3, w=0.2, h=0.3)
    right = house.face(2, photo=left.photo, x=0.6, y=0.3, w=0.2, h=0.3)
    mark(left.photo, "The twins", (0.18, 0.28, 0.64, 0.34))
    read(left.photo)
    assert (who(left), who(right)) == (("", False), ("", False))


def test_neighbours_are_told_apart(house: House) -> None:
    """Wide boxes that reach into the neighbour's face."""
    left = house.face(1, x=0.30, y=0.3, w=0.15, h=0.2)
    right = house.face(2, photo=left.photo, x=0.47, y=0.3, w=0.15, h=0.2)
    mark(left.photo, "Right", (0.43, 0.22, 0.24, 0.33))
    mark(left.photo, "Left", (0.25, 0.22, 0.24, 0.33))
    read(left.photo)
    assert (who(left)[0], who(right)[0]) == ("Left", "Right")


def test_one_name_twice_in_a_photo_is_one_face(house: House) -> None:
    left = house.face(1, x=0.1)
    right = house.face(1, photo=left.photo, x=0.7)
    mark(left.photo, "Oma", (0.1, 0.2, 0.2, 0.3))
    mark(left.photo, "oma", (0.68, 0.16, 0.24, 0.38))
    read(left.photo)
    assert (who(left)[0], who(right)[0]) == ("Oma", "")
    read(left.photo)
    assert (who(left)[0], who(right)[0]) == ("Oma", "")


def test_a_whole_person_is_no_face(house: House) -> None:
    face = house.face(1, x=0.45, y=0.1, w=0.1, h=0.12)
    mark(face.photo, "Oma", (0.3, 0.05, 0.4, 0.9))
    read(face.photo)
    assert who(face) == ("", False)


def test_a_mark_without_a_face_waits_and_is_shown(house: House, owner: User, owner_client: Client) -> None:
    photo = PhotoFactory(library=house.library)
    mark(photo, "Oma Erna")
    read(photo)
    assert not Person.objects.exists()
    search_text.write([photo.pk])
    assert "oma erna" in photo.search_text.text
    page = owner_client.get(photo.get_absolute_url()).content.decode()
    assert "Oma Erna" in page
    assert "marked in the file; PictoPy found no face there" in page
    # A better detector comes.
    face = house.face(1, photo=photo)
    read(photo)
    assert who(face) == ("Oma Erna", True)
    page = owner_client.get(photo.get_absolute_url()).content.decode()
    assert "found no face there" not in page
    assert "named in the file" in page
    # And what a person says since is no longer the file's word.
    services.refuse_face(face, owner)
    page = owner_client.get(photo.get_absolute_url()).content.decode()
    assert "Oma Erna" not in page.partition('id="photo_people_names"')[0]


def test_a_mark_of_a_hidden_person_is_not_shown(house: House, owner: User, anna: Person) -> None:
    services.hide_person(anna, owner, is_hidden=True)
    photo = PhotoFactory(library=house.library)
    mark(photo, "anna")
    assert panels.people_panel(owner, photo).context["regions"] == []


def test_faces_of_other_content_are_not_named(house: House) -> None:
    """After an edit the box may mean something else, until the face is found again."""
    face = house.face(1, digest="f" * 64)
    mark(face.photo, "Oma")
    read(face.photo)
    assert who(face) == ("", False)


def test_a_batch_takes_a_constant_number_of_queries(house: House, django_assert_max_num_queries: Any) -> None:
    def batch(count: int) -> list[Photo]:
        faces = [house.face(1) for _ in range(count)]
        for face in faces:
            mark(face.photo, "Oma")
        return [face.photo for face in faces]

    few, many = batch(2), batch(12)
    read(*batch(1))
    for photos in (few, many):
        with django_assert_max_num_queries(20):
            read(*photos)
