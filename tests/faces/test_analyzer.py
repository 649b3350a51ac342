"""The faces analyzer: what is written, and that nothing people decided is lost when a photo is looked at again."""

from __future__ import annotations

import dataclasses
import shutil
import zlib
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from faces.analyzer import FacesAnalyzer, FoundFace, FoundFaces
from faces.models import Clustering, Face, FacePair, Refusal
from faces.same_face import iou
from gallery.models import AnalyzerVersion, Photo
from gallery.vision.catalog import ModelUnavailable
from tests.conftest import MIRROR
from tests.faces.conftest import MODEL, look
from tests.factories import ClusterFactory, FaceFactory, PersonFactory, PhotoFactory, picture

DETECTOR, EMBEDDER = "face_detection_yunet_2023mar.onnx", "mobilefacenet_128d.onnx"


def found(x: float, *, who: int = 1, **changes: Any) -> FoundFace:
    values = {"x": x, "y": 0.2, "w": 0.2, "h": 0.3, "score": 0.9, "quality": 0.8, "landmarks": None}
    return FoundFace(**{**values, "embedding": look(who), **changes})


def save(photo: Photo, *faces: FoundFace, model: str = MODEL) -> None:
    FacesAnalyzer().save([(photo, FoundFaces(model, faces))])


def wanted() -> int:
    return sum(Clustering.objects.values_list("wanted", flat=True))


def test_faces_are_written_and_clustering_is_asked_for(db: None) -> None:
    photo = PhotoFactory()
    save(photo, found(0.1), found(0.6, who=2))
    assert list(photo.faces.order_by("x").values_list("x", "model", "state")) == [
        (0.1, MODEL, "unknown"),
        (0.6, MODEL, "unknown"),
    ]
    assert np.frombuffer(photo.faces.get(x=0.1).embedding, np.float32).shape == (128,)
    assert Clustering.objects.get(model=MODEL).wanted == 1


def test_a_second_look_keeps_names_groups_and_ids(db: None) -> None:
    photo = PhotoFactory()
    save(photo, found(0.1), found(0.6, who=2))
    face = photo.faces.get(x=0.1)
    Face.objects.filter(pk=face.pk).update(
        person=PersonFactory(name="Anna"), state="assigned", is_confirmed=True, cluster=ClusterFactory()
    )
    save(photo, found(0.61, who=2, score=0.7), found(0.12, quality=0.5))
    again = Face.objects.get(pk=face.pk)
    assert (again.x, again.quality) == (0.12, 0.5)
    assert again.person is not None
    assert again.person.name == "Anna"
    assert again.is_confirmed
    assert again.cluster_id is not None
    assert photo.faces.count() == 2


def test_a_face_that_is_not_found_again_goes_unless_somebody_decided_about_it(db: None) -> None:
    photo = PhotoFactory()
    anna = PersonFactory()
    guess = FaceFactory(photo=photo, x=0.0, person=anna, state="assigned")
    plain = FaceFactory(photo=photo, x=0.1)
    kept = [
        FaceFactory(photo=photo, x=0.2, person=anna, state="assigned", is_confirmed=True),
        FaceFactory(photo=photo, x=0.3, state="ignored"),
        FaceFactory(photo=photo, x=0.4, state="not_a_face"),
        FaceFactory(photo=photo, x=0.5),
        FaceFactory(photo=photo, x=0.6),
        FaceFactory(photo=photo, x=0.7),
        FaceFactory(photo=photo, x=0.8),
    ]
    FacePair.objects.create(one=kept[5], other=kept[6], is_same=False)
    Refusal.objects.create(face=kept[3], person=anna)
    anna.cover = kept[4]
    anna.save()
    save(photo)
    FacesAnalyzer().forget([photo.pk])
    assert set(photo.faces.all()) == set(kept)
    assert FacePair.objects.exists()
    assert not Face.objects.filter(pk__in=[guess.pk, plain.pk]).exists()


def test_what_is_not_a_face_stays_so(db: None) -> None:
    photo = PhotoFactory()
    face = FaceFactory(photo=photo, x=0.1, y=0.2, w=0.2, h=0.3, state="not_a_face")
    save(photo, found(0.1))
    face.refresh_from_db()
    assert face.state == "not_a_face"
    assert photo.faces.count() == 1


def test_the_same_result_again_asks_for_nothing(db: None) -> None:
    photo = PhotoFactory()
    save(photo, found(0.1))
    save(photo, found(0.1))
    assert wanted() == 1


def test_another_embedding_model_keeps_the_name_and_leaves_the_group(db: None) -> None:
    photo = PhotoFactory()
    face = FaceFactory(
        photo=photo, x=0.1, person=PersonFactory(), state="assigned", is_confirmed=True, cluster=ClusterFactory()
    )
    save(photo, found(0.1), model="sface")
    face.refresh_from_db()
    assert (face.model, face.cluster_id, face.is_confirmed) == ("sface", None, True)
    assert set(Clustering.objects.values_list("model", "wanted")) == {(MODEL, 1), ("sface", 1)}


def test_the_most_overlapping_boxes_belong_together(db: None) -> None:
    photo = PhotoFactory()
    left, right = FaceFactory(photo=photo, x=0.10, w=0.2), FaceFactory(photo=photo, x=0.16, w=0.2)
    save(photo, found(0.15, who=2), found(0.11, who=1))
    left.refresh_from_db()
    right.refresh_from_db()
    assert (left.x, right.x) == (0.11, 0.15)


def test_overlap_is_shared_area_over_covered_area() -> None:
    assert iou(found(0.0, w=0.2), found(0.1, w=0.2)) == pytest.approx(1 / 3)
    assert iou(found(0.0, w=0.2), found(0.2, w=0.2)) == 0
    assert iou(found(0.3), found(0.3)) == pytest.approx(1)


def test_a_larger_batch_makes_no_more_queries(db: None) -> None:
    def queries(count: int) -> int:
        photos = [PhotoFactory() for _ in range(count)]
        for photo in photos:
            FaceFactory(photo=photo, x=0.1)
            FaceFactory(photo=photo, x=0.7)
        results = [(photo, FoundFaces(MODEL, (found(0.11), found(0.4, who=2)))) for photo in photos]
        with CaptureQueriesContext(connection) as captured:
            FacesAnalyzer().save(results)
        return len(captured)

    queries(1)
    assert queries(2) == queries(8)


# ---- Models


@pytest.fixture
def _weights(settings: Settings) -> None:
    for name in (DETECTOR, EMBEDDER):
        shutil.copy(MIRROR / name, settings.PICTOPY.models_dir / name)


def test_without_models_it_waits_and_says_for_what(db: None) -> None:
    analyzer = FacesAnalyzer()
    assert analyzer.version() is None
    assert "face detection and recognition" in analyzer.waiting_for()
    with pytest.raises(ModelUnavailable):
        analyzer.run(np.zeros((8, 8, 3), np.uint8), version="yunet@8f2383e4 mobilefacenet@e8e15de7 2")


@pytest.mark.weights
def test_with_one_of_two_models_it_still_waits(db: None, settings: Settings) -> None:
    shutil.copy(MIRROR / DETECTOR, settings.PICTOPY.models_dir / DETECTOR)
    assert FacesAnalyzer().version() is None
    assert "face recognition" in FacesAnalyzer().waiting_for()


@pytest.mark.weights
@pytest.mark.usefixtures("_weights")
def test_the_version_names_both_models(db: None) -> None:
    analyzer = FacesAnalyzer()
    assert analyzer.version() == "yunet@8f2383e4 mobilefacenet@e8e15de7 2"
    assert analyzer.waiting_for() == ""


@pytest.mark.weights
@pytest.mark.usefixtures("_weights")
def test_a_setting_names_the_model_and_nothing_else_will_do(db: None, settings: Settings) -> None:
    settings.PICTOPY = dataclasses.replace(settings.PICTOPY, face_embedder="sface")
    assert FacesAnalyzer().version() is None


def test_the_model_in_use_stays_when_a_better_one_arrives(
    db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gallery.vision import catalog

    monkeypatch.setattr(catalog, "available", lambda folder, role: catalog.models_for(role))
    assert (FacesAnalyzer().version() or "").split()[1].startswith("sface@")
    AnalyzerVersion.objects.create(name="faces", version="yunet@8f2383e4 mobilefacenet@e8e15de7 2")
    assert (FacesAnalyzer().version() or "").split()[1].startswith("mobilefacenet@")


@pytest.mark.weights
@pytest.mark.usefixtures("_weights")
def test_a_picture_without_faces_has_none(db: None) -> None:
    analyzer = FacesAnalyzer()
    result = analyzer.run(np.asarray(picture(320, 240, seed=3)), version=analyzer.version() or "")
    assert result == FoundFaces(MODEL, ())


def test_every_embedding_is_written_with_its_crc(db: None) -> None:
    photo = PhotoFactory()
    save(photo, found(0.1))
    face = photo.faces.get()
    assert face.embedding_crc == zlib.crc32(bytes(face.embedding or b"")) != 0
    save(photo, found(0.1, who=2))
    face.refresh_from_db()
    assert face.embedding_crc == zlib.crc32(bytes(face.embedding or b""))


def test_embeddings_from_before_get_their_crc(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    filling = import_module("faces.migrations.0008_fill_embedding_crc")
    monkeypatch.setattr(filling, "PORTION", 2)
    faces = [*FaceFactory.create_batch(5, embedding_crc=0), FaceFactory(embedding=None)]
    filling.fill(apps, SimpleNamespace(connection=connection))
    for face in faces:
        face.refresh_from_db()
        assert face.embedding_crc == zlib.crc32(bytes(face.embedding or b""))
