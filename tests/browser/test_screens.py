"""Phones, the dark theme, and that every main page is quiet (see `chromium.Watch`, which all tests use)."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser import chromium, steps
from tests.browser.conftest import ADMINISTRATOR, OpenAs

pytestmark = pytest.mark.browser


def test_the_bar_at_the_bottom_of_a_phone_leads_everywhere(phone_page: Page) -> None:
    page = phone_page
    page.goto("/")
    bar = page.get_by_role("navigation", name="Main, on small screens")
    for name, address in (("Albums", "/albums/"), ("People", "/people/"), ("Search", "/search/"), ("Photos", "/")):
        bar.get_by_role("link", name=name).tap()
        page.wait_for_url(address)
        expect(bar.get_by_role("link", name=name)).to_have_attribute("aria-current", "page")
    for name, address in (("Things", "/things/"), ("Favourites", "/favourites/"), ("Libraries", "/libraries/")):
        bar.get_by_text("More").tap()
        bar.get_by_role("link", name=name).tap()
        page.wait_for_url(address)
    bar.get_by_text("More").tap()
    bar.get_by_role("button", name="Sign out").tap()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_no_page_scrolls_sideways_on_a_phone(open_as: OpenAs) -> None:
    page = open_as(ADMINISTRATOR, viewport=chromium.PHONE, has_touch=True, is_mobile=True)
    for address in pages_of(page, ADMINISTRATOR):
        page.goto(address)
        steps.until(page, steps.PICTURES_IN_VIEW_ARE_HERE)
        assert not steps.scrolls_sideways(page), f"{address} is wider than a phone"
        assert page.evaluate("visualViewport.scale") == 1, f"{address} is shown smaller than it is"


def pages_of(page: Page, name: str) -> list[str]:
    """The main pages, and those of the first photo, person, suggestion, thing and library."""
    found = [*steps.MAIN_PAGES, "/search/?q=scene+2024", "/search/?q=nothing+at+all", "/months/202408/", "/password/"]
    if name == ADMINISTRATOR:
        found += ["/libraries/add/", "/accounts/", "/accounts/add/", "/accounts/1/", "/accounts/2/link/"]
    links = {
        "/": ".tile a",
        "/people/": ".covers.round a, a.suggestion-cover",
        "/things/": ".covers a",
        "/libraries/": ".library-card h2 a",
    }
    for address, selector in links.items():
        page.goto(address)
        link = page.locator(selector).first
        if link.count():
            found.append(str(link.get_attribute("href")))
    return found


def test_details_of_a_photo_can_be_read_on_a_phone(phone_page: Page) -> None:
    page = phone_page
    page.goto("/")
    steps.tiles(page).first.locator("a").tap()
    details = page.get_by_role("complementary", name="Details")
    for fact in ("20 August 2024", "Alpenglow X1", "Norway/scene-000.jpg"):
        line = details.get_by_text(fact)
        line.scroll_into_view_if_needed()
        expect(line).to_be_in_viewport()
        size = line.evaluate("line => parseFloat(getComputedStyle(line).fontSize)")
        assert size >= 12
    assert not steps.scrolls_sideways(page)


def test_swiping_leads_to_the_next_photo(phone_page: Page) -> None:
    page = phone_page
    page.goto("/")
    ids = steps.photo_ids(page)
    steps.tile(page, ids[0]).locator("a").tap()
    steps.expect_photo(page, ids[0])
    page.evaluate(
        """() => {
            const stage = document.querySelector('.viewer-stage');
            const touch = x => new Touch({identifier: 1, target: stage, clientX: x, clientY: 300});
            const at = (name, x, touches) => stage.dispatchEvent(new TouchEvent(
                name, {touches: touches ? [touch(x)] : [], changedTouches: [touch(x)], bubbles: true}));
            at('touchstart', 300, true);
            at('touchend', 120, false);
        }"""
    )
    steps.expect_photo(page, ids[1])


def test_choosing_photos_by_touch(phone_page: Page) -> None:
    page = phone_page
    page.goto("/")
    page.locator(".tile-select").nth(0).tap()
    steps.tiles(page).nth(1).locator("a").tap()
    bar = page.get_by_role("region", name="Selected photos")
    expect(bar).to_contain_text("2 selected")
    for name in ("Add to album", "Favourite"):
        expect(bar.get_by_role("button", name=name)).to_be_in_viewport(ratio=1)
    bar.get_by_role("button", name="Favourite").tap()
    expect(steps.toast(page)).to_contain_text("favourite")
    page.goto("/favourites/")
    expect(steps.tiles(page)).to_have_count(2)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_theme_follows_the_system(open_as: OpenAs, member: str, theme: str) -> None:
    page = open_as(member, color_scheme=theme)
    for address in ("/", "/albums/", "/search/", "/libraries/"):
        page.goto(address)
        back, front = brightness(page, "backgroundColor"), brightness(page, "color")
        assert (back < 60 and front > 180) if theme == "dark" else (back > 225 and front < 90), (address, back, front)


def brightness(page: Page, style: str) -> float:
    """Of a colour of the page, 0 to 255: drawn onto a canvas, since browsers spell colours in many ways."""
    return float(
        page.evaluate(
            """style => {
                const has = part => getComputedStyle(part)[style] !== 'rgba(0, 0, 0, 0)';
                const part = [document.body, document.documentElement].find(has);
                const canvas = new OffscreenCanvas(1, 1).getContext('2d');
                canvas.fillStyle = getComputedStyle(part)[style];
                canvas.fillRect(0, 0, 1, 1);
                const [red, green, blue] = canvas.getImageData(0, 0, 1, 1).data;
                return 0.3 * red + 0.6 * green + 0.1 * blue;
            }""",
            style,
        )
    )


def test_all_pages_are_quiet(open_as: OpenAs, member: str, watch: chromium.Watch) -> None:
    """No errors, no refusals of the content security policy, no request elsewhere: `watch` looks at all of them."""
    for name in (ADMINISTRATOR, member):
        page = open_as(name)
        for address in [*pages_of(page, name), *(["/admin/", "/admin/auth/user/"] if name == ADMINISTRATOR else [])]:
            page.goto(address)
            steps.until(page, steps.PICTURES_IN_VIEW_ARE_HERE)
    watch.allow(404)
    page.goto("/photos/999999/")
    expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()


def test_a_page_that_cannot_reach_the_server_says_so(page: Page, watch: chromium.Watch) -> None:
    page.goto("/")
    steps.open_tile(page)
    heart = page.get_by_role("button", name="Favourite")
    page.context.set_offline(True)
    heart.click()
    expect(steps.toast(page)).to_contain_text("The server cannot be reached.")
    page.context.set_offline(False)
    heart.click()
    expect(heart).to_have_attribute("aria-pressed", "true")
    for provoked in ("net::ERR_INTERNET_DISCONNECTED", "htmx:sendError", "htmx:afterRequest"):
        watch.forgive(provoked)


def test_the_bar_for_chosen_photos_is_one_row_on_a_phone(phone_page: Page) -> None:
    page = phone_page
    page.goto("/")
    page.locator(".tile-select").nth(0).tap()
    assert rows(page) == 1
    page.get_by_role("button", name="Add to album").tap()
    page.get_by_label("Name of the first album").fill("One row")
    page.get_by_role("button", name="Add", exact=True).tap()
    page.get_by_role("link", name="One row").tap()
    page.locator(".tile-select").nth(0).tap()
    for name in ("Clear the selection", "Add to album", "Favourite", "Use as cover", "Take out"):
        expect(page.get_by_role("button", name=name)).to_be_in_viewport(ratio=1)
    assert rows(page) == 1
    assert not steps.scrolls_sideways(page)


def rows(page: Page) -> int:
    """In how many rows the parts of the bar stand, by their middles; one that sticks out of it is in none."""
    bar = page.get_by_role("region", name="Selected photos")
    assert bar.evaluate("bar => bar.scrollWidth <= bar.clientWidth")
    middles = page.locator(".selection-form > :is(button, output)").evaluate_all(
        "parts => parts.map(part => { const box = part.getBoundingClientRect(); return box.top + box.height / 2; })"
    )
    return 1 + sum(next_ - middle > 8 for middle, next_ in zip(sorted(middles), sorted(middles)[1:], strict=False))


def test_the_fields_of_the_search_and_its_button_stand_in_two_rows(open_as: OpenAs, member: str) -> None:
    page = open_as(member, viewport={"width": 1440, "height": 900})
    page.goto("/search/")
    for number, count in enumerate((3, 5)):
        ends = page.locator(f".search-filters .fields >> nth={number} >> :scope > *").evaluate_all(
            "parts => parts.map(part => Math.round(part.getBoundingClientRect().bottom))"
        )
        assert len(ends) == count
        assert len(set(ends)) == 1, ends


def test_an_idle_page_looks_for_news_only_while_it_is_seen(page: Page) -> None:
    page.goto("/libraries/")
    part = page.locator("live-part")
    expect(part).to_have_attribute("data-every-s", "30")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/libraries/" in request.url else None)
    hide = "hidden => Object.defineProperty(document, 'hidden', {value: hidden, configurable: true})"
    page.evaluate(hide, True)
    part.evaluate("part => { part.dataset.everyS = 0.2; part.wait(); }")
    page.wait_for_timeout(600)
    assert asked == []
    page.evaluate(hide, False)
    with page.expect_response("**/libraries/"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    # What came in its place is as slow as before.
    expect(part).to_have_attribute("data-every-s", "30")
    assert len(asked) == 1
