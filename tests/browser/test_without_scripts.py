"""Everything that matters, in a browser that runs no scripts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import chromium, steps
from tests.browser.conftest import ADMINISTRATOR, OpenAs
from tests.browser.house import PASSWORD

pytestmark = pytest.mark.browser


def test_signing_in_and_out(open_as: OpenAs) -> None:
    page = open_as("", java_script_enabled=False)
    page.goto("/favourites/")
    chromium.sign_in(page, ADMINISTRATOR, PASSWORD)
    expect(page.get_by_role("heading", name="Favourites", exact=True)).to_be_visible()
    page.get_by_label(f"Your account, {ADMINISTRATOR}").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_months_that_are_not_loaded_have_pages_of_their_own(plain_page: Page) -> None:
    page = plain_page
    page.goto("/")
    expect(page.get_by_role("heading", name=re.compile("^April 2020"))).to_be_visible()
    page.locator("#m202004").get_by_role("link", name=re.compile("^Show ")).click()
    expect(page.get_by_role("heading", name="April 2020", level=1)).to_be_visible()
    expect(steps.tiles(page)).to_have_count(20)
    expect(steps.tiles(page).first.locator("img")).to_be_visible()
    page.get_by_role("link", name="Photos", exact=True).first.click()
    expect(page.get_by_role("heading", name=re.compile("^August 2024"))).to_be_visible()


def test_jumping_to_a_month(plain_page: Page) -> None:
    page = plain_page
    page.goto("/")
    page.locator("#jump").get_by_role("link", name=re.compile("^April 2023,")).click()
    expect(page.locator("#m202304")).to_be_in_viewport()


def test_from_photo_to_photo_and_back(plain_page: Page) -> None:
    page = plain_page
    page.goto("/")
    ids = steps.photo_ids(page)
    steps.tile(page, ids[0]).click()
    steps.expect_photo(page, ids[0])
    page.get_by_role("link", name="Next photo").click()
    steps.expect_photo(page, ids[1])
    page.get_by_role("link", name="Previous photo").click()
    steps.expect_photo(page, ids[0])
    page.get_by_label("Show details").check(force=True)
    expect(page.get_by_role("complementary", name="Details")).to_contain_text("Alpenglow X1")
    page.get_by_role("link", name=re.compile("^Close")).click()
    expect(steps.tile(page, ids[0])).to_be_in_viewport()


def test_a_favourite(plain_page: Page) -> None:
    page = plain_page
    page.goto("/")
    steps.tiles(page).first.click()
    page.get_by_role("button", name="Favourite").click()
    expect(page.get_by_role("button", name="Favourite")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("photo-viewer")).to_be_visible()
    page.goto("/favourites/")
    expect(steps.tiles(page)).to_have_count(1)


def test_searching(plain_page: Page) -> None:
    page = plain_page
    page.goto("/")
    box = page.get_by_role("searchbox", name="Search your photos")
    box.fill("scene June 2024")
    box.press("Enter")
    expect(steps.tiles(page)).to_have_count(2)
    page.get_by_role("link", name="Without June 2024").click()
    expect(page.get_by_label("Searched for").get_by_role("listitem")).to_have_count(1)


def test_adding_to_an_album_by_the_page_for_it(plain_page: Page) -> None:
    page = plain_page
    page.goto("/")
    steps.select(page, 0, 2)
    expect(page.get_by_role("region", name="Selected photos")).to_be_visible()
    page.get_by_role("button", name="Add to album").click()
    expect(page.get_by_role("heading", name="Add 2 photos to an album")).to_be_visible()
    page.get_by_label("Name of the first album").fill("By hand")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(steps.toast(page)).to_contain_text("2 photos added to By hand")
    page.goto("/albums/")
    page.get_by_role("link", name="By hand").click()
    expect(steps.tiles(page)).to_have_count(2)

    page.get_by_role("link", name="Arrange").click()
    page.get_by_role("button", name="Use my own order").click()
    ids = [str(tile.get_attribute("data-photo")) for tile in page.locator(".order-tile").all()]
    page.get_by_role("button", name="Photo 2 earlier").click()
    page.get_by_role("link", name="Done").click()
    assert steps.photo_ids(page) == ids[::-1]


@pytest.mark.weights
def test_naming_a_person(plain_page: Page, friends: tuple[str, ...]) -> None:
    page = plain_page
    page.goto("/people/")
    card = page.locator(".suggestion").last
    card.get_by_label("Who is this?").fill("Grandfather Thaddeus")
    card.get_by_role("button", name="Save the name").click()
    expect(steps.toast(page)).to_contain_text("Grandfather Thaddeus now.")
    page.get_by_role("link", name="Grandfather Thaddeus").first.click()
    expect(steps.tiles(page).first).to_be_visible()
    page.locator(".faces > li").first.hover()
    page.get_by_role("button", name="This is not Grandfather Thaddeus").first.click()
    expect(steps.toast(page)).to_contain_text("this is not Grandfather Thaddeus")
    steps.toast(page).get_by_role("button", name="Undo").click()
    expect(steps.toast(page)).to_contain_text("Taken back.")


def test_all_main_pages_show_something(plain_page: Page) -> None:
    for address in steps.MAIN_PAGES:
        plain_page.goto(address)
        expect(plain_page.get_by_role("heading", level=1)).to_have_count(1)
