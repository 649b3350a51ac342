"""People in the rest of the house: photo sets, the search facet, and names for alternative texts."""

from __future__ import annotations

from collections.abc import Sequence

from faces import company
from faces.access import get_cluster, get_person_now, unnamed_visible_to
from faces.company import photos_with
from faces.models import Cluster, Face, Person
from faces.people import person_names
from gallery import alt_text, photosets, search_set
from gallery.access import Viewer, visible_to
from gallery.photosets import PhotoSet


def person_set(viewer: Viewer, person: Person) -> PhotoSet:
    """The photos of a person whom the viewer sees."""
    photos = visible_to(viewer).filter(pk__in=photos_with([person.pk]))
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


def register() -> None:
    photosets.register("person", lambda viewer, argument: person_set(viewer, get_person_now(viewer, _id(argument))))
    photosets.register(
        "suggestion", lambda viewer, argument: suggestion_set(viewer, get_cluster(viewer, _id(argument)))
    )
    alt_text.register_names(names_by_photo)
    search_set.register_facet(
        "person",
        search_set.Facet(
            names=person_names,
            having=company.in_photos_of,
            mentioning=company.in_photos_of_anyone_like,
            company=company.in_company,
        ),
    )


def _id(argument: str) -> int:
    return int(argument) if argument.isdecimal() and len(argument) < 19 else 0
