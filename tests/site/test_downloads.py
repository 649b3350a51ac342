"""Originals and thumbnails over HTTP from a real server: every byte, ranges, and readers that do not read."""

from __future__ import annotations

import http.client
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest

from pictopy_site import front, processes
from tests.factories import jpeg_bytes
from tests.site.test_processes import until
from tests.site.test_up import DONE, Up, command, free_port, rss_bytes

pytestmark = [pytest.mark.slow, pytest.mark.enable_socket]

LARGE_BYTES = 30_000_000
# Makes a member and signs them in; tells their session key, and of each photo its id, digest and thumbnail's file.
FACTS = """
import json
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from gallery import thumbnails
from gallery.models import File
user = User.objects.create_user("anna")
session = SessionStore()
session[SESSION_KEY] = str(user.pk)
session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
session[HASH_SESSION_KEY] = user.get_session_auth_hash()
session.create()
photos = {
    file.path: [file.photo_id, file.photo.digest, str(thumbnails.path(file.photo.digest, "small"))]
    for file in File.objects.select_related("photo")
}
sys.stdout.write(json.dumps({"key": session.session_key, "photos": photos}))
"""

Answer: TypeAlias = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True, slots=True)
class Site:
    """A running PictoPy with a small and a large photo, and a member's cookie."""

    run: Up
    cookie: str
    small: Path
    large: Path
    photos: dict[str, tuple[int, str, str]]

    def file(self, name: str) -> Path:
        return {"small": self.small, "large": self.large}[name]

    def original(self, name: str) -> str:
        return f"/media/{self.photos[self.file(name).name][0]}/original/"

    def thumbnail(self, name: str) -> tuple[str, Path]:
        """Address and file."""
        pk, digest, file = self.photos[self.file(name).name]
        return f"/media/{pk}/small-{digest[:12]}.jpg", Path(file)

    def ask(self, path: str, method: str = "GET", *, is_member: bool = True, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.run.port, timeout=20)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, headers=sent | ({"Cookie": self.cookie} if is_member else {}))
            response = connection.getresponse()
            return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        finally:
            connection.close()

    def web_worker(self) -> int:
        """The process that serves, which is the one that granian started."""
        return max(m.pid for m in processes.members(self.run.mark) if "granian" in command(m.pid) and not m.leads)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("run")
    (folder / "photos").mkdir()
    small, large = folder / "photos" / "small.jpg", folder / "photos" / "large.jpg"
    small.write_bytes(jpeg_bytes(seed=1))
    large.write_bytes(jpeg_bytes(seed=2) + os.urandom(LARGE_BYTES))  # what follows a picture's end is passed over
    run = Up(folder, free_port(), "--photos", str(folder / "photos"))
    try:
        run.wait_for_page()
        assert until(lambda: run.shell(DONE) == "2", 60), run.output
        facts = json.loads(run.shell(FACTS))
        yield Site(run, f"sessionid={facts['key']}", small, large, facts["photos"])
        assert run.stop() == 0
        assert "did not stop in time" not in run.output
    finally:
        run.process.kill()
        run.process.wait()
        if (run.data / "run.json").exists():
            processes.end(run.mark, 0)


def test_the_large_one_is_sent_by_the_server_and_the_small_one_whole(site: Site) -> None:
    assert site.small.stat().st_size < front.WHOLE_BYTES < site.large.stat().st_size


@pytest.mark.parametrize("name", ["small", "large"])
def test_an_original_arrives_byte_for_byte(site: Site, name: str) -> None:
    status, headers, body = site.ask(site.original(name))
    assert status == 200
    assert body == site.file(name).read_bytes()
    assert headers["content-length"] == str(len(body))
    assert (headers["content-type"], headers["accept-ranges"]) == ("image/jpeg", "bytes")
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["small", "large"])
def test_a_thumbnail_arrives_byte_for_byte_and_is_asked_for_once(site: Site, name: str) -> None:
    address, file = site.thumbnail(name)
    status, headers, body = site.ask(address)
    assert (status, body) == (200, file.read_bytes())
    assert "immutable" in headers["cache-control"]
    status, later, body = site.ask(address, If_None_Match=headers["etag"])
    assert (status, body, later["etag"]) == (304, b"", headers["etag"])


@pytest.mark.parametrize("name", ["small", "large"])
@pytest.mark.parametrize(
    ("header", "start", "end"),
    [
        ("bytes=0-99", 0, 100),
        ("bytes=100-", 100, None),
        ("bytes=-1000", -1000, None),
        ("bytes=1000-999999999", 1000, None),
        ("bytes=-999999999", 0, None),
        ("bytes=500-25000000", 500, 25_000_001),
    ],
)
def test_a_range_is_exactly_those_bytes(site: Site, name: str, header: str, start: int, end: int | None) -> None:
    whole = site.file(name).read_bytes()
    status, headers, body = site.ask(site.original(name), Range=header)
    expected = whole[start:end]
    assert status == 206
    assert body == expected
    first = start % len(whole)
    assert headers["content-range"] == f"bytes {first}-{first + len(expected) - 1}/{len(whole)}"
    assert headers["content-length"] == str(len(expected))


@pytest.mark.parametrize("name", ["small", "large"])
@pytest.mark.parametrize("header", ["bytes=999999999-", "bytes=-0"])
def test_a_range_behind_the_end_is_refused(site: Site, name: str, header: str) -> None:
    status, headers, body = site.ask(site.original(name), Range=header)
    assert (status, body) == (416, b"")
    assert headers["content-range"] == f"bytes */{site.file(name).stat().st_size}"


@pytest.mark.parametrize("name", ["small", "large"])
def test_what_the_browser_has_is_not_sent_again(site: Site, name: str) -> None:
    etag = site.ask(site.original(name), "HEAD")[1]["etag"]
    assert site.ask(site.original(name), If_None_Match=etag)[::2] == (304, b"")
    assert site.ask(site.original(name), If_None_Match='"another"')[0] == 200
    assert site.ask(site.original(name), Range="bytes=0-9", If_Range=etag)[0] == 206
    assert site.ask(site.original(name), Range="bytes=0-9", If_Range='"another"')[0] == 200


@pytest.mark.parametrize("name", ["small", "large"])
def test_head_tells_the_length_and_the_connection_goes_on(site: Site, name: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", site.run.port, timeout=20)
    for method, size in (("HEAD", 0), ("GET", site.file(name).stat().st_size), ("HEAD", 0)):
        connection.request(method, site.original(name), headers={"Cookie": site.cookie})
        response = connection.getresponse()
        assert response.status == 200
        assert response.getheader("Content-Length") == str(site.file(name).stat().st_size)
        assert len(response.read()) == size
    connection.close()


def test_strangers_are_sent_to_the_door_and_what_is_not_there_is_not_there(site: Site) -> None:
    absent = "/media/999999/original/"
    for path in (site.original("small"), site.original("large"), site.thumbnail("small")[0], absent):
        for method in ("GET", "HEAD"):
            status, headers, body = site.ask(path, method, is_member=False, Range="bytes=0-9")
            assert (status, body) == (302, b"")
            assert headers["location"].startswith("/login/?next=/media/")
    assert site.ask(absent)[0] == 404
    address, _ = site.thumbnail("small")
    assert site.ask(address.replace("small-", "small-000000"))[0] == 404


def test_readers_that_stop_reading_hold_up_nobody_and_cost_no_memory(site: Site) -> None:
    worker = site.web_worker()
    site.ask(site.original("large"))
    rss_before = rss_bytes(worker)
    request = f"GET {site.original('large')} HTTP/1.1\r\nHost: localhost\r\nCookie: {site.cookie}\r\n\r\n".encode()
    stuck = [socket.create_connection(("127.0.0.1", site.run.port)) for _ in range(40)]
    for each in stuck:
        each.sendall(request)
    time.sleep(2)
    for path in ("/libraries/", site.original("small"), site.thumbnail("large")[0], site.original("large")):
        began = time.monotonic()
        assert site.ask(path)[0] == 200
        assert time.monotonic() - began < 2, path
    # Files in memory would be all of forty times the file.
    assert rss_bytes(worker) - rss_before < len(stuck) * LARGE_BYTES / 10
    # They did get the beginning, and the rest when they read on.
    assert stuck[0].recv(12) == b"HTTP/1.1 200"
    assert times_open(worker, site.large) >= len(stuck)
    for each in stuck:
        each.close()
    assert until(lambda: times_open(worker, site.large) == 0, front.OPEN_S + 10), "the file stays open"


def times_open(pid: int, file: Path) -> int:
    found = 0
    for descriptor in os.listdir(f"/proc/{pid}/fd"):
        with suppress(FileNotFoundError):  # closed meanwhile
            found += os.readlink(f"/proc/{pid}/fd/{descriptor}") == str(file)
    return found
