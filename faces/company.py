"""Who is in a photo with whom: conditions for the search, the names it knows people by, and who is seen with a person.

All of it is asked of photos that are narrowed to what the viewer sees. Whoever is in such a photo is known to them, so
no condition tells of anybody else: somebody they do not see is in none of these photos.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.urls import reverse

from faces.access import faces_visible_to, people_visible_to
from faces.models import Face, Person
from faces.people import PersonCard, cards_of
from gallery.access import Viewer
from gallery.folding import fold
from gallery.models import Receipt, Region
from gallery.search import NOBODY, ONLY, UNKNOWN

ANALYZER = "faces"
MOST_TOGETHER = 12
# How the search tells people of one name apart: "Anna #12", by their id.
_NUMBERED = re.compile(r"(.+?) *#(\d{1,18})", re.DOTALL | re.ASCII)


@dataclass(frozen=True, slots=True)
class Companion:
    """Somebody who is in `photo_count` photos of a person that the viewer sees, and the search for both."""

    card: PersonCard
    photo_count: int
    url: str


# ---- Conditions on photos ---------------------------------------------------------------------------------------


def in_photos_of(viewer: Viewer, name: str) -> Q:
    """Someone with exactly this name, whatever its case and accents, is in them; by "Anna #12" that one alone.

    Who was confirmed in a photo is in it, even if an edit took the face away. One query.
    """
    return with_people(_ids([name]))


def in_photos_of_anyone_like(viewer: Viewer, word: str) -> Q:
    """Someone whose name contains the word, whatever its case and accents, is in them. One query."""
    wanted = fold(word)
    return with_people([pk for pk, name in _names() if wanted in fold(name)])


def in_company(viewer: Viewer, kind: str, names: Sequence[str]) -> Q:
    """Who else is in them (`search.COMPANY`). At most one query.

    `only`: nobody but people with these names; a face that has no name is somebody else. Strangers who were set aside
    and what is no face do not count.
    `nobody`: no face at all, of a stranger neither, and no file says that somebody is there. Only photos in which faces
    were looked for.
    `unknown`: a face that has no name and was not set aside.
    """
    unnamed = Q(state=Face.State.UNKNOWN) & _placed()
    if kind == ONLY:
        somebody_else = Q(person__isnull=False) & ~Q(person__in=_ids(names))
        return ~_with_face(unnamed | somebody_else)
    if kind == NOBODY:
        looked = Receipt.objects.filter(photo=OuterRef("pk"), analyzer=ANALYZER, state=Receipt.State.OK)
        strangers = Q(state=Face.State.IGNORED) & _placed()
        named_in_file = Exists(Region.objects.filter(photo=OuterRef("pk")))
        return Q(Exists(looked)) & ~_with_face(Q(person__isnull=False) | unnamed | strangers) & ~Q(named_in_file)
    if kind == UNKNOWN:
        return _with_face(unnamed)
    return Q(pk__in=[])


def photos_with(person_ids: Sequence[int]) -> QuerySet[Face, int]:
    """The ids of photos with one of these people: for `pk__in`."""
    return Face.objects.filter(person_id__in=person_ids).order_by().values_list("photo_id", flat=True)


def with_people(person_ids: Sequence[int]) -> Q:
    return Q(pk__in=photos_with(person_ids)) if person_ids else Q(pk__in=[])


def _with_face(condition: Q) -> Q:
    return Q(Exists(Face.objects.filter(condition, photo=OuterRef("pk"))))


def _placed() -> Q:
    """The box is right for what the photo shows now; the photo is the one that is asked about."""
    return Q(digest=OuterRef("digest"))


def _names() -> list[tuple[int, str]]:
    return list(Person.objects.order_by().values_list("pk", "name"))


def _ids(names: Iterable[str]) -> list[int]:
    """The ids of the people who are meant: one query."""
    known = _names()
    found: set[int] = set()
    for name in names:
        wanted = fold(name)
        same = {pk for pk, other in known if fold(other) == wanted}
        if not same and (numbered := _NUMBERED.fullmatch(name)):
            wanted, number = fold(numbered[1]), int(numbered[2])
            same = {pk for pk, other in known if pk == number and fold(other) == wanted}
        found |= same
    return sorted(found)


# ---- Together ---------------------------------------------------------------------------------------------------


def together(viewer: Viewer, person: Person, *, most: int = MOST_TOGETHER) -> list[Companion]:
    """Who is in photos with a person whom the viewer sees, most often first, hidden people left out.

    One query counts, over photos that the viewer sees; three make the cards, and at most two find namesakes.
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
    cards = cards_of(viewer, [people[pk] for pk in counts if pk in people])
    names = search_names(viewer, [person, *people.values()])
    return [Companion(card, counts[card.id], search_url([names[person.pk], names[card.id]])) for card in cards]


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
