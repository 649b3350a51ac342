"""Searching: a `search.Query` as a photo set, and the facets that other apps add (people).

A facet knows names that photos have something to do with. Apps register theirs in `AppConfig.ready()`:

    search_set.register_facet("person", Facet(names=queries.person_names, having=queries.in_photos_of,
                                              mentioning=queries.in_photos_of_anyone_like))

The query of the address `/search/?q=&person=&label=&place=&from=&to=` is also the name of its set, `search:<query>`, so
previous and next work among the results.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from django.db.models import Exists, OuterRef, Q
from django.http import QueryDict
from django.urls import reverse

from gallery import place_list, search
from gallery.access import Viewer, visible_to
from gallery.models import Detection, File, Label
from gallery.photosets import PhotoSet
from gallery.search import Query

Names: TypeAlias = Callable[[Viewer], list[str]]
Narrowing: TypeAlias = Callable[[Viewer, str], Q]


@dataclass(frozen=True, slots=True)
class Facet:
    """Each narrowing answers a condition on `Photo` without joins, which would double rows: `Q(Exists(Face.objects…))`.

    `names(viewer)`: the names the viewer may know (those with a photo they see), for suggestions; one query.
    `having(viewer, name)`: photos with exactly this name, in any case.
    `mentioning(viewer, word)`: photos with a name that contains the word, in any case.
    """

    names: Names
    having: Narrowing
    mentioning: Narrowing


_facets: dict[str, Facet] = {}


def register_facet(name: str, facet: Facet) -> None:
    """Adds a facet, or replaces it. The search form has a field for "person"; "label" is built in."""
    _facets[name] = facet


def known_names(viewer: Viewer, facet: str) -> list[str]:
    """The names that the form suggests for a facet; empty when no app registered it."""
    return _facets[facet].names(viewer) if facet in _facets else []


def read(
    viewer: Viewer, fields: QueryDict, *, people: list[str], labels: list[str], places: list[str] | None = None
) -> Query:
    """The query of a form or an address. `people`, `labels` and `places` are the names known to the viewer."""
    return search.parse(
        fields.get("q", ""),
        people=fields.getlist("person"),
        labels=fields.getlist("label"),
        places=fields.getlist("place"),
        known_people=people,
        known_labels=labels,
        known_places=places or [],
        first=fields.get("from", ""),
        last=fields.get("to", ""),
    )


def photo_set(viewer: Viewer, query: Query) -> PhotoSet:
    """What the viewer sees of what the query asks for. No query is made yet, except for labels' ids."""
    photos = visible_to(viewer)
    if query.first:
        photos = photos.filter(sort_at__gte=_midnight(query.first))
    if query.last:
        # Undated photos stand in a far past; a date is asked for, so they are none of it.
        if not query.first:
            photos = photos.filter(taken_local__isnull=False)
        photos = photos.filter(sort_at__lt=_midnight(query.last) + dt.timedelta(days=1))
    for name in query.labels:
        label_ids = list(Label.objects.filter(name__iexact=name).values_list("pk", flat=True))
        photos = photos.filter(_with_label(label_ids))
    for name in query.people:
        photos = photos.filter(_facets["person"].having(viewer, name) if "person" in _facets else Q(pk__in=[]))
    for name in query.places:
        photos = photos.filter(place_list.condition(viewer, name))
    for word in query.words:
        photos = photos.filter(_mentions(viewer, word))
    address = query.address()
    url = f"{reverse('gallery:search')}?{address}"
    return PhotoSet(f"search:{address}", "Search", url, photos)


def resolve(viewer: Viewer, argument: str) -> PhotoSet:
    """The set `search:<query>`. Its names were recognized when the query was made, so none are looked for again."""
    return photo_set(viewer, read(viewer, QueryDict(argument), people=[], labels=[]))


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)


def _with_label(label_ids: list[int]) -> Q:
    return Q(Exists(Detection.objects.filter(photo=OuterRef("pk"), label_id__in=label_ids)))


def _mentions(viewer: Viewer, word: str) -> Q:
    """Photos whose file path, caption, camera, lens, label or people's names contain the word."""
    label_ids = list(Label.objects.filter(name__icontains=word).values_list("pk", flat=True))
    condition = Q(caption__icontains=word) | Q(camera__icontains=word) | Q(lens__icontains=word)
    # Here `in`: no index helps to find a part of a path, so the files are read once instead of once for each photo.
    condition |= Q(pk__in=File.objects.filter(path__icontains=word).order_by().values("photo_id"))
    if label_ids:
        condition |= _with_label(label_ids)
    for facet in _facets.values():
        condition |= facet.mentioning(viewer, word)
    return condition
