"""Moves what people said about faces from photos to the one that takes their place (`gallery.keepsakes`).

The faces of two pictures of one scene are matched as those of a photo before and after an edit are (`same_face`).
What was said of a face is then said of the one it matches, unless something was decided about that one: a confirmed
face never moves by itself, a refusal and "never one person" are obeyed, and nobody comes to be twice in one photo. A
named face without a match stays as the person's presence, as after an edit that lost it: it has no place in the
picture, and nothing is drawn. The sources keep their faces as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import F, Q

from faces import chains, pairs, revisions, same_face
from faces.apart import Apart
from faces.deciding import merges, survivor_of
from faces.models import Cluster, Face, FacePair, MarkedName, Person, Refusal
from gallery.models import Photo

_SET_ASIDE = (Face.State.IGNORED, Face.State.NOT_A_FACE)
_NOBODY = {"person": None, "state": str(Face.State.UNKNOWN), "is_confirmed": False, "decided_by": None}
_COPIED = (
    "x", "y", "w", "h", "landmarks", "digest", "score", "embedding", "embedding_crc", "model", "decided_by_id",
    "person_id",
)  # fmt: skip


class FaceKeeper:
    """Its record: `faces` with what they were before and are after, `made` ones, `refusals`, `covers`, `pairs`, and
    names that were `told` by files."""

    name = "faces"

    def move(self, sources: Sequence[int], target: int, *, for_good: bool = False) -> dict[str, Any]:
        """Locks all of clustering, then the faces of all these photos, by id."""
        revisions.lock()
        faces: dict[int, list[Face]] = {pk: [] for pk in (*sources, target)}
        rows = Face.objects.filter(photo__in=faces).select_for_update(no_key=True).order_by("pk")
        for face in rows:
            faces[face.photo_id].append(face)
        move = _Move(target, Photo.objects.get(pk=target).digest or "", faces[target])
        for source in sources:
            move.take(faces[source])
        record = move.write()
        if for_good:
            left = [face for source in sources for face in faces[source]]
            Face.objects.filter(pk__in=[face.pk for face in left]).delete()
            _follow(left, is_new=True)
        return record

    def put_back(self, record: dict[str, Any]) -> list[str]:
        """Faces, refusals and covers that are still as the move left them become what they were.

        A face that was made without a place goes; if analysis found it in the photo since, only its name does.
        """
        revisions.lock()
        kept = 0
        record = _of_today(record)
        touched = {entry["face"] for entry in record["faces"]} | set(record["made"])
        faces = {face.pk: face for face in Face.objects.filter(pk__in=touched).select_for_update(no_key=True)}
        for entry in record["covers"]:
            before = Face.objects.filter(pk=entry["before"], person=entry["person"]).first()
            Person.objects.filter(pk=entry["person"], cover=entry["after"]).update(cover=before)
        chains.let_go(Refusal.objects.filter(pk__in=record["refusals"]))
        FacePair.objects.filter(pk__in=record.get("pairs", ())).delete()
        MarkedName.objects.filter(pk__in=record.get("told", ())).delete()
        for pk, person in zip(record["made"], record["people"], strict=True):
            made = faces.get(pk)
            if made is not None and (made.is_confirmed, made.person_id) == (True, person):
                if made.quality > 0:  # it was found in the photo since, and stays as what it is without the move
                    _set(made, _NOBODY)
                    Person.objects.filter(cover=made).update(cover=None)
                else:
                    made.delete()
            else:
                kept += made is not None
        # Guesses last: who was confirmed by the move stands against them until then.
        for entry in sorted(record["faces"], key=lambda it: (_is_guess(it["before"]), it["face"])):
            face = faces.get(entry["face"])
            if face is None or _said(face) != entry["after"]:
                kept += face is not None
            elif not _restore(face, entry["before"]):
                kept += 1
        _follow(faces.values(), is_new=bool(record["made"]))
        if not kept:
            return []
        return ["Somebody decided about " + ("a face" if kept == 1 else f"{kept} faces") + " in it since; that stays."]


class _Move:
    """One move while it is worked out. Nothing is written before `write`."""

    def __init__(self, target: int, digest: str, faces: list[Face]) -> None:
        self.target, self.digest, self.faces = target, digest, faces
        self.before = {face.pk: _said(face) for face in faces}
        self.present = {face.person_id for face in faces if face.is_confirmed}
        refusals = Refusal.objects.filter(face__in=[face.pk for face in faces])
        self.refused = set(refusals.values_list("face", "person"))
        self.apart = Apart(self.before)
        self.made: list[Face] = []
        self.refusals: list[Refusal] = []
        self.covers: list[dict[str, int]] = []
        self.told: dict[int, Face] = {}  # whom only a file may name, by the face that it named
        self.same: dict[int, Face] = {}  # which of ours each of the others is

    def take(self, faces: list[Face]) -> None:
        """Takes over what was said about the faces of one source."""
        matched = _match(faces, self.faces, self.digest)
        said = {face_id: list(rows) for face_id, rows in _refusals(faces).items()}
        for face in faces:
            ours = matched.get(face.pk)
            if ours is not None:
                self.same[face.pk] = ours
                self._refuse(ours, said.get(face.pk, []))
            if face.is_confirmed and face.person_id:
                self._name(face, ours)
            elif ours is not None and face.state in _SET_ASIDE and not _is_decided(ours):
                ours.state, ours.person_id, ours.decided_by_id = face.state, None, face.decided_by_id
            if ours is not None and ours.person_id and ours.person_id == face.person_id:
                people = Person.objects.filter(pk=face.person_id, cover=face.pk).values_list("pk", flat=True)
                self.covers += [{"person": pk, "before": face.pk, "after": ours.pk} for pk in people]

    def _name(self, face: Face, ours: Face | None) -> None:
        person = face.person_id
        if person is None or person in self.present:
            return
        if ours is None:
            made = Face(photo_id=self.target, quality=0.0, state=Face.State.ASSIGNED, is_confirmed=True)
            for name in _COPIED:
                setattr(made, name, getattr(face, name))
            self.made.append(made)
            self.same[face.pk] = made
            ours = made
        elif _is_decided(ours) or (ours.pk, person) in self.refused or self.apart.forbids(ours.pk, person):
            return
        else:
            self.apart.note(ours.pk, person)
            ours.person_id, ours.state = person, Face.State.ASSIGNED
            ours.is_confirmed, ours.decided_by_id = True, face.decided_by_id
        self.present.add(person)
        if face.decided_by_id is None:
            self.told[face.pk] = ours
        for other in self.faces:  # guesses give way
            if other is not ours and other.person_id == person and not other.is_confirmed:
                other.person_id, other.state = None, Face.State.UNKNOWN

    def _refuse(self, ours: Face, rows: Sequence[Refusal]) -> None:
        for row in rows:
            if (ours.pk, row.person_id) in self.refused or (ours.is_confirmed and ours.person_id == row.person_id):
                continue
            self.refused.add((ours.pk, row.person_id))
            self.refusals.append(Refusal(face_id=ours.pk, person_id=row.person_id, decided_by_id=row.decided_by_id))
            if ours.person_id == row.person_id:
                ours.person_id, ours.state = None, Face.State.UNKNOWN

    def write(self) -> dict[str, Any]:
        changed = [face for face in self.faces if _said(face) != self.before[face.pk]]
        for face in changed:
            _set(face, _said(face))
        Face.objects.bulk_create(self.made)
        Refusal.objects.bulk_create(self.refusals)
        for cover in self.covers:
            Person.objects.filter(pk=cover["person"], cover=cover["before"]).update(cover=cover["after"])
        told = self._tell()
        said = pairs.copy_pairs({pk: ours.pk for pk, ours in self.same.items()})
        if changed or self.made or self.refusals or said:
            ours = changed if changed or self.made or self.refusals else self.faces
            _follow([*ours, *self.made], is_new=bool(self.made))
        return {
            "faces": [{"face": face.pk, "before": self.before[face.pk], "after": _said(face)} for face in changed],
            "made": [face.pk for face in self.made],
            "people": [face.person_id for face in self.made],
            "refusals": [row.pk for row in self.refusals],
            "covers": self.covers,
            "pairs": said,
            "told": told,
        }

    def _tell(self) -> list[int]:
        """Names that files gave are still such in the new place; ids of rows that are new. Two or three queries."""
        if not self.told:
            return []
        rows = MarkedName.objects.filter(face__in=self.told, person=F("face__person")).order_by("pk")
        names = {row.name: row for row in rows}
        settled = set(MarkedName.objects.filter(photo=self.target, name__in=names).values_list("name", flat=True))
        made = MarkedName.objects.bulk_create(
            [
                MarkedName(photo_id=self.target, name=name, face=self.told[row.face_id or 0], person_id=row.person_id)
                for name, row in names.items()
            ],
            update_conflicts=True,
            unique_fields=["photo", "name"],
            update_fields=["face", "person"],
        )
        return [row.pk for row in made if row.name not in settled]


def _match(faces: Sequence[Face], ours: Sequence[Face], digest: str) -> dict[int, Face]:
    """Which of our faces each of the others is, by their ids. Only faces that have a place where they are."""
    placed = [face for face in ours if face.digest == digest and face.embedding is not None]
    found: dict[int, Face] = {}
    for model in sorted({face.model for face in placed}):
        mine = [face for face in placed if face.model == model]
        theirs = [face for face in faces if face.pk not in found]
        for index, face in same_face.match(theirs, mine, model=model, digest=digest).items():  # type: ignore[arg-type]
            found[face.pk] = mine[index]
    return found


def _refusals(faces: Sequence[Face]) -> dict[int, list[Refusal]]:
    found: dict[int, list[Refusal]] = {}
    for row in Refusal.objects.filter(face__in=[face.pk for face in faces]).order_by("pk"):
        found.setdefault(row.face_id, []).append(row)
    return found


def _is_decided(face: Face) -> bool:
    return face.is_confirmed or face.state in _SET_ASIDE


def _said(face: Face) -> dict[str, Any]:
    return {
        "person": face.person_id,
        "state": str(face.state),
        "is_confirmed": face.is_confirmed,
        "decided_by": face.decided_by_id,
    }


def _set(face: Face, said: dict[str, Any]) -> None:
    Face.objects.filter(pk=face.pk).update(
        person_id=said["person"],
        state=said["state"],
        is_confirmed=said["is_confirmed"],
        decided_by_id=said["decided_by"],
    )


def _of_today(record: dict[str, Any]) -> dict[str, Any]:
    """The record with people who were merged since as whom they were found to be."""
    went = merges()
    if not went:
        return record

    def now(person: int | None) -> int | None:
        return person and survivor_of(person, went)

    def said(then: dict[str, Any]) -> dict[str, Any]:
        return {**then, "person": now(then["person"])}

    return {
        **record,
        "faces": [
            {**entry, "before": said(entry["before"]), "after": said(entry["after"])} for entry in record["faces"]
        ],
        "people": [now(person) for person in record["people"]],
        "covers": [{**entry, "person": now(entry["person"])} for entry in record["covers"]],
    }


def _is_guess(said: dict[str, Any]) -> bool:
    return bool(said["person"]) and not said["is_confirmed"]


def _restore(face: Face, before: dict[str, Any]) -> bool:
    """Makes a face what it was, a guess only if nothing stands against it now. False if that could not be."""
    person = before["person"]
    if person and not Person.objects.filter(pk=person).exists():
        _set(face, {**before, "person": None, "state": str(Face.State.UNKNOWN), "is_confirmed": False})
        return False
    if _is_guess(before):
        others = Face.objects.filter(photo=face.photo_id, person=person).exclude(pk=face.pk)
        if others.exists() or Refusal.objects.filter(face=face, person=person).exists():
            before = {**before, "person": None, "state": str(Face.State.UNKNOWN)}
    _set(face, before)
    return True


def _follow(faces: Any, *, is_new: bool) -> None:
    rows = list(faces)
    clusters = {face.cluster_id for face in rows if face.cluster_id}
    revisions.count_sizes(Cluster.objects.filter(Q(pk__in=clusters)))
    revisions.count_up({face.model for face in rows}, wake=True, faces=is_new)
