"""Carrying out checks: at once for the command and for quick ones, by a worker for the page.

A `Checkup` is claimed with a lease like all work; what it found is written into its row after each check, so that the
page shows it as it comes, and a worker that is killed costs no more than the time.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from gallery import work
from gallery.doctor import registry
from gallery.doctor.registry import Check, Example, Finding, Look
from gallery.models import Checkup, WorkState

logger = logging.getLogger(__name__)

_KEPT = 30
_NOTE_S = 1.0
KILLED = "The process that was looking ended three times. There may be too little memory, or a drive may hang."


@dataclass(slots=True)
class Result:
    """What one check found. `error`: why it could not look. `mended`: how many its fix took in hand, or None."""

    name: str
    count: int = 0
    examples: list[Example] = field(default_factory=list)
    error: str = ""
    mended: int | None = None
    seconds: float = 0.0

    @property
    def is_fine(self) -> bool:
        return not self.count and not self.error

    def as_row(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Result:
        return cls(**{**row, "examples": [Example(**example) for example in row["examples"]]})


def examine(check: Check, look: Look, *, mend: bool = False) -> Result:
    """Has one check look, and mend if it finds something and can. What goes wrong becomes the result's error.

    `work.LeaseLost`, raised by the progress, passes through.
    """
    start = time.perf_counter()
    result = Result(check.name)
    try:
        finding: Finding = check.find(look)
        result.count, result.examples = finding.count, finding.examples
        if mend and check.fix and result.count:
            result.mended = check.fix(look)
    except work.LeaseLost:
        raise
    except Exception as error:  # one check that stumbles must not hide what the others find
        logger.exception("the check %s could not look", check.name)
        result.error = f"{work.without_names(error)}. The log says more."
    result.seconds = round(time.perf_counter() - start, 2)
    return result


def chosen(*, with_content: bool = False, of_library: bool = False) -> list[Check]:
    """The checks of an examination. `of_library`: only those that can be asked of one library."""
    return [
        check
        for check in registry.all_checks()
        if (with_content or check.speed != "content") and not (of_library and check.is_whole)
    ]


def quick() -> dict[str, Result]:
    """What quick checks find this moment, by name: a handful of queries."""
    return {check.name: examine(check, Look()) for check in registry.all_checks() if check.speed == "quick"}


# --- by a worker


def request(*, with_content: bool = False, fix: str = "") -> Checkup:
    """Asks a worker to look at everything, or to mend what one check finds. One that is asked for already does."""
    opened = Checkup.objects.filter(work_state__in=[WorkState.READY, WorkState.CLAIMED], fix=fix)
    try:
        with transaction.atomic():
            checkup = opened.first() or Checkup.objects.create(with_content=with_content, fix=fix)
            if with_content and not checkup.with_content:
                opened.filter(work_state=WorkState.READY).update(with_content=True)
            work.wake(work.DOCTOR)
    except IntegrityError:  # two asked in the same moment
        return opened.get()
    return checkup


def run_waiting() -> None:
    """Carries out what was asked for, one after the other."""
    while checkup := _claim():
        try:
            _run(checkup)
        except work.LeaseLost as lost:
            logger.warning("%s", lost)


def sweep() -> None:
    """Takes back what a dead process had, and wakes a worker for what waits."""
    with transaction.atomic():
        left = work.abandoned(Checkup.objects.all())
        ended: dict[str, Any] = {"lease_owner": "", "lease_until": None}
        left.filter(attempts__gte=work.MAX_ATTEMPTS).update(
            work_state=WorkState.FAILED, error=KILLED, worked_at=timezone.now(), **ended
        )
        left.update(work_state=WorkState.READY, **ended)
    if Checkup.objects.filter(work_state=WorkState.READY).exists():
        work.wake(work.DOCTOR)


def _claim() -> Checkup | None:
    with transaction.atomic():
        ready = Checkup.objects.filter(work_state=WorkState.READY).select_for_update(skip_locked=True)
        # What is to be mended first: it takes seconds.
        found = ready.order_by("-fix", "id").values_list("id", flat=True).first()
        if found is None:
            return None
        Checkup.objects.filter(id=found).update(
            work_state=WorkState.CLAIMED,
            attempts=F("attempts") + 1,
            results=[],
            lease_owner=work.lease_owner(),
            lease_until=_until(),
        )
    return Checkup.objects.get(id=found)


def _until() -> dt.datetime:
    return timezone.now() + dt.timedelta(seconds=settings.PICTOPY.lease_s)


def _run(checkup: Checkup) -> None:
    fix = registry.get(checkup.fix) if checkup.fix else None
    checks = [fix] if fix else [] if checkup.fix else chosen(with_content=checkup.with_content)
    look = Look()
    results: list[dict[str, Any]] = []
    for check in checks:
        look.progress = _telling(checkup, check)
        _write(checkup, step=check.title, done=0, total=0)
        result = examine(check, look, mend=fix is not None)
        if result.mended is not None:  # what is left, and how many were taken in hand
            look.memo.clear()
            mended, result = result.mended, examine(check, look)
            result.mended = mended
        results.append(result.as_row())
        _write(checkup, results=results)
    ended: dict[str, Any] = {"worked_at": timezone.now(), "lease_owner": "", "lease_until": None}
    _write(checkup, work_state=WorkState.DONE, step="", error="", **ended)
    kept = Checkup.objects.order_by("-id").values_list("id", flat=True)[_KEPT:]
    Checkup.objects.filter(id__in=list(kept), work_state__in=[WorkState.DONE, WorkState.FAILED]).delete()


def _telling(checkup: Checkup, check: Check) -> Callable[[int, int], None]:
    """Writes how far a check is, once a second, which also keeps the lease. Raises `work.LeaseLost`."""
    last = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last > _NOTE_S:
            last = time.monotonic()
            _write(checkup, step=check.title, done=done, total=total)
            work.note_condition("sweep", "")  # this worker, which may be the only one, is alive

    return tell


def _write(checkup: Checkup, **values: Any) -> None:
    values = {"lease_until": _until(), **values}
    ours = Checkup.objects.filter(id=checkup.pk, work_state=WorkState.CLAIMED, lease_owner=work.lease_owner())
    if not ours.update(**values):
        raise work.LeaseLost(f"checkup {checkup.pk} is no longer ours")


# --- what was found


@dataclass(frozen=True, slots=True)
class Known:
    """The newest result of a check and when it was found."""

    result: Result
    at: dt.datetime


def newest() -> dict[str, Known]:
    """The newest result of each check, by name, also of an examination that is still going on. One query."""
    found: dict[str, Known] = {}
    for checkup in Checkup.objects.exclude(results=[]).order_by("-id")[:_KEPT]:
        for row in checkup.results:
            at = checkup.worked_at or checkup.requested_at
            if row["name"] not in found or at > found[row["name"]].at:
                found[row["name"]] = Known(Result.from_row(row), at)
    return found


def at_work() -> list[Checkup]:
    """Examinations and fixes that are asked for or going on, the first to be done first."""
    rows = Checkup.objects.filter(work_state__in=[WorkState.READY, WorkState.CLAIMED])
    return sorted(rows, key=lambda row: (row.work_state != WorkState.CLAIMED, row.pk))


def last_failed() -> Checkup | None:
    """The last one, if it could not be ended."""
    last = Checkup.objects.order_by("-id").first()
    return last if last and last.work_state == WorkState.FAILED else None
