"""Pictures of all main pages, on a phone and a wide screen, light and dark.

`python -m tests.browser.screenshots OUT_DIR` starts an installation of its own with drawn landscapes;
`python -m tests.browser.screenshots OUT_DIR BASE_URL COOKIE` looks at one that is running (COOKIE: the session key).
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, Page, expect

from tests.browser import chromium, pictures, steps
from tests.browser.house import House

SCENES = 60
WINDOWS: dict[str, dict[str, Any]] = {
    "1440": {"viewport": {"width": 1440, "height": 900}},
    "390": {"viewport": chromium.PHONE, "has_touch": True, "is_mobile": True, "device_scale_factor": 2},
}
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def take_all(browser: Browser, out: Path, url: str, session_key: str) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for theme in THEMES:
        for width, options in WINDOWS.items():
            context = chromium.open_context(browser, url, session_key, color_scheme=theme, **options)
            page = context.new_page()
            for name, address in addresses(page):
                page.goto(address)
                take(page, out / f"{name}-{width}-{theme}.png")
                if name == "photo":
                    page.keyboard.press("i")
                    take(page, out / f"photo-details-{width}-{theme}.png")
                    page.keyboard.press("i")
            page.goto("/")
            page.locator(".tile-select").nth(0).check(force=True)
            page.locator(".tile-select").nth(2).check(force=True)
            take(page, out / f"selection-{width}-{theme}.png")
            context.close()
            door = chromium.open_context(browser, url, color_scheme=theme, **options)
            page = door.new_page()
            page.goto("/login/")
            take(page, out / f"login-{width}-{theme}.png")
            door.close()


def addresses(page: Page) -> Iterator[tuple[str, str]]:
    """Names and addresses of all main pages; those of one photo, album, person and thing are found by their links."""
    yield "timeline", "/"
    if photo := first_link(page, "/", ".tile a"):
        yield "photo", photo
        yield "photo-edit", f"{photo.partition('?')[0]}edit/"
    yield "favourites", "/favourites/"
    yield "albums", "/albums/"
    if album := first_link(page, "/albums/", ".covers a"):
        yield "album", album
        yield "arrange", f"{album}move/"
        yield "album-edit", f"{album}edit/"
    yield "album-new", "/albums/new/"
    yield "people", "/people/"
    for name, part in (("person", ".covers.round a"), ("suggestion", "a.suggestion-cover")):
        if link := first_link(page, "/people/", part):
            yield name, link
            yield f"{name}-split", f"{link}split/"
            if name == "person":
                yield "person-faces", f"{link}faces/"
                yield "person-merge", f"{link}merge/"
    yield "face-find", "/people/find/"
    yield "journal", "/people/journal/"
    yield "strangers", "/people/strangers/"
    yield "places", "/places/"
    yield "clock", "/photos/clock/"
    yield "changes", "/changes/"
    yield "uploads", "/uploads/"
    yield "trash", "/trash/"
    yield "things", "/things/"
    if thing := first_link(page, "/things/", ".covers a"):
        yield "thing", thing
    yield "search", "/search/"
    yield "search-found", "/search/?q=scene"
    yield "search-nothing", "/search/?q=nowhere+2021"
    yield "libraries", "/libraries/"
    if library := first_link(page, "/libraries/", ".library-card h2 a"):
        yield "library", library
        yield "review", f"{library}review/"
        yield "missing", f"{library}missing/"
    yield "duplicates", "/duplicates/"
    yield "duplicates-all", "/duplicates/all/"
    yield "duplicates-decided", "/duplicates/decided/"
    yield "doctor", "/doctor/"
    yield "doctor", "/doctor/"
    yield "library-add", "/libraries/add/"
    yield "password", "/password/"
    yield "accounts", "/accounts/"
    yield "account-add", "/accounts/add/"
    yield "account", "/accounts/1/"
    yield "not-found", "/nowhere/"
    yield "admin", "/admin/"


def first_link(page: Page, address: str, selector: str) -> str | None:
    page.goto(address)
    link = page.locator(selector).first
    return link.get_attribute("href") if link.count() else None


def take(page: Page, file: Path) -> None:
    """Once all pictures that can be seen have been drawn."""
    page.wait_for_load_state("networkidle")
    steps.until(page, steps.PICTURES_IN_VIEW_ARE_HERE)
    page.evaluate("document.getAnimations().forEach(animation => animation.finish())")
    page.screenshot(path=file)


@contextmanager
def own_house(browser: Browser) -> Iterator[tuple[str, str]]:
    """An installation on drawn landscapes, with some favourites and an album; its address and a session key."""
    from tests.browser.conftest import create_administrator, session_key, wait_until_read

    with tempfile.TemporaryDirectory(prefix="pictopy-screenshots-") as base:
        house = House(Path(base))
        pictures.draw_scenes(house.photos, pictures.scenes(SCENES, a_month=6, months_apart=5), 1500, 1000)
        try:
            house.start()
            context = chromium.open_context(browser, house.url)
            page = context.new_page()
            create_administrator(page, house)
            wait_until_read(page, SCENES)
            fill(page)
            yield house.url, session_key(context)
        finally:
            house.stop()


def fill(page: Page) -> None:
    """Favourites, and an album of everything from Norway."""
    page.goto("/")
    for number in (1, 4, 5, 9, 12):
        page.locator(".tile-select").nth(number).check(force=True)
    page.get_by_role("button", name="Favourite").click()
    page.goto("/search/?q=Norway")
    page.keyboard.press("Control+a")
    page.get_by_role("button", name="Add to album").click()
    page.get_by_label("Name of the first album").fill("Norway in summer")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("added to Norway in summer")).to_be_visible()


def main(arguments: list[str]) -> None:
    out = Path(arguments[0])
    with chromium.chromium() as browser:
        if len(arguments) == 3:
            take_all(browser, out, arguments[1], arguments[2])
            return
        with own_house(browser) as (url, key):
            take_all(browser, out, url, key)


if __name__ == "__main__":
    main(sys.argv[1:])
