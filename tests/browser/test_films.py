"""What plays on the photo page, in a browser: films and their copies, live and motion photos."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser import chromium, steps
from tests.browser.conftest import create_administrator, wait_until_read
from tests.browser.house import House
from tests.metadata.making import xmp
from tests.scenery import landscape
from tests.shots import movie, put, still
from tests.vision.films import HDR, film

pytestmark = pytest.mark.browser

TAKEN = dt.datetime(2023, 7, 5, 12)


def times(seconds: float, rate: int = 15) -> list[Fraction]:
    return [Fraction(number, rate) for number in range(round(seconds * rate))]


def write_films(folder: Path) -> None:
    """A film that browsers play, one that they do not, a live photo and a motion photo: a day apart, newest first."""
    scenes = [landscape(640, 360, seed=seed) for seed in range(4)]
    put(folder, "plain.mp4", film(width=640, height=360, picture=scenes[0], times=times(2), tags=said(4)))
    put(
        folder,
        "phone.MOV",
        film(container="mov", width=640, height=360, picture=scenes[1], times=times(2), tags=said(3), **HDR),
    )
    live = {"content_id": "LIVE-PHOTO-1", "taken": TAKEN + dt.timedelta(days=2)}
    put(folder, "IMG_1.JPG", pictured(scenes[2], **live))
    put(folder, "IMG_1.MOV", movie(width=640, height=360, picture=scenes[2], times=times(2), sound="aac", **live))
    moving = film(width=640, height=360, picture=scenes[3], times=times(2), sound=None)
    packet = xmp(attributes=f'GCamera:MicroVideo="1" GCamera:MicroVideoOffset="{len(moving)}"')
    put(folder, "PXL_1.MP.jpg", pictured(scenes[3], taken=TAKEN + dt.timedelta(days=1), packet=packet) + moving)


def said(day: int) -> dict[str, str]:
    return {"creation_time": f"{TAKEN + dt.timedelta(days=day):%Y-%m-%dT%H:%M:%S}.000000Z"}


def pictured(image: Image.Image, **options: object) -> bytes:
    return still(image=image, **options)


@pytest.fixture(scope="module")
def cinema(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, str]]:
    """A household of films, and its administrator's session."""
    house = House(tmp_path_factory.mktemp("cinema"))
    write_films(house.photos)
    try:
        house.start()
        context = chromium.open_context(browser, house.url)
        page = context.new_page()
        create_administrator(page, house)
        wait_until_read(page, 4)
        key = next(str(cookie["value"]) for cookie in context.cookies() if cookie["name"] == "sessionid")
        context.close()
        yield house, key
    finally:
        house.stop()


@pytest.fixture
def contexts(browser: Browser, cinema: tuple[House, str]) -> Iterator[list[BrowserContext]]:
    opened: list[BrowserContext] = []
    yield opened
    for context in opened:
        context.close()


@pytest.fixture
def window(browser: Browser, cinema: tuple[House, str], contexts: list[BrowserContext]) -> Iterator[Page]:
    house, key = cinema
    watch = chromium.Watch(house.url)
    contexts.append(watch.over(chromium.open_context(browser, house.url, key)))
    yield contexts[-1].new_page()
    assert not watch.complaints, "\n".join(watch.complaints)


def open_photo(page: Page, number: int) -> None:
    """The photo that stands at this place of the timeline."""
    page.goto("/")
    page.locator(".tile a").nth(number).click()
    page.wait_for_selector("photo-viewer")


PLAYED = "document.querySelector('video')?.currentTime > 0.2"


def test_the_grid_says_what_is_a_film_and_what_moves(window: Page) -> None:
    window.goto("/")
    expect(window.locator(".tile")).to_have_count(4)
    expect(window.locator(".tile").nth(0).locator(".tile-text")).to_have_text("0:02")
    expect(window.locator(".tile-signs [title='Live photo']")).to_have_count(2)


def test_a_film_plays_by_its_key(window: Page) -> None:
    open_photo(window, 0)
    expect(window.locator("video#photo_film")).to_be_visible()
    window.keyboard.press("p")
    steps.until(window, PLAYED)
    window.keyboard.press("p")
    steps.until(window, "document.querySelector('video').paused")


def test_a_film_that_the_browser_does_not_know_plays_once_its_copy_is_there(window: Page) -> None:
    """The page is looked at, and not loaded again."""
    open_photo(window, 1)
    expect(window.locator("video#photo_film")).to_be_visible(timeout=60_000)
    assert "/film-" in (window.locator("video#photo_film").get_attribute("src") or "")
    window.keyboard.press("p")
    steps.until(window, PLAYED)


@pytest.mark.parametrize("number", [2, 3], ids=["live photo", "motion photo"])
def test_what_moves_in_a_photo_plays_by_key_by_press_and_by_holding(window: Page, number: int) -> None:
    open_photo(window, number)
    button = window.get_by_role("button", name="Live")
    expect(button).to_have_attribute("aria-pressed", "false")
    window.keyboard.press("p")
    steps.until(window, PLAYED)
    expect(button).to_have_attribute("aria-pressed", "true")
    window.keyboard.press("p")
    expect(window.locator("video")).to_have_count(0)
    button.click()
    steps.until(window, PLAYED)
    expect(window.locator("video")).to_have_count(0, timeout=10_000)  # it ends by itself
    window.mouse.move(700, 400)
    window.mouse.down()
    steps.until(window, PLAYED)
    window.mouse.up()
    expect(window.locator("video")).to_have_count(0)


def test_where_less_motion_is_asked_for_only_the_button_plays(
    browser: Browser, cinema: tuple[House, str], contexts: list[BrowserContext]
) -> None:
    house, key = cinema
    contexts.append(chromium.open_context(browser, house.url, key, reduced_motion="reduce"))
    page = contexts[-1].new_page()
    open_photo(page, 2)
    page.mouse.move(700, 400)
    page.mouse.down()
    page.wait_for_timeout(600)
    expect(page.locator("video")).to_have_count(0)
    page.mouse.up()
    page.get_by_role("button", name="Live").click()
    steps.until(page, PLAYED)


def test_without_scripts_a_link_leads_to_what_moves(
    browser: Browser, cinema: tuple[House, str], contexts: list[BrowserContext]
) -> None:
    house, key = cinema
    contexts.append(chromium.open_context(browser, house.url, key, java_script_enabled=False))
    page = contexts[-1].new_page()
    open_photo(page, 2)
    page.get_by_role("link", name="Live").click()
    page.wait_for_url("**/motion/", wait_until="commit")
    # The browser's own page around the film runs no script of ours to ask it; what it draws tells.
    first = page.screenshot()
    page.wait_for_timeout(700)
    assert page.screenshot() != first, "it plays"
