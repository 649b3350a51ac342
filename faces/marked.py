"""Faces that other programs marked and named (`gallery.models.Region`) become confirmed faces, once.

A marked box and a face that was found belong together when the middle of each lies within the other and their overlap
(intersection over union) is at least `LEAST_IOU`; the pairs with the largest overlap come first, and each box and each
face is used once. Programs draw wider boxes than the detector, with hair and chin, so the overlap alone would have to
be set so low that neighbours match; the middles tell neighbours apart. docs/metadata.md has the measurements.

In a private library such a name stands for the faces of that library alone: `grouping` compares no others with it.

What a person decided wins: a face that somebody named, set aside or refused for this person, or said to be never one
person with a face of theirs, is left as it is. What was taken over once (`MarkedName`) is never taken over again. A
box without a face stays a `Region`: it is looked at again whenever faces are, and the photo page shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db.models import Exists, F, OuterRef, Q

from faces import revisions, services
from faces.access import faces_in_libraries, people_visible_to, was_in
from faces.apart import Apart
from faces.deciding import survivor_of
from faces.models import Cluster, Event, Face, MarkedName, Person, Refusal
from faces.same_face import Boxed, iou
from gallery import names
from gallery.access import Viewer
from gallery.folding import fold
from gallery.models import Library, Photo, Region
from gallery.told import Told

# A face box inside a marked one of five times its area: a whole head with hat and collar.
LEAST_IOU = 0.2
_KEY_CHARS = 240


def key_of(name: str) -> str:
    """The spelling that names are compared by."""
    return fold(names.clean(name))[:_KEY_CHARS]


def belong_together(region: Boxed, face: Boxed) -> bool:
    return _has_middle_of(region, face) and _has_middle_of(face, region) and iou(region, face) >= LEAST_IOU


def _has_middle_of(outer: Boxed, inner: Boxed) -> bool:
    x, y = inner.x + inner.w / 2, inner.y + inner.h / 2
    return outer.x <= x <= outer.x + outer.w and outer.y <= y <= outer.y + outer.h


def match(regions: Sequence[Region], faces: Sequence[Face]) -> tuple[list[tuple[Region, Face]], list[Region]]:
    """Pairs, the largest overlap first, and the regions whose every face went to another one."""
    options = sorted(
        (
            (-iou(region, face), region.pk, face.pk, region, face)
            for region in regions
            for face in faces
            if belong_together(region, face)
        ),
        key=lambda option: option[:3],
    )
    pairs: list[tuple[Region, Face]] = []
    done: set[int] = set()
    used: set[int] = set()
    for _, region_id, face_id, region, face in options:
        if region_id not in done and face_id not in used:
            pairs.append((region, face))
            done.add(region_id)
            used.add(face_id)
    beaten = {region.pk: region for _, _, _, region, _ in options if region.pk not in done}
    return pairs, list(beaten.values())


# ---- Taking names over ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _House:
    """People whom everybody knows who sees the photos at hand. Of others, a file must not even tell that they exist."""

    by_key: dict[str, list[int]]
    people: dict[int, Person] = field(default_factory=dict)
    new: set[int] = field(default_factory=set)


@dataclass(slots=True)
class _Taken:
    """What one batch gives a person, for its entry in the journal."""

    faces: list[int] = field(default_factory=list)
    released: list[int] = field(default_factory=list)


def take(recorded: Sequence[Told]) -> None:
    """Names the faces of these photos as their files say, as far as nothing stands against it.

    Runs in the transaction that recorded the photos. One query if no file marks anybody, two if all that is marked was
    taken over before; else it locks clustering and the faces, as every writer of them does.
    """
    photos = {told.photo.pk: told.photo for told in recorded}
    marked: dict[int, list[Region]] = {}
    for region in Region.objects.filter(photo__in=photos).order_by("id"):
        if key_of(region.name):
            marked.setdefault(region.photo_id, []).append(region)
    if not marked:
        return
    settled = set(MarkedName.objects.filter(photo__in=marked).values_list("photo_id", "name"))
    open_regions = {
        photo_id: waiting
        for photo_id, regions in marked.items()
        if (waiting := [it for it in regions if (photo_id, key_of(it.name)) not in settled])
    }
    if not open_regions:
        return
    revisions.lock()
    rows = Face.objects.filter(photo__in=open_regions).exclude(state__in=[Face.State.IGNORED, Face.State.NOT_A_FACE])
    faces: dict[int, list[Face]] = {}
    for face in rows.select_for_update(no_key=True, of=("self",)).defer("embedding", "landmarks").order_by("id"):
        if face.digest == (photos[face.photo_id].digest or ""):
            faces.setdefault(face.photo_id, []).append(face)
    if not faces:
        return
    libraries = Library.objects.in_bulk({photo.library_id for photo in photos.values()})
    # The household first, so that a private library finds whom the house knows by then.
    audiences: dict[int | None, list[int]] = {}
    for photo_id in faces:
        library = libraries[photos[photo_id].library_id]
        is_private = library.visibility == Library.Visibility.PRIVATE
        audiences.setdefault(library.owner_id if is_private else None, []).append(photo_id)
    for owner_id in sorted(audiences, key=lambda owner_id: owner_id or 0):
        keys = {key_of(it.name) for photo_id in audiences[owner_id] for it in open_regions[photo_id]}
        house = _people_known_to(owner_id, keys)
        _take_over([(open_regions[photo_id], faces[photo_id]) for photo_id in audiences[owner_id]], house)


def _people_known_to(owner_id: int | None, keys: set[str]) -> _House:
    """People of these names among those who are in photos that everybody in the house sees, or the owner does.

    A person whom somebody renamed is still meant by the name that a file gave a face of theirs, and so is whoever a
    person of that name was found to be, if those who see the photos know of both. Four queries, and two more for
    everybody of these names who was merged.
    """
    shown = Library.objects.filter(Q(visibility=Library.Visibility.HOUSEHOLD) | Q(owner_id=owner_id or 0))
    seen = faces_in_libraries(list(shown.values_list("pk", flat=True)))
    people = Person.objects.filter(Exists(seen.filter(person_id=OuterRef("pk")))).in_bulk()
    by_key: dict[str, list[int]] = {}
    for pk in sorted(people):
        if (key := key_of(people[pk].name)) in keys:
            by_key.setdefault(key, []).append(pk)
    before = MarkedName.objects.filter(
        Exists(seen.filter(pk=OuterRef("face_id"))),
        name__in=keys - by_key.keys(),
        person__in=people,
        face__person=F("person"),
    )
    for key, person_id in before.order_by("id").values_list("name", "person_id"):
        by_key[key] = [person_id]
    merged = Person.objects.filter(merged_into__isnull=False).in_bulk()
    went = {pk: person.merged_into_id or 0 for pk, person in merged.items()}
    for pk in sorted(merged):
        key, now = key_of(merged[pk].name), survivor_of(pk, went)
        if key in keys and key not in by_key and now in people and was_in(seen, merged[pk]):
            by_key[key] = [now]
    return _House(by_key, people)


def _take_over(photos: Iterable[tuple[list[Region], list[Face]]], house: _House) -> None:
    """Names faces, writes down what was settled, and makes an entry in the journal for each person."""
    photos = list(photos)
    face_ids = [face.pk for _, faces in photos for face in faces]
    refused = set(Refusal.objects.filter(face__in=face_ids).values_list("face_id", "person_id"))
    apart = Apart(face_ids)
    taken: dict[int, _Taken] = {}
    settled: list[MarkedName] = []
    changed: list[Face] = []
    for regions, faces in photos:
        pairs, beaten = match(regions, faces)
        here = {face.person_id for face in faces if face.is_confirmed}
        done: set[str] = set()
        for region, face in pairs:
            key = key_of(region.name)
            if key in done:
                continue  # the name twice in one photo: the box that fits better has it
            person = _person(region, face, house, refused)
            if person is None or (face.is_confirmed and face.person_id != person.pk):
                continue
            if not face.is_confirmed:
                if person.pk in here or apart.forbids(face.pk, person.pk):
                    continue  # two faces of one photo are never one person
                _name(face, person, faces, taken.setdefault(person.pk, _Taken()))
                changed.append(face)
                here.add(person.pk)
                apart.note(face.pk, person.pk)
            done.add(key)
            settled.append(MarkedName(photo_id=region.photo_id, name=key, face=face, person=person))
        if done:
            lost = {key_of(it.name): it.photo_id for it in beaten}
            settled += [MarkedName(photo_id=pk, name=key) for key, pk in lost.items() if key not in done]
    MarkedName.objects.bulk_create(settled, ignore_conflicts=True)
    if not changed:
        return
    Face.objects.bulk_update(changed, ["person", "state", "is_confirmed", "decided_by"])
    Event.objects.bulk_create(
        Event(
            kind=Event.Kind.MARKED,
            person_id=person_id,
            before={"is_new": person_id in house.new, "faces": it.faces, "released": it.released, "refused": []},
        )
        for person_id, it in taken.items()
    )
    revisions.count_sizes(Cluster.objects.filter(pk__in={face.cluster_id for face in changed if face.cluster_id}))
    # No wake-up for every batch: `settle` comes when no photo is waiting any more.
    revisions.count_up({face.model for face in changed}, wake=False, faces=False)


def _person(region: Region, face: Face, house: _House, refused: set[tuple[int, int]]) -> Person | None:
    """Whom the name means. Nobody if somebody said that the face is not them, or if it could be one of several."""
    key = key_of(region.name)
    known = house.by_key.get(key, [])
    if any((face.pk, person_id) in refused for person_id in known):
        return None
    if len(known) > 1:
        return house.people[face.person_id] if face.person_id in known else None
    if known:
        return house.people[known[0]]
    if face.is_confirmed:
        return None  # it is somebody else; nobody has to be made for that
    person = Person.objects.create(name=names.clean(region.name)[: services.NAME_LENGTH])
    house.by_key[key], house.people[person.pk] = [person.pk], person
    house.new.add(person.pk)
    return person


def _name(face: Face, person: Person, others: Iterable[Face], taken: _Taken) -> None:
    if face.person_id not in {None, person.pk}:
        Person.objects.filter(cover=face).update(cover=None)
    guesses = [it.pk for it in others if it.person_id == person.pk and it.pk != face.pk]
    if guesses:  # not confirmed ones: those were looked for before
        Face.objects.filter(pk__in=guesses).update(person=None, state=Face.State.UNKNOWN)
        taken.released += guesses
    for other in others:
        if other.pk in guesses:
            other.person, other.state = None, Face.State.UNKNOWN
    face.person, face.state, face.is_confirmed, face.decided_by = person, Face.State.ASSIGNED, True, None
    taken.faces.append(face.pk)


# ---- Showing what is left -------------------------------------------------------------------------------------------


def without_face(viewer: Viewer, photo: Photo, faces: Sequence[Face]) -> list[Region]:
    """What files mark in the photo and no face was found for; `faces` are all that have a place in it.

    One query if nothing is marked, else up to three. People whom somebody hid are left out if the viewer knows them
    otherwise (whom they do not know must not show by what is left out), and so is every name that was settled before.
    """
    regions = list(Region.objects.filter(photo=photo).order_by("x", "id"))
    open_regions = [it for it in regions if not any(belong_together(it, face) for face in faces)]
    if not open_regions:
        return []
    settled = set(MarkedName.objects.filter(photo=photo).values_list("name", flat=True))
    settled |= {key_of(name) for name in people_visible_to(viewer).filter(hidden=True).values_list("name", flat=True)}
    found: dict[str, Region] = {}
    for region in open_regions:
        if (key := key_of(region.name)) and key not in settled:
            found.setdefault(key, region)
    return list(found.values())
