"""Another embedding model looks at all faces in the background and comes into use when a person says so."""

from __future__ import annotations

import dataclasses
import datetime as dt
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from faces import grouping, tasks, undo
from faces.analyzer import FacesAnalyzer
from faces.models import Cluster, Clustering, Event, Face, Person, Preview, Refusal, SpareEmbedding
from faces.shadow import computing, distances, embedding, models, previews, rules, spares
from gallery import steps, thumbnails
from gallery.models import AnalyzerVersion, Photo, Receipt, WorkState
from gallery.vision import catalog
from tests.faces.conftest import MODEL
from tests.faces.switching.conftest import NOW, OTHER, WAS, embeddings, in_photo, tried
from tests.factories import PersonFactory

pytestmark = pytest.mark.weights


def receipts() -> set[tuple[int, str]]:
    return set(Receipt.objects.filter(analyzer="faces").values_list("photo", "version"))


def queued() -> int:
    """How many photos the next sweep has analysed again."""
    steps.queue_stale()
    return Photo.objects.filter(work_state=WorkState.READY).count()


def decisions() -> list[Any]:
    return [
        list(Face.objects.order_by("pk").values_list("pk", "x", "is_confirmed")),
        list(Face.objects.filter(is_confirmed=True).values_list("pk", "person")),
        list(Refusal.objects.values_list("face", "person")),
        list(Person.objects.values_list("pk", "name")),
    ]


@pytest.mark.slow
def test_a_model_comes_into_use_and_goes_again_with_all_that_was_decided(
    faces: list[Face], photos: list[Photo], admin: User
) -> None:
    before, decided = embeddings(), decisions()
    assert models.present() == MODEL
    assert [spec.key for spec in models.others()] == [OTHER]
    preview = tried(admin)
    assert (preview.state, preview.error) == ("ready", "")
    assert embeddings() == before, "nothing changed yet"
    assert spares.progress(OTHER) == spares.Progress(4, 4, {})

    event = rules.use(preview, admin)
    after = embeddings()
    assert {model for model, _ in after.values()} == {OTHER}
    assert all(after[pk][1] != before[pk][1] for pk in before)
    assert all(zlib.crc32(bytes(face.embedding or b"")) == face.embedding_crc for face in Face.objects.all())
    assert decisions() == decided
    assert FacesAnalyzer().version() == NOW
    assert receipts() == {(photo.pk, NOW) for photo in photos}
    assert queued() == 0, "nothing is analysed again"
    grouping.run(Clustering.objects.get(model=OTHER).pk)
    assert Clustering.objects.get(model=OTHER).face_count == 3

    assert undo.undo_event(event, admin) == []
    assert embeddings() == before
    assert decisions() == decided
    assert receipts() == {(photo.pk, WAS) for photo in photos}
    assert queued() == 0
    assert models.present() == MODEL
    again = tried(admin)
    assert spares.pending(OTHER, spares.wanted_by(OTHER)).count() == 0, "what it saw before is still known"
    rules.use(again, admin)
    assert embeddings() == after


def test_suggestions_keep_their_addresses(faces: list[Face], admin: User) -> None:
    group = Cluster.objects.create(model=MODEL)
    Face.objects.filter(pk__in=[faces[1].pk, faces[2].pk]).update(cluster=group)
    preview = previews.ask(OTHER, distances.by_itself(None, catalog.model(OTHER)), admin)
    embedder = embedding.Embedder(catalog.model(OTHER), None)
    embedding.look_through(
        embedder, spares.wanted_by(OTHER), lambda found: embedding.write_spares(OTHER, found), lambda: False
    )
    Preview.objects.filter(pk=preview.pk).update(state="ready")
    rules.use(preview, admin)
    assert Face.objects.filter(cluster=group, cluster__model=OTHER).count() == 2


@pytest.mark.slow
def test_a_photo_that_cannot_be_read_is_passed_over_and_analysed_when_it_can_be(
    faces: list[Face], photos: list[Photo], folder: Path, admin: User
) -> None:
    (folder / "1.jpg").write_bytes(b"no picture any more")
    gone = photos[1]
    preview = tried(admin)
    assert preview.state == "ready"
    assert spares.progress(OTHER).passed_over == {embedding.NO_PICTURE: 2}
    rules.use(preview, admin)
    assert {model for model, _ in embeddings().values()} == {MODEL, OTHER}
    assert AnalyzerVersion.objects.get(name="faces").is_behind
    assert queued() == 1
    gone.refresh_from_db()
    assert gone.work_state == WorkState.READY


@pytest.mark.slow
def test_where_the_original_is_away_the_small_picture_does(
    faces: list[Face], photos: list[Photo], folder: Path, admin: User
) -> None:
    for photo in photos:
        file = folder / photo.files.get().path
        thumbnails.write_file(thumbnails.path(photo.digest or "", "large"), file.read_bytes())
        file.unlink()
    assert tried(admin).state == "ready"
    assert spares.progress(OTHER).passed_over == {}


def test_it_goes_on_where_it_was_stopped(faces: list[Face], admin: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spares, "BATCH", 1)
    preview = previews.ask(OTHER, distances.by_itself(None, catalog.model(OTHER)), admin)
    computing.run(preview.pk, turn_s=0)
    preview.refresh_from_db()
    assert (preview.state, preview.attempts, preview.total) == ("waiting", 0, 4)
    looked: list[int] = []
    look_at = embedding.Embedder.look_at

    def killed(self: Any, photo: Photo, files: Any, theirs: Any) -> Any:
        looked.append(photo.pk)
        if len(looked) == 2:
            raise KeyboardInterrupt  # as sudden as the end of a process
        return look_at(self, photo, files, theirs)

    monkeypatch.setattr(embedding.Embedder, "look_at", killed)
    with pytest.raises(KeyboardInterrupt):
        computing.run(preview.pk)
    assert spares.progress(OTHER).done == 1
    Preview.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    previews.sweep()
    computing.run(preview.pk)
    preview.refresh_from_db()
    assert preview.state == "ready"
    assert looked == [*sorted({*looked}), looked[1]], "what was seen is not looked at again, what killed it comes last"


def test_a_photo_that_kills_its_worker_three_times_is_passed_over(faces: list[Face]) -> None:
    wanted = spares.wanted_by(OTHER).filter(photo=faces[1].photo)
    for _ in range(3):
        assert len(spares.claim(OTHER, wanted)) == 2
    assert spares.claim(OTHER, wanted) == []
    assert spares.progress(OTHER).passed_over == {spares.KILLED: 2}


def test_right_after_an_update_it_is_not_switched(faces: list[Face], admin: User) -> None:
    preview = tried(admin)
    AnalyzerVersion.objects.update(version="yunet@8f2383e4 mobilefacenet@e8e15de7 0")
    with pytest.raises(rules.NotApplicable, match="in a minute"):
        rules.use(preview, admin)


def test_what_another_process_is_at_is_left_alone(faces: list[Face], monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(spares.claim(OTHER, spares.wanted_by(OTHER))) == 4
    SpareEmbedding.objects.update(lease_owner="elsewhere@1:1:1")
    assert spares.claim(OTHER, spares.wanted_by(OTHER)) == []
    SpareEmbedding.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    assert len(spares.claim(OTHER, spares.wanted_by(OTHER))) == 1


@pytest.mark.slow
def test_embeddings_that_are_none_or_of_another_length_are_passed_over(
    faces: list[Face], admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from faces import vision

    monkeypatch.setattr(vision.AlignedEmbedder, "embed_crops", lambda self, crops: np.zeros((len(crops), 128), "f4"))
    preview = tried(admin)
    assert spares.progress(OTHER).passed_over == {embedding.NOTHING: 4}
    with pytest.raises(rules.NotApplicable, match="has not looked at any face"):
        rules.use(preview, admin)
    SpareEmbedding.objects.filter(face=faces[0]).update(embedding=np.ones(64, "f4").tobytes(), reason="")
    SpareEmbedding.objects.filter(face=faces[1]).update(embedding=np.ones(32, "f4").tobytes(), reason="")
    assert "several lengths" in tried(admin).error


@pytest.mark.slow
def test_a_model_whose_file_is_gone_is_told_and_not_used(faces: list[Face], admin: User, settings: Settings) -> None:
    preview = tried(admin)
    settings.PICTOPY = dataclasses.replace(settings.PICTOPY, face_embedder=MODEL)
    with pytest.raises(rules.NotApplicable, match="PICTOPY_FACE_EMBEDDER"):
        rules.use(preview, admin)
    settings.PICTOPY = dataclasses.replace(settings.PICTOPY, face_embedder="")
    (settings.PICTOPY.models_dir / "mobilefacenet_128d.onnx").unlink()
    with pytest.raises(rules.NotApplicable, match="make models"):
        rules.use(preview, admin)
    Face.objects.update(embedding_crc=1)
    failed = tried(admin)
    assert failed.state == "failed"
    assert "make models" in failed.error


@pytest.mark.slow
def test_a_face_that_was_found_anew_meanwhile_is_looked_at_again(faces: list[Face], admin: User) -> None:
    tried(admin)
    Face.objects.filter(pk=faces[2].pk).update(embedding_crc=5)
    assert list(spares.pending(OTHER, spares.wanted_by(OTHER))) == [faces[2]]


@pytest.mark.slow
def test_spares_that_nobody_can_bring_back_are_deleted(
    faces: list[Face], admin: User, regroup: Callable[[], Clustering]
) -> None:
    preview = tried(admin)
    previews.discard(preview)
    assert spares.tidy() == 0
    Preview.objects.update(asked_at=timezone.now() - dt.timedelta(days=40))
    assert spares.tidy() == 4


@pytest.mark.slow
def test_an_administrator_tries_another_model_sees_how_far_it_is_and_switches(
    faces: list[Face], admin_client: Client
) -> None:
    page = admin_client.get(reverse("faces:recognition")).content.decode()
    assert "Try otherface" in page
    tried_at = admin_client.post(reverse("faces:recognition_try"), {"model": OTHER}).headers["Location"]
    assert "otherface is looking at all faces: 0 %" in admin_client.get(tried_at).content.decode()
    preview = Preview.objects.get()
    computing.run(preview.pk)
    assert "Switch to otherface" in admin_client.get(tried_at).content.decode()
    use = reverse("faces:preview_use", args=[preview.pk])
    assert "as soon as a worker is free" in admin_client.post(use, follow=True).content.decode()
    assert models.present() == MODEL, "the page waits for nothing"
    part = {"headers": {"HX-Request": "true"}}
    assert admin_client.get(f"{tried_at}?seen=switching-False", **part).status_code == 200
    tasks.switch(preview.pk)
    assert "HX-Refresh" in admin_client.get(f"{tried_at}?seen=switching-False", **part).headers
    assert models.present() == OTHER
    done = admin_client.get(tried_at).content.decode()
    undo_it = reverse("faces:event_undo", args=[Event.objects.get().pk])
    assert "recognised with otherface now" in done
    assert undo_it in done
    back = admin_client.post(undo_it, follow=True)
    assert f"Switching back to {MODEL} as soon as a worker is free" in back.content.decode()
    assert models.present() == OTHER
    again = admin_client.post(undo_it)
    assert again.headers["Location"] == back.redirect_chain[-1][0], "once more of the same leads to the same"
    tasks.switch(Preview.objects.get(is_way_back=True).pk)
    assert models.present() == MODEL
    assert f"recognised with {MODEL} again" in admin_client.get(again.headers["Location"]).content.decode()
    assert undo_it not in admin_client.get(tried_at).content.decode()
    assert "taken back already" in admin_client.post(undo_it, follow=True).content.decode()


def test_it_is_stopped_and_goes_on_where_it_was(faces: list[Face], admin: User, admin_client: Client) -> None:
    preview = tried(admin)
    admin_client.post(reverse("faces:preview_discard", args=[preview.pk]))
    assert SpareEmbedding.objects.count() == 4
    again = admin_client.post(reverse("faces:recognition_try"), {"model": OTHER}).headers["Location"]
    assert "Waiting for a worker" in admin_client.get(again).content.decode(), "nothing is left to look at"


@pytest.mark.slow
@pytest.mark.parametrize("away", [0, 2], ids=["the confirmed face", "the guess"])
def test_a_picture_that_is_away_takes_no_face_from_its_person(
    photos: list[Photo], folder: Path, owner: User, away: int
) -> None:
    anna = PersonFactory(name="Anna")
    named = in_photo(photos[0], person=anna, state="assigned", is_confirmed=True, decided_by=owner)
    guess = in_photo(photos[2], embedding=named.embedding)
    (folder / f"{away}.jpg").unlink()
    preview = tried(owner)
    guess.refresh_from_db()
    assert (preview.state, guess.person) == ("ready", anna)
    assert preview.result["people"] == {}
