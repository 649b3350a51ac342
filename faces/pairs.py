"""What people say about two faces: never one person, or always. It binds every later run, and acts at once.

A pair "never" takes back a guess that makes both one person. A pair "always" gives the person of a confirmed face to
all faces that such pairs tie to it, unless somebody ruled that out. Pairs that contradict one another decide nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, User
from django.db import transaction
from django.db.models import Q
from django.http import Http404

from faces import revisions
from faces.access import faces_visible_to
from faces.models import Cluster, Event, Face, FacePair, Person, Refusal
from faces.restoring import may_return, seen_by
from faces.told import only_told

_SHOWN = (Face.State.UNKNOWN, Face.State.ASSIGNED)


class NoPair(Exception):  # noqa: N818
    """It cannot be said of these two faces. The message says why, for a person."""


@transaction.atomic
def set_pair(face: Face, other: Face, by: AbstractBaseUser, *, is_same: bool) -> Event | None:
    """Says that two faces are always one person, or never. None if that is known.

    What was said of the two before is replaced, and comes back when this is undone. Raises `NoPair` for a face and
    itself, for a face that was set aside, and where both were named and the names say otherwise; Http404 unless `by`
    sees both. A dozen queries, and two more for each step from face to face that earlier pairs make.
    """
    if face.pk == other.pk:
        raise NoPair("This is one and the same face.")
    revisions.lock()
    one, two = _both(face, other, by)
    _check(one, two, is_same=is_same)
    former = FacePair.objects.filter(one=one, other=two).first()
    if former is not None and former.is_same == is_same:
        return None
    before: dict[str, Any] = {
        "faces": [one.pk, two.pk],
        "is_same": is_same,
        "former": former and {"is_same": former.is_same, "decided_by": former.decided_by_id},
    }
    FacePair.objects.filter(one=one, other=two).delete()
    FacePair.objects.create(one=one, other=two, is_same=is_same, decided_by_id=by.pk)
    before |= _give(one) if is_same else _take_back(one, two)
    person = _subject(one, two, before)
    event = Event.objects.create(kind=Event.Kind.PAIR, actor_id=by.pk, person=person, before=before)
    _follow([one.pk, two.pk, *_moved(before)])
    return event


def _both(face: Face, other: Face, by: AbstractBaseUser) -> tuple[Face, Face]:
    """The two faces as they are now, locked, the lower id first."""
    rows = faces_visible_to(by).filter(pk__in=[face.pk, other.pk]).select_for_update(of=("self",), no_key=True)
    found = list(rows.select_related("person").defer("embedding", "landmarks").order_by("pk"))
    if len(found) != 2:
        raise Http404
    return found[0], found[1]


def _check(one: Face, two: Face, *, is_same: bool) -> None:
    if one.state not in _SHOWN or two.state not in _SHOWN:
        raise NoPair("One of these faces was set aside.")
    if not (one.is_confirmed and two.is_confirmed and one.person and two.person):
        return
    if is_same and one.person_id != two.person_id:
        raise NoPair(f"One of these faces was named {one.person.name} and the other {two.person.name}: correct a name.")
    if not is_same and one.person_id == two.person_id:
        raise NoPair(f"Both faces were named {one.person.name}: say first which of them is somebody else.")


def _take_back(one: Face, two: Face) -> dict[str, Any]:
    """Takes back the guess that makes both one person; of two guesses that of the face that is further away."""
    if one.person_id is None or one.person_id != two.person_id:
        return {"given": [], "released": []}
    loser = one if two.is_confirmed or (not one.is_confirmed and _distance(one) > _distance(two)) else two
    Face.objects.filter(pk=loser.pk).update(person=None, state=Face.State.UNKNOWN)
    return {"given": [], "released": [[loser.pk, one.person_id]]}


def _distance(face: Face) -> float:
    if face.near_distance is None or face.near_person_id != face.person_id:
        return float("inf")
    return face.near_distance


def _give(face: Face) -> dict[str, Any]:
    """Gives all faces that are tied to this one the person of those that are confirmed; what each was before."""
    ids = tied(face.pk)
    pairs = FacePair.objects.filter(one__in=ids, other__in=ids, is_same=False)
    nothing: dict[str, Any] = {"given": [], "released": []}
    if pairs.exists():
        return nothing
    rows = Face.objects.filter(pk__in=ids, state__in=_SHOWN, photo__trashed_at__isnull=True).order_by("pk")
    faces = list(rows.select_for_update(of=("self",), no_key=True).select_related("photo").defer("embedding"))
    quiet = {it.pk for it in only_told(faces)}
    given: list[tuple[int, int, int | None]] = []
    for it in faces:
        said = {
            other.person_id
            for other in faces
            if other.is_confirmed
            and other.person_id
            and (other.pk not in quiet or other.photo.library_id == it.photo.library_id)
        }
        if it.is_confirmed or len(said) != 1:
            continue
        (person_id,) = said
        if it.person_id != person_id and not is_ruled_out(it.pk, person_id):
            given.append((it.pk, person_id, it.person_id))
    released = []
    photos = {it.pk: it.photo_id for it in faces}
    for face_id, person_id, _ in given:
        doubles = Face.objects.filter(photo=photos[face_id], person=person_id, is_confirmed=False).exclude(pk__in=ids)
        released += [[pk, person_id] for pk in doubles.values_list("pk", flat=True)]
        doubles.update(person=None, state=Face.State.UNKNOWN)
        Person.objects.filter(cover=face_id).exclude(pk=person_id).update(cover=None)
        Face.objects.filter(pk=face_id).update(person=person_id, state=Face.State.ASSIGNED)
    return {"given": given, "released": released}


def tied(face_id: int) -> set[int]:
    """All faces that pairs "always these two" tie to a face, itself too: a query for each step."""
    found, edge = {face_id}, {face_id}
    while edge:
        pairs = FacePair.objects.filter(Q(one__in=edge) | Q(other__in=edge), is_same=True)
        edge = {pk for pair in pairs.values_list("one_id", "other_id") for pk in pair} - found
        found |= edge
    return found


def is_ruled_out(face_id: int, person_id: int) -> bool:
    """Whether somebody said that a face is not this person, or never one with a face confirmed as them: two queries."""
    if Refusal.objects.filter(face=face_id, person=person_id).exists():
        return True
    sure = Q(one=face_id, other__person=person_id, other__is_confirmed=True)
    sure |= Q(other=face_id, one__person=person_id, one__is_confirmed=True)
    return FacePair.objects.filter(sure, is_same=False).exists()


def copy_pairs(same: Mapping[int, int]) -> list[int]:
    """Says of faces what was said of those that are the same (`same`: from the other's id to ours); ids of new pairs.

    What was said of ours before stands. For a photo that takes the place of another; the caller holds the lock, and
    what follows comes with the next run. Two queries.
    """
    rows = list(FacePair.objects.filter(Q(one__in=same) | Q(other__in=same)).order_by("pk"))
    wanted: dict[tuple[int, int], FacePair] = {}
    for row in rows:
        one, other = sorted((same.get(row.one_id, row.one_id), same.get(row.other_id, row.other_id)))
        if one != other:
            pair = FacePair(one_id=one, other_id=other, is_same=row.is_same, decided_by_id=row.decided_by_id)
            wanted.setdefault((one, other), pair)
    ours = Q(one__in=same.values()) | Q(other__in=same.values())
    known = set(FacePair.objects.filter(ours).values_list("one_id", "other_id"))
    new = [pair for key, pair in wanted.items() if key not in known]
    return [pair.pk for pair in FacePair.objects.bulk_create(new)]


def _subject(one: Face, two: Face, before: dict[str, Any]) -> Person | None:
    """Whom the entry of the journal is about."""
    moved = [person_id for _, person_id, *_ in [*before["given"], *before["released"]]]
    ids = [*moved, *(face.person_id for face in (one, two) if face.is_confirmed), one.person_id, two.person_id]
    known = [person_id for person_id in ids if person_id]
    return Person.objects.filter(pk=known[0]).first() if known else None


def _moved(before: dict[str, Any]) -> list[int]:
    return [int(row[0]) for row in [*before["given"], *before["released"]]]


def undo_pair(event: Event, by: AbstractBaseUser) -> list[str]:
    """Takes an entry PAIR back: what was said of the two before holds again, and guesses return as far as they may.

    Not to people who must not become known to `by` (`restoring.may_return`); matching decides anew.
    Sentences about what could not be restored. Called by `undo.undo_event`, under its lock.
    """
    before = event.before
    one, two = before["faces"]
    pair = FacePair.objects.filter(one=one, other=two).first()
    if pair is None:
        return ["One of the faces is not there any more."]
    if _hand_on(event) or pair.is_same != before["is_same"]:
        sees_both = len(seen_by(by, [one, two])) == 2
        return ["Somebody said something else about these two since."] if sees_both else []
    pair.delete()
    if former := before["former"]:
        decided_by = User.objects.filter(pk=former["decided_by"]).first() if former["decided_by"] else None
        FacePair.objects.create(one_id=one, other_id=two, is_same=former["is_same"], decided_by=decided_by)
    ids = {person_id for *_, person_id in [*before["given"], *before["released"]] if person_id}
    known = may_return(event, ids, by)
    for face_id, person_id, earlier in before["given"]:
        guess = Face.objects.filter(pk=face_id, person=person_id, is_confirmed=False)
        if guess.update(person=None, state=Face.State.UNKNOWN) and earlier in known:
            _give_back(face_id, earlier)
    for face_id, person_id in before["released"]:
        if person_id in known:
            _give_back(face_id, person_id)
    _follow([one, two, *_moved(before)])
    return []


def _hand_on(event: Event) -> bool:
    """Lets the next entry about the two that holds note what was said before this one. Whether there is one."""
    later = Event.objects.filter(pk__gt=event.pk, kind=Event.Kind.PAIR, undone_at__isnull=True).order_by("pk")
    for entry in later.iterator():
        if entry.before["faces"] == event.before["faces"]:
            Event.objects.filter(pk=entry.pk).update(before={**entry.before, "former": event.before["former"]})
            return True
    return False


def _give_back(face_id: int, person_id: int) -> None:
    """A guess that had to go, unless something stands against it now; the next run looks at it anyway."""
    guess = Face.objects.filter(pk=face_id, state=Face.State.UNKNOWN)
    photo_id = guess.values_list("photo_id", flat=True).first()
    is_filled = Face.objects.filter(photo=photo_id, person=person_id).exists()
    if (
        photo_id
        and not is_filled
        and Person.objects.filter(pk=person_id).exists()
        and not is_ruled_out(face_id, person_id)
    ):
        guess.update(person=person_id, state=Face.State.ASSIGNED)


def _follow(face_ids: Collection[int]) -> None:
    rows = list(Face.objects.filter(pk__in=face_ids).order_by().values_list("cluster_id", "model").distinct())
    revisions.count_sizes(Cluster.objects.filter(pk__in={cluster for cluster, _ in rows if cluster}))
    revisions.count_up({model for _, model in rows}, wake=True, faces=False)
