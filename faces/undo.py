"""Taking back what was decided about people, as far as nothing else was decided since."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_date

from faces import chains, drawing, merging, pairs, revisions
from faces.access import faces_visible_to, survivor
from faces.deciding import Former, drop_covers, follow, free, give_guesses_back, users
from faces.known import known_people
from faces.models import Cluster, Event, Face, Person, Refusal
from faces.restoring import (
    SAYS_WHAT_A_FACE_IS,
    as_left,
    bury,
    decided_since,
    may_return,
    part_for,
    restore,
    seen_by,
)
from faces.shadow import rules


class AlreadyUndone(Exception):  # noqa: N818
    """This entry of the journal was taken back before."""


class SomethingFirst(Exception):  # noqa: N818
    """It cannot be taken back, or something later has to be first. The message says what; nothing was changed."""


@transaction.atomic
def undo_event(event: Event, by: AbstractBaseUser) -> list[str]:
    """Restores what was before an entry of the journal; sentences about what could not be restored, and why.

    The entry must come from `access.get_event(by, ...)`. Raises `AlreadyUndone`, and `SomethingFirst` if the person was
    merged into another since. What somebody decided later stands: faces about which there is a later entry that still
    holds, a name or a cover that was changed again. Nothing is told of faces and people whom `by` does not see: a face
    does not become such a person's again (`may_return`), and of an entry of somebody else only the faces that `by` sees
    are taken back, but a merge as a whole.
    """
    revisions.lock()
    still = Event.objects.filter(pk=event.pk, undone_at__isnull=True)
    if not still.update(undone_at=timezone.now(), undone_by_id=by.pk):
        raise AlreadyUndone
    event.refresh_from_db(fields=["before"])  # it may have got to know something in this very moment
    event.undone_by_id = by.pk
    said = _take_back(event, by)
    return said + drawing.take_rest_away(event, by)


def _take_back(event: Event, by: AbstractBaseUser) -> list[str]:
    """What `undo_event` does once the entry is marked. Raises `SomethingFirst`."""
    if event.kind == Event.Kind.PAIR:
        return pairs.undo_pair(event, by)
    if event.kind == Event.Kind.RULES:
        try:
            return rules.undo(event)
        except rules.NotApplicable as error:
            raise SomethingFirst(str(error)) from error
    people = Person.objects.select_for_update(no_key=True)
    person = people.filter(pk=event.person_id).first() if event.person_id else None
    if person is not None and person.merged_into_id:
        if (now := survivor(by, person.pk)) is None:
            raise SomethingFirst("Something that was decided since has to be taken back first.")
        raise SomethingFirst(f"{person.name} was found to be {now.name} since: take that back first.")
    if event.actor_id != by.pk and event.kind in SAYS_WHAT_A_FACE_IS:
        part_for(event, by)
    if "formers" in event.before:
        return _undo_many(event, person, event.before, by)
    if event.kind == Event.Kind.NO_FACE:
        return _undo_no_face(event, event.before, by)
    if event.kind == Event.Kind.DRAW:
        return _undo_draw(event, person, event.before, by)
    if person is None:
        return ["The person is not there any more."]
    if event.kind == Event.Kind.MERGE:
        return _undo_merge(event, person, by)
    if event.kind not in _UNDO:
        raise SomethingFirst("This entry is not taken back here.")
    return _UNDO[event.kind](event, person, event.before, by)


# Kinds that are taken back by more than a change of their person.
_ELSEWHERE = (Event.Kind.MERGE, Event.Kind.NO_FACE, Event.Kind.DRAW, Event.Kind.RULES, Event.Kind.PAIR)


def may_be_undone(event: Event) -> bool:
    """Whether an entry of this kind can be taken back at all."""
    return event.kind in {*_UNDO, *_ELSEWHERE} or "formers" in event.before


# ---- Faces ----------------------------------------------------------------------------------------------------------


def _undo_many(event: Event, person: Person | None, before: dict[str, Any], by: AbstractBaseUser) -> list[str]:
    """What was said about many faces at once (`moving`): each is what it was, and so are refusals and guesses."""
    released = before.get("released", [])
    since = decided_since(event, {*before["faces"], *released})
    returns = may_return(event, [person.pk] if person else [], by)
    bury(event, since)
    lifted = chains.take_refusals_back(event)
    faces = as_left(event, set(before["faces"]) - since)
    said = _kept(event, set(before["faces"]).difference(face.pk for face in faces), by)
    formers = {row[0]: Former(*row) for row in before["formers"]}
    drop_covers(face.pk for face in faces if formers[face.pk].person != face.person_id)
    said += restore(event, faces, formers.values(), by)
    chains.come_back(lifted)
    changed = list(faces)
    if person is not None and not before.get("is_new"):
        changed += give_guesses_back(person.pk, set(released) - since if returns else ())
    elif person is not None:
        said += _unmake(event, person, changed, by)
    follow(changed)
    return said


def _undo_name(event: Event, person: Person, before: dict[str, Any], by: AbstractBaseUser) -> list[str]:
    """The faces are nobody's again (or what the one face was), guesses that had to go return, and so do refusals.

    A person who was made by it goes, unless somebody confirmed another face of theirs since; one who was there before
    keeps their name, their cover and all other faces.
    """
    since = decided_since(event, {*before["faces"], *before["released"], *before["refused"]})
    returns = may_return(event, [person.pk], by)
    bury(event, since)
    ours = Face.objects.filter(
        pk__in=set(before["faces"]) - since, person=person, is_confirmed=True, decided_by_id=event.actor_id
    )
    faces = list(ours.defer("embedding", "landmarks"))
    ids = [face.pk for face in faces]
    said = _kept(event, set(before["faces"]).difference(ids), by)
    former = before.get("former")
    if not former:
        Face.objects.filter(pk__in=ids).update(
            person=None, state=Face.State.UNKNOWN, is_confirmed=False, decided_by=None
        )
    if not former or former["person"] != person.pk:
        Person.objects.filter(pk=person.pk, cover__in=ids).update(cover=None)
    lifted = chains.take_refusals_back(event)
    if ids and former:
        said += _restore(event, faces[0], former, by)
    chains.come_back(lifted)
    if not before["is_new"]:
        faces += give_guesses_back(person.pk, set(before["released"]) - since if returns else ())
    else:
        said += _unmake(event, person, faces, by)
    follow(faces)
    return said


def _kept(event: Event, left: set[int], by: AbstractBaseUser) -> list[str]:
    """What is said of faces that stay as they are, as far as `by` sees them. A number is told to whoever decided."""
    count = len(seen_by(by, left))
    if not count:
        return []
    if event.actor_id != by.pk:
        return ["What was changed or deleted since stays as it is."]
    if count == 1:
        return ["One face was changed or deleted since, and stays as it is."]
    return [f"{count} faces were changed or deleted since, and stay as they are."]


def _unmake(event: Event, person: Person, changed: list[Face], by: AbstractBaseUser) -> list[str]:
    """Deletes a person who was made by what is taken back, with the guesses that were made since (into `changed`).

    They stay if somebody confirmed another face of theirs or may yet get one back by undo, or merged others into them:
    those may want to come back. That is said if `by` sees such a face, or knows whom they were found to be.
    """
    is_noted = chains.hand_person_on(event, person)
    if Face.objects.filter(person=person, is_confirmed=True).exists():
        sees = faces_visible_to(by).filter(person=person, is_confirmed=True).exists()
        return [f"{person.name} stays: more faces were named since."] if sees else []
    merged = list(Person.objects.filter(merged_into=person).order_by().values_list("pk", flat=True))
    if merged:
        knows = known_people(by, merged)
        return [f"{person.name} stays: somebody else was found to be {person.name} since."] if knows else []
    if is_noted:
        return []
    guesses = Face.objects.filter(person=person)
    changed += guesses.defer("embedding", "landmarks")
    guesses.update(person=None, state=Face.State.UNKNOWN)
    person.delete()
    return []


def _restore(event: Event, face: Face, former: dict[str, Any], by: AbstractBaseUser) -> list[str]:
    """Makes a face what it was before somebody decided about it alone."""
    names = ("person", "state", "is_confirmed", "decided_by", "was_cover")
    return restore(event, [face], [Former(face.pk, *(former[name] for name in names))], by)


def _undo_no_face(event: Event, before: dict[str, Any], by: AbstractBaseUser) -> list[str]:
    face = Face.objects.filter(pk=before["face"]).defer("embedding", "landmarks").first()
    if face is None:
        return ["The face is not there any more."]
    if face.state != Face.State.NOT_A_FACE or decided_since(event, [face.pk]):
        bury(event, [face.pk])
        return _decided([face.pk], by)
    said = _restore(event, face, before["former"], by)
    follow([face])
    return said


def _undo_draw(event: Event, person: Person | None, before: dict[str, Any], by: AbstractBaseUser) -> list[str]:
    """A face that was drawn goes, with the name that it got at once. If something else holds it, it goes when that is
    taken back as well (`drawing.take_rest_away`)."""
    since = decided_since(event, before["faces"])
    kept = _kept(event, set(before["faces"]), by)  # is said more closely below
    said = [it for it in _undo_name(event, person, before, by) if it not in kept] if person else []
    if since and not drawing.is_again(event):
        bury(event, since)
    if since or drawing.is_held(event):
        return said + (["Somebody decided about this face since: it stays."] if kept else [])
    return said + drawing.take_away(event)


def _decided(face_ids: list[int], by: AbstractBaseUser) -> list[str]:
    return ["Somebody decided about this face since."] if seen_by(by, face_ids) else []


def _undo_refuse(event: Event, person: Person, before: dict[str, Any], by: AbstractBaseUser) -> list[str]:
    chains.take_refusals_back(event)
    face = Face.objects.filter(pk=before["face"]).defer("embedding", "landmarks").first()
    if face is None:
        return ["The face is not there any more."]
    revisions.count_up({face.model}, wake=True, faces=False)
    if face.is_confirmed or face.state not in {Face.State.UNKNOWN, Face.State.ASSIGNED}:
        bury(event, [face.pk])
        return _decided([face.pk], by)
    if Refusal.objects.filter(face=face, person=person).exists():  # somebody else still says so
        return _decided([face.pk], by)
    if not may_return(event, [person.pk], by):
        return []
    others = Face.objects.filter(photo_id=face.photo_id, person=person).exclude(pk=face.pk)
    # If somebody had said of both that they are this person, both are again.
    if not before.get("was_beside") and others.filter(is_confirmed=True).exists():
        return [f"Another face in this photo is {person.name} now."] if seen_by(by, [face.pk]) else []
    free(others.filter(is_confirmed=False).values_list("pk", flat=True))
    decided_by = before["decided_by"]
    Face.objects.filter(pk=face.pk).update(
        person=person,
        state=Face.State.ASSIGNED,
        is_confirmed=before["is_confirmed"],
        decided_by=decided_by if users([decided_by]) else None,
    )
    if before["was_cover"]:
        Person.objects.filter(pk=person.pk, cover__isnull=True).update(cover=face)
    if face.cluster_id:
        revisions.count_sizes(Cluster.objects.filter(pk=face.cluster_id))
    return []


def _undo_merge(event: Event, person: Person, by: AbstractBaseUser) -> list[str]:
    lifted = chains.take_refusals_back(event)
    said = merging.take_apart(event, person, decided_since(event, merging.faces_of_entry(event)), by)
    chains.come_back(lifted)
    chains.part_formers(event)
    chains.part_birth_date(event)
    return said


# ---- People ---------------------------------------------------------------------------------------------------------


def _rows(person: Person) -> QuerySet[Person]:
    return Person.objects.filter(pk=person.pk)


def _undo_rename(event: Event, person: Person, before: dict[str, Any], by: AbstractBaseUser) -> list[str]:
    if chains.hand_on(event, "name") or person.name != before["after"]:
        return [f"The name was changed again since, to {person.name}."]
    _rows(person).update(name=before["name"])
    return []


def _undo_cover(event: Event, person: Person, before: dict[str, Any], by: AbstractBaseUser) -> list[str]:
    is_gone = person.cover_id is None and not Face.objects.filter(pk=before["after"], person=person).exists()
    if chains.hand_on(event, "cover") or not (is_gone or person.cover_id == before["after"]):
        is_told = person.cover_id is None or seen_by(by, [person.cover_id])
        return ["The cover was changed again since."] if is_told else []
    cover = Face.objects.filter(Q(pk=before["cover"]) & Q(person=person)).first()
    _rows(person).update(cover=cover)
    return []


def _undo_hide(event: Event, person: Person, before: dict[str, Any], by: AbstractBaseUser) -> list[str]:
    if chains.hand_on(event, "hidden") or person.hidden != before["after"]:
        return [f"{person.name} was hidden or brought back again since."]
    _rows(person).update(hidden=before["hidden"])
    return []


def _undo_birth(event: Event, person: Person, before: dict[str, Any], by: AbstractBaseUser) -> list[str]:
    if chains.hand_on(event, "birth_date") or person.birth_date != _date(before["after"]):
        return ["The date of birth was changed again since."]
    _rows(person).update(birth_date=_date(before["birth_date"]))
    return []


def _date(text: str | None) -> Any:
    return parse_date(text) if text else None


_UNDO: dict[str, Callable[[Event, Person, dict[str, Any], AbstractBaseUser], list[str]]] = {
    Event.Kind.NAME: _undo_name,
    Event.Kind.MARKED: _undo_name,
    Event.Kind.RENAME: _undo_rename,
    Event.Kind.REFUSE: _undo_refuse,
    Event.Kind.COVER: _undo_cover,
    Event.Kind.HIDE: _undo_hide,
    Event.Kind.BIRTH: _undo_birth,
}
