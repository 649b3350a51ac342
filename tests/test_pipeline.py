"""Bad files, full disks and failing analyzers: each gives a reason where a person looks, and stops nothing else."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from gallery import analysis, pipeline, services, tasks, thumbnails, work
from gallery.models import Condition, Library, Photo, Receipt, WorkState
from tests.factories import jpeg_bytes, picture, write_jpeg
from tests.importing import bring_in, scan


class Recorder:
    """An analyzer for the tests: remembers what it saw, and fails on pictures that are wider than high on request."""

    name = "recorder"
    title = "Recorder"

    def __init__(self) -> None:
        self.runs = 0
        self.saved: list[int] = []
        self.settled = 0
        self.current: str | None = "1"
        self.fails = False

    def version(self) -> str | None:
        return self.current

    def waiting_for(self) -> str:
        return "" if self.current else "Recording waits for its model."

    def run(self, pixels: Any) -> tuple[int, ...]:
        self.runs += 1
        if self.fails:
            raise ZeroDivisionError("as told")
        return tuple(pixels.shape)

    def save(self, results: Any) -> None:
        self.saved += [photo.pk for photo, _ in results]

    def settle(self) -> None:
        self.settled += 1


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """The only analyzer there is."""
    made = Recorder()
    monkeypatch.setattr(analysis, "_analyzers", {made.name: made})
    return made


def test_one_bad_file_stops_nothing_and_is_listed_with_its_reason(library: Library, folder: Path) -> None:
    good = jpeg_bytes(640, 480)
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "cut.jpg").write_bytes(good[: len(good) // 2])
    (folder / "text.jpg").write_text("Dear diary, this is no picture at all.")
    (folder / "noise.png").write_bytes(os.urandom(5000))
    buffer = io.BytesIO()
    picture(64, 48).save(buffer, "PNG")
    (folder / "really-a-png.jpg").write_bytes(buffer.getvalue())
    write_jpeg(folder, "good.jpg")
    shown = bring_in(library)
    assert [photo.files.get().path for photo in shown] == ["good.jpg", "really-a-png.jpg"]
    assert shown[1].mime == "image/png"
    reasons = {photo.files.get().path: photo.error for photo in Photo.objects.filter(work_state=WorkState.FAILED)}
    assert set(reasons) == {"empty.jpg", "cut.jpg", "text.jpg", "noise.png"}
    assert all(reason.endswith(".") and len(reason) > 15 for reason in reasons.values())
    assert "empty" in reasons["empty.jpg"]
    assert "cut off" in reasons["cut.jpg"]


def test_a_bad_file_that_was_mended_can_be_tried_again(library: Library, folder: Path) -> None:
    (folder / "a.jpg").write_bytes(b"")
    bring_in(library)
    stat = (folder / "a.jpg").stat()
    write_jpeg(folder, "a.jpg")
    os.utime(folder / "a.jpg", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert services.retry_photos(Photo.objects.filter(library=library)) == 1
    tasks.analyze()
    assert Photo.objects.get().imported_at is not None


def test_a_decompression_bomb_is_refused_quickly(library: Library, folder: Path) -> None:
    image = Image.new("1", (30_000, 30_000))
    image.save(folder / "bomb.png", compress_level=1)
    start = time.monotonic()
    bring_in(library)
    assert time.monotonic() - start < 5
    photo = Photo.objects.get()
    assert photo.work_state == WorkState.FAILED
    assert "megapixels" in photo.error


def test_a_panorama_of_30000_pixels_is_shown(library: Library, folder: Path) -> None:
    picture(30_000, 3_000, seed=1).save(folder / "panorama.jpg", quality=50)
    (photo,) = bring_in(library)
    assert (photo.width, photo.height) == (30_000, 3_000)
    with Image.open(thumbnails.path(photo.digest or "", "large")) as thumbnail:
        assert thumbnail.size == (1920, 192)


def test_a_file_that_changes_while_it_is_read_is_tried_again(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_jpeg(folder, "a.jpg")
    scan(library)
    read_all = pipeline._read_all

    def read_and_write(handle: Any, size: int) -> bytes:
        data = read_all(handle, size)
        with file.open("ab") as other:
            other.write(b"more")
        return data

    monkeypatch.setattr(pipeline, "_read_all", read_and_write)
    tasks.analyze()
    photo = Photo.objects.get()
    assert photo.work_state == WorkState.FAILED
    assert photo.attempts == work.MAX_ATTEMPTS
    assert "changed while it was read" in photo.error
    monkeypatch.undo()
    (shown,) = bring_in(library)  # the scan sees the new size
    assert shown.pk == photo.pk


def test_a_library_that_goes_away_in_the_middle_costs_no_attempt(
    library: Library, folder: Path, tmp_path: Path
) -> None:
    for name in "abc":
        write_jpeg(folder, f"{name}.jpg", width=32, height=24)
    scan(library)
    folder.rename(tmp_path / "unplugged")
    tasks.analyze()
    library.refresh_from_db()
    assert library.state == "offline"
    assert set(Photo.objects.values_list("work_state", "attempts")) == {(WorkState.READY, 0)}
    (tmp_path / "unplugged").rename(folder)
    assert len(bring_in(library)) == 3


def test_a_full_disk_stops_the_work_with_a_notice_and_fails_no_photo(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_jpeg(folder, "a.jpg")
    scan(library)

    def full(descriptor: int, data: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(thumbnails.os, "write", full)
    tasks.analyze()
    assert "full" in Condition.objects.get(key="disk-full").text
    assert Photo.objects.get().work_state == WorkState.READY
    assert Photo.objects.get().attempts == 0
    monkeypatch.undo()
    tasks.sweep()
    assert not Condition.objects.filter(key="disk-full").exists()
    assert len(bring_in(library)) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_disk_that_is_really_full_leaves_no_half_thumbnails(tmp_path: Path, settings: Any) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this machine does not let its root mount")
    try:
        with pytest.raises(thumbnails.StorageFull):
            thumbnails.write_file(disk / "ab" / "x-large.jpg", os.urandom(200_000))
        assert not [file for file in disk.rglob("*") if file.is_file()]
        thumbnails.write_file(disk / "ab" / "x-small.jpg", b"fits")
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_with_little_space_left_nothing_is_begun(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_jpeg(folder, "a.jpg")
    scan(library)
    monkeypatch.setattr(tasks, "free_bytes", lambda: 1_000_000)
    tasks.analyze()
    assert Photo.objects.get().attempts == 0
    assert "1 MB" in Condition.objects.get(key="disk-full").text


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


def test_originals_are_never_written(library: Library, folder: Path, recorder: Recorder) -> None:
    write_jpeg(folder, "a.jpg", orientation=6)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff")

    def state() -> list[tuple[str, int, int, bytes]]:
        return [(str(f), f.stat().st_mtime_ns, f.stat().st_mode, f.read_bytes()) for f in sorted(folder.rglob("*.*"))]

    before = state()
    bring_in(library)
    bring_in(library)
    assert state() == before


BROKEN = Path(__file__).resolve().parents[2] / "shared" / "eval" / "formats" / "broken-and-odd"


@pytest.mark.slow
@pytest.mark.skipif(not BROKEN.is_dir(), reason="the evaluation sets are not there")
def test_a_folder_of_broken_and_odd_files_is_imported_to_its_end(db: None, settings: Any) -> None:
    from tests.factories import LibraryFactory

    library = LibraryFactory(root=str(BROKEN))
    start = time.monotonic()
    shown = bring_in(library)
    assert time.monotonic() - start < 120
    for photo in Photo.objects.filter(library=library).exclude(pk__in=[photo.pk for photo in shown]):
        assert photo.work_state == WorkState.FAILED
        assert photo.error
        assert "Something went wrong" not in photo.error, f"{photo.files.get().path}: {photo.error}"
    assert not work.has_ready_photos()


def test_a_photo_whose_time_is_up_keeps_its_attempt_and_its_neighbours_lose_none(
    library: Library, folder: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        write_jpeg(folder, f"{number}.jpg", width=32, height=24)
    scan(library)
    second = Photo.objects.order_by("id")[1]
    work_on = pipeline.work_on

    def hang(photo: Photo, *args: Any) -> Any:
        if photo.pk == second.pk:
            raise SystemExit("time is up")  # how the queue ends a task that takes too long
        return work_on(photo, *args)

    monkeypatch.setattr(pipeline, "work_on", hang)
    with pytest.raises(SystemExit):
        tasks.analyze()
    states = list(Photo.objects.order_by("id").values_list("work_state", "attempts"))
    assert states == [("done", 1), ("claimed", 1), ("ready", 0), ("ready", 0)]


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
        pipeline.queue_stale()
        return outcome

    monkeypatch.setattr(pipeline, "work_on", arrive)
    tasks.analyze()
    monkeypatch.undo()
    monkeypatch.setattr(analysis, "_analyzers", {recorder.name: recorder})
    while work.has_ready_photos():
        tasks.analyze()
    assert Receipt.objects.filter(analyzer="recorder", version="1").count() == 1


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


def test_files_that_were_away_for_a_moment_are_read_after_the_next_scan(
    library: Library, folder: Path, tmp_path: Path
) -> None:
    write_jpeg(folder, "here.jpg")
    for number in range(3):
        write_jpeg(folder, f"drive/{number}.jpg", width=32, height=24)
    scan(library)
    (folder / "drive").rename(tmp_path / "unplugged")
    while work.has_ready_photos():
        tasks.analyze()
    assert Photo.objects.filter(work_state=WorkState.FAILED).count() == 3
    (tmp_path / "unplugged").rename(folder / "drive")
    assert len(bring_in(library)) == 4
