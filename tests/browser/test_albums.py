"""Albums, from the first photo in them to bringing a deleted one back."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import chromium, steps
from tests.browser.conftest import ADMINISTRATOR, OpenAs

pytestmark = pytest.mark.browser


def test_photos_go_into_a_new_album_and_then_into_an_existing_one(page: Page) -> None:
    steps.make_album(page, "Journey", 0, 1, 2)
    assert steps.tiles(page).count() == 3

    page.goto("/")
    expect(page.get_by_role("region", name="Selected photos")).to_be_hidden()
    steps.select(page, 2, 3)
    page.get_by_role("button", name="Add to album").click()
    page.locator("#album_chooser").get_by_label("Album").select_option("Journey")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(steps.toast(page)).to_contain_text("1 photo added to Journey. 1 was there already.")
    expect(page.get_by_role("region", name="Selected photos")).to_be_hidden()
    page.goto("/albums/")
    expect(page.get_by_role("link", name="Journey")).to_contain_text("4 photos")


def test_the_chooser_asks_when_nothing_was_chosen(page: Page, watch: chromium.Watch) -> None:
    watch.allow(422)
    page.goto("/")
    steps.select(page, 0)
    page.get_by_role("button", name="Add to album").click()
    page.locator("#album_chooser input[name=new]").fill("   ")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("#album_chooser")).to_contain_text("Choose an album, or name a new one.")
    expect(page.get_by_role("region", name="Selected photos")).to_contain_text("1 selected")


def test_an_album_is_renamed_described_and_given_a_cover(page: Page) -> None:
    steps.make_album(page, "Jurney", 0, 1, 2)
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Name").fill("Journey to Norway")
    page.get_by_label("Description").fill("Two weeks of rain,\nand one evening.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Journey to Norway")).to_be_visible()
    expect(page.get_by_text("Two weeks of rain,")).to_be_visible()

    page.goto("/albums/")
    album = page.get_by_role("link", name="Journey to Norway")
    before = album.locator("img").get_attribute("src")
    album.click()
    covers = [page.locator(".tile img").nth(number).get_attribute("src") for number in range(3)]
    at = next(number for number, src in enumerate(covers) if str(src).split("/")[2] != str(before).split("/")[2])
    steps.select(page, at)
    page.get_by_role("button", name="Use as cover").click()
    expect(steps.toast(page)).to_contain_text("new cover")
    page.goto("/albums/")
    cover = album.locator("img")
    assert str(cover.get_attribute("src")).split("/")[2] == str(covers[at]).split("/")[2]
    steps.expect_loaded(cover)


def test_photos_are_put_in_an_order_of_ones_own_by_keyboard(page: Page) -> None:
    steps.make_album(page, "Ordered", 0, 1, 2, 3)
    before = steps.photo_ids(page)
    page.get_by_role("link", name="Arrange").click()
    page.get_by_role("button", name="Use my own order").click()
    assert order(page) == before

    page.locator(f"#open-{before[0]}").focus()
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("#order-status")).to_have_text("Now photo 2 of 4.")
    assert order(page) == [before[1], before[0], *before[2:]]
    assert page.evaluate("document.activeElement.closest('[data-photo]')?.dataset.photo") == before[0]
    page.keyboard.press("Shift+End")
    expect(page.locator("#order-status")).to_have_text("Now photo 4 of 4.")
    wanted = [*before[1:], before[0]]
    assert order(page) == wanted

    page.get_by_role("button", name="Photo 3 to the start").click()
    expect(page.locator("#order-status")).to_have_text("Now photo 1 of 4.")
    wanted.insert(0, wanted.pop(2))
    assert order(page) == wanted
    page.get_by_role("link", name="Done").click()
    assert steps.photo_ids(page) == wanted
    # Previous and next go in the same order.
    steps.open_tile(page, 1)
    page.keyboard.press("ArrowRight")
    steps.expect_photo(page, wanted[2])


def order(page: Page) -> list[str]:
    return [str(tile.get_attribute("data-photo")) for tile in page.locator(".order-tile").all()]


def test_photos_are_dragged_to_their_places(page: Page) -> None:
    steps.make_album(page, "Dragged", 0, 1, 2, 3)
    page.get_by_role("link", name="Arrange").click()
    page.get_by_role("button", name="Use my own order").click()
    before = order(page)
    page.locator(f"#photo-{before[3]}").drag_to(page.locator(f"#photo-{before[0]}"), target_position={"x": 8, "y": 40})
    expect(page.locator("#order-status")).to_have_text("Now photo 1 of 4.")
    assert order(page) == [before[3], *before[:3]]


def test_photos_are_taken_out_and_stay_in_the_library(page: Page) -> None:
    steps.make_album(page, "Shrinking", 0, 1, 2)
    ids = steps.photo_ids(page)
    steps.select(page, 1)
    page.get_by_role("button", name="Take out").click()
    expect(steps.toast(page)).to_contain_text("1 photo taken out of “Shrinking”.")
    assert steps.photo_ids(page) == [ids[0], ids[2]]
    page.goto("/")
    expect(steps.tile(page, ids[1])).to_be_visible()


def test_a_deleted_album_can_be_brought_back(page: Page) -> None:
    steps.make_album(page, "Mistake", 0, 1)
    page.get_by_label("More", exact=True).click()
    page.get_by_role("link", name="Delete album").click()
    expect(page.get_by_text(re.compile(r"2 photos\s+stay in the library"))).to_be_visible()
    page.get_by_role("button", name="Delete the album").click()
    expect(steps.toast(page)).to_contain_text("“Mistake” was deleted.")
    expect(page.get_by_role("main").get_by_role("link", name="Mistake")).to_have_count(0)
    page.get_by_text("Deleted albums").click()
    page.get_by_role("button", name="Bring back Mistake").click()
    expect(page.get_by_role("heading", name="Mistake", level=1)).to_be_visible()
    expect(steps.tiles(page)).to_have_count(2)


def test_an_album_of_the_household_is_seen_by_others_and_changed_by_none(page: Page, open_as: OpenAs) -> None:
    steps.make_album(page, "For everyone", 0, 1)
    address = page.url
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Everyone in the house").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("shared with the house")).to_be_visible()
    other = open_as(ADMINISTRATOR)
    other.goto(address)
    expect(other.get_by_role("heading", name="For everyone")).to_be_visible()
    expect(steps.tiles(other)).to_have_count(2)
    expect(other.get_by_role("link", name="Edit")).to_have_count(0)
    expect(other.get_by_role("link", name="Arrange")).to_have_count(0)
    steps.open_tile(other)
    other.keyboard.press("i")
    expect(other.get_by_role("complementary", name="Details").get_by_role("link", name="For everyone")).to_be_visible()
