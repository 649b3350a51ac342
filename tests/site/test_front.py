"""What waits before Django: each bound with the protection on, and what happens where it is off."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.http import FileResponse, HttpResponse

from pictopy_site import front
from pictopy_site.front import Allowance, Front

pytestmark = pytest.mark.slow

NEVER_S = 1000.0
ENDLESS = 10**12
ON_AND_OFF = pytest.mark.parametrize("is_on", [True, False], ids=["on", "off"])


@dataclass(slots=True)
class Visitor:
    """One request (RSGI's scope) and what came back (its protocol). One that `stays` sends no end of its body."""

    parts: list[bytes] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    stays: bool = False
    leaves: bool = False
    method: str = "POST"
    path: str = "/"
    status: int | None = None
    said: bytes = b""
    sent: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.headers.setdefault("content-length", str(sum(map(len, self.parts))))

    @property
    def scope(self) -> Any:
        """All of RSGI's scope that is asked for."""
        return _Scope(self.method, self.path, self.headers)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self.parts:
            yield part
            await asyncio.sleep(0)
        if self.stays:
            await asyncio.sleep(NEVER_S)

    async def client_disconnect(self) -> None:
        await asyncio.sleep(0 if self.leaves else NEVER_S)

    def response_bytes(self, status: int, headers: front.Headers, body: bytes) -> None:
        self.status, self.said, self.sent = status, body, dict(headers)

    def response_empty(self, status: int, headers: front.Headers) -> None:
        self.status, self.sent = status, dict(headers)

    def response_file_range(self, status: int, headers: front.Headers, name: str, start: int, end: int) -> None:
        with open(name, "rb") as file:
            file.seek(start)
            self.status, self.said, self.sent = status, file.read(end - start), dict(headers)


@dataclass(slots=True)
class _Scope:
    method: str
    path: str
    headers: dict[str, str]
    query_string: str = ""
    server: str = "127.0.0.1:8000"
    client: str = "127.0.0.1:50000"
    scheme: str = "http"
    http_version: str = "1.1"


def echo(environ: dict[str, Any], start_response: Callable[..., None]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["wsgi.input"].read()]


def ask(served: Front, *visitors: Visitor, within_s: float = 0.5) -> list[int | None]:
    """What each visitor is answered; None for those who still wait after `within_s`."""

    async def all_at_once() -> None:
        tasks = [asyncio.create_task(served.handle(visitor.scope, visitor)) for visitor in visitors]
        _done, waiting = await asyncio.wait(tasks, timeout=within_s)
        for task in waiting:
            task.cancel()

    asyncio.run(all_at_once())
    return [visitor.status for visitor in visitors]


def test_a_body_goes_through_whole() -> None:
    visitor = Visitor([b"some", b"thing"])
    assert ask(Front(echo, max_body_bytes=100), visitor) == [200]
    assert visitor.said == b"something"


@ON_AND_OFF
def test_a_body_that_does_not_come_has_a_deadline(is_on: bool) -> None:
    visitor = Visitor([b"a"], {"content-length": "50"}, stays=True)
    served = Front(echo, max_body_bytes=100, body_s=0.1 if is_on else NEVER_S)
    assert ask(served, visitor) == [408 if is_on else None]


@ON_AND_OFF
def test_a_body_that_is_said_to_be_long_is_not_read(is_on: bool) -> None:
    visitor = Visitor([b"a"], {"content-length": "101"}, stays=True)
    assert ask(Front(echo, max_body_bytes=100 if is_on else ENDLESS), visitor) == [413 if is_on else None]


@ON_AND_OFF
def test_a_body_that_turns_out_long_is_given_up(is_on: bool) -> None:
    visitor = Visitor([b"a" * 60] * 2, {"content-length": "0", "transfer-encoding": "chunked"})
    assert ask(Front(echo, max_body_bytes=100 if is_on else ENDLESS), visitor) == [413 if is_on else 200]


@pytest.mark.parametrize("is_declared", [True, False], ids=["its length is said", "chunked"])
def test_a_body_that_is_too_long_is_dropped_where_a_page_says_so(is_declared: bool) -> None:
    def app(environ: dict[str, Any], start_response: Callable[..., None]) -> Iterable[bytes]:
        start_response("413 Content Too Large", [("Content-Type", "text/html")])
        return [str((environ.get("pictopy.dropped_bytes"), environ["wsgi.input"].read())).encode()]

    def visitor(parts: int, **kinds: Any) -> Visitor:
        headers = {} if is_declared else {"content-length": "0", "transfer-encoding": "chunked"}
        return Visitor([b"a" * 50] * parts, headers, path="/long/", **kinds)

    page = Allowance("POST", re.compile("/long/"), 100, 0.1, 320, dropped_bytes=300, refusal="Too much.")
    served = Front(app, max_body_bytes=100, allowances=[page])
    allowed, long, endless = visitor(2), visitor(6), visitor(7)
    ask(served, allowed, long, endless)
    assert allowed.said == str((None, b"a" * 100)).encode()
    assert (long.said, long.sent.get("Connection")) == (str((300, b"")).encode(), None)
    assert (endless.status, endless.said) == (413, b"Too much.")
    slow = visitor(4, stays=True)
    ask(served, slow)
    assert (slow.said, slow.sent.get("Connection")) == (str((200, b"")).encode(), "close")


@dataclass(slots=True)
class Watching(Visitor):
    """Notes, before each part that it sends and at the end, what the server holds as being on its way, by pool."""

    served: Front | None = None
    seen: list[dict[str, int]] = field(default_factory=list)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        assert self.served is not None
        for part in self.parts:
            self.seen.append(dict(self.served._under_way))
            yield part
        self.seen.append(dict(self.served._under_way))
        if self.stays:
            await asyncio.sleep(NEVER_S)


@pytest.mark.parametrize("is_declared", [True, False], ids=["its length is said", "chunked"])
@pytest.mark.parametrize(
    ("path", "parts", "stays", "status", "held"),
    [
        pytest.param("/", 2, False, 200, [0, 50, 100], id="a form"),
        pytest.param("/", 3, False, 413, [0, 50, 100], id="a form that is too long"),
        pytest.param("/", 1, True, 408, [0, 50], id="a form that does not come in time"),
        pytest.param("/long/", 2, False, 200, [0, 50, 100], id="whole"),
        pytest.param("/long/", 6, False, 200, [0, 50, 100, 0, 0, 0, 0], id="dropped"),
        pytest.param("/long/", 7, False, 413, [0, 50, 100, 0, 0, 0, 0], id="too long to be dropped"),
        pytest.param("/long/", 1, True, 408, [0, 50], id="not in time"),
        pytest.param("/long/", 4, True, 200, [0, 50, 100, 0, 0], id="dropped, and not in time"),
        pytest.param("/part/", 1, True, 200, [0, 50], id="a part that is taken"),
        pytest.param("/small/", 3, False, 503, [0, 50], id="more than all together may bring"),
    ],
)
def test_what_is_under_way_is_counted_back_whatever_becomes_of_it(
    is_declared: bool, path: str, parts: int, stays: bool, status: int, held: list[int]
) -> None:
    allowances = [
        Allowance("POST", re.compile("/long/"), 100, 0.1, 320, dropped_bytes=300),
        Allowance("POST", re.compile("/part/"), 100, 0.1, 320, takes_part=True),
        Allowance("POST", re.compile("/small/"), 200, 0.1, 90),
    ]
    served = Front(echo, max_body_bytes=100, body_s=0.1, allowances=allowances)
    headers = {} if is_declared else {"content-length": "0", "transfer-encoding": "chunked"}
    visitor = Watching([b"a" * 50] * parts, headers, stays, path=path, served=served)
    assert ask(served, visitor) == [status]
    pool = next((it.path.pattern for it in allowances if it.path.fullmatch(path)), "")
    if is_declared and parts * 50 > 100 and path != "/small/":  # is known to be too long before any of it comes
        held = [0] * len(held) if path == "/long/" and parts * 50 <= 300 else []
    assert [counts.get(pool, 0) for counts in visitor.seen] == held
    assert set(served._under_way.values()) <= {0}


@ON_AND_OFF
def test_all_bodies_together_are_bounded(is_on: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front, "MAX_BYTES_UNDER_WAY", 250 if is_on else ENDLESS)
    crowd = [Visitor([b"a" * 90], {"content-length": "100"}, stays=True) for _ in range(4)]
    served = Front(echo, max_body_bytes=100)
    statuses = ask(served, *crowd)
    assert statuses.count(503) == (2 if is_on else 0)
    assert statuses.count(None) == (2 if is_on else 4)
    assert ask(served, Visitor([b"a" * 90])) == [200]  # what the others held is counted back


@pytest.mark.parametrize("length", ["x", "-1", "1.5", "²", "9" * 19])
def test_lengths_that_are_none_are_refused(length: str) -> None:
    assert ask(Front(echo, max_body_bytes=100), Visitor([], {"content-length": length}))[0] in {400, 413}


def test_half_a_body_is_refused() -> None:
    assert ask(Front(echo, max_body_bytes=100), Visitor([b"a"], {"content-length": "2"})) == [400]


def test_more_stuck_bodies_than_threads_leave_room_for_others() -> None:
    crowd = [Visitor([b"a"], {"content-length": "50"}, stays=True) for _ in range(front.DJANGO_THREADS * 5)]
    assert ask(Front(echo, max_body_bytes=100), *crowd, Visitor([b"a"]))[-1] == 200


@pytest.mark.parametrize("leaves", [True, False])
def test_django_can_ask_whether_the_visitor_still_waits(leaves: bool) -> None:
    asked: list[bool] = []

    def patient(environ: dict[str, Any], start_response: Callable[..., None]) -> Iterable[bytes]:
        deadline = time.monotonic() + (5 if leaves else 0.1)
        while time.monotonic() < deadline and not environ["pictopy.has_gone"]():
            time.sleep(0.01)
        asked.append(environ["pictopy.has_gone"]())
        start_response("200 OK", [])
        return []

    watched = Allowance("POST", re.compile("/"), 100, front.BODY_S, 100, watches=True)
    ask(Front(patient, max_body_bytes=100, allowances=[watched]), Visitor([b"a"], leaves=leaves), within_s=6)
    assert asked == [leaves]


def test_a_request_that_django_breaks_on_is_answered(caplog: pytest.LogCaptureFixture) -> None:
    def broken(environ: object, start_response: object) -> Iterable[bytes]:
        raise RuntimeError("broken")

    assert ask(Front(broken, max_body_bytes=100), Visitor()) == [500]
    assert "A request could not be answered" in caplog.text


def test_headers_with_an_underscore_are_not_taken_for_others() -> None:
    headers = {"x_forwarded_proto": "https", "cookie": "a=1", "content-length": "0"}
    environ = front.environment(_Scope("GET", "/ä", headers), b"")
    assert "HTTP_X_FORWARDED_PROTO" not in environ
    assert environ["HTTP_COOKIE"] == "a=1"
    assert environ["PATH_INFO"].encode("latin-1").decode() == "/ä"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_long_file_is_left_to_the_server_and_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr(front, "OPEN_S", 0.05)
    monkeypatch.setattr(front, "WHOLE_BYTES", 10)
    (tmp_path / "file").write_bytes(b"0123456789abcdef")
    opened: list[Any] = []

    def django(environ: object, start_response: Callable[..., None]) -> Any:
        response = FileResponse((tmp_path / "file").open("rb"))
        opened.append(response.file_to_stream)
        start_response("200 OK", list(response.items()))
        return response

    visitor = Visitor(method=method)
    served = Front(django, max_body_bytes=100)

    async def one() -> None:
        await served.handle(visitor.scope, visitor)
        assert opened[0].closed == (method == "HEAD")
        await asyncio.sleep(0.2)

    asyncio.run(one())
    assert (visitor.status, visitor.sent["Content-Length"]) == (200, "16")
    assert visitor.said == (b"0123456789abcdef" if method == "GET" else b"")
    assert opened[0].closed


def test_a_short_file_is_sent_whole_and_closed_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"0123456789")
    closed: list[bool] = []

    def django(environ: object, start_response: Callable[..., None]) -> HttpResponse:
        response = FileResponse((tmp_path / "file").open("rb"))
        response._resource_closers.append(lambda: closed.append(True))
        start_response("200 OK", list(response.items()))
        return response

    visitor = Visitor(method="GET")
    assert ask(Front(django, max_body_bytes=100), visitor) == [200]
    assert visitor.said == b"0123456789"
    assert closed == [True]
