"""The timeline: months, pages within a month, and what each person sees of them."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import connection
from django.db.models import Count
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from gallery import access, months, photosets, queries
from gallery.models import Library, Photo
from tests.factories import DetectionFactory, LabelFactory, LibraryFactory, MarkFactory, PhotoFactory


@pytest.fixture
def library(db: None) -> Library:
    return LibraryFactory()


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of four photos, so that a few photos fill several."""
    monkeypatch.setattr(photosets, "PAGE_SIZE", 4)


def tile_ids(html: str) -> list[int]:
    return [int(found) for found in re.findall(r'id="p(\d+)"', html)]


def test_photos_stand_under_their_months_newest_first_and_undated_last(member_client: Client, library: Library) -> None:
    old = PhotoFactory(library=library, taken=dt.datetime(2019, 12, 31, 23, 59))
    new = PhotoFactory(library=library, taken=dt.datetime(2024, 5, 2))
    newer = PhotoFactory(library=library, taken=dt.datetime(2024, 5, 17))
    undated = PhotoFactory(library=library)
    undated.set_taken(None, utc_offset_min=None, source="")
    undated.save()

    html = member_client.get("/").content.decode()

    assert tile_ids(html) == [newer.pk, new.pk, old.pk, undated.pk]
    assert re.findall(r'<section class="month" id="(\w+)"', html) == ["m202405", "m201912", "m000000"]
    assert 'href="#m201912" aria-label="December 2019, 1 photo"' in html


def test_months_that_are_not_loaded_have_a_height_and_a_link(
    member_client: Client, library: Library, small_pages: None
) -> None:
    for number in range(6):
        PhotoFactory(library=library, taken=dt.datetime(2024, 5, 1 + number))
    for number in range(3):
        PhotoFactory(library=library, taken=dt.datetime(2019, 5, 1 + number))

    html = member_client.get("/").content.decode()

    assert len(tile_ids(html)) == 4
    assert "Show 2 more photos" in html
    assert "Show 3 photos" in html
    assert re.search(r'class="more s\d+"', html)
    assert 'hx-get="/months/201905/"' in html


def test_following_the_links_of_a_month_shows_every_photo_once(
    member_client: Client, library: Library, small_pages: None
) -> None:
    same = dt.datetime(2024, 5, 5, 12)
    made = {PhotoFactory(library=library, taken=same).pk for _ in range(11)}
    PhotoFactory(library=library, taken=dt.datetime(2024, 4, 30))
    PhotoFactory(library=library, taken=dt.datetime(2024, 6, 1))
    seen: list[int] = []
    url: str | None = "/months/202405/"
    rests = []
    while url:
        html = member_client.get(url, headers={"HX-Request": "true"}).content.decode()
        assert html.lstrip().startswith('<div class="chunk">')
        seen += tile_ids(html)
        found = re.search(r'<a href="([^"]+)" rel="next">Show (\d+)', html)
        url = found[1] if found else None
        rests += [int(found[2])] if found else []
    assert len(seen) == 11
    assert set(seen) == made
    assert rests == [7, 3]


def test_a_month_has_a_page_of_its_own_for_those_without_scripts(member_client: Client, library: Library) -> None:
    photo = PhotoFactory(library=library, taken=dt.datetime(2024, 5, 5))
    response = member_client.get("/months/202405/")
    assert "<h1>May 2024</h1>" in response.content.decode()
    assert tile_ids(response.content.decode()) == [photo.pk]
    assert "HX-Request" in response["Vary"]


def test_an_empty_month_is_a_page_and_no_such_month_is_not_found(member_client: Client, db: None) -> None:
    assert member_client.get("/months/201905/").status_code == 200
    assert member_client.get("/months/0/").status_code == 200
    for number in (201913, 201900, 7, 999912, 10**30):
        assert member_client.get(f"/months/{number}/").status_code == 404
    assert member_client.get("/months/201905/?after=nonsense").status_code == 404


def test_coming_back_from_a_photo_its_month_is_loaded_as_far_as_it(
    member_client: Client, library: Library, small_pages: None
) -> None:
    made = [PhotoFactory(library=library, taken=dt.datetime(2020, 3, day)) for day in range(1, 29)]
    for day in range(1, 8):
        PhotoFactory(library=library, taken=dt.datetime(2024, 3, day))
    html = member_client.get(f"/?at={made[3].pk}").content.decode()
    assert tile_ids(html) == [photo.pk for photo in reversed(made)]


@pytest.mark.slow
def test_coming_back_deep_into_a_large_month_leaves_out_what_is_far_above(
    member_client: Client, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(months, "RETURN_MOST", 50)
    made = [PhotoFactory(library=library, taken=dt.datetime(2020, 3, 1, n // 60, n % 60)) for n in range(70)]
    html = member_client.get(f"/?at={made[2].pk}").content.decode()
    assert tile_ids(html)[-1] == made[0].pk
    assert made[2].pk in tile_ids(html)
    assert "Show the 27 newer photos of March 2020" in html


@pytest.mark.parametrize("at", ["0", "-1", "x", "9" * 40, "private"])
def test_a_photo_that_is_not_there_leads_to_the_top(member_client: Client, owner: User, at: str) -> None:
    private = PhotoFactory(library=LibraryFactory(visibility="private", owner=owner))
    shown = PhotoFactory()
    address = f"/?at={private.pk if at == 'private' else at}"
    assert tile_ids(member_client.get(address).content.decode()) == [shown.pk]


def test_private_photos_are_seen_and_counted_by_their_owner_alone(
    owner: User, owner_client: Client, member_client: Client
) -> None:
    private = PhotoFactory(library=LibraryFactory(visibility="private", owner=owner))
    shared = PhotoFactory()
    assert set(tile_ids(owner_client.get("/").content.decode())) == {private.pk, shared.pk}
    assert tile_ids(member_client.get("/").content.decode()) == [shared.pk]
    assert tile_ids(member_client.get("/months/202405/").content.decode()) == [shared.pk]
    assert '>May 2024 <span class="meta">1</span>' in member_client.get("/").content.decode()


def test_photos_that_are_not_read_or_in_the_trash_are_not_shown(member_client: Client, library: Library) -> None:
    PhotoFactory(library=library, imported_at=None)
    PhotoFactory(library=library, trashed_at=dt.datetime(2024, 6, 1, tzinfo=dt.UTC))
    assert tile_ids(member_client.get("/").content.decode()) == []


def test_nobody_signed_in_is_sent_to_the_door(client: Client, db: None) -> None:
    photo = PhotoFactory()
    for url in ("/", "/months/202405/", "/things/", "/favourites/", "/search/", f"/photos/{photo.pk}/"):
        response = client.get(url)
        assert response.status_code == 302
        assert response["Location"].startswith(reverse("site:login"))


def test_twice_the_photos_take_as_many_queries(member_client: Client, library: Library) -> None:
    label = LabelFactory()

    def fill() -> None:
        for month in range(1, 7):
            photo = PhotoFactory(library=library, taken=dt.datetime(2020, month, 1))
            DetectionFactory(photo=photo, label=label)

    def count(url: str) -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert member_client.get(url).status_code == 200
        return len(captured)

    fill()
    urls = ["/", "/months/202003/", f"/?at={Photo.objects.first().pk}"]  # type: ignore[union-attr]
    before = [count(url) for url in urls]
    fill()
    assert [count(url) for url in urls] == before


def test_a_tile_says_what_it_shows_and_reserves_its_place(member: User, library: Library) -> None:
    away = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)
    photo = PhotoFactory(library=library, width=4000, height=2000, colour="f00", kind="video", missing_since=away)
    DetectionFactory(photo=photo, label=LabelFactory(name="dog"))
    MarkFactory(user=member, photo=photo)
    (tile,) = queries.tiles(member, [photo], within="thing:dog")
    assert tile.alt == "dog, 17 May 2024"
    assert (tile.width, tile.height) == (480, 240)
    assert tile.url == f"/photos/{photo.pk}/?in=thing:dog"
    assert "p-f00" in tile.classes
    assert tile.is_favourite
    assert [sign.icon for sign in tile.signs] == ["play", "away", "heart"]
    assert tile.src == reverse("gallery:photo_thumbnail", args=[photo.pk, "small", photo.digest])
    assert [part.split()[1] for part in tile.srcset.split(", ")] == ["480w", "960w", "1920w"]


def test_what_people_wrote_is_escaped(member_client: Client, library: Library) -> None:
    PhotoFactory(library=library, caption='"><script>alert(1)</script>')
    html = member_client.get("/").content.decode()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)" in html


def test_the_empty_timeline_says_what_to_do_next(member_client: Client, admin_client: Client, db: None) -> None:
    assert "Ask the one who looks after PictoPy" in member_client.get("/").content.decode()
    assert reverse("gallery:library_add") in admin_client.get("/").content.decode()
    LibraryFactory()
    assert "No photos yet" in member_client.get("/").content.decode()


def test_nobody_has_no_months(db: None) -> None:
    PhotoFactory()
    assert months.months(AnonymousUser()) == []


def test_pages_have_no_inline_style_or_script(member_client: Client, library: Library) -> None:
    photo = PhotoFactory(library=library)
    DetectionFactory(photo=photo)
    for url in ("/", f"/photos/{photo.pk}/", "/search/?q=2024", "/things/", "/favourites/", "/months/202405/"):
        response = member_client.get(url)
        html = response.content.decode()
        assert " style=" not in html
        assert "<style" not in html
        assert not re.search(r"<script(?![^>]*\ssrc=)", html)
        assert not re.search(r"\son[a-z]+=", html)
        assert "'unsafe" not in response["Content-Security-Policy"]


@pytest.mark.slow
def test_every_link_of_the_frame_leads_somewhere(admin_client: Client, library: Library) -> None:
    PhotoFactory(library=library)
    html = admin_client.get("/").content.decode()
    assert 'href=""' not in html
    assert 'action=""' not in html
    for link in set(re.findall(r'<a [^>]*href="(/[^"#?]*)"', html)):
        assert admin_client.get(link).status_code == 200, link


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's plans")
def test_the_timeline_walks_its_indexes_and_sorts_nothing(member: User) -> None:
    """With another index on the library SQLite would read a library's photos and sort them: five times slower."""
    for _ in range(2):
        LibraryFactory()
    newest = access.visible_to(member).order_by(*photosets.NEWEST_FIRST)[:100].explain()
    month = months.month_set(member, 202405).photos.order_by(*photosets.NEWEST_FIRST)[:100].explain()
    counts = access.visible_to(member).order_by("-month").values_list("month").annotate(count=Count("id")).explain()
    assert "SCAN gallery_photo USING INDEX photo_timeline" in newest
    assert "SEARCH gallery_photo USING INDEX photo_timeline (sort_at>? AND sort_at<?)" in month
    assert "photo_month_counts" in counts
    assert "TEMP B-TREE" not in newest + month + counts
