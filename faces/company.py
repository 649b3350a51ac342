"""Who is in a photo with whom: conditions for the search, the names it knows people by, and who is seen with a person.

All of it is asked of photos that are narrowed to what the viewer sees. Whoever is in such a photo is known to them, so
no condition tells of anybody else: somebody they do not see is in none of these photos.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.urls import reverse

from faces.access import faces_visible_to, people_visible_to
from faces.models import Face, Person
from faces.people import FaceThumb, PersonCard, person_covers
from gallery.access import Viewer
from gallery.folding import fold
from gallery.models import Receipt, Region
from gallery.search import NOBODY, ONLY, UNKNOWN, Query
from gallery.search_set import FEW

ANALYZER = "faces"
MOST_TOGETHER = 12
# Of a photo that is asked about: a face without a name, and one of a stranger who was set aside, whose boxes are right
# for what the photo shows now. No person: said for the index.
_UNNAMED = Q(person__isnull=True, state=Face.State.UNKNOWN, digest=OuterRef("digest"))
_STRANGER = Q(person__isnull=True, state=Face.State.IGNORED, digest=OuterRef("digest"))
# How the search tells people of one name apart: "Anna #12", by their id.
_NUMBERED = re.compile(r"(.+?) *#(\d{1,18})", re.DOTALL | re.ASCII)


@dataclass(frozen=True, slots=True)
class Companion:
    """Somebody who is in `photo_count` photos of a person that the viewer sees; `url` is the search for both."""

    id: int
    name: str
    cover: FaceThumb | None
    photo_count: int
    url: str


# ---- Conditions on photos ---------------------------------------------------------------------------------------


def in_photos_of(viewer: Viewer, name: str) -> Q:
    """Someone with exactly this name, whatever its case and accents, is in them; by "Anna #12" that one alone.

    Who was confirmed in a photo is in it, even if an edit took the face away. One query.
    """
    return with_people(_ids([name])[0])


def in_photos_of_anyone_like(viewer: Viewer, word: str) -> Q:
    """Someone whose name contains the word, whatever its case and accents, is in them. One query."""
    wanted = fold(word)
    return with_people([pk for pk, name in _names() if wanted in fold(name)])


def in_company(viewer: Viewer, query: Query) -> Q:
    """All people of a query are in them, nobody whom it does not want, and who else there is as it says.

    `only`: nobody but these people; a face that has no name is somebody else. Strangers who were set aside and what is
    no face do not count.
    `nobody`: no face at all, of a stranger neither, and no file says that somebody is there. Only photos in which faces
    were looked for.
    `unknown`: a face that has no name and was not set aside.

    One query for the names, and one for the first photos that the people are in, if any are asked for.
    """
    ids = _ids([*query.people, *query.without])
    wanted, unwanted = ids[: len(query.people)], sorted({pk for found in ids[len(query.people) :] for pk in found})
    condition = _together(wanted, unwanted) if wanted else ~with_people(unwanted)
    if query.company == ONLY:
        allowed = {pk for found in wanted for pk in found}
        somebody_else = _with_face(Q(person__isnull=False) & ~Q(person__in=allowed))
        condition &= ~somebody_else & ~_with_face(_UNNAMED)
    elif query.company == UNKNOWN:
        condition &= _with_face(_UNNAMED)
    elif query.company == NOBODY:
        looked = Receipt.objects.filter(photo=OuterRef("pk"), analyzer=ANALYZER, state=Receipt.State.OK)
        named_in_file = Region.objects.filter(photo=OuterRef("pk"))
        nobody = ~_with_face(Q(person__isnull=False)) & ~_with_face(_UNNAMED | _STRANGER)
        condition &= nobody & Q(Exists(looked)) & ~Q(Exists(named_in_file))
    return condition


def _together(wanted: Sequence[Sequence[int]], unwanted: Sequence[int]) -> Q:
    """One of each group of people is in them, and nobody who is unwanted."""
    if not all(wanted):
        return Q(pk__in=[])
    first, *others = wanted
    faces = Face.objects.filter(person_id__in=first)
    condition = with_people(first)
    for people in others:
        faces = faces.filter(photo_id__in=photos_with(people))
        condition &= with_people(people)
    if unwanted:
        faces = faces.exclude(photo_id__in=photos_with(unwanted))
        condition &= ~with_people(unwanted)
    # Few are named, so that they are looked for once and not in each query of a page. `visible_to` narrows them still.
    named = list(faces.order_by().values_list("photo_id", flat=True).distinct()[: FEW + 1])
    return Q(pk__in=named) if len(named) <= FEW else condition


def photos_with(person_ids: Sequence[int]) -> QuerySet[Face, int]:
    """The ids of photos with one of these people: for `pk__in`."""
    return Face.objects.filter(person_id__in=person_ids).order_by().values_list("photo_id", flat=True)


def with_people(person_ids: Sequence[int]) -> Q:
    return Q(pk__in=photos_with(person_ids)) if person_ids else Q(pk__in=[])


def _with_face(condition: Q) -> Q:
    return Q(Exists(Face.objects.filter(condition, photo=OuterRef("pk"))))


def _names() -> list[tuple[int, str]]:
    return list(Person.objects.order_by().values_list("pk", "name"))


def _ids(names: Sequence[str]) -> list[list[int]]:
    """The ids of the people whom each name means: one query."""
    if not names:
        return []
    by_name: dict[str, list[int]] = {}
    for pk, name in _names():
        by_name.setdefault(fold(name), []).append(pk)
    return [_meant(name, by_name) for name in names]


def _meant(name: str, by_name: Mapping[str, list[int]]) -> list[int]:
    if found := by_name.get(fold(name)):
        return found
    numbered = _NUMBERED.fullmatch(name)
    return [pk for pk in by_name.get(fold(numbered[1]), []) if pk == int(numbered[2])] if numbered else []


# ---- Together ---------------------------------------------------------------------------------------------------


def together(viewer: Viewer, person: Person, *, most: int = MOST_TOGETHER) -> list[Companion]:
    """Who is in photos with a person whom the viewer sees, most often first, hidden people left out.

    One query counts, over photos that the viewer sees; three more for names and covers, and one or two for namesakes.
    """
    rows = (
        faces_visible_to(viewer)
        .filter(photo_id__in=photos_with([person.pk]), person__isnull=False, person__hidden=False)
        .exclude(person=person)
        .order_by()
        .values_list("person_id")
        .annotate(count=Count("photo_id", distinct=True))
        .order_by("-count", "person_id")
    )
    counts = dict(rows[:most])
    people = Person.objects.in_bulk(counts)
    covers = person_covers(viewer, list(counts))
    names = search_names(viewer, [person, *people.values()])
    return [
        Companion(pk, people[pk].name, covers.get(pk), count, search_url([names[person.pk], names[pk]]))
        for pk, count in counts.items()
        if pk in people
    ]


def compared(viewer: Viewer, person: Person, cards: Sequence[PersonCard]) -> list[PersonCard]:
    """Cards of others with how many photos that the viewer sees show them with a person: one query.

    Who stands beside somebody is hardly the same person.
    """
    faces = faces_visible_to(viewer).filter(photo_id__in=photos_with([person.pk]), person__in=[it.id for it in cards])
    counts = dict(faces.order_by().values_list("person_id").annotate(Count("photo_id", distinct=True)))
    return [replace(card, together=counts.get(card.id, 0)) for card in cards]


def search_url(names: Sequence[str]) -> str:
    """The search for photos with all of these people, by the names of `search_names`."""
    return f"{reverse('gallery:search')}?{urlencode([('person', name) for name in names])}"


def search_names(viewer: Viewer, people: Sequence[Person]) -> dict[int, str]:
    """By person id, the name that the search knows them by: with their number if the viewer knows a namesake.

    One query, and another if there are namesakes.
    """
    wanted = {fold(person.name) for person in people}
    same: dict[str, set[int]] = {}
    for pk, name in _names():
        if (key := fold(name)) in wanted:
            same.setdefault(key, set()).add(pk)
    doubtful = [pk for found in same.values() if len(found) > 1 for pk in found]
    seen = set(people_visible_to(viewer).filter(pk__in=doubtful).values_list("pk", flat=True)) if doubtful else set()
    return {
        person.pk: f"{person.name} #{person.pk}" if len(same.get(fold(person.name), set()) & seen) > 1 else person.name
        for person in people
    }
