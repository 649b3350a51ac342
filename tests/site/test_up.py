"""`manage.py up` for real: web server, workers, a photo's way through them, and every kind of end."""

from __future__ import annotations

import http.client
import json
import os
import re
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pictopy_site import processes
from tests.factories import write_jpeg
from tests.site.test_processes import until

pytestmark = [pytest.mark.slow, pytest.mark.enable_socket]

ROOT = Path(__file__).resolve().parents[2]
# Machines that run tests are busy; the figure that counts is printed by the test.
SECOND_START_S = 5.0
WEB_RSS_BYTES = 250_000_000
DONE = "from gallery.models import Photo; sys.stdout.write(str(Photo.objects.filter(work_state='done').count()))"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Up:
    """One run of the command on a data directory."""

    def __init__(self, folder: Path, port: int, *arguments: str, **variables: str) -> None:
        self.data = folder / "data"
        self.port = port
        self.log = folder / f"up-{time.monotonic_ns()}.log"
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("PICTOPY_")}
        self.environment |= {
            "PICTOPY_DATA": str(self.data),
            "PICTOPY_MODELS": str(folder / "models"),
            "PICTOPY_ROOTS": str(folder / "allowed"),
            "PICTOPY_WORKERS": "2",
            "DATABASE_URL": "",
        }
        self.environment |= variables
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "up", "--port", str(port), *arguments],
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.began = time.monotonic()

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    @property
    def mark(self) -> str:
        return str(json.loads((self.data / "run.json").read_text())["mark"])

    def get(self, path: str = "/login/") -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def wait_for_page(self, seconds: float = 40) -> float:
        """Seconds from the start to the first page."""
        assert until(lambda: self.get() == 200 or self.process.poll() is not None, seconds), self.output
        assert self.process.poll() is None, self.output
        return time.monotonic() - self.began

    def wait_for_workers(self) -> None:
        """Leader, sentinel, two workers, monitor, pusher; the web server's two; and the watcher."""
        assert until(lambda: len(processes.members(self.mark)) >= 9, 30), self.output

    def leader(self, title: str) -> int:
        groups = json.loads((self.data / "run.json").read_text())["groups"]
        return int(next(group["pid"] for group in groups if group["title"] == title))

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)

    def shell(self, code: str) -> str:
        return subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), "shell", "--no-imports", "-c", f"import sys\n{code}"],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Up]]:
    folder = tmp_path / "run"
    (folder / "models").mkdir(parents=True)
    (folder / "allowed").mkdir()
    runs: list[Up] = []
    port = free_port()

    def start(*arguments: str, **variables: str) -> Up:
        runs.append(Up(folder, port, *arguments, **variables))
        return runs[-1]

    yield start
    for run in runs:
        run.process.kill()
        run.process.wait()
    if (folder / "data" / "run.json").exists():
        processes.end(runs[-1].mark, 0)


def test_it_starts_serves_and_stops_and_the_second_start_is_quick(
    start: Callable[..., Up], record_property: Callable[[str, object], None]
) -> None:
    first = start()
    first.wait_for_page()
    assert until(lambda: "Stop with Ctrl-C" in first.output)
    link = re.search(r"http://127\.0\.0\.1:\d+(/welcome/\S+/)", first.output)
    assert link
    assert first.get(link[1]) == 200
    first.wait_for_workers()
    mark = first.mark
    assert first.stop() == 0
    assert processes.members(mark) == []
    assert first.output.rstrip().endswith("PictoPy has stopped.")

    second = start()
    seconds = second.wait_for_page()
    record_property("second_start_s", seconds)
    assert seconds < SECOND_START_S
    assert second.get(link[1]) == 404
    rss = sum(rss_bytes(member.pid) for member in processes.members(second.mark) if "granian" in command(member.pid))
    record_property("web_rss_bytes", rss)
    assert 0 < rss < WEB_RSS_BYTES
    assert second.stop(signal.SIGINT) == 0


def rss_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


def command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")


def test_after_kill_9_nothing_is_left_and_the_next_start_works(start: Callable[..., Up]) -> None:
    run = start()
    run.wait_for_page()
    run.wait_for_workers()
    mark = run.mark
    run.process.kill()
    run.process.wait()
    again = start()  # at once, while the old web server still holds the port and answers
    assert until(lambda: "PictoPy is ready" in again.output or again.process.poll() is not None, 40)
    assert processes.members(mark) == []
    again.wait_for_page()
    again.wait_for_workers()
    assert again.stop() == 0


def test_a_web_server_workers_and_a_watcher_that_die_come_back(start: Callable[..., Up]) -> None:
    run = start()
    run.wait_for_page()
    run.wait_for_workers()
    before = {member.pid for member in processes.members(run.mark)}
    for member in processes.members(run.mark):
        # The granian worker, the sentinel and all below it; the watcher has nobody below.
        if not member.leads or member.pid == run.leader("The watcher"):
            os.kill(member.pid, signal.SIGKILL)
    assert until(lambda: run.get() == 200, 20), run.output
    assert until(lambda: not before & {member.pid for member in processes.members(run.mark)}, 20), run.output
    run.wait_for_workers()
    assert "The web server ended unexpectedly" in run.output
    assert "The worker cluster ended unexpectedly" in run.output
    assert "The watcher ended unexpectedly" in run.output
    assert run.stop() == 0


def test_a_second_start_on_the_same_data_is_refused(start: Callable[..., Up]) -> None:
    run = start()
    run.wait_for_page()
    second = start()
    assert second.process.wait(30) == 1
    assert f"already running (process {run.process.pid})" in second.output
    assert "Traceback" not in second.output
    assert run.get() == 200
    assert run.stop() == 0


def test_a_port_in_use_and_folders_that_cannot_be_used_are_explained(start: Callable[..., Up], tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        run = start("--port", str(port))
        assert run.process.wait(30) == 1
        assert f"Port {port} is in use" in run.output
    (tmp_path / "note.txt").write_text("")
    for folder, reason in ((tmp_path / "absent", "There is no folder"), (tmp_path / "note.txt", "is a file")):
        run = start("--photos", str(folder))
        assert run.process.wait(30) == 1
        assert reason in run.output
        assert "Traceback" not in run.output


def import_photos(start: Callable[..., Up], tmp_path: Path, **variables: str) -> None:
    folder = tmp_path / "my photos & 100 % more"
    for number in range(3):
        write_jpeg(folder, f"{number}.jpg", seed=number)
    run = start("--photos", str(folder), **variables)
    run.wait_for_page()
    assert "as the library “my photos & 100 % more”, which everyone in the house sees." in run.output
    assert until(lambda: run.shell(DONE) == "3", 60), run.output
    assert run.stop() == 0
    again = start("--photos", str(folder), **variables)
    again.wait_for_page()
    assert "Added" not in again.output
    libraries = "from gallery.models import Library; sys.stdout.write(repr(list(Library.objects.values_list('name'))))"
    assert again.shell(libraries) == "[('my photos & 100 % more',)]"
    assert again.stop() == 0


def test_photos_named_at_the_start_come_through_the_queue(start: Callable[..., Up], tmp_path: Path) -> None:
    import_photos(start, tmp_path)


def test_a_photo_that_comes_while_it_runs_is_found_by_itself(
    start: Callable[..., Up], tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    write_jpeg(tmp_path / "photos", "a.jpg", seed=1)
    run = start("--photos", str(tmp_path / "photos"))
    run.wait_for_page()
    assert until(lambda: run.shell(DONE) == "1", 60), run.output
    write_jpeg(tmp_path / "photos", "new/b.jpg", seed=2)
    begin = time.monotonic()
    assert until(lambda: run.shell(DONE) == "2", 40), run.output
    record_property("new_photo_s", time.monotonic() - begin)
    assert run.stop() == 0


def test_a_backup_of_the_database_and_the_key_is_enough(start: Callable[..., Up], tmp_path: Path) -> None:
    """As the README says: the thumbnails are made again."""
    write_jpeg(tmp_path / "photos", "a.jpg", seed=1)
    run = start("--photos", str(tmp_path / "photos"))
    run.wait_for_page()
    assert until(lambda: run.shell(DONE) == "1", 60), run.output
    backup = tmp_path / "backup"
    backup.mkdir()
    with (
        closing(sqlite3.connect(run.data / "pictopy.sqlite3")) as here,
        closing(sqlite3.connect(backup / "pictopy.sqlite3")) as there,
    ):
        here.backup(there)  # what `.backup` of the sqlite3 program does
    for name in ("secret-key", "allowed-roots.txt"):
        shutil.copy(run.data / name, backup)
    assert run.stop() == 0
    shutil.rmtree(run.data)
    backup.rename(run.data)
    again = start()
    again.wait_for_page()
    assert "The thumbnails are not there; they are made again (1)." in again.output
    assert until(lambda: list(again.data.glob("thumbnails/**/*-small.jpg")), 60), again.output
    assert again.stop() == 0


@pytest.mark.skipif(not os.environ.get("TEST_REDIS_URL"), reason="TEST_REDIS_URL is not set")
def test_photos_come_through_redis(start: Callable[..., Up], tmp_path: Path) -> None:
    """With TEST_DATABASE_URL as well, this is the whole of the set-up for those who outgrew the embedded database."""
    import_photos(
        start,
        tmp_path,
        PICTOPY_REDIS_URL=os.environ["TEST_REDIS_URL"],
        DATABASE_URL=os.environ.get("TEST_DATABASE_URL", ""),
    )
