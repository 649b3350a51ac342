"""What decisions about people are made of: locked rows, refusals, guesses that give way, what a face was before.

`services`, `moving` and `merging` decide with it, `undo` takes back. What touches faces takes `revisions.lock` before
any other lock, then faces and people by their ids. Lists of ids are cut into pieces of `CHUNK`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, User
from django.db.models import QuerySet

from faces import revisions
from faces.access import get_person
from faces.models import Cluster, Event, Face, FacePair, Person, Refusal
from faces.people import former_names, namesakes
from gallery.access import get_or_404

# Ids in one statement: SQLite takes 32,766 parameters.
CHUNK = 5000


class SameName(Exception):  # noqa: N818
    """There is someone of this name already, or there was: a person must say whether it is the same."""

    def __init__(self, people: list[Person]) -> None:
        super().__init__("There is someone of this name already.")
        self.people = people


class NothingToName(Exception):  # noqa: N818
    """No face is left to be decided about. The message says why."""


@dataclass(frozen=True, slots=True)
class Former:
    """What a face was before a decision, as undoing it needs it."""

    face: int
    person: int | None
    state: str
    is_confirmed: bool
    decided_by: int | None
    was_cover: bool

    @classmethod
    def of(cls, face: Face) -> Former:
        """`face` comes with its person."""
        is_cover = face.person is not None and face.person.cover_id == face.pk
        return cls(face.pk, face.person_id, str(face.state), face.is_confirmed, face.decided_by_id, is_cover)

    def packed(self) -> list[Any]:
        """As the journal keeps it when there are many."""
        return [self.face, self.person, self.state, self.is_confirmed, self.decided_by, self.was_cover]

    def named(self) -> dict[str, Any]:
        """As the journal keeps it of a single face."""
        return {
            "person": self.person,
            "state": self.state,
            "is_confirmed": self.is_confirmed,
            "decided_by": self.decided_by,
            "was_cover": self.was_cover,
        }


def chunks(ids: Iterable[int]) -> Iterator[list[int]]:
    """The ids in order, in pieces that fit into a statement."""
    ordered = sorted(set(ids))
    for start in range(0, len(ordered), CHUNK):
        yield ordered[start : start + CHUNK]


# ---- Rows, locked ---------------------------------------------------------------------------------------------------


def locked_person(person: Person) -> Person:
    """The row, locked; Http404 if an undo or a merge of somebody else has taken it away this very moment."""
    return get_or_404(Person.objects.select_for_update(no_key=True), pk=person.pk, merged_into__isnull=True)


def locked_face(face: Face) -> Face:
    """The face as it is now, locked, with its person; Http404 if it is gone."""
    rows = Face.objects.select_for_update(of=("self",), no_key=True).select_related("person")
    return get_or_404(rows.defer("embedding", "landmarks"), pk=face.pk)


def locked_faces(rows: QuerySet[Face], face_ids: Collection[int] | None = None) -> list[Face]:
    """The faces of a queryset as they are now, locked, with their people, by id: one query for every `CHUNK` ids."""
    rows = rows.select_for_update(of=("self",), no_key=True).select_related("person").order_by("pk")
    rows = rows.defer("embedding", "landmarks")
    if face_ids is None:
        return list(rows)
    return [face for part in chunks(face_ids) for face in rows.filter(pk__in=part)]


def person_meant(
    name: str, by: AbstractBaseUser, *, same_as: int | None, is_someone_else: bool, is_pointed_at: bool = False
) -> tuple[Person, bool]:
    """The person meant by a name, and whether they are new.

    Who points at the faces (`is_pointed_at`) means the one person who has the name. Else, and of several, raises
    `SameName`; so it does if somebody had the name before they were found to be somebody else: to begin anew with it
    would be to take that back without a word. Http404 for an unknown `same_as`.
    """
    if same_as is not None:
        return get_person(by, same_as), False
    if not is_someone_else and (people := namesakes(by, name) or former_names(by, name)):
        if is_pointed_at and len(people) == 1 and people[0].name.casefold() == name.casefold():
            return people[0], False
        raise SameName(people)
    return Person.objects.create(name=name, created_by_id=by.pk), True


def living(person_ids: Iterable[int | None]) -> dict[int, int]:
    """Who each of these people is now: themselves, or whom they were merged into. People who are gone are left out.

    Two queries, however many.
    """
    wanted = {pk for pk in person_ids if pk}
    went = merges() if wanted else {}
    ends = {pk: survivor_of(pk, went) for pk in wanted}
    there: set[int] = set()
    for part in chunks(ends.values()):
        there.update(Person.objects.filter(pk__in=part).values_list("pk", flat=True))
    return {pk: end for pk, end in ends.items() if end in there}


def merges() -> dict[int, int]:
    """Into whom each merged person went: one query. There are few of them."""
    rows = Person.objects.filter(merged_into__isnull=False).order_by()
    return {pk: into for pk, into in rows.values_list("pk", "merged_into") if into}


def survivor_of(person_id: int, went: Mapping[int, int]) -> int:
    """The end of a chain of merges."""
    seen: set[int] = set()
    while person_id in went and person_id not in seen:
        seen.add(person_id)
        person_id = went[person_id]
    return person_id


# ---- What a decision brings with it ---------------------------------------------------------------------------------


def release(person: Person, named: Sequence[Face]) -> list[int]:
    """Takes guesses back where one of these faces is the same person in the photo now; ids of the guesses."""
    theirs = {face.pk for face in named}
    ids: list[int] = []
    for part in chunks(face.photo_id for face in named):
        guesses = Face.objects.filter(person=person, is_confirmed=False, photo_id__in=part).order_by("pk")
        ids += [pk for pk in guesses.values_list("pk", flat=True) if pk not in theirs]
    free(ids)
    return ids


def free(face_ids: Iterable[int]) -> None:
    """Makes guesses nobody's again, and counts their groups."""
    for part in chunks(face_ids):
        guesses = Face.objects.filter(pk__in=part)
        guesses.update(person=None, state=Face.State.UNKNOWN)
        clusters = guesses.order_by().exclude(cluster=None).values_list("cluster", flat=True).distinct()
        revisions.count_sizes(Cluster.objects.filter(pk__in=list(clusters)))


def refuse(face_ids: Collection[int], person: Person, by: AbstractBaseUser) -> list[int]:
    """Remembers that these faces are not the person; ids of those for which it was known.

    An entry of the journal notes all, and these: who takes one of two back that say so leaves the other (`chains`).
    """
    known: set[int] = set()
    for part in chunks(face_ids):
        rows = Refusal.objects.filter(person=person, face_id__in=part)
        known.update(rows.values_list("face_id", flat=True))
    new = [face_id for face_id in face_ids if face_id not in known]
    Refusal.objects.bulk_create(Refusal(face_id=face_id, person=person, decided_by_id=by.pk) for face_id in new)
    return sorted(known)


def never_with(person_ids: Collection[int], face_ids: Collection[int]) -> set[int]:
    """Those of the faces of which somebody said that they and a confirmed face of these people are never one person.

    Three queries, and for few faces only one: there are few such pairs.
    """
    pairs = list(FacePair.objects.filter(is_same=False).values_list("one_id", "other_id")) if face_ids else []
    wanted = set(face_ids)
    against = {(mine, theirs) for pair in pairs for mine, theirs in (pair, pair[::-1]) if mine in wanted}
    sure: set[int] = set()
    for part in chunks(theirs for _, theirs in against):
        rows = Face.objects.filter(pk__in=part, person__in=person_ids, is_confirmed=True)
        sure.update(rows.values_list("pk", flat=True))
    return {mine for mine, theirs in against if theirs in sure}


def refuse_again(rows: Iterable[Sequence[Any]]) -> None:
    """Brings refusals back that were lifted: face, person and who said it, if they have not left the house."""
    rows = list(rows)
    there = users(by for _, _, by in rows)
    Refusal.objects.bulk_create(
        (Refusal(face_id=face, person_id=who, decided_by_id=by if by in there else None) for face, who, by in rows),
        ignore_conflicts=True,
    )


def users(user_ids: Iterable[int | None]) -> set[int]:
    """Those who have not left the house."""
    return set(User.objects.filter(pk__in={pk for pk in user_ids if pk}).values_list("pk", flat=True))


def give_guesses_back(person_id: int, face_ids: Collection[int]) -> list[Face]:
    """Guesses that a decision pushed aside are guesses again, unless something stands against them; which."""
    given: list[Face] = []
    for part in chunks(face_ids):
        filled = Face.objects.filter(person=person_id, photo__faces__in=part).values("photo_id")
        guesses = Face.objects.filter(pk__in=part, state=Face.State.UNKNOWN, is_confirmed=False)
        guesses = guesses.exclude(refusals__person=person_id).exclude(photo_id__in=filled)
        given += guesses.defer("embedding", "landmarks").order_by("pk")
    for part in chunks(face.pk for face in given):
        Face.objects.filter(pk__in=part).update(person=person_id, state=Face.State.ASSIGNED)
    return given


def drop_covers(face_ids: Iterable[int]) -> None:
    """Faces that leave their people are not their pictures any more."""
    for part in chunks(face_ids):
        Person.objects.filter(cover__in=part).update(cover=None)


def follow(faces: Iterable[Face]) -> None:
    """What a decision about faces brings with it: sizes of groups, and a worker that looks what follows."""
    faces = list(faces)
    for part in chunks(face.cluster_id for face in faces if face.cluster_id):
        revisions.count_sizes(Cluster.objects.filter(pk__in=part))
    revisions.count_up({face.model for face in faces}, wake=True, faces=False)


def note(kind: Event.Kind, person: Person | None, by: AbstractBaseUser, before: dict[str, Any]) -> Event:
    """Writes into the journal."""
    return Event.objects.create(kind=kind, actor_id=by.pk, person=person, before=before)
