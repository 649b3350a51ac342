"""Alternative texts for photos: who, what, where and when, in a few words.

Names of people come from whoever registers them, since this app knows no people:

    # faces.apps.FacesConfig.ready()
    alt_text.register_names(queries.names_by_photo)   # (photo ids, viewer) -> {photo id: ["Anna", "Tom"]}
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from gallery.access import Viewer
from gallery.models import Detection, Photo

NamesByPhoto: TypeAlias = Callable[[Sequence[int], Viewer], dict[int, list[str]]]
_sources: list[NamesByPhoto] = []
MOST_NAMES = 4
MOST_LABELS = 3


def register_names(source: NamesByPhoto) -> None:
    """Adds a source of names for many photos at once. It must cost a constant number of queries."""
    if source not in _sources:
        _sources.append(source)


def describe(photos: Iterable[Photo], viewer: Viewer) -> dict[int, str]:
    """The alternative text of each photo by its id. One query for labels and one for each source of names."""
    photos = list(photos)
    ids = [photo.pk for photo in photos]
    if not ids:
        return {}
    labels: dict[int, list[str]] = {}
    found = Detection.objects.filter(photo_id__in=ids).order_by("-score", "id").values_list("photo_id", "label__name")
    for photo_id, name in found:
        known = labels.setdefault(photo_id, [])
        if name not in known:
            known.append(name)
    people: dict[int, list[str]] = {}
    for source in _sources:
        for photo_id, names in source(ids, viewer).items():
            people.setdefault(photo_id, []).extend(names)
    return {photo.pk: text(photo, people=people.get(photo.pk, []), labels=labels.get(photo.pk, [])) for photo in photos}


def text(photo: Photo, *, people: Sequence[str] = (), labels: Sequence[str] = ()) -> str:
    """For example "Anna and Tom, dog, beach chair, Munich, 17 May 2024"; the caption, if there is one, comes first."""
    # "person" says nothing once the people have names.
    things = [label for label in labels if not (people and label == "person")]
    parts = [
        " ".join(photo.caption.split())[:160],
        join(people, most=MOST_NAMES),
        ", ".join(things[:MOST_LABELS]),
    ]
    said = [part for part in parts if part] or ["Video" if photo.kind == Photo.Kind.VIDEO else "Photo"]
    if where := photo.city or photo.region or photo.country:
        said.append(where)
    if photo.taken:
        said.append(f"{photo.taken.day} {photo.taken:%B %Y}")
    return ", ".join(said)


def join(names: Sequence[str], *, most: int) -> str:
    """["Anna", "Tom", "Eve"] -> "Anna, Tom and Eve"; more than `most` names end in "and 3 others"."""
    if len(names) > most + 1:  # one more takes no more room than "1 others"
        return f"{', '.join(names[:most])} and {len(names) - most} others"
    return " and ".join([part for part in (", ".join(names[:-1]), names[-1] if names else "") if part])
