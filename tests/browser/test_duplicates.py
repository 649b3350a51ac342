"""Deciding about duplicates with the keyboard alone, on an installation of its own: the search begins by itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import chromium, steps
from tests.browser.house import House
from tests.duplicates.pictures import CAMERA, NOON, brighter, moved, save, scene, smaller

pytestmark = pytest.mark.browser

STAFF = """
from django.contrib.auth.models import User
User.objects.filter(username="anna").update(is_staff=True)
"""


@pytest.fixture(scope="module")
def place(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, str]]:
    house = House(tmp_path_factory.mktemp("duplicates"))
    for seed in range(3):
        save(scene(seed), house.photos / f"{seed}.jpg", taken=NOON + dt.timedelta(days=seed), camera=CAMERA)
        save(smaller(scene(seed)), house.photos / f"sent/{seed}.jpg", quality=70)
    save(brighter(scene(0)), house.photos / "edited/0.jpg")
    for second in range(2):
        taken = NOON + dt.timedelta(days=9, seconds=second)
        save(moved(scene(9), second / 100), house.photos / f"row-{second}.jpg", taken=taken, camera=CAMERA)
    try:
        house.start()
        keys = house.session_keys(["anna"])
        house.manage("shell", "--no-imports", "-c", STAFF)
        yield house, keys["anna"]
    finally:
        house.stop()


@pytest.fixture
def page(browser: Browser, place: tuple[House, str]) -> Iterator[Page]:
    house, key = place
    watch = chromium.Watch(house.url)
    context = watch.over(chromium.open_context(browser, house.url, key))
    made = context.new_page()
    made.goto("/duplicates/")
    steps.until(made, "(async () => (await (await fetch('/libraries/')).text()).includes('badge\">4<'))()", 90)
    made.goto("/duplicates/")
    yield made
    context.close()
    assert not watch.complaints, "\n".join(watch.complaints)


def kept(page: Page) -> int:
    """Which of the photos is chosen, from 0 on."""
    chosen = page.locator("[name=keep]").evaluate_all("(all) => all.findIndex((it) => it.checked)")
    assert isinstance(chosen, int)
    return chosen


def test_all_groups_are_decided_with_the_keyboard_and_taken_back(page: Page) -> None:
    expect(page.get_by_role("heading", name="The same picture, 3 times")).to_be_visible()
    assert kept(page) == 0
    steps.expect_loaded(page.locator(".twin img").nth(2))
    page.keyboard.press("3")
    assert kept(page) == 2
    page.keyboard.press("ArrowLeft")
    assert kept(page) == 1
    expect(page.locator("[name=go]").nth(1)).to_be_hidden()
    expect(page.locator("[name=go]").nth(0)).to_be_visible()
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(steps.toast(page)).to_contain_text("One kept, 2 hidden")
    expect(page.get_by_role("heading", name="The same picture, 2 times")).to_be_visible()
    page.keyboard.press("k")
    expect(steps.toast(page)).to_contain_text("All are kept")
    first = page.locator(".twin-form").get_attribute("action")
    page.keyboard.press("s")
    expect(page.get_by_role("heading", name="2 pictures that are alike")).to_be_visible()
    page.keyboard.press("s")
    expect(page.get_by_role("heading", name="That was the last one")).to_be_visible()
    page.get_by_role("link", name="From the start").click()
    assert page.locator(".twin-form").get_attribute("action") == first
    for heading in ("The same picture, 2 times", "The same picture, 3 times"):
        page.keyboard.press("u")
        expect(steps.toast(page)).to_contain_text("Taken back")
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
    expect(page.locator(".twin-latest")).to_have_count(0)


def test_a_click_on_a_picture_chooses_it_and_the_phone_scrolls_one_way_only(
    browser: Browser, place: tuple[House, str], page: Page
) -> None:
    page.locator(".twin-picture").nth(1).click()
    assert kept(page) == 1
    house, key = place
    context = chromium.open_context(browser, house.url, key, viewport=chromium.PHONE, has_touch=True, is_mobile=True)
    phone = context.new_page()
    for address in ("/duplicates/", "/duplicates/decided/", "/duplicates/all/?library=1"):
        phone.goto(address)
        assert not steps.scrolls_sideways(phone)
    context.close()
