"""Films: copies that every browser plays, made by workers behind the photos, and how a film gets to the page."""

from __future__ import annotations

import dataclasses
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django.fixtures import Settings

from gallery import library_status, rendering, renditions, services, tasks, thumbnails, trash, work
from gallery.models import Condition, File, Library, Photo, Rendition, WorkState
from gallery.vision import video
from tests.factories import write_jpeg
from tests.importing import bring_in, scan, work_off
from tests.recorder import Recorder
from tests.shots import motion_photo, movie, put, still
from tests.vision.films import HDR, film

# What Chrome and Firefox do not play: HEVC of ten bits, as phones film.
HEVC = film(container="mov", width=96, height=64, sound=None, **HDR)
PLAIN = film(width=96, height=64, sound=None)


@pytest.fixture(autouse=True)
def recorded(recorder: Recorder) -> Recorder:
    return recorder


@pytest.fixture
def hevc(library: Library, folder: Path) -> Photo:
    put(folder, "holiday.MOV", HEVC)
    (photo,) = bring_in(library)
    return photo


def body(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def page(client: Client, photo: Photo) -> str:
    return client.get(photo.get_absolute_url()).content.decode()


def rendition() -> Rendition:
    return Rendition.objects.get()


def test_a_film_that_browsers_do_not_play_gets_a_copy_that_they_do(hevc: Photo, member_client: Client) -> None:
    assert rendition().work_state == WorkState.READY
    assert "A copy for browsers will be made" in page(member_client, hevc)

    tasks.render()

    assert (rendition().work_state, rendition().percent, rendition().attempts) == (WorkState.DONE, 100, 1)
    url = f"/media/{hevc.pk}/film-{(hevc.digest or '')[:12]}.mp4"
    assert f'src="{url}"' in page(member_client, hevc)
    response = member_client.get(url)
    copy = body(response)
    made = video.probe(io.BytesIO(copy))
    assert (made.codec, made.pixel_format, made.is_browser_playable) == ("h264", "yuv420p", True)
    assert (made.width, made.height) == (96, 64)
    assert response["Content-Type"] == "video/mp4"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"].startswith("default-src 'none'")
    for part in ("private", "immutable", "max-age=31536000"):
        assert part in response["Cache-Control"]
    assert not response["ETag"].startswith("W/")
    some = member_client.get(url, headers={"Range": "bytes=4-7"})
    assert (some.status_code, body(some), some["Content-Range"]) == (206, b"ftyp", f"bytes 4-7/{len(copy)}")
    assert member_client.get(url, headers={"If-None-Match": response["ETag"]}).status_code == 304
    assert member_client.get(url, headers={"Range": "bytes=999999-"}).status_code == 416
    assert member_client.get(url.replace("film-", "film-0")[: -len("0.mp4")] + ".mp4").status_code == 404
    original = member_client.get(f"/media/{hevc.pk}/original/?download=1")
    assert body(original) == HEVC


def test_a_film_that_browsers_play_needs_none(library: Library, folder: Path, member_client: Client) -> None:
    put(folder, "a.mp4", PLAIN)
    (photo,) = bring_in(library)
    assert not Rendition.objects.exists()
    assert f'src="/media/{photo.pk}/original/"' in page(member_client, photo)


def test_the_page_asks_for_the_film_until_it_is_there(hevc: Photo, member_client: Client) -> None:
    url = f"/photos/{hevc.pk}/film/"
    asked = {"HX-Request": "true"}
    assert f'hx-get="{url}"' in page(member_client, hevc)
    claimed = work.claim_rendition()
    assert claimed is not None
    work.renew(claimed, percent=40)
    said = member_client.get(url, headers=asked).content.decode()
    assert "A copy for browsers is being made: 40 %" in said
    assert f'href="/media/{hevc.pk}/original/?download=1"' in said
    rendering.make(claimed, lambda: None)
    said = member_client.get(url, headers=asked).content.decode()
    assert "<video" in said
    assert "hx-get" not in said
    assert member_client.get(url)["Location"] == hevc.get_absolute_url(), "without a script it is a page"


def test_photos_come_first_and_wake_the_films_when_they_are_done(
    hevc: Photo, library: Library, folder: Path, django_capture_on_commit_callbacks: Any
) -> None:
    write_jpeg(folder, "a.jpg")
    scan(library)
    tasks.render()
    assert rendition().work_state == WorkState.READY
    with django_capture_on_commit_callbacks(execute=True):
        work_off()
    assert [message.task["func"] for message in OrmQ.objects.all()].count(work.RENDER) == 1
    with django_capture_on_commit_callbacks(execute=True):
        tasks.render()
    assert rendition().work_state == WorkState.DONE
    messages = [message.task["func"] for message in OrmQ.objects.all()]
    assert messages.count(work.RENDER) == 1, "there is no other film to be waked for"


def test_photos_that_come_meanwhile_are_read_in_between(
    hevc: Photo, library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "_LOOK_S", 0.0)
    came = []

    def give_way() -> None:
        if not came:
            came.append(1)
            write_jpeg(folder, "a.jpg")
            scan(library)
            tasks._give_way()
            assert Photo.objects.filter(files__path="a.jpg", imported_at__isnull=False).exists()
            assert rendition().work_state == WorkState.CLAIMED

    claimed = work.claim_rendition()
    assert claimed is not None
    rendering.make(claimed, give_way)
    assert came
    assert rendition().work_state == WorkState.DONE


def test_a_worker_is_left_for_photos_and_scans(library: Library, folder: Path, settings: Settings) -> None:
    settings.PICTOPY = dataclasses.replace(settings.PICTOPY, workers=2)
    put(folder, "a.mov", HEVC)
    put(folder, "b.mov", HEVC + b"\0" * 8)
    bring_in(library)
    assert Rendition.objects.count() == 2
    assert work.claim_rendition() is not None
    assert work.claim_rendition() is None


def stopping(monkeypatch: pytest.MonkeyPatch, settings: Settings, mark: str = "ours") -> None:
    """As `manage.py up` says it to the processes of its run."""
    monkeypatch.setenv("PICTOPY_RUN", "ours")
    record = {"mark": mark, "pid": 1, "groups": [], "is_stopping": True}
    (settings.PICTOPY.data_dir / "run.json").write_text(json.dumps(record))


def test_a_stop_ends_it_at_once_and_counts_no_attempt(
    hevc: Photo, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setattr(rendering, "_LOOK_S", 0.0)
    stopping(monkeypatch, settings)
    tasks.render()
    assert (rendition().work_state, rendition().attempts, rendition().lease_owner) == (WorkState.READY, 0, "")
    assert not list(settings.PICTOPY.thumbnails_dir.rglob("*.mp4*"))
    stopping(monkeypatch, settings, mark="of an earlier run")
    tasks.render()
    assert rendition().work_state == WorkState.DONE


def test_its_lease_runs_on_and_what_was_taken_from_it_is_not_written(
    hevc: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "_LOOK_S", 0.0)
    monkeypatch.setattr(rendering, "_TELL_S", -1.0)
    claimed = work.claim_rendition()
    assert claimed is not None
    before = rendition().lease_until
    seen: list[int] = []

    def give_way() -> None:
        now = rendition()
        assert before is not None
        assert now.lease_until is not None
        assert now.lease_until > before
        seen.append(now.percent)
        if len(seen) == 20:
            Rendition.objects.update(lease_owner="another:1:1")

    rendering.make(claimed, give_way)
    assert len(seen) == 20
    assert seen == sorted(seen)
    assert seen[-1] > 0
    assert rendition().lease_owner == "another:1:1"
    assert not renditions.exists(hevc.digest or "")


@pytest.mark.slow
def test_a_film_that_was_edited_meanwhile_gets_a_copy_of_what_it_is_now(
    hevc: Photo, library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "_LOOK_S", 0.0)
    claimed = work.claim_rendition()
    assert claimed is not None
    edited = film(container="mov", width=64, height=96, sound=None, **HDR)

    def give_way() -> None:
        if rendition().digest == hevc.digest:
            put(folder, "holiday.MOV", edited)
            bring_in(library)

    monkeypatch.setattr(rendering, "_TELL_S", -1.0)
    rendering.make(claimed, give_way)
    now = rendition()
    assert (now.work_state, now.attempts) == (WorkState.READY, 0)
    assert now.digest != hevc.digest
    tasks.render()
    assert renditions.exists(now.digest)
    put(folder, "holiday.MOV", film(container="mov", width=64, height=96, sound=None))
    bring_in(library)
    assert not Rendition.objects.exists(), "what it is now, browsers play"


def test_a_file_that_changed_since_it_was_read_is_not_copied(hevc: Photo, folder: Path) -> None:
    put(folder, "holiday.MOV", PLAIN)
    for _ in range(3):
        tasks.render()
    assert rendition().work_state == WorkState.FAILED
    assert "changed since it was read" in rendition().error
    assert not renditions.exists(hevc.digest or "")


def broken(monkeypatch: pytest.MonkeyPatch, error: Callable[[], Exception]) -> None:
    def fail(*args: Any, **options: Any) -> None:
        raise error()

    monkeypatch.setattr(video, "transcode", fail)


def test_three_failures_set_it_aside_with_its_reason_until_a_person_tries_again(
    hevc: Photo, library: Library, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch, lambda: ZeroDivisionError("of the encoder"))
    for attempt in (1, 2, 3):
        assert rendition().work_state == WorkState.READY
        tasks.render()
        assert rendition().attempts == attempt
    assert rendition().work_state == WorkState.FAILED
    html = page(admin_client, hevc)
    assert "no copy could be made" in html
    assert "of the encoder" in html
    html = admin_client.get(library.get_absolute_url()).content.decode()
    assert "holiday.MOV" in html
    assert "A copy that browsers play: " in html
    monkeypatch.undo()
    admin_client.post(f"/photos/{hevc.pk}/retry/")
    assert (rendition().work_state, rendition().attempts) == (WorkState.READY, 0)
    tasks.render()
    assert rendition().work_state == WorkState.DONE
    assert library_status.failures(library) == ([], 0)


def test_a_damaged_film_is_set_aside_at_once(hevc: Photo, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch, lambda: video.UnreadableImage("The video breaks off after 3 of 9 seconds."))
    tasks.render()
    assert (rendition().work_state, rendition().attempts) == (WorkState.FAILED, 1)
    assert services.retry_photos(library_status.failed_photos(library)) == 1


def test_a_film_that_kills_its_worker_three_times_is_set_aside(hevc: Photo) -> None:
    for _ in range(3):
        assert work.claim_rendition() is not None
        Rendition.objects.update(lease_owner=f"{work.machine()}:999999999:1")
        work.return_abandoned()
    assert rendition().work_state == WorkState.FAILED
    assert "three times" in rendition().error


def test_a_disk_that_runs_full_stops_it_and_is_told(
    hevc: Photo, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setattr(rendering, "_LOOK_S", 0.0)
    monkeypatch.setattr(thumbnails, "free_bytes", lambda: 50_000_000)
    tasks.render()
    assert (rendition().work_state, rendition().attempts) == (WorkState.READY, 0)
    assert "full" in Condition.objects.get(key="disk-full").text
    assert not list(settings.PICTOPY.thumbnails_dir.rglob("*.mp4*"))


def test_a_drive_that_went_away_is_not_the_films_fault(hevc: Photo, library: Library, folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))
    tasks.render()
    assert (rendition().work_state, rendition().attempts) == (WorkState.READY, 0)
    library.refresh_from_db()
    assert library.state == Library.State.OFFLINE
    assert work.claim_rendition() is None


def test_a_copy_that_was_deleted_is_made_again(hevc: Photo, member_client: Client) -> None:
    tasks.render()
    assert hevc.digest
    renditions.path(hevc.digest).unlink()
    assert "will be made" in page(member_client, hevc)
    assert rendition().work_state == WorkState.READY
    tasks.render()
    renditions.path(hevc.digest).unlink()
    call_command("thumbnails")
    assert rendition().work_state == WorkState.READY
    tasks.render()
    assert renditions.exists(hevc.digest)


def test_a_copy_is_shared_by_content_and_goes_with_its_last_photo(
    tmp_path: Path, admin: User, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.upload_client import upload_library

    libraries = [upload_library(tmp_path / name) for name in "ab"]
    for library in libraries:
        put(Path(library.root), "x.MOV", HEVC)
        bring_in(library)
    one, other = Rendition.objects.order_by("pk")
    tasks.render()
    broken(monkeypatch, lambda: AssertionError("made twice"))
    tasks.render()
    assert set(Rendition.objects.values_list("work_state", flat=True)) == {WorkState.DONE}
    for photo_id, is_left in ((one.photo_id, True), (other.photo_id, False)):
        trash.move(admin, [photo_id])
        trash.delete(admin, [photo_id])
        tasks.purge()
        assert renditions.exists(one.digest) == is_left


def test_what_a_killed_worker_left_half_written_is_tidied_away(hevc: Photo, settings: Settings) -> None:
    assert hevc.digest
    target = renditions.path(hevc.digest)
    half = target.with_name(f".{target.name}.0123abcd.part")
    half.write_bytes(b"half")
    assert thumbnails.tidy() == 0
    os.utime(half, (1, 1))
    assert thumbnails.tidy() == 1


# --- what moves in a photo


def test_the_film_in_a_motion_photo_is_sent_alone_and_in_ranges(
    library: Library, folder: Path, member_client: Client
) -> None:
    data, moving = motion_photo()
    put(folder, "PXL_1.MP.jpg", data)
    (photo,) = bring_in(library)
    assert photo.kind == Photo.Kind.MOTION
    url = f"/media/{photo.pk}/motion/"
    assert f'<a class="viewer-play" id="motion_press" href="{url}"' in page(member_client, photo)
    whole = member_client.get(url)
    assert (body(whole), whole["Content-Type"], whole["Content-Length"]) == (moving, "video/mp4", str(len(moving)))
    assert whole["X-Content-Type-Options"] == "nosniff"
    assert "no-cache" in whole["Cache-Control"]
    some = member_client.get(url, headers={"Range": "bytes=4-11"})
    assert (some.status_code, body(some)) == (206, moving[4:12])
    assert some["Content-Range"] == f"bytes 4-11/{len(moving)}"
    last = member_client.get(url, headers={"Range": "bytes=-5"})
    assert body(last) == moving[-5:]
    assert member_client.get(url, headers={"Range": f"bytes={len(moving)}-"}).status_code == 416
    assert member_client.get(url, headers={"If-None-Match": whole["ETag"]}).status_code == 304
    put(folder, "PXL_1.MP.jpg", still())
    gone = member_client.get(url)
    assert gone.status_code == 404
    assert "not in the file any more" in gone.content.decode()


def test_a_motion_photo_whose_film_browsers_do_not_play_gets_a_copy(
    library: Library, folder: Path, member_client: Client
) -> None:
    data, moving = motion_photo(width=64, height=48, **HDR)
    put(folder, "a.jpg", data)
    (photo,) = bring_in(library)
    url = f"/media/{photo.pk}/motion/"
    assert body(member_client.get(url)) == moving
    assert "Not every browser plays the moving part" in page(member_client, photo)
    tasks.render()
    assert rendition().work_state == WorkState.DONE, rendition().error
    assert video.probe(io.BytesIO(body(member_client.get(url)))).is_browser_playable
    assert "Not every browser" not in page(member_client, photo)


def test_the_film_of_a_live_photo_is_sent_by_its_still_and_as_a_copy_once_there_is_one(
    library: Library, folder: Path, member_client: Client
) -> None:
    moving = movie(content_id="LIVE-1", **HDR)
    put(folder, "a.JPG", still(content_id="LIVE-1"))
    put(folder, "a.MOV", moving)
    bring_in(library)
    photo = Photo.objects.get(files__path="a.JPG")
    url = f"/media/{photo.pk}/motion/"
    response = member_client.get(url)
    assert (body(response), response["Content-Type"]) == (moving, "video/quicktime")
    tasks.render()
    response = member_client.get(url, headers={"Range": "bytes=4-7"})
    assert (body(response), response["Content-Type"]) == (b"ftyp", "video/mp4")
    part = photo.parts.get().photo_id
    assert member_client.get(f"/photos/{part}/").status_code == 404
    assert member_client.get(f"/media/{part}/motion/").status_code == 404


def test_films_may_be_opened_by_themselves_and_load_nothing_else(
    library: Library, folder: Path, member_client: Client
) -> None:
    put(folder, "a.JPG", still(content_id="LIVE-1"))
    put(folder, "a.MOV", movie(content_id="LIVE-1"))
    put(folder, "b.mp4", PLAIN)
    bring_in(library)
    live, plain = (Photo.objects.get(files__path=path) for path in ("a.JPG", "b.mp4"))
    moving = member_client.get(f"/media/{live.pk}/motion/")
    assert moving["Content-Type"] == "video/mp4", "Chromium saves what is named QuickTime"
    for response in (moving, member_client.get(f"/media/{plain.pk}/original/")):
        assert response["Content-Security-Policy"] == "default-src 'none'; media-src 'self'"
        assert response["Content-Disposition"].startswith("inline")
        assert body(response)
    saved = member_client.get(f"/media/{plain.pk}/original/?download=1")
    assert saved["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert body(saved) == PLAIN


def test_a_photo_without_a_moving_part_has_none(library: Library, folder: Path, member_client: Client) -> None:
    put(folder, "a.jpg", still())
    put(folder, "b.mp4", PLAIN)
    for photo in bring_in(library):
        assert member_client.get(f"/media/{photo.pk}/motion/").status_code == 404
        assert "moving-photo" not in page(member_client, photo).replace("js/moving-photo.js", "")


def test_a_moving_part_that_is_away_is_said(library: Library, folder: Path, member_client: Client) -> None:
    put(folder, "a.JPG", still(content_id="LIVE-1"))
    put(folder, "a.MOV", movie(content_id="LIVE-1"))
    bring_in(library)
    photo = Photo.objects.get(files__path="a.JPG")
    (folder / "a.MOV").unlink()
    gone = member_client.get(f"/media/{photo.pk}/motion/")
    assert gone.status_code == 404
    assert "not there" in gone.content.decode()
    bring_in(library)
    html = page(member_client, photo)
    assert "Moving part, " in html
    assert "away since" in html
    assert "<moving-photo" not in html
    assert member_client.get(f"/media/{photo.pk}/motion/").status_code == 404


# --- several files


def test_both_files_of_a_raw_pair_are_listed_and_can_be_had(
    library: Library, folder: Path, member_client: Client
) -> None:
    from tests.shots import raw

    picture, negative = still(seed=3), raw(seed=3)
    put(folder, "a/1.JPG", picture)
    put(folder, "a/1.DNG", negative)
    put(folder, "b.jpg", still(seed=4))
    bring_in(library)
    photo = Photo.objects.get(files__path="a/1.JPG")
    html = page(member_client, photo)
    for path, title in (("a/1.JPG", "Picture"), ("a/1.DNG", "RAW")):
        assert path in html
        assert f"{title}, " in html
    files = {file.path: file for file in File.objects.all()}
    url = f"/media/{photo.pk}/original/"
    for path, data in (("a/1.JPG", picture), ("a/1.DNG", negative)):
        response = member_client.get(f"{url}?file={files[path].pk}&download=1")
        assert body(response) == data
        assert path[2:] in response["Content-Disposition"]
    assert body(member_client.get(url)) == picture
    for wrong in (str(files["b.jpg"].pk), "0", "x", ""):
        assert member_client.get(f"{url}?file={wrong}").status_code == 404
    (folder / "a/1.DNG").unlink()
    bring_in(library)
    html = page(member_client, photo)
    assert "away since" in html
    assert f"?file={files['a/1.DNG'].pk}" not in html
    assert member_client.get(f"{url}?file={files['a/1.DNG'].pk}").status_code == 404


def test_animated_pictures_play_and_stand_still_where_less_motion_is_asked_for(
    library: Library, folder: Path, member_client: Client
) -> None:
    from PIL import Image

    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue", "green")]
    for name in ("a.gif", "b.webp", "c.png"):
        frames[0].save(folder / name, save_all=True, append_images=frames[1:], duration=100)
    frames[0].save(folder / "d.png")
    photos = {photo.files.get().path: photo for photo in bring_in(library)}
    for name in ("a.gif", "b.webp", "c.png"):
        html = page(member_client, photos[name])
        assert f'src="/media/{photos[name].pk}/original/"' in html, name
        assert "(prefers-reduced-motion: reduce)" in html
    assert '/original/"' not in page(member_client, photos["d.png"]).split("viewer-details")[0]
    grid = member_client.get("/").content.decode()
    assert grid.count("Animated picture") == 2 * 3  # as a title, and for screen readers


def test_the_grid_says_what_moves(library: Library, folder: Path, member_client: Client) -> None:
    put(folder, "a.mp4", PLAIN)
    put(folder, "b.JPG", still(content_id="LIVE-1"))
    put(folder, "b.MOV", movie(content_id="LIVE-1"))
    bring_in(library)
    Photo.objects.filter(files__path="a.mp4").update(duration_s=3723.4)
    Photo.objects.update(sort_at=timezone.now())
    html = member_client.get("/").content.decode()
    assert '<span class="tile-text">1:02:03</span>' in html
    assert html.count('title="Live photo"') == 1
    assert html.count('class="tile ') == 2
