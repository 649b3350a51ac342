"""A real server takes a large upload in little memory, and slow or broken lines lose nothing of it."""

from __future__ import annotations

import base64
import hashlib
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
from tests.factories import jpeg_bytes
from tests.upload_client import CHUNK, originals

SIZE = 1_000_000_000
BLOCK = 2_000_000

pytestmark = [pytest.mark.slow, pytest.mark.enable_socket]

MAKE = """
from gallery import libraries
print("LIBRARY", libraries.add_upload_library(name="Phones", root={root!r}).pk)
"""


class Line:
    """A signed-in connection to the server."""

    def __init__(self, house: House) -> None:
        self.address = urlsplit(house.url)
        self.key = house.session_keys(["tom"])["tom"]
        said = house.manage("shell", "--no-imports", "-c", MAKE.format(root=str(house.base / "phones")))
        self.library = re.findall(r"LIBRARY (\d+)", said)[0]

    def headers(self, **more: str) -> dict[str, str]:
        token = "a" * 32
        cookie = f"sessionid={self.key}; csrftoken={token}"
        return {"Cookie": cookie, "X-CSRFToken": token, "Tus-Resumable": "1.0.0"} | more

    def ask(self, method: str, path: str, body: bytes | None = None, **more: str) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(str(self.address.hostname), self.address.port, timeout=120)
        headers = self.headers(**{name.replace("_", "-"): value for name, value in more.items()})
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        answer = response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        connection.close()
        return answer

    def open(self, size: int, digest: str = "", name: str = "large.jpg") -> str:
        told = {"filename": name, "library": self.library} | ({"sha256": digest} if digest else {})
        metadata = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in told.items())
        status, headers, body = self.ask("POST", "/uploads/", Upload_Length=str(size), Upload_Metadata=metadata)
        assert status == 201, body
        return headers["location"]

    def patch(self, url: str, offset: int, data: bytes) -> tuple[int, dict[str, str], bytes]:
        return self.ask("PATCH", url, data, Content_Type=CHUNK, Upload_Offset=str(offset))

    def offset(self, url: str) -> int:
        return int(self.ask("HEAD", url)[1]["upload-offset"])

    def begin_chunk(self, url: str, offset: int, length: int) -> socket.socket:
        """A chunk of which only the head is sent."""
        return self.begin_request("PATCH", url, length, offset)

    def begin_request(self, method: str, url: str, length: int, offset: int = 0) -> socket.socket:
        named = self.headers(**{"Content-Type": CHUNK, "Upload-Offset": str(offset), "Content-Length": str(length)})
        head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        connection = socket.create_connection((str(self.address.hostname), self.address.port), timeout=60)
        connection.sendall(f"{method} {url} HTTP/1.1\r\nHost: {self.address.netloc}\r\n{head}\r\n".encode())
        return connection


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    (tmp_path / "phones").mkdir()
    try:
        made.start()
        yield made
    finally:
        made.stop()


def web_peak_bytes(house: House) -> int:
    """The most memory that the web server's processes ever held."""
    peak = 0
    for pid in house.running():
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        if b"granian" in command or b"rsgi" in command or b"spawn_main" in command:
            found = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
            peak = max(peak, *(int(kilobytes) * 1000 for kilobytes in found), 0)
    return peak


def test_a_gigabyte_in_under_100_mb(house: House) -> None:
    line = Line(house)
    small = jpeg_bytes()
    line.patch(line.open(len(small), name="small.jpg"), 0, small)
    before = web_peak_bytes(house)
    assert before
    head, digest = jpeg_bytes(seed=1), hashlib.sha256()
    # A picture that is followed by a film, as phones make them, is a picture to the upload.
    blocks = [head + bytes(BLOCK - len(head)), *(bytes([number % 256]) * BLOCK for number in range(SIZE // BLOCK - 1))]
    for block in blocks:
        digest.update(block)
    url, began = line.open(SIZE, digest.hexdigest()), time.monotonic()
    for number, block in enumerate(blocks):
        status, headers, body = line.patch(url, number * BLOCK, block)
        assert status == 204, body
    assert headers["pictopy-outcome"] == "stored"
    seconds, after = time.monotonic() - began, web_peak_bytes(house)
    print(f"1 GB in {seconds:.1f} s; web server {before / 1e6:.0f} MB before, {after / 1e6:.0f} MB at most")  # noqa: T201
    assert (house.base / "phones/undated/large.jpg").stat().st_size == SIZE
    assert after - before < 100_000_000


def test_what_came_before_the_line_broke_or_stood_still_is_kept(house: House) -> None:
    line = Line(house)
    data = jpeg_bytes(4000, 3000, quality=98)
    url = line.open(len(data), hashlib.sha256(data).hexdigest())
    with line.begin_chunk(url, 0, len(data)) as cut:
        cut.sendall(data[:100_000])
        time.sleep(1)
    deadline = time.monotonic() + 20
    while (offset := line.offset(url)) == 0 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert offset == 100_000
    with line.begin_chunk(url, offset, len(data) - offset) as slow:
        slow.sendall(data[offset : offset + 50_000])
        answer = slow.recv(4000).decode()  # after some seconds, without the rest
        assert " 204 " in answer
        assert "upload-offset: 150000" in answer.lower()
    assert line.offset(url) == 150_000
    while offset < len(data):
        offset = int(
            line.patch(url, offset, data[offset : offset + limits.CHUNK_BYTES])[1].get("upload-offset", "150000")
        )
    assert list(originals(house.base / "phones").values()) == [data]


def test_chunks_and_forms_have_their_bounds(house: House) -> None:
    line = Line(house)
    url = line.open(50_000_000)

    def answer(method: str, path: str, length: int) -> str:
        """What is said to the head alone: nothing of the body is waited for."""
        with line.begin_request(method, path, length) as connection:
            return connection.recv(2000).decode()

    assert " 413 " in (said := answer("PATCH", url, limits.CHUNK_BYTES + 1))
    assert "A chunk has at most" in said
    assert " 413 " in answer("PATCH", "/uploads/form/", 2_100_000), "bounded like any form"
    assert " 413 " in answer("POST", "/login/", 2_100_000)
    assert " 413 " in (said := answer("POST", "/uploads/form/", limits.FORM_BYTES + 1))
    assert "Without scripts" in said
    assert line.offset(url) == 0
