"""Things, and searching for them, for words and for dates."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import pictures, steps

pytestmark = pytest.mark.browser


def search(page: Page, text: str) -> None:
    box = page.get_by_role("searchbox", name="Search your photos")
    box.fill(text)
    box.press("Enter")


def test_words_are_found_in_folders_files_and_cameras(page: Page) -> None:
    in_norway = [scene for scene in pictures.scenes() if scene.path.startswith("Norway")]
    page.goto("/")
    search(page, "norway")
    expect(page.get_by_text(f"{len(in_norway)} photos")).to_be_visible()
    expect(steps.tiles(page)).to_have_count(len(in_norway))
    expect(page.get_by_role("searchbox")).to_have_value("norway")
    search(page, "alpenglow scene-003")
    expect(steps.tiles(page)).to_have_count(1)


def test_dates_and_words_make_chips_that_can_be_taken_away(page: Page) -> None:
    page.goto("/")
    search(page, "scene June 2024")
    chips = page.get_by_label("Searched for").get_by_role("listitem")
    expect(chips).to_have_count(2)
    expect(steps.tiles(page)).to_have_count(2)
    expect(page.get_by_label("Searched for")).to_contain_text("June 2024")

    page.get_by_role("link", name="Without June 2024").click()
    expect(chips).to_have_count(1)
    expect(steps.tiles(page)).to_have_count(len(pictures.scenes()))
    page.get_by_role("link", name="Without “scene”").click()
    expect(page.get_by_label("Searched for")).to_have_count(0)
    expect(page.get_by_role("heading", name="What can be found")).to_be_visible()


def test_the_fields_for_dates_narrow_what_was_typed(page: Page) -> None:
    page.goto("/search/?q=scene")
    page.get_by_text("People, thing, place, dates").click()
    page.get_by_label("From").fill("2024-01-01")
    page.get_by_label("To", exact=True).fill("2024-04-30")
    page.get_by_role("main").get_by_role("button", name="Search").click()
    expect(page.get_by_label("Searched for")).to_contain_text("1 January 2024 to 30 April 2024")
    expect(steps.tiles(page)).to_have_count(4)
    expect(page.get_by_role("searchbox")).to_have_value("scene")


def test_previous_and_next_stay_among_what_was_found(page: Page) -> None:
    page.goto("/")
    search(page, "June 2024")
    ids = steps.photo_ids(page)
    assert len(ids) == 2
    steps.open_tile(page)
    page.keyboard.press("ArrowRight")
    steps.expect_photo(page, ids[1])
    expect(page.get_by_role("link", name="Next photo")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.get_by_label("Searched for")).to_contain_text("June 2024")
    assert steps.photo_ids(page) == ids


def test_nothing_found_says_what_to_do(page: Page) -> None:
    page.goto("/")
    search(page, "zeppelin 1937")
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    expect(page.get_by_role("link", name="Without 1937")).to_be_visible()
    page.get_by_role("link", name="Start again").click()
    expect(page.get_by_role("heading", name="What can be found")).to_be_visible()


@pytest.mark.weights
def test_things_are_listed_and_can_be_searched_for(page: Page, friends: tuple[str, ...]) -> None:
    page.goto("/things/")
    things = page.locator(".covers a")
    expect(things.first).to_be_visible()
    steps.expect_loaded(things.first.locator("img"))
    name = things.first.locator("b").inner_text()
    count = int(re.sub(r"\D", "", things.first.locator(".meta").inner_text()))
    things.first.click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
    expect(steps.tiles(page)).to_have_count(count)

    page.goto("/search/")
    page.get_by_label("Thing", exact=True).fill(name.lower())
    page.get_by_role("main").get_by_role("button", name="Search").click()
    expect(steps.tiles(page)).to_have_count(count)
    # The same by its name among other words.
    search(page, name)
    expect(page.get_by_role("link", name=f"Without {name}", exact=False).first).to_be_visible()
    page.get_by_role("link", name=re.compile(f"Without {name}", re.IGNORECASE)).first.click()
