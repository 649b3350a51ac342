"""Finds and ends the processes of one run of PictoPy, however they were left behind.

Every process that `manage.py up` starts carries a random mark in its environment, and so does whatever it starts in
turn: workers that are forked, or whose parent was killed, keep it. The mark is therefore proof of identity, which a
process number is not, since the system gives numbers out again.

Run as a program (`python -I -S processes.py MARK`) this module is the lifeline: it reads its standard input until the
end, which comes when `up` ends in whatever way, `kill -9` included, and then ends every process that has the mark.
Only the standard library is used, so that the lifeline costs little memory.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MARK = "PICTOPY_RUN"
LIFELINE_GRACE_S = 10.0
# A process that the kernel holds (a drive that does not answer) dies only when it is let go, which may be never.
KILL_S = 5.0
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Member:
    """A live process of a run. `started` is its start time in ticks, which tells two uses of one number apart."""

    pid: int
    group: int
    started: int

    @property
    def leads(self) -> bool:
        return self.pid == self.group


def members(mark: str) -> list[Member]:
    """The processes of ours that carry `mark`, zombies left out; none on a system without /proc."""
    return [member for pid in _pids() if _has_mark(pid, mark) and (member := _member(pid)) is not None]


def end(mark: str, grace_s: float) -> int:
    """Ends every process that carries `mark`: asks the leaders, waits up to `grace_s` seconds, then kills the rest.

    Only leaders are asked, since a leader stops its own children in order: a queue cluster that gets SIGTERM as a
    whole group dies in the middle of its work. Returns how many processes there were. Those that are still there
    `KILL_S` seconds after they were killed are left behind: `members` tells which.
    """
    found = members(mark)
    for member in found:
        if member.leads:
            _signal(member, signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while time.monotonic() < deadline and any(member.leads for member in members(mark)):
        time.sleep(0.1)
    deadline = time.monotonic() + KILL_S
    while (remaining := members(mark)) and time.monotonic() < deadline:
        for member in remaining:
            _signal(member, signal.SIGKILL)
        time.sleep(0.05)
    return len(found)


def left_behind(mark: str) -> str:
    """What to tell about processes that `end` could not end; nothing if there are none."""
    numbers = ", ".join(str(member.pid) for member in members(mark))
    return numbers and (
        f"These processes cannot be ended, probably because a drive does not answer: {numbers}. They go by themselves "
        "when it does, or when the machine is started anew."
    )


def _pids() -> Iterator[int]:
    try:
        names = os.listdir(_PROC)
    except OSError:
        return
    yield from (int(name) for name in names if name.isdecimal() and int(name) != os.getpid())


def _has_mark(pid: int, mark: str) -> bool:
    try:
        environment = (_PROC / str(pid) / "environ").read_bytes()
    except OSError:  # gone meanwhile, or somebody else's
        return False
    return f"{MARK}={mark}".encode() in environment.split(b"\0")


def _member(pid: int) -> Member | None:
    try:
        stat = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name in brackets may hold anything, blanks and brackets too; the fields after it are plain (proc(5)).
    state, _parent, group, *rest = stat.rpartition(")")[2].split()
    return None if state in "ZX" else Member(pid, int(group), int(rest[16]))


def _signal(member: Member, number: int) -> None:
    """Signals exactly this process: its number may have been given to another one since."""
    now = _member(member.pid)
    if now is not None and now.started == member.started:
        with suppress(ProcessLookupError):
            os.kill(member.pid, number)


def main() -> None:
    """The lifeline. Signals meant for `up` must not end it: its work comes after them."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while os.read(0, 1024):
        pass
    end(sys.argv[1], LIFELINE_GRACE_S)
    sys.exit(left_behind(sys.argv[1]) or None)


if __name__ == "__main__":
    main()
