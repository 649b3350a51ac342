"""Decisions about one thing, each upon the one before: what the next one notes when one of them is taken back.

An entry of the journal notes what was before it. If an earlier one about the same thing is taken back while a later one
stands, the later one gets to know what was before both. So they can be taken back in any order, and lead to the start.
`restoring.bury` does that for what a face is; here it is done for refusals, for what was said of a person, and for
whose faces were before two people were parted again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import QuerySet

from faces.deciding import chunks, free, refuse_again
from faces.models import Event, Face, Person, Refusal
from faces.restoring import SAYS_WHAT_A_FACE_IS, of_many

_Key = tuple[int, int]  # a face and a person


def later(event: Event, *kinds: Event.Kind) -> QuerySet[Event]:
    """Entries of these kinds that came after one and still hold, the first of them first."""
    return Event.objects.filter(pk__gt=event.pk, undone_at__isnull=True, kind__in=kinds).order_by("pk")


# ---- Refusals -------------------------------------------------------------------------------------------------------


def take_refusals_back(event: Event) -> list[list[Any]]:
    """Deletes refusals that nobody says any more; those that come back (`come_back`) when faces are what they were.

    A refusal goes if it was new with the entry and no later one that holds says it again: else it is that one's from
    now on. One that the entry lifted comes back unless a later one lifts it as well, which then remembers it, or says
    it again, which then was not the first. A query for the later entries about the same people, and some for faces.
    """
    noted = _noted(event)
    new = _new(noted)
    lifted: dict[_Key, Any] = {(face, person): by for face, person, by in noted["lifted"] if person}
    people = {person for _, person in [*new, *lifted]}
    entries = later(event, *SAYS_WHAT_A_FACE_IS, Event.Kind.MERGE).filter(person__in=people) if people else ()
    sure = _confirmed(face for face, _ in lifted)
    for entry in entries:
        before = _noted(entry)
        said = {(face, person) for face, person in before["refusals"]}
        named = _named(entry, before, sure)
        first = _new(before)
        about = (new & (said | named)) | (lifted.keys() & (said | named))
        for face, person in about:
            row = [face, person]
            if (face, person) in named:
                before["lifted"] = [it for it in before["lifted"] if it[:2] != row]
                if (face, person) in lifted:
                    before["lifted"].append([*row, lifted[face, person]])
            elif (face, person) in lifted and (face, person) in first:
                before["again"].append(row)
            elif (face, person) in new:
                before["again"] = [it for it in before["again"] if it != row]
        if about:
            Event.objects.filter(pk=entry.pk).update(before=before)
            new -= about
            lifted = {key: by for key, by in lifted.items() if key not in about}
    for person in {person for _, person in new}:
        for part in chunks(face for face, its in new if its == person):
            Refusal.objects.filter(person=person, face_id__in=part).delete()
    return [[*key, by] for key, by in lifted.items()]


def let_go(refusals: QuerySet[Refusal]) -> None:
    """Deletes refusals that came with something else than an entry, unless an entry that holds said them again."""
    rows = {(face, person): pk for pk, face, person in refusals.values_list("pk", "face_id", "person_id")}
    entries = Event.objects.filter(
        undone_at__isnull=True, kind__in=[Event.Kind.NAME, Event.Kind.REFUSE, Event.Kind.MERGE]
    )
    entries = entries.filter(person__in={person for _, person in rows}).order_by("pk")
    for entry in entries.iterator() if rows else ():
        before = _noted(entry)
        about = {(face, person) for face, person in before["again"]} & rows.keys()
        if about:
            before["again"] = [row for row in before["again"] if tuple(row) not in about]
            Event.objects.filter(pk=entry.pk).update(before=before)
            rows = {key: pk for key, pk in rows.items() if key not in about}
    for part in chunks(rows.values()):
        Refusal.objects.filter(pk__in=part).delete()


def come_back(lifted: Iterable[Sequence[Any]]) -> None:
    """Refusals that were lifted hold again, but not against a confirmed face; guesses give way to them."""
    rows = list(lifted)
    people = set(Person.objects.filter(pk__in={person for _, person, _ in rows}).values_list("pk", flat=True))
    now: dict[int, tuple[int | None, bool]] = {}
    for part in chunks(face for face, _, _ in rows):
        faces = Face.objects.filter(pk__in=part).order_by()
        now |= {pk: (person, is_sure) for pk, person, is_sure in faces.values_list("pk", "person_id", "is_confirmed")}
    rows = [row for row in rows if row[0] in now and row[1] in people and now[row[0]] != (row[1], True)]
    free(face for face, person, _ in rows if now[face][0] == person)
    refuse_again(rows)


def _noted(event: Event) -> dict[str, Any]:
    """What an entry said, with all refusals (`refusals`), those that were known before (`again`), and lifted ones."""
    before = dict(event.before) if event.kind == Event.Kind.MERGE else of_many(event)
    refusals = [list(row) for row in before.get("refusals", ()) if row[1]]
    again = [list(row) for row in before.get("again", ())]
    if event.kind == Event.Kind.REFUSE:  # entries from before `again` noted only those that were new
        noted = {face for face, _ in refusals}
        known = [[face, event.person_id] for face in before["faces"] if event.person_id and face not in noted]
        refusals, again = [*refusals, *known], [*again, *known]
    return {**before, "refusals": refusals, "again": again, "lifted": list(before.get("lifted", ()))}


def _new(noted: dict[str, Any]) -> set[_Key]:
    return {(face, person) for face, person in noted["refusals"]} - {(face, person) for face, person in noted["again"]}


def _named(entry: Event, before: dict[str, Any], sure: set[_Key]) -> set[_Key]:
    """Faces that an entry says are somebody: against that no refusal stands. Merging says so of confirmed faces."""
    lifted = {(face, person) for face, person, _ in before["lifted"]}
    if entry.kind == Event.Kind.MERGE:
        moved = set(before["faces"])
        return lifted | {(face, person) for face, person in sure if person == entry.person_id and face in moved}
    if before["after"]["state"] != Face.State.ASSIGNED:
        return lifted
    return lifted | {(face, before["after"]["person"]) for face in before["faces"]}


def _confirmed(face_ids: Iterable[int]) -> set[_Key]:
    found: set[_Key] = set()
    for part in chunks(face_ids):
        rows = Face.objects.filter(pk__in=part, is_confirmed=True, person__isnull=False).order_by()
        found.update(rows.values_list("pk", "person_id"))
    return found


# ---- Whose faces were -----------------------------------------------------------------------------------------------


def part_formers(event: Event) -> None:
    """Where later entries note that a face was the survivor's of this merge, it was the one's who now is two again.

    Only the first entry about a face means the merge: after it the face was what was decided then.
    """
    into = event.person_id
    whose = {face: entry["id"] for entry in event.before["people"] for face in entry["faces"]}
    covers = {entry["cover"] for entry in event.before["people"]}
    there = set(
        Person.objects.filter(pk__in=whose.values(), merged_into__isnull=True).order_by().values_list("pk", flat=True)
    )
    open_faces = {face for face, person in whose.items() if person in there}
    for entry in later(event, *SAYS_WHAT_A_FACE_IS).iterator() if open_faces else ():
        about = {*entry.before.get("faces", ()), entry.before.get("face")} & open_faces
        if not about or "drawn" in entry.before:  # see `restoring.decided_since`
            continue
        open_faces -= about
        before = of_many(entry)
        formers = [_former_of(row, whose, covers) if row[0] in about and row[1] == into else row
                   for row in before["formers"]]  # fmt: skip
        if formers != before["formers"]:
            Event.objects.filter(pk=entry.pk).update(before={**before, "formers": formers})


def _former_of(row: list[Any], whose: dict[int, int], covers: set[int | None]) -> list[Any]:
    face, _, *rest, was_cover = row
    return [face, whose[face], *rest, was_cover or face in covers]


def part_birth_date(event: Event) -> None:
    """A date of birth that came with a merge was not the survivor's: the next entry that changed it notes none."""
    following = later(event, Event.Kind.BIRTH).filter(person=event.person_id).first()
    if following and event.before["birth_date"] and following.before["birth_date"] == event.before["birth_date"]:
        Event.objects.filter(pk=following.pk).update(before={**following.before, "birth_date": None})


# ---- What was said of a person --------------------------------------------------------------------------------------


def hand_person_on(event: Event, person: Person) -> bool:
    """Whether a later entry that holds names a face as a person whom this one made, or notes that it was, confirmed.

    The first that names one made them from now on: when it is taken back, they go. But not if somebody said since
    something of the person, and not only of faces: a name, a date of birth.
    """
    is_told = later(event, Event.Kind.RENAME, Event.Kind.BIRTH, Event.Kind.HIDE).filter(person=person).exists()
    is_noted = False
    for entry in later(event, *SAYS_WHAT_A_FACE_IS).iterator():
        if entry.person_id == person.pk and of_many(entry)["after"]["person"]:
            if not is_told:
                Event.objects.filter(pk=entry.pk).update(before={**entry.before, "is_new": True})
            return True
        is_noted = is_noted or any(row[1] == person.pk and row[3] for row in of_many(entry)["formers"])
    return is_noted


def hand_on(event: Event, name: str) -> bool:
    """Lets the next entry of the same kind about the person note what was before this one. Whether there is one."""
    following = later(event, Event.Kind(event.kind)).filter(person=event.person_id).first()
    if following is None:
        return False
    before = {**following.before, name: event.before[name]}
    if "known" in before:  # what was before is for those who may read both
        before["known"] = bool(before["known"] and event.before.get("known"))
    Event.objects.filter(pk=following.pk).update(before=before)
    return True
