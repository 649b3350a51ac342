"""The watcher: asks for scans of what changes in the folders of libraries, as soon as it has stood still.

One process, with a thread for each library (`watch`), follows libraries as they are added, changed and removed. It is a
help and no more: whatever it misses, the scheduled scan of the whole library finds. Several at once do no harm, since
requests become one.
"""

from __future__ import annotations

import logging
import queue
import time

from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections
from django.http import Http404

from gallery import scanning, work
from gallery.models import Condition, Library
from gallery.scope import Scope
from gallery.watch import Target, Watch

logger = logging.getLogger(__name__)

CONDITION = "watching"
# How often libraries are looked up, and scans that were put off are looked at.
TICK_S = 2.0
# Reports of so long become one request.
_GATHER_S = 0.5
_STOP_S = 3.0


class Watcher:
    """Runs until `stop` is called, which may be from a signal handler or another thread."""

    def __init__(self, *, tick_s: float = TICK_S, poll_s: float = 60.0) -> None:
        self._tick_s = tick_s
        self._poll_s = poll_s
        # None: to stop.
        self._reports: queue.SimpleQueue[tuple[int, Scope | None] | None] = queue.SimpleQueue()
        self._is_stopped = False
        self._watches: dict[int, Watch] = {}
        self._pending: dict[int, Scope | None] = {}
        self._woken: set[int] = set()
        self._told: str | None = None

    def stop(self) -> None:
        self._is_stopped = True
        self._reports.put(None)

    def run(self) -> None:
        """A database that is away is waited for; what was reported meanwhile is asked for then."""
        is_well = True
        try:
            while not self._is_stopped:
                begin = time.monotonic()
                try:
                    self._follow()
                    self._ask()
                    self._wake_due()
                    self._tell_trouble()
                    is_well = True
                except (DatabaseError, InterfaceError) as error:
                    if is_well:
                        logger.warning("the database cannot be asked, and is tried again: %s", error)
                    is_well = False
                    close_old_connections()
                self._gather(begin + self._tick_s)
        finally:
            self._end()

    def _gather(self, until: float) -> None:
        """Collects reports until then, or until shortly after the first one."""
        while not self._is_stopped and (left := until - time.monotonic()) > 0:
            try:
                report = self._reports.get(timeout=left)
            except queue.Empty:
                return
            if report is None:
                continue
            until = min(until, time.monotonic() + _GATHER_S)
            library_id, scope = report
            if library_id in self._pending:
                before = self._pending[library_id]
                scope = None if scope is None or before is None else before.merge(scope)
            self._pending[library_id] = scope

    def _report(self, library_id: int, scope: Scope | None) -> None:
        self._reports.put((library_id, scope))

    def _follow(self) -> None:
        """Begins and ends watches, as libraries come, go, and change. One that is scanned only when asked is left
        alone. One query."""
        wanted = {}
        rows = Library.objects.filter(scan_every_min__gt=0).exclude(state=Library.State.LEAVING)
        for library in rows.order_by().only("id", "root", "exclude"):
            wanted[library.pk] = Target(library.pk, library.root_path, library.exclude, scanning.own_folders())
        for library_id, watch in list(self._watches.items()):
            if wanted.get(library_id) != watch.target or not watch.is_alive():
                watch.stop()
                del self._watches[library_id]
        for library_id, target in wanted.items():
            if library_id not in self._watches:
                watch = Watch(target, self._report, tick_s=max(self._tick_s, 0.05), poll_s=self._poll_s)
                self._watches[library_id] = watch
                watch.start()

    def _ask(self) -> None:
        """Asks for what was reported: for parts, once what is being written there has stood still."""
        for library_id, scope in list(self._pending.items()):
            delay_s = 0.0 if scope is None else settings.PICTOPY.settle_s
            try:
                scanning.request_scan(Library(pk=library_id), scope=scope, delay_s=delay_s)
            except Http404:
                logger.debug("library %d is gone", library_id)
            del self._pending[library_id]

    def _wake_due(self) -> None:
        """Wakes workers for scans that were put off, once for each: should that be lost, the sweep does it again."""
        due = dict(work.waiting_scans().filter(not_before__isnull=False).values_list("id", "library_id"))
        for scan_id in due.keys() - self._woken:
            work.wake(work.SCAN, due[scan_id])
        self._woken = set(due)

    def _tell_trouble(self) -> None:
        trouble = " ".join(sorted({watch.trouble for watch in self._watches.values()} - {""}))
        if trouble != self._told:
            if trouble:
                work.note_condition(CONDITION, trouble)
            elif Condition.objects.filter(key=CONDITION).exists():
                work.clear_condition(CONDITION)
            self._told = trouble

    def _end(self) -> None:
        for watch in self._watches.values():
            watch.stop()
        deadline = time.monotonic() + _STOP_S
        for watch in self._watches.values():
            watch.join(max(0.0, deadline - time.monotonic()))
        try:
            work.clear_condition(CONDITION)
        except (DatabaseError, InterfaceError) as error:
            logger.debug("the condition stays: %s", error)
