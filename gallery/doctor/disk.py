"""Whether the libraries on disk are as the database says. Reads only; what is to be done, a scan does."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from gallery import originals, paths, registering, scanning, staging, uploads, work
from gallery.contents import digest_of
from gallery.doctor.registry import PORTION, Check, Example, Finding, Look
from gallery.models import File, Library, Upload
from gallery.scan import Exclusion, Stat, compare
from gallery.walk import RootUnavailable, walk


def _libraries(look: Look) -> QuerySet[Library]:
    return look.within(Library.objects.exclude(state=Library.State.LEAVING), "pk").order_by("pk")


# --- libraries whose folder is away


def _away(look: Look) -> Iterator[tuple[Library, str]]:
    rows = list(_libraries(look))
    for number, library in enumerate(rows, 1):
        if library.state != Library.State.OK:
            yield library, library.state_reason
        elif not scanning.is_available(library):
            yield library, "Its folder cannot be read, or is empty."
        look.progress(number, len(rows))


def find_away(look: Look) -> Finding:
    finding = Finding()
    for library, reason in _away(look):
        finding.add(f"“{library.name}”: {reason}", library.pk)
    return finding


def fix_away(look: Look) -> int:
    return _scan([library for library, _ in _away(look)])


def _scan(libraries: list[Library]) -> int:
    for library in libraries:
        scanning.request_scan(library)
    return len(libraries)


# --- files and rows


@dataclass(slots=True)
class _Compared:
    """What a scan of one library would find."""

    library: Library
    gone: Finding = field(default_factory=Finding)
    new: Finding = field(default_factory=Finding)


def _compared(look: Look) -> list[_Compared]:
    """One walk through each library that is available; both checks use it. Holds one library's names at a time."""
    if "compared" not in look.memo:
        rows = list(_libraries(look).filter(state=Library.State.OK))
        found = []
        for number, library in enumerate(rows):
            found.append(_compare(library, look, number, len(rows)))
        look.memo["compared"] = found
    result: list[_Compared] = look.memo["compared"]
    return result


def _compare(library: Library, look: Look, number: int, total: int) -> _Compared:
    result = _Compared(library)

    def beat() -> None:
        look.progress(number, total)

    known = scanning.known_files(library)
    try:
        found = walk(
            library.root_path,
            Exclusion.parse(library.exclude),
            leave_out=(os.path.realpath(settings.PICTOPY.data_dir),),
            on_folder=beat,
        )
    except RootUnavailable:
        return result  # another check tells it
    at = {row.id: path for path, row in known.items()}
    difference = compare(known, found.found, unreadable=found.unreadable)
    for row in difference.gone:
        result.gone.add(f"“{library.name}”: {paths.display(at[row.id])} is not there", library.pk)
    for path in difference.added:
        result.new.add(f"“{library.name}”: {paths.display(path)} is new", library.pk)
    for row, _ in difference.changed:
        result.new.add(f"“{library.name}”: {paths.display(at[row.id])} was changed", library.pk)
    for row in difference.returned:
        result.new.add(f"“{library.name}”: {paths.display(at[row.id])} is back", library.pk)
    for _, path, _ in difference.moved:
        result.new.add(f"“{library.name}”: {paths.display(path)} was moved there", library.pk)
    return result


def _together(findings: list[Finding]) -> Finding:
    examples: list[Example] = [example for finding in findings for example in finding.examples]
    return Finding(sum(finding.count for finding in findings), examples[:5])


def find_gone(look: Look) -> Finding:
    return _together([each.gone for each in _compared(look)])


def fix_gone(look: Look) -> int:
    look.memo.pop("compared", None)
    _scan([each.library for each in _compared(look) if each.gone.count])
    return find_gone(look).count


def find_new(look: Look) -> Finding:
    return _together([each.new for each in _compared(look)])


def fix_new(look: Look) -> int:
    look.memo.pop("compared", None)
    _scan([each.library for each in _compared(look) if each.new.count])
    return find_new(look).count


# --- what the files hold


def _rotten(look: Look) -> Iterator[list[File]]:
    """Files with the size and time of when they were read, but another content: nobody wrote them on purpose."""
    rows = look.within(
        File.objects.filter(missing_since__isnull=True, is_read=True, library__state=Library.State.OK)
    ).exclude(digest="")
    total, done = rows.count(), 0
    for portion in look.portions(rows):
        bad = []
        files = File.objects.select_related("library").filter(pk__in=[pk for (pk,) in portion]).order_by("pk")
        for file in files:
            done += 1
            look.progress(min(done, total), total)
            if _is_rotten(file):
                bad.append(file)
        yield bad


def _is_rotten(file: File) -> bool:
    stat = Stat(file.size_bytes, file.mtime_ns)
    try:
        with originals.open_original(file.library, file) as handle:
            if Stat.of(os.fstat(handle.fileno())) != stat:
                return False  # changed since, which a scan sees
            digest = digest_of(handle)
            return digest != file.digest and Stat.of(os.fstat(handle.fileno())) == stat
    except (OSError, originals.OriginalMissing):
        return False  # not there, or not readable: other checks, and scans, tell it


def find_rotten(look: Look) -> Finding:
    finding = Finding()
    for files in _rotten(look):
        for file in files:
            finding.add(f"“{file.library.name}”: {file.display}", file.library_id, file.photo_id)
    return finding


def fix_rotten(look: Look) -> int:
    """As after an edit: photos take what their files hold now, and keep all that people made. No file is written."""
    count = 0
    for files in _rotten(look):
        if files:
            registering.read_as_changed(file.pk for file in files)
            count += len(files)
    if count:
        work.wake_analysis()
    return count


# --- uploads


def _overdue(look: Look) -> QuerySet[Upload]:
    now = timezone.now()
    over = Q(outcome="", changed_at__lt=now - uploads.KEEP_OPEN)
    kept_long = ~Q(outcome="") & Q(changed_at__lt=now - uploads.KEEP_FINISHED)
    return look.within(Upload.objects.filter(over | kept_long))


def _staged(look: Look) -> Iterator[tuple[Library, str]]:
    """Files on their way that belong to no upload that is open."""
    for library in _libraries(look).filter(kind=Library.Kind.MANAGED, state=Library.State.OK):
        try:
            with staging.opened(library) as root:
                waiting = staging.waiting(root)
        except (staging.StorageAway, staging.NoSpace):
            continue
        names = list(waiting)
        for start in range(0, len(names), PORTION):
            part = names[start : start + PORTION]
            ids = [name for name in part if len(name) == 32 and set(name) <= set("0123456789abcdef")]
            opened = {pk.hex for pk in Upload.objects.filter(pk__in=ids, outcome="").values_list("pk", flat=True)}
            for name in part:
                if name not in opened and time.time() - waiting[name] > uploads.ORPHAN_S:
                    yield library, name


def find_uploads(look: Look) -> Finding:
    finding = Finding()
    for library_id, name in _overdue(look).values_list("library_id", "name").iterator():
        finding.add(f"An upload of {paths.display(name)} was begun and not finished", library_id)
    for library, name in _staged(look):
        finding.add(f"“{library.name}”: what has arrived of an upload that nobody knows ({name[:12]})", library.pk)
    return finding


def fix_uploads(look: Look) -> int:
    """As the sweep does: what has arrived in part of files that nobody sends any more is thrown away."""
    count = find_uploads(look).count
    if count:
        uploads.sweep()
    return count


CHECKS = (
    Check(
        "libraries-away",
        "Libraries that cannot be reached",
        "The folder of a library is away, or a library waits for an answer. Its photos stay visible; nothing new of it "
        "is read.",
        "PictoPy looks through it again. If its drive is away, connect it; if it waits for an answer, give it on the "
        "library's page.",
        find_away,
        fix_away,
        speed="slow",
    ),
    Check(
        "files-gone",
        "Files that are not on the disk any more",
        "The database knows these files, and the disk does not. They were deleted or moved since the last scan.",
        "The libraries are scanned: what is gone is marked as missing, and what was moved is found again.",
        find_gone,
        fix_gone,
        speed="slow",
    ),
    Check(
        "files-new",
        "Files that the database does not know",
        "They were added, changed or moved since the last scan.",
        "The libraries are scanned, and the files are read.",
        find_new,
        fix_new,
        speed="slow",
    ),
    Check(
        "uploads-abandoned",
        "Uploads that nobody goes on with",
        "What has arrived of them takes room and will become no photo.",
        "What has arrived of unfinished uploads is thrown away. Photos that were stored are not touched.",
        find_uploads,
        fix_uploads,
        speed="slow",
    ),
    Check(
        "content-changed",
        "Files whose content changed by itself",
        "These files have the size and time they had when they were read, but hold something else. No program does "
        "that: the disk may be failing. If you have a backup, put these files back from it.",
        "The photos are read again, and show what their files hold now; albums, names and captions stay. Files are "
        "never written to.",
        find_rotten,
        fix_rotten,
        speed="content",
    ),
)
