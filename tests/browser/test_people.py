"""People: who looks alike, giving names, and taking back what was wrong. Names belong to the whole house."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import chromium, pictures, steps

pytestmark = [pytest.mark.browser, pytest.mark.weights, pytest.mark.usefixtures("friends")]

GROUP = re.compile(r'href="(/people/(?:suggestions/)?\d+/)"')


def name_first_suggestion(page: Page, name: str) -> Locator:
    """Types a name into the first suggestion; answers the card that takes its place."""
    page.goto("/people/")
    card = page.locator(".suggestion").first
    key = card.get_attribute("id")
    box = card.get_by_label("Who is this?")
    box.fill(name)
    box.press("Enter")
    expect(page.locator(f"#{key}:not(:has(.who))")).to_have_count(0)
    return page.locator(".suggestion").first


def test_the_eight_friends_are_found(page: Page) -> None:
    """Most portraits of a friend lie in one group, and no two friends share one."""
    found: dict[str, str] = {}
    for friend in pictures.FRIENDS:
        page.goto(f"/search/?q=%22Friends%2F{friend}%22")
        expect(steps.tiles(page)).to_have_count(pictures.PORTRAITS_EACH)
        groups: Counter[str] = Counter()
        for photo in steps.photo_ids(page):
            groups.update(set(GROUP.findall(page.request.get(f"/photos/{photo}/").text())))
        group, count = groups.most_common(1)[0]
        assert count >= 4, f"{friend} is spread over {dict(groups)}"
        found[friend] = group
    assert len(set(found.values())) == len(pictures.FRIENDS), found


def test_naming_a_suggestion_moves_it_up(page: Page) -> None:
    page.goto("/people/")
    page.evaluate("window.isSamePage = true")
    suggestions = page.locator(".suggestion:not(.named)")
    before = suggestions.count()
    faces = int(re.sub(r"\D", "", suggestions.first.locator("a.meta").inner_text()))
    steps.expect_loaded(suggestions.first.locator("img"))
    box = suggestions.first.get_by_label("Who is this?")
    box.fill("Aunt Rosalind")
    box.press("Enter")
    named = page.locator(".suggestion.named")
    expect(named).to_contain_text("Aunt Rosalind")
    expect(suggestions).to_have_count(before - 1)
    expect(steps.toast(page)).to_contain_text(f"{faces} faces are Aunt Rosalind now.")
    assert page.evaluate("window.isSamePage"), "the page was loaded anew"

    page.reload()
    person = page.locator(".covers.round").get_by_role("link", name="Aunt Rosalind")
    expect(person).to_be_visible()
    count = int(re.sub(r"\D", "", person.locator(".meta").inner_text()))
    person.click()
    expect(page.get_by_role("heading", name="Aunt Rosalind", level=1)).to_be_visible()
    # Meanwhile more faces may have been recognised.
    expect(steps.tiles(page).nth(count - 1)).to_be_visible()
    count = steps.tiles(page).count()
    for picture in page.locator(".faces img").all():
        steps.expect_loaded(picture)
    # Their name is in the description of each photo, and can be searched for.
    assert page.locator(".tile img[alt*='Aunt Rosalind']").count() >= count - pictures.GROUPS, "many know many names"
    page.goto("/search/?q=aunt+rosalind")
    expect(steps.tiles(page)).to_have_count(count)
    expect(page.get_by_role("link", name="Photos without Aunt Rosalind instead")).to_be_visible()


def test_not_this_person_can_be_said_and_taken_back(page: Page) -> None:
    name_first_suggestion(page, "Uncle Bartholomew")
    page.goto("/people/")
    page.get_by_role("link", name="Uncle Bartholomew").click()
    faces = page.locator(".faces > li")
    before = faces.count()
    assert before > 2
    first = faces.first
    key = first.get_attribute("id")
    first.hover()
    first.get_by_role("button", name="This is not Uncle Bartholomew").click()
    expect(page.locator(f"#{key}")).to_have_count(0)
    expect(steps.toast(page)).to_contain_text("this is not Uncle Bartholomew")
    expect(faces).to_have_count(before - 1)
    steps.toast(page).get_by_role("button", name="Undo").click()
    expect(steps.toast(page)).to_contain_text("Taken back.")
    expect(page.get_by_role("heading", name="Uncle Bartholomew", level=1)).to_be_visible()
    expect(faces).to_have_count(before)


def test_a_name_that_is_taken_asks_who_is_meant(page: Page, watch: chromium.Watch) -> None:
    watch.allow(422)
    name_first_suggestion(page, "Cousin Elsbeth")
    for answer in ("No, somebody else", "Yes, Cousin Elsbeth"):
        page.goto("/people/")
        card = page.locator(".suggestion").first
        key, faces = card.get_attribute("id"), card.locator("a.meta").inner_text()
        box = card.get_by_label("Who is this?")
        box.fill("cousin elsbeth")
        box.press("Enter")
        card = page.locator(f"#{key}")
        expect(card).to_contain_text("Is this the Cousin Elsbeth you know?")
        card.get_by_role("button", name=answer).first.click()
        expect(page.locator(f"#{key}")).to_have_count(0)
    # He was somebody else after all.
    steps.toast(page).get_by_role("button", name="Undo").click()
    expect(steps.toast(page)).to_contain_text("Taken back.")
    people = page.locator(".covers.round a").filter(has_text=re.compile("cousin elsbeth", re.IGNORECASE))
    expect(people).to_have_count(2)
    expect(page.locator(f"#{key}")).to_contain_text(faces)


def test_a_face_left_out_while_naming_stays_out(page: Page) -> None:
    page.goto("/people/")
    page.locator("a.suggestion-cover").first.click()
    boxes = page.get_by_role("checkbox", name=re.compile("belongs to this person"))
    count = boxes.count()
    assert count > 2
    boxes.last.uncheck()
    page.get_by_label("Name", exact=True).fill("Nephew Ignatius")
    page.get_by_role("button", name="Save").click()
    expect(steps.toast(page)).to_contain_text(f"{count - 1} faces are Nephew Ignatius now.")
    page.get_by_role("link", name="Nephew Ignatius").first.click()
    # Beside what was said there may be guesses by now, of faces in other photos.
    expect(page.locator(".faces > li:not(:has(.badge))")).to_have_count(count - 1)


def test_a_person_is_renamed_and_that_is_undone(page: Page) -> None:
    name_first_suggestion(page, "Niece Philippa")
    page.goto("/people/")
    page.get_by_role("link", name="Niece Philippa").click()
    page.get_by_text("Edit", exact=True).click()
    page.get_by_label("Name", exact=True).fill("Niece Pippa")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Niece Pippa", level=1)).to_be_visible()
    steps.toast(page).get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="Niece Philippa", level=1)).to_be_visible()
