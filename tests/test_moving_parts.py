"""What moves in a photo: motion photos, live photos, animated pictures; and photos of several files."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from gallery import tasks
from gallery.models import File, Library, Photo, WorkState
from gallery.vision import video
from tests.film_pages import PLAIN, body, page, rendition
from tests.importing import bring_in
from tests.shots import motion_photo, movie, put, still
from tests.vision.films import HDR

pytestmark = pytest.mark.usefixtures("recorder")


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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
