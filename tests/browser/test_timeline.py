"""The timeline: months in order, photos that come as one scrolls, nothing that jumps, the keyboard."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import chromium, pictures, steps
from tests.browser.conftest import OpenAs

pytestmark = pytest.mark.browser

DRAWN = [*pictures.scenes(), *pictures.snapshots()]
MOST_SHIFT = 0.02


def test_months_stand_in_order_with_their_counts(page: Page) -> None:
    page.goto("/")
    titles = [re.sub(r"\s+[\d,]+$", "", text.strip()) for text in page.locator(".month-title").all_inner_texts()]
    expected = pictures.month_titles(DRAWN)
    assert titles[: len(expected)] == expected
    counts = [int(text.replace(",", "")) for text in page.locator(".month-title .meta").all_inner_texts()]
    assert sum(counts) == pictures.count_all()
    assert counts[0] == 2


def test_all_pictures_come_when_one_scrolls(page: Page) -> None:
    page.goto("/")
    expect(steps.tiles(page).first).to_be_visible()
    at_first = steps.tiles(page).count()
    assert at_first < pictures.count_all()
    steps.scroll_to_end(page)
    expect(steps.tiles(page)).to_have_count(pictures.count_all())
    empty = page.evaluate(
        "[...document.querySelectorAll('.tile img')].filter(image => !image.naturalWidth).map(image => image.src)"
    )
    assert empty == []
    expect(page.locator(".rest")).to_have_count(0)


@pytest.mark.parametrize("size", [chromium.DESKTOP, chromium.PHONE], ids=["desktop", "phone"])
def test_nothing_jumps_while_one_scrolls_through_all_months(open_as: OpenAs, member: str, size: dict[str, int]) -> None:
    page = open_as(member, viewport=size)
    page.add_init_script(steps.COUNT_SHIFTS)
    page.goto("/")
    expect(steps.tiles(page).first).to_be_visible()
    steps.scroll_to_end(page)
    shifts = page.evaluate("window.shifts")
    assert sum(value for value, _ in shifts) < MOST_SHIFT, shifts


def test_a_tile_is_as_wide_as_its_photo(page: Page) -> None:
    """Tiles take their shape from the photo before it is there, upright ones too."""
    page.goto("/")
    upright = pictures.scenes()[3]
    tile = page.locator("#m202406 .tile").nth(1)
    assert upright.is_upright
    box = tile.bounding_box()
    assert box is not None
    assert box["height"] > box["width"] * 1.3
    steps.expect_loaded(tile.locator("img"))
    assert tile.locator("img").evaluate("image => image.naturalHeight > image.naturalWidth")


def test_jumping_to_a_month_shows_its_photos(page: Page) -> None:
    page.goto("/")
    page.locator("#jump").get_by_role("link", name=re.compile("^April 2020,")).click()
    month = page.locator("#m202004")
    expect(month).to_be_in_viewport()
    expect(month.locator(".tile").first).to_be_in_viewport()
    steps.expect_loaded(month.locator(".tile img").first)


def test_jumping_to_a_month_on_a_phone(phone_page: Page) -> None:
    page = phone_page
    page.goto("/")
    page.get_by_role("button", name="Jump to a month").tap()
    page.locator("#jump").get_by_role("link", name=re.compile("^April 2020,")).tap()
    expect(page.locator("#jump")).to_be_hidden()
    month = page.locator("#m202004")
    expect(month.locator(".tile").first).to_be_in_viewport()
    steps.expect_loaded(month.locator(".tile img").first)


def test_every_main_control_can_be_reached_by_tab_and_shows_it(page: Page) -> None:
    page.goto("/")
    expect(steps.tiles(page).first).to_be_visible()
    reached: list[str] = []
    for _ in range(45):
        page.keyboard.press("Tab")
        name, is_seen = page.evaluate(
            """() => {
                const element = document.activeElement;
                const name = element.getAttribute('aria-label') ?? element.innerText.trim();
                const marked = part => {
                    const style = getComputedStyle(part);
                    const outline = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1;
                    return outline || style.boxShadow !== 'none';
                };
                const parts = [element, element.parentElement, element.nextElementSibling];
                return [name.split('\\n')[0], parts.some(part => part && marked(part))];
            }"""
        )
        assert is_seen, f"“{name}” has the focus, and nothing shows it"
        if name and (not reached or reached[-1] != name):
            reached.append(name)
    wanted = ["Skip to the page", "PictoPy, all photos", "Search your photos", "Photos", "Albums", "People", "Things"]
    wanted += ["Favourites", "Libraries"]
    places = [reached.index(name) for name in wanted]
    assert places == sorted(places), reached
    assert any(name.startswith("Select:") for name in reached), reached


def test_the_skip_link_leads_to_the_photos(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert steps.focused_photo(page) == steps.photo_ids(page)[0]
