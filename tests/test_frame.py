"""What every page has around it, and the small words that many print."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from django.utils import timezone

from gallery import photo_facts
from gallery.templatetags.pictopy import ago, datalist, thousands
from tests.factories import PhotoFactory


def test_the_sign_of_the_house_is_where_browsers_look_for_it(client: Client, db: None) -> None:
    response = client.get("/favicon.ico")
    assert response.status_code == 200
    assert "icon" in response.headers["Content-Type"]
    assert b"".join(response).startswith(b"\x00\x00\x01\x00")


def test_pages_and_the_administration_name_their_sign(client: Client, admin_client: Client) -> None:
    for page in (client.get("/login/"), admin_client.get("/"), admin_client.get("/admin/")):
        links = re.findall(r'<link rel="icon"[^>]* href="/static/([^"]+)"', page.content.decode())
        assert links == ["img/mark-32.png", "img/mark.svg"]
        assert all(finders.find(link) for link in links)


def test_the_keys_are_told_to_members_alone(client: Client, member_client: Client) -> None:
    assert '<dialog class="keys-help"' in member_client.get("/").content.decode()
    assert "<dialog" not in client.get("/login/").content.decode()


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "just now"), (59, "just now"), (61, "1\xa0minute ago"), (3 * 3600 + 700, "3\xa0hours ago")],
)
def test_how_long_ago(seconds: int, said: str) -> None:
    assert ago(timezone.now() - dt.timedelta(seconds=seconds)) == said


def test_thousands() -> None:
    assert [thousands(1234567), thousands(None)] == ["1,234,567", "0"]


@pytest.mark.parametrize(
    ("width", "height", "said"),
    [
        (1000, 1000, "1 megapixel"), (1024, 1000, "1 megapixel"), (1500, 1000, "1.5 megapixels"),
        (640, 480, "0.31 megapixels"), (4000, 3000, "12 megapixels"), (100, 100, ""),
    ],
)  # fmt: skip
def test_the_number_of_pixels_is_said_as_people_say_it(width: int, height: int, said: str) -> None:
    photo = PhotoFactory.build(library=None, width=width, height=height, size_bytes=0)
    assert photo_facts.size(photo) == ", ".join(filter(None, [f"{width} × {height}", said]))


def test_names_that_a_field_offers_are_escaped() -> None:
    offered = datalist("names", ["Anna", '"><script>'])
    assert offered == (
        '<datalist id="names"><option value="Anna"></option>'
        '<option value="&quot;&gt;&lt;script&gt;"></option></datalist>'
    )
