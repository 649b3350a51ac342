"""Another model comes into use, or goes again, by a worker: whoever presses a button only asks for it.

Switching writes a row for each face, which takes seconds for 100,000, and no page waits so long. What is asked for is a
`Preview` that is `SWITCHING`; one at a time is, whatever the model. It is claimed with a lease and counts its attempts,
as all work does, but the work itself is one transaction (`rules`), so that a worker that ends leaves nothing half done.
Cheap to import.
"""

from __future__ import annotations

import datetime as dt
import logging

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import DatabaseError, transaction
from django.db.models import F
from django.utils import timezone

from faces import revisions, undo
from faces.models import Event, Preview
from faces.shadow import rules
from faces.shadow.previews import SWITCH, is_held
from faces.shadow.rules import NotApplicable
from gallery import recording, thumbnails, work

logger = logging.getLogger(__name__)

KILLED = "PictoPy's worker stopped each of the three times it tried this: there may be too little memory or room."

State = Preview.State


def is_switch(event: Event) -> bool:
    """Whether an entry of the journal put another model in place, and so is taken back by a worker."""
    return event.kind == Event.Kind.RULES and event.before["model"] != event.before["former"]


@transaction.atomic
def ask(preview: Preview, by: AbstractBaseUser) -> None:
    """Has a worker put the model of a preview in place. Raises `NotApplicable`."""
    _be_alone()  # before the lock, which a switch holds as long as it takes
    revisions.lock()
    preview = rules.ready(preview)
    _be_alone()
    rules.may_switch(preview.model)
    Preview.objects.filter(pk=preview.pk).update(state=State.SWITCHING, used_by=by.pk, attempts=0, error="")
    work.wake(SWITCH, preview.pk)


@transaction.atomic
def ask_back(event: Event, by: AbstractBaseUser) -> Preview:
    """Has a worker take a switch back; once more of the same gives the one that is at it.

    The entry must come from `access.get_event(by, ...)`. Raises `NotApplicable`, `undo.AlreadyUndone`.
    """
    earlier = Preview.objects.filter(entry=event, is_way_back=True)
    for lock in (False, True):  # without it first: a switch holds it as long as it takes
        if lock:
            revisions.lock()
        if (found := earlier.filter(state=State.SWITCHING).first()) is not None:
            return found
        _be_alone()
    if not Event.objects.filter(pk=event.pk, undone_at=None).exists():
        raise undo.AlreadyUndone
    rules.may_be_undone(event)
    rules.may_switch(event.before["former"])
    earlier.delete()
    preview = Preview.objects.create(
        model=event.before["former"],
        state=State.SWITCHING,
        is_way_back=True,
        entry=event,
        asked_by_id=by.pk,
        used_by_id=by.pk,
    )
    work.wake(SWITCH, preview.pk)
    return preview


def run(preview_id: int) -> None:
    """Switches as was asked. What stands against it becomes the `error`, which a person reads.

    Raises `thumbnails.StorageFull` when the database is refused room: it is tried again when the lease has ended.
    """
    if (preview := _claim(preview_id)) is None:
        return
    try:
        _put_in_place(preview)
    except work.LeaseLost as lost:
        logger.info("%s", lost)
    except (NotApplicable, undo.SomethingFirst) as error:
        _fail(preview, str(error))
    except undo.AlreadyUndone:
        _fail(preview, "That was taken back already.")
    except DatabaseError as error:
        if recording.says_full(error):
            raise thumbnails.StorageFull(recording.FULL) from error
        logger.exception("%s could not be put in use", preview)
        _fail(preview, f"The database refused it: {work.without_names(error)}. The log says more.")
    except Exception as error:  # like a photo's: what nobody foresaw becomes a reason that a person reads
        logger.exception("%s could not be put in use", preview)
        _fail(preview, f"Something went wrong: {work.without_names(error)}. The log says more.")


@transaction.atomic
def _put_in_place(preview: Preview) -> None:
    """The switch and its end, together. Locks all of clustering. Raises LeaseLost and what `run` catches."""
    revisions.lock()
    ours = Preview.objects.filter(pk=preview.pk, state=State.SWITCHING, lease_owner=work.lease_owner())
    locked = ours.select_for_update(of=("self",)).select_related("used_by", "entry").first()
    if locked is None:
        raise work.LeaseLost(f"{preview} is no longer ours")
    by, entry = _who_asked(locked), locked.entry
    if not preview.is_way_back:
        entry = rules.use(preview, by)
    elif entry is None:
        raise NotApplicable("The journal does not know of it any more.")
    else:
        undo.undo_event(entry, by)
    Preview.objects.filter(pk=preview.pk).update(
        state=State.DONE,
        is_accepted=True,
        entry=entry,
        result={},
        error="",
        lease_owner="",
        lease_until=None,
        finished_at=timezone.now(),
    )


def _who_asked(preview: Preview) -> AbstractBaseUser:
    """Whoever asked for it, if they still might: minutes may lie in between. Raises `NotApplicable`."""
    by = preview.used_by
    if by is None or not by.is_active:
        raise NotApplicable("The account of who asked for it is closed.")
    if not by.is_staff:
        raise NotApplicable("Who asked for it is no administrator any more.")
    return by


@transaction.atomic
def _claim(preview_id: int) -> Preview | None:
    """What was asked for, leased to this process, unless somebody is at it; the attempt is counted before the work."""
    revisions.lock()
    preview = Preview.objects.select_for_update().filter(pk=preview_id, state=State.SWITCHING).first()
    if preview is None or is_held(preview):
        return None
    if preview.attempts >= work.MAX_ATTEMPTS:
        _end(preview, KILLED)
        return None
    Preview.objects.filter(pk=preview.pk).update(
        attempts=F("attempts") + 1,
        lease_owner=work.lease_owner(),
        lease_until=timezone.now() + dt.timedelta(seconds=settings.PICTOPY.lease_s),
    )
    preview.refresh_from_db()
    return preview


def _fail(preview: Preview, error: str) -> None:
    if not _end(preview, error, lease_owner=work.lease_owner()):
        logger.info("%s is no longer ours", preview)


def _end(preview: Preview, error: str, **held: str) -> int:
    """What was tried waits to be looked at again, with the reason: it is as right as before."""
    state = State.FAILED if preview.is_way_back else State.READY
    mine = Preview.objects.filter(pk=preview.pk, state=State.SWITCHING, **held)
    return mine.update(state=state, error=error, attempts=0, lease_owner="", lease_until=None)


def _be_alone() -> None:
    if Preview.objects.filter(state=State.SWITCHING).exists():
        raise NotApplicable("PictoPy is switching to another model at this moment.")
