"""Correcting people: many faces at once with keys and fingers, merging, parting, strangers, and the journal.

What a test decides it takes back: names are the whole house's.
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import chromium, steps
from tests.browser.test_people import name_first_suggestion

pytestmark = [pytest.mark.browser, pytest.mark.weights, pytest.mark.usefixtures("friends")]

HOLD_MS = 700


def faces(page: Page) -> Locator:
    return page.locator(".faces > .face")


def open_faces(page: Page, name: str) -> int:
    """Opens all faces of a person; how many there are."""
    page.goto("/people/")
    page.get_by_role("link", name=name).click()
    page.get_by_role("link", name="All faces").click()
    expect(page.get_by_role("heading", name="Faces", level=1)).to_be_visible()
    return faces(page).count()


def undo_latest(page: Page, sentence: str) -> None:
    """Takes the last entry of the journal that says this back."""
    page.goto("/people/journal/")
    entry = page.locator(".journal > li:not(.undone)").filter(has_text=sentence).first
    key = entry.get_attribute("id")
    entry.get_by_role("button", name="Undo").click()
    expect(steps.toast(page)).to_contain_text("Taken back.")
    expect(page.locator(f"#{key} s")).to_contain_text(sentence)


def test_a_walk_through_naming_parting_merging_and_undoing_by_keyboard(page: Page, watch: chromium.Watch) -> None:
    watch.allow(422)
    name_first_suggestion(page, "Ottilie")
    before = open_faces(page, "Ottilie")
    assert before > 3

    # Two faces by keyboard become somebody else.
    faces(page).first.locator("a").focus()
    page.keyboard.press("x")
    page.keyboard.press("Shift+ArrowRight")
    bar = page.get_by_role("region", name="Selected faces")
    expect(bar).to_contain_text("2 selected")
    page.keyboard.press("Control+a")
    expect(bar).to_contain_text(f"{before} selected")
    page.keyboard.press("Escape")
    expect(bar).to_be_hidden()
    faces(page).first.locator("a").focus()
    page.keyboard.press(" ")
    page.keyboard.press("Shift+ArrowRight")
    bar.get_by_label("somebody else").fill("Zenobia")
    page.keyboard.press("Enter")
    expect(steps.toast(page)).to_contain_text("2 faces are Zenobia now.")
    expect(faces(page)).to_have_count(before - 2)

    # Taken out one after the other: the focus goes to the next one.
    second = faces(page).nth(1).get_attribute("id")
    faces(page).first.locator(".face-tool").first.focus()
    page.keyboard.press("Enter")
    expect(faces(page)).to_have_count(before - 3)
    expect(page.locator(f"#{second} .face-tool").first).to_be_focused()
    steps.toast(page).get_by_role("button", name="Undo").click()
    expect(faces(page)).to_have_count(before - 2)

    # Whoever gets a name that is taken may be the same person.
    page.goto("/people/")
    page.get_by_role("link", name="Zenobia").click()
    page.get_by_text("Edit", exact=True).click()
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.get_by_label("Name", exact=True).fill("ottilie")
    page.keyboard.press("Enter")
    expect(page.get_by_text("There is already somebody called Ottilie. Are they the same person?")).to_be_visible()
    # Another name and Enter is another name, and no answer.
    page.get_by_label("Name", exact=True).fill("Zenobia the Younger")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Zenobia the Younger", level=1)).to_be_visible()
    page.get_by_text("Edit", exact=True).click()
    page.get_by_label("Name", exact=True).fill("ottilie")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Yes, the same").press("Enter")
    expect(page.get_by_role("heading", name="Ottilie", level=1)).to_be_visible()
    expect(steps.toast(page)).to_contain_text("Zenobia the Younger is Ottilie now.")
    assert open_faces(page, "Ottilie") == before

    # All of it is in the journal and is taken back from there.
    undo_latest(page, "said that Zenobia the Younger is Ottilie")
    assert open_faces(page, "Ottilie") == before - 2
    undo_latest(page, "renamed Zenobia to Zenobia the Younger")
    undo_latest(page, "said that 2 faces are Zenobia")
    assert open_faces(page, "Ottilie") == before
    undo_latest(page, "are Ottilie")
    page.goto("/people/")
    expect(page.get_by_role("link", name="Ottilie")).to_have_count(0)


def test_a_group_is_parted_in_two_halves(page: Page) -> None:
    page.goto("/people/")
    page.locator("a.suggestion-cover").first.click()
    count = page.get_by_role("checkbox", name=re.compile("belongs to this person")).count()
    page.get_by_role("link", name="Looks like two people?").click()
    goes = page.locator("section[aria-labelledby=goes] .tile-select")
    stays = page.locator("section[aria-labelledby=stays] .tile-select")
    assert goes.count() + stays.count() == count
    bar = page.get_by_role("region", name="Selected faces")
    expect(bar).to_contain_text(f"{goes.count()} selected")
    stays.first.check()
    expect(bar).to_contain_text(f"{goes.count() + 1} selected")
    ticked = goes.count() + 1
    bar.get_by_label("Who are the ticked faces?").fill("Quirin")
    bar.get_by_role("button", name="Save the name").click()
    expect(steps.toast(page)).to_contain_text(f"{ticked} faces are Quirin now.")
    steps.toast(page).get_by_role("button", name="Undo").click()
    expect(steps.toast(page)).to_contain_text("Taken back.")
    expect(page.get_by_role("checkbox", name=re.compile("belongs to this person"))).to_have_count(count)


def hold(page: Page, what: Locator) -> None:
    """A finger stays on it."""
    box = what.bounding_box()
    assert box
    point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    touch = page.context.new_cdp_session(page)
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
    page.wait_for_timeout(HOLD_MS)
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    touch.detach()


def test_fingers_choose_faces_and_set_strangers_aside(phone_page: Page) -> None:
    page = phone_page
    name_first_suggestion(page, "Walburga")
    before = open_faces(page, "Walburga")
    bar = page.get_by_role("region", name="Selected faces")
    hold(page, faces(page).nth(0).locator("a"))
    expect(bar).to_contain_text("1 selected")
    faces(page).nth(2).locator("a").tap()
    expect(bar).to_contain_text("2 selected")
    box = bar.bounding_box()
    assert box
    assert box["width"] <= chromium.PHONE["width"]
    bar.get_by_role("button", name="Strangers").tap()
    expect(steps.toast(page)).to_contain_text("2 strangers are set aside.")
    expect(faces(page)).to_have_count(before - 2)
    page.goto("/people/strangers/")
    expect(faces(page)).to_have_count(2)
    hold(page, faces(page).nth(0).locator("a"))
    bar.get_by_role("button", name="Take back").tap()
    expect(faces(page)).to_have_count(1)
    undo_latest(page, "took a stranger back")
    undo_latest(page, "set 2 strangers aside")
    assert open_faces(page, "Walburga") == before
    undo_latest(page, "are Walburga")
