"""What the pages of libraries show: how the work goes, what failed, what is missing, and what to do about it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet
from django.utils import timezone

from gallery import analysis, reviews
from gallery.models import Condition, File, Library, Photo, Receipt, Rendition, Scan, WorkState
from gallery.services import Progress, progress

# Rows of the ledger and of each list; the counts beside them are whole.
SCANS_SHOWN = 20
PHOTOS_SHOWN = 50
# The sweep runs every minute: without one for this long, no worker is there.
SWEEP_OVERDUE = dt.timedelta(minutes=3)
SWEEP = "sweep"


@dataclass(frozen=True, slots=True)
class LibraryCard:
    """A library and its state, as the list and the head of its page show it."""

    library: Library
    progress: Progress
    missing_count: int
    is_editable: bool
    waits_for_models: bool
    waits_for_drive: bool = False

    @property
    def is_active(self) -> bool:
        """Whether something is going on that a page should follow."""
        return self.progress.is_active and (self.progress.is_scanning or self.library.state == Library.State.OK)

    @property
    def time_left(self) -> str:
        """How long it will take, in words; empty while nobody can tell."""
        return in_words(self.progress.time_left)


@dataclass(frozen=True, slots=True)
class Failure:
    """A photo that could not be read or analysed, why, and after how many attempts."""

    photo: Photo
    name: str
    reasons: list[str]
    attempts: int


@dataclass(frozen=True, slots=True)
class AnalyzerStatus:
    """What one analyzer did for a library. `waiting_for` is a sentence while a model is missing."""

    title: str
    version: str | None
    waiting_for: str
    done: int
    failed: int
    outdated: int


def cards(libraries: Iterable[Library], *, editable: QuerySet[Library]) -> list[LibraryCard]:
    """The cards of libraries: five queries however many there are, and one if some are away."""
    rows = list(libraries)
    work = progress(rows)
    ids = [library.pk for library in rows]
    missing = dict(
        Photo.objects.filter(
            library_id__in=ids, missing_since__isnull=False, trashed_at__isnull=True, imported_at__isnull=False
        )
        .order_by()
        .values_list("library_id")
        .annotate(count=Count("id"))
    )
    may_edit = set(editable.filter(pk__in=ids).values_list("id", flat=True))
    held = [library.pk for library in rows if library.state in {Library.State.HELD, Library.State.OFFLINE}]
    drives = reviews.waiting(held) if held else set()
    waits = any(analyzer.version() is None for analyzer in analysis.analyzers())
    return [
        LibraryCard(
            library,
            work[library.pk],
            missing.get(library.pk, 0),
            library.pk in may_edit,
            waits,
            library.pk in drives,
        )
        for library in rows
    ]


def warnings(*, work_is_open: bool) -> list[str]:
    """What is wrong with the whole installation, in sentences. One query."""
    found = {condition.key: condition for condition in Condition.objects.all()}
    sweep = found.pop(SWEEP, None)
    sentences = [condition.text for condition in found.values() if condition.text]
    if work_is_open and (sweep is None or timezone.now() - sweep.at > SWEEP_OVERDUE):
        sentences.append(
            "No worker is running, so nothing moves on. Start PictoPy with “make run”, or look into its log."
        )
    return sentences


def scans(library: Library) -> list[Scan]:
    """The newest lines of the ledger."""
    return list(library.scans.all()[:SCANS_SHOWN])


def failed_photos(library: Library) -> QuerySet[Photo]:
    """Photos of a library that failed, or that an analyzer failed on, and films of which no copy could be made."""
    failed_receipt = Receipt.objects.filter(photo=OuterRef("pk"), state=Receipt.State.FAILED)
    failed_copy = Rendition.objects.filter(photo=OuterRef("pk"), work_state=WorkState.FAILED)
    return Photo.objects.filter(
        Q(work_state=WorkState.FAILED) | Exists(failed_receipt) | Exists(failed_copy),
        library=library,
        trashed_at__isnull=True,
    )


def failures(library: Library) -> tuple[list[Failure], int]:
    """The first of the failures, and how many there are: four queries."""
    rows = failed_photos(library)
    titles = {analyzer.name: analyzer.title for analyzer in analysis.analyzers()}
    bad_receipts = Receipt.objects.filter(state=Receipt.State.FAILED).order_by("analyzer")
    prefetched = ("files", Prefetch("receipts", queryset=bad_receipts))
    shown = list(rows.order_by("id").select_related("rendition").prefetch_related(*prefetched)[:PHOTOS_SHOWN])
    count = len(shown) if len(shown) < PHOTOS_SHOWN else rows.count()
    return [_failure(photo, titles) for photo in shown], count


def _failure(photo: Photo, titles: dict[str, str]) -> Failure:
    reasons = [photo.error] if photo.work_state == WorkState.FAILED and photo.error else []
    receipts = list(photo.receipts.all())
    reasons += [f"{titles.get(row.analyzer, row.analyzer)}: {row.error}" for row in receipts]
    attempts, copy = photo.attempts, getattr(photo, "rendition", None)
    if copy is not None and copy.work_state == WorkState.FAILED:
        reasons.append(f"A copy that browsers play: {copy.error}")
        attempts = max(attempts, copy.attempts)
    return Failure(photo, name_of(photo), reasons or ["No reason was recorded."], attempts)


def name_of(photo: Photo) -> str:
    """The path of a photo's first file within its library; uses prefetched files if there are any."""
    files: list[File] = list(photo.files.all())
    return files[0].display if files else f"photo {photo.pk}"


def missing(library: Library) -> list[Photo]:
    """The photos that were lost most recently, with their files."""
    return list(_missing(library).order_by("-missing_since", "id").prefetch_related("files")[:PHOTOS_SHOWN])


def missing_count(library: Library) -> int:
    return _missing(library).count()


def _missing(library: Library) -> QuerySet[Photo]:
    """Without those in the trash: every member of the house reads this, and what was hidden is to stay so. Nor those
    that are only parts of others."""
    rows = Photo.objects.filter(library=library, missing_since__isnull=False, trashed_at__isnull=True)
    return rows.filter(imported_at__isnull=False)


def analyzers(library: Library) -> list[AnalyzerStatus]:
    """How far each analyzer is with a library: one query."""
    rows = (
        Receipt.objects.filter(photo__library=library)
        .order_by()
        .values_list("analyzer", "version", "state")
        .annotate(count=Count("id"))
    )
    counts = list(rows)
    result = []
    for analyzer in analysis.analyzers():
        version = analyzer.version()
        own = [(row_version, state, count) for name, row_version, state, count in counts if name == analyzer.name]
        result.append(
            AnalyzerStatus(
                title=analyzer.title,
                version=version,
                waiting_for=analyzer.waiting_for() if version is None else "",
                done=sum(count for v, state, count in own if state == Receipt.State.OK and v == (version or v)),
                failed=sum(count for _, state, count in own if state == Receipt.State.FAILED),
                outdated=sum(count for v, state, count in own if state == Receipt.State.OK and v != (version or v)),
            )
        )
    return result


def in_words(time: dt.timedelta | None) -> str:
    """A rough duration: nobody plans by the seconds of an estimate."""
    if time is None:
        return ""
    seconds = time.total_seconds()
    if seconds < 60:
        return "less than a minute left"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"about {minutes} minute{'s' if minutes > 1 else ''} left"
    hours = round(seconds / 3600)
    if hours < 36:
        return f"about {hours} hours left"
    return f"about {round(seconds / 86400)} days left"
