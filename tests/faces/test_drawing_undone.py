"""A drawing and what was said of the drawn face afterwards are taken back in any order: at the end nothing is left."""

from __future__ import annotations

from itertools import permutations

import pytest
from django.contrib.auth.models import User

from faces import drawing, pairs, services, undo
from faces.models import Event, Face, FacePair, Person, Refusal
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
    "a pair": ["pair"],
    "a pair after a name": ["Tom", "pair"],
    "never a pair": ["Tom", "never"],
    "drawn again": ["Tom", "draw again"],
    "drawn again and named": ["Tom", "draw again", "Ida"],
    "drawn again over a pair": ["Tom", "pair", "draw again"],
}
STAYS = "Somebody decided about this face since: it stays."


def decide(what: str, face: Face, others: list[Face], by: User) -> Event | None:
    face = Face.objects.get(pk=face.pk)
    if what in {"pair", "never"}:
        return pairs.set_pair(face, others[0], by, is_same=what == "pair")
    if what == "draw again":
        take_back(Event.objects.get(kind=Event.Kind.DRAW), by)
        return drawing.draw_face(face.photo, BOX, by).event
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
            if (event := events[number]) is not None and Event.objects.get(pk=event.pk).undone_at is None:
                take_back(event, authors[number])
            holds = Event.objects.filter(undone_at__isnull=True).exists()
            assert Face.objects.filter(pk=drawn.face.pk).exists() == holds, (order, at)
        assert not Person.objects.exists(), order
        assert not Refusal.objects.exists(), order
        assert not FacePair.objects.exists(), order
        Event.objects.all().delete()
        Face.objects.all().delete()


def test_what_a_detector_found_since_stays_after_all_is_taken_back(house: House, owner: User, member: User) -> None:
    photo = PhotoFactory(library=house.library)
    drawn = drawing.draw_face(photo, BOX, owner, name="Kasimir")
    named = services.name_face(drawn.face, "Tom", member).event
    save(photo, found(0.12))
    assert drawn.event is not None
    assert take_back(drawn.event, owner) == [STAYS]
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


def test_a_face_goes_with_what_was_said_of_it_and_another_one(house: House, owner: User, member: User) -> None:
    photo, other = PhotoFactory(library=house.library), house.face(3)
    drawn = drawing.draw_face(photo, BOX, owner)
    named = services.name_face(drawn.face, "Tom", member).event
    assert drawn.event is not None
    assert take_back(drawn.event, owner) == [STAYS]
    pair = pairs.set_pair(drawn.face, other, owner, is_same=True)
    assert pair is not None
    assert take_back(named, member) == []
    assert FacePair.objects.exists()
    assert take_back(pair, owner) == []
    assert not photo.faces.exists()


def test_a_pair_holds_a_face_no_longer_when_the_other_one_is_gone(house: House, owner: User, member: User) -> None:
    photo, other = PhotoFactory(library=house.library), house.face(3)
    drawn = drawing.draw_face(photo, BOX, owner)
    pairs.set_pair(drawn.face, other, member, is_same=False)
    other.delete()
    assert drawn.event is not None
    assert take_back(drawn.event, owner) == []
    assert not photo.faces.exists()


def test_who_draws_a_face_again_whose_drawing_was_taken_back_keeps_it(house: House, owner: User, member: User) -> None:
    photo = PhotoFactory(library=house.library)
    first = drawing.draw_face(photo, BOX, owner)
    assert first.event is not None
    assert drawing.draw_face(photo, BOX, member).event is None, "the first drawing holds"
    named = services.name_face(first.face, "Tom", member).event
    take_back(first.event, owner)
    again = drawing.draw_face(photo, BOX, owner)
    assert again.event is not None
    assert (again.face.pk, again.person, again.is_as_before) == (first.face.pk, named.person, True)
    assert drawing.draw_face(photo, BOX, member).event is None, "one that holds is enough"
    assert take_back(named, member) == []
    face = photo.faces.get()
    assert (face.is_drawn, face.person, face.state) == (True, None, "unknown")
    assert take_back(again.event, owner) == []
    assert not photo.faces.exists()


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_drawing_again_says_nothing_of_who_it_is(
    house: House, owner: User, member: User, order: tuple[int, ...]
) -> None:
    """Between two names: each is there as long as it is said, whatever becomes of the drawings."""
    photo = PhotoFactory(library=house.library)
    first = drawing.draw_face(photo, BOX, owner)
    assert first.event is not None
    tom = services.name_face(first.face, "Tom", member).event
    take_back(first.event, owner)
    again = drawing.draw_face(photo, BOX, owner).event
    assert again is not None
    ida = services.name_face(Face.objects.get(pk=first.face.pk), "Ida", member).event
    names = {tom.pk: "Tom", ida.pk: "Ida"}
    events = [(tom, member), (again, owner), (ida, member)]
    for number in order:
        take_back(*events[number])
        held = Event.objects.filter(pk__in=names, undone_at__isnull=True).order_by("pk").last()
        face = Face.objects.filter(pk=first.face.pk).select_related("person").first()
        assert (face.person.name if face and face.person else None) == (names[held.pk] if held else None)
    assert not photo.faces.exists()
    assert not Person.objects.exists()


def test_who_stays_is_said_also_where_the_drawn_face_stays(house: House, owner: User, member: User) -> None:
    photo = PhotoFactory(library=house.library)
    drawn = drawing.draw_face(photo, BOX, owner, name="Kasimir")
    services.name_face(house.face(5), "Kasimir", member)
    services.name_face(drawn.face, "Tom", member)
    assert drawn.event is not None
    assert take_back(drawn.event, owner) == ["Kasimir stays: more faces were named since.", STAYS]


def test_a_drawing_between_a_merge_and_a_name_stands_between_nothing(house: House, owner: User, member: User) -> None:
    photo = PhotoFactory(library=house.library)
    first = drawing.draw_face(photo, BOX, owner)
    assert first.event is not None
    tom = services.name_face(first.face, "Tom", member).person
    take_back(first.event, owner)
    anna = services.name_face(house.face(1), "Anna", owner).person
    merge = services.merge_people(anna, [tom], owner).event
    drawing.draw_face(photo, BOX, owner)
    ida = services.name_face(Face.objects.get(pk=first.face.pk), "Ida", member).event
    take_back(merge, owner)
    take_back(ida, member)
    assert photo.faces.get().person == tom
