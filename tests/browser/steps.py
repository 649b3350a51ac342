"""What people do and see, for all browser tests."""

from __future__ import annotations

import re
import time

from playwright.sync_api import Error, Locator, Page, expect

# Counts layout shifts from the start of each page, as browsers report them; those that a click or key caused are left
# out by the browser itself.
COUNT_SHIFTS = """
window.shifts = [];
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) {
    if (entry.hadRecentInput) continue;
    const what = entry.sources.map(source => source.node?.nodeName + '.' + source.node?.className).join(' ');
    window.shifts.push([entry.value, what]);
  }
}).observe({type: 'layout-shift', buffered: true});
"""
PICTURES_IN_VIEW_ARE_HERE = """[...document.images].every(image => {
  const box = image.getBoundingClientRect();
  return box.bottom < 0 || box.top > innerHeight || image.complete;
})"""
MAIN_PAGES = ("/", "/favourites/", "/albums/", "/people/", "/things/", "/search/", "/libraries/", "/albums/new/")


def tiles(page: Page) -> Locator:
    return page.locator(".tile")


def tile(page: Page, photo: int | str) -> Locator:
    return page.locator(f"#p{photo}")


def photo_ids(page: Page) -> list[str]:
    """The photos of a grid, in order."""
    return [str(box.get_attribute("value")) for box in page.locator(".tile-select").all()]


def shown_photo(page: Page) -> str:
    """Which photo the photo page shows."""
    return str(page.locator("photo-viewer").get_attribute("data-photo"))


def expect_photo(page: Page, photo: str) -> None:
    """The photo page shows this photo, under its own address."""
    expect(page.locator("photo-viewer")).to_have_attribute("data-photo", photo)
    expect(page).to_have_url(re.compile(rf"/photos/{photo}/"))


def open_tile(page: Page, number: int = 0) -> str:
    """Opens the photo at this place of the grid by a click; answers which it is, once keys are listened to."""
    photo = photo_ids(page)[number]
    tiles(page).nth(number).locator("a").click()
    expect_photo(page, photo)
    until(page, "document.readyState === 'complete'")
    return photo


def expect_loaded(picture: Locator) -> None:
    """The picture is there and has pixels."""
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("image => image.naturalWidth") > 0, picture.get_attribute("src")


def focused_photo(page: Page) -> str:
    """The photo whose link has the focus, empty if none has."""
    return str(page.evaluate("document.activeElement?.closest('.tile')?.id.slice(1) ?? ''"))


def select(page: Page, *numbers: int) -> None:
    """Ticks the photos at these places of the grid."""
    for number in numbers:
        tiles(page).nth(number).hover()
        page.locator(".tile-select").nth(number).check()


def scroll_to_end(page: Page) -> None:
    """Turns the wheel until nothing further comes, as fast as pictures load."""
    page.mouse.move(300, 400)
    at_rest = 0
    while at_rest < 3:
        before = page.evaluate("scrollY")
        page.mouse.wheel(0, 500)
        page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        until(page, "!document.querySelector('.htmx-request')")
        until(page, PICTURES_IN_VIEW_ARE_HERE)
        after = page.evaluate("scrollY")
        is_end = page.evaluate("scrollY + innerHeight >= document.documentElement.scrollHeight - 2")
        at_rest = at_rest + 1 if is_end and after == before else 0


def until(page: Page, condition: str, timeout_s: float = 20) -> None:
    """Waits for an expression to be true; the content security policy forbids the eval of `page.wait_for_function`."""
    deadline = time.monotonic() + timeout_s
    while not _holds(page, condition):
        assert time.monotonic() < deadline, f"not in {timeout_s} s: {condition}"
        page.wait_for_timeout(30)


def _holds(page: Page, condition: str) -> bool:
    try:
        return bool(page.evaluate(condition))
    except Error as error:
        if "context was destroyed" in error.message:  # the page is being left this moment
            return False
        raise


def scrolls_sideways(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def make_favourites(page: Page) -> None:
    """Of the photos that are ticked."""
    page.get_by_role("button", name="Favourite").click()
    expect(toast(page)).to_contain_text("favourite")


def make_album(page: Page, name: str, *numbers: int) -> None:
    """An album with the photos at these places of the timeline; ends on its page."""
    page.goto("/")
    select(page, *numbers)
    page.get_by_role("button", name="Add to album").click()
    page.locator("#album_chooser input[name=new]").fill(name)
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("status").get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()


def toast(page: Page) -> Locator:
    return page.locator("#toasts")
