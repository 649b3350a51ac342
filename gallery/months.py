"""The timeline as months: all of them with their heights, the photos of the first, and the rest on demand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from django.db.models import Count, F, FloatField, Q, Sum
from django.db.models.functions import Cast
from django.http import Http404
from django.urls import get_script_prefix

from gallery import photosets, quantise
from gallery.access import Viewer, get_or_404, shown_in, visible_to
from gallery.kept import Kept
from gallery.models import UNDATED, Photo
from gallery.photosets import NEWEST_FIRST, PhotoSet
from gallery.queries import Tile, slim, tiles

# Coming back to a photo, its month is loaded from the start if no more than these are above it.
RETURN_MOST = 40

NAMES = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Month:
    """How many photos of a month the viewer sees, and the sum of their aspect ratios, from which its height follows."""

    number: int  # yyyymm; 0: undated
    count: int
    aspects: float

    @property
    def year(self) -> int:
        return self.number // 100

    @property
    def title(self) -> str:
        return f"{NAMES[self.number % 100 - 1]} {self.year}" if self.number else "Undated"

    @property
    def short(self) -> str:
        return NAMES[self.number % 100 - 1][:3] if self.number else "Undated"

    @property
    def anchor(self) -> str:
        return f"m{self.number:06d}"

    @property
    def url(self) -> str:
        return f"{get_script_prefix()}months/{self.number}/"  # not `reverse`: a timeline asks for hundreds


@dataclass(frozen=True, slots=True)
class Rest:
    """What of a month is still to be loaded, and from where."""

    url: str
    count: int
    sum_class: str


@dataclass(frozen=True, slots=True)
class Section:
    """A month on the page. `earlier` counts photos of it, newer than the first tile, that are left out."""

    month: Month
    tiles: list[Tile] = field(default_factory=list)
    rest: Rest | None = None
    earlier: int = 0


def months(viewer: Viewer) -> list[Month]:
    """All months that have photos, newest first, undated last. No query if nothing changed since the last time."""
    merged: dict[int, tuple[int, float]] = {}
    for library in _kept.of(viewer):
        for number, count, aspects in library:
            before = merged.get(number, (0, 0.0))
            merged[number] = (before[0] + count, before[1] + aspects)
    return [Month(number, *merged[number]) for number in sorted(merged, reverse=True)]


def _count(library_ids: Sequence[int]) -> dict[int, list[tuple[int, int, float]]]:
    """(month, photos, sum of aspect ratios) by library: one walk over the index photo_month_counts."""
    aspect = Cast(F("width"), FloatField()) / F("height")
    found: dict[int, list[tuple[int, int, float]]] = {pk: [] for pk in library_ids}
    shown = shown_in(library_ids).order_by("month", "library_id").values_list("library_id", "month")
    for library_id, number, count, aspects in shown.annotate(count=Count("id"), aspects=Sum(aspect)):
        found[library_id].append((number, count, aspects))
    return found


_kept = Kept(_count)


def wrongly_kept() -> list[int]:
    """Ids of libraries whose months this process counts wrong, because a write forgot to `kept.touch` them."""
    return _kept.wrong()


@dataclass(frozen=True, slots=True)
class Year:
    title: str
    months: list[Month]


def years(sections: Sequence[Section]) -> list[Year]:
    """The months by year, for the list to jump by."""
    by_year: dict[int, list[Month]] = {}
    for section in sections:
        by_year.setdefault(section.month.year, []).append(section.month)
    return [Year(str(year) if year else "Undated", found) for year, found in by_year.items()]


def valid(number: int) -> bool:
    """Whether `number` is yyyymm of some month, or 0 for undated photos."""
    return number == 0 or (1 <= number % 100 <= 12 and 1 <= number // 100 <= 9998)


def month_set(viewer: Viewer, number: int) -> PhotoSet:
    """The photos of one month as a part of the timeline: a range of its index. Http404 if there is no such month."""
    if not valid(number):
        raise Http404
    photos = visible_to(viewer).filter(between(number))
    return PhotoSet("timeline", Month(number, 0, 0).title, Month(number, 0, 0).url, photos)


def between(number: int) -> Q:
    """The month as a range of `sort_at`."""
    if not number:
        return Q(sort_at=UNDATED)
    year, month = divmod(number, 100)
    first = dt.datetime(year, month, 1, tzinfo=dt.UTC)
    following = dt.datetime(year + month // 12, month % 12 + 1, 1, tzinfo=dt.UTC)
    return Q(sort_at__gte=first, sort_at__lt=following)


def timeline(viewer: Viewer, at: str | None = None) -> list[Section]:
    """All months, the newest of them filled with one page of photos; with `at`, a photo's id, those around it instead.

    One query for the months and one for the photos besides what tiles cost; two more with `at`.
    """
    known = months(viewer)
    target = _photo_at(viewer, at)
    if target is None:
        page = photosets.page(slim(photosets.timeline(viewer)), size=photosets.PAGE_SIZE)
        return _sections(known, page.photos, tiles(viewer, page.photos))
    month = month_set(viewer, target.month)
    newer = month.photos.filter(Q(sort_at__gt=target.sort_at) | Q(sort_at=target.sort_at, pk__gt=target.pk))
    before = newer.order_by().count()
    start = 0 if before < RETURN_MOST else before - 40
    size = before - start + 60
    # An offset, but only within a month, and only as far as a person scrolled.
    photos = list(slim(month).photos.order_by(*NEWEST_FIRST)[start : start + size])
    sections = _sections(known, photos, tiles(viewer, photos), skipped=start)
    return [
        replace(section, earlier=start) if section.month.number == target.month else section for section in sections
    ]


def month_tiles(viewer: Viewer, number: int, after: str | None = None) -> Section:
    """One page of a month behind the cursor `after`, and what is left of it then."""
    month = month_set(viewer, number)
    page = photosets.page(slim(month), after, size=photosets.PAGE_SIZE)
    whole = next((known for known in months(viewer) if known.number == number), Month(number, 0, 0.0))
    rest = None
    if page.next_cursor:
        last = page.photos[-1]
        older = month.photos.filter(Q(sort_at__lt=last.sort_at) | Q(sort_at=last.sort_at, pk__lt=last.pk))
        rest = _rest(whole, older.order_by().count(), page.next_cursor, f"{get_script_prefix()}months/")
    return Section(whole, tiles(viewer, page.photos), rest)


def _photo_at(viewer: Viewer, at: str | None) -> Photo | None:
    if not at:
        return None
    try:
        return get_or_404(visible_to(viewer), pk=at)
    except Http404:  # gone since: the page begins at its top
        return None


def _sections(known: Sequence[Month], photos: Sequence[Photo], made: list[Tile], skipped: int = 0) -> list[Section]:
    """Deals the tiles out to their months; what a month lacks becomes its rest."""
    by_month: dict[int, list[Tile]] = {}
    last: dict[int, Photo] = {}
    for photo, tile in zip(photos, made, strict=True):
        by_month.setdefault(photo.month, []).append(tile)
        last[photo.month] = photo
    sections = []
    prefix = f"{get_script_prefix()}months/"
    cursor_set = PhotoSet("timeline", "", "", Photo.objects.none())
    for month in known:
        own = by_month.get(month.number, [])
        left = month.count - len(own) - (skipped if own else 0)
        cursor = photosets.cursor_of(cursor_set, last[month.number]) if own and left > 0 else None
        sections.append(Section(month, own, _rest(month, left, cursor, prefix) if left > 0 else None))
    return sections


def _rest(month: Month, count: int, cursor: str | None, prefix: str) -> Rest:
    aspects = month.aspects * count / max(month.count, 1)
    url = f"{prefix}{month.number}/"
    return Rest(f"{url}?after={cursor}" if cursor else url, count, quantise.sum_class(aspects))
