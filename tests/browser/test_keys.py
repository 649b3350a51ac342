"""Keys that every page has, and albums from the page of one photo."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser import steps

pytestmark = pytest.mark.browser


def test_a_slash_leads_to_the_search_box_and_is_a_letter_in_it(page: Page) -> None:
    page.goto("/albums/")
    box = page.get_by_role("searchbox", name="Search your photos")
    page.keyboard.press("/")
    expect(box).to_be_focused()
    expect(box).to_have_value("")
    page.keyboard.type("a/b?")
    expect(box).to_have_value("a/b?")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_question_mark_tells_the_keys_and_escape_closes_only_them(page: Page) -> None:
    page.goto("/")
    ids = steps.photo_ids(page)
    steps.open_tile(page)
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys).to_be_visible()
    expect(keys.get_by_role("button", name="Close")).to_be_focused()
    # The photo behind it does not hear of keys.
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    steps.expect_photo(page, ids[0])
    page.keyboard.press("Escape")
    expect(steps.tile(page, ids[0])).to_be_visible()


def test_the_keys_are_in_the_menu_as_well(page: Page) -> None:
    page.goto("/albums/")
    page.get_by_label("Your account").click()
    page.get_by_role("button", name="Keys").click()
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys).to_be_visible()
    keys.get_by_role("button", name="Close").click()
    expect(keys).to_be_hidden()


def test_a_photo_is_added_to_an_album_from_its_page(page: Page) -> None:
    page.goto("/")
    ids = steps.photo_ids(page)
    steps.open_tile(page)
    page.keyboard.press("i")
    page.keyboard.press("a")
    name = page.get_by_label("Name of the first album")
    expect(name).to_be_focused()
    # Letters are letters while one types, and Escape closes the fields, not the photo.
    page.keyboard.type("fab")
    page.keyboard.press("Escape")
    expect(name).to_have_count(0)
    expect(page.get_by_role("button", name="Add to album")).to_be_focused()
    steps.expect_photo(page, ids[0])
    page.keyboard.press("Enter")
    page.get_by_label("Name of the first album").fill("From the viewer")
    page.keyboard.press("Enter")
    expect(steps.toast(page)).to_contain_text("1 photo added to From the viewer")
    expect(page.get_by_role("complementary").get_by_role("link", name="From the viewer")).to_be_visible()
    expect(page.get_by_role("button", name="Add to album")).to_be_focused()
    steps.expect_photo(page, ids[0])
    page.keyboard.press("ArrowRight")
    steps.expect_photo(page, ids[1])


def test_an_album_is_chosen_for_a_photo_without_scripts(plain_page: Page) -> None:
    page = plain_page
    page.goto("/")
    page.locator(".tile a").first.click()
    page.get_by_role("button", name="Add to album").click()
    expect(page.get_by_role("heading", name="Add 1 photo to an album")).to_be_visible()
    page.get_by_label("Name of the first album").fill("Plain")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator(".viewer-photo").last).to_be_visible()
    expect(page.get_by_text("1 photo added to Plain")).to_be_visible()
