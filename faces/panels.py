"""What people add to the photo page: who is in the photo, where, and what is said when that is wrong."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q
from django.urls import reverse

from faces import ages, crops, marked, people
from faces.access import clusters_visible_to
from faces.models import Face, MarkedName
from gallery.access import Viewer
from gallery.models import Photo
from gallery.photo_facts import GUESSES
from gallery.photo_panels import Panel, PhotoBox

UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class PhotoFace:
    """A face in the list beside the photo. Without `name` nobody's; without `src` it is not found there any more.
    `is_marked`: nobody here said who it is, but the file does. `age`: when the photo was taken, of who has a date of
    birth; empty if the date of the photo is only a guess."""

    id: int
    name: str
    person_id: int | None
    url: str
    src: str
    is_confirmed: bool
    is_marked: bool = False
    age: str = ""


def people_panel(viewer: Viewer, photo: Photo) -> Panel:
    """Every face with its name or the question who it is, and boxes. Three queries, up to five if a file marks people
    whose faces were not found.

    The viewer sees the photo, so the people in it, too. Hidden people and what is no face are left out. An edit may
    have moved or removed a face: until it is found again it has no box, and is listed only if somebody named it.
    """
    digest = photo.digest or ""
    taken = photo.taken_local.date() if photo.taken_local and photo.taken_source not in GUESSES else None
    is_marked = Exists(MarkedName.objects.filter(face=OuterRef("pk"), person=OuterRef("person")))
    rows = Face.objects.filter(photo=photo).select_related("person").defer("embedding", "landmarks")
    is_suggested = Exists(clusters_visible_to(viewer).filter(pk=OuterRef("cluster_id")))
    rows = rows.annotate(is_marked=is_marked & Q(decided_by__isnull=True), is_suggested=is_suggested)
    faces = list(rows.order_by("x", "pk"))
    listed, boxes = [], []
    for face in faces:
        is_placed = face.digest == digest
        if not _is_shown(face, is_placed):
            continue
        name, url = "", ""
        if face.person:
            name, url = face.person.name, face.person.get_absolute_url()
        elif face.is_suggested:
            url = reverse("faces:cluster_detail", args=[face.cluster_id])
        src = ""
        if is_placed:
            boxes.append(PhotoBox(kind="face", x=face.x, y=face.y, w=face.w, h=face.h, name=name or UNKNOWN, url=url))
            src = crops.url(face.pk, face.digest, (face.x, face.y, face.w, face.h))
        age = ages.age(face.person.birth_date if face.person else None, taken)
        listed.append(PhotoFace(face.pk, name, face.person_id, url, src, face.is_confirmed, face.is_marked, age))
    regions = marked.without_face(viewer, photo, [face for face in faces if face.digest == digest])
    boxes += [PhotoBox(kind="face", x=it.x, y=it.y, w=it.w, h=it.h, name=it.name) for it in regions]
    context = {"faces": listed, "regions": regions, "names": people.person_names(viewer) if listed else []}
    # Also where nobody was found: that is where somebody may have been missed.
    return Panel(template="faces/_photo_people.html", context=context, boxes=boxes)


def _is_shown(face: Face, is_placed: bool) -> bool:
    if face.state == Face.State.UNKNOWN:
        return is_placed
    is_seen = face.person is not None and not face.person.hidden
    return is_seen and (is_placed or face.is_confirmed)
