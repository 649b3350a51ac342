"""Questions about faces: answered by keys and by thumb, one after the other, and taken back."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import chromium, steps
from tests.browser.house import House

pytestmark = [pytest.mark.browser, pytest.mark.weights, pytest.mark.usefixtures("friends")]

# Makes somebody of one face of the largest group that is nobody's, and puts the next group near them, as if it looked a
# little like them: whether the samples have such faces depends on the model. If other tests named all groups, that is
# taken back first.
NEAR = """
from contextlib import suppress
from django.contrib.auth.models import User
from faces import grouping, services, undo
from faces.models import Cluster, Clustering, Event, Face, Person
clusters = Cluster.objects.filter(size__gt=2).order_by("-size", "pk")
if clusters.count() < 2:
    for event in Event.objects.filter(kind__in=["name", "move"], undone_at=None).order_by("-pk"):
        with suppress(undo.AlreadyUndone, undo.SomethingFirst):
            undo.undo_event(event, event.actor)
known, near = clusters[0], clusters[1]
face = Face.objects.filter(cluster=known, state="unknown").first()
named = services.name_face(face, {name!r}, User.objects.get(username="anna"), is_someone_else=True)
grouping.run(Clustering.objects.get(model=face.model).pk)
near.refresh_from_db()
Cluster.objects.filter(pk=near.pk).update(near_person=named.person, near_distance=0.53)
Face.objects.filter(cluster=near, state="unknown").update(near_person=named.person, near_distance=0.53)
print("EVENT", named.event.pk)
"""
UNDO = """
from django.contrib.auth.models import User
from faces import undo
from faces.models import Event
undo.undo_event(Event.objects.get(pk={event}), User.objects.get(username="anna"))
"""


def make_near(house: House, name: str) -> int:
    said = house.manage("shell", "--no-imports", "-c", NEAR.format(name=name))
    return int(next(line for line in said.splitlines() if line.startswith("EVENT")).split()[1])


def skip_to(page: Page, name: str) -> None:
    """Skips until it is asked who is this person."""
    heading = page.locator("#question_text")
    for _ in range(30):
        text = heading.inner_text()
        if name in text:
            return
        key = page.locator("[name=question]").get_attribute("value")
        page.keyboard.press("s")
        expect(page.locator(f'[name=question][value="{key}"]')).to_have_count(0)
    raise AssertionError(f"nobody asks for {name}")


def test_questions_are_answered_by_keys_and_taken_back(page: Page, house: House) -> None:
    event = make_near(house, "Godmother Wilhelmina")
    page.goto("/people/")
    card = page.locator("#_questions_card")
    expect(card).to_contain_text(re.compile(r"\d+ questions?"))
    card.click()
    expect(page.locator("#question_text")).to_be_visible()
    page.evaluate("window.isSamePage = true")
    skip_to(page, "Godmother Wilhelmina")
    count = page.locator(".question-asked .choice").count()
    assert count > 2
    for picture in page.locator(".question img").all():
        steps.expect_loaded(picture)
    page.locator(".question-asked [name=face]").last.uncheck()
    page.keyboard.press("y")
    expect(steps.toast(page)).to_contain_text(f"{count - 1} faces are Godmother Wilhelmina.")
    expect(page.locator(".question-head")).to_contain_text("1 answered today")
    assert page.evaluate("window.isSamePage"), "the page was loaded anew"
    page.keyboard.press("z")
    expect(steps.toast(page)).to_contain_text("Taken back.")
    expect(page.locator(".question-head")).not_to_contain_text("answered today")
    # A group that nobody has named: a name in two keys and a word.
    page.keyboard.press("s")
    page.wait_for_timeout(200)
    if page.locator("#question_text").inner_text() == "The rest you skipped":
        page.get_by_role("button", name="Go through them again").click()
    skip_to(page, "Who is this?")
    who = page.locator("[name=question]").get_attribute("value")
    page.keyboard.press("e")
    page.keyboard.type("Godfather Ambrose")
    page.keyboard.press("Enter")
    expect(steps.toast(page)).to_contain_text("Godfather Ambrose.")
    asked = page.locator("[name=question]").get_attribute("value")
    page.keyboard.press("t")
    expect(steps.toast(page)).to_contain_text("set aside.")
    for question in (asked, who):
        page.keyboard.press("ArrowLeft")
        expect(steps.toast(page)).to_contain_text("Taken back.")
        expect(page.locator("[name=question]")).to_have_value(str(question))
    house.manage("shell", "--no-imports", "-c", UNDO.format(event=event))


def test_questions_are_answered_with_the_thumb(phone_page: Page, house: House) -> None:
    page = phone_page
    event = make_near(house, "Godson Cornelius")
    page.goto("/people/questions/")
    skip_to(page, "Godson Cornelius")
    assert not steps.scrolls_sideways(page)
    buttons = page.locator(".question-answers .button:visible")
    assert buttons.count() >= 4
    for button in buttons.all():
        box = button.bounding_box()
        assert box
        assert box["height"] >= 48
        assert box["y"] + box["height"] <= chromium.PHONE["height"], "all answers are in view"
    page.get_by_role("button", name="No", exact=True).tap()
    expect(steps.toast(page)).to_contain_text("not Godson Cornelius")
    steps.toast(page).get_by_role("button", name="Undo").tap()
    expect(steps.toast(page)).to_contain_text("Taken back.")
    expect(page.locator("#question_text")).to_contain_text("Godson Cornelius")
    house.manage("shell", "--no-imports", "-c", UNDO.format(event=event))


def test_questions_are_answered_without_scripts(plain_page: Page) -> None:
    page = plain_page
    page.goto("/people/questions/")
    first = page.locator("[name=question]").get_attribute("value")
    page.get_by_role("button", name="Skip").click()
    expect(page.locator("[name=question]")).not_to_have_value(str(first))
