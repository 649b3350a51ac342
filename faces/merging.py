"""Two people who are one: merging them, and taking that apart again, weeks later too.

Whoever is merged stays as a row without faces (`Person.merged_into`), with their name, whether they are hidden, and
their date of birth. The entry of the journal notes what else was theirs.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Count
from django.http import Http404

from faces import revisions
from faces.access import faces_visible_to
from faces.deciding import chunks, follow, free, give_guesses_back, merges, never_with, note
from faces.models import Cluster, Event, Face, MarkedName, Person, Refusal
from gallery.models import Library


class MergedBefore(Exception):  # noqa: N818
    """One of the people was merged in the meantime. The message says so."""


@dataclass(frozen=True, slots=True)
class Merged:
    """Who they are now, and sentences about what one may want to look at."""

    person: Person
    event: Event
    remarks: list[str] = field(default_factory=list)


@transaction.atomic
def merge_people(into: Person, others: Collection[Person], by: AbstractBaseUser) -> Merged:
    """Says that `others` are `into`: all their faces become theirs, confirmed ones stay confirmed and guesses guesses.

    What was refused for one holds for `into`, but a confirmed face overrules it. Where guesses would make them stand
    twice in a photo, the guesses go; two confirmed faces in a photo stay, and that is said. `into` takes the picture
    and the date of birth of another if they have none, the date only if all who see `into` could see it.

    Raises `MergedBefore`, and Http404 if somebody is gone.
    """
    revisions.lock()
    ids = sorted({into.pk, *(other.pk for other in others)})
    rows = {row.pk: row for row in Person.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")}
    if len(rows) < len(ids) or len(ids) < 2:
        raise Http404
    into = rows.pop(into.pk)
    for row in (into, *rows.values()):
        if row.merged_into_id:
            raise MergedBefore(f"{row.name} was merged with somebody in the meantime.")
    faces = _faces_of([into.pk, *rows])
    dates = _open_dates(into, list(rows.values()))
    is_news = _becomes_known(into, list(rows))
    before: dict[str, Any] = {"faces": [], "people": []}
    noted, refused = _join_refusals(into, list(rows), faces)
    before |= noted
    apart = never_with(ids, [face.pk for face in faces])
    freed = _to_free(faces, refused | apart, into.pk)
    before["released"] = [[face.pk, face.person_id] for face in freed]
    free(face.pk for face in freed)
    left = {face.pk for face in freed}
    for row in rows.values():
        theirs = [face.pk for face in faces if face.person_id == row.pk and face.pk not in left]
        before["faces"] += theirs
        before["people"].append({"id": row.pk, "faces": theirs, "cover": row.cover_id})
    Face.objects.filter(person__in=rows).update(person=into)
    _take_questions(into, rows)
    marked = MarkedName.objects.filter(person__in=rows)
    before["marked"] = [list(pair) for pair in marked.order_by("pk").values_list("pk", "person_id")]
    marked.update(person=into)
    before |= _take_over(into, list(rows.values()), set(before["faces"]), dates)
    Person.objects.filter(pk__in=rows).update(merged_into=into, cover=None)
    follow(faces)
    event = note(Event.Kind.MERGE, into, by, before)
    into.refresh_from_db()
    sure = {face.pk for face in faces if face.is_confirmed}
    return Merged(into, event, [*_news(into, is_news=is_news), *_remarks(into, by, apart & sure)])


def _faces_of(person_ids: Sequence[int]) -> list[Face]:
    """All faces of these people, locked, as far as merging looks at them: one query."""
    faces = Face.objects.filter(person__in=person_ids).select_for_update(no_key=True, of=("self",)).order_by("pk")
    return list(faces.only("pk", "photo_id", "person_id", "is_confirmed", "quality", "cluster_id", "model"))


def _join_refusals(into: Person, others: list[int], faces: Sequence[Face]) -> tuple[dict[str, Any], set[int]]:
    """Makes what was refused for one person hold for all of them; what the entry notes, and who is refused.

    It notes refusals of the others (`refusals`), those of them that were there before (`again`), and those that went
    (`lifted`): a face that somebody confirmed as one of them is one of them now, and no refusal stands beside that.
    """
    sure = {face.pk for face in faces if face.is_confirmed}
    rows = Refusal.objects.order_by("pk")
    ours: dict[int, int | None] = dict(rows.filter(person=into).values_list("face_id", "decided_by_id"))
    theirs: dict[int, int | None] = {}
    for face, refuser in rows.filter(person__in=others).values_list("face_id", "decided_by_id"):
        theirs.setdefault(face, refuser)
    new = {face: refuser for face, refuser in theirs.items() if face not in ours and face not in sure}
    Refusal.objects.bulk_create(Refusal(face_id=pk, person=into, decided_by_id=by) for pk, by in new.items())
    lifted: list[list[int | None]] = [[face, into.pk, refuser] for face, refuser in ours.items() if face in sure]
    for part in chunks(face for face in ours if face in sure):
        Refusal.objects.filter(person=into, face_id__in=part).delete()
    noted = {
        "refusals": [[face, into.pk] for face in theirs if face not in sure],
        "again": [[face, into.pk] for face in theirs if face in ours and face not in sure],
        "lifted": lifted,
    }
    return noted, (ours.keys() | theirs.keys()) - sure


def _to_free(faces: Sequence[Face], refused: set[int], into: int) -> list[Face]:
    """Guesses that cannot stand: refused ones, and those beside another face of them in one photo.

    A confirmed face stands before a guess, a guess for `into` before another, then the better face.
    """
    freed, places = [], set()
    for face in sorted(faces, key=lambda it: (not it.is_confirmed, it.person_id != into, -it.quality, it.pk)):
        if not face.is_confirmed and (face.pk in refused or face.photo_id in places):
            freed.append(face)
        else:
            places.add(face.photo_id)
    return freed


def _take_questions(into: Person, others: Iterable[int]) -> None:
    """Whether a face is one of them is the question whether it is `into` now, where that is not known."""
    asked = Face.objects.filter(near_person__in=list(others))
    asked.filter(refusals__person=into).update(near_person=None, near_distance=None)
    asked.update(near_person=into)
    Cluster.objects.filter(near_person__in=list(others)).update(near_person=into)


def _open_dates(into: Person, others: Sequence[Person]) -> list[dt.date]:
    """The dates of birth of `others` that are no secret to anybody who sees `into`, before faces move: one query.

    Who has a face in a library of the household is known to all, others to the owners of the libraries they are in.
    """
    if into.birth_date or not any(row.birth_date for row in others):
        return []
    audiences: dict[int, set[int | None]] = {}
    faces = Face.objects.filter(person__in=[into.pk, *(row.pk for row in others)]).order_by()
    columns = ("person_id", "photo__library__visibility", "photo__library__owner_id")
    for person_id, visibility, owner_id in faces.values_list(*columns).distinct():
        is_private = visibility == Library.Visibility.PRIVATE
        audiences.setdefault(person_id or 0, set()).add(owner_id if is_private else None)
    ours = audiences.get(into.pk, set())
    theirs = ((row.birth_date, audiences.get(row.pk, set())) for row in others)
    return [date for date, audience in theirs if date and (None in audience or ours <= audience)]


def _becomes_known(into: Person, others: Collection[int]) -> bool:
    """Whether somebody of whom only private libraries had faces is seen by the whole house now. One query."""
    faces = Face.objects.filter(person__in=[into.pk, *others], photo__library__visibility=Library.Visibility.HOUSEHOLD)
    known = set(faces.order_by().values_list("person_id", flat=True).distinct())
    return bool(known) and into.pk not in known


def _news(into: Person, *, is_news: bool) -> list[str]:
    if not is_news:
        return []
    what = "the name and the date of birth" if into.birth_date else "the name"
    return [f"Everybody in the house reads {what} of {into.name} now."]


def _take_over(into: Person, others: Sequence[Person], moved: set[int], dates: Sequence[dt.date]) -> dict[str, Any]:
    """Gives `into` a picture, and the first of the `dates` of birth, if they have none; what they were given."""
    taken: dict[str, Any] = {"cover": None, "birth_date": None}
    values: dict[str, Any] = {}
    if not into.cover_id and (covers := [row.cover_id for row in others if row.cover_id in moved]):
        values["cover_id"] = taken["cover"] = covers[0]
    if dates:
        values["birth_date"], taken["birth_date"] = dates[0], dates[0].isoformat()
    if values:
        Person.objects.filter(pk=into.pk).update(**values)
    return taken


def _remarks(into: Person, by: AbstractBaseUser, apart: set[int]) -> list[str]:
    """In how many photos that `by` sees they are twice by now, and whether somebody kept two faces apart: two queries.

    `apart` are confirmed faces of which somebody said that they and another one are never one person.
    """
    said = []
    if any(faces_visible_to(by).filter(pk__in=part).exists() for part in chunks(apart)):
        said.append("Somebody said before that some of these faces are never one person.")
    sure = faces_visible_to(by).filter(person=into, is_confirmed=True).order_by()
    double = sure.values("photo_id").annotate(count=Count("pk")).filter(count__gt=1).count()
    if double:
        said.append(f"In {'one photo' if double == 1 else f'{double} photos'} two faces are {into.name} now.")
    return said


def send_after(person_id: int, face_ids: Collection[int]) -> None:
    """Notes faces that came back to a person after they were merged: they go along, and come apart with the others."""
    went = merges()
    seen: set[int] = set()
    while person_id in went and person_id not in seen:
        seen.add(person_id)
        for event in Event.objects.filter(kind=Event.Kind.MERGE, person=went[person_id], undone_at__isnull=True):
            for entry in event.before["people"]:
                if entry["id"] == person_id:
                    entry["faces"] = sorted({*entry["faces"], *face_ids})
                    event.before["faces"] = sorted({*event.before["faces"], *face_ids})
                    event.save(update_fields=["before"])
        person_id = went[person_id]


# ---- Taking it back -------------------------------------------------------------------------------------------------


def faces_of_entry(event: Event) -> set[int]:
    """All faces that a merge moved, set free, or said something about."""
    before = event.before
    return {*before["faces"], *(row[0] for key in ("released", "refusals", "lifted") for row in before[key])}


def take_apart(event: Event, into: Person, since: set[int], by: AbstractBaseUser) -> list[str]:
    """Makes the people of an entry two again; sentences about what stays, counted over what `by` sees.

    `since` are faces that somebody decided about later: they stay `into`'s, as does what was named since. Runs under
    `revisions.lock`; both people are locked by id.
    """
    before = event.before
    people = Person.objects.select_for_update(no_key=True).order_by("pk")
    rows = people.filter(merged_into=into).in_bulk([entry["id"] for entry in before["people"]])
    moved: list[Face] = []
    for entry in before["people"]:
        if entry["id"] not in rows:
            continue
        for part in chunks(set(entry["faces"]) - since):
            faces = list(Face.objects.filter(pk__in=part, person=into).defer("embedding", "landmarks").order_by("pk"))
            Face.objects.filter(pk__in=[face.pk for face in faces]).update(person=entry["id"])
            moved += faces
            if entry["cover"] in {face.pk for face in faces}:
                Person.objects.filter(pk=entry["id"]).update(cover=entry["cover"])
    Person.objects.filter(pk__in=rows).update(merged_into=None)
    went = {face.pk for face in moved}
    moved += _put_back(before, into, since, went, rows)
    values: dict[str, Any] = {}
    if into.cover_id in went:
        values["cover"] = None
    if before["birth_date"] and into.birth_date and into.birth_date.isoformat() == before["birth_date"]:
        values["birth_date"] = None
    if values:
        Person.objects.filter(pk=into.pk).update(**values)
    follow(moved)
    return _left(before, into, since, by)


def _put_back(
    before: dict[str, Any], into: Person, since: set[int], went: set[int], rows: dict[int, Person]
) -> list[Face]:
    """Guesses and names out of files as they were, where nothing stands against it; faces that changed."""
    freed: list[Face] = []
    for person_id in sorted({person for _, person in before["released"]}):
        theirs = {face for face, person in before["released"] if person == person_id} - since
        if person_id == into.pk or person_id in rows:
            freed += give_guesses_back(person_id, theirs)
    names = MarkedName.objects.filter(person=into)
    for person_id in rows:
        for part in chunks(row for row, person in before["marked"] if person == person_id):
            theirs_now = [
                pk for pk, face in names.filter(pk__in=part).values_list("pk", "face") if not face or face in went
            ]
            names.filter(pk__in=theirs_now).update(person=person_id)
    return freed


def _left(before: dict[str, Any], into: Person, since: set[int], by: AbstractBaseUser) -> list[str]:
    kept = 0
    for part in chunks(since.intersection(before["faces"])):
        kept += faces_visible_to(by).filter(pk__in=part).order_by().count()
    if not kept:
        return []
    if kept == 1:
        return ["Somebody decided about one face since, and it stays as it is."]
    return [f"Somebody decided about {kept} faces since, and they stay as they are."]
