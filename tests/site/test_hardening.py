"""What strangers, slow visitors and those who come after a sign-out can and cannot do."""

from __future__ import annotations

import http.client
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpRequest
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings

from gallery import media
from pictopy_site import startup
from pictopy_site.front import Front
from pictopy_site.middleware import is_answered
from tests.site.test_processes import until
from tests.site.test_up import Up, free_port, start  # noqa: F401  (a fixture)

LOGIN = "/login/"
NEW = {"new_password1": "another sentence 8", "new_password2": "another sentence 8"}


@pytest.mark.parametrize(
    "host", ["192.168.1.7", "10.0.0.7:8000", "[fe80::1]:8000", "homeserver", "nas.local:8000", "nas.LAN", "a.home.arpa"]
)
def test_names_of_a_home_network_need_no_setting(host: str) -> None:
    assert is_answered(host, ())


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "local.evil.example", "xlocal.de", "", "a/b"]
)
def test_other_names_do(host: str) -> None:
    assert not is_answered(host, ())


@pytest.mark.django_db
def test_the_refusal_names_the_setting_that_allows_the_name(client: Client, settings: Settings) -> None:
    response = client.get(LOGIN, headers={"host": "photos.example.org"})
    assert response.status_code == 400
    assert "PICTOPY_ALLOWED_HOSTS" in response.content.decode()
    settings.PICTOPY_ALLOWED_HOSTS = ["photos.example.org"]
    assert client.get(LOGIN, headers={"host": "photos.example.org"}).status_code == 200


@pytest.mark.django_db
def test_no_file_is_taken(client: Client, tmp_path: Path, settings: Settings) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    request = client.post(LOGIN, {"file": SimpleUploadedFile("a", b"x" * 5_000_000)}).wsgi_request
    assert not request.FILES


def test_pages_of_members_are_not_kept_by_browsers(owner_client: Client) -> None:
    for path in ("/", "/libraries/", "/nowhere/"):
        assert owner_client.get(path).headers["Cache-Control"] == "private, no-store"


def test_after_signing_out_no_message_is_left_for_the_next(owner_client: Client, owner: User) -> None:
    owner_client.post("/password/", NEW | {"old_password": "anna-password"})
    response = owner_client.post("/logout/")
    assert response.headers["Clear-Site-Data"] == '"cache"'
    assert "Your password was changed" not in owner_client.get(LOGIN).content.decode()


def test_the_administration_uses_the_same_doors(admin_client: Client) -> None:
    assert admin_client.get("/admin/password_change/").headers["Location"] == "/password/"
    assert admin_client.post("/admin/logout/").headers["Clear-Site-Data"] == '"cache"'


def test_wrong_old_passwords_are_counted(owner_client: Client, owner: User) -> None:
    codes = [owner_client.post("/password/", NEW | {"old_password": "wrong"}).status_code for _ in range(6)]
    assert codes == [422, 422, 422, 422, 429, 429]
    assert owner_client.post("/password/", NEW | {"old_password": "anna-password"}).status_code == 429
    owner.refresh_from_db()
    assert owner.check_password("anna-password")


@pytest.mark.slow
def test_many_names_from_one_address_are_bounded_and_other_addresses_go_on(client: Client, owner: User) -> None:
    for number in range(50):
        code = client.post(LOGIN, {"username": f"name{number}", "password": "wrong"}).status_code
        assert code == (422 if number < 49 else 429)
    right = {"username": "anna", "password": "anna-password"}
    assert client.post(LOGIN, right).status_code == 429
    assert client.post(LOGIN, right, REMOTE_ADDR="10.0.0.7").status_code == 302


def test_behind_a_proxy_visitors_are_told_apart(client: Client, owner: User, settings: Settings) -> None:
    settings.PICTOPY_HTTPS = True
    client.post(LOGIN, {"username": "anna", "password": "x"}, headers={"X-Forwarded-For": "1.1.1.1, 203.0.113.9"})
    assert AccessAttempt.objects.get().ip_address == "203.0.113.9"


@pytest.mark.parametrize("path", [LOGIN, "/admin/login/"])
@pytest.mark.django_db
def test_a_name_longer_than_its_column_is_refused(client: Client, path: str) -> None:
    assert client.post(path, {"username": "a" * 300, "password": "x"}).status_code in {200, 302, 422}
    assert all(len(attempt.username or "") <= 150 for attempt in AccessAttempt.objects.all())


@pytest.mark.django_db
def test_health_answers_head(client: Client) -> None:
    assert client.head("/health/").status_code == 200


def test_the_record_of_static_files_is_not_served(settings: Settings, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STATICFILES_DIRS = []
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    (tmp_path / "static").mkdir()
    startup.collect_static()
    assert list((tmp_path / "static").iterdir()) == []
    assert not startup.collect_static()


def test_an_open_data_directory_is_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    startup.close_to_others(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o700


# With a real server


SLOW_READER_APP = """
import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pictopy_site.settings")
from django.conf import settings
settings.configure() if not settings.configured else None
from django.http import FileResponse
from pictopy_site.front import Front

class Wsgi:
    def __call__(self, environ, start_response):
        if environ["PATH_INFO"] == "/big":
            response = FileResponse(open(os.environ["BIG"], "rb"))
        else:
            from django.http import HttpResponse
            response = HttpResponse(environ["wsgi.input"].read())
        start_response("200 OK", list(response.items()))
        return response

application = Front(Wsgi(), max_body_bytes=2_000_000, body_s=2.0).handle
"""


class Stuck:
    """Sockets that sent something and neither send nor read any more."""

    def __init__(self, port: int, text: bytes, count: int) -> None:
        self.sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
        for each in self.sockets:
            each.sendall(text)

    def close(self) -> None:
        for each in self.sockets:
            each.close()


def health_s(port: int) -> float:
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/health/")
    assert connection.getresponse().status == 200
    connection.close()
    return time.monotonic() - began


@pytest.mark.slow
@pytest.mark.enable_socket
def test_stuck_visitors_do_not_stop_the_others_and_nothing_is_open_to_other_users(
    start: Callable[..., Up],  # noqa: F811
) -> None:
    run = start()
    run.wait_for_page()
    head = b"POST /login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
    stuck = Stuck(run.port, head % 1000 + b"a", 100)
    time.sleep(0.5)
    assert max(health_s(run.port) for _ in range(5)) < 2
    large = Stuck(run.port, head % 150_000_000, 1)
    large.sockets[0].settimeout(5)
    assert b" 413 " in large.sockets[0].recv(100)
    stuck.sockets[0].settimeout(15)
    assert b" 408 " in stuck.sockets[0].recv(100)  # and the connection is given up
    stuck.close()
    large.close()
    assert run.data.stat().st_mode & 0o077 == 0
    assert (run.data / "pictopy.sqlite3").stat().st_mode & 0o077 == 0
    assert run.stop() == 0
    assert "did not stop in time" not in run.output


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """Port and process of a granian that sends a file of 100 MB."""
    (tmp_path / "slow_reader_app.py").write_text(SLOW_READER_APP)
    with (tmp_path / "big").open("wb") as big:
        for number in range(100):
            big.write(bytes([number]) * 1_000_000)
    port = free_port()
    granian = [sys.executable, "-m", "granian", "--interface", "rsgi", "--loop", "asyncio", "--http", "1", "--no-ws"]
    root = str(Path(__file__).resolve().parents[2])
    process = subprocess.Popen(
        [*granian, "--port", str(port), "slow_reader_app:application"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}:{root}", "BIG": str(tmp_path / "big")},
    )
    assert until(lambda: startup.answers("127.0.0.1", port), 20)
    worker = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])
    yield port, worker
    process.terminate()
    process.wait(20)


@pytest.mark.slow
@pytest.mark.enable_socket
def test_slow_readers_cost_neither_threads_nor_memory(server: tuple[int, int]) -> None:
    port, worker = server
    stuck = Stuck(port, b"GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n", 40)
    time.sleep(2)
    assert health_s(port) < 2
    assert int(Path(f"/proc/{worker}/statm").read_text().split()[1]) * resource.getpagesize() < 150_000_000
    stuck.close()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/big")
    body = connection.getresponse().read()
    assert len(body) == 100_000_000
    assert body[-1] == 99
    connection.close()


@pytest.mark.django_db
def test_long_originals_and_their_ranges_are_left_to_the_server(tmp_path: Path, rf: RequestFactory) -> None:
    """Also of the film within a motion photo, which begins somewhere in the file."""
    (tmp_path / "big").write_bytes(b"x" * 3_000_000)
    whole, film = media.Section(0, 3_000_000), media.Section(500_000, 2_500_000)
    for section, header, start_at, end in (
        (whole, "", 0, 3_000_000),
        (whole, "bytes=100-2999999", 100, 3_000_000),
        (film, "", 500_000, 3_000_000),
        (film, "bytes=100-2400099", 500_100, 2_900_100),
    ):
        request = rf.get("/", headers={"range": header})

        def django(
            environ: object,
            start_response: Callable[..., None],
            request: HttpRequest = request,
            section: media.Section = section,
        ) -> Any:
            response = media._answer(request, (tmp_path / "big").open("rb"), section, '"e"', 0.0)
            start_response(f"{response.status_code} X", list(response.items()))
            return response

        answer = Front(django, max_body_bytes=1)._ask({})
        assert (answer.start, answer.end, answer.file.closed) == (start_at, end, False)
        answer.close()
        assert answer.file.closed
