"""What people decide about photos that look alike, and taking it back, weeks later too.

Keeping one moves what people made of the others to it (`gallery.keepsakes`) and puts the others into the trash, which
in external libraries hides them: no file is touched. All of a decision is one transaction. The photos are locked first,
by id, then the group; so of two people who decide at once, the second is told.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.utils import timezone

from gallery import keepsakes, kept, trash
from gallery.access import Viewer, editable_by, get_or_404, libraries_editable_by, removable_by, trashed_for
from gallery.models import DuplicateGroup, DuplicateMember, Photo

State = DuplicateGroup.State


class AlreadyDecided(Exception):  # noqa: N818
    """Somebody decided about this group meanwhile, or its photos changed. The message says so to a person."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What came of keeping one: how many went to the trash and how many were hidden."""

    group: DuplicateGroup
    moved: trash.Moved


@dataclass(frozen=True, slots=True)
class Undone:
    """`said`: sentences about what could not be taken back."""

    restored: int
    said: list[str]


def groups_of(viewer: Viewer) -> QuerySet[DuplicateGroup]:
    """Groups that the viewer may decide about: of libraries they may edit."""
    return DuplicateGroup.objects.filter(library__in=libraries_editable_by(viewer))


def choosable(viewer: Viewer) -> QuerySet[Photo]:
    """Photos that may be kept or go: shown, there, and the viewer's to remove."""
    return removable_by(viewer).filter(missing_since__isnull=True)


def open_groups(viewer: Viewer) -> QuerySet[DuplicateGroup]:
    """Groups to be reviewed that still have two photos to choose from: copies of one picture first, then by id."""
    members = DuplicateMember.objects.filter(
        Exists(choosable(viewer).filter(pk=OuterRef("photo"))), group=OuterRef("pk")
    ).order_by("photo")
    # The second of them exists: cheaper than counting all.
    second = members.values("photo")[1:2]
    rows = groups_of(viewer).filter(state=State.OPEN).annotate(second=Subquery(second))
    return rows.filter(second__isnull=False).order_by("-kind", "pk")


@transaction.atomic
def merge(
    user: User, group: DuplicateGroup, *, keep: int, go: Collection[int], at: dt.datetime | None = None
) -> Merged:
    """Keeps one photo of an open group, gives it what people made of those that go, and puts these into the trash.

    The group must come from `groups_of(user)`. Members that neither are kept nor go stay as they are, and none of them
    is asked about again. Raises AlreadyDecided; ValueError for ids that are no members, or nothing to go. `at`: when
    it was decided, if that was before now.
    """
    members = _locked_members(choosable(user), group)
    group = _locked_group(user, group, {State.OPEN, State.ASKED})
    if keep not in members or not set(go) <= set(members):
        raise AlreadyDecided("One of these photos is not there any more. Choose again.")
    going = sorted(set(go) - {keep})
    if not going:
        raise ValueError("nothing goes")
    records = keepsakes.move(going, keep)
    moved = trash.move(user, going)
    group.state, group.decided_by, group.decided_at = State.MERGED, user, at or moved.at
    group.undo = {"kept": keep, "gone": going, "at": moved.at.isoformat(), "records": records}
    group.save()
    return Merged(group, moved)


@transaction.atomic
def keep_all(user: User, group: DuplicateGroup) -> DuplicateGroup:
    """Keeps all photos of an open group: these are never asked about together again. Raises AlreadyDecided."""
    _locked_members(editable_by(user), group)
    group = _locked_group(user, group, {State.OPEN})
    group.state, group.decided_by, group.decided_at, group.undo = State.KEPT, user, timezone.now(), None
    group.save()
    return group


@transaction.atomic
def undo(user: User, group: DuplicateGroup) -> Undone:
    """Takes a decision back as far as nothing changed since; the group is open again.

    The group must come from `groups_of(user)`. Raises AlreadyDecided when it is open already.
    """
    _locked_members(editable_by(user), group)
    group = _locked_group(user, group, {State.KEPT, State.MERGED, State.ASKED})
    record, restored = group.undo or {}, 0
    said: list[str] = []
    if record.get("records") is not None:
        said, restored = _take_back(user, record)
        kept.touch([group.library_id])
    group.state, group.decided_by, group.decided_at = State.OPEN, None, None
    group.undo = {"said": said} if said else None
    group.save()
    return Undone(restored, said)


def _take_back(user: User, record: dict[str, Any]) -> tuple[list[str], int]:
    if Photo.objects.filter(pk=record["kept"]).exists():
        said = keepsakes.put_back(record["records"])
    else:
        said = ["The photo that was kept is not there any more, and with it went what had been moved to it."]
    gone = record["gone"]
    at = dt.datetime.fromisoformat(record["at"])
    # With those that went there with them meanwhile: parts whose main photo lost its file.
    ids = list(trashed_for(user).filter(trashed_at=at).values_list("pk", flat=True))
    trash.restore(user, ids)
    restored = len(set(ids) & set(gone))
    there = set(Photo.objects.filter(pk__in=gone, purge_asked_at__isnull=True).values_list("pk", flat=True))
    if deleted := len(gone) - len(there):
        said.append(f"{_photos(deleted)} deleted for good since.")
    if other := len(there) - restored:
        said.append(f"{_photos(other)} brought back, or put into the trash, by somebody since.")
    return said, restored


def _photos(count: int) -> str:
    return "One photo was" if count == 1 else f"{count:,} photos were"


def _locked_members(rows: QuerySet[Photo], group: DuplicateGroup) -> list[int]:
    """Ids of the members among `rows`, locked in their order."""
    members = rows.filter(pk__in=DuplicateMember.objects.filter(group=group.pk).values("photo"))
    # Not for the key: an album that gets one of them meanwhile must not wait for us while we wait for the album.
    locked = members.select_for_update(of=("self",), no_key=True).order_by("pk")
    return list(locked.values_list("pk", flat=True))


def _locked_group(user: User, group: DuplicateGroup, states: Iterable[str]) -> DuplicateGroup:
    row = get_or_404(groups_of(user).select_for_update(of=("self",), no_key=True), pk=group.pk)
    if row.state not in states:
        said = {
            State.OPEN: "This was taken back before.",
            State.ASKED: "This is being done at the moment.",
        }
        raise AlreadyDecided(said.get(State(row.state), "Somebody decided about these photos in the meantime."))
    return row
