"""Accepting what a preview says about one person: the faces become decisions of whoever accepts.

A face that the person would gain is confirmed, one that they would lose is refused. So the next run, by whatever
distances, leaves both as they are; the distances themselves stay. What was not accepted stays a guess.
"""

from __future__ import annotations

from collections.abc import Collection

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import QuerySet

from faces import revisions
from faces.access import faces_visible_to
from faces.models import Cluster, Event, Face, FacePair, Person, Preview, Refusal
from faces.shadow.fingerprint import fingerprint
from faces.shadow.rules import NotApplicable


@transaction.atomic
def accept_person(
    preview: Preview, person: Person, by: AbstractBaseUser, *, only: Collection[int] | None = None
) -> tuple[Event, int, int]:
    """Confirms and refuses the faces that `by` sees, all or `only` some: the entry of the journal, and how many each.

    Faces about which somebody decided since, those that were said to be somebody else than one of the person's, and
    those in photos where another face is confirmed as the person, are left as they are. Raises `NotApplicable` if
    nothing is left to accept, or the preview was put away.
    """
    revisions.lock()
    preview = Preview.objects.select_for_update().filter(pk=preview.pk).first() or preview
    change = preview.result.get("people", {}).get(str(person.pk))
    if preview.state != Preview.State.READY or not change:
        raise NotApplicable("This preview was put away in the meantime.")
    if not Person.objects.select_for_update(no_key=True).filter(pk=person.pk).exists():
        raise NotApplicable("This person is not there any more.")
    was_fresh = preview.seen == fingerprint(_present_model(preview))
    gains = _open(by, ids_of(change["gains"]), only).exclude(refusals__person=person).exclude(person=person)
    losses = list(_open(by, ids_of(change["losses"]), only).filter(person=person))
    filled = set(Face.objects.filter(person=person, is_confirmed=True).values_list("photo_id", flat=True))
    never = _never(person)
    confirmed: list[Face] = []
    for face in gains:
        if face.photo_id not in filled and face.pk not in never:
            confirmed.append(face)
            filled.add(face.photo_id)
    if not (confirmed or losses):
        raise NotApplicable(f"Nothing is left to accept for {person.name}: it was decided in the meantime.")
    ids, lost = [face.pk for face in confirmed], [face.pk for face in losses]
    guesses = Face.objects.filter(person=person, is_confirmed=False)
    released = guesses.filter(photo__in=[face.photo_id for face in confirmed]).exclude(pk__in=[*ids, *lost])
    let_go = [*lost, *released.values_list("pk", flat=True)]
    Face.objects.filter(pk__in=let_go).update(person=None, state=Face.State.UNKNOWN)
    Person.objects.filter(cover__in=[*let_go, *ids]).exclude(pk=person.pk, cover__in=ids).update(cover=None)
    Face.objects.filter(pk__in=ids).update(
        person=person, state=Face.State.ASSIGNED, is_confirmed=True, decided_by_id=by.pk
    )
    Refusal.objects.bulk_create(
        [Refusal(face_id=pk, person=person, decided_by_id=by.pk) for pk in lost], ignore_conflicts=True
    )
    event = Event.objects.create(
        kind=Event.Kind.NAME,
        actor_id=by.pk,
        person=person,
        before={"is_new": False, "faces": ids, "released": let_go, "refused": lost},
    )
    touched = [*confirmed, *losses]
    revisions.count_sizes(Cluster.objects.filter(pk__in={face.cluster_id for face in touched if face.cluster_id}))
    revisions.count_up({face.model for face in touched}, wake=True, faces=False)
    _note(preview, person, event, was_fresh)
    return event, len(ids), len(lost)


def _never(person: Person) -> set[int]:
    """Faces of which somebody said that they are another person than a face that is confirmed as this one."""
    apart = FacePair.objects.filter(is_same=False)
    one = apart.filter(other__person=person, other__is_confirmed=True).values_list("one", flat=True)
    other = apart.filter(one__person=person, one__is_confirmed=True).values_list("other", flat=True)
    return {*one, *other}


def ids_of(by_library: dict[str, list[int]]) -> list[int]:
    return [pk for ids in by_library.values() for pk in ids]


def _open(by: AbstractBaseUser, ids: list[int], only: Collection[int] | None) -> QuerySet[Face]:
    """Those of the faces about which nobody decided, that `by` sees, locked by id."""
    chosen = ids if only is None else [pk for pk in ids if pk in only]
    rows = faces_visible_to(by).filter(
        pk__in=chosen, is_confirmed=False, state__in=[Face.State.UNKNOWN, Face.State.ASSIGNED]
    )
    return rows.select_for_update(of=("self",), no_key=True).defer("embedding", "landmarks").order_by("pk")


def _note(preview: Preview, person: Person, event: Event, was_fresh: bool) -> None:
    """Remembers what was accepted. What one accepts oneself does not make the rest of the preview out of date."""
    result = {**preview.result, "accepted": {**preview.result.get("accepted", {}), str(person.pk): event.pk}}
    seen = fingerprint(_present_model(preview)) if was_fresh else preview.seen
    Preview.objects.filter(pk=preview.pk).update(result=result, seen=seen)


def _present_model(preview: Preview) -> str:
    """The model whose faces the preview was compared with."""
    return str(preview.result.get("present") or preview.model)
