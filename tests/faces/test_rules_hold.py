"""Whatever people decide, in any order, and whatever is taken back: the rules of docs/people.md hold."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.http import Http404
from hypothesis import given, settings
from hypothesis import strategies as st

from faces import answers, grouping, merging, moving, pairs, revisions, services, undo
from faces.grouping import matches, state
from faces.matching.giving import connected
from faces.models import Clustering, Event, Face, FacePair, Person, Refusal
from faces.questions import next_questions
from gallery.models import Library
from tests.faces.conftest import MODEL, House, look
from tests.factories import LibraryFactory, PhotoFactory

TOO_LATE = (
    services.SameName, services.NothingToName, undo.AlreadyUndone, undo.SomethingFirst, pairs.NoPair, Http404,
    merging.MergedBefore, answers.AnsweredBefore,
)  # fmt: skip
PEOPLE, FACES = 3, 12
MATCH = 0.50

steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["name", "name", "refuse", "dismiss", "never", "always", "merge", "move", "yes", "no", "stranger", "undo",
             "undo", "trash", "job"]
        ),
        st.integers(0, FACES - 1),
        st.integers(0, FACES - 1),
    ),
    min_size=4,
    max_size=16,
)  # fmt: skip


class Household:
    """Faces of three people, some of them between two, three photos with two faces, and one private library."""

    def __init__(self) -> None:
        self.by = User.objects.create_user("anna")
        private = LibraryFactory(owner=self.by, visibility=Library.Visibility.PRIVATE)
        house = House(LibraryFactory(), private)
        photos = [PhotoFactory(library=house.library) for _ in range(3)]
        for number in range(FACES):
            photo = photos[number // 2] if number < 6 else None
            # Twins: what lies between two people is near both.
            between = np.frombuffer(look(number % PEOPLE, number), np.float32) + 0.8 * np.frombuffer(
                look((number + 1) % PEOPLE, number), np.float32
            )
            vector = between / np.linalg.norm(between) if number % 4 == 3 else None
            options: dict[str, Any] = {} if vector is None else {"embedding": vector.astype(np.float32).tobytes()}
            house.face(number % PEOPLE, photo=photo, is_private=number == FACES - 1, **options)
        self.ids = list(Face.objects.order_by("pk").values_list("pk", flat=True))
        revisions.count_up([MODEL], wake=False, faces=True)
        self.job()

    def job(self) -> None:
        sure = set(Face.objects.filter(is_confirmed=True).values_list("pk", "person"))
        grouping.run(Clustering.objects.get(model=MODEL).pk)
        assert set(Face.objects.filter(is_confirmed=True).values_list("pk", "person")) == sure
        self.check()
        before = self.said()
        for kept in (matches, state):
            kept.forget()
            kept.path(MODEL).unlink(missing_ok=True)
        revisions.count_up([MODEL], wake=False, faces=True)
        grouping.run(Clustering.objects.get(model=MODEL).pk)
        assert self.said() == before, "once more from nothing gives the same"

    def said(self) -> list[Any]:
        columns = ("pk", "person", "state", "is_confirmed", "near_person", "near_distance")
        return list(Face.objects.order_by("pk").values_list(*columns))

    def face(self, number: int) -> Face:
        return Face.objects.get(pk=self.ids[number])

    def people(self) -> list[Person]:
        return list(Person.objects.filter(merged_into=None).order_by("pk"))

    def do(self, what: str, one: int, other: int) -> None:
        try:
            with transaction.atomic():
                self._do(what, one, other)
        except TOO_LATE:
            pass
        self.check_decisions()

    def _do(self, what: str, one: int, other: int) -> None:
        people = self.people()
        if what == "name":
            services.name_face(self.face(one), f"Person {other % PEOPLE}", self.by)
        elif what == "refuse":
            services.refuse_face(self.face(one), self.by)
        elif what == "dismiss":
            services.set_no_face(self.face(one), self.by)
        elif what in ("never", "always"):
            pairs.set_pair(self.face(one), self.face(other), self.by, is_same=what == "always")
        elif what == "merge" and len(people) > 1:
            into, gone = people[one % len(people)], people[other % len(people)]
            if into != gone:
                merging.merge_people(into, [gone], self.by)
        elif what == "move" and people:
            moving.move_faces([self.ids[one], self.ids[other]], people[other % len(people)], self.by)
        elif what in ("yes", "no", "stranger") and (asked := next_questions(self.by)):
            question = asked[one % len(asked)]
            if what == "stranger":
                answers.say_stranger(question, self.by)
            elif question.person_id is None:
                answers.say_name(question, f"Person {other % PEOPLE}", self.by, is_someone_else=other == 0)
            else:
                (answers.say_yes if what == "yes" else answers.say_no)(question, self.by)
        elif what == "undo" and (events := list(Event.objects.filter(undone_at=None).order_by("-pk"))):
            undo.undo_event(events[one % min(len(events), 3)], self.by)
        elif what == "trash":
            photo = self.face(one).photo
            photo.trashed_at = None if photo.trashed_at else photo.imported_at
            photo.save()
            revisions.count_up([MODEL], wake=False, faces=True)
        elif what == "job":
            self.job()

    def check_decisions(self) -> None:
        """What holds at every moment."""
        refused = set(Refusal.objects.values_list("face", "person"))
        given = set(Face.objects.filter(person__isnull=False).values_list("pk", "person"))
        assert not refused & given, "nobody is whom they were refused for"
        assert not Face.objects.filter(person__merged_into__isnull=False).exists(), "who was merged has no faces"

    def check(self) -> None:
        """What holds after a run."""
        self.check_decisions()
        rows = {face.pk: face for face in revisions.eligible(MODEL).select_related("photo")}
        never = list(FacePair.objects.filter(is_same=False).values_list("one_id", "other_id"))
        always = np.array(list(FacePair.objects.filter(is_same=True).values_list("one_id", "other_id"))).reshape(-1, 2)
        refused = set(Refusal.objects.values_list("face_id", "person_id"))
        tied = connected(always)
        for one, other in never:
            both = [rows[pk] for pk in (one, other) if pk in rows]
            if len(both) == 2 and both[0].person_id and both[0].person_id == both[1].person_id:
                assert both[0].is_confirmed and both[1].is_confirmed, "never these two"  # noqa: PT018
        guesses = [face for face in rows.values() if face.person_id and not face.is_confirmed]
        places = Counter((face.photo_id, face.person_id) for face in rows.values() if face.person_id)
        for face in guesses:
            sure = [it for it in rows.values() if it.person_id == face.person_id and it.is_confirmed]
            assert sure, "a guess has somebody to be like"
            if face.pk in tied:
                continue
            assert places[face.photo_id, face.person_id] == 1, "two faces of one photo are two people"
            assert min(distance(face, it) for it in sure) <= MATCH + 1e-6, "a guess is near a confirmed face"
        for members in {tuple(them) for them in tied.values()}:
            there = [rows[pk] for pk in members if pk in rows]
            said = {face.person_id for face in there if face.is_confirmed}
            if len(said) != 1 or any(one in members and other in members for one, other in never):
                continue
            (person,) = said
            out = {pk for pk, who in refused if who == person}
            out |= {one for pair in never for one, other in (pair, pair[::-1]) if is_sure(rows.get(other), person)}
            free = [face for face in there if face.pk not in out]
            if not any(set(pair) & set(members) for pair in never):
                assert all(face.person_id == person for face in free), "always these two"


def is_sure(face: Face | None, person: int | None) -> bool:
    return face is not None and face.is_confirmed and face.person_id == person


def distance(one: Face, other: Face) -> float:
    vectors = [np.frombuffer(bytes(face.embedding or b""), dtype=np.float32) for face in (one, other)]
    return float(1 - vectors[0] @ vectors[1])


@pytest.mark.slow
@pytest.mark.django_db
@settings(max_examples=15, deadline=None)
@given(steps)
def test_the_rules_hold_after_any_sequence_of_decisions(drawn: list[tuple[str, int, int]]) -> None:
    with transaction.atomic():
        household = Household()
        for what, one, other in drawn:
            household.do(what, one, other)
        household.job()
        transaction.set_rollback(True)
