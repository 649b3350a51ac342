"""Walks through a library's folder on disk. Reads names and stats, and what is to be left out; writes nothing."""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import quote

from gallery import paths
from gallery.scan import IGNORE_FILE, Exclusion, Stat, is_picture
from gallery.scope import Scope

# Longer paths fit in no index of PostgreSQL (2,704 bytes); nobody has them on purpose.
MAX_PATH_BYTES = 2600
MAX_IGNORE_BYTES = 20_000
_NOTHING = "# leaves out nothing"
_SIDECARS = (".xmp", ".json")
_LINE_BREAKS = re.compile("[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")


class RootUnavailable(Exception):  # noqa: N818
    """The library's root cannot be listed: the drive is away, or we may not read it."""


@dataclass(frozen=True, slots=True)
class Look:
    """A file that was changed a moment ago: what it was like, and when it was looked at (seconds since 1970)."""

    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    at_s: float

    @classmethod
    def of(cls, found: os.stat_result) -> Self:
        return cls(found.st_size, found.st_mtime_ns, found.st_ctime_ns, time.time())

    @property
    def changed_s(self) -> float:
        """When something was last done to it. Every write sets ctime, and nobody can set that back, as copying with
        its time does with mtime; where a disk keeps no ctime, mtime it is, unless it lies in the future."""
        mtime_s = self.mtime_ns / 1e9
        return max(self.ctime_ns / 1e9, mtime_s if mtime_s <= self.at_s else 0.0)

    def is_same(self, other: Look) -> bool:
        return (self.size_bytes, self.mtime_ns, self.ctime_ns) == (other.size_bytes, other.mtime_ns, other.ctime_ns)


@dataclass(slots=True)
class Walk:
    """What was found. Paths are stored spellings, relative to the root.

    `sidecars`: of pictures that have any, what `File.sidecars` holds. `fresh`: files that were changed a moment ago.
    `mounts`: folders that lie on another file system than the folder above. `ignores`: by the folder they lie in.
    """

    exclusion: Exclusion
    found: dict[str, Stat] = field(default_factory=dict)
    sidecars: dict[str, str] = field(default_factory=dict)
    fresh: dict[str, Look] = field(default_factory=dict)
    skipped: int = 0
    unreadable: list[str] = field(default_factory=list)
    links: int = 0
    mounts: list[str] = field(default_factory=list)
    ignores: dict[str, Exclusion] = field(default_factory=dict)

    def leaves_out(self, path: str) -> bool:
        """Whether the file at `path` is passed by because somebody said so: in the library's patterns, in a file."""
        rules, folder, parts = [self.exclusion], "", path.split("/")
        for end in range(1, len(parts) + 1):
            if folder in self.ignores:
                rules.append(self.ignores[folder])
            folder = "/".join(parts[:end])
            if any(rule.excludes(folder) for rule in rules):
                return True
        return False


@dataclass(slots=True)
class _Folder:
    """One to be listed. `relative` is for the `os` functions, `stored` for us; `device` is that of the folder above."""

    relative: str
    stored: str
    rules: tuple[Exclusion, ...]
    device: int
    is_deep: bool = True


def walk(
    root: str,
    exclusion: Exclusion,
    *,
    scope: Scope | None = None,
    leave_out: tuple[str, ...] = (),
    on_folder: Callable[[], None] | None = None,
    settle_s: float = 0.0,
) -> Walk:
    """Everything that looks like a picture below `root`, or in that part of it; folders `leave_out` (absolute) are
    passed by. `on_folder` is called before each folder. `settle_s`: what was changed so lately is noted in `fresh`.

    Links are not followed, whatever they point to: a link to a folder can make a loop, and any link can lead to files
    that the owner of the library was never allowed to show. A folder that cannot be listed is noted in `unreadable`, so
    that the files below it are not taken for gone. Raises `RootUnavailable`, also when the root is not the folder any
    more that it was at the beginning: a drive that went away meanwhile looks like many empty folders.
    """
    result = Walk(exclusion)
    walker = _Walker(root, result, leave_out, settle_s)
    before = _identity(root)
    pending = walker.places(scope, before[0])
    while pending:
        folder = pending.pop()
        if on_folder:
            on_folder()
        pending += walker.look_through(folder)
    if _identity(root) != before:
        raise RootUnavailable("The folder was exchanged for another while it was looked through.")
    return result


def _identity(root: str) -> tuple[int, int]:
    """What the root is, whatever its name. Raises `RootUnavailable` if it cannot be listed."""
    try:
        with os.scandir(root):
            found = os.stat(root)
    except OSError as error:
        raise RootUnavailable(_reason(error)) from error
    return found.st_dev, found.st_ino


@dataclass(slots=True)
class _Walker:
    root: str
    result: Walk
    leave_out: tuple[str, ...]
    settle_s: float

    def places(self, scope: Scope | None, device: int) -> list[_Folder]:
        """Where to begin. What a scope names and is not there, or is left out, is nowhere to look."""
        top = _Folder("", "", (self.result.exclusion,), device)
        if scope is None:
            return [top]
        entered: dict[str, _Folder | None] = {"": top}
        places = []
        for name in sorted(scope.folders | scope.trees):
            folder = self._enter(name, entered)
            if folder is not None:
                is_deep = name in scope.trees
                places.append(_Folder(folder.relative, folder.stored, folder.rules, folder.device, is_deep))
        return places

    def _enter(self, stored: str, entered: dict[str, _Folder | None]) -> _Folder | None:
        """The folder, with the rules that hold in it; None if there is none to look through."""
        if stored not in entered:
            entered[stored] = None
            above = self._enter(stored.rpartition("/")[0], entered)
            if above is not None:
                relative = paths.to_path(stored)
                absolute = os.path.join(self.root, relative)
                try:
                    rules = above.rules + self.own_rules(os.path.dirname(absolute), above.stored)
                    if not any(rule.excludes(stored) for rule in rules) and self._is_folder(absolute):
                        device = os.stat(os.path.dirname(absolute)).st_dev
                        entered[stored] = _Folder(relative, stored, rules, device)
                except (FileNotFoundError, NotADirectoryError):
                    pass
                except OSError:
                    self.result.unreadable.append(stored)
        return entered[stored]

    def _is_folder(self, absolute: str) -> bool:
        return os.path.isdir(absolute) and not os.path.islink(absolute) and absolute not in self.leave_out

    def own_rules(self, absolute: str, stored: str) -> tuple[Exclusion, ...]:
        if stored not in self.result.ignores:
            text = _read_ignore(absolute)
            self.result.ignores[stored] = Exclusion.parse_file(_NOTHING if text is None else text, stored)
        return (self.result.ignores[stored],)

    def look_through(self, folder: _Folder) -> list[_Folder]:
        """Notes what lies in a folder; returns the folders in it that are to be looked through."""
        result = self.result
        absolute = os.path.join(self.root, folder.relative) if folder.relative else self.root
        try:
            device = os.stat(absolute).st_dev
            entries = list(_entries(absolute))
            rules = folder.rules
            if any(entry.name == IGNORE_FILE for entry in entries):
                rules += self.own_rules(absolute, folder.stored)
        except OSError as error:
            if not folder.stored:
                raise RootUnavailable(_reason(error)) from error
            result.unreadable.append(folder.stored)
            return []
        if device != folder.device:
            result.mounts.append(folder.stored)
        below: list[_Folder] = []
        pictures: dict[str, str] = {}
        beside: dict[str, Stat] = {}
        for entry in entries:
            name = paths.to_text(entry.name)
            stored = f"{folder.stored}/{name}" if folder.stored else name
            if len(stored) * 4 > MAX_PATH_BYTES and len(stored.encode()) > MAX_PATH_BYTES:
                result.unreadable.append(stored)
                continue
            if any(rule.excludes(stored) for rule in rules):
                continue
            try:
                if entry.is_symlink():
                    result.links += 1
                elif entry.is_dir(follow_symlinks=False):
                    if folder.is_deep and entry.path not in self.leave_out:
                        relative = f"{folder.relative}/{entry.name}" if folder.relative else entry.name
                        below.append(_Folder(relative, stored, rules, device))
                elif not entry.is_file(follow_symlinks=False):
                    result.skipped += 1
                elif is_picture(entry.name):
                    self._note(stored, entry.stat(follow_symlinks=False))
                    pictures[entry.name] = stored
                else:
                    result.skipped += 1
                    if entry.name.lower().endswith(_SIDECARS):
                        beside[entry.name] = Stat.of(entry.stat(follow_symlinks=False))
            except FileNotFoundError:
                continue  # it vanished between listing and looking
            except OSError:
                result.unreadable.append(stored)
        if beside and pictures:
            self._note_sidecars(pictures, beside)
        return below

    def _note(self, stored: str, found: os.stat_result) -> None:
        self.result.found[stored] = Stat.of(found)
        if self.settle_s:
            look = Look.of(found)
            if look.changed_s > look.at_s - self.settle_s:
                self.result.fresh[stored] = look

    def _note_sidecars(self, pictures: Mapping[str, str], beside: Mapping[str, Stat]) -> None:
        from gallery.metadata import sidecars  # not at the top: with it comes what reads metadata, which is large

        for name, pairings in sidecars.pair([*pictures, *beside]).items():
            if name in pictures:
                lines = (
                    f"{beside[it.name].size_bytes} {beside[it.name].mtime_ns} {_on_one_line(it.name)}"
                    for it in pairings
                )
                self.result.sidecars[pictures[name]] = "\n".join(lines)


def _on_one_line(name: str) -> str:
    """The stored spelling of a name, with line breaks written %XX as well: `paths.to_path` reads it."""
    return _LINE_BREAKS.sub(lambda match: quote(match[0]), paths.to_text(name))


def _read_ignore(folder: str) -> str | None:
    """What the folder's file says that names what to leave out; None if it has none. OSErrors pass through."""
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(os.path.join(folder, IGNORE_FILE), flags)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:  # a link, which is followed as little as any other
            return None
        raise
    with os.fdopen(descriptor, "rb") as handle:
        return handle.read(MAX_IGNORE_BYTES).decode("utf-8-sig", "replace")


def left_out(root: str, exclusion: Exclusion, files: Iterable[str]) -> set[str]:
    """Those of the paths (stored spellings) that scans pass by, whether or not there are such files."""
    walker = _Walker(root, Walk(exclusion), (), 0.0)
    found = set()
    for path in files:
        parts = path.split("/")
        for end in range(len(parts)):
            folder = "/".join(parts[:end])
            with suppress(OSError):
                walker.own_rules(os.path.join(root, paths.to_path(folder)), folder)
        if walker.result.leaves_out(path):
            found.add(path)
    return found


def still_moving(root: str, looks: Mapping[str, Look], settle_s: float, wait: Callable[[float], None]) -> set[str]:
    """Those files that did not stand still for `settle_s` seconds: they may be on their way here, and be half.

    One whose last change lies that long ago stood still. A clock that is ahead of ours, as that of another machine may
    be, says nothing of the kind: such files are looked at twice, so long apart; `wait` is called with the seconds.
    """
    ahead = [look.at_s for look in looks.values() if look.changed_s > look.at_s]
    if ahead and (left := max(ahead) + settle_s - time.time()) > 0:
        wait(left)
    moving = set()
    for path, look in looks.items():
        try:
            again = Look.of(os.lstat(os.path.join(root, paths.to_path(path))))
        except OSError:
            moving.add(path)
            continue
        rested_s = again.at_s - min(look.changed_s, look.at_s)
        if not again.is_same(look) or rested_s < settle_s:
            moving.add(path)
    return moving


def away(root: str, mounts: Iterable[str]) -> list[str]:
    """Those of the folders that used to be file systems of their own, and are bare mount points now."""
    return [folder for folder in mounts if _is_away(os.path.join(root, paths.to_path(folder)))]


def _is_away(folder: str) -> bool:
    try:
        if os.lstat(folder).st_dev != os.lstat(os.path.dirname(folder)).st_dev:
            return False
        return next(_entries(folder), None) is None
    except OSError:
        return False


def is_empty(root: str) -> bool:
    """Whether nothing at all lies in the root. Raises `RootUnavailable`."""
    try:
        return next(_entries(root), None) is None
    except OSError as error:
        raise RootUnavailable(_reason(error)) from error


def folders(root: str, exclusion: Exclusion, *, leave_out: tuple[str, ...] = ()) -> list[str]:
    """All folders of a library that a scan looks through, as the `os` functions take them, the root first.

    One listing each, no stats. Raises `RootUnavailable`.
    """
    return list(_folders_below(_Walker(root, Walk(exclusion), leave_out, 0.0)))


def _folders_below(walker: _Walker) -> Iterator[str]:
    pending = [_Folder("", "", (walker.result.exclusion,), 0)]
    while pending:
        folder = pending.pop()
        absolute = os.path.join(walker.root, folder.relative) if folder.relative else walker.root
        try:
            entries = list(_entries(absolute))
            rules = folder.rules
            if any(entry.name == IGNORE_FILE for entry in entries):
                rules += walker.own_rules(absolute, folder.stored)
        except OSError as error:
            if not folder.stored:
                raise RootUnavailable(_reason(error)) from error
            continue
        yield absolute
        for entry in entries:
            try:
                is_folder = entry.is_dir(follow_symlinks=False) and entry.path not in walker.leave_out
            except OSError:
                continue
            if is_folder:
                relative = f"{folder.relative}/{entry.name}" if folder.relative else entry.name
                stored = paths.to_text(relative)
                if not any(rule.excludes(stored) for rule in rules):
                    pending.append(_Folder(relative, stored, rules, 0))


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as listing:
        yield from listing


def _reason(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "PictoPy may not read this folder."
    if isinstance(error, FileNotFoundError):
        return "The folder is not there. If it lies on a drive, the drive may be away."
    if isinstance(error, NotADirectoryError):
        return "This is a file, not a folder."
    return f"The folder cannot be read: {error.strerror}."
