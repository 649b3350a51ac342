"""Looking at faces that are known already with a model: for another model in the shadow, and for faces that were drawn.

Each photo is decoded once, as its analysis decodes it, so that the same landmarks give the embedding that an analysis
would give. Where the original is away or unreadable, the largest thumbnail does; where there is none, its faces are
passed over with the reason.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from django.conf import settings
from django.db.models import QuerySet
from numpy.typing import NDArray

from faces import vision
from faces.models import Face, SpareEmbedding
from faces.shadow import spares
from faces.shadow.close_look import look_closely
from faces.vision import DetectedFace, FaceDetector, FaceEmbedder
from gallery import contents, thumbnails
from gallery.models import File, Photo
from gallery.vision import image
from gallery.vision.catalog import ModelSpec
from gallery.vision.formats import UnreadableImage

logger = logging.getLogger(__name__)

NO_FACE = "PictoPy sees no face there."
NO_PICTURE = "Neither the file nor its small picture can be read."
NOTHING = "The model made nothing of this face that could be compared."


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """A face as the model sees it: `embedding` float32 (d,) of length 1, or why there is none. `seen`: what it was made
    of, with the landmarks that were found in a box that somebody drew, and how good that is."""

    embedding: NDArray[np.float32] | None = None
    reason: str = ""
    seen: DetectedFace | None = None
    quality: float = 0.0

    @property
    def data(self) -> bytes | None:
        return None if self.embedding is None else self.embedding.astype(np.float32).tobytes()


class Embedder:
    """One model at work. Raises ModelUnavailable when it is made without its weights."""

    def __init__(self, spec: ModelSpec, detector: ModelSpec | None) -> None:
        folder = settings.PICTOPY.models_dir
        self.key = spec.key
        self._network: FaceEmbedder = vision.load_face_embedder(spec, folder)
        self._detector_spec, self._detector = detector, None if detector is None else _load(detector)
        self._length: int | None = None

    def look_at(self, photo: Photo, files: Sequence[File], faces: Sequence[Face]) -> dict[int, Embedded]:
        """What the model makes of the faces of one photo, by their ids. Touches no row."""
        pixels = _pixels(photo, files)
        if pixels is None:
            return {face.pk: Embedded(reason=NO_PICTURE) for face in faces}
        found: dict[int, Embedded] = {}
        detected: dict[int, DetectedFace] = {}
        for face in faces:
            there = _detected(face)
            if face.is_drawn and there.landmarks is None and self._detector is not None:
                closer = look_closely(self._detector, pixels, there)
                if closer is None:
                    found[face.pk] = Embedded(reason=NO_FACE)
                    continue
                there = closer
            detected[face.pk] = there
        crops = self._network.crops(pixels, list(detected.values()))
        vectors = self._network.embed_crops(crops)
        height_px, width_px = pixels.shape[:2]
        for (pk, there), crop, vector in zip(detected.items(), crops, vectors, strict=True):
            if not self._is_embedding(vector):
                found[pk] = Embedded(reason=NOTHING)
                continue
            found[pk] = Embedded(vector, seen=there, quality=vision.face_quality(there, crop, width_px, height_px))
        return found

    def _is_embedding(self, vector: NDArray[np.float32]) -> bool:
        """Of length 1, and as long as the others of this model: what is longer or shorter is of another."""
        if self._length is None:
            rows = SpareEmbedding.objects.filter(model=self.key, embedding__isnull=False)
            data = rows.values_list("embedding", flat=True).first()
            self._length = len(bytes(data)) // 4 if data else len(vector)
        return len(vector) == self._length and bool(abs(float(np.linalg.norm(vector)) - 1.0) < 1e-3)


def _load(spec: ModelSpec) -> FaceDetector:
    return vision.load_face_detector(spec, settings.PICTOPY.models_dir)


def look_through(
    embedder: Embedder,
    among: QuerySet[Face],
    write: Callable[[dict[int, Embedded]], None],
    is_time_up: Callable[[], bool],
) -> bool:
    """Has the model look at all of `among` that it has not seen, a few photos at a time; `write` gets what came out.

    False when there is more to do. A photo that cannot be read stops nothing.
    """
    after = 0
    while not is_time_up():
        faces = spares.claim(embedder.key, among, after=after)
        if not faces:
            if not after:
                return True
            after = 0  # those that came meanwhile, and those that were begun before
            continue
        found: dict[int, Embedded] = {}
        for photo, files, theirs in _by_photo(faces):
            try:
                found |= embedder.look_at(photo, files, theirs)
            except (MemoryError, ValueError, ArithmeticError, OSError) as error:
                logger.exception("the faces of photo %d could not be looked at", photo.pk)
                reason = f"Something went wrong with this photo: {type(error).__name__}."
                found |= {face.pk: Embedded(reason=reason) for face in theirs}
        # A face whose photo went away between two queries is given up as one that cannot be read.
        write({face.pk: found.get(face.pk, Embedded(reason=NO_PICTURE)) for face in faces})
        after = max(face.photo_id for face in faces) if all(face.photo_id > after for face in faces) else after
    return False


def write_spares(model: str, found: dict[int, Embedded]) -> None:
    """Writes what came out into the rows by which the faces were claimed; of faces that are gone there is none."""
    rows = list(SpareEmbedding.objects.filter(model=model, face__in=found).defer("embedding").order_by("pk"))
    for row in rows:
        it = found[row.face_id]
        row.embedding, row.reason = it.data, it.reason
        row.crc = zlib.crc32(it.data) if it.data else 0
    SpareEmbedding.objects.bulk_update(rows, ["embedding", "reason", "crc"])


def _by_photo(faces: Sequence[Face]) -> Iterator[tuple[Photo, list[File], list[Face]]]:
    ids = {face.photo_id for face in faces}
    photos = {photo.pk: photo for photo in Photo.objects.filter(pk__in=ids).select_related("library")}
    files: dict[int, list[File]] = {}
    for file in File.objects.filter(photo__in=ids, missing_since=None, is_read=True).order_by("id"):
        files.setdefault(file.photo_id, []).append(file)
    for photo_id, theirs in groupby(sorted(faces, key=lambda it: (it.photo_id, it.pk)), lambda it: it.photo_id):
        if photo := photos.get(photo_id):
            yield photo, files.get(photo_id, []), list(theirs)


def _detected(face: Face) -> DetectedFace:
    landmarks = None
    data = bytes(face.landmarks or b"")
    if len(data) == 40:
        landmarks = np.frombuffer(data, np.float32).reshape(5, 2)
    return DetectedFace(face.x, face.y, face.w, face.h, face.score, landmarks)


def _pixels(photo: Photo, files: Sequence[File]) -> NDArray[np.uint8] | None:
    """Upright pixels of what the photo shows: of the original, else of the largest thumbnail, else None."""
    digest = photo.digest or ""
    edge_px = thumbnails.SIZES["large"]
    for file in files:
        try:
            content = contents.read(
                photo.library,
                file,
                wants_film=lambda it: it == digest,
                wants_poster=lambda it: it == digest,
                poster_px=edge_px,
            )
            if content.digest == digest:
                return (content.poster or image.decode(content.data, min_edge_px=edge_px)).pixels
        except (contents.LibraryAway, contents.NotRead, UnreadableImage) as error:
            logger.info("photo %d: %s", photo.pk, type(error).__name__)
    for size in ("large", "medium"):
        try:
            return image.decode(thumbnails.path(digest, size).read_bytes(), min_edge_px=edge_px).pixels
        except (OSError, UnreadableImage):
            continue
    return None
