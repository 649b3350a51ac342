"""What is done to photos, and when it is done again: analyzers, their models and versions, thumbnails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gallery import analysis, describing, library_status, pipeline, services, steps, tasks, thumbnails, work
from gallery.models import AnalyzerVersion, Condition, Library, Photo, Receipt, WorkState
from gallery.vision.catalog import ModelUnavailable
from tests.factories import write_jpeg
from tests.importing import bring_in, scan, work_off
from tests.recorder import Recorder
from tests.vision.films import film


@pytest.mark.slow
def test_every_analyzer_sees_each_photo_once(library: Library, folder: Path, recorder: Recorder) -> None:
    write_jpeg(folder, "a.jpg", width=640, height=480)
    write_jpeg(folder, "b.jpg", width=640, height=480)
    shown = bring_in(library)
    assert recorder.runs == 2
    assert sorted(recorder.saved) == sorted(photo.pk for photo in shown)
    assert recorder.settled >= 1
    services.retry_photos(Photo.objects.all())
    Photo.objects.update(work_state=WorkState.READY)
    tasks.analyze()
    assert recorder.runs == 2, "a valid receipt was not honoured"


@pytest.mark.slow
def test_a_failing_analyzer_costs_the_photo_nothing_but_that_analysis(
    library: Library, folder: Path, recorder: Recorder
) -> None:
    recorder.fails = True
    write_jpeg(folder, "a.jpg")
    (photo,) = bring_in(library)
    assert recorder.runs == work.MAX_ATTEMPTS
    assert photo.work_state == WorkState.FAILED
    assert "recorder" in photo.error
    assert Receipt.objects.get(photo=photo, analyzer="recorder").state == "failed"
    recorder.fails = False
    services.retry_photos(Photo.objects.all())
    tasks.analyze()
    photo.refresh_from_db()
    assert (photo.work_state, photo.error) == (WorkState.DONE, "")


@pytest.mark.slow
def test_analysis_starts_by_itself_when_a_model_arrives(library: Library, folder: Path, recorder: Recorder) -> None:
    recorder.current = None
    write_jpeg(folder, "a.jpg")
    assert len(bring_in(library)) == 1
    assert recorder.runs == 0
    recorder.current = "1"
    tasks.sweep()
    tasks.analyze()
    assert recorder.runs == 1
    tasks.sweep()
    assert not work.has_ready_photos()
    recorder.current = "2"
    tasks.sweep()
    tasks.analyze()
    assert recorder.runs == 2


def test_lost_thumbnails_are_made_again(library: Library, folder: Path) -> None:
    write_jpeg(folder, "a.jpg")
    (photo,) = bring_in(library)
    thumbnails.path(photo.digest or "", "small").write_bytes(b"")
    Photo.objects.update(work_state=WorkState.READY)
    tasks.analyze()
    assert thumbnails.exist(photo.digest or "")


def test_a_model_that_arrives_while_a_batch_is_in_work_misses_none_of_it(
    library: Library, folder: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder.current = None
    write_jpeg(folder, "a.jpg")
    scan(library)
    work_on = pipeline.work_on

    def arrive(*args: Any) -> Any:
        outcome = work_on(*args)
        recorder.current = "1"
        steps.queue_stale()
        return outcome

    monkeypatch.setattr(pipeline, "work_on", arrive)
    tasks.analyze()
    monkeypatch.undo()
    monkeypatch.setattr(analysis, "_analyzers", {recorder.name: recorder})
    work_off()
    assert Receipt.objects.filter(analyzer="recorder", version="1").count() == 1


@pytest.mark.slow
def test_a_photo_that_a_former_version_failed_on_is_tried_with_the_new_one(
    library: Library, folder: Path, recorder: Recorder
) -> None:
    recorder.fails = True
    write_jpeg(folder, "a.jpg")
    bring_in(library)
    recorder.fails, recorder.current = False, "2"
    tasks.sweep()
    tasks.analyze()
    assert Photo.objects.get().work_state == WorkState.DONE


@pytest.mark.slow
def test_thumbnails_that_are_made_in_another_way_are_made_again_and_nothing_else_is(
    library: Library, folder: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_jpeg(folder, "a.jpg")
    bring_in(library)
    tasks.sweep()
    assert not work.has_ready_photos()
    monkeypatch.setattr(thumbnails, "VERSION", "next")
    tasks.sweep()
    work_off()
    assert Receipt.objects.get(analyzer=thumbnails.NAME).version == "next"
    assert recorder.runs == 1
    tasks.sweep()
    assert not work.has_ready_photos()


# --- several machines, of which some lack a model


@pytest.mark.slow
def test_a_machine_without_the_model_in_use_leaves_that_analyzer_to_the_others(
    library: Library, folder: Path, recorder: Recorder
) -> None:
    write_jpeg(folder, "a.jpg")
    bring_in(library)
    tasks.sweep()
    recorder.current = None  # here, on the poorer machine
    write_jpeg(folder, "b.jpg")
    assert len(bring_in(library)) == 2
    tasks.sweep()
    assert AnalyzerVersion.objects.get(name=recorder.name).version == "1"
    assert Receipt.objects.filter(analyzer=recorder.name).count() == 1
    recorder.current = "1"  # on the other one
    tasks.sweep()
    work_off()
    assert recorder.runs == 2, "the photo that was read without it"
    tasks.sweep()
    assert not work.has_ready_photos()


@pytest.mark.slow
def test_photos_that_wait_for_that_analyzer_alone_are_left_alone(
    library: Library, folder: Path, recorder: Recorder
) -> None:
    write_jpeg(folder, "a.jpg")
    bring_in(library)
    tasks.sweep()
    recorder.current = "2"
    tasks.sweep()
    recorder.current = None
    tasks.analyze()
    assert Photo.objects.values_list("work_state", "attempts").get() == (WorkState.READY, 0)
    write_jpeg(folder, "a.jpg", width=80)  # but a file that changed must be read, by whomever
    scan(library)
    tasks.analyze()
    assert Photo.objects.get().work_state == WorkState.DONE


def test_other_steps_are_taken_also_where_one_lacks_its_model(
    library: Library, folder: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Recorder()
    other.name, other.current = "other", None
    monkeypatch.setattr(analysis, "_analyzers", {recorder.name: recorder, other.name: other})
    write_jpeg(folder, "a.jpg")
    bring_in(library)
    tasks.sweep()
    recorder.current, other.current = None, "1"
    tasks.sweep()
    tasks.analyze()
    assert other.runs == 1


def test_a_model_that_goes_away_in_the_middle_of_a_batch_fails_no_photo(
    library: Library, folder: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    AnalyzerVersion.objects.create(name=recorder.name, version="1")
    write_jpeg(folder, "a.jpg")

    def vanish(pixels: Any, *, version: str) -> None:
        recorder.current = None
        raise ModelUnavailable("gone")

    monkeypatch.setattr(recorder, "run", vanish)
    (photo,) = bring_in(library)
    assert photo.work_state == WorkState.DONE
    assert not Receipt.objects.filter(analyzer=recorder.name).exists()
    monkeypatch.undo()
    monkeypatch.setattr(analysis, "_analyzers", {recorder.name: recorder})
    recorder.current = "1"
    tasks.sweep()
    work_off()
    assert recorder.runs == 1


@pytest.mark.slow
def test_a_model_that_is_there_but_cannot_be_used_is_not_tried_for_ever(
    library: Library, folder: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_jpeg(folder, "a.jpg")
    tries = []

    def refuse(pixels: Any, *, version: str) -> None:
        tries.append(1)
        raise ModelUnavailable("damaged")

    monkeypatch.setattr(recorder, "run", refuse)
    bring_in(library)
    for _ in range(3):
        tasks.sweep()
        work_off()
    assert Photo.objects.get().work_state == WorkState.FAILED
    assert len(tries) <= 2 * work.MAX_ATTEMPTS


# --- one that fails keeps no other from its turn


class Broken(Recorder):
    name = "broken"
    title = "Broken"
    is_mended = False

    def settle(self) -> None:
        if not self.is_mended:
            raise ZeroDivisionError("as told")

    def sweep(self) -> None:
        self.settle()


def test_an_analyzer_that_cannot_settle_is_told_and_keeps_no_other_from_it(
    db: None, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = Broken()
    monkeypatch.setattr(analysis, "_analyzers", {broken.name: broken, recorder.name: recorder})
    tasks.sweep()
    assert (recorder.settled, recorder.swept) == (1, 1)
    assert "as told" in caplog.text
    assert any("Broken" in text and "ZeroDivisionError" in text for text in library_status.warnings(work_is_open=False))
    broken.is_mended = True
    tasks.sweep()
    assert not any("Broken" in text for text in library_status.warnings(work_is_open=False))


@pytest.mark.slow
def test_an_analyzer_that_cannot_say_its_version_keeps_no_other_from_its_turn(
    library: Library, folder: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Broken()

    def stumble() -> str:
        raise OSError(5, "no such luck")

    monkeypatch.setattr(broken, "version", stumble)
    monkeypatch.setattr(analysis, "_analyzers", {broken.name: broken, recorder.name: recorder})
    write_jpeg(folder, "a.jpg")
    assert len(bring_in(library)) == 1
    assert recorder.runs == 1
    recorder.current = "2"
    tasks.sweep()
    work_off()
    assert recorder.runs == 2
    assert "no such luck" in Condition.objects.get(key="version-broken").text


@pytest.mark.slow
def test_a_newer_reader_of_metadata_only_describes_anew(
    library: Library, folder: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No picture is decoded, no thumbnail made and no film searched for a poster."""
    from gallery.vision import image, video

    write_jpeg(folder, "a.jpg")
    (folder / "b.mp4").write_bytes(film())
    bring_in(library)
    tasks.sweep()
    before = dict(Receipt.objects.exclude(analyzer="metadata").values_list("pk", "at"))
    Photo.objects.update(caption="lost")
    monkeypatch.setattr(describing, "VERSION", "newer")
    for module, name in ((image, "decode"), (video, "poster")):
        monkeypatch.setattr(module, name, lambda *args, **options: pytest.fail("decoded"))
    tasks.sweep()
    work_off()
    assert set(Photo.objects.values_list("caption", "work_state")) == {("", "done")}
    assert recorder.runs == 2
    assert dict(Receipt.objects.exclude(analyzer="metadata").values_list("pk", "at")) == before
    assert set(Receipt.objects.filter(analyzer="metadata").values_list("version", flat=True)) == {"newer"}
