"""Bad files: each gives a reason where a person looks, and stops nothing else."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from gallery import contents, pipeline, services, tasks, thumbnails, work
from gallery.models import File, Library, Photo, WorkState
from tests.clock import takes_less_than
from tests.factories import jpeg_bytes, picture, write_jpeg
from tests.importing import assert_every_file_is_shown_as_it_is, bring_in, scan
from tests.recorder import Recorder


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


@pytest.mark.slow
def test_a_bad_file_that_was_mended_can_be_tried_again(library: Library, folder: Path) -> None:
    (folder / "a.jpg").write_bytes(b"")
    bring_in(library)
    stat = (folder / "a.jpg").stat()
    write_jpeg(folder, "a.jpg")
    os.utime(folder / "a.jpg", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert services.retry_photos(Photo.objects.filter(library=library)) == 1
    tasks.analyze()
    assert Photo.objects.get().imported_at is not None


@pytest.mark.slow
def test_a_decompression_bomb_is_refused_quickly(library: Library, folder: Path) -> None:
    image = Image.new("1", (30_000, 30_000))
    image.save(folder / "bomb.png", compress_level=1)
    with takes_less_than(5):
        bring_in(library)
    photo = Photo.objects.get()
    assert photo.work_state == WorkState.FAILED
    assert "megapixels" in photo.error


@pytest.mark.slow
def test_a_panorama_of_30000_pixels_is_shown(library: Library, folder: Path) -> None:
    picture(30_000, 3_000, seed=1).save(folder / "panorama.jpg", quality=50)
    (photo,) = bring_in(library)
    assert (photo.width, photo.height) == (30_000, 3_000)
    with Image.open(thumbnails.path(photo.digest or "", "large")) as thumbnail:
        assert thumbnail.size == (1920, 192)


@pytest.mark.slow
def test_a_file_that_changes_while_it_is_read_is_tried_again(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_jpeg(folder, "a.jpg")
    scan(library)
    read_all = contents._read_all

    def read_and_write(handle: Any, size: int) -> bytes:
        data = read_all(handle, size)
        with file.open("ab") as other:
            other.write(b"more")
        return data

    monkeypatch.setattr(contents, "_read_all", read_and_write)
    tasks.analyze()
    photo = Photo.objects.get()
    assert photo.work_state == WorkState.FAILED
    assert photo.attempts == work.MAX_ATTEMPTS
    assert "changed while it was read" in photo.error
    assert photo.digest is None, "a digest of what was half this and half that"
    assert (photo.files.get().digest, photo.files.get().is_read) == ("", False)
    monkeypatch.undo()
    (shown,) = bring_in(library)  # the scan sees the new size
    assert shown.pk == photo.pk


@pytest.mark.slow
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


@pytest.mark.slow
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
    with takes_less_than(120):
        shown = bring_in(library)
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_file_that_is_replaced_while_it_is_read_is_recorded_as_it_was_read(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The open file stays whole, but what lies under its name is another one by now: the next scan must see that."""
    file = write_jpeg(folder, "a.jpg", width=64, height=48)
    stat = file.stat()
    scan(library)
    read_all = contents._read_all

    def read_and_replace(handle: Any, size: int) -> bytes:
        data = read_all(handle, size)
        write_jpeg(folder, "b.jpg", width=80, height=48).replace(file)
        return data

    monkeypatch.setattr(contents, "_read_all", read_and_replace)
    tasks.analyze()
    monkeypatch.undo()
    row = File.objects.get()
    assert (row.size_bytes, row.mtime_ns) == (stat.st_size, stat.st_mtime_ns)
    bring_in(library)
    assert_every_file_is_shown_as_it_is(library, folder)
