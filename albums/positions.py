"""Where items stand in an album of its owner's own order.

Positions ascend with gaps of `GAP`, so that a move writes one row: the moved item takes the middle of the gap it goes
to. Only when a gap is used up (after about ten moves to the same place) all items of that album are numbered anew.
Callers hold the album's lock (`services`), which is what makes reading a gap and writing into it one step.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Max, Min, Q, QuerySet

from albums.models import Album, AlbumItem

GAP = 1024


def items_of(album: Album) -> QuerySet[AlbumItem]:
    """All items in the order they stand in, also those that the viewer of the moment may not see."""
    return AlbumItem.objects.filter(album=album).order_by("position", "photo_id")


def after_last(album: Album) -> int:
    """A position behind every item."""
    last: int | None = items_of(album).aggregate(last=Max("position"))["last"]
    return GAP if last is None else last + GAP


def before_first(album: Album) -> int:
    """A position in front of every item."""
    first: int | None = items_of(album).aggregate(first=Min("position"))["first"]
    return GAP if first is None else first - GAP


def beyond(item: AlbumItem) -> Q:
    """Items that stand behind `item`."""
    return Q(position__gt=item.position) | Q(position=item.position, photo_id__gt=item.photo_id)


def ahead(item: AlbumItem) -> Q:
    """Items that stand in front of `item`."""
    return Q(position__lt=item.position) | Q(position=item.position, photo_id__lt=item.photo_id)


def beside(item: AlbumItem, *, anchor: AlbumItem, behind: bool) -> int:
    """A position for `item` directly behind or in front of `anchor`. Two queries; more when the gap is used up."""
    position = _middle(item, anchor, behind)
    if position is None:
        number(item.album, list(items_of(item.album).values_list("photo_id", flat=True)))
        anchor.refresh_from_db(fields=["position"])
        position = _middle(item, anchor, behind)
        assert position is not None, "fresh gaps have room"
    return position


def _middle(item: AlbumItem, anchor: AlbumItem, behind: bool) -> int | None:
    """The middle of the gap on that side of `anchor`, as if `item` were not there; None if the gap is used up."""
    others = items_of(item.album).exclude(pk=item.pk)
    if behind:
        neighbour = others.filter(beyond(anchor)).first()
        if neighbour is None:
            return anchor.position + GAP
        low, high = anchor.position, neighbour.position
    else:
        neighbour = others.filter(ahead(anchor)).last()
        if neighbour is None:
            return anchor.position - GAP
        low, high = neighbour.position, anchor.position
    middle = (low + high) // 2
    return middle if low < middle < high else None


def number(album: Album, photo_ids: Sequence[int]) -> None:
    """Numbers the items anew, with fresh gaps, in the order of `photo_ids`, which names every photo of the album."""
    rank = {photo_id: place for place, photo_id in enumerate(photo_ids, start=1)}
    changed = []
    for item in items_of(album):
        position = rank[item.photo_id] * GAP
        if item.position != position:
            item.position = position
            changed.append(item)
    AlbumItem.objects.bulk_update(changed, ["position"], batch_size=400)
