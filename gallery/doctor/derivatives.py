"""Whether what PictoPy makes of photos is there, whole, and of some use."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.db.models import QuerySet
from PIL import Image

from gallery import repairs, thumbnails
from gallery.doctor.registry import PORTION, Check, Finding, Look
from gallery.models import Photo

_DERIVATIVE = re.compile(r"([0-9a-f]{64})-[\w.-]+")
# A worker writes the pictures before the row: what is as young as this may just be on its way.
_FRESH_S = 24 * 3600
_BEGIN, _END = b"\xff\xd8", b"\xff\xd9"


# --- thumbnails of photos


def _photos(look: Look) -> QuerySet[Photo]:
    return look.within(repairs.with_thumbnails())


def _is_whole(file: Path) -> bool:
    """Whether a JPEG is there, and begins and ends as one does: half a file after a power cut does not."""
    try:
        with file.open("rb") as handle:
            begins = handle.read(2) == _BEGIN
            handle.seek(-2, os.SEEK_END)
            return begins and handle.read(2) == _END
    except OSError:
        return False


def _can_be_decoded(file: Path) -> bool:
    try:
        with Image.open(file, formats=["JPEG"]) as picture:
            picture.load()
    except (OSError, SyntaxError, ValueError):
        return False
    return True


def _lacking(look: Look) -> Iterator[list[tuple[int, int]]]:
    """Portions of (photo, library) without all thumbnails."""
    for portion in look.portions(_photos(look), "library_id", "digest"):
        yield [
            (pk, library_id)
            for pk, library_id, digest in portion
            if not all(_is_whole(thumbnails.path(digest, size)) for size in thumbnails.SIZES)
        ]


def _unreadable(look: Look) -> Iterator[list[tuple[int, int]]]:
    for portion in look.portions(_photos(look), "library_id", "digest", size=50):
        yield [
            (pk, library_id)
            for pk, library_id, digest in portion
            # What is not whole, the other check finds.
            if all(_is_whole(thumbnails.path(digest, size)) for size in thumbnails.SIZES)
            and not all(_can_be_decoded(thumbnails.path(digest, size)) for size in thumbnails.SIZES)
        ]


def find_lacking(look: Look) -> Finding:
    return _told(_lacking(look), "Photo {} has no small pictures, or not all of them")


def find_unreadable(look: Look) -> Finding:
    return _told(_unreadable(look), "A small picture of photo {} is damaged")


def _told(portions: Iterator[list[tuple[int, int]]], say: str) -> Finding:
    finding = Finding()
    for portion in portions:
        for pk, library_id in portion:
            finding.add(say.format(pk), library_id, pk)
    return finding


def fix_lacking(look: Look) -> int:
    return sum(repairs.queue_for_thumbnails([pk for pk, _ in portion]) for portion in _lacking(look))


def fix_unreadable(look: Look) -> int:
    return sum(repairs.queue_for_thumbnails([pk for pk, _ in portion]) for portion in _unreadable(look))


# --- files that nobody needs


def orphans(look: Look, folder: Path) -> Iterator[list[Path]]:
    """Portions of derivatives below `folder` whose content no photo of any library shows, two levels of folders down.

    Only names that begin with a digest, and only what is older than a day. Telling the progress by the first level.
    """
    before = time.time() - _FRESH_S
    first = sorted(path for path in _inside(folder) if path.is_dir())
    for number, outer in enumerate(first, 1):
        pending: list[tuple[Path, str]] = []
        for inner in _inside(outer):
            for file in _inside(inner):
                if match := _DERIVATIVE.fullmatch(file.name):
                    pending.append((file, match[1]))
            if len(pending) >= PORTION:
                yield _unneeded(pending, before)
                pending = []
        yield _unneeded(pending, before)
        look.progress(number, len(first))


def _inside(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _unneeded(files: list[tuple[Path, str]], before: float) -> list[Path]:
    digests = sorted({digest for _, digest in files})
    shown: set[str | None] = set()
    for start in range(0, len(digests), PORTION):
        rows = Photo.objects.filter(digest__in=digests[start : start + PORTION]).order_by()
        shown.update(rows.values_list("digest", flat=True))
    result = []
    for file, digest in files:
        with suppress(OSError):
            if digest not in shown and file.lstat().st_mtime < before:
                result.append(file)
    return result


def find_orphans_in(look: Look, folder: Path) -> Finding:
    finding, size = Finding(), 0
    for files in orphans(look, folder):
        for file in files:
            with suppress(OSError):
                size += file.lstat().st_size
                finding.add(f"{file.name[:12]}…{file.name[64:]}")
    if finding.count:
        finding.examples[-1:] = [type(finding.examples[0])(f"{size / 1e6:,.1f} MB in all")]
    return finding


def delete_orphans_in(look: Look, folder: Path) -> int:
    """Each portion is looked up again right before it is deleted. Only plain files go."""
    count = 0
    for files in orphans(look, folder):
        for file in files:
            with suppress(OSError):
                file.unlink()
                count += 1
    return count


def find_orphans(look: Look) -> Finding:
    return find_orphans_in(look, settings.PICTOPY.thumbnails_dir)


def fix_orphans(look: Look) -> int:
    return delete_orphans_in(look, settings.PICTOPY.thumbnails_dir)


def find_temporary(look: Look) -> Finding:
    finding = Finding()
    for file in thumbnails.left_behind():
        finding.add(f"{file.name[:13]}…{file.name[-9:]}")
    return finding


def fix_temporary(look: Look) -> int:
    return thumbnails.tidy()


CHECKS = (
    Check(
        "thumbnails-missing",
        "Photos without their small pictures",
        "The pictures that pages show are not there, empty or cut off, as after a restore or a power cut.",
        "The photos are queued, and workers make the pictures again from the originals.",
        find_lacking,
        fix_lacking,
        speed="slow",
    ),
    Check(
        "thumbnails-damaged",
        "Small pictures that cannot be shown",
        "The files are there, but damaged inside.",
        "The photos are queued, and workers make the pictures again from the originals.",
        find_unreadable,
        fix_unreadable,
        speed="content",
    ),
    Check(
        "derivatives-orphaned",
        "Small pictures and copies of films that no photo needs",
        "They were made of photos that were forgotten or whose content changed, and take room on the disk.",
        "They are deleted. Originals are never touched: these files lie among PictoPy's own data.",
        find_orphans,
        fix_orphans,
        speed="slow",
        is_whole=True,
    ),
    Check(
        "temporary-files",
        "Temporary files that were left over",
        "A process ended while it wrote them, more than a day ago.",
        "They are deleted. Once a day PictoPy does this by itself.",
        find_temporary,
        fix_temporary,
        speed="slow",
        is_whole=True,
    ),
)
