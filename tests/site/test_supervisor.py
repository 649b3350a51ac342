"""Keeping children running, and ending them."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pictopy_site import processes, supervisor
from tests.site.test_processes import until

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]

# A supervisor of two children: each writes a line when it starts; the first is "ready" at once.
PROGRAM = """
import logging, sys
from pathlib import Path
from pictopy_site.supervisor import Child, Supervisor

logging.basicConfig(format="%(message)s")
folder = Path(sys.argv[1])
CHILD = '''
import os, signal, sys, time
open(sys.argv[1], "a").write(f"{os.getpid()}\\\\n")
if "stubborn" in sys.argv: signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "family" in sys.argv and os.fork() == 0: open(sys.argv[1] + ".child", "a").write(f"{os.getpid()}\\\\n")
time.sleep(60)
'''

def child(name, *words):
    return Child(name, [sys.executable, "-S", "-c", CHILD, str(folder / name), *words])

children = [child("web"), child("workers", *sys.argv[2:])]
if "stuck" in sys.argv: children[1].is_stuck, children[1].patience_s = (lambda: True), 1.0
Supervisor(children, record=folder / "run.json", threads=3).run(
    is_ready=lambda: True, on_ready=lambda: (folder / "ready").touch()
)
(folder / "stopped").touch()
"""


class Run:
    """A supervisor in a process of its own."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.folder = folder
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, str(folder), *words],
                cwd=ROOT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        assert until(lambda: self.pids("web") and self.pids("workers") and self.mark), self.log.read_text()

    def pids(self, name: str) -> list[int]:
        file = self.folder / name
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    @property
    def mark(self) -> str:
        try:
            return str(json.loads((self.folder / "run.json").read_text())["mark"])
        except FileNotFoundError:
            return ""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def start(*words: str) -> Run:
        runs.append(Run(tmp_path, *words))
        return runs[-1]

    yield start
    for run in runs:
        mark = run.mark
        run.process.kill()
        run.process.wait()
        if mark:
            processes.end(mark, 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything_cleanly(start: Callable[..., Run], number: signal.Signals) -> None:
    run = start("family")
    mark = run.mark
    assert (run.folder / "ready").exists()
    run.process.send_signal(number)
    assert run.process.wait(10) == 0
    assert (run.folder / "stopped").exists()
    assert processes.members(mark) == []
    assert not (run.folder / "run.json").exists()


def test_a_child_that_dies_is_started_again_with_what_it_left_swept_up(start: Callable[..., Run]) -> None:
    run = start("family")
    assert until(lambda: run.pids("workers.child"))
    (first,), (orphan,) = run.pids("workers"), run.pids("workers.child")
    os.kill(first, signal.SIGKILL)
    assert until(lambda: len(run.pids("workers")) == 2)
    assert orphan not in {member.pid for member in processes.members(run.mark)}
    assert len(run.pids("web")) == 1
    assert "workers ended unexpectedly (SIGKILL); it starts again in 0.5 s" in run.log.read_text()


def test_a_child_that_is_stuck_is_started_anew(start: Callable[..., Run]) -> None:
    run = start("stuck")
    assert until(lambda: len(run.pids("workers")) == 2)
    assert "workers runs but does nothing any more" in run.log.read_text()


def test_a_second_signal_does_not_wait(start: Callable[..., Run]) -> None:
    run = start("stubborn")
    mark = run.mark
    run.process.send_signal(signal.SIGINT)
    time.sleep(0.7)
    assert run.process.poll() is None
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(5) == 0
    assert processes.members(mark) == []


def test_when_the_supervisor_is_killed_its_children_go_too(start: Callable[..., Run]) -> None:
    run = start("family")
    mark = run.mark
    run.process.kill()
    assert until(lambda: not processes.members(mark))


def test_when_the_lifeline_is_killed_too_the_next_start_ends_them(start: Callable[..., Run]) -> None:
    run = start("family")
    mark = run.mark
    (lifeline,) = (
        int(name)
        for name in os.listdir("/proc")
        if name.isdecimal()
        and mark.encode() in _command_line(int(name))
        and b"processes.py" in _command_line(int(name))
    )
    os.kill(lifeline, signal.SIGKILL)
    run.process.kill()
    run.process.wait()
    time.sleep(0.3)
    assert len(processes.members(mark)) == 3
    assert supervisor.end_strays(run.folder / "run.json") == 3
    assert processes.members(mark) == []


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_children_get_few_threads_and_the_mark(start: Callable[..., Run]) -> None:
    run = start()
    (pid,) = run.pids("workers")
    variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    assert {b"OMP_NUM_THREADS=3", b"OPENBLAS_NUM_THREADS=3", f"PICTOPY_RUN={run.mark}".encode()} <= set(variables)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"mark": "nobody-has-this"}'])
def test_a_damaged_or_old_record_hinders_no_start(tmp_path: Path, content: str) -> None:
    record = tmp_path / "run.json"
    record.write_text(content)
    assert supervisor.end_strays(record) == 0


def test_without_a_record_there_are_no_strays(tmp_path: Path) -> None:
    assert supervisor.end_strays(tmp_path / "run.json") == 0


def test_waits_between_restarts_grow_up_to_a_bound() -> None:
    delays = [supervisor._delay_s(failures) for failures in range(1, 12)]
    assert delays[:4] == [0.5, 1, 2, 4]
    assert delays[-1] == supervisor.LONGEST_DELAY_S


def test_a_program_that_is_not_there_is_reported_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    child = supervisor.Child("The web server", [str(tmp_path / "absent")])
    runner = supervisor.Supervisor([child], record=tmp_path / "run.json", threads=1)
    with caplog.at_level(logging.ERROR):
        runner._start(child)
    assert "The web server cannot be started: No such file or directory" in caplog.text
    assert child.start_at > 0


class Held:
    """A child that the kernel holds: it takes no signal and does not end."""

    pid = 2**22 + 1  # above any number that Linux gives out

    def poll(self) -> None:
        return None

    def terminate(self) -> None:
        return None

    def wait(self, timeout: float | None = None) -> int:
        assert timeout is not None, "waits for ever"
        raise subprocess.TimeoutExpired("held", timeout)


def test_stopping_does_not_wait_for_what_cannot_be_ended(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held()
    child = supervisor.Child("The web server", [])
    child.process = held  # type: ignore[assignment]
    runner = supervisor.Supervisor([child], record=tmp_path / "run.json", threads=1)
    runner._write_record()
    for name, seconds in (("STOP_GRACE_S", 0.1), ("REAP_S", 0.1)):
        monkeypatch.setattr(supervisor, name, seconds)
    monkeypatch.setattr(processes, "KILL_S", 0.1)
    monkeypatch.setattr(processes, "members", lambda mark: [processes.Member(held.pid, held.pid, 1)])
    began = time.monotonic()
    runner._stop()
    assert time.monotonic() - began < 2
    assert f"cannot be ended, probably because a drive does not answer: {held.pid}" in caplog.text
    assert (tmp_path / "run.json").exists()  # so that the next start tries again


def test_the_program_of_these_tests_is_well_formed() -> None:
    compile(textwrap.dedent(PROGRAM), "program", "exec")
