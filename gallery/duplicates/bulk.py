"""Deciding about many groups at once, and taking that back: what is asked for stands in the rows, and a worker does it.

Each group is a transaction of its own, so a sudden end costs nothing: the rest still stands there as asked for, and
the sweep wakes the next worker. `undo` tells which way: with a record of a decision it is to be taken back.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils import timezone

from gallery import work
from gallery.duplicates import deciding, review
from gallery.models import DuplicateGroup, DuplicateMember, Library

logger = logging.getLogger(__name__)

DECIDE = "gallery.tasks.decide_duplicates"
_TURN_S = 20
_PORTION = 500
State = DuplicateGroup.State


@dataclass(frozen=True, slots=True)
class Outlook:
    """What doing as proposed would mean: how many groups, how many photos they have and how many of these go."""

    groups: int
    photos: int

    @property
    def going(self) -> int:
        return self.photos - self.groups


def proposed(user: User, library: Library) -> QuerySet[DuplicateGroup]:
    """Open groups of the same picture: the others are for the eye."""
    return deciding.open_groups(user).filter(library=library, kind=DuplicateGroup.Kind.SAME)


def outlook(user: User, library: Library) -> Outlook:
    """The numbers for the page that asks: two queries."""
    members = DuplicateMember.objects.filter(
        group__in=proposed(user, library).order_by().values("pk"), photo__in=deciding.choosable(user).values("pk")
    )
    count = members.aggregate(groups=Count("group", distinct=True), photos=Count("photo", distinct=True))
    return Outlook(count["groups"], count["photos"])


@transaction.atomic
def ask_merge(user: User, library: Library) -> int:
    """Says of all proposed groups that the best is to be kept; a worker does it. Returns how many."""
    ids = list(proposed(user, library).order_by().values_list("pk", flat=True))
    return _ask(user, deciding.groups_of(user).filter(state=State.OPEN), ids, timezone.now())


@transaction.atomic
def ask_undo(user: User, at: dt.datetime) -> int:
    """Says of all groups that the user decided about at one moment that this is to be taken back. Returns how many."""
    rows = deciding.groups_of(user).filter(decided_by=user, decided_at=at, state=State.MERGED)
    return _ask(user, rows, list(rows.order_by().values_list("pk", flat=True)), at)


def _ask(user: User, rows: QuerySet[DuplicateGroup], ids: list[int], at: dt.datetime) -> int:
    count = 0
    for start in range(0, len(ids), _PORTION):
        found = rows.filter(pk__in=ids[start : start + _PORTION])
        count += DuplicateGroup.objects.filter(pk__in=found.values("pk")).update(
            state=State.ASKED, decided_by=user, decided_at=at
        )
    if count:
        work.wake(DECIDE)
    return count


def is_open() -> bool:
    """Whether there is anything to do: one query."""
    return DuplicateGroup.objects.filter(state=State.ASKED).exists()


def is_deciding(library: Library) -> bool:
    """Whether something is still to be done in this library: one query. The caller checks that the viewer may know."""
    return DuplicateGroup.objects.filter(state=State.ASKED, library=library).exists()


def decide(*, turn_s: float = _TURN_S) -> bool:
    """Does what was asked for, one group after the other. False when there is more to do, after `turn_s`."""
    deadline = time.monotonic() + turn_s
    asked = DuplicateGroup.objects.filter(state=State.ASKED).select_related("decided_by").order_by("pk")
    last = 0
    while group := asked.filter(pk__gt=last).first():
        last = group.pk
        if time.monotonic() > deadline:
            return False
        with work.contained("duplicates", "A group of duplicates cannot be decided about"):
            _decide(group)
    return True


def _decide(group: DuplicateGroup) -> None:
    user = group.decided_by
    try:
        if user is None or not deciding.groups_of(user).filter(pk=group.pk).exists():
            _leave(group)
        elif group.undo and group.undo.get("records") is not None:
            deciding.undo(user, group)
        else:
            _merge(user, group)
    except deciding.AlreadyDecided as said:
        logger.info("group %d: %s", group.pk, said)
        _leave(group)


def _merge(user: User, group: DuplicateGroup) -> None:
    shown = review.show(user, [group])
    if not shown:
        _leave(group)
        return
    keep = shown[0].proposal.photo_id
    parts = {candidate.photo.pk: candidate.parts for candidate in shown[0].candidates}
    if not all(own <= parts[keep] for own in parts.values()):
        _leave(group)  # a RAW file, or a film, would go that the one that is kept does not have: that is for eyes
        return
    go = [candidate.photo.pk for candidate in shown[0].candidates if candidate.photo.pk != keep]
    deciding.merge(user, group, keep=keep, go=go, at=group.decided_at)


def _leave(group: DuplicateGroup) -> None:
    """Back to what it was before somebody asked."""
    is_merged = bool(group.undo and group.undo.get("records") is not None)
    left = DuplicateGroup.objects.filter(pk=group.pk, state=State.ASKED)
    if is_merged:
        left.update(state=State.MERGED)
    else:
        left.update(state=State.OPEN, decided_by=None, decided_at=None)
