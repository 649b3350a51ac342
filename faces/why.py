"""Why a face is where it is: the confirmed faces nearest to it that the viewer sees, and the rule that decided.

Where more than `MOST` faces are confirmed, only those of people who come into question are compared: whom the face was
given to or is near, whom somebody ruled out, and who is named in its group.

A decision may rest on a face that the viewer does not see. Then that is said, and nothing of it: neither its distance,
nor whose it is beyond the name that the photo shows anyway. Of a face that was given to nobody it is not even said:
what would be near in photos that one does not see, does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q
from django.utils import timezone
from django.utils.formats import date_format

from faces import pairs, told
from faces.access import faces_visible_to, people_visible_to
from faces.limits import CORE_QUALITY, JOIN_QUALITY, added_distance
from faces.models import Event, Face, FacePair, MarkedName, Person, Refusal
from faces.people import FaceThumb, face_thumb, face_thumbs
from faces.revisions import is_pending
from faces.rules import Rules, rules_of
from faces.similarity import Vectors, distances, unit_vectors
from gallery.access import Viewer

NEAREST = 3
_WAITS = "It waits for recognition: it was not compared with other faces yet."
# Confirmed faces that are compared at most, the newest first.
MOST = 4000
_QUALITIES = ((0.75, "very good"), (0.6, "good"), (CORE_QUALITY, "fair"), (JOIN_QUALITY, "poor"))


@dataclass(frozen=True, slots=True)
class NearFace:
    """A confirmed face that is near: its picture, whose it is, the cosine distance, and what was said of the two.

    `is_near`: near enough for its person. `limit`: up to which distance that is, by the confirmed faces of the person
    that the viewer sees, less what is `added` to the distance as neither face is seen well (`limits.added_distance`).
    """

    thumb: FaceThumb
    person: Person
    distance: float
    pair: str
    is_near: bool
    limit: float
    added: float

    @property
    def counted(self) -> float:
        """The distance as matching counts it."""
        return self.distance + self.added


@dataclass(frozen=True, slots=True)
class Why:
    """`rule` is the sentence; `person` whom the face was given to, `asked` whom it may be, for the buttons."""

    face: FaceThumb
    rule: str
    nearest: list[NearFace]
    match_distance: float | None
    quality: float
    quality_words: str
    person: Person | None
    asked: Person | None
    is_confirmed: bool


def why(viewer: Viewer, face: Face) -> Why:
    """What decided about a face that came through `access.get_face`. About fifteen queries, however many faces."""
    person = people_visible_to(viewer).filter(pk=face.person_id).first() if face.person_id else None
    limit = rules_of(face.model)
    embedding = bytes(Face.objects.filter(pk=face.pk).values_list("embedding", flat=True).first() or b"")
    (point,), (is_compared,) = unit_vectors([embedding], length=len(embedding) // 4 * 4)
    nearest = _nearest(viewer, face, point, limit) if is_compared and limit else []
    against = _against(viewer, face)
    asked = None
    if limit and face.state == Face.State.UNKNOWN and face.quality >= JOIN_QUALITY:
        within = [it.person for it in nearest if it.counted <= limit.reach and it.person.pk not in against]
        asked = within[0] if within else None
    rule = _rule(viewer, face, person, nearest, against, limit if is_compared else None)
    return Why(
        face=face_thumb(face),
        rule=rule,
        nearest=nearest[:NEAREST],
        match_distance=limit.match_distance if limit else None,
        quality=face.quality,
        quality_words=next((words for least, words in _QUALITIES if face.quality >= least), "too low to be compared"),
        person=person,
        asked=asked,
        is_confirmed=face.is_confirmed,
    )


# ---- Nearest faces


def _nearest(viewer: Viewer, face: Face, point: Vectors, limit: Rules) -> list[NearFace]:
    """The confirmed faces of people who come into question, that the viewer sees, the nearest first: one of each
    person beyond the first `NEAREST`. One that is not good is compared with good ones only."""
    confirmed = faces_visible_to(viewer).filter(model=face.model, is_confirmed=True, person__isnull=False)
    if face.quality < CORE_QUALITY:
        confirmed = confirmed.filter(quality__gte=CORE_QUALITY)
    if confirmed.order_by()[: MOST + 1].count() > MOST:
        confirmed = confirmed.filter(person__in=_in_question(viewer, face))
    columns = confirmed.exclude(pk=face.pk).order_by("-pk").values_list("pk", "person_id", "quality", "embedding")
    rows = list(columns[:MOST])
    others, are_some = unit_vectors([embedding for *_, embedding in rows], length=point.nbytes)
    found = [
        (distance, added_distance(face.quality, quality), pk, person_id)
        for distance, is_one, (pk, person_id, quality, _) in zip(distances(others, point), are_some, rows, strict=True)
        if is_one
    ]
    found.sort(key=lambda it: (it[0] + it[1], it[2]))
    best = found[:NEAREST]
    seen = {person_id for *_, person_id in best}
    for entry in found[NEAREST:]:
        if entry[3] not in seen:
            seen.add(entry[3])
            best.append(entry)
    thumbs = {thumb.id: thumb for thumb in face_thumbs(Face.objects.filter(pk__in=[pk for *_, pk, _ in best]))}
    names = Person.objects.in_bulk(seen)
    said, limits = _pairs(face), _limits(viewer, face.model, seen, limit)
    return [
        NearFace(
            thumbs[pk],
            names[who],
            distance,
            said.get(pk, ""),
            is_near=distance + added <= limits[who],
            limit=max(0.0, limits[who] - added),
            added=added,
        )
        for distance, added, pk, who in best
        if pk in thumbs
    ]


def _limits(viewer: Viewer, model: str, person_ids: set[int], limit: Rules) -> dict[int, float]:
    """The limit of each person by those of their confirmed faces that the viewer sees: one query.

    Matching counts all of them, so for who has many in photos of others it is stricter than what is shown here; the
    true limit would tell that there are such photos.
    """
    confirmed = faces_visible_to(viewer).filter(
        model=model, is_confirmed=True, person__in=person_ids, embedding__isnull=False
    )
    # Names that only a file of a private library tells do not speak for the house.
    told_by_file = Exists(told.names().filter(face=OuterRef("pk"), person=OuterRef("person")))
    private = Q(told_by_file, decided_by__isnull=True)
    rows = confirmed.exclude(private).order_by().values_list("person_id").annotate(count=Count("pk"))
    counts = dict(rows)
    return {pk: limit.match_limit(counts.get(pk, 0)) for pk in person_ids}


def _in_question(viewer: Viewer, face: Face) -> list[int]:
    """People whom a decision about the face may rest on, as far as the viewer sees them: three queries."""
    ids = {face.person_id, face.near_person_id}
    ids.update(Refusal.objects.filter(face=face).values_list("person_id", flat=True))
    partners = Face.objects.filter(pk__in=_pairs(face), is_confirmed=True)
    ids.update(partners.values_list("person_id", flat=True))
    if face.cluster_id:
        mates = faces_visible_to(viewer).filter(cluster=face.cluster_id, person__isnull=False).order_by()
        ids.update(mates.values_list("person_id", flat=True).distinct()[:20])
    known = [pk for pk in ids if pk]
    return list(people_visible_to(viewer).filter(pk__in=known, merged_into=None).values_list("pk", flat=True))


def _pairs(face: Face) -> dict[int, str]:
    """What was said of this face and others, by the other's id: "always" or "never". One query."""
    rows = FacePair.objects.filter(Q(one=face) | Q(other=face)).values_list("one_id", "other_id", "is_same")
    return {other if one == face.pk else one: "always" if is_same else "never" for one, other, is_same in rows}


# ---- The rule


def _rule(
    viewer: Viewer,
    face: Face,
    person: Person | None,
    nearest: list[NearFace],
    against: dict[int, str],
    limit: Rules | None,
) -> str:
    """The sentence that says what decided."""
    if face.state == Face.State.NOT_A_FACE:
        return "Somebody said that this is no face."
    if face.state == Face.State.IGNORED:
        return "Somebody set it aside as the face of a stranger."
    if face.is_confirmed and person:
        return _confirmed(face, person)
    if limit is None:
        return _WAITS
    if person:
        return _given(viewer, face, person, nearest)
    return _not_given(viewer, face, nearest, against, limit)


def _confirmed(face: Face, person: Person) -> str:
    """Who said it, and when."""
    if face.decided_by is None:
        is_marked = MarkedName.objects.filter(face=face, person=person).exists()
        return f"The file names {person.name} here." if is_marked else f"It was confirmed as {person.name}."
    who = face.decided_by.get_username()
    kinds = (Event.Kind.NAME, Event.Kind.MOVE, Event.Kind.DRAW)
    events = Event.objects.filter(person=person, actor=face.decided_by_id, undone_at=None, kind__in=kinds)
    for at, before in events.order_by("-pk").values_list("at", "before")[:500]:
        if face.pk in before.get("faces", ()) or face.pk == before.get("face"):
            day = date_format(timezone.localtime(at), "j F Y")
            return f"{who} confirmed on {day} that it is {person.name}."
    return f"{who} confirmed that it is {person.name}."


def _given(viewer: Viewer, face: Face, person: Person, nearest: list[NearFace]) -> str:
    """Why a guess is one."""
    tied = faces_visible_to(viewer).filter(pk__in=pairs.tied(face.pk), person=person, is_confirmed=True)
    if tied.exists():
        return f"Somebody said that it is always one person with a face that was confirmed as {person.name}."
    theirs = [near for near in nearest if near.person.pk == person.pk]
    if theirs and theirs[0].is_near:
        return (
            f"The nearest confirmed face is one of {person.name}, at a distance of {theirs[0].distance:.2f}. "
            f"Up to {theirs[0].limit:.2f} a face is taken for {person.name}."
        )
    if is_pending():
        return "PictoPy is comparing faces at this moment. Look again soon."
    return f"It was taken for {person.name} because of a face in a photo that you cannot see."


def _not_given(viewer: Viewer, face: Face, nearest: list[NearFace], against: dict[int, str], limit: Rules) -> str:
    """Why a face is nobody's."""
    if face.quality < JOIN_QUALITY:
        return (
            f"It is too small, too blurred or turned away too far to be compared: its quality is {face.quality:.2f}, "
            f"and faces are compared from {JOIN_QUALITY:.2f} on."
        )
    for it in nearest:
        if it.counted <= limit.reach and it.person.pk in against:
            return against[it.person.pk]
    near = [it for it in nearest if it.is_near]
    if near and is_pending():
        return "PictoPy is comparing faces at this moment. Look again soon."
    if near:
        # What stands against it, the viewer does not see; not even that it is there is told.
        name = near[0].person.name
        return f"A confirmed face of {name} is near, at {near[0].distance:.2f}, but whether this is {name} is open."
    if nearest:
        return (
            "It is too far from every confirmed face that you can see: the nearest is one of "
            f"{nearest[0].person.name}, at {nearest[0].distance:.2f}, and the limit is {nearest[0].limit:.2f}"
            f"{', less than usual because neither face is seen well' if nearest[0].added >= 0.005 else ''}."
        )
    if not faces_visible_to(viewer).filter(person__isnull=False, is_confirmed=True).exists():
        return "No face was confirmed yet that it could be compared with."
    return "No confirmed face that you can see is anywhere near it."


def _against(viewer: Viewer, face: Face) -> dict[int, str]:
    """What keeps the face from people, by their ids, as far as the viewer may know of it: three queries."""
    people = dict(Person.objects.filter(refusals__face=face).values_list("pk", "name"))
    found = {pk: f"Somebody said that it is not {name}." for pk, name in people.items()}
    never = [pk for pk, said in _pairs(face).items() if said == "never"]
    partners = faces_visible_to(viewer).filter(pk__in=never, is_confirmed=True, person__isnull=False)
    for pk, name in partners.values_list("person_id", "person__name"):
        found.setdefault(pk, f"Somebody said that it is never one person with this face of {name}.")
    beside = Face.objects.filter(photo=face.photo_id, person__isnull=False).exclude(pk=face.pk)
    for pk, name in beside.values_list("person_id", "person__name"):
        found.setdefault(pk, f"Another face in this photo is {name}, and two faces in one photo are two people.")
    return found
