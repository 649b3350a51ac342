"""Files that moved and lost their time on the way: found again by content, which proves what size and name only hint.

Used while a library is held: many files are gone at once. New files whose size is that of one that is gone are hashed,
outside of any transaction; every digest is kept (`Candidate`), so that a scan that is killed, and every later one,
goes on from there. Nothing is read of files that cannot be one of them.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable

from gallery import originals
from gallery.models import Candidate, File, Library, Review
from gallery.scan import Difference, Known, Stat

logger = logging.getLogger(__name__)

_PORTION = 500
_PART_BYTES = 2**20
# So often the digests are written down, and the page hears how far it is.
_NOTE_S = 2.0


def find(library: Library, difference: Difference, beat: Callable[[], None]) -> list[tuple[Known, str, Stat]]:
    """The gone files whose content lies elsewhere in the library now: each with its new path and what the disk says.

    Reads each candidate once for as long as the library is held. `beat` is called for every megabyte and may raise.
    Writes how far it is into the library's `Review`.
    """
    sizes = {row.stat.size_bytes for row in difference.gone}
    candidates = {path: stat for path, stat in difference.added.items() if stat.size_bytes in sizes}
    digests = _kept(library, candidates)
    _note(library, total=len(candidates), checked=len(digests))
    fresh: dict[str, str] = {}
    checked, noted = len(digests), time.monotonic()
    for path, stat in candidates.items():
        if path in digests:
            continue
        checked += 1
        if digest := _digest(library, path, stat, beat):
            fresh[path] = digest
        if len(fresh) >= _PORTION or time.monotonic() - noted > _NOTE_S:
            _write(library, candidates, fresh)
            digests |= fresh
            fresh, noted = {}, time.monotonic()
            _note(library, total=len(candidates), checked=checked)
    _write(library, candidates, fresh)
    _note(library, total=len(candidates), checked=checked)
    return _pair(difference.gone, digests | fresh, candidates)


def take(difference: Difference, found: Iterable[tuple[Known, str, Stat]]) -> None:
    """Makes moves of what was gone and new so far."""
    taken = set()
    for row, path, stat in found:
        taken.add(row.id)
        del difference.added[path]
        difference.moved.append((row, path, stat))
    difference.gone = [row for row in difference.gone if row.id not in taken]


def _kept(library: Library, candidates: dict[str, Stat]) -> dict[str, str]:
    """Digests that an earlier scan took, by path; those of files that changed since, or went away, are dropped."""
    digests, stale = {}, []
    rows = Candidate.objects.filter(library=library).order_by()
    for pk, path, size, mtime, digest in rows.values_list("pk", "path", "size_bytes", "mtime_ns", "digest").iterator():
        if candidates.get(path) == Stat(size, mtime):
            digests[path] = digest
        else:
            stale.append(pk)
    for start in range(0, len(stale), _PORTION):
        Candidate.objects.filter(pk__in=stale[start : start + _PORTION]).delete()
    return digests


def _digest(library: Library, path: str, stat: Stat, beat: Callable[[], None]) -> str:
    """SHA-256 of a file that is still as the scan found it; empty if it is not, or cannot be read."""
    try:
        with originals.open_original(library, File(library=library, path=path)) as handle:
            if Stat.of(os.fstat(handle.fileno())) != stat:
                return ""
            digest = hashlib.sha256()
            while part := handle.read(_PART_BYTES):
                digest.update(part)
                beat()
            is_same = Stat.of(os.fstat(handle.fileno())) == stat
    except (OSError, originals.OriginalMissing):
        return ""  # the next scan tries again
    return digest.hexdigest() if is_same else ""


def _write(library: Library, candidates: dict[str, Stat], digests: dict[str, str]) -> None:
    Candidate.objects.bulk_create(
        [
            Candidate(
                library=library,
                path=path,
                size_bytes=candidates[path].size_bytes,
                mtime_ns=candidates[path].mtime_ns,
                digest=digest,
            )
            for path, digest in digests.items()
        ],
        batch_size=_PORTION,
        update_conflicts=True,
        unique_fields=["library", "path"],
        update_fields=["size_bytes", "mtime_ns", "digest"],
    )


def _note(library: Library, *, total: int, checked: int) -> None:
    Review.objects.filter(library=library).update(candidates=total, checked=checked)


def _pair(gone: list[Known], digests: dict[str, str], candidates: dict[str, Stat]) -> list[tuple[Known, str, Stat]]:
    """Each gone file with one new file of the same content; of several, one of the same name first."""
    by_digest: dict[str, list[str]] = defaultdict(list)
    for path, digest in sorted(digests.items()):
        by_digest[digest].append(path)
    pairs: list[tuple[Known, str, Stat]] = []
    rest: list[tuple[Known, str]] = []
    known = {row.id: row for row in gone}
    ids = sorted(known)

    def pair(row: Known, path: str, digest: str) -> None:
        by_digest[digest].remove(path)
        pairs.append((row, path, candidates[path]))

    for start in range(0, len(ids), _PORTION):
        files = File.objects.filter(id__in=ids[start : start + _PORTION]).order_by("id")
        for id_, old_path, digest in files.values_list("id", "path", "digest"):
            name = old_path.rsplit("/", 1)[-1]
            same_name = [path for path in by_digest.get(digest, ()) if path.rsplit("/", 1)[-1] == name]
            if same_name:
                pair(known[id_], same_name[0], digest)
            elif digest in by_digest:
                rest.append((known[id_], digest))
    for row, digest in rest:
        if by_digest[digest]:
            pair(row, by_digest[digest][0], digest)
    return pairs
