"""The `faces` analyzer: finds the faces of a photo, embeds them, and keeps what people said about them on every re-run.

Importing this module is cheap; OpenCV and onnxruntime come in when a worker first looks at a photo.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q

from faces import drawing, revisions, same_face
from faces.models import Face, FacePair, Person, Refusal
from faces.shadow import previews
from gallery.analysis import choose_model, in_use
from gallery.models import Photo
from gallery.vision import catalog
from gallery.vision.catalog import ModelSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Counted up when the meaning of results changes.
_CODE = "2"
_FOUND = ("x", "y", "w", "h", "score", "landmarks", "quality", "embedding")
_WRITTEN = (*_FOUND, "embedding_crc", "model", "digest", "cluster", "person", "state")


@dataclass(frozen=True, slots=True)
class FoundFace:
    """One face. Box relative (0..1) to the upright picture; `landmarks` float32 (5, 2), `embedding` float32 (d,)."""

    x: float
    y: float
    w: float
    h: float
    score: float
    quality: float
    landmarks: bytes | None
    embedding: bytes


@dataclass(frozen=True, slots=True)
class FoundFaces:
    """The faces of one photo and the key of the model that embedded them."""

    model: str
    faces: tuple[FoundFace, ...]


class FacesAnalyzer:
    """Detects with one model of the catalogue and embeds with another."""

    name = "faces"
    title = "People"

    def models(self) -> tuple[ModelSpec | None, ModelSpec | None]:
        """Detector and embedder: those the settings name, else those in use, else the best that are there.

        One query. A better embedder that arrives later changes nothing by itself: people are compared within one model,
        so a change means that every photo is looked at again, which is for a person to decide.
        """
        detector, embedder = keys_of(in_use(self.name))
        return (
            choose_model("face_detection", settings.PICTOPY.face_detector, detector),
            choose_model("face_embedding", settings.PICTOPY.face_embedder, embedder),
        )

    def version(self) -> str | None:
        detector, embedder = self.models()
        return None if detector is None or embedder is None else version_of(detector, embedder)

    def waiting_for(self) -> str:
        detector, embedder = self.models()
        missing = [name for name, model in (("detection", detector), ("recognition", embedder)) if model is None]
        if not missing:
            return ""
        if len(missing) == 1:
            return f"People are found when a face {missing[0]} model is there."
        return "People are found when models for face detection and recognition are there."

    def run(self, pixels: NDArray[np.uint8], *, version: str) -> FoundFaces:
        """Faces best first, with embeddings and qualities. Raises ModelUnavailable."""
        import numpy as np

        from faces import vision

        detector, embedder = (catalog.model(key) for key in keys_of(version))
        folder = settings.PICTOPY.models_dir
        found = vision.load_face_detector(detector, folder).detect(pixels)
        network = vision.load_face_embedder(embedder, folder)
        crops = network.crops(pixels, found)
        height_px, width_px = pixels.shape[:2]
        return FoundFaces(
            model=embedder.key,
            faces=tuple(
                FoundFace(
                    x=face.x,
                    y=face.y,
                    w=face.w,
                    h=face.h,
                    score=face.score,
                    quality=vision.face_quality(face, crop, width_px, height_px),
                    landmarks=None if face.landmarks is None else face.landmarks.astype(np.float32).tobytes(),
                    embedding=embedding.astype(np.float32).tobytes(),
                )
                for face, crop, embedding in zip(found, crops, network.embed_crops(crops), strict=True)
            ),
        )

    def save(self, results: Sequence[tuple[Photo, Any]]) -> None:
        """Matches what was found with the faces that are there, so that ids, names and refusals live on.

        A face that is not found again stays if somebody decided something about it, and goes otherwise. If the photo
        was edited, one that stays has no place in it any more: it keeps the digest of the content in which it was
        found, so that nothing is drawn where it used to be. A constant number of queries for any batch. Locks all of
        clustering, then the faces by id.
        """
        revisions.lock()
        before: dict[int, list[Face]] = {}
        rows = Face.objects.filter(photo__in=[photo.pk for photo, _ in results])
        for face in rows.select_for_update(no_key=True).order_by("id"):
            before.setdefault(face.photo_id, []).append(face)
        decided = set(rows.filter(_decided()).values_list("pk", flat=True))
        changed, new, gone = [], [], []
        touched = {face.model for faces in before.values() for face in faces}
        for photo, found in results:
            faces, digest = before.get(photo.pk, []), photo.digest or ""
            pairs = same_face.match(faces, found.faces, model=found.model, digest=digest)
            for index, detected in enumerate(found.faces):
                if index not in pairs:
                    new.append(_update(Face(photo=photo), detected, found.model, digest))
                elif not _is_same(pairs[index], detected, found.model, digest):
                    changed.append(_update(pairs[index], detected, found.model, digest))
            matched = {face.pk for face in pairs.values()}
            gone += [face.pk for face in faces if face.pk not in matched | decided]
            kept = [face for face in faces if face.pk in decided - matched]
            changed += [_lose(face) for face in kept if face.digest != digest and face.quality > 0]
            touched.add(found.model)
        if not (changed or new or gone):
            return
        Face.objects.filter(pk__in=gone).delete()
        Face.objects.bulk_update(changed, _WRITTEN)
        Face.objects.bulk_create(new)
        # No wake-up for every batch: `settle` comes when no photo is waiting any more.
        revisions.count_up(touched, wake=False, faces=True)

    def forget(self, photo_ids: Sequence[int]) -> None:
        """Locks as `save` does."""
        revisions.lock()
        rows = Face.objects.filter(photo__in=photo_ids)
        decided = rows.filter(_decided()).values_list("pk", flat=True)
        gone = dict(rows.exclude(pk__in=list(decided)).order_by("id").values_list("pk", "model"))
        if gone:
            Face.objects.filter(pk__in=gone).delete()
            revisions.count_up(set(gone.values()), wake=False, faces=True)

    def settle(self) -> None:
        revisions.wake_stale()
        previews.sweep()
        embedder = self.models()[1]
        if embedder is not None:
            drawing.wake_pending(embedder.key)

    def sweep(self) -> None:
        """One query. Also while photos are ready: a switch takes seconds, and nothing else can be done about it."""
        previews.wake_switches()


def version_of(detector: ModelSpec, embedder: ModelSpec) -> str:
    """The version of results that these two models give."""
    return f"{detector.key}@{detector.sha256[:8]} {embedder.key}@{embedder.sha256[:8]} {_CODE}"


def keys_of(version: str) -> tuple[str, str]:
    """Keys of detector and embedder in a version; empty where it is none of ours."""
    parts = [part.partition("@")[0] for part in version.split()]
    return (parts[0], parts[1]) if len(parts) == 3 else ("", "")


def _decided() -> Q:
    """Whether somebody decided something about a face: named it, set it aside, refused a person, said that it and
    another are one person or two, made it a cover, or drew it."""
    return (
        Q(is_confirmed=True)
        | Q(is_drawn=True)
        | Q(state__in=[Face.State.IGNORED, Face.State.NOT_A_FACE])
        | Q(Exists(Refusal.objects.filter(face=OuterRef("pk"))))
        | Q(Exists(FacePair.objects.filter(one=OuterRef("pk"))))
        | Q(Exists(FacePair.objects.filter(other=OuterRef("pk"))))
        | Q(Exists(Person.objects.filter(cover=OuterRef("pk"))))
    )


def _is_same(face: Face, found: FoundFace, model: str, digest: str) -> bool:
    """Whether an earlier face says exactly what was found now."""
    box = (face.x, face.y, face.w, face.h) == (found.x, found.y, found.w, found.h)
    known = (face.model, face.digest, face.quality > 0) == (model, digest, found.quality > 0)
    return box and known and bytes(face.embedding or b"") == found.embedding


def _update(face: Face, found: FoundFace, model: str, digest: str) -> Face:
    if face.model != model:
        face.cluster = None  # groups are made within one model
    for name in _FOUND:
        setattr(face, name, getattr(found, name))
    face.model, face.digest = model, digest
    face.embedding_crc = zlib.crc32(found.embedding)
    return face


def _lose(face: Face) -> Face:
    """A face that an edit took out of its photo, or that is not recognised there any more.

    Who was said to be in the photo stays in it. A guess does not. The quality says that there is nothing to be seen:
    the face starts no group and joins none, and is the last that a page would show.
    """
    face.quality, face.cluster = 0.0, None
    if not face.is_confirmed and face.state == Face.State.ASSIGNED:
        face.person, face.state = None, Face.State.UNKNOWN
    return face
