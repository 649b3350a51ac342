"""Walks through a library's folder on disk. Reads names and stats; opens nothing, writes nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from gallery import paths
from gallery.scan import Exclusion, Stat, is_picture

# Longer paths fit in no index of PostgreSQL (2,704 bytes); nobody has them on purpose.
MAX_PATH_BYTES = 2600


@dataclass(slots=True)
class Walk:
    """What was found. Paths are stored spellings, relative to the root."""

    found: dict[str, Stat] = field(default_factory=dict)
    skipped: int = 0
    unreadable: list[str] = field(default_factory=list)
    links: int = 0


class RootUnavailable(Exception):  # noqa: N818
    """The library's root cannot be listed: the drive is away, or we may not read it."""


def walk(
    root: str, exclusion: Exclusion, *, leave_out: tuple[str, ...] = (), on_folder: Callable[[], None] | None = None
) -> Walk:
    """Everything that looks like a picture below `root`; folders `leave_out` (absolute) are passed by.
    `on_folder` is called before each folder.

    Links are not followed, whatever they point to: a link to a folder can make a loop, and any link can lead to files
    that the owner of the library was never allowed to show. A folder that cannot be listed is noted in `unreadable`, so
    that the files below it are not taken for gone. Raises `RootUnavailable`.
    """
    result = Walk()
    pending: list[str] = [""]
    while pending:
        folder = pending.pop()
        if on_folder:
            on_folder()
        absolute = os.path.join(root, folder) if folder else root
        try:
            entries = list(_entries(absolute))
        except OSError as error:
            if not folder:
                raise RootUnavailable(_reason(error)) from error
            result.unreadable.append(paths.to_text(folder))
            continue
        for entry in entries:
            relative = f"{folder}/{entry.name}" if folder else entry.name
            stored = paths.to_text(relative)
            if len(stored.encode()) > MAX_PATH_BYTES:
                result.unreadable.append(stored)
                continue
            if exclusion.excludes(stored):
                continue
            try:
                if entry.is_symlink():
                    result.links += 1
                elif entry.is_dir(follow_symlinks=False):
                    if entry.path not in leave_out:
                        pending.append(relative)
                elif not entry.is_file(follow_symlinks=False) or not is_picture(entry.name):
                    result.skipped += 1
                else:
                    stat = entry.stat(follow_symlinks=False)
                    result.found[stored] = Stat.of(stat)
            except FileNotFoundError:
                continue  # it vanished between listing and looking
            except OSError:
                result.unreadable.append(stored)
    return result


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
