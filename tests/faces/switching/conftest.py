"""A household whose photos were analysed by one model, and another model that is at hand.

The other model is the same network fed with other numbers: it runs for real, and sees other distances.
"""

from __future__ import annotations

import dataclasses
import shutil
import zlib
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django.fixtures import Settings

from faces.analyzer import version_of
from faces.models import Face, Preview, Refusal
from faces.shadow import computing, distances, previews
from gallery import describing, thumbnails
from gallery.models import AnalyzerVersion, Library, Photo, Receipt
from gallery.vision import catalog
from tests.conftest import MIRROR
from tests.faces.conftest import MODEL
from tests.factories import FaceFactory, PersonFactory, PhotoFactory, write_jpeg
from tests.importing import sha256

OTHER = "otherface"
WAS = version_of(catalog.model("yunet"), catalog.model(MODEL))
NOW = WAS.replace(MODEL, OTHER)


@pytest.fixture(autouse=True)
def _models(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("face_detection_yunet_2023mar.onnx", "mobilefacenet_128d.onnx"):
        shutil.copy(MIRROR / name, settings.PICTOPY.models_dir / name)
    known = catalog.catalog()
    other = dataclasses.replace(known.models[MODEL], key=OTHER, family="sface", match_distance=0.6)
    both = dataclasses.replace(known, models={**known.models, OTHER: other})
    monkeypatch.setattr(catalog, "catalog", lambda: both)


@pytest.fixture
def photos(library: Library, folder: Path) -> list[Photo]:
    """Three photos that were read, and analysed by the model in use."""
    AnalyzerVersion.objects.create(name="faces", version=WAS)
    made = []
    for number in range(3):
        file = write_jpeg(folder, f"{number}.jpg", seed=number, width=320, height=240)
        photo = PhotoFactory(library=library, digest=sha256(file), file=file.name, width=320, height=240)
        photo.files.update(is_read=True)
        Receipt.objects.create(photo=photo, analyzer="faces", version=WAS, at=timezone.now())
        for analyzer, version in ((thumbnails.NAME, thumbnails.VERSION), (describing.NAME, describing.VERSION)):
            Receipt.objects.create(photo=photo, analyzer=analyzer, version=version, at=timezone.now())
        made.append(photo)
    return made


def in_photo(photo: Photo, x: float = 0.1, **fields: Any) -> Face:
    face: Face = FaceFactory(photo=photo, x=x, **fields)
    Face.objects.filter(pk=face.pk).update(embedding_crc=zlib.crc32(bytes(face.embedding or b"")))
    face.refresh_from_db()
    return face


@pytest.fixture
def faces(photos: list[Photo]) -> list[Face]:
    anna = PersonFactory(name="Anna")
    named = in_photo(photos[0], person=anna, state="assigned", is_confirmed=True)
    refused = in_photo(photos[1])
    Refusal.objects.create(face=refused, person=anna)
    return [named, refused, in_photo(photos[1], 0.6), in_photo(photos[2], state="ignored")]


def tried(by: User) -> Preview:
    preview = previews.ask(OTHER, distances.by_itself(None, catalog.model(OTHER)), by)
    computing.run(preview.pk)
    preview.refresh_from_db()
    return preview


def embeddings() -> dict[int, tuple[str, bytes]]:
    return {pk: (model, bytes(data or b"")) for pk, model, data in Face.objects.values_list("pk", "model", "embedding")}
