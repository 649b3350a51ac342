"""Watching the folder of one library: a thread that reports which parts of it are to be scanned. No Django.

The kernel tells what happens in a folder on a local disk. Of what other machines do on a network share it tells
nothing, and it watches only so many folders; those are looked at from time to time: whatever is added to a folder,
renamed in it or taken out of it changes the folder's own time. A file that is edited in place there does not, which the
scheduled scan of the whole library finds.

Folders are watched one by one, and not as a tree, so that what is left out costs nothing, and no link leads elsewhere.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

from gallery import mounts, paths, walk
from gallery.scan import IGNORE_FILE, Exclusion, is_picture
from gallery.scope import Scope

logger = logging.getLogger(__name__)

_DELETED = 3  # watchfiles.Change.deleted
_ADDED = 1
# Changes that come within this time are reported together; an idle watch wakes up this often.
_GATHER_MS = 1500
_STEP_MS = 250
# Neither a look at all folders nor making their list anew takes more than this share of the time.
_SHARE = 0.05
_SIDECARS = (".xmp", ".json")


@dataclass(frozen=True, slots=True)
class Target:
    """What to watch: the folder of a library, for the `os` functions, and what scans pass by in it."""

    library_id: int
    root: str
    exclude: str
    leave_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Signature:
    """What the root is at a moment: the same folder with the same drives in it."""

    device: int
    inode: int
    mounts: frozenset[mounts.Mount]


class Watch(threading.Thread):
    """Calls `report` with a part to be scanned, or None for the whole library, from its own thread.

    The whole library when it begins, since nobody knows what happened before, and when its root goes or comes back.
    `trouble` is a sentence while the kernel watches no more folders.
    """

    def __init__(
        self, target: Target, report: Callable[[int, Scope | None], None], *, tick_s: float = 5.0, poll_s: float = 60.0
    ) -> None:
        super().__init__(name=f"watch-{target.library_id}", daemon=True)
        self.target = target
        self.trouble = ""
        self.watched = self.polled = 0
        self._report = report
        self._tick_s = tick_s
        self._poll_s = poll_s
        self._exclusion = Exclusion.parse(target.exclude)
        self._stopped = threading.Event()
        self._notifier: RustNotify | None = None
        self._folders: set[str] = set()
        self._times: dict[str, int] = {}
        self._rebuild_at: float | None = None
        self._built_at = self._built_s = 0.0
        self._poll_at = self._whole_told = 0.0
        self._whole_at: float | None = None

    def stop(self) -> None:
        """Asks it to end; it does within a moment, unless the disk makes it wait."""
        self._stopped.set()

    def run(self) -> None:
        seen: Signature | None = None
        is_first = True
        while not self._stopped.is_set():
            now = self._signature()
            if now != seen or is_first:
                is_first, seen = False, now
                self._begin(now)
                self._tell_whole()
            if self._rebuild_at is not None and time.monotonic() >= self._rebuild_at:
                self._rebuild()
            # Not before it watches again: what happens until then is missed.
            if self._rebuild_at is None and self._whole_at is not None and time.monotonic() >= self._whole_at:
                self._tell_whole()
            if self._times and time.monotonic() >= self._poll_at:
                self._poll()
            self._listen()
        self._close()

    def _signature(self) -> Signature | None:
        """None while the root is away."""
        try:
            with os.scandir(self.target.root):
                found = os.stat(self.target.root)
        except OSError:
            return None
        return Signature(found.st_dev, found.st_ino, mounts.below(self.target.root, mounts.read()))

    # --- which folders

    def _begin(self, now: Signature | None) -> None:
        self._close()
        self._folders, self._times, self._rebuild_at = set(), {}, None
        if now is not None:
            self._rebuild()

    def _rebuild(self) -> None:
        """Makes the list of folders anew, and reports those that are new or gone: after it watches them, so that
        nothing happens in between."""
        begin = time.monotonic()
        self._rebuild_at = None
        try:
            found = walk.folders(self.target.root, self._exclusion, leave_out=self.target.leave_out)
        except walk.RootUnavailable:
            return  # its signature will tell
        known = mounts.read()
        by_events = [it for it in found if _can_be_watched(it) and _is_heard(it, known)]
        self._watch(by_events)
        polled = set(found) - set(by_events) if self._notifier else set(found)
        self._times = {it: self._times[it] if it in self._times else _time_of(it) for it in polled}
        self.watched, self.polled = len(found) - len(polled), len(polled)
        changed, self._folders = self._folders ^ set(found) if self._folders else set(), set(found)
        if changed:
            self._tell(trees=changed)
        self._built_at, self._built_s = time.monotonic(), time.monotonic() - begin

    def _watch(self, folders: list[str]) -> None:
        """The new one listens before the old one ends, so that nothing is missed; unless there is no room for both."""
        before, self._notifier = self._notifier, None
        try:
            self._notifier = _notifier(folders)
        except _LimitReached as limit:
            if before is not None:
                before.close()
                before = None
                with suppress(_LimitReached):
                    self._notifier = _notifier(folders)
                    self._tell_whole()
            self.trouble = "" if self._notifier else str(limit)
        except OSError:  # one of them went away this very moment
            self._notifier, before = before, None
            self._want_rebuild()
        else:
            self.trouble = ""
        if before is not None:
            before.close()

    def _want_rebuild(self) -> None:
        """Soon, but not so often that it would be at it all the time."""
        if self._rebuild_at is None:
            self._rebuild_at = max(time.monotonic() + 1.0, self._built_at + self._built_s / _SHARE)

    def _close(self) -> None:
        if self._notifier is not None:
            self._notifier.close()
            self._notifier = None

    # --- what happens in them

    def _listen(self) -> None:
        """Waits for events, for a tick at most, and reports them."""
        wait_s = self._tick_s
        for moment in (self._rebuild_at, self._whole_at, self._poll_at if self._times else None):
            if moment is not None:
                wait_s = min(wait_s, max(0.05, moment - time.monotonic()))
        if self._notifier is None:
            self._stopped.wait(wait_s)
            return
        try:
            changes = self._notifier.watch(_GATHER_MS, _STEP_MS, max(1, int(wait_s * 1000)), self._stopped)
        except (OSError, WatchfilesRustInternalError) as error:
            # Over a name that is not UTF-8, for example. What else there was to tell is lost with it.
            logger.debug("library %d: watching stumbled and begins anew: %s", self.target.library_id, error)
            self._close()
            self._want_rebuild()
            self._whole_at = max(time.monotonic(), self._whole_told + self._poll_s)
            return
        if isinstance(changes, set):
            self._hear(changes)

    def _hear(self, changes: Iterable[tuple[int, str]]) -> None:
        folders: set[str] = set()
        trees: set[str] = set()
        for kind, path in changes:
            folder, _, name = path.rpartition("/")
            if name == IGNORE_FILE:
                trees.add(folder)
                self._want_rebuild()
            elif path == self.target.root or self._exclusion.excludes(self._relative(path)):
                continue
            elif kind == _DELETED and path in self._folders:
                trees.add(path)
                self._want_rebuild()
            elif kind == _ADDED and os.path.isdir(path) and not os.path.islink(path):
                self._want_rebuild()  # which reports it, once it is watched
            elif is_picture(name) or name.lower().endswith(_SIDECARS):
                folders.add(folder)
        if folders or trees:
            self._tell(folders=folders, trees=trees)

    def _poll(self) -> None:
        begin = time.monotonic()
        changed = set()
        for folder, before in self._times.items():
            now = _time_of(folder)
            if now != before:
                changed.add(folder)
                self._times[folder] = now
            if self._stopped.is_set():
                return
        self._poll_at = time.monotonic() + max(self._poll_s, (time.monotonic() - begin) / _SHARE)
        if changed and os.path.isdir(self.target.root):
            self._tell(folders=changed)
            self._want_rebuild()

    def _tell_whole(self) -> None:
        self._whole_at, self._whole_told = None, time.monotonic()
        self._report(self.target.library_id, None)

    def _tell(self, *, folders: Iterable[str] = (), trees: Iterable[str] = ()) -> None:
        """Reports absolute paths."""
        scope = Scope.of(folders=map(self._relative, folders), trees=map(self._relative, trees))
        self._report(self.target.library_id, None if scope.is_whole else scope)

    def _relative(self, path: str) -> str:
        inside = path[len(self.target.root.rstrip("/")) :].strip("/")
        return paths.to_text(inside)


class _LimitReached(Exception):  # noqa: N818
    """The kernel watches no more folders. The message is a sentence for a person."""


def _notifier(folders: list[str]) -> RustNotify | None:
    """Listens from now on. Raises `_LimitReached`, and OSError if a folder is not there any more."""
    if not folders:
        return None
    try:
        return RustNotify(folders, False, False, 0, False, False)
    except (OSError, WatchfilesRustInternalError) as error:
        setting = next((name for sign, name in _LIMITS.items() if sign in str(error)), "")
        if not setting:
            raise OSError(str(error)) from error
        logger.warning("the kernel watches no more folders: %s", str(error)[:200])
        raise _LimitReached(
            f"Linux does not watch so many folders for PictoPy (fs.inotify.{setting} is {_limit(setting)}). It looks "
            "at them once a minute instead, so new photos take longer to appear. To have them found at once, run “sudo "
            f"sysctl fs.inotify.{setting}={_ENOUGH[setting]}” on the server (on the host, if this is a container), and "
            "start PictoPy again."
        ) from error


# What the errors of the library that listens have in them: notify's words, and the number of EMFILE.
_LIMITS = {"watch limit reached": "max_user_watches", "os error 24": "max_user_instances"}
_ENOUGH = {"max_user_watches": 1_048_576, "max_user_instances": 1024}


def _limit(setting: str) -> str:
    try:
        with open(f"/proc/sys/fs/inotify/{setting}", encoding="ascii") as file:
            return f"{int(file.read()):,}"
    except (OSError, ValueError):
        return "too low"


def _can_be_watched(folder: str) -> bool:
    """The library that listens takes no names that are not UTF-8."""
    try:
        folder.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_heard(folder: str, known: list[mounts.Mount]) -> bool:
    mount = mounts.holding(folder, known)
    return mount is None or mount.is_heard


def _time_of(folder: str) -> int:
    """When something was last added to a folder or taken out of it, in ns; -1 for one that is not there."""
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return -1
