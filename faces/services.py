"""What people decide about people. Each decision is atomic, is written into the journal, and can be undone (`undo`).

Callers pass rows that came through `faces.access`, so that nobody decides about what they cannot see. Every change of
faces counts the revision of clustering up and wakes it: what follows from a decision comes by itself.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from faces import revisions
from faces.access import get_person, unnamed_visible_to
from faces.models import Cluster, Event, Face, Person, Refusal
from faces.people import namesakes
from gallery.access import get_or_404

NAME_LENGTH = 120


class SameName(Exception):  # noqa: N818
    """There is someone of this name already: a person must say whether it is the same."""

    def __init__(self, people: list[Person]) -> None:
        super().__init__("There is someone of this name already.")
        self.people = people


class NothingToName(Exception):  # noqa: N818
    """No face is left to be named. The message says why."""


@dataclass(frozen=True, slots=True)
class Named:
    """A group got a name: how many faces are confirmed, and why others were left out (sentences for a person)."""

    person: Person
    event: Event
    confirmed: int
    remarks: list[str] = field(default_factory=list)


@transaction.atomic
def name_cluster(
    cluster: Cluster,
    name: str,
    by: AbstractBaseUser,
    *,
    leave_out: Collection[int] = (),
    same_as: int | None = None,
    is_someone_else: bool = False,
) -> Named:
    """Says who a suggestion shows: its faces that are nobody's yet, and that `by` sees, become confirmed.

    `leave_out` are faces that are not this person: they are refused, so that no later run gives them back. `same_as` is
    the id of a person whom the name means; without it, and without `is_someone_else`, a name that someone has already
    raises `SameName`. Two kinds of faces are left alone: those that somebody refused for this person, and those in
    photos where another face is confirmed as this person. Raises `NothingToName`; Http404 for an unknown `same_as`.
    """
    faces = list(
        unnamed_visible_to(by)
        .filter(cluster=cluster)
        .select_for_update()
        .only("pk", "photo_id", "model")
        .order_by("pk")
    )
    chosen = [face for face in faces if face.pk not in leave_out]
    if not faces:
        raise NothingToName("These faces were named in the meantime.")
    if not chosen:
        raise NothingToName("Leave at least one face ticked.")
    person, is_new = _person(name, by, same_as=same_as, is_someone_else=is_someone_else)
    refused = set(Refusal.objects.filter(person=person).values_list("face_id", flat=True))
    filled = set(Face.objects.filter(person=person, is_confirmed=True).values_list("photo_id", flat=True))
    named = [face for face in chosen if face.pk not in refused and face.photo_id not in filled]
    if not named:
        raise NothingToName(
            f"{person.name} is already in these photos, or these faces are known not to be {person.name}."
        )
    released = _release(person, [face.photo_id for face in named])
    Face.objects.filter(pk__in=[face.pk for face in named]).update(
        person=person, state=Face.State.ASSIGNED, is_confirmed=True, decided_by=by
    )
    event = Event.objects.create(
        kind=Event.Kind.NAME,
        actor_id=by.pk,
        person=person,
        before={
            "is_new": is_new,
            "faces": [face.pk for face in named],
            "released": released,
            "refused": _refuse([face.pk for face in faces if face.pk in leave_out], person, by),
        },
    )
    revisions.count_sizes(Cluster.objects.filter(pk=cluster.pk))
    revisions.count_up({face.model for face in faces}, wake=True, faces=False)
    return Named(person, event, len(named), _remarks(person, chosen, refused, filled))


def _person(name: str, by: AbstractBaseUser, *, same_as: int | None, is_someone_else: bool) -> tuple[Person, bool]:
    """The person meant, and whether they are new."""
    if same_as is not None:
        return get_person(by, same_as), False
    if not is_someone_else and (people := namesakes(by, name)):
        raise SameName(people)
    return Person.objects.create(name=name, created_by_id=by.pk), True


def _release(person: Person, photo_ids: list[int]) -> list[int]:
    """Takes guesses back where a confirmed face of the same person stands in the photo now; ids of those faces."""
    guesses = Face.objects.filter(person=person, is_confirmed=False, photo_id__in=photo_ids)
    ids = list(guesses.values_list("pk", flat=True))
    Face.objects.filter(pk__in=ids).update(person=None, state=Face.State.UNKNOWN)
    return ids


def _refuse(face_ids: list[int], person: Person, by: AbstractBaseUser) -> list[int]:
    """Remembers that these faces are not the person; ids of those for which it was not known."""
    known = set(Refusal.objects.filter(person=person, face_id__in=face_ids).values_list("face_id", flat=True))
    new = [face_id for face_id in face_ids if face_id not in known]
    Refusal.objects.bulk_create(Refusal(face_id=face_id, person=person, decided_by_id=by.pk) for face_id in new)
    return new


def _remarks(person: Person, chosen: list[Face], refused: set[int], filled: set[int]) -> list[str]:
    remarks = []
    no = sum(face.pk in refused for face in chosen)
    double = sum(face.pk not in refused and face.photo_id in filled for face in chosen)
    if no:
        remarks.append(f"{_faces(no)} left out: known not to be {person.name}.")
    if double:
        remarks.append(f"{_faces(double)} left out: {person.name} is already in the photo.")
    return remarks


def _faces(count: int) -> str:
    return "One face was" if count == 1 else f"{count} faces were"


@transaction.atomic
def rename_person(person: Person, name: str, by: AbstractBaseUser) -> Event | None:
    """Gives a person another name. None if it is the name they have."""
    person = _locked(person)
    if person.name == name:
        return None
    event = _note(Event.Kind.RENAME, person, by, before={"name": person.name, "after": name})
    Person.objects.filter(pk=person.pk).update(name=name)
    return event


@transaction.atomic
def refuse_face(face: Face, by: AbstractBaseUser) -> Event | None:
    """Says that a face is not the person it was given to, for ever. None if it is nobody's by now."""
    face = get_or_404(Face.objects.select_for_update(of=("self",)).select_related("person"), pk=face.pk)
    person = face.person
    if person is None:
        return None
    was_cover = person.cover_id == face.pk
    event = _note(
        Event.Kind.REFUSE,
        person,
        by,
        before={
            "face": face.pk,
            "is_confirmed": face.is_confirmed,
            "decided_by": face.decided_by_id,
            "refused": _refuse([face.pk], person, by),
            "was_cover": was_cover,
        },
    )
    if was_cover:
        Person.objects.filter(pk=person.pk).update(cover=None)
    Face.objects.filter(pk=face.pk).update(person=None, state=Face.State.UNKNOWN, is_confirmed=False, decided_by=None)
    if face.cluster_id:
        revisions.count_sizes(Cluster.objects.filter(pk=face.cluster_id))
    revisions.count_up({face.model}, wake=True, faces=False)
    return event


@transaction.atomic
def set_cover(face: Face, by: AbstractBaseUser) -> Event | None:
    """Makes a face the cover of its person. None if it is nobody's, or the cover already."""
    if face.person_id is None:
        return None
    person = _locked(Person(pk=face.person_id))
    if person.cover_id == face.pk:
        return None
    event = _note(Event.Kind.COVER, person, by, before={"cover": person.cover_id, "after": face.pk})
    Person.objects.filter(pk=person.pk).update(cover=face)
    return event


@transaction.atomic
def hide_person(person: Person, by: AbstractBaseUser, *, is_hidden: bool) -> Event | None:
    """Takes a person out of the list of people, or puts them back. Nothing about their photos changes."""
    person = _locked(person)
    if person.hidden == is_hidden:
        return None
    event = _note(Event.Kind.HIDE, person, by, before={"hidden": person.hidden, "after": is_hidden})
    Person.objects.filter(pk=person.pk).update(hidden=is_hidden)
    return event


def _locked(person: Person) -> Person:
    """The row, locked; Http404 if somebody else's undo has taken it away this very moment."""
    return get_or_404(Person.objects.select_for_update(), pk=person.pk)


def _note(kind: Event.Kind, person: Person, by: AbstractBaseUser, before: dict[str, object]) -> Event:
    return Event.objects.create(kind=kind, actor_id=by.pk, person=person, before=before)
