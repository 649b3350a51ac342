"""Libraries that are held: what a scan writes down for the person who is to judge, and reads of their answer."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from django.db import transaction
from django.utils import timezone

from gallery import walk
from gallery.models import Candidate, File, Library, Photo, Review, Scan, WorkState
from gallery.scan import Exclusion, Known
from gallery.scope import Scope

# More than this many files and this share of all of them gone in one scan: ask a person first.
HELD_FILES = 20
HELD_SHARE = 0.20
# Scans of parts see what vanishes bit by bit: what they took for gone lately counts together, for so long at most.
_HELD_WITHIN = dt.timedelta(hours=1)
FOLDERS_SHOWN = 40
PICTURES_SHOWN = 6
_DEEPEST = 12
_PORTION = 500


@dataclass(frozen=True, slots=True)
class Loss:
    """Files that are gone, of how many; `before`: those that scans of parts have taken for gone already."""

    gone: int
    present: int
    before: int

    def is_alarming(self, explained: int = 0) -> bool:
        """Whether so much is gone that it may be a drive and not a person who tidied up."""
        gone = self.gone + self.before - explained
        return gone > HELD_FILES and gone > HELD_SHARE * (self.present + self.before)

    @property
    def text(self) -> str:
        return f"{self.gone:,} of {self.present:,} files are no longer there."


def lost_bit_by_bit(library: Library, scope: Scope | None) -> int:
    """How many files scans of parts took for gone since the last whole one: a drive that goes away, or a program that
    deletes, is seen in many small portions. What was left out on purpose is none of it.

    A whole scan looks back like this only if the library is held, perhaps for just that.
    """
    is_held = library.state == Library.State.HELD
    if scope is None and not is_held:
        return 0
    whole = Scan.objects.filter(library=library, scope__isnull=True, work_state=WorkState.DONE)
    last = whole.order_by("-id").values_list("worked_at", flat=True).first()
    recently = None if is_held else timezone.now() - _HELD_WITHIN
    since = max(filter(None, [last, recently]), default=library.created_at)
    rows = File.objects.filter(library=library, missing_since__gte=since)
    lost = set(rows.values_list("path", flat=True))
    return len(lost - walk.left_out(library.root_path, Exclusion.parse(library.exclude), lost))


def ask(
    library: Library,
    gone: list[Known],
    known: Mapping[str, Known],
    *,
    present: int,
    found: Iterable[int] | None = None,
    beat: Callable[[], None],
) -> None:
    """Writes down what is gone of a library that is held for it. `known` is by path.

    `found`: ids of gone files that were found by content; None before anybody looked, when what an earlier scan found
    of as many stays.

    "The drive is away" that was said of fewer files is asked anew.
    """
    if found is None and Review.objects.filter(library=library, gone=len(gone)).exclude(folders=[]).exists():
        return
    found = set(found or ())
    ids = {row.id for row in gone}
    at = {row.id: path for path, row in known.items() if row.id in ids}
    folders = _folders(at, found)
    beat()
    elsewhere = _elsewhere(library, sorted(ids), beat)
    with transaction.atomic():
        values = {
            "gone": len(gone),
            "present": present,
            "found": len(found),
            "folders": folders,
            "elsewhere": elsewhere,
            "at": timezone.now(),
        }
        Review.objects.update_or_create(library=library, defaults=values)
        Review.objects.filter(library=library, answer=Review.Answer.AWAY, answered_gone__lt=len(gone)).update(
            answer="", answered_by=None, answered_at=None, answered_gone=0
        )


@dataclass(slots=True)
class Lost:
    """A folder, or all below one, that files were lost from. `files`: ids of some of them."""

    folder: str
    count: int = 0
    found: int = 0
    files: list[int] = field(default_factory=list)


def _counted(at: Mapping[int, str], found: set[int]) -> list[Lost]:
    """The folders that files were lost from, the largest losses first, as deep as there are few enough to be read.

    `at`: path by file id.
    """
    folder_of: dict[int, str] = {}
    for depth in range(_DEEPEST, 0, -1):
        folder_of = {id_: "/".join(path.split("/")[:-1][:depth]) for id_, path in at.items()}
        if len(set(folder_of.values())) <= FOLDERS_SHOWN:
            break
    rows: dict[str, Lost] = {}
    for id_ in sorted(folder_of):
        row = rows.setdefault(folder_of[id_], Lost(folder_of[id_]))
        row.count += 1
        row.found += id_ in found
        # Twice as many as are shown: of some there may be no picture.
        if len(row.files) < 2 * PICTURES_SHOWN:
            row.files.append(id_)
    return sorted(rows.values(), key=lambda row: -row.count)


def _folders(at: Mapping[int, str], found: set[int]) -> list[dict[str, object]]:
    """As `Review.folders` keeps them, with the ids of some photos of each: two queries at most."""
    rows = _counted(at, found)
    wanted = [id_ for row in rows[:FOLDERS_SHOWN] for id_ in row.files]
    photo_of: dict[int, int] = {}
    for start in range(0, len(wanted), _PORTION):
        files = File.objects.filter(id__in=wanted[start : start + _PORTION], photo__imported_at__isnull=False)
        photo_of.update(files.order_by().values_list("id", "photo_id"))
    return [
        {
            "folder": row.folder,
            "count": row.count,
            "found": row.found,
            "photos": [photo_of[id_] for id_ in row.files if id_ in photo_of][:PICTURES_SHOWN],
        }
        for row in rows
    ]


def _elsewhere(library: Library, ids: list[int], beat: Callable[[], None]) -> dict[str, int]:
    """How many of the contents of these files other libraries show, from files that are there.

    Two small queries for each portion.
    """
    counts: Counter[int] = Counter()
    for start in range(0, len(ids), _PORTION):
        rows = File.objects.filter(id__in=ids[start : start + _PORTION]).exclude(digest="").order_by()
        digests = set(rows.values_list("digest", flat=True))
        shown = Photo.objects.filter(
            digest__in=digests, imported_at__isnull=False, missing_since__isnull=True, trashed_at__isnull=True
        ).exclude(library=library)
        counts.update(shown.order_by().values_list("library_id", flat=True))
        beat()
    return {str(library_id): count for library_id, count in counts.items()}


def close(library: Library) -> None:
    """Nothing is asked any more: the library is as the database says. One query where nothing was asked."""
    if not Review.objects.filter(library=library).exists():
        return
    with transaction.atomic():
        Candidate.objects.filter(library=library).delete()
        Review.objects.filter(library=library).delete()


def is_relink_asked(library: Library) -> bool:
    return Review.objects.filter(library=library, answer=Review.Answer.RELINK).exists()


def end_relink(library: Library) -> None:
    """What was found got its new place; about the rest PictoPy asks again. In the transaction that says so."""
    Review.objects.filter(library=library, answer=Review.Answer.RELINK).update(
        answer="", answered_by=None, answered_at=None, answered_gone=0
    )
