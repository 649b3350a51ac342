"""The search for photos that look alike: in the background, when the queue has settled, and only among what is new.

A photo that was compared with all others of its library has a receipt `duplicates`; new content takes it away, and so
does the trash, so that what comes back is compared again. Photos without one are compared with all. What is computed
outside a transaction is checked within it: the photos are locked, and only content that is still there counts. So the
search may end at any moment, run twice at once, or come late.

People's decisions are never asked for again: two photos that were together in a group which somebody decided about
are no pair any more, whatever joins them later. A group that is open only grows while it is reviewed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from gallery import work
from gallery.access import shown_in
from gallery.duplicates import NAME, grouping, moments, pairs
from gallery.duplicates.looks import Looks
from gallery.models import DuplicateGroup, DuplicateMember, DuplicateSearch, Library, Photo, Receipt

logger = logging.getLogger(__name__)

# Counted up when the rules change: all photos are compared anew. What people decided stays.
VERSION = "1"
FIND = "gallery.tasks.find_duplicates"
# A worker goes back to the queue after this long; the next one goes on.
_TURN_S = 60
# Photos in one transaction.
_PORTION = 1000

Kind = DuplicateGroup.Kind
State = DuplicateGroup.State


@dataclass(frozen=True, slots=True)
class Pair:
    """Two photos (ids) that look alike. `apart`: how many bits of their hashes differ."""

    one: int
    other: int
    kind: Kind
    apart: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What tells a copy from the next shot."""

    digest: str
    shape: tuple[int, int]
    phash: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All photos of a library that can be compared, in the order of their ids: int64 (n,), and which are new."""

    ids: npt.NDArray[np.int64]
    hashes: npt.NDArray[np.int64]
    is_new: npt.NDArray[np.bool_]

    def hash_of(self, photo_ids: Iterable[int]) -> dict[int, int]:
        """The hashes that were compared, by id."""
        wanted = np.array(list(photo_ids), np.int64)
        return dict(zip(wanted.tolist(), self.hashes[np.searchsorted(self.ids, wanted)].tolist(), strict=True))


def comparable(library_id: int) -> QuerySet[Photo]:
    """Photos of a library that are shown, that are there, and that have something to compare."""
    return shown_in([library_id]).filter(missing_since__isnull=True, phash__isnull=False)


def wake_stale() -> None:
    """Wakes a worker for each library whose photos changed since the last search: one query."""
    done = DuplicateSearch.objects.filter(library=OuterRef("pk"), revision=OuterRef("revision"), version=VERSION)
    rows = Library.objects.filter(~Exists(done)).exclude(state=Library.State.LEAVING)
    for library_id in rows.order_by("pk").values_list("pk", flat=True):
        work.wake(FIND, library_id)


def find(library_id: int, *, turn_s: float = _TURN_S) -> bool:
    """Compares what is new in a library with all of it. False when there is more to do, after `turn_s`.

    With nothing new it costs five queries, of which one reads 16 bytes of every photo (0.3 s for 100,000).
    """
    revision = Library.objects.filter(pk=library_id).values_list("revision", flat=True).first()
    if revision is None:
        return True
    deadline = time.monotonic() + turn_s
    tidy(library_id)
    snapshot = read(library_id)
    if snapshot.is_new.any():
        near = pairs.near(snapshot.hashes, snapshot.is_new)
        in_a_row, taken_apart = _in_a_row(library_id, snapshot)
        candidates = snapshot.ids[np.unique(np.concatenate([near, in_a_row]), axis=0)]
        _pass_over(library_id, snapshot, candidates)
        looks, new = Looks(), set(snapshot.ids[snapshot.is_new].tolist())
        for portion in _portions(candidates):
            if time.monotonic() > deadline:
                return False
            found, sharpness, unread = _look(portion, taken_apart, looks)
            compared = snapshot.hash_of({photo for pair in portion for photo in pair})
            record(library_id, found, (new & compared.keys()) - unread, compared, sharpness)
        if tidy(library_id):  # what is left of a group is compared again
            return find(library_id, turn_s=deadline - time.monotonic())
    DuplicateSearch.objects.update_or_create(library_id=library_id, defaults={"revision": revision, "version": VERSION})
    return True


def read(library_id: int) -> Snapshot:
    """All photos that can be compared: one query that streams."""
    done = Receipt.objects.filter(photo=OuterRef("pk"), analyzer=NAME, version=VERSION)
    rows = comparable(library_id).order_by("pk").annotate(is_done=Exists(done))
    numbers = np.fromiter(
        (number for row in rows.values_list("pk", "phash", "is_done").iterator(chunk_size=5000) for number in row),
        np.int64,
    ).reshape(-1, 3)
    return Snapshot(numbers[:, 0].copy(), numbers[:, 1].copy(), numbers[:, 2] == 0)


@transaction.atomic
def tidy(library_id: int) -> bool:
    """Takes photos that are not shown any more out of open groups, and groups of one away. Those left alone, and those
    that went, are compared again when there is reason to. Whether there are any left alone."""
    shown = comparable(library_id).filter(pk=OuterRef("photo"))
    members = DuplicateMember.objects.filter(group__library=library_id, group__state=State.OPEN)
    members.filter(~Exists(shown)).delete()
    groups = DuplicateGroup.objects.filter(library=library_id, state=State.OPEN)
    small = groups.annotate(size=Count("members")).filter(size__lt=2).values_list("pk", flat=True)
    # Locked, so that none of them is one about which somebody decides at this moment.
    ids = list(groups.select_for_update().filter(pk__in=list(small)).order_by("pk").values_list("pk", flat=True))
    alone = list(members.filter(group__in=ids).values_list("photo", flat=True))
    DuplicateGroup.objects.filter(pk__in=ids).delete()
    away = Photo.objects.filter(Q(trashed_at__isnull=False) | Q(missing_since__isnull=False), library=library_id)
    gone = Receipt.objects.filter(Q(photo__in=alone) | Q(photo__in=away.order_by().values("pk")), analyzer=NAME)
    gone.delete()
    return bool(alone)


def _in_a_row(library_id: int, snapshot: Snapshot) -> tuple[pairs.Pairs, dict[tuple[int, int], int]]:
    """Pairs of places in the snapshot that were taken in a row, and how many seconds lie between, by their ids."""
    shots = moments.read(comparable(library_id), snapshot.ids[snapshot.is_new])
    known = np.isin(shots.ids, snapshot.ids)
    places = np.searchsorted(snapshot.ids, shots.ids[known])
    seconds = shots.seconds[known]
    found = pairs.in_a_row(shots.cameras[known], seconds, snapshot.hashes[places], snapshot.is_new[places])
    between = np.abs(seconds[found[:, 0]] - seconds[found[:, 1]])
    rows = np.sort(places[found], axis=1)
    return rows, dict(zip(map(tuple, snapshot.ids[rows].tolist()), between.tolist(), strict=True))


def _pass_over(library_id: int, snapshot: Snapshot, candidates: pairs.Pairs) -> None:
    """Notes that new photos without any candidate were compared."""
    alone = np.setdiff1d(snapshot.ids[snapshot.is_new], candidates)
    for start in range(0, len(alone), _PORTION * 5):
        part = alone[start : start + _PORTION * 5].tolist()
        record(library_id, [], part, snapshot.hash_of(part), {})


def _portions(candidates: pairs.Pairs) -> Iterable[list[tuple[int, int]]]:
    """The pairs in portions; those that hang together are in one."""
    portion: list[tuple[int, int]] = []
    for part in grouping.components(map(tuple, candidates.tolist())):
        if portion and len(portion) + len(part) > _PORTION // 2:
            yield portion
            portion = []
        portion += part
    if portion:
        yield portion


def _look(
    candidates: Sequence[tuple[int, int]], taken_apart: dict[tuple[int, int], int], looks: Looks
) -> tuple[list[Pair], dict[int, float], set[int]]:
    """The pairs that do look alike, how sharp their pictures are, and ids of those that could not be looked at.

    Shots of one camera in a row are alike by that alone; they are the same picture only if they were taken in the
    same second and have another size: two of one size may differ in a blink.
    """
    from gallery.vision.likeness import Likeness, likeness
    from gallery.vision.similarity import distance

    facts = _facts({photo for pair in candidates for photo in pair})
    found: list[Pair] = []
    sharpness: dict[int, float] = {}
    unread: set[int] = set()
    for pair in candidates:
        if any(photo not in facts for photo in pair):
            continue  # gone a moment ago
        one, other = (facts[photo] for photo in pair)
        first, second = looks.of(one.digest), looks.of(other.digest)
        between = taken_apart.get(pair)
        if first is None or second is None:
            unread.update(pair)
            continue
        alike = likeness(first, second)
        if between is not None and (between > 0 or one.shape == other.shape or alike < Likeness.SAME):
            alike = Likeness.ALIKE
        if alike is not Likeness.DIFFERENT:
            kind = Kind.SAME if alike is Likeness.SAME else Kind.ROW
            found.append(Pair(*pair, kind, distance(one.phash, other.phash)))
            sharpness[pair[0]], sharpness[pair[1]] = first.sharpness, second.sharpness
    return found, sharpness, unread


def _facts(photo_ids: Iterable[int]) -> dict[int, Facts]:
    rows = Photo.objects.filter(pk__in=list(photo_ids), phash__isnull=False).order_by()
    return {
        pk: Facts(digest or "", (width or 0, height or 0), phash or 0)
        for pk, digest, width, height, phash in rows.values_list("pk", "digest", "width", "height", "phash")
    }


# --- writing


@transaction.atomic
def record(
    library_id: int, found: Sequence[Pair], fresh: Iterable[int], compared: dict[int, int], sharpness: dict[int, float]
) -> None:
    """Writes groups for pairs, and receipts for the `fresh` photos. `compared`: the hashes of all these photos, by id.

    Locks the photos by id, then groups by id. What changed since it was looked at, or was compared by another worker,
    is left out. A constant number of queries, but one or two for each group that is new or grows.
    """
    ids = sorted(compared)
    rows = comparable(library_id).select_for_update(of=("self",), no_key=True).filter(pk__in=ids).order_by("pk")
    there = {pk for pk, phash in rows.values_list("pk", "phash") if compared[pk] == phash}
    receipts = Receipt.objects.filter(analyzer=NAME, version=VERSION, photo__in=ids)
    done = set(receipts.values_list("photo", flat=True))
    new = there.intersection(fresh) - done
    DuplicateMember.objects.filter(group__state=State.OPEN, photo__in=new).delete()  # of a former content
    decided = _decided(ids)
    together = [
        pair
        # Shots in a row first: a copy of one of them must not keep it from the others.
        for pair in sorted(found, key=lambda pair: (pair.kind != Kind.ROW, pair.apart, pair.one, pair.other))
        if pair.one in there and pair.other in there and (pair.one in new or pair.other in new)
        if decided.get(pair.one, frozenset()).isdisjoint(decided.get(pair.other, frozenset()))
    ]
    _group(library_id, Kind.SAME, [pair for pair in together if pair.kind == Kind.SAME], sharpness)
    _group(library_id, Kind.ROW, together, sharpness)
    now = timezone.now()
    Receipt.objects.bulk_create(
        [Receipt(photo_id=pk, analyzer=NAME, version=VERSION, state=Receipt.State.OK, at=now) for pk in sorted(new)],
        update_conflicts=True,
        unique_fields=["photo", "analyzer"],
        update_fields=["version", "state", "at"],
    )


def _decided(photo_ids: Sequence[int]) -> dict[int, set[int]]:
    """The groups that somebody decided about, for each of the photos in one."""
    found: dict[int, set[int]] = {}
    rows = DuplicateMember.objects.filter(photo__in=photo_ids).exclude(group__state=State.OPEN)
    for photo_id, group_id in rows.values_list("photo", "group"):
        found.setdefault(photo_id, set()).add(group_id)
    return found


def _group(library_id: int, kind: Kind, together: Sequence[Pair], sharpness: dict[int, float]) -> None:
    """Makes the open groups of a kind grow by the pairs, and new ones where none can."""
    if not together:
        return
    ids = {photo for pair in together for photo in (pair.one, pair.other)}
    open_groups = DuplicateGroup.objects.filter(library=library_id, kind=kind, state=State.OPEN)
    touched = open_groups.filter(Exists(DuplicateMember.objects.filter(group=OuterRef("pk"), photo__in=ids)))
    seeds: dict[int, set[int]] = {
        pk: set()
        for pk in touched.select_for_update(of=("self",), no_key=True).order_by("pk").values_list("pk", flat=True)
    }
    members = DuplicateMember.objects.filter(group__in=seeds, photo__in=comparable(library_id).order_by())
    for group_id, photo_id in members.values_list("group", "photo"):
        seeds[group_id].add(photo_id)
    keys = list(seeds)
    added: list[DuplicateMember] = []
    for grown in grouping.grow(seeds.values(), ((pair.one, pair.other) for pair in together)):
        if grown.seed is None:
            if not any(pair.kind == kind and {pair.one, pair.other} <= grown.members for pair in together):
                continue  # copies alone, which are a group of that kind already
            group_id = DuplicateGroup.objects.create(library_id=library_id, kind=kind).pk
            new = grown.members
        else:
            group_id = keys[grown.seed]
            new = grown.members - seeds[group_id]
        added += [DuplicateMember(group_id=group_id, photo_id=pk, sharpness=sharpness[pk]) for pk in sorted(new)]
    DuplicateMember.objects.bulk_create(added)
