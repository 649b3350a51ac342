"""What people add to the photo page: who is in the photo, and where."""

from __future__ import annotations

from django.db.models import Q
from django.urls import reverse

from faces import crops
from faces.models import Face
from gallery.access import Viewer
from gallery.models import Photo
from gallery.photo_panels import Panel, PhotoBox

UNKNOWN = "Unknown"


def people_panel(viewer: Viewer, photo: Photo) -> Panel | None:
    """Names as chips with the face, unknown faces with the question who it is, and boxes for both. One query.

    The viewer sees the photo, so the people in it, too. Hidden people and what is no face are left out.
    """
    shown = Q(state=Face.State.UNKNOWN) | Q(state=Face.State.ASSIGNED, person__hidden=False)
    faces = Face.objects.filter(shown, photo=photo).select_related("person").defer("embedding", "landmarks")
    chips, boxes = [], []
    for face in faces.order_by("x", "pk"):
        name, url = UNKNOWN, ""
        if face.person:
            name, url = face.person.name, face.person.get_absolute_url()
        elif face.cluster_id:
            url = reverse("faces:cluster_detail", args=[face.cluster_id])
        boxes.append(PhotoBox(kind="face", x=face.x, y=face.y, w=face.w, h=face.h, name=name, url=url))
        src = crops.url(face.pk, photo.digest or "", (face.x, face.y, face.w, face.h))
        if url:
            chips.append({"name": name if face.person else "Who is this?", "url": url, "src": src})
    if not boxes:
        return None
    return Panel(template="faces/_photo_people.html" if chips else "", context={"chips": chips}, boxes=boxes)
