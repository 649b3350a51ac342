"""One household for all browser tests of a process, and windows of its members.

The tests run in any order, and in several processes if asked to, each with a household of its own. Each test gets a
member of its own, whose favourites and albums nobody else sees. What belongs to the whole house (libraries, names of
people) is changed only by tests that say so, and never by two in the same place.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser import chromium, pictures, steps
from tests.browser.house import PASSWORD, House

ADMINISTRATOR = "anna"
MEMBERS = 90
WEIGHTS = ("face_detection_yunet_2023mar.onnx", "mobilefacenet_128d.onnx", "yolox_nano.onnx")
# Session keys by house and name, and members of the house that no test has used yet.
_keys: dict[str, str] = {}

OpenAs: TypeAlias = Callable[..., Page]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: while playwright is running, Django takes this process for an asynchronous one."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium.require_chromium()
    with chromium.chromium() as started:
        yield started


def mirror() -> Path | None:
    """The folder of the weights, if they are at hand."""
    folder = Path(os.environ["PICTOPY_MODEL_MIRROR"])
    return folder if all((folder / name).is_file() for name in WEIGHTS) else None


@pytest.fixture(scope="session")
def house(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A household whose photos have all been read. Its administrator came through the welcome link."""
    made = House(tmp_path_factory.mktemp("house"))
    drawn = pictures.draw_scenes(made.photos, pictures.scenes())
    pictures.write_snapshots(made.photos, pictures.snapshots(), drawn)
    pictures.write_broken(made.photos)
    if pictures.have_samples():
        pictures.copy_friends(made.photos)
        pictures.copy_everyday(made.photos)
    if folder := mirror():
        made.take_models(folder)
    try:
        made.start()
        context = chromium.open_context(browser, made.url)
        page = context.new_page()
        create_administrator(page, made)
        _keys[ADMINISTRATOR] = session_key(context)
        wait_until_read(page, pictures.count_all())
        if folder and pictures.have_samples():
            wait_for_suggestions(page)
        context.close()
        _keys.update(made.session_keys([f"member-{number:02}" for number in range(MEMBERS)]))
        yield made
    finally:
        made.stop()


def create_administrator(page: Page, house: House) -> None:
    page.goto(house.welcome_link)
    page.get_by_label("Username").fill(ADMINISTRATOR)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password confirmation").fill(PASSWORD)
    page.get_by_role("button", name="Create the administrator").click()
    page.wait_for_url("/")


def wait_until_read(page: Page, count: int) -> None:
    """Until so many photos have been read, and none is left to do."""
    page.goto("/libraries/")
    steps.until(
        page,
        f"""(async () => {{
            const page = await (await fetch('/libraries/')).text();
            return page.includes('Up to date') && page.includes('<b>{count}</b> photos');
        }})()""",
        300,
    )


def wait_for_suggestions(page: Page) -> None:
    page.goto("/people/")
    steps.until(
        page,
        f"""(async () => {{
            const page = await (await fetch('/people/')).text();
            return !page.includes('is comparing') && page.split('suggestion-cover').length > {len(pictures.FRIENDS)};
        }})()""",
        180,
    )


def session_key(context: BrowserContext) -> str:
    return next(str(cookie["value"]) for cookie in context.cookies() if cookie["name"] == "sessionid")


@pytest.fixture
def watch(house: House) -> Iterator[chromium.Watch]:
    """Every page of a test is watched; a complaint fails it."""
    made = chromium.Watch(house.url)
    yield made
    assert not made.complaints, "\n".join(made.complaints)


@pytest.fixture
def open_as(browser: Browser, house: House, watch: chromium.Watch) -> Iterator[OpenAs]:
    """`open_as("anna")` gives a page in a window of its own, where she is signed in; `open_as("")` a stranger's.

    Options are those of playwright's `new_context`.
    """
    contexts: list[BrowserContext] = []

    def opened(name: str, **options: Any) -> Page:
        key = _keys[name] if name else ""
        contexts.append(watch.over(chromium.open_context(browser, house.url, key, **options)))
        return contexts[-1].new_page()

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def member(house: House) -> str:
    """The name of somebody who has done nothing yet."""
    name = max(name for name in _keys if name.startswith("member-"))
    _keys[name.removeprefix("member-")] = _keys.pop(name)
    return name.removeprefix("member-")


@pytest.fixture
def page(open_as: OpenAs, member: str) -> Page:
    """A window of a member who has done nothing yet."""
    return open_as(member)


@pytest.fixture
def admin_page(open_as: OpenAs) -> Page:
    return open_as(ADMINISTRATOR)


@pytest.fixture
def phone_page(open_as: OpenAs, member: str) -> Page:
    return open_as(member, viewport=chromium.PHONE, has_touch=True, is_mobile=True, device_scale_factor=2)


@pytest.fixture
def plain_page(open_as: OpenAs, member: str) -> Page:
    """A member whose browser runs no scripts."""
    return open_as(member, java_script_enabled=False)


@pytest.fixture
def friends(house: House) -> tuple[str, ...]:
    """The eight people of the sample photos, where those are at hand."""
    if not pictures.have_samples():
        pytest.skip("the sample photos are not at hand: shared/photos/friends")
    return pictures.FRIENDS
