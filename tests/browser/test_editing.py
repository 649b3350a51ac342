"""Correcting when and where photos were taken: with the keyboard, on a phone, without scripts, and a camera's clock."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import steps
from tests.browser.chromium import PHONE
from tests.browser.conftest import ADMINISTRATOR, OpenAs

pytestmark = pytest.mark.browser


def open_editor(page: Page, query: str = "scene-000") -> str:
    """The editor of the first photo that a search finds; answers the photo's address."""
    page.goto(f"/search/?q={query}")
    address = str(steps.tiles(page).first.locator("a").get_attribute("href")).split("?")[0]
    page.goto(f"{address}edit/")
    return address


def undo(page: Page) -> None:
    steps.toast(page).get_by_role("button", name="Undo").click()
    expect(steps.toast(page)).to_contain_text("as before")


def test_a_place_is_set_with_the_keyboard_alone_and_taken_back(admin_page: Page) -> None:
    page = admin_page
    address = open_editor(page)
    page.get_by_role("group", name="Where").get_by_role("radio", name="Leave as it is").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="Set the place")).to_be_checked()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Town or coordinates")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("Paris")
    towns = page.get_by_role("group", name="Which town").get_by_role("radio")
    expect(towns.first).to_be_checked()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    expect(towns.nth(1)).to_be_checked()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(re.escape(address)))
    expect(steps.toast(page)).to_contain_text("place set to Paris, Texas, United States")
    expect(page.locator("#photo_details")).to_contain_text("Paris, Texas, United States")
    undo(page)
    page.goto(address)
    expect(page.locator("#photo_details")).not_to_contain_text("Paris")


def test_the_editor_fits_a_phone(open_as: OpenAs) -> None:
    page = open_as(ADMINISTRATOR, viewport=PHONE, has_touch=True, is_mobile=True, device_scale_factor=2)
    open_editor(page, "scene-002")
    page.get_by_role("radio", name="Set the place").check()
    page.get_by_role("radio", name="Another").check()
    assert not steps.scrolls_sideways(page)
    for segment in page.locator(".segment").all():
        box = segment.bounding_box()
        assert box is not None
        assert box["height"] >= 44
    page.get_by_label("Only the day is known").check()
    page.get_by_role("radio", name="Leave as it is").first.check()
    page.get_by_role("group", name="Where").get_by_role("radio", name="Leave as it is").check()
    page.get_by_role("button", name="Save").click()
    expect(steps.toast(page)).to_contain_text("date set to")
    undo(page)
    for address in ("/photos/clock/", "/changes/", "/places/"):
        page.goto(address)
        assert not steps.scrolls_sideways(page)


def test_without_scripts_a_town_is_chosen_on_the_page_that_asks_back(open_as: OpenAs, watch: object) -> None:
    watch.allow(422)  # type: ignore[attr-defined]
    page = open_as(ADMINISTRATOR, java_script_enabled=False)
    open_editor(page, "scene-004")
    page.get_by_role("radio", name="Set the place").check()
    page.get_by_label("Town or coordinates").fill("Springfield")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Which one is it? Choose below.")).to_be_visible()
    page.get_by_role("radio", name=re.compile("Springfield Illinois")).check()
    page.get_by_role("button", name="Save").click()
    expect(steps.toast(page)).to_contain_text("place set to Springfield, Illinois, United States")
    undo(page)


def test_photos_are_chosen_in_the_timeline_and_moved_together(admin_page: Page) -> None:
    page = admin_page
    page.goto("/search/?q=2023")
    before = steps.photo_ids(page)[:2]
    steps.select(page, 0, 1)
    page.get_by_role("button", name="Edit date and place").click()
    page.get_by_role("radio", name="Move by").check()
    page.get_by_label("Hours").fill("1")
    page.get_by_label("Direction").select_option("earlier")
    page.get_by_role("button", name="Change 2 photos").click()
    expect(page).to_have_url(re.compile("/search/"))
    expect(steps.toast(page)).to_contain_text("2 photos: moved by −1 hour")
    assert steps.photo_ids(page)[:2] == before
    undo(page)


def test_a_camera_s_clock_is_corrected_after_looking_at_what_would_happen(admin_page: Page) -> None:
    page = admin_page
    open_editor(page, "scene-010")
    page.get_by_role("link", name="The camera’s clock was wrong").click()
    expect(page.get_by_role("radio", name="I know when this photo was taken")).to_be_checked()
    page.get_by_role("radio", name="I know how wrong the clock was").check()
    page.get_by_label("Minutes").fill("7")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("1 photo would move by +7 minutes")
    page.get_by_role("button", name="Move 1 photo").click()
    expect(page).to_have_url(re.compile("/changes/"))
    expect(steps.toast(page)).to_contain_text("Clock of Alpenglow")
    undo(page)
    expect(page.locator(".rows li").first.get_by_text("undone")).to_be_visible()
