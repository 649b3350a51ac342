"""People in the rest of the house: photo sets, the search facet, and names for alternative texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db.models import Q, QuerySet

from faces.access import get_cluster, get_person_now, unnamed_visible_to
from faces.models import Cluster, Face, Person
from faces.people import person_names
from gallery import alt_text, photosets, search_set
from gallery.access import Viewer, visible_to
from gallery.folding import fold
from gallery.photosets import PhotoSet


def person_set(viewer: Viewer, person: Person) -> PhotoSet:
    """The photos of a person whom the viewer sees."""
    photos = visible_to(viewer).filter(pk__in=_photos_with([person.pk]))
    return PhotoSet(f"person:{person.pk}", person.name, person.get_absolute_url(), photos)


def suggestion_set(viewer: Viewer, cluster: Cluster) -> PhotoSet:
    """The photos with faces of a suggestion."""
    faces = unnamed_visible_to(viewer).filter(cluster=cluster).order_by()
    photos = visible_to(viewer).filter(pk__in=faces.values("photo_id"))
    return PhotoSet(f"suggestion:{cluster.pk}", "Who is this?", cluster.get_absolute_url(), photos)


def names_by_photo(photo_ids: Sequence[int], viewer: Viewer) -> dict[int, list[str]]:
    """Names of the people in photos that the viewer sees, from left to right, without hidden people. One query."""
    faces = Face.objects.filter(photo_id__in=photo_ids, person__hidden=False).order_by("x", "pk")
    names: dict[int, list[str]] = {}
    for photo_id, name in faces.values_list("photo_id", "person__name"):
        known = names.setdefault(photo_id, [])
        if name not in known:
            known.append(name)
    return names


def in_photos_of(viewer: Viewer, name: str) -> Q:
    """A condition on photos: someone with exactly this name, whatever its case and accents, is in them."""
    wanted = fold(name)
    return _with_people(pk for pk, other in Person.objects.values_list("pk", "name") if fold(other) == wanted)


def in_photos_of_anyone_like(viewer: Viewer, word: str) -> Q:
    """A condition on photos: someone whose name contains the word, whatever its case and accents, is in them."""
    wanted = fold(word)
    return _with_people(pk for pk, other in Person.objects.values_list("pk", "name") if wanted in fold(other))


def register() -> None:
    photosets.register("person", lambda viewer, argument: person_set(viewer, get_person_now(viewer, _id(argument))))
    photosets.register(
        "suggestion", lambda viewer, argument: suggestion_set(viewer, get_cluster(viewer, _id(argument)))
    )
    alt_text.register_names(names_by_photo)
    search_set.register_facet(
        "person", search_set.Facet(names=person_names, having=in_photos_of, mentioning=in_photos_of_anyone_like)
    )


def _id(argument: str) -> int:
    return int(argument) if argument.isdecimal() and len(argument) < 19 else 0


def _photos_with(person_ids: Sequence[int]) -> QuerySet[Face, int]:
    return Face.objects.filter(person_id__in=person_ids).order_by().values_list("photo_id", flat=True)


def _with_people(person_ids: Iterable[int]) -> Q:
    ids = list(person_ids)
    # The photos are narrowed to what the viewer sees, and who is in such a photo is known to the viewer.
    return Q(pk__in=_photos_with(ids)) if ids else Q(pk__in=[])
