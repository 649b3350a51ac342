"""Several people in one house: what is shared, and what is not."""

from __future__ import annotations

import datetime as dt

import pytest
from playwright.sync_api import Page, expect

from tests.browser import chromium, pictures, steps
from tests.browser.conftest import OpenAs
from tests.browser.house import PASSWORD, House
from tests.scenery import landscape

pytestmark = pytest.mark.browser


def make_account(page: Page, name: str) -> None:
    """On the page of accounts, as an administrator does."""
    page.goto("/")
    page.get_by_label("Your account, anna").click()
    page.get_by_role("link", name="Accounts").click()
    page.get_by_role("link", name="Add an account").click()
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password confirmation").fill(PASSWORD)
    page.get_by_role("button", name="Add this account").click()
    expect(steps.toast(page)).to_contain_text(f"{name} can sign in now")


def test_a_password_is_chosen_with_a_link_that_works_once(
    admin_page: Page, open_as: OpenAs, watch: chromium.Watch
) -> None:
    admin_page.goto("/accounts/add/")
    admin_page.get_by_label("Username").fill("mia")
    admin_page.get_by_role("button", name="Add this account").click()
    link = admin_page.get_by_label("One-time link").input_value()

    page = open_as("")
    page.goto(link)
    expect(page.get_by_text("Your name here is mia.")).to_be_visible()
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_label("New password confirmation").fill(PASSWORD)
    page.get_by_role("button", name="Set password and sign in").click()
    expect(steps.toast(page)).to_contain_text("Welcome, mia.")
    expect(steps.tiles(page).first).to_be_visible()

    watch.allow(404)
    later = open_as("")
    later.goto(link)
    expect(later.get_by_role("heading", name="This link was used")).to_be_visible()
    later.get_by_role("link", name="Sign in here").click()
    chromium.sign_in(later, "mia", PASSWORD)
    expect(steps.tiles(later).first).to_be_visible()

    admin_page.goto("/accounts/")
    admin_page.get_by_role("link", name="Change mia").click()
    admin_page.get_by_label("May sign in").uncheck()
    admin_page.get_by_role("button", name="Save").click()
    expect(admin_page.locator(".accounts li").filter(has_text="mia")).to_contain_text("closed")
    page.reload()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_new_account_sees_what_is_the_houses_and_nothing_private(
    admin_page: Page, open_as: OpenAs, house: House, watch: chromium.Watch
) -> None:
    make_account(admin_page, "lena")
    folder = house.base / "diary"
    scene = pictures.Scene("diary-1.jpg", dt.datetime(2016, 2, 3, 10), seed=90)
    pictures.write_scene(folder, scene, landscape(480, 320, seed=90))
    library, photo = add_private_library(admin_page, str(folder))

    page = open_as("")
    page.goto("/")
    chromium.sign_in(page, "lena", PASSWORD)
    expect(page.get_by_role("heading", name="August 2024")).to_be_visible()
    steps.expect_loaded(steps.tiles(page).first.locator("img"))
    expect(page.locator("#m201602")).to_have_count(0)
    page.goto("/libraries/")
    expect(page.locator(".library-card")).to_have_count(1)
    expect(page.get_by_role("link", name="Add a folder")).to_have_count(0)

    watch.allow(403, 404)
    thumbnail = admin_page.locator("img.viewer-photo").first.get_attribute("src")
    for address in (photo, library, thumbnail, f"{photo.replace('/photos/', '/media/')}original/"):
        assert address
        answer = page.request.get(address)
        assert answer.status == 404, f"{address} answers {answer.status} to a member"
    for address in ("/libraries/add/", "/accounts/", "/admin/", "/admin/auth/user/", "/admin/gallery/photo/"):
        answer = page.request.get(address)
        assert answer.status in {403, 404} or "/login/" in answer.url, f"{address} answers {answer.status}"
        assert "Site administration" not in answer.text()
    page.goto("/")
    page.get_by_label("Your account, lena").click()
    expect(page.get_by_role("link", name="Administration")).to_have_count(0)


def add_private_library(page: Page, folder: str) -> tuple[str, str]:
    """The addresses of the library and of its photo, which is open at the end."""
    page.goto("/libraries/add/")
    page.get_by_label("Folder", exact=True).fill(folder)
    page.get_by_label("Name").fill("Diary")
    page.get_by_label("Who sees it").select_option("private")
    page.get_by_label("Owner").select_option(label="anna")
    page.get_by_role("button", name="Add this folder").click()
    expect(page.get_by_role("heading", name="Diary", level=1)).to_be_visible()
    library = page.url
    expect(page.locator(".library-count")).to_have_text("1 photo", timeout=60_000)
    expect(page.get_by_text("Only anna sees it")).to_be_visible()
    page.goto("/months/201602/")
    steps.tiles(page).first.click()
    expect(page.locator("photo-viewer")).to_be_visible()
    return library, f"/photos/{steps.shown_photo(page)}/"


def test_favourites_and_albums_are_everyones_own(page: Page, open_as: OpenAs) -> None:
    steps.make_album(page, "Mine alone", 0, 1)
    address = page.url
    page.goto("/")
    steps.select(page, 0)
    steps.make_favourites(page)
    page.goto("/favourites/")
    expect(steps.tiles(page)).to_have_count(1)
    photo = steps.photo_ids(page)[0]

    other = open_as("anna")
    other.goto(f"/photos/{photo}/")
    expect(other.get_by_role("button", name="Favourite")).to_have_attribute("aria-pressed", "false")
    assert other.request.get(address).status == 404
    other.goto("/albums/")
    expect(other.get_by_text("Mine alone")).to_have_count(0)


def test_a_password_is_changed(admin_page: Page, open_as: OpenAs) -> None:
    make_account(admin_page, "otto")
    page = open_as("")
    page.goto("/login/")
    chromium.sign_in(page, "otto", PASSWORD)
    page.get_by_label("Your account, otto").click()
    page.get_by_role("link", name="Change password").click()
    page.get_by_label("Old password").fill(PASSWORD)
    page.get_by_label("New password", exact=True).fill("another-long-one")
    page.get_by_label("New password confirmation").fill("another-long-one")
    page.get_by_role("button", name="Change password").click()
    expect(steps.toast(page)).to_contain_text("Your password was changed.")
    page.get_by_label("Your account, otto").click()
    page.get_by_role("button", name="Sign out").click()
    chromium.sign_in(page, "otto", "another-long-one")
    expect(steps.tiles(page).first).to_be_visible()
