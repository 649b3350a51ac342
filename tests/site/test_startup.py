"""One run per data directory, a free port, addresses, static files."""

from __future__ import annotations

import datetime as dt
import errno
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from gallery import work
from gallery.models import Condition
from pictopy_site import startup, supervisor


def test_a_second_run_on_the_same_data_is_refused(tmp_path: Path) -> None:
    with (
        startup.only_run(tmp_path),
        pytest.raises(startup.StartRefused, match=rf"already running \(process {os.getpid()}\)"),
        startup.only_run(tmp_path),
    ):
        pass
    with startup.only_run(tmp_path):  # and allowed when the first has ended
        pass


def test_children_do_not_hold_the_lock(tmp_path: Path) -> None:
    with startup.only_run(tmp_path):
        child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(30)"])
    try:
        with startup.only_run(tmp_path):
            pass
    finally:
        child.kill()
        child.wait()


def test_a_port_in_use_is_explained() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(startup.StartRefused, match=f"Port {port} is in use.*--port {port + 1}"):
            startup.check_port("127.0.0.1", port)
    startup.check_port("127.0.0.1", port)


def test_an_address_of_another_machine_is_explained() -> None:
    with pytest.raises(startup.StartRefused, match=r"Cannot listen on 192\.0\.2\.1"):
        startup.check_port("192.0.2.1", 8000)


def test_names_become_numbers() -> None:
    assert startup.resolve_host("localhost") in {"127.0.0.1", "::1"}
    assert startup.resolve_host("0.0.0.0") == "0.0.0.0"


def test_unknown_names_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: object, **kwargs: object) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(startup.StartRefused, match="'nowhere' is not an address of this machine"):
        startup.resolve_host("nowhere")


def test_the_address_in_the_house_is_told_when_all_can_reach_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup, "_house_address", lambda: "192.168.1.7")
    assert startup.addresses("127.0.0.1", 80) == ["http://127.0.0.1:80"]
    assert startup.addresses("0.0.0.0", 80) == ["http://127.0.0.1:80", "http://192.168.1.7:80"]
    assert startup.addresses("::1", 80) == ["http://[::1]:80"]


def test_no_answer_is_no_answer() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert not startup.answers("127.0.0.1", port)


def test_static_files_are_collected_only_when_they_changed(settings: Settings, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.css").write_text("a {}")
    settings.STATICFILES_DIRS = [source]
    settings.STATIC_ROOT = tmp_path / "collected"
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    assert startup.collect_static()
    assert (tmp_path / "collected" / "a.css").exists()
    assert not startup.collect_static()
    (source / "a.css").write_text("a { color: red }")
    assert startup.collect_static()
    (source / "a.css").unlink()
    assert startup.collect_static()
    assert not (tmp_path / "collected" / "a.css").exists()


def test_the_sweep_is_overdue_when_none_was_seen_for_longer_than_any_task_may_take(db: None) -> None:
    assert startup.is_sweep_overdue()
    work.note_condition("sweep", "")
    assert not startup.is_sweep_overdue()
    Condition.objects.update(at=timezone.now() - dt.timedelta(seconds=startup.sweep_overdue_s() + 1))
    assert startup.is_sweep_overdue()


def test_a_full_disk_is_explained_at_the_start(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **kwargs: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(startup.os, "open", full)
    with pytest.raises(startup.StartRefused, match="is full"), startup.only_run(tmp_path):
        pass
    monkeypatch.undo()
    settings.STATIC_ROOT = tmp_path / "collected"
    monkeypatch.setattr(startup, "call_command", full)
    with pytest.raises(startup.StartRefused, match="is full"):
        startup.collect_static()


def test_on_a_full_disk_the_lock_holds_without_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(startup.os, "write", full)
    with (
        startup.only_run(tmp_path),
        pytest.raises(startup.StartRefused, match="already running with"),
        startup.only_run(tmp_path),
    ):
        pass


def test_a_run_that_cannot_be_noted_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*args: object, **kwargs: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    supervisor.Supervisor([], record=tmp_path / "run.json", threads=1)._write_record()
    assert "No space left" in caplog.text
