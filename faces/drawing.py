"""Drawing a face that no detector found: a box, perhaps with a name, which stays whatever is analysed later.

A worker looks closely at the box afterwards (`shadow.drawn`), so that the face is compared with all others. Where it
sees no face, the box and the name stay, and nothing is compared.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypedDict

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Q, QuerySet

from faces import revisions, services
from faces.deciding import chunks
from faces.models import Cluster, Event, Face, FacePair, Person
from faces.restoring import decided_since, seen_by
from faces.same_face import DRAWN_PLACE_IOU, iou
from faces.shadow import spares
from gallery import work
from gallery.access import get_or_404, visible_to
from gallery.models import Photo

EMBED = "faces.tasks.embed_drawn"
# The shorter edge of a box in pixels of the photo: nobody is told from fewer.
LEAST_PX = 12
# Faces that people may draw in one photo.
MOST = 300
# The score of a face that no detector found; a detector writes its own when it finds the face later.
_SCORE = 1.0


class WrongBox(Exception):  # noqa: N818
    """The box cannot be a face's. The message says why."""


@dataclass(frozen=True, slots=True)
class DrawnBox:
    """A box relative (0..1) to the upright picture."""

    x: float
    y: float
    w: float
    h: float


class _Choice(TypedDict):
    same_as: int | None
    is_someone_else: bool


@dataclass(frozen=True, slots=True)
class Drawn:
    """What became of a box: the face, who it is, the entry of the journal (None: nothing was new), and whether there
    was a face already at this place, which took the name."""

    face: Face
    person: Person | None
    event: Event | None
    was_there: bool

    @property
    def is_as_before(self) -> bool:
        """Whether the face was known, and nothing of it changed."""
        return self.was_there and (self.event is None or "drawn" in self.event.before)


def checked(photo: Photo, x: float, y: float, w: float, h: float) -> DrawnBox:
    """The part of a box that lies in the picture. Raises `WrongBox`."""
    if not all(map(math.isfinite, (x, y, w, h))):
        raise WrongBox("These are no numbers.")
    left, top = min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0)
    right, bottom = min(max(x + w, 0.0), 1.0), min(max(y + h, 0.0), 1.0)
    if w <= 0 or h <= 0 or right <= left or bottom <= top:
        raise WrongBox("The box lies outside the photo.")
    if min((right - left) * (photo.width or 0), (bottom - top) * (photo.height or 0)) < LEAST_PX:
        raise WrongBox("The box is too small to be a face. Draw it around the whole head.")
    return DrawnBox(left, top, right - left, bottom - top)


@transaction.atomic
def draw_face(
    photo: Photo,
    box: DrawnBox,
    by: AbstractBaseUser,
    *,
    name: str = "",
    same_as: int | None = None,
    is_someone_else: bool = False,
) -> Drawn:
    """Adds a face to a photo that `by` sees, confirmed if it is named. One entry of the journal, which can be undone.

    Where there is a face already, that one gets the name, and if somebody had set it aside, it is a face again. Raises
    `WrongBox`, and what `services.name_face` raises; Http404 if the photo went away.
    """
    revisions.lock()
    # Not locked: recording locks photos first and faces then. If it is edited this very moment, the face is lost in it.
    photo = get_or_404(visible_to(by), pk=photo.pk)
    there = list(Face.objects.filter(photo=photo, digest=photo.digest or "").defer("embedding", "landmarks"))
    choice = _Choice(same_as=same_as, is_someone_else=is_someone_else)
    known = max(there, key=lambda face: iou(face, box), default=None)
    if known is not None and iou(known, box) >= DRAWN_PLACE_IOU:
        return _use(known, by, name, choice)
    if sum(face.is_drawn for face in there) >= MOST:
        raise WrongBox(f"At most {MOST} faces can be drawn in one photo.")
    face = Face.objects.create(
        photo=photo, digest=photo.digest or "", x=box.x, y=box.y, w=box.w, h=box.h, score=_SCORE, is_drawn=True
    )
    work.wake(EMBED)
    if not name:
        before = {"drawn": face.pk, "faces": [face.pk]}
        return Drawn(face, None, Event.objects.create(kind=Event.Kind.DRAW, actor_id=by.pk, before=before), False)
    return _one_entry(face, services.name_face(face, name, by, **choice), was_there=False)


def _one_entry(face: Face, named: services.Named, *, was_there: bool) -> Drawn:
    """Drawing and naming were one thing to do, and are one to take back."""
    event = named.event
    event.kind, event.before = Event.Kind.DRAW, {**event.before, "drawn": face.pk}
    event.save(update_fields=["kind", "before"])
    return Drawn(face, named.person, event, was_there)


def _use(face: Face, by: AbstractBaseUser, name: str, choice: _Choice) -> Drawn:
    if name:
        named = services.name_face(face, name, by, **choice)
        return Drawn(face, named.person, named.event, True)
    if face.state not in {Face.State.NOT_A_FACE, Face.State.IGNORED}:
        drawings = Event.objects.filter(kind=Event.Kind.DRAW, before__drawn=face.pk).order_by()
        taken_back = list(drawings.values_list("undone_at", flat=True)) if face.is_drawn else []
        if not taken_back or None in taken_back:
            return Drawn(face, face.person, None, True)
        # What was decided since holds the face; if that is taken back, it would go though somebody drew it again.
        before = {"drawn": face.pk, "faces": [face.pk]}
        event = Event.objects.create(kind=Event.Kind.DRAW, actor_id=by.pk, before=before)
        return Drawn(face, face.person, event, True)
    was = {"state": face.state, "decided_by": face.decided_by_id}
    Face.objects.filter(pk=face.pk).update(state=Face.State.UNKNOWN, decided_by=None)
    revisions.count_up({face.model}, wake=True, faces=True)
    event = Event.objects.create(kind=Event.Kind.DRAW, actor_id=by.pk, before={"faces": [face.pk], "was": was})
    return Drawn(face, None, event, True)


def take_away(event: Event) -> list[str]:
    """Undoes a drawing, once the name that came with it is taken back; sentences about what could not be.

    A face that a detector found there since is a face like others: it stays, and a later detection may take it away.

    In the transaction of `undo.undo_event`, which has seen that nobody decided about the face since.
    """
    before = event.before
    face = Face.objects.filter(pk=before["faces"][0]).defer("embedding", "landmarks").first()
    if face is None:
        return ["The face is not there any more."]
    if face.is_confirmed or face.state not in {Face.State.UNKNOWN, Face.State.ASSIGNED}:
        return ["Somebody decided about this face since: it stays."]
    if "drawn" in before and _is_found(face):
        Face.objects.filter(pk=face.pk).update(is_drawn=False)
        return ["The face was found in the photo since: it stays, but not as one that was drawn."]
    if "drawn" in before:
        face.delete()
    else:
        Face.objects.filter(pk=face.pk).update(
            person=None, state=before["was"]["state"], decided_by_id=before["was"]["decided_by"], cluster=None
        )
    if face.cluster_id:
        revisions.count_sizes(Cluster.objects.filter(pk=face.cluster_id))
    revisions.count_up({face.model}, wake=True, faces=True)
    return []


def take_rest_away(event: Event, by: AbstractBaseUser) -> list[str]:
    """Undoes drawings that were taken back before, while something that was decided later held the faces: the last of
    that was `event`. Sentences about what stays, of faces that `by` sees.

    In the transaction of `undo.undo_event`. One query for every `CHUNK` faces of the entry, if none of them was drawn.
    """
    ids = {*event.before.get("faces", ()), *event.before.get("refused", ()), *filter(None, [event.before.get("face")])}
    said: list[str] = []
    for part in chunks(ids):
        rows = Face.objects.filter(pk__in=part, is_drawn=True, is_confirmed=False).order_by("pk")
        open_faces = rows.filter(state__in=[Face.State.UNKNOWN, Face.State.ASSIGNED])
        for pk in open_faces.values_list("pk", flat=True):
            drawn = _first_drawing(pk)
            if drawn is None or is_held(drawn):
                continue
            is_seen = bool(seen_by(by, [pk]))
            said += [sentence for sentence in take_away(drawn) if is_seen]
    return said


def _first_drawing(face_id: int) -> Event | None:
    return Event.objects.filter(kind=Event.Kind.DRAW, before__drawn=face_id).order_by("pk").first()


def is_again(event: Event) -> bool:
    """Whether an entry drew a face that had been drawn before, and stood there: it changed nothing of what it is."""
    first = _first_drawing(event.before["drawn"]) if "drawn" in event.before else None
    return first is not None and first.pk != event.pk


def is_held(event: Event) -> bool:
    """Whether an entry of the journal that holds keeps the face of a drawing: another drawing of it, or something that
    was decided since it was first drawn, also about a pair of faces. Two to five queries.

    False where a face was there before: it stays anyway.
    """
    face_id = event.before.get("drawn")
    first = _first_drawing(face_id) if face_id else None
    if first is None:
        return False
    drawings = Event.objects.filter(kind=Event.Kind.DRAW, before__drawn=face_id, undone_at__isnull=True)
    return drawings.exists() or bool(decided_since(first, [first.before["drawn"]])) or _is_paired(first)


def _is_paired(first: Event) -> bool:
    """Whether somebody said something about the face and another one that is still there."""
    face_id = first.before["drawn"]
    pairs = set(FacePair.objects.filter(Q(one=face_id) | Q(other=face_id)).values_list("one_id", "other_id"))
    if not pairs:
        return False
    entries = Event.objects.filter(pk__gt=first.pk, kind=Event.Kind.PAIR, undone_at__isnull=True).order_by()
    return any(tuple(faces) in pairs for faces in entries.values_list("before__faces", flat=True).iterator())


def _is_found(face: Face) -> bool:
    """Whether a detector found a face that was drawn, and no edit took it out of the photo since."""
    return face.score != _SCORE and face.quality > 0


def wake_pending(model: str) -> None:
    """Wakes a worker if there are drawn faces that the model in use has not looked at: one query."""
    if spares.pending(model, unseen_by(model)).exists():
        work.wake(EMBED)


def unseen_by(model: str) -> QuerySet[Face]:
    """Drawn faces in their place that the model did not embed."""
    return spares.placed().filter(is_drawn=True).exclude(model=model)
