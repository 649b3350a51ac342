"""Answers to questions: each acts at once, is one entry of the journal, and says so for who watches the progress.

An answer is about the faces that were asked about and are still open. Somebody else may have answered meanwhile:
`AnsweredBefore`. All take `revisions.lock` first.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass, field

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from faces import moving, revisions, services
from faces.deciding import Former, NothingToName, chunks, follow, locked_faces, locked_person, note, refuse
from faces.models import Cluster, Event, Face, Person
from faces.questions import Question, find_question, open_faces, parts
from gallery.access import Viewer


class AnsweredBefore(Exception):  # noqa: N818
    """Nothing is left to be answered: somebody else did, or the faces are gone."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an answer did, for a person: a sentence, the entry of the journal that undoes it, and remarks."""

    text: str
    event: Event
    remarks: list[str] = field(default_factory=list)


@transaction.atomic
def say_yes(
    question: Question, by: AbstractBaseUser, *, shown: Collection[int] = (), out: Collection[int] = ()
) -> Answer:
    """They are the person. Those of the faces `shown` that are in `out` are not, which is remembered.

    Raises `AnsweredBefore`, and `NothingToName` if no face is left that can be the person.
    """
    revisions.lock()
    question, faces = _open(question, by, shown)
    if question.person_id is None:
        raise AnsweredBefore
    return _name(question, faces, question.person_name, by, out=out, same_as=question.person_id, is_someone_else=False)


@transaction.atomic
def say_name(
    question: Question,
    name: str,
    by: AbstractBaseUser,
    *,
    shown: Collection[int] = (),
    out: Collection[int] = (),
    same_as: int | None = None,
    is_someone_else: bool = False,
) -> Answer:
    """They are somebody else, of this name. Raises also `SameName`, as `services.name_cluster` does."""
    revisions.lock()
    question, faces = _open(question, by, shown)
    return _name(question, faces, name, by, out=out, same_as=same_as, is_someone_else=is_someone_else)


def _name(
    question: Question,
    faces: list[int],
    name: str,
    by: AbstractBaseUser,
    *,
    out: Collection[int],
    same_as: int | None,
    is_someone_else: bool,
) -> Answer:
    choice = {"same_as": same_as, "is_someone_else": is_someone_else}
    if question.is_group:
        cluster = Cluster.objects.get(pk=question.target)
        named = services.name_cluster(cluster, name, by, leave_out=set(out), only=faces, **choice)  # type: ignore[arg-type]
    else:
        named = services.name_face(Face.objects.get(pk=faces[0]), name, by, **choice)  # type: ignore[arg-type]
    are = "This is" if named.confirmed == 1 else f"{named.confirmed} faces are"
    return _answered(question, f"{are} {named.person.name}.", named.event, named.remarks)


@transaction.atomic
def say_no(question: Question, by: AbstractBaseUser, *, shown: Collection[int] = ()) -> Answer:
    """They are not the person, none of them, for ever. Raises `AnsweredBefore`."""
    revisions.lock()
    question, ids = _open(question, by, shown)
    if question.person_id is None:
        raise AnsweredBefore
    person = locked_person(Person(pk=question.person_id))
    faces = locked_faces(Face.objects.all(), ids)
    known = refuse(ids, person, by)
    # As `moving.refuse_faces` writes it, which is about guesses only.
    before = {
        "faces": ids,
        "formers": [Former.of(face).packed() for face in faces],
        "after": {"person": None, "state": str(Face.State.UNKNOWN)},
        "refusals": [[pk, person.pk] for pk in ids],
        "again": [[pk, person.pk] for pk in known],
    }
    event = note(Event.Kind.REFUSE, person, by, before)
    for part in chunks(ids):
        Person.objects.filter(pk=person.pk, cover__in=part).update(cover=None)
        Face.objects.filter(pk__in=part).update(person=None, state=Face.State.UNKNOWN)
        Face.objects.filter(pk__in=part, near_person=person).update(near_person=None, near_distance=None)
    if question.kind == "group":
        Cluster.objects.filter(pk=question.target, near_person=person).update(near_person=None, near_distance=None)
    follow(faces)
    are = "this is" if len(ids) == 1 else f"{len(ids)} faces are"
    return _answered(question, f"Remembered: {are} not {person.name}.", event)


@transaction.atomic
def say_stranger(question: Question, by: AbstractBaseUser, *, shown: Collection[int] = ()) -> Answer:
    """They are nobody whom one needs to know: set aside, and to be taken back. Raises `AnsweredBefore`."""
    revisions.lock()
    question, ids = _open(question, by, shown)
    try:
        moved = moving.ignore_faces(ids, by)
    except NothingToName:
        raise AnsweredBefore from None
    text = "A stranger, set aside." if moved.count == 1 else f"{moved.count} faces of a stranger, set aside."
    return _answered(question, text, moved.event)


@transaction.atomic
def say_no_face(question: Question, by: AbstractBaseUser, *, shown: Collection[int] = ()) -> Answer:
    """They are no faces at all. Raises `AnsweredBefore`."""
    revisions.lock()
    question, ids = _open(question, by, shown)
    try:
        moved = moving.set_no_faces(ids, by)
    except NothingToName:
        raise AnsweredBefore from None
    text = "this is no face." if moved.count == 1 else f"these {moved.count} are no faces."
    return _answered(question, f"Remembered: {text}", moved.event)


def _open(question: Question, by: AbstractBaseUser, shown: Collection[int]) -> tuple[Question, list[int]]:
    """The question as it stands now, and the ids of the faces that are still open, ascending.

    Of a group all of which was shown, only what was shown: who answers has not seen what came to it since.
    """
    found = find_question(by, question.key)
    if found is None:
        raise AnsweredBefore
    ids = sorted(open_faces(by, found).values_list("pk", flat=True))
    if shown:
        ids = [pk for pk in ids if pk in set(shown)]
    if not ids:
        raise AnsweredBefore
    return found, ids


def _answered(question: Question, text: str, event: Event, remarks: Collection[str] = ()) -> Answer:
    event.before = {**event.before, "question": question.key}
    event.save(update_fields=["before"])
    return Answer(text, event, list(remarks))


@transaction.atomic
def bring_group_back(event: Event) -> None:
    """After an answer about a group was taken back: if the group is gone meanwhile, as it is when all of it was set
    aside, its faces are one again under its id, so that the same question is asked. The next run keeps that id."""
    kind, target, _ = parts(event.before["question"])
    if kind not in ("group", "who"):
        return
    revisions.lock()
    faces = Face.objects.filter(pk__in=event.before["faces"], state=Face.State.UNKNOWN, cluster=None).exclude(model="")
    rows = list(faces.order_by("pk").values_list("pk", "model"))
    if len(rows) < 2 or len({model for _, model in rows}) > 1 or Cluster.objects.filter(pk=target).exists():
        return
    Cluster.objects.create(pk=target, model=rows[0][1], size=len(rows))
    for part in chunks(pk for pk, _ in rows):
        Face.objects.filter(pk__in=part).update(cluster=target)


def last_of(by: AbstractBaseUser, event_ids: Collection[int]) -> Event | None:
    """The last of one's own answers among these entries of the journal that was not taken back: one query."""
    events = Event.objects.filter(pk__in=event_ids, actor_id=by.pk, undone_at=None, before__has_key="question")
    return events.order_by("-pk").first() if event_ids else None


def answered_today(viewer: Viewer) -> int:
    """How many questions the viewer answered since midnight, without those that were taken back: one query."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    events = Event.objects.filter(actor=viewer.pk, at__gte=midnight.astimezone(dt.UTC), undone_at=None)
    return events.filter(before__has_key="question").count()
