"""Finding and ending the processes of a run by their mark."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pictopy_site import processes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc"),
]

SLEEP = "import time; time.sleep(60)"
# A parent with a child of its own that ignores SIGTERM, as a worker does that is in the middle of something.
STUBBORN_FAMILY = (
    "import os, signal, time\nif os.fork() == 0: signal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(60)"
)


def until(condition: Callable[[], object], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def mark() -> Iterator[str]:
    mark = secrets.token_hex(8)
    yield mark
    for member in processes.members(mark):
        os.kill(member.pid, signal.SIGKILL)


def start(code: str, mark: str, *, session: bool = True) -> subprocess.Popen[bytes]:
    environment = os.environ | {processes.MARK: mark}
    return subprocess.Popen([sys.executable, "-S", "-c", code], env=environment, start_new_session=session)


def test_members_are_those_with_the_mark(mark: str) -> None:
    one, other = start(SLEEP, mark), start(SLEEP, "other" + mark)
    assert until(lambda: processes.members(mark))
    assert [member.pid for member in processes.members(mark)] == [one.pid]
    assert processes.members(mark)[0].leads
    for process in (one, other):
        process.kill()
        process.wait()
    assert processes.members(mark) == []


def test_the_mark_passes_to_forked_children_that_lost_their_parent(mark: str) -> None:
    parent = start(STUBBORN_FAMILY, mark)
    assert until(lambda: len(processes.members(mark)) == 2)
    parent.kill()
    parent.wait()
    (orphan,) = processes.members(mark)
    assert not orphan.leads
    assert processes.end(mark, 0.2) == 1
    assert processes.members(mark) == []


def test_leaders_are_asked_first_and_what_they_leave_is_killed(mark: str) -> None:
    parent = start(STUBBORN_FAMILY, mark)
    assert until(lambda: len(processes.members(mark)) == 2)
    assert processes.end(mark, 30) == 2
    assert parent.wait() == -signal.SIGTERM
    assert processes.members(mark) == []


def test_a_leader_that_does_not_listen_is_killed_in_the_end(mark: str, tmp_path: Path) -> None:
    deaf = tmp_path / "deaf"
    listen_not = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); open({str(deaf)!r}, 'w')\n"
    parent = start(listen_not + SLEEP, mark)
    assert until(deaf.exists)
    assert processes.end(mark, 0.3) == 1
    assert parent.wait() == -signal.SIGKILL


def test_a_process_that_the_kernel_holds_is_left_behind_and_told_of(mark: str, monkeypatch: pytest.MonkeyPatch) -> None:
    process = start(SLEEP, mark)
    assert until(lambda: processes.members(mark))
    monkeypatch.setattr(processes, "_signal", lambda member, number: None)  # as if it were in state D
    monkeypatch.setattr(processes, "KILL_S", 0.3)
    ending = threading.Thread(target=processes.end, args=(mark, 0.1), daemon=True)
    ending.start()
    ending.join(5)
    assert not ending.is_alive()
    assert str(process.pid) in processes.left_behind(mark)
    process.kill()
    process.wait()
    assert processes.left_behind(mark) == ""


def test_a_process_that_took_over_a_number_is_left_alone(mark: str) -> None:
    process = start(SLEEP, mark)
    assert until(lambda: processes.members(mark))
    (member,) = processes.members(mark)
    processes._signal(processes.Member(member.pid, member.group, member.started - 1), signal.SIGKILL)
    assert process.poll() is None
    process.kill()
    process.wait()


def test_the_lifeline_ends_the_run_when_its_input_ends(mark: str) -> None:
    process = start(SLEEP, mark)
    assert until(lambda: processes.members(mark))
    lifeline = subprocess.Popen([sys.executable, "-I", "-S", processes.__file__, mark], env={}, stdin=subprocess.PIPE)
    time.sleep(0.3)
    lifeline.terminate()  # it takes no orders
    time.sleep(0.2)
    assert lifeline.poll() is None
    assert process.poll() is None
    assert lifeline.stdin is not None
    lifeline.stdin.close()
    assert lifeline.wait(15) == 0
    assert process.wait(1) == -signal.SIGTERM
