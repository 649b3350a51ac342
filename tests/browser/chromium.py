"""Starts Debian's Chromium, and watches that pages are quiet: no errors, no refused or foreign requests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    WebError,
    expect,
    sync_playwright,
)

EXECUTABLE = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
PATIENCE_MS = 20_000
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}


def require_chromium() -> None:
    """Skips where there is no Chromium; in CI that is a failure."""
    if EXECUTABLE.exists():
        return
    if os.environ.get("CI", "").lower() in {"1", "true", "yes"}:
        pytest.fail(f"there is no {EXECUTABLE}: apt-get install chromium")
    pytest.skip(f"there is no {EXECUTABLE} (apt-get install chromium)")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser with an empty profile."""
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE_MS)
        browser = playwright.chromium.launch(executable_path=str(EXECUTABLE), args=ARGUMENTS)
        yield browser
        browser.close()


def open_context(browser: Browser, url: str, session_key: str = "", **options: Any) -> BrowserContext:
    """A window of somebody; signed in if there is a session key."""
    context = browser.new_context(base_url=url, **{"viewport": DESKTOP, **options})
    context.set_default_timeout(PATIENCE_MS)
    if session_key:
        context.add_cookies([{"name": "sessionid", "value": session_key, "url": url}])
    return context


class Watch:
    """Collects what no page of PictoPy may do. `allow` names the answers that a test provokes."""

    def __init__(self, url: str) -> None:
        self.host = urlsplit(url).netloc
        self.complaints: list[str] = []
        self.allowed: set[int] = set()

    def allow(self, *statuses: int) -> None:
        self.allowed.update(statuses)

    def forgive(self, part: str) -> None:
        """Takes back complaints about what the test itself brought about."""
        self.complaints = [complaint for complaint in self.complaints if part not in complaint]

    def over(self, context: BrowserContext) -> BrowserContext:
        context.on("console", self._console)
        context.on("weberror", self._error)
        context.on("request", self._request)
        context.on("requestfailed", self._failed)
        context.on("response", self._response)
        return context

    def _console(self, message: ConsoleMessage) -> None:
        # Answers that failed are told by `_response`; refusals of the content security policy come here.
        if message.type in {"error", "warning"} and not message.text.startswith("Failed to load resource"):
            self.complaints.append(f"console {message.type}: {message.text}")

    def _error(self, error: WebError) -> None:
        self.complaints.append(f"uncaught: {error.error}")

    def _request(self, request: Request) -> None:
        if request.url.startswith(("http", "ws")) and urlsplit(request.url).netloc != self.host:
            self.complaints.append(f"a request to another host: {request.url}")

    def _failed(self, request: Request) -> None:
        # Leaving a page ends its requests.
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"failed: {request.method} {request.url}: {request.failure}")

    def _response(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.allowed:
            self.complaints.append(f"{response.status}: {response.request.method} {response.url}")


def sign_in(page: Page, name: str, password: str) -> None:
    """Through the sign-in page, as a person does."""
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
