"""What pages show of people: always counted over the photos that the viewer sees."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Avg, Count, F, Max, Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Lower
from django.http import Http404
from django.urls import reverse

from faces import ages, crops
from faces.access import faces_visible_to, people_visible_to, survivor
from faces.covers import former_covers
from faces.models import Face, Person
from gallery.access import Viewer, visible_to
from gallery.duplicates.worth import Worth
from gallery.photo_facts import GUESSES

CARDS_PER_PAGE = 60
FACES_PER_PAGE = 60
FACES_IN_STRIP = 12
MOST_NAMES = 1000
# From here on a face shows its person well enough to stand for them: about as sharp as a portrait of 64 pixels.
COVER_QUALITY = 0.60


@dataclass(frozen=True, slots=True)
class FaceThumb:
    """A face as a small square picture, with the page of its photo. No `src`: an edit took it away, or may have."""

    id: int
    photo_id: int
    src: str
    photo_url: str
    is_confirmed: bool
    quality: float


@dataclass(frozen=True, slots=True)
class PersonCard:
    """`together`: in how many photos they are with whom they are compared to (`company.compared`)."""

    id: int
    name: str
    url: str
    cover: FaceThumb | None
    photo_count: int
    together: int = 0


@dataclass(frozen=True, slots=True)
class PersonCards:
    """`next_after` is the id of the last person of the page when there are more."""

    cards: list[PersonCard]
    next_after: int | None


@dataclass(frozen=True, slots=True)
class FaceStrip:
    """One page of a person's faces; `next_after` as the page after it wants it."""

    faces: list[FaceThumb]
    next_after: str | None


def person_cards(
    viewer: Viewer, *, hidden: bool = False, after: int | None = None, size: int = CARDS_PER_PAGE
) -> PersonCards:
    """People by name, behind the person `after`. Seven queries at most, however many people."""
    people = people_visible_to(viewer).filter(hidden=hidden).annotate(key=Lower("name")).order_by("key", "id")
    if after is not None:
        keys = list(people_visible_to(viewer).filter(pk=after).values_list(Lower("name"), flat=True))
        if not keys:
            raise Http404
        people = people.filter(Q(key__gt=keys[0]) | Q(key=keys[0], pk__gt=after))
    found = list(people[: size + 1])
    more = len(found) > size
    found = found[:size]
    return PersonCards(cards_of(viewer, found), found[-1].pk if more else None)


def has_hidden(viewer: Viewer) -> bool:
    """Whether the viewer would see anyone among the hidden people: one query."""
    return people_visible_to(viewer).filter(hidden=True).exists()


def photo_counts(viewer: Viewer, person_ids: Sequence[int]) -> dict[int, int]:
    """How many photos of each person the viewer sees: one query."""
    faces = faces_visible_to(viewer).filter(person_id__in=person_ids).order_by()
    return dict(faces.values_list("person_id").annotate(Count("photo_id", distinct=True)))


def person_covers(viewer: Viewer, person_ids: Sequence[int]) -> dict[int, FaceThumb]:
    """The cover of each person: the chosen one if the viewer sees it, or the one that was chosen before, else the best
    face they see. Two queries, and up to two more if there is anybody of whom no chosen one is seen.

    A confirmed face goes before a better one that is a guess, if it shows the person well enough (`COVER_QUALITY`): a
    wrong face on a card is worse than a fair one.
    """
    faces = faces_visible_to(viewer)
    placed = faces.filter(digest=F("photo__digest"))
    chosen = placed.filter(pk=OuterRef("cover_id"), person_id=OuterRef("pk")).order_by().values("pk")[:1]
    # IN, because SQLite finds the best of each kind in the index by that, and not by a condition that is a column.
    kinds = (faces.filter(person_id=OuterRef("pk"), is_confirmed__in=[is_sure]) for is_sure in (True, False))
    best = [Subquery(kind.order_by("-quality", "id").values("pk")[:1]) for kind in kinds]
    people = Person.objects.filter(pk__in=person_ids).order_by()
    rows = list(people.values_list("pk", Subquery(chosen), *best))
    # Also of people who have none now: the one that went may have been in a photo that the viewer does not see.
    former = former_covers(placed, [pk for pk, shown, *_ in rows if not shown])
    rows = [(pk, shown or former.get(pk), *candidates) for pk, shown, *candidates in rows]
    found = Face.objects.filter(pk__in=[pk for _, *candidates in rows for pk in candidates if pk])
    thumbs = {face.id: face for face in face_thumbs(found)}
    covers = ((pk, _cover(*(thumbs.get(candidate) for candidate in candidates))) for pk, *candidates in rows)
    return {pk: cover for pk, cover in covers if cover}


def _cover(chosen: FaceThumb | None, sure: FaceThumb | None, guess: FaceThumb | None) -> FaceThumb | None:
    if chosen or not (sure and guess):
        return chosen or sure or guess
    return sure if sure.quality >= min(COVER_QUALITY, guess.quality) else guess


def face_thumbs(faces: QuerySet[Face]) -> list[FaceThumb]:
    """Thumbs for a queryset that was narrowed to what the viewer sees, in its order: one query."""
    detail = reverse("gallery:photo_detail", args=[0]).removesuffix("0/")
    columns = ("pk", "photo_id", "x", "y", "w", "h", "is_confirmed", "quality", "digest", "photo__digest")
    return [
        FaceThumb(
            id=pk,
            photo_id=photo_id,
            src=crops.url(pk, digest, (x, y, w, h)) if digest == shown else "",
            photo_url=f"{detail}{photo_id}/",
            is_confirmed=is_confirmed,
            quality=how_good,
        )
        for pk, photo_id, x, y, w, h, is_confirmed, how_good, digest, shown in faces.values_list(*columns)
    ]


def face_thumb(face: Face) -> FaceThumb:
    """The thumb of one face that the viewer sees: one query."""
    (thumb,) = face_thumbs(Face.objects.filter(pk=face.pk))
    return thumb


def person_faces(viewer: Viewer, person: Person, *, after: str | None = None, size: int = FACES_PER_PAGE) -> FaceStrip:
    """A page of a person's faces: those that nobody confirmed come first, since they may be wrong; then the best.

    One query; the place of a face is (is_confirmed, -quality, id), and `after` is the id of the last face shown.
    """
    faces = faces_visible_to(viewer).filter(person=person)
    if after and after.isdecimal() and len(after) < 19:
        last = faces.filter(pk=int(after)).first()
        if last is not None:
            worse = Q(quality__lt=last.quality) | Q(quality=last.quality, pk__gt=last.pk)
            faces = faces.filter(Q(is_confirmed__gt=last.is_confirmed) | Q(is_confirmed=last.is_confirmed) & worse)
    found = face_thumbs(faces.order_by("is_confirmed", F("quality").desc(), "pk")[: size + 1])
    more = len(found) > size
    found = found[:size]
    return FaceStrip(found, str(found[-1].id) if more else None)


def person_names(viewer: Viewer) -> list[str]:
    """Names that the viewer may know, each once, for suggestions while typing: one query."""
    names = people_visible_to(viewer).filter(hidden=False).order_by(Lower("name"), "pk").values_list("name", flat=True)
    return list(dict.fromkeys(names[:MOST_NAMES]))


def namesakes(viewer: Viewer, name: str) -> list[Person]:
    """People whom the viewer sees and who have this name in any case. In Python: SQLite knows only ASCII's cases."""
    wanted = name.casefold()
    rows = people_visible_to(viewer).values_list("pk", "name")
    same = [pk for pk, other in rows if other.casefold() == wanted]
    return list(Person.objects.filter(pk__in=same).order_by("pk"))


def former_names(viewer: Viewer, name: str) -> list[Person]:
    """People whom the viewer sees and into whom somebody of this name was merged, if the viewer saw them, too.

    One query if nobody was merged who had the name.
    """
    wanted = name.casefold()
    merged = Person.objects.filter(merged_into__isnull=False).order_by("pk")
    same = [pk for pk, other in merged.values_list("pk", "name") if other.casefold() == wanted]
    found = {person.pk: person for pk in same if (person := survivor(viewer, pk)) is not None}
    return list(found.values())


def cards_of(viewer: Viewer, people: Iterable[Person]) -> list[PersonCard]:
    """Cards of people who come from `people_visible_to(viewer)`: five queries at most."""
    people = list(people)
    ids = [person.pk for person in people]
    counts, covers = photo_counts(viewer, ids), person_covers(viewer, ids)
    return [
        PersonCard(p.pk, p.name, p.get_absolute_url(), cover=covers.get(p.pk), photo_count=counts.get(p.pk, 0))
        for p in people
    ]


def ages_in_photos(viewer: Viewer, person: Person) -> str:
    """From which age to which the photos show a person of whom the date of birth is known: one query.

    Photos whose date is only a guess do not count.
    """
    if person.birth_date is None:
        return ""
    photos = visible_to(viewer).filter(pk__in=Face.objects.filter(person=person).order_by().values("photo_id"))
    photos = photos.exclude(taken_source__in=GUESSES)
    first, last = photos.order_by().aggregate(first=Min("taken_local"), last=Max("taken_local")).values()
    return ages.span(person.birth_date, first and first.date(), last and last.date())


def worth(viewer: Viewer, photo_ids: Sequence[int]) -> dict[int, Worth]:
    """How well the faces of photos that the viewer sees came out, and how many people are named there: one query."""
    faces = Face.objects.filter(photo__in=photo_ids).exclude(state=Face.State.NOT_A_FACE).order_by()
    rows = faces.values_list("photo").annotate(
        quality=Avg("quality", filter=Q(digest=F("photo__digest"))),
        named=Count("person", filter=Q(is_confirmed=True, person__hidden=False), distinct=True),
    )
    return {
        photo_id: Worth((f"{named} {'person' if named == 1 else 'people'} named",) if named else (), quality or 0.0)
        for photo_id, quality, named in rows
    }
