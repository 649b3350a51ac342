"""What is said about many faces at once: who they are, who they are not, that they are strangers, or no faces.

Who points at one face means it. Of many, some may have slipped in: those that somebody refused for the person, and
those in photos where another face is that person already, stay where they are, and that is said. Pass ids that came
through `faces.access`. Each decision is one entry of the journal, with what every face was before.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from faces import revisions
from faces.access import unnamed_visible_to
from faces.deciding import (
    Former,
    NothingToName,
    chunks,
    drop_covers,
    follow,
    locked_faces,
    locked_person,
    never_with,
    note,
    person_meant,
    refuse,
    release,
)
from faces.models import Cluster, Event, Face, Person, Refusal


@dataclass(frozen=True, slots=True)
class Moved:
    """Faces were decided about: how many, and sentences for a person about those that stay as they are."""

    event: Event
    count: int
    person: Person | None = None
    remarks: list[str] = field(default_factory=list)


@transaction.atomic
def name_faces(
    face_ids: Collection[int],
    name: str,
    by: AbstractBaseUser,
    *,
    same_as: int | None = None,
    is_someone_else: bool = False,
) -> Moved:
    """Says who these faces are; a name means whom it means for `services.name_face`.

    Raises `SameName` and `NothingToName` as `services.name_cluster` does.
    """
    revisions.lock()
    faces = _locked(face_ids)
    person, is_new = person_meant(name, by, same_as=same_as, is_someone_else=is_someone_else, is_pointed_at=True)
    return _move(faces, person, by, is_new=is_new)


@transaction.atomic
def move_faces(face_ids: Collection[int], to: Person, by: AbstractBaseUser) -> Moved:
    """Says that these faces are this person. Raises `NothingToName`; Http404 if the person is gone."""
    revisions.lock()
    faces = _locked(face_ids)
    return _move(faces, locked_person(to), by, is_new=False)


@transaction.atomic
def confirm_faces(face_ids: Collection[int], person: Person, by: AbstractBaseUser) -> Moved:
    """Says that guesses are right, as far as they are still guesses for this person. Raises `NothingToName`."""
    revisions.lock()
    person = locked_person(person)
    guesses = [face for face in _locked(face_ids) if face.person_id == person.pk and not face.is_confirmed]
    if not guesses:
        raise NothingToName("None of these faces is a guess any more.")
    return _move(guesses, person, by, is_new=False)


@transaction.atomic
def refuse_faces(face_ids: Collection[int], person: Person, by: AbstractBaseUser) -> Moved:
    """Says that faces are not this person, for ever; those that are somebody else's by now are left alone."""
    revisions.lock()
    person = locked_person(person)
    faces = [face for face in _locked(face_ids) if face.person_id == person.pk]
    if not faces:
        raise NothingToName(f"None of these faces is {person.name} any more.")
    known = refuse([face.pk for face in faces], person, by)
    event = _decide(
        Event.Kind.REFUSE,
        faces,
        person,
        by,
        state=Face.State.UNKNOWN,
        refusals=[[face.pk, person.pk] for face in faces],
        again=[[pk, person.pk] for pk in known],
    )
    return Moved(event, len(faces), person)


@transaction.atomic
def ignore_faces(face_ids: Collection[int], by: AbstractBaseUser) -> Moved:
    """Sets strangers aside: they are nobody's, no suggestion shows them, and they can be taken back."""
    revisions.lock()
    return _set_aside(_locked(face_ids), by, Event.Kind.IGNORE, Face.State.IGNORED)


@transaction.atomic
def ignore_cluster(cluster: Cluster, by: AbstractBaseUser) -> Moved:
    """The same for all faces of a suggestion that are nobody's yet and that `by` sees."""
    revisions.lock()
    faces = locked_faces(unnamed_visible_to(by).filter(cluster=cluster))
    return _set_aside(faces, by, Event.Kind.IGNORE, Face.State.IGNORED)


@transaction.atomic
def set_no_faces(face_ids: Collection[int], by: AbstractBaseUser) -> Moved:
    """Says that these are no faces at all."""
    revisions.lock()
    return _set_aside(_locked(face_ids), by, Event.Kind.NO_FACE, Face.State.NOT_A_FACE)


@transaction.atomic
def take_strangers_back(face_ids: Collection[int], by: AbstractBaseUser) -> Moved:
    """Strangers who were set aside are compared with people again."""
    revisions.lock()
    faces = [face for face in _locked(face_ids) if face.state == Face.State.IGNORED]
    if not faces:
        raise NothingToName("None of these faces is set aside any more.")
    return Moved(_decide(Event.Kind.IGNORE, faces, None, by, state=Face.State.UNKNOWN), len(faces))


def _locked(face_ids: Collection[int]) -> list[Face]:
    return locked_faces(Face.objects.all(), face_ids)


def _set_aside(faces: Sequence[Face], by: AbstractBaseUser, kind: Event.Kind, state: Face.State) -> Moved:
    faces = [face for face in faces if face.state != state]
    if not faces:
        raise NothingToName("Somebody decided about these faces in the meantime.")
    return Moved(_decide(kind, faces, _only_person(faces), by, state=state), len(faces))


def _only_person(faces: Sequence[Face]) -> Person | None:
    """Whose faces they all are: then the entry is one about that person."""
    people = {face.person_id: face.person for face in faces}
    return next(iter(people.values())) if len(people) == 1 else None


def _move(faces: Sequence[Face], person: Person, by: AbstractBaseUser, *, is_new: bool) -> Moved:
    chosen = [face for face in faces if not (face.is_confirmed and face.person_id == person.pk)]
    if not chosen:
        raise NothingToName(
            f"These faces are {person.name} already." if faces else "These faces are not there any more."
        )
    refused: set[int] = set()
    double: list[Face] = []
    lifted: list[list[int | None]] = []
    named = chosen
    if len(chosen) == 1:
        rows = Refusal.objects.filter(face=chosen[0], person=person)
        lifted = [[chosen[0].pk, person.pk, refuser] for refuser in rows.values_list("decided_by_id", flat=True)]
        rows.delete()
    else:
        refused = _refused(chosen, person) | never_with([person.pk], [face.pk for face in chosen])
        filled = _filled(chosen, person)
        named = []
        for face in sorted(chosen, key=lambda it: (-it.quality, it.pk)):
            if face.pk in refused:
                continue
            if face.photo_id in filled:
                double.append(face)
                continue
            filled.add(face.photo_id)
            named.append(face)
        if not named:
            raise NothingToName(f"{person.name} is in these photos already, or these faces are known to be others.")
    released = release(person, named)
    event = _decide(
        Event.Kind.MOVE,
        named,
        person,
        by,
        state=Face.State.ASSIGNED,
        is_new=is_new,
        called=person.name,
        released=released,
        lifted=lifted,
    )
    return Moved(event, len(named), person, _remarks(person, len(refused), len(double)))


def _refused(faces: Sequence[Face], person: Person) -> set[int]:
    found: set[int] = set()
    for part in chunks(face.pk for face in faces):
        found.update(Refusal.objects.filter(person=person, face_id__in=part).values_list("face_id", flat=True))
    return found


def _filled(faces: Sequence[Face], person: Person) -> set[int]:
    """Photos of these faces in which another face is confirmed as the person."""
    found: set[int] = set()
    for part in chunks(face.photo_id for face in faces):
        rows = Face.objects.filter(person=person, is_confirmed=True, photo_id__in=part).order_by()
        found.update(rows.values_list("photo_id", flat=True))
    return found


def _remarks(person: Person, refused: int, double: int) -> list[str]:
    """Why some of the faces stay where they were."""
    return [
        f"{'One face stays' if count == 1 else f'{count} faces stay'} as before, because {why}."
        for count, why in (
            (refused, f"somebody said before that {'it is' if refused == 1 else 'they are'} not {person.name}"),
            (double, f"another face in the same photo is {person.name}"),
        )
        if count
    ]


def _decide(
    kind: Event.Kind,
    faces: Sequence[Face],
    person: Person | None,
    by: AbstractBaseUser,
    *,
    state: Face.State,
    **more: Any,
) -> Event:
    """Writes the decision into the rows and into the journal: `state`, and for ASSIGNED the person, confirmed."""
    is_named = state == Face.State.ASSIGNED
    event = note(
        kind,
        person,
        by,
        {
            "faces": [face.pk for face in faces],
            "formers": [Former.of(face).packed() for face in faces],
            "after": {"person": person.pk if is_named and person else None, "state": str(state)},
            **more,
        },
    )
    drop_covers([face.pk for face in faces if not is_named or face.person_id != event.person_id])
    for part in chunks(face.pk for face in faces):
        Face.objects.filter(pk__in=part).update(
            person=person if is_named else None,
            state=state,
            is_confirmed=is_named,
            decided_by=None if state == Face.State.UNKNOWN else by.pk,
        )
    follow(faces)
    return event
