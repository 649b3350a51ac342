"""Whether the rows of the gallery agree with each other."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from gallery import kept, months, search_text, steps, work
from gallery.doctor.registry import Check, Finding, Look
from gallery.models import UNDATED, AnalyzerVersion, File, Library, Photo, Receipt, Scan, SearchText, WorkState

_FILES_PRESENT = File.objects.filter(photo=OuterRef("pk"), missing_since__isnull=True)


def _listed(rows: QuerySet[Photo], say: str) -> Finding:
    """A finding of photos: their number, and `say` with the id of some."""
    finding = Finding()
    for pk, library_id in rows.order_by("pk").values_list("pk", "library_id")[:5]:
        finding.add(say.format(pk), library_id, pk)
    finding.count = rows.order_by().count()
    return finding


def _ids(look: Look, rows: QuerySet[Photo]) -> Iterator[list[int]]:
    for portion in look.portions(rows):
        yield [pk for (pk,) in portion]


def _locked(ids: list[int], still: QuerySet[Photo]) -> list[Photo]:
    """Those that are still so, and nobody's else to change until the transaction ends."""
    return list(still.filter(pk__in=ids).select_for_update(of=("self",)).order_by("pk"))


# --- work that nobody does


def find_stuck(look: Look) -> Finding:
    finding = _listed(look.within(work.abandoned(Photo.objects.all())), "Photo {} is marked as being read")
    for pk, library_id in look.within(work.abandoned(Scan.objects.all())).values_list("pk", "library_id"):
        finding.add(f"Scan {pk} is marked as running", library_id)
    return finding


def fix_stuck(look: Look) -> int:
    return work.return_abandoned()


# --- photos and their files


def _without_files(look: Look) -> QuerySet[Photo]:
    rows = look.within(Photo.objects.filter(missing_since__isnull=True)).exclude(library__state=Library.State.LEAVING)
    return rows.filter(~Exists(_FILES_PRESENT))


def find_without_files(look: Look) -> Finding:
    return _listed(_without_files(look), "Photo {} has no file, but counts as present")


def fix_without_files(look: Look) -> int:
    """Marks them as missing, as a scan would; those that were never read go away, as there is nothing to keep."""
    count = 0
    for ids in _ids(look, _without_files(look)):
        with transaction.atomic():
            photos = _locked(ids, _without_files(look))
            never = [photo.pk for photo in photos if photo.digest is None]
            lost = [photo.pk for photo in photos if photo.digest is not None]
            Photo.objects.filter(pk__in=never).delete()
            Photo.objects.filter(pk__in=lost).update(
                missing_since=timezone.now(), work_state=WorkState.DONE, error="", lease_owner="", lease_until=None
            )
            kept.touch(photo.library_id for photo in photos)
        count += len(photos)
    return count


def _wrongly_missing(look: Look) -> QuerySet[Photo]:
    return look.within(Photo.objects.filter(missing_since__isnull=False)).filter(Exists(_FILES_PRESENT))


def find_wrongly_missing(look: Look) -> Finding:
    return _listed(_wrongly_missing(look), "Photo {} counts as missing, but has a file")


def fix_wrongly_missing(look: Look) -> int:
    """As when a file comes back: to be read again, since it may have missed what was done meanwhile."""
    count = 0
    for ids in _ids(look, _wrongly_missing(look)):
        with transaction.atomic():
            photos = _locked(ids, _wrongly_missing(look))
            Photo.objects.filter(pk__in=[photo.pk for photo in photos]).update(
                missing_since=None, work_state=WorkState.READY, attempts=0, error="", lease_owner="", lease_until=None
            )
            kept.touch(photo.library_id for photo in photos)
        count += len(photos)
    if count:
        work.wake_analysis()
    return count


# --- receipts


def _unknown_receipts(look: Look) -> QuerySet[Receipt]:
    return look.within(Receipt.objects.exclude(analyzer__in=steps.names()), "photo__library")


def find_unknown_receipts(look: Look) -> Finding:
    rows = _unknown_receipts(look)
    finding = Finding()
    for name in rows.order_by("analyzer").values_list("analyzer", flat=True).distinct()[:5]:
        finding.add(f"Receipts of “{name}”, which is not part of PictoPy any more")
    finding.count = rows.order_by().count()
    return finding


def fix_unknown_receipts(look: Look) -> int:
    count = 0
    for portion in look.portions(_unknown_receipts(look)):
        count += Receipt.objects.filter(pk__in=[pk for (pk,) in portion]).delete()[0]
    return count


def _unanalyzed(look: Look) -> QuerySet[Photo]:
    """Done photos that lack a step in the version that is in use, here as everywhere, and that nobody will queue."""
    here = steps.current_versions()
    lacking = Q(pk__in=[])
    for name, version in AnalyzerVersion.objects.filter(is_behind=False).values_list("name", "version"):
        if version and here.get(name) == version:
            done = Receipt.objects.filter(photo=OuterRef("pk"), analyzer=name, version=version, state=Receipt.State.OK)
            lacking |= Q(~Exists(done))
    rows = look.within(Photo.objects.filter(work_state=WorkState.DONE, imported_at__isnull=False))
    return rows.filter(lacking, missing_since__isnull=True, trashed_at__isnull=True)


def find_unanalyzed(look: Look) -> Finding:
    return _listed(_unanalyzed(look), "Photo {} was not looked at with all that is in use now")


def fix_unanalyzed(look: Look) -> int:
    count = 0
    for ids in _ids(look, _unanalyzed(look)):
        count += Photo.objects.filter(pk__in=ids, work_state=WorkState.DONE).update(
            work_state=WorkState.READY, attempts=0, error=""
        )
    if count:
        work.wake_analysis()
    return count


# --- what follows from other columns


def _wrong_texts(look: Look) -> Iterator[list[tuple[int, int]]]:
    """Portions of (photo, library) whose search text is not there, or not what it should be."""
    for portion in look.portions(look.within(Photo.objects.filter(imported_at__isnull=False)), "library_id"):
        ids = [pk for pk, _ in portion]
        texts = search_text.texts(ids)
        written = dict(SearchText.objects.filter(photo__in=ids).values_list("photo_id", "text"))
        yield [(pk, library_id) for pk, library_id in portion if pk in texts and written.get(pk) != texts[pk]]


def find_wrong_texts(look: Look) -> Finding:
    finding = Finding()
    for portion in _wrong_texts(look):
        for pk, library_id in portion:
            finding.add(f"Photo {pk} is not found by all its words", library_id, pk)
    return finding


def fix_wrong_texts(look: Look) -> int:
    count = 0
    for portion in _wrong_texts(look):
        with transaction.atomic():
            search_text.write(pk for pk, _ in portion)
        count += len(portion)
    return count


def _wrong_dates(look: Look) -> Iterator[list[tuple[int, int]]]:
    rows = look.within(Photo.objects.all())
    for portion in look.portions(rows, "library_id", "taken_local", "month", "sort_at"):
        yield [
            (pk, library_id)
            for pk, library_id, taken, month, sort_at in portion
            if sort_at != (taken or UNDATED) or month != (taken.year * 100 + taken.month if taken else 0)
        ]


def find_wrong_dates(look: Look) -> Finding:
    finding = Finding()
    for portion in _wrong_dates(look):
        for pk, library_id in portion:
            finding.add(f"Photo {pk} stands at the wrong place of the timeline", library_id, pk)
    return finding


def fix_wrong_dates(look: Look) -> int:
    count = 0
    for portion in _wrong_dates(look):
        with transaction.atomic():
            photos = _locked([pk for pk, _ in portion], Photo.objects.all())
            for photo in photos:
                photo.set_taken(photo.taken, utc_offset_min=photo.utc_offset_min, source=photo.taken_source)
            Photo.objects.bulk_update(photos, ["month", "sort_at"])
            kept.touch(photo.library_id for photo in photos)
        count += len(photos)
    return count


def find_wrong_counts(look: Look) -> Finding:
    finding = Finding()
    wrong = set(months.wrongly_kept())
    for pk, name in look.within(Library.objects.filter(pk__in=wrong), "pk").values_list("pk", "name"):
        finding.add(f"The months of “{name}” are counted wrong", pk)
    return finding


def fix_wrong_counts(look: Look) -> int:
    """Counted anew in every process, as after any change."""
    wrong = look.within(Library.objects.filter(pk__in=months.wrongly_kept()), "pk").values_list("pk", flat=True)
    with transaction.atomic():
        kept.touch(wrong)
    return len(wrong)


CHECKS = (
    Check(
        "photos-stuck",
        "Work that nobody does",
        "A process that was reading photos, or scanning, ended in the middle. A worker takes such work up again within "
        "a minute; if none is running, it waits.",
        "The work is given back, to be begun anew.",
        find_stuck,
        fix_stuck,
    ),
    Check(
        "photos-without-files",
        "Photos without a file",
        "No file of these photos is there any more, but they do not count as missing.",
        "They are marked as missing and stay visible. Those that were never read go away: there is nothing of them.",
        find_without_files,
        fix_without_files,
    ),
    Check(
        "photos-wrongly-missing",
        "Missing photos whose file is there",
        "These photos count as missing, although a file of theirs is known to be there.",
        "They count as present again, and are read once more.",
        find_wrongly_missing,
        fix_wrongly_missing,
    ),
    Check(
        "receipts-unknown",
        "Notes of work that PictoPy does no more",
        "An earlier version of PictoPy noted what it did to photos with something that is not part of it any more.",
        "The notes are deleted. The photos stay as they are.",
        find_unknown_receipts,
        fix_unknown_receipts,
    ),
    Check(
        "photos-unanalyzed",
        "Photos that were not looked at with the present models",
        "These photos count as done, but lack something that is in use now, or have it from an earlier version only.",
        "They are queued, and workers do only what is lacking.",
        find_unanalyzed,
        fix_unanalyzed,
        speed="slow",
    ),
    Check(
        "search-text",
        "Photos that the search does not find",
        "The text that words are looked for in is not there, or does not say what it should.",
        "It is written anew.",
        find_wrong_texts,
        fix_wrong_texts,
        speed="slow",
    ),
    Check(
        "photo-dates",
        "Photos at the wrong place of the timeline",
        "The month and the order of these photos do not follow from their dates.",
        "Both are worked out anew from the dates, which stay as they are.",
        find_wrong_dates,
        fix_wrong_dates,
        speed="slow",
    ),
    Check(
        "month-counts",
        "Months that are counted wrong",
        "The timeline keeps how many photos each month has, and for some libraries this is not true any more.",
        "The months are counted anew.",
        find_wrong_counts,
        fix_wrong_counts,
    ),
)
