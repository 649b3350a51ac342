"""Decisions about one thing are taken back in any order: what somebody still says stays, and nothing comes up again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import partial
from random import Random

import pytest
from django.contrib.auth.models import User
from django.db.models import Q

from faces import drawing, pairs, services, undo
from faces.keeper import FaceKeeper
from faces.models import Cluster, Event, Face, FacePair, Person, Refusal
from tests.faces.conftest import MODEL, House
from tests.faces.test_decisions import act, build
from tests.factories import FaceFactory, PersonFactory, PhotoFactory

EITHER = pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["oldest first", "latest first"])

DECISIONS = (
    "name", "name many", "name group", "rename", "refuse", "refuse many", "no face", "no faces", "hide", "move",
    "confirm", "merge", "merge", "ignore", "ignore group", "back",
)  # fmt: skip


def take_back(owner: User, *events: Event | None) -> None:
    """As one after the other is taken back: rows as they are by then."""
    for event in events:
        assert event is not None
        undo.undo_event(Event.objects.get(pk=event.pk), owner)


def is_refused(face: Face, person: Person) -> bool:
    return Refusal.objects.filter(face=face, person=person).exists()


def somebody(house: House, who: int, name: str) -> Person:
    person: Person = PersonFactory(name=name)
    house.faces(who, 2, person=person, state="assigned", is_confirmed=True)
    return person


# ---- Refusals -------------------------------------------------------------------------------------------------------


@EITHER
@pytest.mark.parametrize("then", ["refused again", "named otherwise"])
def test_a_refusal_that_a_name_lifted_comes_back_in_any_order(
    owner: User, house: House, anna: Person, order: tuple[int, int], then: str
) -> None:
    face = house.face(1, person=anna, state="assigned")
    first = services.refuse_face(face, owner)
    named = services.name_face(face, "Anna", owner).event
    later = (
        services.refuse_face(face, owner) if then == "refused again" else services.name_face(face, "Tom", owner).event
    )
    events = [named, later]
    take_back(owner, events[order[0]])
    assert is_refused(face, anna) == (order == (0, 1))
    take_back(owner, events[order[1]])
    assert is_refused(face, anna)
    take_back(owner, first)
    assert not Refusal.objects.exists()


@EITHER
def test_what_two_merges_say_stays_until_both_are_taken_back(owner: User, house: House, order: tuple[int, int]) -> None:
    anna, berta, clara = (somebody(house, who, name) for who, name in enumerate(("Anna", "Berta", "Clara")))
    face = house.face(1)
    for person in (anna, clara):
        Refusal.objects.create(face=face, person=person, decided_by=owner)
    merges = [services.merge_people(berta, [person], owner).event for person in (anna, clara)]
    take_back(owner, merges[order[0]])
    assert is_refused(face, berta), "the other merge says it still"
    take_back(owner, merges[order[1]])
    assert not is_refused(face, berta)
    assert is_refused(face, anna)
    assert is_refused(face, clara)


def test_what_a_merge_said_goes_with_it_also_of_a_face_that_was_set_aside_since(owner: User, house: House) -> None:
    anna, berta = somebody(house, 1, "Anna"), somebody(house, 2, "Berta")
    face = house.face(2)
    Refusal.objects.create(face=face, person=anna, decided_by=owner)
    merge = services.merge_people(berta, [anna], owner).event
    aside = services.ignore_faces([face.pk], owner).event
    take_back(owner, merge, aside)
    assert not is_refused(face, berta)
    assert is_refused(face, anna)


@EITHER
def test_who_unticks_a_face_again_says_so_too(owner: User, house: House, anna: Person, order: tuple[int, int]) -> None:
    group = Cluster.objects.create(model=MODEL)
    one, _, odd = house.faces(7, 3, cluster=group)
    events = [
        services.name_cluster(group, "Anna", owner, same_as=anna.pk, leave_out=[odd.pk], only=only).event
        for only in ([one.pk, odd.pk], None)
    ]
    take_back(owner, events[order[0]])
    assert is_refused(odd, anna)
    take_back(owner, events[order[1]])
    assert not is_refused(odd, anna)


def test_an_unticked_face_stays_refused_when_a_merge_is_taken_back(owner: User, house: House, anna: Person) -> None:
    berta = somebody(house, 2, "Berta")
    group = Cluster.objects.create(model=MODEL)
    odd, _ = house.faces(7, 2, cluster=group)
    Refusal.objects.create(face=odd, person=berta, decided_by=owner)
    merge = services.merge_people(anna, [berta], owner).event
    named = services.name_cluster(group, "Anna", owner, same_as=anna.pk, leave_out=[odd.pk]).event
    take_back(owner, merge)
    assert is_refused(odd, anna)
    take_back(owner, named)
    assert not is_refused(odd, anna)
    assert is_refused(odd, berta)


def test_a_refusal_that_came_from_another_photo_stays_if_somebody_says_it_too(
    owner: User, house: House, anna: Person
) -> None:
    source, target = (PhotoFactory(library=house.library) for _ in range(2))
    group = Cluster.objects.create(model=MODEL)
    theirs = house.face(1, photo=source, digest=source.digest)
    ours = house.face(
        1, photo=target, embedding=theirs.embedding, digest=target.digest, cluster=group,
        x=theirs.x, y=theirs.y, w=theirs.w, h=theirs.h,
    )  # fmt: skip
    house.face(1, cluster=group)
    Refusal.objects.create(face=theirs, person=anna, decided_by=owner)
    record = FaceKeeper().move([source.pk], target.pk)
    named = services.name_cluster(group, "Anna", owner, same_as=anna.pk, leave_out=[ours.pk]).event
    FaceKeeper().put_back(record)
    assert is_refused(ours, anna)
    take_back(owner, named)
    assert not is_refused(ours, anna)


# ---- Whose faces were -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("later", ["set aside", "named", "no face", "refused"])
def test_a_face_of_two_who_were_parted_comes_back_to_whose_it_was(owner: User, house: House, later: str) -> None:
    anna, tom = somebody(house, 1, "Anna"), somebody(house, 2, "Tom")
    face = house.face(2, person=tom, state="assigned", is_confirmed=True, decided_by=owner)
    merge = services.merge_people(anna, [tom], owner).event
    decisions: dict[str, Callable[[], Event | None]] = {
        "set aside": lambda: services.ignore_faces([face.pk], owner).event,
        "named": lambda: services.name_face(face, "Zoe", owner).event,
        "no face": lambda: services.set_no_face(face, owner),
        "refused": lambda: services.refuse_face(face, owner),
    }
    take_back(owner, merge, decisions[later]())
    face.refresh_from_db()
    assert (face.person_id, face.is_confirmed) == (tom.pk, True)


def test_a_face_that_was_named_as_the_survivor_since_stays_theirs(owner: User, house: House) -> None:
    anna, tom = somebody(house, 1, "Anna"), somebody(house, 2, "Tom")
    face = house.face(2, person=tom, state="assigned", is_confirmed=True, decided_by=owner)
    merge = services.merge_people(anna, [tom], owner).event
    services.name_face(face, "Zoe", owner)
    services.name_face(face, "Anna", owner)
    aside = services.ignore_faces([face.pk], owner).event
    take_back(owner, merge, aside)
    face.refresh_from_db()
    assert face.person_id == anna.pk


@EITHER
def test_a_stranger_who_was_drawn_again_is_whoever_they_were(
    owner: User, house: House, anna: Person, order: tuple[int, int]
) -> None:
    face = house.face(1, person=anna, state="assigned", is_confirmed=True, decided_by=owner)
    box = drawing.DrawnBox(face.x, face.y, face.w, face.h)
    events = [services.ignore_faces([face.pk], owner).event, drawing.draw_face(face.photo, box, owner).event]
    take_back(owner, *(events[at] for at in order))
    face.refresh_from_db()
    assert (face.state, face.person, face.is_confirmed) == ("assigned", anna, True)


def test_a_drawn_face_goes_though_others_were_given_its_name_since(owner: User, house: House) -> None:
    photo = PhotoFactory(library=house.library, width=1000, height=1000)
    drawn = drawing.draw_face(photo, drawing.DrawnBox(0.1, 0.1, 0.2, 0.2), owner, name="Nina")
    services.name_face(house.face(1), "Nina", owner)
    assert drawn.event
    assert undo.undo_event(drawn.event, owner) == ["Nina stays: more faces were named since."]
    assert not Face.objects.filter(pk=drawn.face.pk).exists()
    assert Person.objects.get(name="Nina").faces.count() == 1


@EITHER
def test_a_date_of_birth_that_came_with_a_merge_goes_with_it(owner: User, house: House, order: tuple[int, int]) -> None:
    anna, tom = somebody(house, 1, "Anna"), somebody(house, 2, "Tom")
    Person.objects.filter(pk=tom.pk).update(birth_date=dt.date(2001, 1, 1))
    merge = services.merge_people(anna, [tom], owner).event
    told = services.set_birth_date(anna, dt.date(2002, 2, 2), owner)
    events = [merge, told]
    take_back(owner, *(events[at] for at in order))
    assert [Person.objects.get(pk=it.pk).birth_date for it in (anna, tom)] == [None, dt.date(2001, 1, 1)]


def test_a_picture_chosen_of_two_who_were_parted_gives_way_to_the_one_before(owner: User, house: House) -> None:
    anna, tom = somebody(house, 1, "Anna"), somebody(house, 2, "Tom")
    services.set_cover(Face.objects.filter(person=anna)[0], owner)
    anna.refresh_from_db()
    merge = services.merge_people(anna, [tom], owner).event
    chosen = services.set_cover(Face.objects.get(pk=merge.before["faces"][0]), owner)
    was = anna.cover_id
    take_back(owner, merge, chosen)
    anna.refresh_from_db()
    assert anna.cover_id == was


# ---- People ---------------------------------------------------------------------------------------------------------


def test_a_person_stays_while_somebody_names_a_face_as_them_and_goes_with_the_last(owner: User, house: House) -> None:
    one, other = house.faces(1, 2)
    made = services.name_face(one, "Nina", owner).event
    named = services.name_face(other, "Nina", owner).event
    by_mistake = services.ignore_faces([other.pk], owner).event
    take_back(owner, made, by_mistake)
    other.refresh_from_db()
    assert other.person == Person.objects.get(name="Nina")
    take_back(owner, named)
    assert not Person.objects.filter(name="Nina").exists()


@EITHER
@pytest.mark.parametrize("what", ["name", "hidden", "birth date", "cover", "pair"])
def test_what_was_changed_twice_is_as_at_first_in_any_order(
    owner: User, house: House, anna: Person, order: tuple[int, int], what: str
) -> None:
    first, second = Face.objects.filter(person=anna, is_confirmed=True)[:2]
    one, other = house.faces(7, 2)
    days = [dt.date(2001, 1, day) for day in (1, 2)]
    change: dict[str, list[Callable[[], Event | None]]] = {
        "name": [partial(services.rename_person, anna, name, owner) for name in ("Ana", "Anne")],
        "hidden": [partial(services.hide_person, anna, owner, is_hidden=it) for it in (True, False)],
        "birth date": [partial(services.set_birth_date, anna, day, owner) for day in days],
        "cover": [partial(services.set_cover, face, owner) for face in (first, second)],
        "pair": [partial(pairs.set_pair, one, other, owner, is_same=it) for it in (False, True)],
    }
    events = [do() for do in change[what]]
    assert all(events)
    take_back(owner, *(events[at] for at in order))
    anna.refresh_from_db()
    assert (anna.name, anna.hidden, anna.birth_date, anna.cover_id) == ("Anna", False, None, None)
    assert not FacePair.objects.exists()


# ---- Everything -----------------------------------------------------------------------------------------------------


def decided() -> tuple[object, ...]:
    """What people said: not guesses, which follow from it, nor pictures, which go with faces."""
    sure = Q(is_confirmed=True) | Q(state__in=[Face.State.IGNORED, Face.State.NOT_A_FACE])
    return (
        sorted(Face.objects.filter(sure).values_list("pk", "state", "person")),
        list(Person.objects.order_by("pk").values_list("pk", "name", "hidden", "birth_date", "merged_into")),
        sorted(Refusal.objects.values_list("face", "person")),
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_taking_everything_back_in_any_order_leads_to_the_start(db: None, seed: int) -> None:
    chance = Random(seed)
    owner = build()
    for number, person in enumerate(Person.objects.order_by("pk")):
        # Of everybody a face stays, whatever is decided: by undo nobody becomes known to who does not see them.
        FaceFactory(photo=Face.objects.all()[number].photo, person=person, state="assigned", is_confirmed=True)
    start = decided()
    for _ in range(chance.randrange(2, 5)):
        act(owner, chance.choice(DECISIONS), *(chance.randrange(12) for _ in range(3)))
    left = list(Event.objects.values_list("pk", flat=True))
    chance.shuffle(left)
    while left:
        waiting = []
        for pk in left:
            try:
                undo.undo_event(Event.objects.get(pk=pk), owner)
            except undo.SomethingFirst:
                waiting.append(pk)
        assert len(waiting) < len(left)
        left = waiting
    assert decided() == start
