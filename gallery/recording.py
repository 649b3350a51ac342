"""Recording what came out of a batch of photos: one short transaction."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass, field
from typing import Any

from django.db import DataError, IntegrityError, transaction
from django.utils import timezone

from gallery import work
from gallery.analysis import analyzers
from gallery.metadata import Metadata
from gallery.models import File, Photo, Receipt, WorkState

logger = logging.getLogger(__name__)


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
    facts: dict[str, Any] = field(default_factory=dict)
    metadata: Metadata | None = None
    steps: list[Step] = field(default_factory=list)
    results: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    is_final: bool = False


def write(outcomes: list[Outcome]) -> None:
    """Records a batch in one transaction.

    When the database refuses it, each photo is tried alone: two workers may have brought the same new content at once
    (the later one then finds the other's photo), or one result may be impossible, which then is that photo's failure.
    """
    if not outcomes:
        return
    try:
        with transaction.atomic():
            _write(outcomes)
    except (IntegrityError, DataError, ValueError):
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


def _write(outcomes: list[Outcome]) -> None:
    held = {
        photo.pk: photo
        for photo in work.ours(Photo.objects.select_for_update(), [outcome.photo.pk for outcome in outcomes])
    }
    outcomes = [outcome for outcome in outcomes if outcome.photo.pk in held]
    digests = [outcome.digest for outcome in outcomes if outcome.digest]
    libraries = {outcome.photo.library_id for outcome in outcomes}
    twins = {
        (photo.library_id, photo.digest): photo
        for photo in Photo.objects.filter(library__in=libraries, digest__in=digests)
    }
    analyzed: list[Outcome] = []
    receipts: list[Receipt] = []
    for outcome in outcomes:
        photo = outcome.photo = held[outcome.photo.pk]
        if outcome.error:
            _record_failure(outcome)
            continue
        twin = twins.get((photo.library_id, outcome.digest))
        if twin is not None and twin.pk != photo.pk:
            _join(outcome, twin)
            continue
        _record(outcome)
        twins[(photo.library_id, outcome.digest)] = photo
        analyzed.append(outcome)
        receipts += _receipts(outcome)
    Receipt.objects.bulk_create(
        receipts,
        update_conflicts=True,
        unique_fields=["photo", "analyzer"],
        update_fields=["version", "state", "error", "milliseconds", "at"],
    )
    for analyzer in analyzers():
        results = [(o.photo, o.results[analyzer.name]) for o in analyzed if analyzer.name in o.results]
        if results:
            analyzer.save(results)


def _record(outcome: Outcome) -> None:
    photo, file = outcome.photo, outcome.file
    now = timezone.now()
    if photo.digest not in {None, outcome.digest}:
        Receipt.objects.filter(photo=photo).delete()  # they speak of the former content
    photo.digest, photo.size_bytes = outcome.digest, outcome.size_bytes
    if outcome.facts:
        for name, value in outcome.facts.items():
            setattr(photo, name, value)
        _apply_metadata(photo, outcome.metadata or Metadata(), file)
        photo.imported_at = photo.imported_at or now
    failed = [step for step in outcome.steps if step.error]
    _finish(photo, now)
    if failed:
        photo.error = "; ".join(f"{step.analyzer}: {step.error}" for step in failed)
        photo.work_state = WorkState.READY if photo.attempts < work.MAX_ATTEMPTS else WorkState.FAILED
    photo.save()


def _record_failure(outcome: Outcome) -> None:
    photo = outcome.photo
    again = not outcome.is_final and photo.attempts < work.MAX_ATTEMPTS
    _finish(photo, timezone.now())
    photo.work_state = WorkState.READY if again else WorkState.FAILED
    photo.error = outcome.error
    photo.save()


def _finish(photo: Photo, now: dt.datetime) -> None:
    photo.work_state, photo.error = WorkState.DONE, ""
    photo.lease_owner, photo.lease_until, photo.worked_at = "", None, now


def _join(outcome: Outcome, twin: Photo) -> None:
    """The content is that of another photo of the library: the file becomes one more location of it.

    A row that was never shown goes away. One that people may have put to use stays, as missing, until its content comes
    back or a person forgets it.
    """
    photo = outcome.photo
    if outcome.file:
        File.objects.filter(pk=outcome.file.pk).update(photo=twin)
        File.objects.filter(photo=twin, missing_since__isnull=False).exclude(pk=outcome.file.pk).delete()
        Photo.objects.filter(pk=twin.pk).update(missing_since=None)
        twin.missing_since = None
    if photo.imported_at is None:
        photo.delete()
        return
    _finish(photo, timezone.now())
    if not photo.files.filter(missing_since__isnull=True).exists():
        photo.missing_since = timezone.now()
    photo.save()


def _receipts(outcome: Outcome) -> list[Receipt]:
    now = timezone.now()
    return [
        Receipt(
            photo=outcome.photo,
            analyzer=step.analyzer,
            version=step.version,
            state=Receipt.State.FAILED if step.error else Receipt.State.OK,
            error=step.error,
            milliseconds=step.milliseconds,
            at=now,
        )
        for step in outcome.steps
    ]


def _apply_metadata(photo: Photo, found: Metadata, file: File | None) -> None:
    for name in ("camera", "lens", "exposure_s", "f_number", "iso", "focal_mm", "latitude", "longitude", "altitude_m"):
        setattr(photo, name, getattr(found, name))
    photo.caption = photo.caption or found.caption
    if found.taken:
        photo.set_taken(found.taken, utc_offset_min=found.utc_offset_min, source=found.taken_source)
        return
    photo.set_taken(_file_time(file), utc_offset_min=None, source=Photo.TakenSource.FILE)


def _file_time(file: File | None) -> dt.datetime | None:
    """The file's own time as a guess, in the household's time zone; None if it is no believable one."""
    if file is None:
        return None
    try:
        moment = timezone.localtime(dt.datetime.fromtimestamp(file.mtime_ns / 1e9, dt.UTC)).replace(tzinfo=None)
    except (OverflowError, ValueError, OSError):
        return None
    soon = timezone.localtime().replace(tzinfo=None) + dt.timedelta(days=1)
    return moment if dt.datetime(1990, 1, 1) <= moment <= soon else None
