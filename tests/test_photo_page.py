"""The page of one photo."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gallery import edits, photo_facts, photo_panels, search_text
from gallery.access import Viewer
from gallery.models import File, Library, Photo, Receipt
from gallery.photo_panels import Panel, PhotoBox
from tests.factories import DetectionFactory, LabelFactory, LibraryFactory, MarkFactory, PhotoFactory


@pytest.fixture
def library(db: None) -> Library:
    return LibraryFactory(name="Family")


@pytest.fixture
def no_panels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photo_panels, "_makers", {})


def page(client: Client, photo: Photo, query: str = "", **headers: str) -> str:
    response = client.get(f"/photos/{photo.pk}/{query}", headers=headers)
    assert response.status_code == 200
    return response.content.decode()


def test_everything_that_is_known_is_said(member_client: Client, library: Library) -> None:
    photo = PhotoFactory(
        library=library, file="2024/Baltic/IMG_1.jpg", camera="Fujifilm X-T4", lens="XF 35mm", exposure_s=1 / 250,
        f_number=2.8, iso=400, focal_mm=35, latitude=52.52, longitude=-13.405, altitude_m=34, utc_offset_min=120,
        caption="On the pier", rating=4,
    )  # fmt: skip
    DetectionFactory(photo=photo, label=LabelFactory(name="dog"))
    Receipt.objects.create(photo=photo, analyzer="objects", version="yolox-1", milliseconds=143, at=timezone.now())
    html = page(member_client, photo)
    for text in (
        "14:05, Friday 17 May 2024", "from the camera, UTC+2", "Fujifilm X-T4", "XF 35mm",
        "1/250 s, f/2.8, ISO 400, 35 mm", "4000 × 3000, 12 megapixels", "52.5200° N, 13.4050° W, 34 m",
        "2024/Baltic/IMG_1.jpg", "On the pier", "Rated 4 of 5", "143 ms", 'href="/things/dog/"',
    ):  # fmt: skip
        assert text in html, text
    assert "a guess" not in html


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"taken_source": "exif"}, "sure"),
        ({"taken_source": "video", "offset_source": "tag", "utc_offset_min": 60}, "sure"),
        ({"taken_source": "video", "offset_source": "place", "utc_offset_min": 60}, "fairly sure"),
        ({"taken_source": "takeout", "offset_source": "place", "utc_offset_min": 60}, "fairly sure"),
        ({"taken_source": "takeout", "offset_source": "household", "utc_offset_min": 60}, "a guess"),
        ({"taken_source": "takeout", "utc_offset_min": 0}, "a guess"),
        ({"taken_source": "name"}, "fairly sure"),
        ({"taken_source": "name", "is_day_only": True}, "a guess"),
        ({"taken_source": "modified"}, "a guess"),
        ({"taken_source": "person"}, ""),
        ({"taken_source": "exif", "taken": dt.datetime(2000, 1, 1)}, "a guess"),
    ],
)
def test_how_sure_the_date_is(member_client: Client, library: Library, columns: dict[str, Any], said: str) -> None:
    photo = PhotoFactory(library=library, **columns)
    assert photo_facts.confidence(photo) == said
    found = re.search(r"a guess</span>|· (fairly )?sure</p>", page(member_client, photo))
    expected = {"": None, "a guess": "a guess</span>"}.get(said, f"· {said}</p>")
    assert (found[0] if found else None) == expected


def test_keywords_lead_to_their_search(member_client: Client, library: Library) -> None:
    photo = PhotoFactory(library=library, keywords='Oma Erna\n12" disc', utc_offset_min=None)
    search_text.write([photo.pk])
    html = page(member_client, photo)
    for href in re.findall(r'class="chip" href="([^"]+)"', html):
        assert f"/photos/{photo.pk}/" in member_client.get(href.replace("&amp;", "&")).content.decode()
    assert html.count('class="chip"') == 2


def test_a_date_from_the_file_is_marked_as_a_guess_and_no_date_is_said(member_client: Client, library: Library) -> None:
    guessed = PhotoFactory(library=library, taken_source="file")
    assert "a guess" in page(member_client, guessed)
    guessed.set_taken(None, utc_offset_min=None, source="")
    guessed.save()
    assert "Undated" in page(member_client, guessed)


def test_previous_and_next_follow_the_set(member_client: Client, member: User, library: Library) -> None:
    first, second, third = (PhotoFactory(library=library, taken=dt.datetime(2024, 5, day)) for day in (3, 2, 1))
    for photo in (first, third):
        MarkFactory(user=member, photo=photo)
    html = page(member_client, first)
    assert f'rel="next" href="/photos/{second.pk}/"' in html
    assert 'rel="prev"' not in html
    assert f'href="/?at={first.pk}#p{first.pk}"' in html
    html = page(member_client, first, "?in=favourites")
    assert f'rel="next" href="/photos/{third.pk}/?in=favourites"' in html
    assert f'href="/favourites/?at={first.pk}#p{first.pk}"' in html


def test_a_photo_that_left_the_set_keeps_its_place_in_time(
    member_client: Client, member: User, library: Library
) -> None:
    first, second, third = (PhotoFactory(library=library, taken=dt.datetime(2024, 5, day)) for day in (3, 2, 1))
    for photo in (first, third):
        MarkFactory(user=member, photo=photo)
    html = page(member_client, second, "?in=favourites")
    assert f'rel="prev" href="/photos/{first.pk}/?in=favourites"' in html
    assert f'rel="next" href="/photos/{third.pk}/?in=favourites"' in html


@pytest.mark.parametrize("within", ["favourites", "nonsense", "album:999999", "thing:none", "search:q=zzz", "%00"])
def test_a_photo_outside_the_set_is_shown_all_the_same(member_client: Client, library: Library, within: str) -> None:
    page(member_client, PhotoFactory(library=library), f"?in={within}")


def test_htmx_gets_the_viewer_alone_with_its_title(member_client: Client, library: Library) -> None:
    photo = PhotoFactory(library=library)
    html = page(member_client, photo, **{"HX-Request": "true"})
    assert html.startswith("<title>")
    assert "<photo-viewer" in html
    assert "<html" not in html
    html = page(member_client, photo, **{"HX-Request": "true", "HX-History-Restore-Request": "true"})
    assert "<html" in html


def test_another_ones_private_photo_is_not_there(owner: User, owner_client: Client, member_client: Client) -> None:
    photo = PhotoFactory(library=LibraryFactory(visibility="private", owner=owner))
    page(owner_client, photo)
    prefix = f"/media/{photo.pk}"
    for url in (f"/photos/{photo.pk}/", f"{prefix}/small-{photo.digest[:12]}.jpg", f"{prefix}/original/"):
        assert member_client.get(url).status_code == 404
    assert member_client.post(f"/photos/{photo.pk}/favourite/").status_code == 404
    assert member_client.get(f"/photos/{10**17}/").status_code == 404
    assert member_client.get(f"/photos/{10**25}/").status_code == 404


def test_boxes_are_drawn_in_pixels_and_lead_to_what_they_show(member_client: Client, library: Library) -> None:
    photo = PhotoFactory(library=library, width=1000, height=500)
    DetectionFactory(photo=photo, label=LabelFactory(name="dog"))
    html = page(member_client, photo)
    assert 'viewBox="0 0 1000 500"' in html
    assert '<a href="/things/dog/" class="viewer-box object" aria-label="dog"><rect x="100" y="100" width="300"' in html


def test_other_apps_add_panels_and_boxes(
    member_client: Client, library: Library, no_panels: None, settings: object, tmp_path: object
) -> None:
    photo = PhotoFactory(library=library)
    asked: list[Photo] = []

    def panel(viewer: Viewer, photo: Photo) -> Panel:
        asked.append(photo)
        return Panel(boxes=[PhotoBox("face", 0.1, 0.1, 0.2, 0.2, "Anna <3", "/people/7/")])

    photo_panels.register("test", panel)
    photo_panels.register("silent", lambda viewer, photo: None)
    html = page(member_client, photo)
    assert asked == [photo]
    assert 'class="viewer-box face" aria-label="Anna &lt;3"' in html


def test_a_missing_file_is_said(member_client: Client, library: Library) -> None:
    since = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)
    photo = PhotoFactory(library=library, missing_since=since)
    File.objects.update(missing_since=since)
    assert "away since 1 June 2024" in page(member_client, photo)


@pytest.mark.slow
def test_twice_of_everything_takes_as_many_queries(member_client: Client, library: Library) -> None:
    photo = PhotoFactory(library=library)

    def fill(number: int) -> None:
        DetectionFactory(photo=photo, label=LabelFactory())
        File.objects.create(library=library, photo=photo, path=f"copy-{number}.jpg", size_bytes=1, mtime_ns=1)
        Receipt.objects.create(photo=photo, analyzer=f"a{number}", version="1", at=timezone.now())
        PhotoFactory(library=library)

    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            page(member_client, photo)
        return len(captured)

    fill(1)
    fill(2)
    before = count()
    fill(3)
    fill(4)
    assert count() == before


@pytest.mark.parametrize(
    ("minutes", "said"), [(0, "UTC"), (120, "UTC+2"), (-570, "UTC−9:30"), (345, "UTC+5:45"), (-30, "UTC−0:30")]
)
def test_offsets_are_said_in_hours(minutes: int, said: str) -> None:
    assert edits.say_offset(minutes) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(1 / 8000, "1/8000 s"), (0.004, "1/250 s"), (0.5, "0.5 s"), (30, "30 s"), (1.3, "1.3 s")]
)
def test_exposures_are_said_as_on_the_dial(seconds: float, said: str) -> None:
    assert photo_facts.shutter(seconds) == said
