"""Looks at one picture whose faces somebody wants to find: `python -m faces.looking USER < picture`.

A process of its own, for the web server stays small and has no models, and so that a picture that brings a decoder to
its knees brings down nothing else. The picture comes by standard input and is in memory only: while it is there, the
process cannot write to any file. The answer is one line of JSON:

    {"faces": [{"crop": JPEG as base64, "quality": 0..1, "people": [[face, person, distance], ...],
                "near": [[face, person or 0, distance], ...]}, ...],
     "left_out": how many more faces there are, "match_distance": of the embedding model}
    {"error": "unreadable", "text": a sentence} | {"error": "not_set_up"} | {"error": "failed", "kind": a word}
"""

from __future__ import annotations

import base64
import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from faces.analyzer import FacesAnalyzer, FoundFace
    from gallery.access import Viewer

# Somebody who waits has gone by then. The one who asks ends it earlier; this is for when that one has died.
LONGEST_S = 40
# A decoder may hold 640 MB (`gallery.vision.readers`); models, faces and Python take 350 MB.
MEMORY_BYTES = 1_300_000_000
# Distance, face and person (0: nobody).
_Near: TypeAlias = tuple[float, int, int]
# The largest faces of a picture; for each the nearest people, by the nearest of their faces, and the nearest faces.
MOST_FACES = 8
MOST_PEOPLE = 6
MOST_NEAR = 18
# Up to how many match distances faces are shown. On LFW (4,368 faces of 1,432 people, mobilefacenet) another face of
# the same person is found for 97 % at 1.1 and 95 % at 1; somebody else's for 8 % and 1 %, and for 62 % at 1.25.
REACH = 1.1
CROP_PX = 160
_BLOCK = 5000


def main() -> None:
    _bound()
    try:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pictopy_site.settings")
        import django

        django.setup()
        from django.contrib.auth.models import User

        answer = look(User.objects.get(pk=sys.argv[1]), sys.stdin.buffer.read)
    except Exception as error:
        # Only what kind it was: a message may hold anything that was in the picture.
        answer = {"error": "failed", "kind": type(error).__name__}
    print(json.dumps(answer))  # noqa: T201


def look(viewer: Viewer, read: Callable[[], bytes]) -> dict[str, Any]:
    """The answer for the picture that `read` gives. Two queries for models and distances, and one that streams all
    faces that the viewer sees."""
    from faces.analyzer import FacesAnalyzer
    from gallery.vision.catalog import ModelUnavailable
    from gallery.vision.image import UnreadableImage

    analyzer = FacesAnalyzer()
    version = analyzer.version()
    if version is None:
        return {"error": "not_set_up"}
    try:
        with nothing_written():
            found = _find(read(), analyzer, version)
    except UnreadableImage as error:
        return {"error": "unreadable", "text": str(error)}
    except ModelUnavailable:
        return {"error": "not_set_up"}
    return _compare(viewer, found)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The largest faces of a picture, the embedding model that saw them, and how many more there were."""

    model: str
    faces: list[tuple[bytes, FoundFace]]
    left_out: int


def _find(picture: bytes, analyzer: FacesAnalyzer, version: str) -> _Asked:
    """The faces with a small picture of each. Without a query."""
    from django.conf import settings

    from gallery.vision import image, sessions

    sessions.set_threads(settings.PICTOPY.threads_per_worker)
    pixels = image.decode(picture).pixels
    found = analyzer.run(pixels, version=version)
    faces = sorted(found.faces, key=lambda face: -face.w * face.h)
    shown = faces[:MOST_FACES]
    return _Asked(found.model, [(_crop(pixels, face), face) for face in shown], len(faces) - len(shown))


def _compare(viewer: Viewer, asked: _Asked) -> dict[str, Any]:
    import numpy as np

    from faces.models import Clustering
    from gallery.vision import catalog

    chosen = Clustering.objects.filter(model=asked.model).values_list("match_distance", flat=True).first()
    match_distance = chosen or catalog.model(asked.model).match_distance or 0.0
    near: list[list[_Near]] = [[] for _ in asked.faces]
    if asked.faces:
        vectors = np.stack([np.frombuffer(face.embedding, np.float32) for _, face in asked.faces])
        for ids, people, embeddings in _known(viewer, asked.model, vectors.shape[1]):
            distances = 1 - vectors @ embeddings.T
            for row, column in zip(*np.nonzero(distances <= REACH * match_distance), strict=True):
                near[row].append((float(distances[row, column]), int(ids[column]), int(people[column])))
    return {
        "faces": [
            {
                "crop": base64.b64encode(crop).decode(),
                "quality": face.quality,
                "people": [[pk, person, distance] for distance, pk, person in _nearest_people(those)],
                "near": [[pk, person, distance] for distance, pk, person in those[:MOST_NEAR]],
            }
            for (crop, face), those in zip(asked.faces, map(sorted, near), strict=True)
        ],
        "left_out": asked.left_out,
        "match_distance": match_distance,
    }


def _nearest_people(near: list[_Near]) -> list[_Near]:
    people: dict[int, _Near] = {}
    for face in near:
        if face[2]:
            people.setdefault(face[2], face)
    return list(people.values())[:MOST_PEOPLE]


def _known(
    viewer: Viewer, model: str, length: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]]:
    """Ids, people (0: nobody) and embeddings of the faces that pages would show the viewer, some thousand at a time."""
    import numpy as np
    from django.db.models import F

    from faces.access import faces_visible_to
    from faces.models import Face

    rows = (
        faces_visible_to(viewer)
        .filter(
            model=model, state__in=[Face.State.UNKNOWN, Face.State.ASSIGNED], digest=F("photo__digest"), quality__gt=0
        )
        .exclude(person__hidden=True)
        .order_by()
        .values_list("pk", "person_id", "embedding")
    )
    block: list[tuple[int, int, bytes]] = []

    def made() -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        vectors = np.frombuffer(b"".join(row[2] for row in block), np.float32).reshape(len(block), length)
        return (
            np.array([row[0] for row in block], np.int64),
            np.array([row[1] for row in block], np.int64),
            # What is no embedding has length 0 and is at distance 1 from everything.
            np.nan_to_num(vectors, posinf=0.0, neginf=0.0),
        )

    for pk, person_id, embedding in rows.iterator(chunk_size=_BLOCK):
        if embedding is not None and len(embedding) == 4 * length:
            block.append((pk, person_id or 0, bytes(embedding)))
        if len(block) == _BLOCK:
            yield made()
            block.clear()
    if block:
        yield made()


def _crop(pixels: NDArray[np.uint8], face: FoundFace) -> bytes:
    import cv2
    import numpy as np

    from faces import crops
    from gallery.vision.image import encode_jpeg

    height_px, width_px = pixels.shape[:2]
    left, top, right, bottom = crops.around((face.x, face.y, face.w, face.h), width_px, height_px)
    part = pixels[top:bottom, left:right]
    small = cv2.resize(part, (CROP_PX, CROP_PX), interpolation=cv2.INTER_AREA)
    return encode_jpeg(small.astype(np.uint8, copy=False), 85)


def _bound() -> None:
    """Bounds of memory and time; and no core dump, which would be the picture on disk."""
    signal.alarm(LONGEST_S)
    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_DATA, MEMORY_BYTES),
        (resource.RLIMIT_CPU, LONGEST_S * 2),
    ):
        resource.setrlimit(kind, (most, most))


@contextmanager
def nothing_written() -> Iterator[None]:
    """No file can grow, whichever library wants it to: writing fails as on a full disk (Python ignores SIGXFSZ)."""
    most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, most[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, most)


if __name__ == "__main__":
    main()
