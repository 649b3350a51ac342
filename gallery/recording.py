"""Recording what came out of a batch of photos: one short transaction."""

from __future__ import annotations

import datetime as dt
import logging
import sqlite3
from dataclasses import dataclass, field
from typing import Any

from django.db import DatabaseError, DataError, IntegrityError, OperationalError, transaction
from django.utils import timezone

from gallery import describing, joins, kept, pairing, registering, renditions, search_text, successors, told, work
from gallery.analysis import analyzers
from gallery.metadata import Kind, Metadata, kind_of
from gallery.models import AnalyzerVersion, File, Photo, Receipt, Region, WorkState
from gallery.scan import Stat

logger = logging.getLogger(__name__)

FULL = "The disk that holds PictoPy's database is full."


@dataclass(slots=True)
class Step:
    """One receipt to be."""

    analyzer: str
    version: str
    milliseconds: int
    error: str = ""


@dataclass(slots=True)
class Outcome:
    """What became of one photo. `error` with `is_final`: trying again would give the same."""

    photo: Photo
    file: File | None = None
    digest: str = ""
    size_bytes: int = 0
    stat: Stat | None = None  # of the file that was read
    facts: dict[str, Any] = field(default_factory=dict)
    metadata: Metadata | None = None
    albums: tuple[told.AlbumFolder, ...] = ()  # in whose folders it lies
    steps: list[Step] = field(default_factory=list)
    results: dict[str, Any] = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)  # analyzers that this machine lacks the models of
    needs_copy: bool | None = None  # of a film that not every browser plays; None: nobody looked
    is_elsewhere: bool = False  # what the photo showed so far lies in another file, which waits to be read
    error: str = ""
    is_final: bool = False


def write(outcomes: list[Outcome]) -> None:
    """Records a batch in one transaction.

    When the database refuses it, each photo is tried alone: two workers may have brought the same new content at once
    (the later one then finds the other's photo), or one result may be impossible, which then is that photo's failure.
    Raises OperationalError when the database is of no use at all.
    """
    if not outcomes:
        return
    try:
        with transaction.atomic():
            _write(outcomes)
    except (IntegrityError, DataError, OperationalError, ValueError) as error:
        if isinstance(error, DatabaseError) and says_full(error):
            raise
        logger.exception("a batch could not be recorded as a whole")
    else:
        return
    for outcome in outcomes:
        try:
            with transaction.atomic():
                _write([outcome])
        except (IntegrityError, DataError, ValueError) as error:
            outcome.error = f"What was found in this file could not be recorded: {error}"
            with transaction.atomic():
                _write([outcome])


def says_full(error: DatabaseError) -> bool:
    """Whether the database refuses to write because its disk is full."""
    cause = error.__cause__
    # 53100 is disk_full in PostgreSQL's appendix of error codes.
    return getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL or getattr(cause, "sqlstate", "") == "53100"


def _write(outcomes: list[Outcome]) -> None:
    joins.lock_around(
        [outcome.photo.pk for outcome in outcomes],
        [(outcome.photo.library_id, outcome.file.path) for outcome in outcomes if outcome.file],
        {(outcome.photo.library_id, outcome.metadata.content_id) for outcome in outcomes if outcome.metadata},
    )
    held = {
        photo.pk: photo
        for photo in work.ours(
            Photo.objects.select_for_update(no_key=True).order_by("id"), [outcome.photo.pk for outcome in outcomes]
        )
    }
    outcomes = [outcome for outcome in outcomes if outcome.photo.pk in held]
    digests = [outcome.digest for outcome in outcomes if outcome.digest]
    libraries = {outcome.photo.library_id for outcome in outcomes}
    # Which photo shows which content, kept true while the batch is gone through.
    shown = {
        (photo.library_id, photo.digest): held.get(photo.pk, photo)
        for photo in Photo.objects.filter(library__in=libraries, digest__in=digests)
    }
    # Photos first, then files, both by id, as a scan does. Never with their keys: whoever adds a photo to an album,
    # or names a face in it, while a batch is recorded, would wait, and might have what another one waits for.
    files = (
        File.objects.select_for_update(no_key=True)
        .order_by("id")
        .in_bulk([outcome.file.pk for outcome in outcomes if outcome.file])
    )
    recorded: list[tuple[Outcome, Photo]] = []
    joined: list[tuple[Outcome, Photo]] = []
    again: set[int] = set()
    # By digest, so that two workers that bring the same contents touch the rows in the same order.
    for outcome in sorted(outcomes, key=lambda outcome: outcome.digest):
        photo = held[outcome.photo.pk]
        file = files.get(outcome.file.pk) if outcome.file else None
        if file is None or file.photo_id != photo.pk:  # it vanished, or went to another photo, while it was read
            _leave(photo)
        elif outcome.error:
            _record_failure(outcome, photo, file)
        else:
            owner, is_joined = _place(outcome, photo, file, shown)
            if is_joined:
                joined.append((outcome, owner))
                if _says_more(file, owner):
                    again.add(owner.pk)
            else:
                _record(outcome, owner, file)
                recorded.append((outcome, owner))
    Receipt.objects.bulk_create(
        [receipt for outcome, photo in recorded for receipt in _receipts(outcome, photo)],
        update_conflicts=True,
        unique_fields=["photo", "analyzer"],
        update_fields=["version", "state", "error", "milliseconds", "at"],
    )
    registering.describe_again(again)
    _write_regions(recorded)
    renditions.want((photo, outcome.needs_copy) for outcome, photo in recorded)
    for analyzer in analyzers():
        results = [(photo, o.results[analyzer.name]) for o, photo in recorded if analyzer.name in o.results]
        if results:
            analyzer.save(results)
    heard = [*recorded, *joined]
    describing.mark_favourites((photo, o.metadata) for o, photo in heard if o.metadata is not None)
    told.tell([told.Told(photo, outcome.albums) for outcome, photo in heard])
    changed = {*held, *(file.photo_id for file in files.values()), *(photo.pk for _, photo in recorded)}
    looked = joins.look(changed)
    search_text.write(changed | looked)
    skipped = {name for outcome, _ in recorded for name in outcome.skipped}
    if skipped:
        AnalyzerVersion.objects.filter(name__in=skipped, is_behind=False).update(is_behind=True)
    touched = {photo.library_id for _, photo in heard}
    if looked:
        touched |= set(Photo.objects.filter(pk__in=looked).order_by().values_list("library_id", flat=True))
    kept.touch(touched)


def _place(
    outcome: Outcome, photo: Photo, file: File, shown: dict[tuple[int, str | None], Photo]
) -> tuple[Photo, bool]:
    """Decides which photo the content of a file belongs to, and says whether that one has it already.

    Content that another photo of the library shows makes the file one more location of that. Content that nobody shows
    is a new version of this photo if the file was edited in place and is the photo's last location, and then the photo
    keeps what people made; else it is a photo of its own. Was the photo's former content found elsewhere, then it went
    there, and another picture was given the old name.
    """
    expected, file.digest, file.is_read = file.digest, outcome.digest, True
    file.stem = pairing.stem_of(file.path)
    if outcome.stat:
        # What was read: a scan that finds another reads again.
        file.size_bytes, file.mtime_ns = outcome.stat.size_bytes, outcome.stat.mtime_ns
    twin = shown.get((photo.library_id, outcome.digest))
    if twin is not None and twin.pk != photo.pk:
        _join(file, photo, twin)
        return twin, True
    is_other = photo.digest not in {None, outcome.digest}
    others = photo.files.filter(missing_since__isnull=True).exclude(pk=file.pk)
    # Of what stands in the trash, nobody said that another picture under its name is to be there as well.
    is_edited = not expected and not outcome.is_elsewhere and photo.trashed_at is None and not others.exists()
    owner = photo
    if is_other and not is_edited:
        owner = Photo.objects.create(library_id=photo.library_id, attempts=photo.attempts)
        file.photo = owner
    file.save()
    if owner is photo:
        shown.pop((photo.library_id, photo.digest), None)
    else:
        _leave(photo)
    shown[(photo.library_id, outcome.digest)] = owner
    return owner, False


def _join(file: File, photo: Photo, twin: Photo) -> None:
    """Makes the file one more location of `twin`, whose missing ones are thereby forgotten."""
    file.photo = twin
    file.save()
    File.objects.filter(photo=twin, missing_since__isnull=False).delete()
    if twin.missing_since is not None:
        # It may have missed what was done to photos meanwhile.
        twin.missing_since, twin.work_state, twin.attempts = None, WorkState.READY, 0
        twin.lease_owner, twin.lease_until = "", None
        Photo.objects.filter(pk=twin.pk).update(
            missing_since=None, work_state=WorkState.READY, attempts=0, lease_owner="", lease_until=None
        )
    _leave(photo)
    is_replacing = twin.trashed_at is not None and photo.missing_since is not None
    if is_replacing and successors.of([twin.pk]).get(twin.pk) == photo.pk:
        # It was hidden because there was the other one, which it took the place of now.
        twin.trashed_at = twin.trashed_by = None
        Photo.objects.filter(pk=twin.pk).update(trashed_at=None, trashed_by=None)


def _says_more(file: File, photo: Photo) -> bool:
    """Whether beside the file, which joined the photo, lies what lies beside no other one of it. An album's folder of
    an export has the same files as the year's, and says no more; of the album itself others are told at once."""
    beside, others = _beside(file), photo.files.filter(missing_since__isnull=True).exclude(pk=file.pk)
    return bool(beside) and not any(beside <= _beside(other) for other in others)


def _beside(file: File) -> set[tuple[str, str]]:
    """Size and name of the sidecars that speak of the picture itself."""
    lines = [line.split(" ", 2) for line in file.sidecars.splitlines()]
    return {(line[0], line[-1]) for line in lines if kind_of(line[-1]) is not Kind.ALBUM}


def _leave(photo: Photo) -> None:
    """What becomes of a photo whose file went elsewhere or vanished.

    A row that was never shown goes away. One that people may have put to use stays, as missing, until its content comes
    back or a person forgets it.
    """
    if photo.imported_at is None and not photo.files.exists():
        photo.delete()
        return
    _finish(photo, timezone.now())
    _look_at_rest(photo)
    photo.save()


def _look_at_rest(photo: Photo) -> None:
    """Missing when no file is left; to be read again while one is unread."""
    rest = list(photo.files.filter(missing_since__isnull=True).values_list("is_read", flat=True))
    if not rest:
        photo.missing_since = photo.missing_since or timezone.now()
    if not all(rest):
        photo.work_state, photo.attempts = WorkState.READY, 0


def _record(outcome: Outcome, photo: Photo, file: File) -> None:
    now = timezone.now()
    if photo.digest not in {None, outcome.digest}:
        Receipt.objects.filter(photo=photo).delete()  # they speak of the former content
    photo.digest, photo.size_bytes = outcome.digest, outcome.size_bytes
    for name, value in outcome.facts.items():
        setattr(photo, name, value)
    if outcome.metadata is not None:
        describing.apply(photo, outcome.metadata)
    if outcome.facts:
        photo.imported_at = photo.imported_at or now
    _finish(photo, now)
    failed = [step for step in outcome.steps if step.error]
    if failed:
        photo.error = "; ".join(f"{step.analyzer}: {step.error}" for step in failed)
        photo.work_state = WorkState.READY if photo.attempts < work.MAX_ATTEMPTS else WorkState.FAILED
    else:
        _look_at_rest(photo)
    photo.save()


def _record_failure(outcome: Outcome, photo: Photo, file: File) -> None:
    again = not outcome.is_final and photo.attempts < work.MAX_ATTEMPTS
    _finish(photo, timezone.now())
    photo.work_state = WorkState.READY if again else WorkState.FAILED
    photo.error = outcome.error
    photo.save()
    if not again and not outcome.is_final:
        # Passing trouble: the next scan shall find the file changed, and have it read again.
        File.objects.filter(pk=file.pk).update(mtime_ns=-1)


def _finish(photo: Photo, now: dt.datetime) -> None:
    photo.work_state, photo.error = WorkState.DONE, ""
    photo.lease_owner, photo.lease_until, photo.worked_at = "", None, now


def _receipts(outcome: Outcome, photo: Photo) -> list[Receipt]:
    now = timezone.now()
    return [
        Receipt(
            photo=photo,
            analyzer=step.analyzer,
            version=step.version,
            state=Receipt.State.FAILED if step.error else Receipt.State.OK,
            error=step.error,
            milliseconds=step.milliseconds,
            at=now,
        )
        for step in outcome.steps
    ]


def _write_regions(recorded: list[tuple[Outcome, Photo]]) -> None:
    described = [(photo, outcome.metadata) for outcome, photo in recorded if outcome.metadata is not None]
    if described:
        Region.objects.filter(photo__in=[photo.pk for photo, _ in described]).delete()
        Region.objects.bulk_create(row for photo, found in described for row in describing.regions(photo, found))
