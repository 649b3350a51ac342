"""Taking back what was decided about people, as far as nothing else was decided since."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser, User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from faces import revisions
from faces.models import Cluster, Event, Face, Person, Refusal


class AlreadyUndone(Exception):  # noqa: N818
    """This entry of the journal was taken back before."""


@transaction.atomic
def undo_event(event: Event, by: AbstractBaseUser) -> list[str]:
    """Restores what was before an entry of the journal; sentences about what could not be restored, and why.

    The entry must come from `access.get_event(by, ...)`. Raises `AlreadyUndone`. What somebody decided later stands:
    faces named anew, a name or a cover that was changed again.
    """
    if not Event.objects.filter(pk=event.pk, undone_at__isnull=True).update(undone_at=timezone.now()):
        raise AlreadyUndone
    person = Person.objects.select_for_update().filter(pk=event.person_id).first() if event.person_id else None
    if person is None:
        return ["The person is not there any more."]
    undo = {
        Event.Kind.NAME: _undo_name,
        Event.Kind.RENAME: _undo_rename,
        Event.Kind.REFUSE: _undo_refuse,
        Event.Kind.COVER: _undo_cover,
        Event.Kind.HIDE: _undo_hide,
    }[Event.Kind(event.kind)]
    return undo(event, person, event.before)


def _undo_name(event: Event, person: Person, before: dict[str, Any]) -> list[str]:
    named = Face.objects.filter(pk__in=before["faces"])
    ours = named.filter(person=person, is_confirmed=True, decided_by_id=event.actor_id)
    clusters, models = _places(named)
    count = ours.update(person=None, state=Face.State.UNKNOWN, is_confirmed=False, decided_by=None)
    Refusal.objects.filter(person=person, face_id__in=before["refused"]).delete()
    said = []
    if count < len(before["faces"]):
        said.append(f"{len(before['faces']) - count} of the faces were changed or deleted since, and stay as they are.")
    guesses = Face.objects.filter(pk__in=before["released"], state=Face.State.UNKNOWN, is_confirmed=False)
    if not before["is_new"]:
        guesses.update(person=person, state=Face.State.ASSIGNED)
    elif Face.objects.filter(person=person, is_confirmed=True).exists():
        said.append(f"{person.name} stays: more faces were named since.")
    else:
        _delete_person(person, clusters, models)
    _follow(clusters, models)
    return said


def _delete_person(person: Person, clusters: set[int], models: set[str]) -> None:
    """Deletes a person whom nobody confirmed any more, with the guesses that were made since."""
    guesses = Face.objects.filter(person=person)
    more_clusters, more_models = _places(guesses)
    clusters |= more_clusters
    models |= more_models
    guesses.update(person=None, state=Face.State.UNKNOWN)
    person.delete()


def _undo_rename(event: Event, person: Person, before: dict[str, Any]) -> list[str]:
    if person.name != before["after"]:
        return [f"The name was changed again since, to {person.name}."]
    Person.objects.filter(pk=person.pk).update(name=before["name"])
    return []


def _undo_refuse(event: Event, person: Person, before: dict[str, Any]) -> list[str]:
    Refusal.objects.filter(person=person, face_id__in=before["refused"]).delete()
    face = Face.objects.select_for_update().filter(pk=before["face"]).first()
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
        decided_by=User.objects.filter(pk=before["decided_by"]).first(),  # who may have left the house
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
