"""What there is in the end, in terms that two installations have in common: paths, contents and names, no ids."""

from __future__ import annotations

from collections import defaultdict
from typing import Any


def state() -> dict[str, Any]:
    """All photos by their paths, with what was found and what people made of them, and how many rows there are."""
    from albums.models import Album, AlbumItem
    from faces.models import Cluster, Event, Person, Refusal
    from gallery.models import Detection, File, Label, Mark, Photo, Receipt

    groups = _groups()
    photos: dict[str, Any] = {}
    for photo in Photo.objects.order_by("id"):
        own = {"photo": photo}
        files = sorted((file.path, file.missing_since is not None) for file in photo.files.all())
        albums = AlbumItem.objects.filter(**own).order_by("album__name")
        receipts = Receipt.objects.filter(**own).order_by("analyzer")
        key = " + ".join(path for path, _ in files)
        assert key not in photos, f"two photos have {key}"
        photos[key] = {
            "files": files,
            "work": (photo.work_state, photo.error),
            "is_missing": photo.missing_since is not None,
            "content": (photo.digest, photo.kind, photo.width, photo.height, photo.colour, photo.phash),
            "words": (photo.month, photo.camera, photo.caption, photo.city, photo.keywords),
            "receipts": list(receipts.values_list("analyzer", "version", "state")),
            "labels": sorted(
                (name, round(score, 3))
                for name, score in Detection.objects.filter(**own).values_list("label__name", "score")
            ),
            "faces": sorted(
                (face_at(face), face.person.name if face.person else "", face.is_confirmed, groups.get(face.pk, ""))
                for face in photo.faces.select_related("person")
            ),
            "favourite_of": sorted(Mark.objects.filter(favourite=True, **own).values_list("user__username", flat=True)),
            "albums": list(albums.values_list("album__name", "position")),
        }
    counted = (Photo, File, Label, Album, AlbumItem, Mark, Person, Cluster, Event, Refusal)
    return {"photos": photos, "rows": {model.__name__: model._default_manager.count() for model in counted}}


def face_at(face: Any) -> str:
    return " ".join(f"{value:.3f}" for value in (face.x, face.y, face.w, face.h))


def _groups() -> dict[int, str]:
    """For each face that is in a suggestion: the first face of it by path and place, which names the group."""
    from faces.models import Face

    members: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for face in Face.objects.filter(cluster__isnull=False).select_related("photo").prefetch_related("photo__files"):
        paths = sorted(file.path for file in face.photo.files.all())
        members[face.cluster_id].append((f"{paths} {face_at(face)}", face.pk))
    return {pk: min(group)[0] for group in members.values() for _, pk in group}


def differences(found: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    """One line for each thing that is not as it should be."""
    lines = []
    for key in sorted(found["photos"].keys() | expected["photos"].keys()):
        one, other = found["photos"].get(key), expected["photos"].get(key)
        if one is None or other is None:
            lines.append(f"{key}: {'lost' if one is None else 'should not be there'}")
            continue
        lines += [f"{key}: {name} is {one[name]}, not {other[name]}" for name in one if one[name] != other[name]]
    if found["rows"] != expected["rows"]:
        lines.append(f"rows: {found['rows']}, not {expected['rows']}")
    return lines
