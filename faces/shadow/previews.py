"""Previews: asking for one, giving it up, and seeing to it that each that waits is made. Cheap to import.

A preview is claimed with a lease and counts its attempts, as all work does. Of one model at most one waits and one is
being made; a new one takes the place of the one that waits, and of the one that was looked at. While one comes into
use, nothing is tried with its model: it would be put away by the switch, and stand beside it if that fails.
"""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from faces import revisions
from faces.models import Preview
from faces.shadow import spares
from faces.shadow.distances import Distances
from gallery import work

PREVIEW = "faces.tasks.preview"
SWITCH = "faces.tasks.switch"
KILLED = (
    "PictoPy's worker stopped each of the three times it tried this: there may be too little memory for so many faces."
)
# Finished previews that are kept, to be looked at again.
_KEPT = 5

State = Preview.State


@transaction.atomic
def ask(model: str, rules: Distances, by: AbstractBaseUser) -> Preview:
    """Has a worker try these distances with this model; what was tried with it before is put away.

    While the model is coming into use, or is coming back, that is given instead.
    """
    mine = Preview.objects.filter(model=model)
    for lock in (False, True):  # without it first: a switch holds it as long as it takes
        if lock:
            revisions.lock()
        if (switching := mine.filter(state=State.SWITCHING).first()) is not None:
            return switching
    mine.filter(state=State.WAITING).delete()
    mine.filter(state__in=[State.READY, State.FAILED]).update(state=State.DONE, result={})
    preview = Preview.objects.create(model=model, rules=rules.as_row(), asked_by_id=by.pk)
    finished = Preview.objects.filter(state=State.DONE).order_by("-pk").values_list("pk", flat=True)
    Preview.objects.filter(pk__in=list(finished[_KEPT:])).delete()
    spares.tidy()
    work.wake(PREVIEW, preview.pk)
    return preview


@transaction.atomic
def discard(preview: Preview) -> bool:
    """Puts a preview away; a worker that is at it writes nothing more. What another model has seen so far is kept.

    One whose model is to come into use waits to be looked at again, unless a worker is at that. False if one is, or if
    it came into use: a worker may begin, and even end, between any two of these statements, so what is written depends
    on what was read, and what was not written is looked at again.
    """
    mine = Preview.objects.filter(pk=preview.pk)
    asked = mine.filter(state=State.SWITCHING).first()
    if asked is None:
        unheld, state = mine.exclude(state__in=[State.SWITCHING, State.DONE]), State.DONE
    elif is_held(asked):
        return False  # not waited for: it holds the row as long as it takes
    else:
        unheld, state = _as_read(asked), State.DONE if asked.is_way_back else State.READY
    columns = {} if state == State.READY else {"result": {}, "finished_at": timezone.now()}
    if unheld.update(state=state, attempts=0, lease_owner="", lease_until=None, **columns):
        return True
    return not mine.filter(Q(state=State.SWITCHING) | Q(is_accepted=True)).exists()


@transaction.atomic
def retry(preview: Preview) -> bool:
    """Makes one that failed, or that is out of date, once more. False if it is at work or put away."""
    again = Preview.objects.filter(pk=preview.pk, state__in=[State.READY, State.FAILED], is_way_back=False)
    if not again.update(state=State.WAITING, attempts=0, error="", result={}, seen=""):
        return False
    work.wake(PREVIEW, preview.pk)
    return True


@transaction.atomic
def claim(preview_id: int) -> Preview | None:
    """A waiting preview, leased to this process, unless one of the same model is being made or comes into use."""
    revisions.lock()
    preview = Preview.objects.select_for_update().filter(pk=preview_id, state=State.WAITING).first()
    at_work = Preview.objects.filter(state__in=[State.RUNNING, State.SWITCHING])
    if preview is None or at_work.filter(model=preview.model).exists():
        return None
    older = Preview.objects.filter(model=preview.model, pk__lt=preview.pk, state__in=[State.READY, State.FAILED])
    older.update(state=State.DONE, result={})
    Preview.objects.filter(pk=preview.pk).update(
        state=State.RUNNING,
        attempts=F("attempts") + 1,
        lease_owner=work.lease_owner(),
        lease_until=timezone.now() + dt.timedelta(seconds=settings.PICTOPY.lease_s),
    )
    preview.refresh_from_db()
    return preview


def renew(preview: Preview, **columns: object) -> None:
    """Makes the lease run on and writes `columns`. Raises `work.LeaseLost` if it was given up or taken back."""
    until = timezone.now() + dt.timedelta(seconds=settings.PICTOPY.lease_s)
    if not _ours(preview).update(lease_until=until, **columns):
        raise work.LeaseLost(f"{preview} is no longer ours")


def close(preview: Preview, state: str, **columns: object) -> bool:
    """Ends our work on a preview. False if it was given up or taken back meanwhile: then nothing is written."""
    return bool(_ours(preview).update(state=state, lease_owner="", lease_until=None, **columns))


def _ours(preview: Preview) -> QuerySet[Preview]:
    return Preview.objects.filter(pk=preview.pk, state=State.RUNNING, lease_owner=work.lease_owner())


def sweep() -> None:
    """Takes back previews whose worker ended, and wakes one for each that waits. One query while there are none."""
    for preview in Preview.objects.filter(state__in=[State.WAITING, State.RUNNING]):
        if is_held(preview):
            continue
        if preview.state == State.RUNNING:
            failed = preview.attempts >= work.MAX_ATTEMPTS
            _as_read(preview).update(
                state=State.FAILED if failed else State.WAITING,
                error=KILLED if failed else "",
                lease_owner="",
                lease_until=None,
            )
            if failed:
                continue
        work.wake(PREVIEW, preview.pk)


def wake_switches() -> None:
    """Wakes a worker for a switch at which nobody is. It never waits for photos, as previews do: it takes seconds, and
    nothing else can be tried or used before it. One query."""
    for preview in Preview.objects.filter(state=State.SWITCHING):
        if not is_held(preview):
            work.wake(SWITCH, preview.pk)


def _as_read(preview: Preview) -> QuerySet[Preview]:
    """The row, unless a worker began or ended since it was read."""
    return Preview.objects.filter(
        pk=preview.pk, state=preview.state, lease_owner=preview.lease_owner, lease_until=preview.lease_until
    )


def is_in_use(preview: Preview) -> bool:
    """Whether it was put in use meanwhile: one query."""
    return Preview.objects.filter(pk=preview.pk, is_accepted=True).exists()


def is_held(preview: Preview) -> bool:
    """Whether a worker that may still be alive is at it."""
    if not preview.lease_owner or preview.lease_until is None:
        return False
    return preview.lease_until > timezone.now() and not work.is_gone(preview.lease_owner)
