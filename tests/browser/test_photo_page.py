"""One photo: opening it, walking on, coming back, favourites, boxes, details."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import steps

pytestmark = pytest.mark.browser


def test_a_photo_opens_by_a_click_and_escape_leads_back_to_it(page: Page) -> None:
    page.goto("/")
    ids = steps.photo_ids(page)
    wanted = ids[30]
    steps.tile(page, wanted).scroll_into_view_if_needed()
    place = page.evaluate("scrollY")
    assert place > 300
    steps.open_tile(page, 30)
    steps.expect_loaded(page.locator("img.viewer-photo").last)
    page.keyboard.press("Escape")
    expect(steps.tile(page, wanted)).to_be_in_viewport()
    assert abs(page.evaluate("scrollY") - place) < 60, "the grid is not where it was left"


def test_escape_leads_to_the_photo_that_one_walked_to(page: Page) -> None:
    """Also when it lies in a month that had not been loaded."""
    page.goto("/")
    ids = steps.photo_ids(page)
    last = steps.open_tile(page, len(ids) - 1)
    for _ in range(3):
        page.keyboard.press("ArrowRight")
        expect(page.locator("photo-viewer")).not_to_have_attribute("data-photo", last)
        last = steps.shown_photo(page)
    assert last not in ids
    page.keyboard.press("Escape")
    expect(steps.tile(page, last)).to_be_in_viewport()
    expect(page).to_have_url(re.compile(r"/\?at="))


def test_the_grid_by_keyboard(page: Page) -> None:
    page.goto("/")
    ids = steps.photo_ids(page)
    steps.tile(page, ids[0]).locator("a").focus()
    page.keyboard.press("ArrowRight")
    assert steps.focused_photo(page) == ids[1]
    page.keyboard.press("ArrowDown")
    assert steps.focused_photo(page) in ids[2:4], "the month below holds the third and the fourth photo"
    page.keyboard.press("ArrowUp")
    assert steps.focused_photo(page) in ids[:2]
    page.keyboard.press("End")
    assert steps.focused_photo(page) != ids[0]
    page.keyboard.press("Home")
    assert steps.focused_photo(page) == ids[0]
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    steps.expect_photo(page, ids[1])


def test_next_and_previous_by_keys_and_by_links(page: Page) -> None:
    page.goto("/")
    ids = steps.photo_ids(page)
    steps.open_tile(page)
    expect(page.get_by_role("link", name="Previous photo")).to_have_count(0)
    page.keyboard.press("ArrowRight")
    steps.expect_photo(page, ids[1])
    page.keyboard.press("ArrowRight")
    steps.expect_photo(page, ids[2])
    page.keyboard.press("ArrowLeft")
    steps.expect_photo(page, ids[1])
    page.get_by_role("link", name="Next photo").click()
    steps.expect_photo(page, ids[2])
    steps.expect_loaded(page.locator("img.viewer-photo").last)
    page.get_by_role("link", name="Previous photo").click()
    steps.expect_photo(page, ids[1])
    # The title is that of the photo that is shown, and the address is good for a reload.
    expect(page).to_have_title(re.compile("11 August 2024"))
    page.reload()
    steps.expect_photo(page, ids[1])


def test_a_key_held_down_walks_on_within_the_page(page: Page) -> None:
    """As fast as keyboards repeat, faster than answers come: no photo is loaded as a page of its own, which would be
    one more step for the way back."""
    page.goto("/")
    ids = steps.photo_ids(page)
    steps.open_tile(page)
    loads: list[str] = []
    page.on("request", lambda request: loads.append(request.url) if request.is_navigation_request() else None)
    for _ in range(20):
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(33)
    steps.until(page, "!document.querySelector('.htmx-request, .htmx-settling')")
    steps.expect_photo(page, steps.shown_photo(page))
    assert ids.index(steps.shown_photo(page)) > 1
    assert loads == []
    page.go_back()
    expect(steps.tile(page, ids[0])).to_be_visible()


def test_back_leads_to_the_grid(page: Page) -> None:
    page.goto("/")
    ids = steps.photo_ids(page)
    steps.open_tile(page)
    page.keyboard.press("ArrowRight")
    steps.expect_photo(page, ids[1])
    page.go_back()
    expect(steps.tile(page, ids[0])).to_be_visible()
    page.go_forward()
    expect(page.locator("photo-viewer")).to_be_visible()


def test_f_makes_a_favourite_and_favourites_show_it(page: Page) -> None:
    page.goto("/favourites/")
    expect(page.get_by_role("heading", name="No favourites yet")).to_be_visible()
    page.get_by_role("link", name="To the photos").click()
    ids = steps.photo_ids(page)
    for photo in ids[2:4]:
        page.goto(f"/photos/{photo}/", wait_until="load")
        heart = page.get_by_role("button", name="Favourite")
        expect(heart).to_have_attribute("aria-pressed", "false")
        page.keyboard.press("f")
        expect(heart).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Favourite").click()
    expect(page.get_by_role("button", name="Favourite")).to_have_attribute("aria-pressed", "false")

    page.goto("/favourites/")
    assert steps.photo_ids(page) == ids[2:3]
    assert steps.open_tile(page) == ids[2]
    expect(page.get_by_role("link", name="Next photo")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="Favourites")).to_be_visible()
    page.goto("/")
    expect(steps.tile(page, ids[2]).get_by_title("Favourite")).to_be_visible()


def test_i_shows_details_and_they_stay_on_the_way(page: Page) -> None:
    page.goto("/")
    ids = steps.photo_ids(page)
    steps.open_tile(page)
    details = page.get_by_role("complementary", name="Details")
    expect(details).to_be_hidden()
    page.keyboard.press("i")
    expect(details).to_be_visible()
    for fact in ("18:05, Tuesday 20 August 2024", "Alpenglow X1", "900 × 600", "61.2000° N, 6.7500° E"):
        expect(details).to_contain_text(fact)
    expect(details).to_contain_text("Norway/scene-000.jpg")
    page.keyboard.press("ArrowRight")
    steps.expect_photo(page, ids[1])
    expect(page.get_by_role("complementary", name="Details")).to_be_visible()
    page.keyboard.press("i")
    expect(page.get_by_role("complementary", name="Details")).to_be_hidden()


@pytest.mark.weights
def test_b_shows_what_was_found(page: Page, friends: tuple[str, ...]) -> None:
    page.goto("/search/?q=bbt1")
    steps.open_tile(page)
    boxes = page.locator(".viewer-boxes")
    expect(boxes).to_be_hidden()
    page.keyboard.press("b")
    expect(boxes).to_be_visible()
    assert page.locator(".viewer-box.face").count() >= 3
    box = page.locator(".viewer-box.face rect").first.bounding_box()
    photo = page.locator("img.viewer-photo").last.bounding_box()
    assert box is not None
    assert photo is not None
    assert photo["x"] <= box["x"] <= photo["x"] + photo["width"]
    page.keyboard.press("b")
    expect(boxes).to_be_hidden()


def test_the_original_can_be_downloaded(page: Page) -> None:
    page.goto("/")
    steps.open_tile(page)
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download the original").click()
    assert waiting.value.suggested_filename == "scene-000.jpg"
    assert waiting.value.path().read_bytes()[:2] == b"\xff\xd8"
