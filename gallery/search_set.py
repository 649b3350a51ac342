"""Searching: a `search.Query` as a photo set, and the facets that other apps add (people).

A facet knows names that photos have something to do with. Apps register theirs in `AppConfig.ready()`:

    search_set.register_facet("person", Facet(names=queries.person_names, having=queries.in_photos_of,
                                              mentioning=queries.in_photos_of_anyone_like))

The query of the address `/search/?q=&person=&without=&who=&label=&place=&month=&from=&to=` is also the name of its set,
`search:<query>`, so previous and next work among the results.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from django.db.models import Exists, F, OuterRef, Q, Value
from django.db.models.functions import StrIndex
from django.db.models.lookups import In
from django.http import QueryDict
from django.urls import reverse

from gallery import place_list
from gallery.access import Viewer, visible_to
from gallery.folding import fold
from gallery.models import Detection, Label, SearchText
from gallery.photosets import PhotoSet
from gallery.search import Query, Reader

# So many photos of a word are named in the queries of a page.
FEW = 1000
Names: TypeAlias = Callable[[Viewer], list[str]]
Narrowing: TypeAlias = Callable[[Viewer, str], Q]
Company: TypeAlias = Callable[[Viewer, Query], Q]


@dataclass(frozen=True, slots=True)
class Facet:
    """Each narrowing answers a condition on `Photo` without joins, which would double rows: `Q(Exists(Face.objects…))`.

    `names(viewer)`: the names the viewer may know (those with a photo they see), for suggestions; one query.
    `having(viewer, name)`: photos with exactly this name, folded (`folding`).
    `mentioning(viewer, word)`: photos with a name that contains the word, both folded.
    `company(viewer, query)`: photos with all people of a query and none whom it does not want, in the company that it
    asks for (`search.COMPANY`). Without it, `having` is asked for each of them, and nobody knows of company.
    """

    names: Names
    having: Narrowing
    mentioning: Narrowing
    company: Company | None = None


_facets: dict[str, Facet] = {}


def register_facet(name: str, facet: Facet) -> None:
    """Adds a facet, or replaces it. The search form has a field for "person"; "label" is built in."""
    _facets[name] = facet


def known_names(viewer: Viewer, facet: str) -> list[str]:
    """The names that the form suggests for a facet; empty when no app registered it."""
    return _facets[facet].names(viewer) if facet in _facets else []


def read(fields: QueryDict, reader: Reader) -> Query:
    """The query of a form or an address."""
    return reader.read(
        fields.get("q", ""),
        people=fields.getlist("person"),
        without=fields.getlist("without"),
        company=fields.get("who", ""),
        labels=fields.getlist("label"),
        places=fields.getlist("place"),
        months=fields.getlist("month"),
        first=fields.get("from", ""),
        last=fields.get("to", ""),
    )


def photo_set(viewer: Viewer, query: Query) -> PhotoSet:
    """What the viewer sees of what the query asks for. Reads the labels, and for each word the first matches."""
    photos = visible_to(viewer)
    if query.first:
        photos = photos.filter(sort_at__gte=_midnight(query.first))
    if query.last:
        # Undated photos stand in a far past; a date is asked for, so they are none of it.
        if not query.first:
            photos = photos.filter(taken_local__isnull=False)
        photos = photos.filter(sort_at__lt=_midnight(query.last) + dt.timedelta(days=1))
    if query.months:
        photos = photos.alias(month_of_year=F("month") % 100).filter(month_of_year__in=query.months)
    known = {pk: fold(name) for pk, name in Label.objects.values_list("pk", "name")} if query else {}
    for name in query.labels:
        photos = photos.filter(_with_label([pk for pk, label in known.items() if label == fold(name)]))
    if query.people or query.without or query.company:
        photos = photos.filter(_in_company(viewer, query))
    for name in query.places:
        photos = photos.filter(place_list.condition(viewer, name))
    for word in query.words:
        condition = _with_text(fold(word))
        if label_ids := [pk for pk, label in known.items() if fold(word) in label]:
            condition |= _with_label(label_ids)
        for facet in _facets.values():
            condition |= facet.mentioning(viewer, word)
        photos = photos.filter(condition)
    address = query.address()
    url = f"{reverse('gallery:search')}?{address}"
    return PhotoSet(f"search:{address}", "Search", url, photos)


def resolve(viewer: Viewer, argument: str) -> PhotoSet:
    """The set `search:<query>`. Its names were recognized when the query was made, so none are looked for again."""
    return photo_set(viewer, read(QueryDict(argument), Reader()))


def _in_company(viewer: Viewer, query: Query) -> Q:
    nobody = Q(pk__in=[])
    people = _facets.get("person")
    if people is not None and people.company is not None:
        return people.company(viewer, query)
    having = people.having if people else lambda viewer, name: nobody
    condition = nobody if query.company else Q()
    for name in query.people:
        condition &= having(viewer, name)
    for name in query.without:
        condition &= ~having(viewer, name)
    return condition


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)


def _with_label(label_ids: list[int]) -> Q:
    return Q(Exists(Detection.objects.filter(photo=OuterRef("pk"), label_id__in=label_ids)))


def _with_text(word: str) -> Q:
    """Photos with the folded word in a path, the caption, camera or lens. One query, which reads all texts at most."""
    texts = SearchText.objects.alias(place=StrIndex("text", Value(word))).filter(place__gt=0).order_by()
    ids = list(texts.values_list("photo_id", flat=True)[: FEW + 1])
    if len(ids) <= FEW:  # named, so that the texts are read once and not for each query of a page
        return Q(pk__in=ids)
    # A sum has no index: the database walks along the timeline, which soon meets enough, and does not sort them all.
    return Q(In(F("pk") + 0, texts.values("photo_id").query))
