"""A real server looks at pictures of faces in little memory, keeps nothing of them, and ends what nobody waits for."""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from gallery import limits
from tests.browser.house import House
from tests.conftest import MIRROR
from tests.factories import jpeg_bytes
from tests.site.test_upload_memory import web_peak_bytes

pytestmark = [pytest.mark.slow, pytest.mark.weights, pytest.mark.enable_socket]

BOUNDARY = "-----------------------------1234"
# The web server's bound of memory.
MOST_BYTES = 250_000_000


class Line:
    """A signed-in browser."""

    def __init__(self, house: House) -> None:
        self.address = urlsplit(house.url)
        self.key = house.session_keys(["tom"])["tom"]

    def request(self, picture: bytes) -> tuple[bytes, dict[str, str]]:
        token = "a" * 32
        head = (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="picture"; filename="secret-name.jpg"\r\n'
            "Content-Type: image/jpeg\r\n\r\n"
        )
        body = head.encode() + picture + f"\r\n--{BOUNDARY}--\r\n".encode()
        return body, {
            "Cookie": f"sessionid={self.key}; csrftoken={token}",
            "X-CSRFToken": token,
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        }

    def find(self, picture: bytes) -> tuple[int, str]:
        body, headers = self.request(picture)
        connection = http.client.HTTPConnection(str(self.address.hostname), self.address.port, timeout=120)
        connection.request("POST", "/people/find/", body, headers)
        response = connection.getresponse()
        answer = response.status, response.read().decode()
        connection.close()
        return answer

    def announce(self, length: int) -> str:
        """What is said to the head alone: nothing of the body is waited for."""
        with self._connect() as connection:
            connection.sendall(self._head(self.request(b"")[1], length))
            return connection.recv(2000).decode()

    def leave(self, picture: bytes) -> None:
        """Sends a picture and goes away."""
        body, headers = self.request(picture)
        with self._connect() as connection:
            connection.sendall(self._head(headers, len(body)) + body)
            time.sleep(0.5)

    def _connect(self) -> socket.socket:
        return socket.create_connection((str(self.address.hostname), self.address.port), timeout=60)

    def _head(self, headers: dict[str, str], length: int) -> bytes:
        named = headers | {"Content-Length": str(length), "Host": self.address.netloc}
        lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        return f"POST /people/find/ HTTP/1.1\r\n{lines}\r\n".encode()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    made.environment["TMPDIR"] = str(tmp_path / "temporary")
    (tmp_path / "temporary").mkdir()
    made.take_models(MIRROR)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def looking(house: House) -> list[int]:
    """The child processes that look at pictures."""
    found = []
    for pid in house.running():
        with contextlib.suppress(OSError):
            if b"faces.looking" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def test_a_picture_leaves_no_trace_and_the_server_stays_small(house: House) -> None:
    line = Line(house)
    # A picture that is followed by something else is a picture.
    marked = jpeg_bytes(4000, 3000, quality=98) + b"the end of a picture that nobody keeps " * 200_000
    assert limits.FACE_PICTURE_BYTES > len(marked) > 7_000_000
    before = web_peak_bytes(house)
    status, html = line.find(marked)
    assert status == 422
    assert "No face was found in this picture." in html
    assert line.find(b"Dear Anna, this is a letter.")[0] == 422
    for length in (limits.FACE_PICTURE_BYTES + 1, limits.FACE_DROPPED_BYTES - 1_000):
        status, html = line.find(bytes(length))
        assert status == 413
        assert re.search(r'<p class="error" id="find_error" role="alert">A picture may have at most 15 MB', html)
    assert "413" in (said := line.announce(limits.FACE_DROPPED_BYTES + 1))
    assert "at most 15 MB" in said
    assert line.find(marked)[0] == 422
    after = web_peak_bytes(house)
    print(f"web server {before / 1e6:.0f} MB before, {after / 1e6:.0f} MB at most")  # noqa: T201
    assert after < MOST_BYTES
    assert not looking(house)
    parts = (b"that nobody keeps", marked[100_000:100_064], b"secret-name")
    for file in house.base.rglob("*"):
        if file.is_file() and not file.is_relative_to(house.base / "models"):
            content = file.read_bytes()
            assert not [part for part in parts if part in content], file


def test_the_child_goes_when_the_visitor_does(house: House) -> None:
    line = Line(house)
    line.leave(jpeg_bytes(4000, 3000))
    deadline = time.monotonic() + 5
    while looking(house) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not looking(house)
    assert line.find(jpeg_bytes())[0] == 422, "the next one is looked at"
    assert re.search("nobody waits any more", house.said())
