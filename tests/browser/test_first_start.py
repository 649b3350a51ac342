"""The first hour: the welcome link, signing in, choosing a folder, watching it being read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import chromium, pictures
from tests.browser.conftest import ADMINISTRATOR, create_administrator
from tests.browser.house import PASSWORD, House
from tests.scenery import landscape

pytestmark = pytest.mark.browser

COUNT = 60
# Notes every state of the progress on the page, and whether the page was ever loaded anew.
NOTE_PROGRESS = """
window.noted = [];
const note = () => {
  const bar = document.querySelector('progress');
  if (bar && noted.at(-1) !== bar.value) noted.push(bar.value);
};
new MutationObserver(note).observe(document.body, {subtree: true, childList: true, attributes: true});
note();
"""


@pytest.fixture
def new_house(browser: Browser, tmp_path: Path) -> Iterator[House]:
    """An installation that nobody has used, started without a folder of photos."""
    made = House(tmp_path)
    made.environment["PICTOPY_WORKERS"] = "1"
    try:
        made.start(with_photos=False)
        yield made
    finally:
        made.stop()


@pytest.fixture
def new_watch(new_house: House) -> Iterator[chromium.Watch]:
    made = chromium.Watch(new_house.url)
    yield made
    assert not made.complaints, "\n".join(made.complaints)


@pytest.fixture
def new_page(browser: Browser, new_house: House, new_watch: chromium.Watch) -> Iterator[Page]:
    context = new_watch.over(chromium.open_context(browser, new_house.url))
    yield context.new_page()
    context.close()


def test_the_welcome_link_makes_the_administrator_once(
    new_page: Page, new_house: House, new_watch: chromium.Watch
) -> None:
    page = new_page
    new_watch.allow(404, 422)
    page.goto("/")
    expect(page.get_by_text("Nobody can sign in yet.")).to_be_visible()

    page.goto(new_house.welcome_link)
    page.get_by_label("Username").fill(ADMINISTRATOR)
    page.get_by_label("Password", exact=True).fill("12345678")
    page.get_by_label("Password confirmation").fill("12345678")
    page.get_by_role("button", name="Create the administrator").click()
    expect(page.get_by_text("too common")).to_be_visible()

    create_administrator(page, new_house)
    expect(page.get_by_text(f"Welcome, {ADMINISTRATOR}.")).to_be_visible()

    answer = page.goto(new_house.welcome_link)
    assert answer is not None
    assert answer.status == 404, "the welcome link works a second time"
    expect(page.get_by_role("heading", name="This link was used")).to_be_visible()

    page.goto("/")
    page.get_by_label(f"Your account, {ADMINISTRATOR}").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_text("Nobody can sign in yet.")).to_be_hidden()

    chromium.sign_in(page, ADMINISTRATOR, "not my password")
    expect(page.get_by_role("alert")).to_contain_text(re.compile("correct username and password", re.IGNORECASE))
    page.goto("/albums/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    chromium.sign_in(page, ADMINISTRATOR, PASSWORD)
    expect(page.get_by_role("heading", name="No albums yet")).to_be_visible()


def test_a_folder_chosen_in_the_browser_is_read_while_one_looks_on(new_page: Page, new_house: House) -> None:
    page = new_page
    write_photos(new_house.photos / "Holidays")
    pictures.write_broken(new_house.photos / "Holidays")
    create_administrator(page, new_house)

    expect(page.get_by_role("heading", name="Where are your photos?")).to_be_visible()
    page.get_by_role("link", name="Choose a folder").click()
    page.get_by_role("link", name=str(new_house.base)).click()
    page.get_by_role("link", name="photos", exact=True).click()
    page.get_by_role("link", name="Holidays").click()
    expect(page.get_by_text(f"{COUNT} pictures right here")).to_be_visible()
    expect(page.get_by_label("Folder", exact=True)).to_have_value(str(new_house.photos / "Holidays"))
    page.get_by_role("link", name="Use this folder").click()
    page.get_by_role("button", name="Add this folder").click()
    expect(page.get_by_role("heading", name="Holidays", level=1)).to_be_visible()
    expect(page.get_by_text("was added")).to_be_visible()

    page.goto("/libraries/")
    page.evaluate(NOTE_PROGRESS)
    expect(page.get_by_text("Up to date")).to_be_visible(timeout=60_000)
    noted = page.evaluate("window.noted")
    assert noted, f"no progress was shown, but at once: {page.locator('.library-card').inner_text()}"
    assert noted == sorted(noted), "progress went backwards"
    assert noted[0] < 100
    expect(page.locator("progress")).to_have_count(0)
    expect(page.locator(".library-count")).to_have_text(f"{COUNT} photos")
    expect(page.get_by_text("3 failed")).to_be_visible()

    page.get_by_role("link", name="Holidays").click()
    expect(page.get_by_role("heading", name="3 photos could not be read in full")).to_be_visible()
    for name, reason in pictures.BROKEN.items():
        row = page.get_by_role("listitem").filter(has_text=name)
        expect(row).to_contain_text(re.compile(reason, re.IGNORECASE))

    # One file is mended, and tried again by its button.
    (new_house.photos / "Holidays/Broken/empty.jpg").write_bytes(_jpeg(COUNT + 1))
    page.get_by_role("button", name="Try Broken/empty.jpg again").click()
    expect(page.get_by_text("One photo is tried again.")).to_be_visible()
    expect(page.locator(".library-count")).to_have_text(f"{COUNT + 1} photos", timeout=60_000)
    page.reload()
    expect(page.get_by_role("heading", name="2 photos could not be read in full")).to_be_visible()
    page.get_by_role("button", name="Try all again").click()
    expect(page.get_by_text("2 photos are tried again.")).to_be_visible()
    expect(page.get_by_text("2 failed")).to_be_visible(timeout=60_000)

    page.goto("/")
    expect(page.locator(".tile").first).to_be_visible()


def write_photos(folder: Path) -> None:
    """Large enough that reading them takes a while; each with content of its own."""
    folder.mkdir(parents=True)
    for number in range(COUNT):
        (folder / f"{number:03}.jpg").write_bytes(_jpeg(number))


_drawn: list[bytes] = []


def _jpeg(number: int) -> bytes:
    """The same large picture, and behind it a note that makes the content another."""
    if not _drawn:
        import io

        buffer = io.BytesIO()
        landscape(600, 400, seed=5).resize((2400, 1600)).save(buffer, "JPEG", quality=85)
        _drawn.append(buffer.getvalue())
    return _drawn[0] + f"photo {number}".encode()
