"""A drawing and what was said of the drawn face afterwards are taken back in any order: at the end nothing is left."""

from __future__ import annotations

from itertools import permutations

import pytest
from django.contrib.auth.models import User

from faces import drawing, services, undo
from faces.models import Event, Face, Person, Refusal
from tests.faces.conftest import House
from tests.faces.test_analyzer import found, save
from tests.factories import PhotoFactory

BOX = drawing.DrawnBox(0.1, 0.2, 0.2, 0.3)
LATER = {
    "named": ["Tom"],
    "named twice": ["Tom", "Ida"],
    "refused": ["refuse", "Tom"],
    "no face": ["no face"],
    "no face after a name": ["Tom", "no face"],
    "a stranger": ["ignore"],
    "a stranger and back": ["ignore", "back"],
    "many at once": ["Tom and others"],
}


def decide(what: str, face: Face, others: list[Face], by: User) -> Event | None:
    face = Face.objects.get(pk=face.pk)
    if what == "refuse":
        return services.refuse_face(face, by) if face.person_id else None
    if what == "no face":
        return services.set_no_face(face, by)
    if what == "ignore":
        return services.ignore_faces([face.pk], by).event
    if what == "back":
        return services.take_strangers_back([face.pk], by).event
    if what == "Tom and others":
        return services.name_faces([face.pk, *(other.pk for other in others)], "Tom", by).event
    return services.name_face(face, what, by).event


def take_back(event: Event, by: User) -> list[str]:
    return undo.undo_event(Event.objects.get(pk=event.pk), by)


@pytest.mark.parametrize("name", ["", "Kasimir"], ids=["without a name", "with a name"])
@pytest.mark.parametrize(
    "later",
    [pytest.param(it, id=key, marks=[pytest.mark.slow] if len(it) > 1 else []) for key, it in LATER.items()],
)
def test_nothing_is_left_in_whatever_order_all_is_taken_back(
    house: House, owner: User, member: User, name: str, later: list[str]
) -> None:
    for order in permutations(range(len(later) + 1)):
        others = house.faces(3, 2)
        photo = PhotoFactory(library=house.library)
        drawn = drawing.draw_face(photo, BOX, owner, name=name)
        authors, events = [owner], [drawn.event]
        for number, what in enumerate(later):
            authors.append(owner if number else member)
            events.append(decide(what, drawn.face, others, authors[-1]))
        for at, number in enumerate(order):
            if (event := events[number]) is not None:
                take_back(event, authors[number])
            holds = any(events[it] is not None for it in order[at + 1 :])
            assert Face.objects.filter(pk=drawn.face.pk).exists() == holds, (order, at)
        assert not Person.objects.exists(), order
        assert not Refusal.objects.exists(), order
        Event.objects.all().delete()
        Face.objects.all().delete()


def test_what_a_detector_found_since_stays_after_all_is_taken_back(house: House, owner: User, member: User) -> None:
    photo = PhotoFactory(library=house.library)
    drawn = drawing.draw_face(photo, BOX, owner, name="Kasimir")
    named = services.name_face(drawn.face, "Tom", member).event
    save(photo, found(0.12))
    assert drawn.event is not None
    assert take_back(drawn.event, owner) == ["Somebody decided about this face since: it stays."]
    assert take_back(named, member) == [
        "The face was found in the photo since: it stays, but not as one that was drawn."
    ]
    face = photo.faces.get()
    assert (face.is_drawn, face.person, face.is_confirmed, face.state) == (False, None, False, "unknown")
    assert not Person.objects.exists()
    save(photo)
    assert not photo.faces.exists()


def test_a_face_over_which_two_drew_goes_with_the_first_drawing(house: House, owner: User, member: User) -> None:
    photo = PhotoFactory(library=house.library)
    first = drawing.draw_face(photo, BOX, owner).event
    second = drawing.draw_face(photo, BOX, member, name="Tom").event
    assert first is not None
    assert second is not None
    take_back(second, member)
    assert photo.faces.get().is_drawn, "the first drawing still holds"
    third = drawing.draw_face(photo, BOX, member, name="Tom").event
    assert third is not None
    take_back(first, owner)
    assert photo.faces.get().person is not None
    take_back(third, member)
    assert not photo.faces.exists()
