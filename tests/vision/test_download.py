"""Weights come whole and checked, or not at all."""

import dataclasses
import fcntl
import hashlib
import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gallery.vision import catalog, download
from gallery.vision.catalog import Catalog, ModelSpec, ModelUnavailable

CONTENT = bytes(range(256)) * 4000  # about 1 MB


class Server:
    """A web server on this machine whose manners a test chooses."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.ranges = True
        self.breaks_after: list[int] = []  # one entry an answer: so many bytes, then the connection ends
        self.redirect_to: str | None = None
        self.requests: list[str | None] = []  # the Range of each
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = self.headers.get("Range")
                server.requests.append(asked)
                if server.redirect_to:
                    self.send_response(302)
                    self.send_header("Location", server.redirect_to)
                    self.end_headers()
                    return
                content = server.files.get(self.path)
                if content is None:
                    self.send_error(404)
                    return
                start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and server.ranges else 0
                if start >= len(content):
                    self.send_error(416)
                    return
                self.send_response(206 if start else 200)
                if start:
                    self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
                body = content[start:]
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: server.breaks_after.pop(0)] if server.breaks_after else body)

            def log_message(self, *args: object) -> None:
                pass

        self.httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.httpd.server_address[1]}"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = Server()
    thread = threading.Thread(target=server.httpd.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.httpd.shutdown()
    server.httpd.server_close()
    thread.join()


def toy_spec(server: Server | None, content: bytes = CONTENT, **changes: object) -> ModelSpec:
    spec = ModelSpec(
        key="toy",
        role="objects",
        family="yolox",
        file="toy.onnx",
        sha256=hashlib.sha256(content).hexdigest(),
        licence="MIT",
        input_px=64,
        size_bytes=len(content),
        url=f"{server.address}/toy.onnx" if server else None,
    )
    return dataclasses.replace(spec, **changes)


def part(folder: Path) -> Path:
    return folder / "toy.onnx.part"


def test_a_file_is_fetched_with_progress(server: Server, tmp_path: Path) -> None:
    server.files["/toy.onnx"] = CONTENT
    seen: list[tuple[int, int | None]] = []
    path = download.fetch(toy_spec(server), tmp_path / "new", progress=lambda *numbers: seen.append(numbers))
    assert path.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [file.name for file in path.parent.iterdir()] == ["toy.onnx"]


def test_what_is_there_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / "toy.onnx").write_bytes(CONTENT)
    download.fetch(toy_spec(server), tmp_path)
    assert server.requests == []


def test_a_broken_connection_is_taken_up_where_it_ended(server: Server, tmp_path: Path) -> None:
    server.files["/toy.onnx"] = CONTENT
    server.breaks_after = [400_000, 300_000]
    assert download.fetch(toy_spec(server), tmp_path).read_bytes() == CONTENT
    assert server.requests == [None, "bytes=400000-", "bytes=700000-"]


def test_a_connection_that_keeps_breaking_leaves_the_part_for_the_next_time(server: Server, tmp_path: Path) -> None:
    server.files["/toy.onnx"] = CONTENT
    server.breaks_after = [1000] * 4
    with pytest.raises(ModelUnavailable, match="broke off"):
        download.fetch(toy_spec(server), tmp_path)
    assert part(tmp_path).stat().st_size == 4000
    assert not (tmp_path / "toy.onnx").exists()
    assert download.fetch(toy_spec(server), tmp_path).read_bytes() == CONTENT
    assert server.requests[-1] == "bytes=4000-"


def test_a_server_that_ignores_ranges_sends_it_all_again(server: Server, tmp_path: Path) -> None:
    server.files["/toy.onnx"] = CONTENT
    server.ranges = False
    part(tmp_path).write_bytes(CONTENT[:5000])
    assert download.fetch(toy_spec(server), tmp_path).read_bytes() == CONTENT


def test_a_part_of_another_file_is_started_over(server: Server, tmp_path: Path) -> None:
    server.files["/toy.onnx"] = CONTENT
    part(tmp_path).write_bytes(b"x" * 5000)
    assert download.fetch(toy_spec(server), tmp_path).read_bytes() == CONTENT
    assert server.requests == ["bytes=5000-", None]


def test_a_complete_part_needs_no_request(server: Server, tmp_path: Path) -> None:
    part(tmp_path).write_bytes(CONTENT)
    assert download.fetch(toy_spec(server), tmp_path).read_bytes() == CONTENT
    assert server.requests == []


@pytest.mark.parametrize("left", [CONTENT, CONTENT + b"more", b"x" * len(CONTENT)])
def test_a_server_that_has_nothing_more_is_believed_only_if_the_hash_is_right(
    server: Server, tmp_path: Path, left: bytes
) -> None:
    server.files["/toy.onnx"] = CONTENT
    part(tmp_path).write_bytes(left)
    spec = toy_spec(server, size_bytes=None)
    assert download.fetch(spec, tmp_path).read_bytes() == CONTENT
    assert server.requests[0] == f"bytes={len(left)}-"


def test_the_wrong_file_is_thrown_away(server: Server, tmp_path: Path) -> None:
    server.files["/toy.onnx"] = b"y" * len(CONTENT)
    with pytest.raises(ModelUnavailable, match=r"is not the published file .its SHA-256 differs"):
        download.fetch(toy_spec(server), tmp_path)
    assert list(tmp_path.glob("toy*")) == []


def test_a_server_that_never_stops_is_stopped(server: Server, tmp_path: Path) -> None:
    server.files["/toy.onnx"] = CONTENT + b"z"
    with pytest.raises(ModelUnavailable, match="too long"):
        download.fetch(toy_spec(server), tmp_path)


def test_a_missing_file_is_reported_with_the_answer(server: Server, tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"127.0.0.1 answered 404 \(Not Found\) for toy.onnx"):
        download.fetch(toy_spec(server), tmp_path)


def test_no_network_is_reported(server: Server, tmp_path: Path) -> None:
    spec = toy_spec(server)
    dead = dataclasses.replace(spec, url="http://127.0.0.1:9/toy.onnx")
    with pytest.raises(ModelUnavailable, match=r"127.0.0.1 cannot be reached for toy.onnx"):
        download.fetch(dead, tmp_path)
    assert list(tmp_path.glob("toy*")) == []


@pytest.mark.parametrize("target", ["file:///etc/hostname", "ftp://127.0.0.1/toy.onnx"])
def test_a_redirect_may_not_leave_the_web(server: Server, tmp_path: Path, target: str) -> None:
    server.redirect_to = target
    with pytest.raises(ModelUnavailable):
        download.fetch(toy_spec(server), tmp_path)
    assert not (tmp_path / "toy.onnx").exists()


def test_an_address_that_is_not_of_the_web_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="not an http or https address"):
        download.fetch(toy_spec(None, url="file:///etc/hostname"), tmp_path)


def test_a_mirror_on_the_web_is_asked_first(server: Server, tmp_path: Path) -> None:
    server.files["/mirror/toy.onnx"] = CONTENT
    spec = toy_spec(server, url="http://127.0.0.1:9/never-asked")
    assert download.fetch(spec, tmp_path, f"{server.address}/mirror/").read_bytes() == CONTENT


def test_the_publisher_is_asked_when_the_mirror_has_it_not(server: Server, tmp_path: Path) -> None:
    server.files["/toy.onnx"] = CONTENT
    (tmp_path / "mirror").mkdir()
    assert download.fetch(toy_spec(server), tmp_path / "models", str(tmp_path / "mirror")).read_bytes() == CONTENT


def test_a_wrong_file_in_the_mirror_is_refused(tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "toy.onnx").write_bytes(b"something else")
    with pytest.raises(ModelUnavailable, match="from the folder is not the published file"):
        download.fetch(toy_spec(None), tmp_path / "models", str(mirror))
    assert list((tmp_path / "models").iterdir()) == []


def test_a_model_without_an_address_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="no public address: put it into a folder"):
        download.fetch(toy_spec(None), tmp_path)


def test_two_processes_do_not_write_one_file(server: Server, tmp_path: Path) -> None:
    server.files["/toy.onnx"] = CONTENT
    with part(tmp_path).open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(ModelUnavailable, match="being fetched by another process"):
            download.fetch(toy_spec(server), tmp_path)


# ---- Packs and folders ------------------------------------------------------------------------------------------


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModelSpec]:
    """The real catalog with the key as each file's content and without addresses."""
    models = {
        key: dataclasses.replace(spec, sha256=hashlib.sha256(key.encode()).hexdigest(), size_bytes=len(key), url=None)
        for key, spec in catalog.catalog().models.items()
    }
    toy = Catalog(models=models, packs=catalog.catalog().packs)
    monkeypatch.setattr(catalog, "catalog", lambda: toy)
    return models


def folder_with(folder: Path, toys: dict[str, ModelSpec], *keys: str) -> Path:
    folder.mkdir(exist_ok=True)
    for key in keys:
        toys[key].path(folder).write_bytes(key.encode())
    return folder


def states(outcomes: list[download.Outcome]) -> dict[str, str]:
    return {outcome.spec.key: outcome.state for outcome in outcomes}


def test_a_mirror_folder_stands_in_for_what_cannot_be_had(tmp_path: Path, toys: dict[str, ModelSpec]) -> None:
    mirror = folder_with(tmp_path / "mirror", toys, "yunet", "mobilefacenet", "yolox_nano", "yolox_tiny")
    outcomes = download.fetch_pack("standard", tmp_path / "models", str(mirror))
    assert states(outcomes) == {
        "yunet": "fetched",
        "sface": "missing",
        "yolox_s": "missing",
        "yolox_tiny": "fetched",  # the best the folder holds
        "mobilefacenet": "fetched",
    }
    again = download.fetch_pack("standard", tmp_path / "models", str(mirror))
    assert states(again)["yunet"] == "present"


def test_a_pack_that_is_whole_needs_no_stand_in(tmp_path: Path, toys: dict[str, ModelSpec]) -> None:
    mirror = folder_with(tmp_path / "mirror", toys, "yunet", "sface", "mobilefacenet", "yolox_nano")
    assert set(states(download.fetch_pack("light", tmp_path / "models", str(mirror)))) == {
        "yunet",
        "sface",
        "yolox_nano",
    }


def test_importing_takes_every_known_file_and_leaves_the_folder_as_it_was(
    tmp_path: Path, toys: dict[str, ModelSpec]
) -> None:
    source = folder_with(tmp_path / "source", toys, "yunet", "facenet")
    toys["sface"].path(source).write_bytes(b"wrong")
    (source / "holiday.jpg").write_bytes(b"a picture")
    before = sorted(os.listdir(source))
    outcomes = download.import_folder(source, tmp_path / "models")
    assert states(outcomes) == {"yunet": "imported", "facenet": "imported", "sface": "damaged"}
    assert sorted(os.listdir(source)) == before
    assert sorted(os.listdir(tmp_path / "models")) == sorted([toys["yunet"].file, toys["facenet"].file])
    assert states(download.import_folder(source, tmp_path / "models"))["yunet"] == "present"


def test_importing_from_nowhere_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError):
        download.import_folder(tmp_path / "nowhere", tmp_path)


def test_verifying_finds_a_file_that_rotted_unseen(tmp_path: Path, toys: dict[str, ModelSpec]) -> None:
    folder = folder_with(tmp_path / "models", toys, "yunet", "sface")
    rotten = toys["sface"].path(folder)
    assert catalog.weights_state(toys["sface"], folder) == "ready"
    stat = rotten.stat()
    rotten.write_bytes(b"sfacE")
    os.utime(rotten, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert states(download.verify(folder)) == {"yunet": "present", "sface": "damaged"}
