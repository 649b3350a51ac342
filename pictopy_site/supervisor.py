"""Keeps the web server and the workers running as children of one foreground process, and ends them with it.

Each child leads a session of its own, so that Ctrl-C in the terminal reaches only the supervisor, which stops them in
order. Should the supervisor itself be killed, the lifeline (see `processes`) ends what it started; should that be
killed as well, the next start does, by the mark in `run.json`.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from pictopy_site import processes

logger = logging.getLogger(__name__)

STOP_GRACE_S = 15.0
STRAY_GRACE_S = 3.0
# For what takes no time, unless the kernel holds a process: nothing here waits for ever.
REAP_S = 1.0
FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 30.0
STEADY_AFTER_S = 60.0
_TICK_S = 0.1
_ASK_EVERY_S = 60.0
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


@dataclass(slots=True)
class Child:
    """A program to keep running. One that is not `kept` runs once, and its end means nothing.

    `is_stuck`, if given, is asked once a minute from `patience_s` after the start; a program that is gets started anew.
    """

    title: str
    command: Sequence[str]
    kept: bool = True
    is_stuck: Callable[[], bool] | None = None
    patience_s: float = 0.0
    asked: float = 0.0
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    start_at: float = 0.0
    failures: int = 0

    @property
    def group(self) -> int | None:
        """Its process group, which outlives the process as long as anything it forked is alive."""
        return self.process.pid if self.process else None


def child_environment(base: Mapping[str, str], *, mark: str, threads: int) -> dict[str, str]:
    """The environment of children: the run's mark, and as many threads in native code as a worker may use.

    Two malloc arenas instead of eight per core keep the memory of threaded processes from growing without use.
    """
    environment = dict(base)
    environment.update({name: str(threads) for name in _THREAD_VARIABLES})
    environment.setdefault("MALLOC_ARENA_MAX", "2")
    environment.setdefault("PYTHONUNBUFFERED", "1")
    environment[processes.MARK] = mark
    return environment


def end_strays(record: Path) -> int:
    """Ends what an earlier run left behind, if its supervisor and lifeline were both killed. Returns how many."""
    try:
        mark = json.loads(record.read_text(encoding="utf-8"))["mark"]
    except (OSError, ValueError, KeyError, TypeError):
        return 0
    count = processes.end(str(mark), STRAY_GRACE_S)
    if left := processes.left_behind(str(mark)):
        logger.warning("%s", left)
    record.unlink(missing_ok=True)
    return count


class Supervisor:
    """Runs children until SIGINT or SIGTERM. A second signal kills them instead of waiting."""

    def __init__(self, children: Sequence[Child], *, record: Path, threads: int) -> None:
        self.children = list(children)
        self._record = record
        self._mark = secrets.token_hex(16)
        self._environment = child_environment(os.environ, mark=self._mark, threads=threads)
        self._signals = 0
        self._is_stopping = False

    def run(self, *, is_ready: Callable[[], bool], on_ready: Callable[[], None], hold_s: float = 8.0) -> None:
        """Starts the first child, then the others once it is ready (or `hold_s` later), and stays until told to stop.

        The first start of the page is what a person waits for, so nothing competes with it for the processor.
        """
        with self._signals_caught() as wake, self._lifeline():
            try:
                first, *others = self.children
                self._start(first)
                begun, ready, followed = time.monotonic(), False, False
                while not self._signals:
                    if not ready and first.process and is_ready():
                        ready = True
                        on_ready()
                    if not followed and (ready or time.monotonic() - begun > hold_s):
                        followed = True
                        for child in others:
                            self._start(child)
                    for child in self.children:
                        self._look_after(child)
                    select.select([wake], [], [], _TICK_S if not ready else 1.0)
                    _drain(wake)
            finally:
                self._stop()

    def _start(self, child: Child) -> None:
        child.started = time.monotonic()
        try:
            child.process = subprocess.Popen(
                list(child.command),
                env=self._environment,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            child.failures += 1
            child.start_at = time.monotonic() + _delay_s(child.failures)
            logger.error("%s cannot be started: %s", child.title, error.strerror)
            return
        self._write_record()

    def _look_after(self, child: Child) -> None:
        """Starts a child again some time after it ended; what is left of its group goes first."""
        if child.process is None:
            if child.start_at and time.monotonic() >= child.start_at:
                child.start_at = 0.0
                self._start(child)
            return
        code = child.process.poll()
        if code is None:
            if self._is_stuck(child):
                logger.error("%s runs but does nothing any more; it is started anew", child.title)
                _kill_group(child.process.pid)
            return
        _kill_group(child.process.pid)
        child.process = None
        if not child.kept:
            return
        child.failures = 1 if time.monotonic() - child.started > STEADY_AFTER_S else child.failures + 1
        delay_s = _delay_s(child.failures)
        child.start_at = time.monotonic() + delay_s
        logger.warning("%s ended unexpectedly (%s); it starts again in %.1f s", child.title, _ending(code), delay_s)

    def _is_stuck(self, child: Child) -> bool:
        now = time.monotonic()
        if child.is_stuck is None or now - child.started < child.patience_s or now - child.asked < _ASK_EVERY_S:
            return False
        child.asked = now
        return child.is_stuck()

    def _stop(self) -> None:
        """Asks every leader to stop, waits, kills what is left. A signal from now on kills at once.

        A leader stops its own children in order before it ends; what it leaves behind nobody else will stop.
        """
        asked = self._signals
        running = [child.process for child in self.children if child.process]
        # Workers that are at something long look into the record (`gallery.work.is_stopping`): a leader's children get
        # no signal, and it waits for them.
        self._is_stopping = True
        self._write_record()
        for process in running:
            process.terminate()
        deadline = time.monotonic() + STOP_GRACE_S
        while any(process.poll() is None for process in running):
            if time.monotonic() > deadline or self._signals > asked:
                logger.warning("Some processes did not stop in time; they are killed now")
                break
            time.sleep(0.05)
        for process in running:
            _kill_group(process.pid)
        processes.end(self._mark, 0.0)
        for process in running:
            _reap(process)
        if left := processes.left_behind(self._mark):
            logger.error("%s", left)
        else:
            self._record.unlink(missing_ok=True)

    def _write_record(self) -> None:
        groups = [{"title": child.title, "pid": child.group} for child in self.children if child.process]
        temporary = self._record.with_suffix(".part")
        said = {"mark": self._mark, "pid": os.getpid(), "groups": groups, "is_stopping": self._is_stopping}
        record = json.dumps(said)
        try:
            temporary.write_text(record, encoding="utf-8")
            temporary.replace(self._record)
        except OSError as error:  # a full disk is no reason to stop: only the next start has use for this
            logger.warning("%s cannot be written: %s", self._record, error.strerror)

    @contextmanager
    def _lifeline(self) -> Iterator[None]:
        """A small process that outlives this one just long enough to end its children."""
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", processes.__file__, self._mark],
            env={},
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            yield
        finally:
            assert process.stdin is not None
            process.stdin.close()
            _reap(process)

    @contextmanager
    def _signals_caught(self) -> Iterator[int]:
        """Counts SIGINT and SIGTERM; yields a descriptor that becomes readable at each signal, a child's end too."""
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # under nohup it stays ignored
            numbers.append(signal.SIGHUP)

        def count(number: int, frame: FrameType | None) -> None:
            self._signals += 1

        before = {number: signal.signal(number, count) for number in numbers}
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda number, frame: None)
        previous = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        try:
            yield reader
        finally:
            signal.set_wakeup_fd(previous)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(reader)
            os.close(writer)


def _delay_s(failures: int) -> float:
    return min(FIRST_DELAY_S * 2.0 ** (failures - 1), LONGEST_DELAY_S)


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _reap(process: subprocess.Popen[bytes]) -> None:
    """Waits for the end of a process that is about to end, but not for ever."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(REAP_S)


def _kill_group(group: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _drain(descriptor: int) -> None:
    with suppress(BlockingIOError):
        while os.read(descriptor, 512):
            pass
