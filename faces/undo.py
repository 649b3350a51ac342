"""Taking back what was decided about people, as far as nothing else was decided since."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from faces import drawing, revisions
from faces.models import Cluster, Event, Face, Person, Refusal
from faces.shadow import rules


class AlreadyUndone(Exception):  # noqa: N818
    """This entry of the journal was taken back before."""


@transaction.atomic
def undo_event(event: Event, by: AbstractBaseUser) -> list[str]:
    """Restores what was before an entry of the journal; sentences about what could not be restored, and why.

    The entry must come from `access.get_event(by, ...)`. Raises `AlreadyUndone`. What somebody decided later stands:
    faces about which there is a later entry that still holds, a name or a cover that was changed again.
    """
    revisions.lock()
    if not Event.objects.filter(pk=event.pk, undone_at__isnull=True).update(undone_at=timezone.now()):
        raise AlreadyUndone
    if event.kind == Event.Kind.NO_FACE:
        return _undo_no_face(event, event.before)
    if event.kind == Event.Kind.RULES:
        return rules.undo(event)
    if event.kind == Event.Kind.DRAW:
        return _undo_draw(event, event.before)
    people = Person.objects.select_for_update(no_key=True)
    person = people.filter(pk=event.person_id).first() if event.person_id else None
    if person is None:
        return ["The person is not there any more."]
    undo = {
        Event.Kind.NAME: _undo_name,
        Event.Kind.MARKED: _undo_name,
        Event.Kind.RENAME: _undo_rename,
        Event.Kind.REFUSE: _undo_refuse,
        Event.Kind.COVER: _undo_cover,
        Event.Kind.HIDE: _undo_hide,
    }[Event.Kind(event.kind)]
    return undo(event, person, event.before)


def _undo_name(event: Event, person: Person, before: dict[str, Any]) -> list[str]:
    """The faces are nobody's again (or what the one face was), guesses that had to go return, and so do refusals.

    A person who was made by it goes, unless somebody confirmed another face of theirs since; one who was there before
    keeps their name, their cover and all other faces.
    """
    since = _decided_since(event, {*before["faces"], *before["released"], *before["refused"]})
    ours = Face.objects.filter(
        pk__in=set(before["faces"]) - since, person=person, is_confirmed=True, decided_by_id=event.actor_id
    )
    ids = list(ours.values_list("pk", flat=True))
    said = _kept(len(before["faces"]) - len(ids))
    faces = Face.objects.filter(pk__in=ids)
    clusters, models = _places(faces)
    former = before.get("former")
    if not former:
        faces.update(person=None, state=Face.State.UNKNOWN, is_confirmed=False, decided_by=None)
    Person.objects.filter(pk=person.pk, cover__in=ids).update(cover=None)
    Refusal.objects.filter(person=person, face_id__in=set(before["refused"]) - since).delete()
    if ids and former:
        said += _restore(faces.get(), former)
        Refusal.objects.bulk_create(
            Refusal(face_id=ids[0], person=person, decided_by=_user(refuser)) for refuser in former["lifted_of"]
        )
    if not before["is_new"]:
        _give_guesses_back(person, set(before["released"]) - since)
    elif Face.objects.filter(person=person, is_confirmed=True).exists():
        said.append(f"{person.name} stays: more faces were named since.")
    else:
        _delete_person(person, clusters, models)
    _follow(clusters, models)
    return said


def _decided_since(event: Event, face_ids: Collection[int]) -> set[int]:
    """Those of the faces about which a later entry of the journal still holds."""
    kinds = (Event.Kind.NAME, Event.Kind.MARKED, Event.Kind.REFUSE, Event.Kind.NO_FACE, Event.Kind.DRAW)
    later = Event.objects.filter(pk__gt=event.pk, undone_at__isnull=True, kind__in=kinds).order_by()
    decided: set[int] = set()
    for before in later.values_list("before", flat=True).iterator():
        decided.update(before.get("faces", ()), before.get("refused", ()))
        decided.add(before.get("face"))
    return decided.intersection(face_ids)


def _kept(count: int) -> list[str]:
    if not count:
        return []
    if count == 1:
        return ["One face was changed or deleted since, and stays as it is."]
    return [f"{count} faces were changed or deleted since, and stay as they are."]


def _give_guesses_back(person: Person, face_ids: Collection[int]) -> None:
    """Guesses that a naming pushed aside, unless something stands against them now."""
    filled = Face.objects.filter(person=person, is_confirmed=True).values("photo_id")
    guesses = Face.objects.filter(pk__in=face_ids, state=Face.State.UNKNOWN, is_confirmed=False)
    guesses.exclude(refusals__person=person).exclude(photo_id__in=filled).update(
        person=person, state=Face.State.ASSIGNED
    )


def _restore(face: Face, former: dict[str, Any]) -> list[str]:
    """Makes a face what it was before somebody decided about it alone; sentences about what could not be."""
    state, said = former["state"], []
    person = Person.objects.filter(pk=former["person"]).first() if former["person"] else None
    if former["person"] and person is None:
        state = Face.State.UNKNOWN
        said.append("The person it was before is not there any more.")
    elif person:
        is_refused = Refusal.objects.filter(face=face, person=person).exists()
        others = Face.objects.filter(photo_id=face.photo_id, person=person).exclude(pk=face.pk)
        if is_refused or (not former["is_confirmed"] and others.exists()):
            person, state = None, Face.State.UNKNOWN
    Face.objects.filter(pk=face.pk).update(
        person=person,
        state=state,
        is_confirmed=former["is_confirmed"] and person is not None,
        decided_by=_user(former["decided_by"]),
    )
    if person and former["was_cover"]:
        Person.objects.filter(pk=person.pk, cover__isnull=True).update(cover=face)
    return said


def _user(user_id: int | None) -> User | None:
    """Who decided, if they have not left the house."""
    return User.objects.filter(pk=user_id).first() if user_id else None


def _delete_person(person: Person, clusters: set[int], models: set[str]) -> None:
    """Deletes a person whom nobody confirmed any more, with the guesses that were made since."""
    guesses = Face.objects.filter(person=person)
    more_clusters, more_models = _places(guesses)
    clusters |= more_clusters
    models |= more_models
    guesses.update(person=None, state=Face.State.UNKNOWN)
    person.delete()


def _undo_no_face(event: Event, before: dict[str, Any]) -> list[str]:
    face = Face.objects.filter(pk=before["face"]).defer("embedding", "landmarks").first()
    if face is None:
        return ["The face is not there any more."]
    if face.state != Face.State.NOT_A_FACE or _decided_since(event, [face.pk]):
        return ["Somebody decided about this face since."]
    said = _restore(face, before["former"])
    _follow({face.cluster_id} if face.cluster_id else set(), {face.model})
    return said


def _undo_draw(event: Event, before: dict[str, Any]) -> list[str]:
    if _decided_since(event, before["faces"]):
        return ["Somebody decided about this face since: it stays."]
    people = Person.objects.select_for_update(no_key=True)
    person = people.filter(pk=event.person_id).first() if event.person_id else None
    said = _undo_name(event, person, before) if person else []
    return said or drawing.take_away(event)


def _undo_rename(event: Event, person: Person, before: dict[str, Any]) -> list[str]:
    if person.name != before["after"]:
        return [f"The name was changed again since, to {person.name}."]
    Person.objects.filter(pk=person.pk).update(name=before["name"])
    return []


def _undo_refuse(event: Event, person: Person, before: dict[str, Any]) -> list[str]:
    Refusal.objects.filter(person=person, face_id__in=before["refused"]).delete()
    face = Face.objects.filter(pk=before["face"]).defer("embedding", "landmarks").first()
    if face is None:
        return ["The face is not there any more."]
    revisions.count_up({face.model}, wake=True, faces=False)
    if face.is_confirmed or face.state not in {Face.State.UNKNOWN, Face.State.ASSIGNED}:
        return ["Somebody decided about this face since."]
    others = Face.objects.filter(photo_id=face.photo_id, person=person).exclude(pk=face.pk)
    if others.filter(is_confirmed=True).exists():
        return [f"Another face in this photo is {person.name} now."]
    others.update(person=None, state=Face.State.UNKNOWN)
    Face.objects.filter(pk=face.pk).update(
        person=person,
        state=Face.State.ASSIGNED,
        is_confirmed=before["is_confirmed"],
        decided_by=_user(before["decided_by"]),
    )
    if before["was_cover"]:
        Person.objects.filter(pk=person.pk, cover__isnull=True).update(cover=face)
    if face.cluster_id:
        revisions.count_sizes(Cluster.objects.filter(pk=face.cluster_id))
    return []


def _undo_cover(event: Event, person: Person, before: dict[str, Any]) -> list[str]:
    if person.cover_id != before["after"]:
        return ["The cover was changed again since."]
    cover = Face.objects.filter(Q(pk=before["cover"]) & Q(person=person)).first()
    Person.objects.filter(pk=person.pk).update(cover=cover)
    return []


def _undo_hide(event: Event, person: Person, before: dict[str, Any]) -> list[str]:
    Person.objects.filter(pk=person.pk, hidden=before["after"]).update(hidden=before["hidden"])
    return []


def _places(faces: QuerySet[Face]) -> tuple[set[int], set[str]]:
    """The groups and the embedding models of some faces."""
    rows = list(faces.order_by().values_list("cluster_id", "model").distinct())
    return {cluster for cluster, _ in rows if cluster}, {model for _, model in rows}


def _follow(clusters: set[int], models: set[str]) -> None:
    revisions.count_sizes(Cluster.objects.filter(pk__in=clusters))
    revisions.count_up(models, wake=True, faces=False)
