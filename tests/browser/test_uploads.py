"""Uploads and the trash in a browser, on an installation of their own: other tests count the photos of theirs."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.browser import chromium, steps
from tests.browser.house import House
from tests.factories import write_jpeg
from tests.upload_client import originals

pytestmark = pytest.mark.browser

MAKE = """
from django.contrib.auth.models import User
from gallery import libraries
User.objects.filter(username="anna").update(is_staff=True)
libraries.add_upload_library(name="Phones", root={root!r})
"""


class Place:
    """The installation, and where its uploads lie."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.phones = house.base / "phones"
        self.phones.mkdir()
        self.keys = house.session_keys(["anna", *(f"member-{number}" for number in range(20))])
        house.manage("shell", "--no-imports", "-c", MAKE.format(root=str(self.phones)))

    def names(self) -> list[str]:
        return [path.rpartition("/")[2] for path in originals(self.phones)]


@pytest.fixture(scope="module")
def place(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    house = House(tmp_path_factory.mktemp("uploads"))
    try:
        house.start(with_photos=False)
        yield Place(house)
    finally:
        house.stop()


@pytest.fixture
def watch(place: Place) -> Iterator[chromium.Watch]:
    made = chromium.Watch(place.house.url)
    yield made
    assert not made.complaints, "\n".join(made.complaints)


@pytest.fixture
def context(browser: Browser, place: Place, watch: chromium.Watch) -> Iterator[BrowserContext]:
    """Anna's window; she looks after the house."""
    made = watch.over(chromium.open_context(browser, place.house.url, place.keys["anna"]))
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    opened = context.new_page()
    opened.goto("/uploads/")
    return opened


def draw(folder: Path, *names: str, seed: int, width: int = 640) -> list[Path]:
    """Pictures that no other test sends."""
    return [
        write_jpeg(folder, name, seed=seed * 1000 + number, width=width, height=width * 3 // 4)
        for number, name in enumerate(names)
    ]


def large(folder: Path, name: str, seed: int) -> Path:
    """A picture that takes several chunks: something follows it, as in photos with a film behind them."""
    (file,) = draw(folder, name, seed=seed)
    with file.open("ab") as handle:
        handle.write(random.Random(seed).randbytes(3_000_000))
    return file


def summary(page: Page, text: str) -> None:
    expect(page.locator(".uploader-summary")).to_contain_text(text)


def pick(page: Page, files: list[Path]) -> None:
    page.locator("[data-pick=files]").set_input_files([str(file) for file in files])


def row(page: Page, name: str) -> str:
    return page.locator(".upload-rows li", has_text=name).inner_text()


def test_files_are_sent_and_shown(page: Page, place: Place, tmp_path: Path) -> None:
    files = draw(tmp_path, "Beach one.jpg", "Beach two.jpg", seed=1)
    pick(page, files)
    summary(page, "2 photos added")
    assert {"Beach one.jpg", "Beach two.jpg"} <= set(place.names())
    assert (
        originals(place.phones)[next(path for path in originals(place.phones) if "one" in path)]
        == files[0].read_bytes()
    )
    # The time that the file had on the disk it came from decides where it lies.
    assert not (place.phones / "undated/Beach one.jpg").exists()
    steps.until(
        page, "(async () => (await (await fetch('/search/?q=Beach')).text()).split('tile-select').length > 2)()", 40
    )


def test_a_whole_folder_becomes_an_album(page: Page, place: Place, tmp_path: Path) -> None:
    folder = tmp_path / "Norway in summer"
    draw(folder, "fjord-1.jpg", "below/fjord-2.jpg", "below/.hidden.jpg", seed=2)
    page.get_by_label("Album", exact=True).select_option("folder")
    page.locator("[data-pick=folder]").set_input_files(str(folder))
    summary(page, "2 photos added")
    assert ".hidden.jpg" not in place.names()
    page.goto("/albums/")
    page.get_by_role("link", name="Norway in summer").click()
    steps.until(
        page, "(async () => (await (await fetch(location.href)).text()).split('tile-select').length === 3)()", 40
    )


def test_what_is_dropped_is_sent(page: Page, place: Place, tmp_path: Path) -> None:
    (file,) = draw(tmp_path, "dropped.jpg", seed=3)
    data = page.evaluate_handle(
        """([bytes, name]) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(bytes)], name, {type: 'image/jpeg'}));
            return transfer;
        }""",
        [list(file.read_bytes()), file.name],
    )
    page.dispatch_event(".drop-zone", "dragover", {"dataTransfer": data})
    expect(page.locator(".drop-zone")).to_have_class(re.compile("is-aimed"))
    page.dispatch_event(".drop-zone", "drop", {"dataTransfer": data})
    summary(page, "1 photo added")
    assert "dropped.jpg" in place.names()


def test_what_is_here_already_is_told_and_not_sent(page: Page, place: Place, tmp_path: Path) -> None:
    (file,) = draw(tmp_path, "twice.jpg", seed=4)
    pick(page, [file])
    summary(page, "1 photo added")
    page.reload()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    pick(page, [file.rename(tmp_path / "other name.jpg")])
    summary(page, "1 already here")
    assert "PATCH" not in sent
    page.locator(".upload-present summary").click()
    expect(page.get_by_role("list", name="Already here")).to_contain_text("other name.jpg")
    assert "other name.jpg" not in place.names()


def test_a_lost_network_is_waited_for(
    page: Page, context: BrowserContext, place: Place, watch: chromium.Watch, tmp_path: Path
) -> None:
    file = large(tmp_path, "long way.jpg", 5)
    chunks = 0

    def cut(route: Route) -> None:
        nonlocal chunks
        chunks += 1
        if chunks == 2:
            context.set_offline(True)
        route.continue_()

    context.route(
        re.compile("/uploads/[0-9a-f-]{36}/"),
        lambda route: cut(route) if route.request.method == "PATCH" else route.continue_(),
    )
    pick(page, [file])
    expect(page.get_by_role("alert")).to_contain_text("The connection is lost")
    assert "long way.jpg" not in place.names()
    context.set_offline(False)
    summary(page, "1 photo added")
    assert file.read_bytes() in originals(place.phones).values()
    watch.forgive("net::ERR")


def test_after_a_reload_the_same_file_goes_on_where_it_was(page: Page, place: Place, tmp_path: Path) -> None:
    file = large(tmp_path, "reload.jpg", 6)
    offsets: list[int] = []

    def slow(route: Route) -> None:
        offsets.append(int(route.request.headers["upload-offset"]))
        if len(offsets) == 2:
            page.get_by_role("button", name="Pause").click()
        route.continue_()

    page.route(
        re.compile("/uploads/[0-9a-f-]{36}/"),
        lambda route: slow(route) if route.request.method == "PATCH" else route.continue_(),
    )
    page.on("dialog", lambda dialog: dialog.accept())
    pick(page, [file])
    summary(page, "Paused")
    page.unroute_all()
    page.reload()
    expect(page.get_by_role("heading", name="Not finished")).to_be_visible()
    expect(page.locator(".unfinished")).to_contain_text("reload.jpg")
    page.on(
        "request", lambda request: request.method == "PATCH" and offsets.append(int(request.headers["upload-offset"]))
    )
    pick(page, [file])
    summary(page, "1 photo added")
    assert 0 not in offsets[2:], "begun anew"
    assert file.read_bytes() in originals(place.phones).values()


def test_cancelling_leaves_nothing(page: Page, place: Place, tmp_path: Path) -> None:
    file = large(tmp_path, "unwanted.jpg", 7)
    page.route(
        re.compile("/uploads/[0-9a-f-]{36}/"),
        lambda route: None if route.request.method == "PATCH" else route.continue_(),
    )
    pick(page, [file])
    expect(page.locator("[data-state=sending]")).to_have_count(1)
    page.get_by_role("button", name="Cancel unwanted.jpg").click()
    expect(page.locator("[data-state=cancelled]")).to_contain_text("Cancelled")
    summary(page, "Nothing to send")
    steps.until(page, "(async () => !(await (await fetch('/uploads/')).text()).includes('unwanted'))()")
    assert "unwanted.jpg" not in place.names()


def test_a_type_that_lies_is_refused_in_words(page: Page, place: Place, watch: chromium.Watch, tmp_path: Path) -> None:
    lie = tmp_path / "holiday.jpg"
    lie.write_bytes(b"<!DOCTYPE html><script>alert(1)</script>" * 300)
    (good,) = draw(tmp_path, "honest.jpg", seed=8)
    watch.allow(422)
    pick(page, [lie, good])
    summary(page, "1 photo added · 1 failed")
    assert "a web page" in row(page, "holiday.jpg")
    expect(page.get_by_role("button", name="Try failed ones again")).to_be_visible()
    assert "holiday.jpg" not in place.names()


def test_without_scripts_a_form_sends_photos(
    browser: Browser, place: Place, watch: chromium.Watch, tmp_path: Path
) -> None:
    context = chromium.open_context(browser, place.house.url, place.keys["member-1"], java_script_enabled=False)
    page = watch.over(context).new_page()
    page.goto("/uploads/")
    expect(page.get_by_text("Without scripts, at most 16 MB")).to_be_visible()
    page.get_by_label("Photos", exact=True).set_input_files(
        [str(file) for file in draw(tmp_path, "p1.jpg", "p2.jpg", seed=9)]
    )
    page.get_by_role("button", name="Upload").click()
    expect(steps.toast(page)).to_contain_text("2 photos were added.")
    assert {"p1.jpg", "p2.jpg"} <= set(place.names())
    context.close()


def test_on_a_phone(browser: Browser, place: Place, watch: chromium.Watch, tmp_path: Path) -> None:
    context = chromium.open_context(
        browser, place.house.url, place.keys["member-2"], viewport=chromium.PHONE, has_touch=True, is_mobile=True
    )
    page = watch.over(context).new_page()
    page.goto("/")
    page.locator(".tabs summary").click()
    page.locator(".tabs").get_by_role("link", name="Upload").click()
    expect(page.get_by_text("Choose photos")).to_be_visible()
    expect(page.get_by_text("Choose a folder")).to_be_hidden()
    pick(page, draw(tmp_path, "a very long name of a photo from a phone in the mountains 2024.jpg", seed=10))
    summary(page, "1 photo added")
    assert not steps.scrolls_sideways(page)
    context.close()


def test_hashing_is_sha_256(page: Page) -> None:
    cases = [b"", b"abc", b"a" * 55, b"a" * 56, b"a" * 63, b"a" * 64, b"a" * 65, bytes(range(256)) * 40]
    found = page.evaluate(
        """async (cases) => {
            const { worker } = document.querySelector('photo-uploader').dataset;
            const { Sha256 } = await import(worker.replace(/hash-worker[^/]*$/, 'sha256.js'));
            return cases.map((bytes) => {
                const whole = new Sha256().update(new Uint8Array(bytes)).hex();
                const parts = new Sha256();
                for (let at = 0; at < bytes.length; at += 7) parts.update(new Uint8Array(bytes.slice(at, at + 7)));
                return [whole, parts.hex()];
            });
        }""",
        [list(case) for case in cases],
    )
    assert found == [[hashlib.sha256(case).hexdigest()] * 2 for case in cases]


def test_to_the_trash_and_back_and_gone(page: Page, place: Place, tmp_path: Path) -> None:
    pick(page, draw(tmp_path, "bin-1.jpg", "bin-2.jpg", seed=11))
    summary(page, "2 photos added")
    steps.until(
        page, "(async () => (await (await fetch('/search/?q=bin-')).text()).split('tile-select').length === 3)()", 40
    )
    page.goto("/search/?q=bin-")
    steps.select(page, 0, 1)
    page.get_by_role("button", name="Move to trash").click()
    expect(steps.toast(page)).to_contain_text("2 photos moved to the trash.")
    expect(steps.tiles(page)).to_have_count(0)
    steps.toast(page).get_by_role("button", name="Undo").click()
    expect(steps.tiles(page)).to_have_count(2)
    steps.open_tile(page)
    page.keyboard.press("Delete")
    expect(steps.toast(page)).to_contain_text("1 photo moved to the trash.")
    page.goto("/trash/")
    expect(steps.tiles(page)).to_have_count(1)
    steps.select(page, 0)
    page.get_by_role("button", name="Restore", exact=True).click()
    expect(steps.toast(page)).to_contain_text("1 photo brought back.")
    page.goto("/search/?q=bin-")
    steps.select(page, 0, 1)
    page.get_by_role("button", name="Move to trash").click()
    page.goto("/trash/")
    page.get_by_role("button", name="Empty the trash…").click()
    expect(page.get_by_role("heading", name="Delete 2 photos for good?")).to_be_visible()
    assert {"bin-1.jpg", "bin-2.jpg"} <= set(place.names())
    page.get_by_role("button", name="Delete them for good").click()
    expect(steps.toast(page)).to_contain_text("2 photos are being deleted for good.")
    steps.until(page, "(async () => !(await (await fetch('/trash/')).text()).includes('being deleted'))()", 40)
    assert not {"bin-1.jpg", "bin-2.jpg"} & set(place.names())
