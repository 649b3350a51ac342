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
from faces.deciding import chunks, drop_covers, follow, free, locked_faces, never_with, note, refuse, release
from faces.models import Event, Face, Person, Preview
from faces.shadow.fingerprint import fingerprint
from faces.shadow.rules import NotApplicable, put_away

# Faces in one entry of the journal. Whoever gains more is accepted in several rounds.
MOST_FACES = 10_000


@transaction.atomic
def accept_person(
    preview: Preview, person: Person, by: AbstractBaseUser, *, only: Collection[int] | None = None
) -> tuple[Event, int, int]:
    """Confirms and refuses the faces that `by` sees, all or `only` some: the entry of the journal, and how many each.

    Faces about which somebody decided since, those that were said to be somebody else than one of the person's, and
    those in photos where another face is confirmed as the person, are left as they are; so are those that were looked
    at anew since the preview was made, and the entry tells how many as `looked_at_anew`. At most `MOST_FACES` each.
    Raises `NotApplicable` if nothing is left to accept, or the preview was put away.
    """
    revisions.lock()
    preview = Preview.objects.select_for_update().filter(pk=preview.pk).first() or preview
    change = preview.result.get("people", {}).get(str(person.pk))
    if preview.state != Preview.State.READY or not change:
        raise put_away(preview)
    is_fresh = preview.seen == fingerprint(_present_model(preview))
    rows = Person.objects.select_for_update(no_key=True)
    if not rows.filter(pk=person.pk, merged_into__isnull=True).exists():
        raise NotApplicable("This person is not there any more.")
    gains, losses = ids_of(change["gains"], only), ids_of(change["losses"], only)
    anew = _looked_at_anew(preview, by, [*gains, *losses])
    confirmed = _gained(person, by, [pk for pk in gains if pk not in anew])
    lost = locked_faces(_open(by).filter(person=person), [pk for pk in losses if pk not in anew])[:MOST_FACES]
    if anew and not (confirmed or lost):
        raise NotApplicable(f"The faces of {person.name} were looked at anew since. Make the preview once more.")
    if not (confirmed or lost):
        raise NotApplicable(f"Nothing is left to accept for {person.name}: it was decided in the meantime.")
    free(face.pk for face in lost)
    let_go = [face.pk for face in lost] + release(person, confirmed)
    drop_covers([*let_go, *(face.pk for face in confirmed)])
    for part in chunks(face.pk for face in confirmed):
        Face.objects.filter(pk__in=part).update(
            person=person, state=Face.State.ASSIGNED, is_confirmed=True, decided_by_id=by.pk
        )
    event = note(
        Event.Kind.NAME,
        person,
        by,
        before={
            "is_new": False,
            "called": person.name,
            "faces": [face.pk for face in confirmed],
            "released": let_go,
            "refused": [face.pk for face in lost],
            "again": refuse([face.pk for face in lost], person, by),
            "looked_at_anew": len(anew),
        },
    )
    follow([*confirmed, *lost])
    _remember(preview, person, event, is_fresh)
    return event, len(confirmed), len(lost)


def _looked_at_anew(preview: Preview, by: AbstractBaseUser, face_ids: list[int]) -> set[int]:
    """Those of the faces that look otherwise than when the preview judged them. One query for each chunk."""
    looks = preview.result.get("looks", {})
    now: dict[int, int] = {}
    for part in chunks(face_ids):
        now.update(_open(by).filter(pk__in=part).values_list("pk", "embedding_crc"))
    return {pk for pk, crc in now.items() if looks.get(str(pk)) != crc}


def _gained(person: Person, by: AbstractBaseUser, face_ids: list[int]) -> list[Face]:
    """Those of the faces that may be confirmed as the person, the best of each photo, locked."""
    never = never_with([person.pk], face_ids)
    rows = _open(by).exclude(refusals__person=person).exclude(person=person)
    faces = locked_faces(rows, [pk for pk in face_ids if pk not in never])
    filled = set(Face.objects.filter(person=person, is_confirmed=True).values_list("photo_id", flat=True))
    found = []
    for face in sorted(faces, key=lambda face: (-face.quality, face.pk)):
        if face.photo_id not in filled:
            found.append(face)
            filled.add(face.photo_id)
    return sorted(found[:MOST_FACES], key=lambda face: face.pk)


def ids_of(by_library: dict[str, list[int]], only: Collection[int] | None) -> list[int]:
    """Faces of all libraries, or those of them that are `only` meant."""
    return [pk for part in by_library.values() for pk in part if only is None or pk in only]


def _open(by: AbstractBaseUser) -> QuerySet[Face]:
    """Faces that `by` sees and about which nobody decided."""
    guesses = [Face.State.UNKNOWN, Face.State.ASSIGNED]
    return faces_visible_to(by).filter(is_confirmed=False, state__in=guesses)


def _remember(preview: Preview, person: Person, event: Event, is_fresh: bool) -> None:
    """Notes what was accepted. What one accepts oneself does not make the rest of the preview out of date."""
    result = {**preview.result, "accepted": {**preview.result.get("accepted", {}), str(person.pk): event.pk}}
    seen = fingerprint(_present_model(preview)) if is_fresh else preview.seen
    Preview.objects.filter(pk=preview.pk).update(result=result, seen=seen)


def _present_model(preview: Preview) -> str:
    """The model whose faces the preview was compared with."""
    return str(preview.result.get("present") or preview.model)
