"""What people decide about people. Each decision is atomic, is written into the journal, and can be undone (`undo`).

Callers pass rows that came through `faces.access`, so that nobody decides about what they cannot see. Every change of
faces counts the revision of clustering up and wakes it: what follows from a decision comes by itself. What touches
faces takes `revisions.lock` before any other lock.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass, field

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from faces import revisions
from faces.access import is_known_to_house, unnamed_visible_to
from faces.deciding import (
    Former,
    NothingToName,
    SameName,
    drop_covers,
    follow,
    locked_face,
    locked_person,
    never_with,
    note,
    person_meant,
    refuse,
    release,
)
from faces.merging import MergedBefore, merge_people
from faces.models import Cluster, Event, Face, Person, Refusal
from faces.moving import (
    Moved,
    confirm_faces,
    ignore_cluster,
    ignore_faces,
    move_faces,
    name_faces,
    refuse_faces,
    set_no_faces,
    take_strangers_back,
)

__all__ = [
    "MergedBefore",
    "Moved",
    "Named",
    "NothingToName",
    "SameName",
    "confirm_faces",
    "hide_person",
    "ignore_cluster",
    "ignore_faces",
    "merge_people",
    "move_faces",
    "name_cluster",
    "name_face",
    "name_faces",
    "refuse_face",
    "refuse_faces",
    "rename_person",
    "set_birth_date",
    "set_cover",
    "set_no_face",
    "set_no_faces",
    "take_strangers_back",
]

NAME_LENGTH = 120


@dataclass(frozen=True, slots=True)
class Named:
    """Faces got a name: how many are confirmed, how many are left in their group, and why (sentences for a person)."""

    person: Person
    event: Event
    confirmed: int
    left: int = 0
    remarks: list[str] = field(default_factory=list)


@transaction.atomic
def name_cluster(
    cluster: Cluster,
    name: str,
    by: AbstractBaseUser,
    *,
    leave_out: Collection[int] = (),
    only: Collection[int] | None = None,
    same_as: int | None = None,
    is_someone_else: bool = False,
) -> Named:
    """Says who a suggestion shows: its faces that are nobody's yet, and that `by` sees, become confirmed.

    With `only`, none but these are meant. `leave_out` are faces that are not this person: they are refused, so that no
    later run gives them back. `same_as` is the id of a person whom the name means; without it, and without
    `is_someone_else`, a name that someone has already raises `SameName`. Two kinds of faces are left alone: those that
    somebody refused for this person, and those in photos where another face is confirmed as this person. Raises
    `NothingToName`; Http404 for an unknown `same_as`.
    """
    revisions.lock()
    faces = list(
        unnamed_visible_to(by)
        .filter(cluster=cluster)
        .select_for_update(no_key=True)
        .only("pk", "photo_id", "model")
        .order_by("pk")
    )
    if only is not None:
        meant = set(only)
        faces = [face for face in faces if face.pk in meant]
    chosen = [face for face in faces if face.pk not in leave_out]
    if not faces:
        raise NothingToName("These faces were named in the meantime.")
    if not chosen:
        raise NothingToName("Leave at least one face ticked.")
    person, is_new = person_meant(name, by, same_as=same_as, is_someone_else=is_someone_else)
    refused = set(Refusal.objects.filter(person=person).values_list("face_id", flat=True))
    refused |= never_with([person.pk], [face.pk for face in chosen])
    filled = set(Face.objects.filter(person=person, is_confirmed=True).values_list("photo_id", flat=True))
    named = [face for face in chosen if face.pk not in refused and face.photo_id not in filled]
    if not named:
        raise NothingToName(
            f"{person.name} is already in these photos, or these faces are known not to be {person.name}."
        )
    released = release(person, named)
    left_out = [face.pk for face in faces if face.pk in leave_out]
    Face.objects.filter(pk__in=[face.pk for face in named]).update(
        person=person, state=Face.State.ASSIGNED, is_confirmed=True, decided_by=by
    )
    event = Event.objects.create(
        kind=Event.Kind.NAME,
        actor_id=by.pk,
        person=person,
        before={
            "is_new": is_new,
            "called": person.name,
            "faces": [face.pk for face in named],
            "released": released,
            "refused": left_out,
            "again": refuse(left_out, person, by),
        },
    )
    revisions.count_sizes(Cluster.objects.filter(pk=cluster.pk))
    revisions.count_up({face.model for face in faces}, wake=True, faces=False)
    return Named(person, event, len(named), len(chosen) - len(named), _remarks(person, chosen, refused, filled))


def _remarks(person: Person, chosen: list[Face], refused: set[int], filled: set[int]) -> list[str]:
    """What became of the faces that were meant and yet are not this person now."""
    no = sum(face.pk in refused for face in chosen)
    double = sum(face.pk not in refused and face.photo_id in filled for face in chosen)
    return [
        f"{_faces(count)} the group, because {why}."
        for count, why in (
            (no, f"somebody said before that {'it is' if no == 1 else 'they are'} not {person.name}"),
            (double, f"another face in the {'same photo' if double == 1 else 'same photos'} is {person.name}"),
        )
        if count
    ]


def _faces(count: int) -> str:
    return "One face stays in" if count == 1 else f"{count} faces stay in"


@transaction.atomic
def name_face(
    face: Face, name: str, by: AbstractBaseUser, *, same_as: int | None = None, is_someone_else: bool = False
) -> Named:
    """Says who one face shows, whatever was thought before.

    Who points at one face means it: an earlier refusal is lifted, and a second face of the same person in the photo is
    allowed (a mirror, a collage). A name that exactly one person has means that person; of several, `SameName` asks.
    Raises `NothingToName`; Http404 for an unknown `same_as`.
    """
    revisions.lock()
    face = locked_face(face)
    person, is_new = person_meant(name, by, same_as=same_as, is_someone_else=is_someone_else, is_pointed_at=True)
    if face.is_confirmed and face.person_id == person.pk:
        raise NothingToName(f"This face is {person.name} already.")
    former = Former.of(face).named()
    lifted = Refusal.objects.filter(face=face, person=person)
    former["lifted_of"] = list(lifted.values_list("decided_by_id", flat=True))
    lifted.delete()
    released = release(person, [face])
    if face.person_id != person.pk:
        drop_covers([face.pk])
    Face.objects.filter(pk=face.pk).update(
        person=person, state=Face.State.ASSIGNED, is_confirmed=True, decided_by_id=by.pk
    )
    before = {
        "is_new": is_new,
        "called": person.name,
        "faces": [face.pk],
        "released": released,
        "refused": [],
        "former": former,
    }
    event = note(Event.Kind.NAME, person, by, before)
    follow([face])
    return Named(person, event, 1)


@transaction.atomic
def set_no_face(face: Face, by: AbstractBaseUser) -> Event | None:
    """Says that this is no face at all: it is shown nowhere and compared with nothing. None if that is known."""
    revisions.lock()
    face = locked_face(face)
    if face.state == Face.State.NOT_A_FACE:
        return None
    event = note(Event.Kind.NO_FACE, face.person, by, {"face": face.pk, "former": Former.of(face).named()})
    drop_covers([face.pk])
    Face.objects.filter(pk=face.pk).update(
        person=None, state=Face.State.NOT_A_FACE, is_confirmed=False, decided_by_id=by.pk
    )
    follow([face])
    return event


@transaction.atomic
def rename_person(person: Person, name: str, by: AbstractBaseUser) -> Event | None:
    """Gives a person another name. None if it is the name they have."""
    person = locked_person(person)
    if person.name == name:
        return None
    before = {"name": person.name, "after": name, "known": is_known_to_house(person)}
    event = note(Event.Kind.RENAME, person, by, before)
    Person.objects.filter(pk=person.pk).update(name=name)
    return event


@transaction.atomic
def refuse_face(face: Face, by: AbstractBaseUser) -> Event | None:
    """Says that a face is not the person it was given to, for ever. None if it is nobody's by now."""
    revisions.lock()
    face = locked_face(face)
    person = face.person
    if person is None:
        return None
    event = note(
        Event.Kind.REFUSE,
        person,
        by,
        before={
            "face": face.pk,
            "is_confirmed": face.is_confirmed,
            "decided_by": face.decided_by_id,
            "refused": [] if refuse([face.pk], person, by) else [face.pk],
            "was_cover": person.cover_id == face.pk,
            "was_beside": _is_beside(face, person),
        },
    )
    drop_covers([face.pk])
    Face.objects.filter(pk=face.pk).update(person=None, state=Face.State.UNKNOWN, is_confirmed=False, decided_by=None)
    follow([face])
    return event


def _is_beside(face: Face, person: Person) -> bool:
    """Whether somebody said of two faces in the photo, this one and another, that they are the person."""
    others = Face.objects.filter(photo=face.photo_id, person=person, is_confirmed=True).exclude(pk=face.pk)
    return face.is_confirmed and others.exists()


@transaction.atomic
def set_cover(face: Face, by: AbstractBaseUser) -> Event | None:
    """Makes a face the cover of its person. None if it is nobody's, or the cover already."""
    revisions.lock()
    face = locked_face(face)
    if face.person is None or face.person.cover_id == face.pk:
        return None
    person = locked_person(face.person)
    event = note(Event.Kind.COVER, person, by, before={"cover": person.cover_id, "after": face.pk})
    Person.objects.filter(pk=person.pk).update(cover=face)
    return event


@transaction.atomic
def hide_person(person: Person, by: AbstractBaseUser, *, is_hidden: bool) -> Event | None:
    """Takes a person out of the list of people, or puts them back. Nothing about their photos changes."""
    person = locked_person(person)
    if person.hidden == is_hidden:
        return None
    event = note(Event.Kind.HIDE, person, by, before={"hidden": person.hidden, "after": is_hidden})
    Person.objects.filter(pk=person.pk).update(hidden=is_hidden)
    return event


@transaction.atomic
def set_birth_date(person: Person, date: dt.date | None, by: AbstractBaseUser) -> Event | None:
    """Says when a person was born, or with None that nobody knows. None if that is known.

    Raises ValueError for a day that is still to come.
    """
    if date and date > timezone.localdate():
        raise ValueError("A date of birth lies in the past.")
    person = locked_person(person)
    if person.birth_date == date:
        return None
    before = {"birth_date": _text(person.birth_date), "after": _text(date), "known": is_known_to_house(person)}
    event = note(Event.Kind.BIRTH, person, by, before)
    Person.objects.filter(pk=person.pk).update(birth_date=date)
    return event


def _text(date: dt.date | None) -> str | None:
    return date.isoformat() if date else None
