"""Choosing several photos at once."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser import steps

pytestmark = pytest.mark.browser


def chosen(page: Page) -> list[int]:
    """The places of the photos that are ticked."""
    return [number for number, box in enumerate(page.locator(".tile-select").all()[:12]) if box.is_checked()]


def test_ticking_photos_brings_the_bar_and_escape_takes_it_away(page: Page) -> None:
    page.goto("/")
    bar = page.get_by_role("region", name="Selected photos")
    expect(bar).to_be_hidden()
    steps.select(page, 0, 3)
    expect(bar).to_be_visible()
    expect(bar).to_contain_text("2 selected")
    # While photos are being chosen, a click on another chooses it.
    steps.tiles(page).nth(1).locator("a").click()
    expect(bar).to_contain_text("3 selected")
    assert chosen(page) == [0, 1, 3]
    page.keyboard.press("Escape")
    expect(bar).to_be_hidden()
    assert chosen(page) == []


def test_shift_chooses_everything_between(page: Page) -> None:
    page.goto("/")
    steps.select(page, 1)
    steps.tiles(page).nth(6).locator("a").click(modifiers=["Shift"])
    assert chosen(page) == [1, 2, 3, 4, 5, 6]
    steps.tiles(page).nth(3).locator("a").click()
    assert chosen(page) == [1, 2, 4, 5, 6]
    page.get_by_role("button", name="Clear the selection").click()
    assert chosen(page) == []


def test_choosing_by_keyboard(page: Page) -> None:
    page.goto("/")
    steps.tiles(page).first.locator("a").focus()
    page.keyboard.press("x")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert chosen(page) == [0, 1, 2]
    page.keyboard.press("Escape")
    assert chosen(page) == []
    page.keyboard.press("Control+a")
    expect(page.locator(".selection-count")).to_have_text(f"{steps.tiles(page).count()} selected")


def test_several_favourites_at_once(page: Page) -> None:
    page.goto("/")
    ids = steps.photo_ids(page)
    steps.select(page, 0, 2)
    steps.make_favourites(page)
    page.goto("/favourites/")
    assert steps.photo_ids(page) == [ids[0], ids[2]]


def test_a_choice_survives_the_way_to_a_photo_and_back_or_is_gone_with_its_bar(page: Page) -> None:
    """Never a bar without a choice, nor the other way round."""
    page.goto("/")
    steps.select(page, 0)
    page.goto("/albums/")
    page.go_back()
    expect(steps.tiles(page).first).to_be_visible()
    ticked = chosen(page)
    expect(page.get_by_role("region", name="Selected photos")).to_be_visible(visible=bool(ticked))
    expect(page.locator(".selection-count")).to_have_text(f"{len(ticked)} selected" if ticked else "")
