"""The difference between a folder as it is and as the database knows it. Pure: no Django, no disk."""

from __future__ import annotations

import fnmatch
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gallery import paths

# What is taken for a picture at first sight; whether it is one, its content decides later.
EXTENSIONS = frozenset(
    """jpg jpeg jpe jfif mpo png apng webp gif bmp dib tif tiff heic heif hif avif jxl jp2 j2k j2c jpf
    cr2 cr3 crw nef nrw arw srf sr2 dng orf rw2 rwl raf pef srw x3f iiq 3fr fff erf mef mos mrw kdc dcr
    mp4 mov m4v qt 3gp 3g2 avi mkv webm mpg mpeg mpe mts m2ts ts wmv asf flv dv vob ogv mp mv""".split()
)
# Folders and files that are never anybody's photos: thumbnails and snapshots of NAS systems, sync bookkeeping, resource
# forks, trash. `.*` are .stfolder, .Trash-1000, ._IMG_1.jpg, .DS_Store, .@__thumb, and what rsync writes to meanwhile.
ALWAYS_EXCLUDED = (
    ".*",
    "@eaDir",
    "@Recycle",
    "@Recently-Snapshot",
    "@tmp",
    "#recycle",
    "#snapshot",
    "$RECYCLE.BIN",
    "RECYCLER",
    "System Volume Information",
    "Thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "Network Trash Folder",
    "Temporary Items",
    "__MACOSX",
    "lost+found",
)
# In any folder: what is to be left out there, or, if there is nothing in it, the folder as a whole.
IGNORE_FILE = ".pictopyignore"

_FARTHEST_NS = 2**62


@dataclass(frozen=True, slots=True)
class Stat:
    """What tells whether a file changed."""

    size_bytes: int
    mtime_ns: int

    @classmethod
    def of(cls, found: os.stat_result) -> Stat:
        """What the system says of a file. Times that fit in no column (beyond the year 2116) are cut to what does."""
        return cls(found.st_size, max(-_FARTHEST_NS, min(found.st_mtime_ns, _FARTHEST_NS)))


@dataclass(frozen=True, slots=True)
class Known:
    """A `File` row. `is_missing`: an earlier scan did not find it. `sidecars`: what it says of the files beside it."""

    id: int
    stat: Stat
    is_missing: bool = False
    sidecars: str = ""


@dataclass(slots=True)
class Difference:
    """Paths are stored spellings. `moved` pairs a known file with its new path; its content is checked later.

    `described` are files that are what they were, while something happened to a file beside them that speaks of them.
    """

    added: dict[str, Stat] = field(default_factory=dict)
    changed: list[tuple[Known, Stat]] = field(default_factory=list)
    moved: list[tuple[Known, str, Stat]] = field(default_factory=list)
    returned: list[Known] = field(default_factory=list)
    gone: list[Known] = field(default_factory=list)
    described: list[tuple[Known, str]] = field(default_factory=list)
    unchanged: int = 0

    @property
    def is_empty(self) -> bool:
        return not (self.added or self.changed or self.moved or self.returned or self.gone or self.described)


def compare(
    known: Mapping[str, Known],
    found: Mapping[str, Stat],
    *,
    sidecars: Mapping[str, str] | None = None,
    unreadable: Iterable[str] = (),
) -> Difference:
    """What to do so that `known` (path -> row) becomes `found` (path -> stat), with `sidecars` (path -> what lies
    beside it, of those that have any).

    A file that is gone and one that is new count as one moved file when size and time agree and the pair is the only
    possible one; the content hash settles it later, so a wrong guess costs one read and loses nothing. `unreadable`
    files, and files below such folders (stored spellings, "" for the root), are left as they are: not seeing them does
    not mean that they are gone.
    """
    result = Difference()
    beside = sidecars or {}
    for path, stat in found.items():
        row = known.get(path)
        if row is None:
            result.added[path] = stat
        elif row.stat != stat:
            result.changed.append((row, stat))
        elif row.is_missing:
            result.returned.append(row)
        elif row.sidecars != beside.get(path, ""):
            result.described.append((row, beside.get(path, "")))
        else:
            result.unchanged += 1

    hidden = set(unreadable)
    below = tuple(f"{folder}/" if folder else "" for folder in hidden)
    vanished = [
        (path, row)
        for path, row in known.items()
        if path not in found and path not in hidden and not (below and path.startswith(below))
    ]
    by_stat: dict[Stat, list[str]] = defaultdict(list)
    for path, stat in result.added.items():
        by_stat[stat].append(path)
    vanished_by_stat: dict[Stat, list[tuple[str, Known]]] = defaultdict(list)
    for path, row in vanished:
        vanished_by_stat[row.stat].append((path, row))
    for stat, rows in vanished_by_stat.items():
        pairs = _pair(rows, by_stat.get(stat, []))
        for row, new_path in pairs:
            result.moved.append((row, new_path, stat))
            del result.added[new_path]
        taken = {row.id for row, _ in pairs}
        result.gone += [row for _, row in rows if row.id not in taken and not row.is_missing]
    return result


def _pair(rows: list[tuple[str, Known]], new_paths: list[str]) -> list[tuple[Known, str]]:
    """Vanished rows and new paths of equal stat: the only pair there is, else pairs of the same file name."""
    if len(rows) == 1 and len(new_paths) == 1:
        return [(rows[0][1], new_paths[0])]
    by_name: dict[str, list[str]] = defaultdict(list)
    for path in new_paths:
        by_name[path.rsplit("/", 1)[-1]].append(path)
    names = [path.rsplit("/", 1)[-1] for path, _ in rows]
    return [
        (row, by_name[name][0])
        for name, (_, row) in zip(names, rows, strict=True)
        if len(by_name[name]) == 1 and names.count(name) == 1
    ]


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Names to leave out. A pattern without `/` matches a file or folder name anywhere; one with `/` matches a path.
    `*` and `?` as in a shell, no difference of case.
    """

    names: re.Pattern[str]
    whole: re.Pattern[str]

    @classmethod
    def parse(cls, patterns: str) -> Exclusion:
        """Our own list and a library's patterns, one a line; those with `/` match from the root."""
        lines = [line.strip("/") for line in _lines(patterns)]
        return cls(
            _any_of([*ALWAYS_EXCLUDED, *(line for line in lines if line and "/" not in line)]),
            _any_of([line for line in lines if "/" in line]),
        )

    @classmethod
    def parse_file(cls, text: str, folder: str) -> Exclusion:
        """What the `IGNORE_FILE` in `folder` (stored spelling, "" for the root) says of what lies below.

        Patterns with `/` match from that folder, also where it stands at their beginning. A file without a word leaves
        out all; one that has comments only, nothing.
        """
        if not text.strip():
            return cls(re.compile(".*", re.DOTALL), _any_of([]))
        lines = [line.rstrip("/") for line in _lines(text)]
        return cls(
            _any_of([line for line in lines if line and "/" not in line]),
            _any_of([line.lstrip("/") for line in lines if "/" in line], f"{folder}/" if folder else ""),
        )

    def excludes(self, path: str) -> bool:
        """Whether the file or folder at `path` (relative to the root) is left out. Its parents were asked before."""
        return bool(self.names.fullmatch(path.rsplit("/", 1)[-1]) or self.whole.fullmatch(path))


def _lines(patterns: str) -> list[str]:
    lines = [line.strip() for line in patterns.splitlines()]
    return [paths.to_text(line) for line in lines if line and not line.startswith("#")]


def _any_of(patterns: list[str], prefix: str = "") -> re.Pattern[str]:
    if not patterns:
        return re.compile(r"(?!)")
    return re.compile(
        "|".join(re.escape(prefix) + fnmatch.translate(it) for it in dict.fromkeys(patterns)), re.IGNORECASE
    )


def is_picture(name: str) -> bool:
    """Whether a file name looks like a picture's or a film's."""
    return name.rsplit(".", 1)[-1].lower() in EXTENSIONS if "." in name else False
