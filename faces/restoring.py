"""Makes faces again what they were before a decision, as far as nothing decided since stands against it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone

from faces import merging
from faces.access import faces_visible_to, people_visible_to
from faces.deciding import Former, chunks, free, living, users
from faces.models import Event, Face, Person, Refusal

# Entries that say what a face is. Merging people moves faces, but says nothing about a single one.
SAYS_WHAT_A_FACE_IS = (
    Event.Kind.NAME,
    Event.Kind.MARKED,
    Event.Kind.REFUSE,
    Event.Kind.NO_FACE,
    Event.Kind.MOVE,
    Event.Kind.IGNORE,
    Event.Kind.DRAW,
)
# What such entries note of faces: ids, and rows that begin with one.
_IDS = ("faces", "released", "refused")
_ROWS = ("formers", "refusals", "lifted")
_TELLS_OF_A_PERSON = (Event.Kind.RENAME, Event.Kind.BIRTH, Event.Kind.MERGE)


def decided_since(event: Event, face_ids: Iterable[int]) -> set[int]:
    """Those of the faces about which a later entry of the journal still holds: one query.

    One that drew a face again says nothing of what it is; the first one was there before all others.
    """
    later = Event.objects.filter(pk__gt=event.pk, undone_at__isnull=True, kind__in=SAYS_WHAT_A_FACE_IS).order_by()
    decided: set[int] = set()
    for before in later.values_list("before", flat=True).iterator():
        if "drawn" in before:
            continue
        decided.update(before.get("faces", ()), before.get("refused", ()))
        decided.add(before.get("face"))
    return decided.intersection(face_ids)


def of_many(event: Event) -> dict[str, Any]:
    """What an entry about faces noted, as entries about many do (`moving`), whichever way it was written down."""
    before, person = event.before, event.person_id
    if "formers" in before:
        return dict(before)
    if event.kind == Event.Kind.REFUSE:
        face = before["face"]
        was = [face, person, str(Face.State.ASSIGNED), *(before[name] for name in _FORMER[2:])]
        said = [[face, person]]
        noted = {"refusals": said, "again": [] if before["refused"] else said}
        return {"faces": [face], "formers": [was], "after": _after(Face.State.UNKNOWN), **noted}
    if event.kind == Event.Kind.NO_FACE:
        was = [before["face"], *(before["former"][name] for name in _FORMER)]
        return {"faces": [before["face"]], "formers": [was], "after": _after(Face.State.NOT_A_FACE)}
    if event.kind == Event.Kind.DRAW and person is None:
        was = before.get("was", {"state": str(Face.State.UNKNOWN), "decided_by": None})
        formers = [[pk, None, was["state"], False, was["decided_by"], False] for pk in before["faces"]]
        return {**before, "formers": formers, "after": _after(Face.State.UNKNOWN)}
    former = before.get("former", {"person": None, "state": str(Face.State.UNKNOWN), "lifted_of": []})
    said = [former.get(name, False if name != "decided_by" else None) for name in _FORMER]
    return {
        **{key: before[key] for key in ("is_new", "called", "faces", "released") if key in before},
        "formers": [[pk, *said] for pk in before["faces"]],
        "after": _after(Face.State.ASSIGNED, person),
        "refused": before["refused"],
        "refusals": [[pk, person] for pk in before["refused"]],
        "again": [[pk, person] for pk in before.get("again", ())],
        "lifted": [[pk, person, by] for pk in before["faces"] for by in former["lifted_of"]],
    }


_FORMER = ("person", "state", "is_confirmed", "decided_by", "was_cover")


def _after(state: Face.State, person: int | None = None) -> dict[str, Any]:
    return {"person": person, "state": str(state)}


def bury(event: Event, since: Iterable[int]) -> None:
    """Lets later entries forget what an entry that is taken back had said of these faces.

    They stay as was decided later. When that is taken back, too, they are what they were before both: nothing that
    was taken back comes up again.
    """
    noted = of_many(event)
    mine = {row[0]: row for row in noted["formers"]}
    left = set(since) & mine.keys()
    later = Event.objects.filter(pk__gt=event.pk, undone_at__isnull=True, kind__in=SAYS_WHAT_A_FACE_IS).order_by("pk")
    for entry in later.iterator() if left else ():
        about = {*entry.before.get("faces", ()), entry.before.get("face")} & left
        if about and "drawn" not in entry.before:  # see `decided_since`
            before = of_many(entry)
            before["formers"] = [mine[row[0]] if row[0] in about else row for row in before["formers"]]
            Event.objects.filter(pk=entry.pk).update(before=before)
            left -= about


def as_left(event: Event, face_ids: Iterable[int]) -> list[Face]:
    """Those of the faces that are still as a decision about many left them, by id. One query for every `CHUNK`.

    Where it left them nobody's, they may have become guesses since: a guess decides nothing.
    """
    after: dict[str, Any] = event.before["after"]
    rows = Face.objects.defer("embedding", "landmarks").order_by("pk")
    if after["state"] == Face.State.UNKNOWN:
        rows = rows.filter(is_confirmed=False, state__in=[Face.State.UNKNOWN, Face.State.ASSIGNED])
    else:
        rows = rows.filter(state=after["state"], person=after["person"], decided_by_id=event.actor_id)
    return [face for part in chunks(face_ids) for face in rows.filter(pk__in=part)]


def seen_by(by: AbstractBaseUser, face_ids: Iterable[int]) -> set[int]:
    """Those of the faces that `by` sees: nothing is said of the others. One query for every `CHUNK`."""
    found: set[int] = set()
    for part in chunks(face_ids):
        found.update(faces_visible_to(by).filter(pk__in=part).order_by().values_list("pk", flat=True))
    return found


def part_for(event: Event, by: AbstractBaseUser) -> None:
    """Narrows an entry of somebody else, which `by` takes back, to the faces that `by` sees.

    The rest stays an entry that holds, for its author; what is taken back becomes one of its own. `event.before` is
    the narrowed one afterwards. Two queries if there is nothing to narrow, and one more for every `CHUNK` faces.
    """
    before = event.before
    ids = {pk for key in _IDS for pk in before.get(key, ())} | {row[0] for key in _ROWS for row in before.get(key, ())}
    hidden: set[int] = set()
    for part in chunks(ids - seen_by(by, ids)):
        hidden.update(Face.objects.filter(pk__in=part).order_by().values_list("pk", flat=True))
    if not hidden:
        return
    theirs = {key: [pk for pk in before[key] if pk not in hidden] for key in _IDS if key in before}
    theirs |= {key: [row for row in before[key] if row[0] not in hidden] for key in _ROWS if key in before}
    rest = {key: [it for it in before[key] if it not in theirs[key]] for key in theirs}
    Event.objects.filter(pk=event.pk).update(before={**before, **rest}, undone_at=None, undone_by=None)
    event.before = {**before, **theirs}
    apart = Event.objects.create(
        kind=event.kind,
        actor_id=event.actor_id,
        person_id=event.person_id,
        before=event.before,
        undone_at=timezone.now(),
        undone_by_id=by.pk,
    )
    Event.objects.filter(pk=apart.pk).update(at=event.at)


def may_return(event: Event, person_ids: Iterable[int], by: AbstractBaseUser) -> set[int]:
    """Those of the people whom undoing an entry may give faces again: by undo nobody becomes known to `by`.

    They see the person. Or that very decision took the last face that they saw, or the last of all, and neither a name
    nor a date of birth was given since by others, nor a merge: the person is as they knew them. Ask before faces
    change. Three queries.
    """
    wanted = set(person_ids)
    people = people_visible_to(by).filter(pk__in=wanted).order_by()
    known = set(people.values_list("pk", flat=True))
    if not (unseen := wanted - known):
        return known
    told = Event.objects.filter(pk__gt=event.pk, person__in=unseen, kind__in=_TELLS_OF_A_PERSON, undone_at__isnull=True)
    told = told.exclude(actor_id=by.pk).order_by()
    unseen.difference_update(told.values_list("person_id", flat=True))
    if event.actor_id != by.pk:
        unseen.difference_update(Face.objects.filter(person__in=unseen).order_by().values_list("person_id", flat=True))
    return known | unseen


def restore(event: Event, faces: Sequence[Face], formers: Iterable[Former], by: AbstractBaseUser) -> list[str]:
    """Makes faces what they were before an entry; sentences about what could not be. A few queries for any number.

    A person who was merged since gets them under the name they have now. A face is nobody's if it was refused for its
    former person since, if that person must not become known to `by` (`may_return`; matching decides anew), and if it
    was a guess where another face of its photo is that person by now. Guesses give way to a confirmed face that comes
    back.
    """
    former_of = {former.face: former for former in formers}
    people = living(former_of[face.pk].person for face in faces)
    known = may_return(event, people.values(), by)
    there = users(former_of[face.pk].decided_by for face in faces)
    refused = _refused(faces, set(people.values()))
    places = _places(faces, set(people.values()))
    wanted: dict[tuple[int | None, str, bool, int | None], list[int]] = {}
    gone: set[int] = set()
    late: dict[int, list[int]] = {}
    freed: set[int] = set()
    for face in sorted(faces, key=lambda it: (not former_of[it.pk].is_confirmed, it.pk)):
        former = former_of[face.pk]
        person, state = people.get(former.person or 0), former.state
        if former.person and person is None:
            gone.add(face.pk)
            state = str(Face.State.UNKNOWN)
        elif person:
            beside = places.setdefault((face.photo_id, person), {})
            if person not in known or (face.pk, person) in refused or (beside and not former.is_confirmed):
                person, state = None, str(Face.State.UNKNOWN)
            else:
                freed.update(pk for pk, is_confirmed in beside.items() if not is_confirmed)
                places[face.photo_id, person] = {face.pk: former.is_confirmed}
                if former.person and former.person != person:
                    late.setdefault(former.person, []).append(face.pk)
        decided_by = former.decided_by if former.decided_by in there else None
        wanted.setdefault((person, state, former.is_confirmed and person is not None, decided_by), []).append(face.pk)
    free(freed)
    for (person, state, is_confirmed, decided_by), ids in wanted.items():
        for part in chunks(ids):
            Face.objects.filter(pk__in=part).update(
                person=person, state=state, is_confirmed=is_confirmed, decided_by=decided_by
            )
        for face_id in ids if person else ():
            if former_of[face_id].was_cover:
                Person.objects.filter(pk=person or 0, cover__isnull=True).update(cover=face_id)
    for merged, ids in late.items():
        merging.send_after(merged, ids)
    return _gone(len(seen_by(by, gone)), len(faces))


def _refused(faces: Sequence[Face], people: set[int]) -> set[tuple[int, int]]:
    found: set[tuple[int, int]] = set()
    for part in chunks(face.pk for face in faces):
        rows = Refusal.objects.filter(face__in=part, person__in=people)
        found.update(rows.values_list("face_id", "person_id"))
    return found


def _places(faces: Sequence[Face], people: set[int]) -> dict[tuple[int, int], dict[int, bool]]:
    """Which other faces are these people in the photos at hand, by photo and person, and whether they are confirmed."""
    ours = {face.pk for face in faces}
    found: dict[tuple[int, int], dict[int, bool]] = {}
    for part in chunks(face.photo_id for face in faces) if people else ():
        rows = Face.objects.filter(photo__in=part, person__in=people).order_by()
        for pk, photo, person, is_confirmed in rows.values_list("pk", "photo_id", "person_id", "is_confirmed"):
            if pk not in ours and person:
                found.setdefault((photo, person), {})[pk] = is_confirmed
    return found


def _gone(count: int, total: int) -> list[str]:
    if not count:
        return []
    if total == 1:
        return ["The person it was before is not there any more."]
    return [f"The people who {'one face was' if count == 1 else f'{count} faces were'} before are not there any more."]
