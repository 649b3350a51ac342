"""What people add to the photo page: who is in the photo, where, and what is said when that is wrong."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q
from django.urls import reverse

from faces import crops, people
from faces.models import Face
from gallery.access import Viewer
from gallery.models import Photo
from gallery.photo_panels import Panel, PhotoBox

UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class PhotoFace:
    """A face in the list beside the photo. Without `name` nobody's; without `src` it is not found there any more."""

    id: int
    name: str
    person_id: int | None
    url: str
    src: str
    is_confirmed: bool


def people_panel(viewer: Viewer, photo: Photo) -> Panel | None:
    """Every face with its name or the question who it is, and boxes. Two queries, one if there are no faces.

    The viewer sees the photo, so the people in it, too. Hidden people and what is no face are left out. An edit may
    have moved or removed a face: until it is found again it has no box, and is listed only if somebody named it.
    """
    placed = Q(digest=photo.digest or "")
    shown = Q(state=Face.State.UNKNOWN) & placed | Q(state=Face.State.ASSIGNED, person__hidden=False) & (
        placed | Q(is_confirmed=True)
    )
    faces = Face.objects.filter(shown, photo=photo).select_related("person").defer("embedding", "landmarks")
    listed, boxes = [], []
    for face in faces.order_by("x", "pk"):
        name, url = "", ""
        if face.person:
            name, url = face.person.name, face.person.get_absolute_url()
        elif face.cluster_id:
            url = reverse("faces:cluster_detail", args=[face.cluster_id])
        src = ""
        if face.digest == (photo.digest or ""):
            boxes.append(PhotoBox(kind="face", x=face.x, y=face.y, w=face.w, h=face.h, name=name or UNKNOWN, url=url))
            src = crops.url(face.pk, face.digest, (face.x, face.y, face.w, face.h))
        listed.append(PhotoFace(face.pk, name, face.person_id, url, src, face.is_confirmed))
    if not listed:
        return None
    context = {"faces": listed, "names": people.person_names(viewer)}
    return Panel(template="faces/_photo_people.html", context=context, boxes=boxes)
