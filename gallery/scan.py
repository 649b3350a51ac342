"""The difference between a folder as it is and as the database knows it. Pure: no Django, no disk."""

from __future__ import annotations

import fnmatch
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

# What is taken for a picture at first sight; whether it is one, its content decides later.
EXTENSIONS = frozenset(
    """jpg jpeg jpe jfif mpo png apng webp gif bmp dib tif tiff heic heif hif avif jxl jp2 j2k j2c jpf
    cr2 cr3 crw nef nrw arw srf sr2 dng orf rw2 rwl raf pef srw x3f iiq 3fr fff erf mef mos mrw kdc dcr
    mp4 mov m4v qt 3gp 3g2 avi mkv webm mpg mpeg mpe mts m2ts ts wmv asf flv dv vob ogv mp mv""".split()
)
# Folders and files that are never anybody's photos: thumbnails of NAS systems, sync bookkeeping, resource forks, trash.
ALWAYS_EXCLUDED = (
    "@eaDir",
    ".*",
    "Thumbs.db",
    "#recycle",
    "$RECYCLE.BIN",
    "System Volume Information",
    "lost+found",
)

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
    """A `File` row. `is_missing`: an earlier scan did not find it."""

    id: int
    stat: Stat
    is_missing: bool = False


@dataclass(slots=True)
class Difference:
    """Paths are stored spellings. `moved` pairs a known file with its new path; its content is checked later."""

    added: dict[str, Stat] = field(default_factory=dict)
    changed: list[tuple[Known, Stat]] = field(default_factory=list)
    moved: list[tuple[Known, str, Stat]] = field(default_factory=list)
    returned: list[Known] = field(default_factory=list)
    gone: list[Known] = field(default_factory=list)
    unchanged: int = 0

    @property
    def is_empty(self) -> bool:
        return not (self.added or self.changed or self.moved or self.returned or self.gone)


def compare(known: Mapping[str, Known], found: Mapping[str, Stat], *, unreadable: Iterable[str] = ()) -> Difference:
    """What to do so that `known` (path -> row) becomes `found` (path -> stat).

    A file that is gone and one that is new count as one moved file when size and time agree and the pair is the only
    possible one; the content hash settles it later, so a wrong guess costs one read and loses nothing. `unreadable`
    files, and files below such folders (stored spellings, "" for the root), are left as they are: not seeing them does
    not mean that they are gone.
    """
    result = Difference()
    for path, stat in found.items():
        row = known.get(path)
        if row is None:
            result.added[path] = stat
        elif row.stat != stat:
            result.changed.append((row, stat))
        elif row.is_missing:
            result.returned.append(row)
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
    """Names to leave out: our own list and a library's patterns, one a line.

    A pattern without `/` matches a file or folder name anywhere; one with `/` matches the path from the root. `*` and
    `?` as in a shell, no difference of case.
    """

    names: re.Pattern[str]
    whole: re.Pattern[str]

    @classmethod
    def parse(cls, patterns: str) -> Exclusion:
        lines = [line.strip().strip("/") if line.strip() != "/" else "" for line in patterns.splitlines()]
        wanted = [line for line in lines if line and not line.startswith("#")]
        return cls(
            _any_of([*ALWAYS_EXCLUDED, *(line for line in wanted if "/" not in line)]),
            _any_of([line for line in wanted if "/" in line]),
        )

    def excludes(self, path: str) -> bool:
        """Whether the file or folder at `path` (relative to the root) is left out. Its parents were asked before."""
        return bool(self.names.fullmatch(path.rsplit("/", 1)[-1]) or self.whole.fullmatch(path))


def _any_of(patterns: list[str]) -> re.Pattern[str]:
    if not patterns:
        return re.compile(r"(?!)")
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns), re.IGNORECASE)


def is_picture(name: str) -> bool:
    """Whether a file name looks like a picture's or a film's."""
    return name.rsplit(".", 1)[-1].lower() in EXTENSIONS if "." in name else False
