"""Whatever is decided, in whatever order: the rules of people hold, and taking everything back leads to the start."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.http import Http404
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faces import services, undo
from faces.models import Cluster, Event, Face, Person, Refusal
from tests.factories import ClusterFactory, FaceFactory, LibraryFactory, PersonFactory, PhotoFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

PHOTOS, FACES_EACH = 4, 3
MAY_ANSWER = (
    services.SameName,
    services.NothingToName,
    services.MergedBefore,
    undo.AlreadyUndone,
    undo.SomethingFirst,
    Http404,
)
numbers = st.integers(0, 11)
steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["name", "name many", "name group", "rename", "refuse", "refuse many", "no face", "no faces", "cover",
             "hide", "move", "confirm", "merge", "ignore", "ignore group", "back", "undo"]
        ),
        numbers,
        numbers,
        numbers,
    ),
    max_size=14,
)  # fmt: skip


def state() -> tuple[Any, ...]:
    return (
        list(Person.objects.order_by("pk").values_list("pk", "name", "cover", "hidden", "birth_date", "merged_into")),
        list(Face.objects.order_by("pk").values_list("pk", "person", "state", "is_confirmed", "decided_by")),
        sorted(Refusal.objects.values_list("face", "person", "decided_by")),
        list(Cluster.objects.order_by("pk").values_list("pk", "size")),
    )


def build() -> User:
    """Two people with a confirmed face and a guess each, and faces of nobody in two groups."""
    owner: User = UserFactory()
    library = LibraryFactory()
    groups = [ClusterFactory(), ClusterFactory()]
    people = [PersonFactory(name=name) for name in ("Anna", "Berta")]
    for photo in [PhotoFactory(library=library) for _ in range(PHOTOS)]:
        for place in range(FACES_EACH):
            FaceFactory(photo=photo, x=0.3 * place, cluster=groups[place % 2], quality=0.5 + place / 10)
    for face, person, is_sure in zip(
        Face.objects.order_by("pk")[::2], [*people, *people], [True, True, False, False], strict=False
    ):
        Face.objects.filter(pk=face.pk).update(person=person, state="assigned", is_confirmed=is_sure)
    for group in groups:
        Cluster.objects.filter(pk=group.pk).update(size=group.faces.filter(state="unknown").count())
    return owner


def act(owner: User, what: str, one: int, two: int, three: int) -> None:
    """One decision about the rows that the numbers choose."""
    faces = list(Face.objects.order_by("pk"))
    people = list(Person.objects.order_by("pk"))
    face, person, other = faces[one % len(faces)], people[two % len(people)], people[three % len(people)]
    many = [faces[(one + step * (three + 1)) % len(faces)].pk for step in range(two % 5 + 1)]
    cluster = list(Cluster.objects.order_by("pk"))[one % 2]
    who: dict[str, Any] = {"same_as": person.pk} if three % 2 else {"is_someone_else": True}
    decisions: dict[str, Callable[[], object]] = {
        "name": lambda: services.name_face(face, person.name, owner, **who),
        "name many": lambda: services.name_faces(many, f"New {one}", owner),
        "name group": lambda: services.name_cluster(cluster, person.name, owner, leave_out={face.pk}, **who),
        "rename": lambda: services.rename_person(person, f"Called {one}", owner),
        "refuse": lambda: services.refuse_face(face, owner),
        "refuse many": lambda: services.refuse_faces(many, person, owner),
        "no face": lambda: services.set_no_face(face, owner),
        "no faces": lambda: services.set_no_faces(many, owner),
        "cover": lambda: services.set_cover(face, owner),
        "hide": lambda: services.hide_person(person, owner, is_hidden=one % 2 == 0),
        "move": lambda: services.move_faces(many, person, owner),
        "confirm": lambda: services.confirm_faces(many, person, owner),
        "merge": lambda: services.merge_people(person, [other], owner),
        "ignore": lambda: services.ignore_faces(many, owner),
        "ignore group": lambda: services.ignore_cluster(cluster, owner),
        "back": lambda: services.take_strangers_back(many, owner),
    }
    with suppress(*MAY_ANSWER), transaction.atomic():
        decisions[what]()


def take_back(owner: User, event: Event) -> None:
    with suppress(*MAY_ANSWER), transaction.atomic():
        undo.undo_event(event, owner)


def check() -> None:
    """What always holds, whoever decided what and took back what."""
    for face in Face.objects.select_related("person"):
        if face.person:
            assert face.state == "assigned"
            assert not face.person.merged_into_id, "somebody who was merged got a face"
            assert not Refusal.objects.filter(face=face, person=face.person).exists(), "a refusal was not obeyed"
        if face.person and not face.is_confirmed:
            beside = Face.objects.filter(photo=face.photo_id, person=face.person).exclude(pk=face.pk)
            assert not beside.exists(), "a guess beside another face of the person in one photo"
    for person in Person.objects.exclude(cover=None):
        # A guess that gave way may come back, and with it the picture: until then another is shown.
        assert Face.objects.get(pk=person.cover_id).person in (person, None), "the picture is of somebody else"
    for cluster in Cluster.objects.all():
        assert cluster.size == cluster.faces.filter(state="unknown").count()
    went = dict(Person.objects.exclude(merged_into=None).values_list("pk", "merged_into"))
    for start in went:
        seen = {start}
        while (start := went.get(start, 0)) and start:
            assert start not in seen, "a circle of merges"
            seen.add(start)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_taking_everything_back_in_order_leads_to_the_start(chosen: list[tuple[str, int, int, int]]) -> None:
    with transaction.atomic():
        owner = build()
        start = state()
        for step in chosen:
            if step[0] != "undo":
                act(owner, *step)
                check()
        for event in Event.objects.order_by("-pk"):
            assert undo.undo_event(event, owner) == []
            check()
        assert state() == start
        transaction.set_rollback(True)


def check_that_somebody_says_so(at_first: set[int]) -> None:
    """A face is confirmed by an entry that still holds, or was at the start: nothing taken back comes up again."""
    last: dict[int, str] = {}
    for event in Event.objects.filter(undone_at=None).exclude(kind=Event.Kind.MERGE).order_by("pk"):
        last |= dict.fromkeys([*event.before.get("faces", ()), event.before.get("face")], event.kind)
    for pk in Face.objects.filter(is_confirmed=True).values_list("pk", flat=True):
        assert last.get(pk) in {"name", "move"} or (pk in at_first and pk not in last)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_the_rules_hold_whatever_is_taken_back(chosen: list[tuple[str, int, int, int]]) -> None:
    with transaction.atomic():
        owner = build()
        at_first = set(Face.objects.filter(is_confirmed=True).values_list("pk", flat=True))
        for step in chosen:
            sure = dict(Face.objects.filter(is_confirmed=True).values_list("pk", "person"))
            what, one, *_ = step
            if what == "undo":
                events = list(Event.objects.filter(undone_at__isnull=True).order_by("pk"))
                if events:
                    take_back(owner, events[one % len(events)])
            else:
                act(owner, *step)
                latest = Event.objects.first()
                said = latest.before if latest else {}
                about = {*said.get("faces", ()), said.get("face")}
                for pk, person in Face.objects.filter(pk__in=sure.keys() - about).values_list("pk", "person"):
                    assert person == sure[pk], "a confirmed face moved by a decision about others"
            check()
            check_that_somebody_says_so(at_first)
        transaction.set_rollback(True)
