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
from django_q.models import OrmQ
from pytest_django.fixtures import Settings

from gallery import library_status, rendering, renditions, services, tasks, thumbnails, trash, work
from gallery.models import Condition, Library, Photo, Rendition, WorkState
from gallery.vision import video
from tests.factories import write_jpeg
from tests.film_pages import PLAIN, body, page, rendition
from tests.importing import bring_in, scan, work_off
from tests.shots import put
from tests.vision.films import HDR, film

# What Chrome and Firefox do not play: HEVC of ten bits, as phones film.
HEVC = film(container="mov", width=96, height=64, sound=None, **HDR)


pytestmark = pytest.mark.usefixtures("recorder")


@pytest.fixture
def hevc(library: Library, folder: Path) -> Photo:
    put(folder, "holiday.MOV", HEVC)
    (photo,) = bring_in(library)
    return photo


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
