"""What is done to photos, and which of them want it: thumbnails, and analyzers in the versions they have here.

A photo is done with a step when it has its receipt for the present version. `AnalyzerVersion` remembers for which
version photos were queued last, so that nobody has to look through all of them to see that nothing changed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from gallery import describing, duplicates, thumbnails, work
from gallery.analysis import analyzers
from gallery.models import AnalyzerVersion, File, Photo, Receipt, WorkState

logger = logging.getLogger(__name__)


def versions() -> dict[str, str]:
    """The versions of the analyzers that can work here: they wait for no model."""
    found = {}
    for analyzer in analyzers():
        try:
            version = analyzer.version()
        except Exception:  # its own trouble, which the sweep tells; the others go on
            logger.exception("%s cannot say its version", analyzer.name)
            continue
        if version is not None:
            found[analyzer.name] = version
    return found


def names() -> set[str]:
    """All steps that there are, also those that wait for a model, and the search that compares photos."""
    return {*_our_own(), *(analyzer.name for analyzer in analyzers()), duplicates.NAME}


def current_versions() -> dict[str, str]:
    """The versions of all steps that can be done here."""
    return _with_our_own(versions())


def _our_own() -> dict[str, str]:
    """The steps that need no model."""
    return {thumbnails.NAME: thumbnails.VERSION, describing.NAME: describing.VERSION}


def _with_our_own(versions: dict[str, str]) -> dict[str, str]:
    return {**_our_own(), **versions}


def valid_receipts(batch: Iterable[Photo], versions: dict[str, str]) -> dict[int, set[str]]:
    """Names of the steps that need not be done again, by photo id."""
    wanted = _with_our_own(versions)
    valid: dict[int, set[str]] = {}
    rows = Receipt.objects.filter(photo__in=[photo.pk for photo in batch], state=Receipt.State.OK)
    for photo_id, analyzer, version in rows.values_list("photo_id", "analyzer", "version"):
        if wanted.get(analyzer) == version:
            valid.setdefault(photo_id, set()).add(analyzer)
    return valid


def within_reach() -> QuerySet[Photo] | None:
    """The photos that this machine can do something for; None if that is all of them.

    Where the models that an analyzer has in use are missing, photos that wait for nothing but this analyzer are left to
    machines that have them.
    """
    here = versions()
    in_use = set(AnalyzerVersion.objects.exclude(version="").values_list("name", flat=True))
    if not (in_use & {analyzer.name for analyzer in analyzers()}) - here.keys():
        return None
    unread = File.objects.filter(photo=OuterRef("pk"), is_read=False, missing_since=None)
    wanted = Q(imported_at__isnull=True) | Q(Exists(unread))
    for name, version in _with_our_own(here).items():
        done = Receipt.objects.filter(photo=OuterRef("pk"), analyzer=name, version=version, state=Receipt.State.OK)
        wanted |= Q(~Exists(done))
    return Photo.objects.filter(wanted)


def queue_stale() -> int:
    """Queues every photo without a valid receipt of a step whose version changed: a model arrived, or a newer one, or
    thumbnails are made in another way. So too when photos were read where a step could not be done. Returns how many.

    The sweep calls it; it costs a few small queries while nothing changed.
    """
    known = {row.name: row for row in AnalyzerVersion.objects.all()}
    queued = sum(_queue_for(known.get(name), name, version) for name, version in _our_own().items())
    for analyzer in analyzers():
        with work.contained(f"version-{analyzer.name}", f"{analyzer.title}: photos cannot be queued"):
            version = analyzer.version()
            if version is not None:
                queued += _queue_for(known.get(analyzer.name), analyzer.name, version)
    return queued


def _queue_for(known: AnalyzerVersion | None, name: str, version: str) -> int:
    is_same = known is not None and known.version == version
    if known is not None and is_same and not known.is_behind:
        return 0
    current = Receipt.objects.filter(analyzer=name, version=version, state=Receipt.State.OK)
    queueable = Q(work_state=WorkState.DONE)
    if not is_same:  # what failed with another version may go well with this one
        failed = Receipt.objects.filter(analyzer=name, state=Receipt.State.FAILED)
        queueable |= Q(work_state=WorkState.FAILED, pk__in=failed.values("photo"))
    with transaction.atomic():
        AnalyzerVersion.objects.update_or_create(name=name, defaults={"version": version, "is_behind": False})
        return (
            Photo.objects.filter(queueable, missing_since__isnull=True, trashed_at__isnull=True)
            .exclude(pk__in=current.values("photo"))
            .update(work_state=WorkState.READY, attempts=0)
        )
