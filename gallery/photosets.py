"""Photo sets: the ordered collections of photos that pages show and that previous and next walk through.

A set has a name that fits in an address: `timeline`, `favourites`, `thing:dog`, `person:7`, `album:3`, `search:q=...`.
Each app registers how its kinds are resolved, so that the photo page works in all of them and knows none of them.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from django.db.models import Q, QuerySet
from django.http import Http404

from gallery.access import Viewer, get_or_404, visible_to
from gallery.models import Photo

NEWEST_FIRST = ("-sort_at", "-id")
OLDEST_FIRST = ("sort_at", "id")
PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class PhotoSet:
    """`photos` must be narrowed from `visible_to(viewer)`; `order` ends with the id, so that it is total."""

    name: str
    title: str
    url: str
    photos: QuerySet[Photo]
    order: tuple[str, ...] = field(default=NEWEST_FIRST)


@dataclass(frozen=True, slots=True)
class Page:
    photos: list[Photo]
    next_cursor: str | None


Resolver: TypeAlias = Callable[[Viewer, str], PhotoSet]
_resolvers: dict[str, Resolver] = {}


def register(kind: str, resolver: Resolver) -> None:
    """Makes sets named `kind` or `kind:argument` known. The resolver raises Http404 for what the viewer may not see."""
    _resolvers[kind] = resolver


def resolve(viewer: Viewer, name: str) -> PhotoSet:
    """The set called `name` as this viewer may see it; Http404 when there is none."""
    kind, _, argument = name.partition(":")
    resolver = _resolvers.get(kind)
    if resolver is None:
        raise Http404
    return resolver(viewer, argument)


def page(photos: PhotoSet, after: str | None = None, size: int = PAGE_SIZE) -> Page:
    """One page of the set, behind the cursor `after`: one query, by keyset, so page 1,000 costs what page 1 costs."""
    rows = photos.photos.order_by(*photos.order)
    if after:
        rows = rows.filter(_beyond(photos.order, _place(photos, after)))
    found = list(rows[: size + 1])
    more = len(found) > size
    found = found[:size]
    return Page(found, cursor_of(photos, found[-1]) if more else None)


def neighbours(photos: PhotoSet, photo: Photo) -> tuple[Photo | None, Photo | None]:
    """The photos before and after `photo` in the set's order; two queries. Http404 if it is not in the set."""
    here = photos.photos.filter(pk=photo.pk).order_by().first()
    if here is None:
        raise Http404
    return _beside(photos, here)


def former_neighbours(photos: PhotoSet, photo: Photo) -> tuple[Photo | None, Photo | None]:
    """What stands where a photo stood that left the set, for example as a name was taken back; two queries.

    In an order of time it keeps its place, in any other it has none. The photo is one that the viewer sees.
    """
    return _beside(photos, photo) if _is_by_time(photos.order) else (None, None)


def _beside(photos: PhotoSet, photo: Photo) -> tuple[Photo | None, Photo | None]:
    values = [getattr(photo, name.lstrip("-")) for name in photos.order]
    reverse = tuple(name[1:] if name.startswith("-") else f"-{name}" for name in photos.order)
    following = photos.photos.filter(_beyond(photos.order, values)).order_by(*photos.order).first()
    previous = photos.photos.filter(_beyond(reverse, values)).order_by(*reverse).first()
    return previous, following


def cursor_of(photos: PhotoSet, photo: Photo) -> str:
    """Where `photo` stands in the set's order, as an opaque word for an address.

    For orders other than time's it names the photo alone: a position in an album would tell how many photos that the
    viewer does not see lie between.
    """
    if not _is_by_time(photos.order):
        return str(photo.pk)
    values = [getattr(photo, name.lstrip("-")) for name in photos.order]
    raw = json.dumps([value.isoformat() if isinstance(value, dt.datetime) else value for value in values])
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def _is_by_time(order: tuple[str, ...]) -> bool:
    return order[0].lstrip("-") == "sort_at"


def _place(photos: PhotoSet, cursor: str) -> list[Any]:
    """The values that a cursor stands for. Http404 for what no cursor of this set can be."""
    if _is_by_time(photos.order):
        return _decode(cursor, photos.order)
    here = get_or_404(photos.photos.order_by(), pk=cursor)
    return [getattr(here, name.lstrip("-")) for name in photos.order]


def _decode(cursor: str, order: tuple[str, ...]) -> list[Any]:
    if len(cursor) > 200:
        raise Http404
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(values, list) or len(values) != len(order):
            raise Http404
        decoded: list[Any] = []
        for name, value in zip(order, values, strict=True):
            if name.lstrip("-") == "sort_at":
                moment = dt.datetime.fromisoformat(value)
                decoded.append(moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC))
            elif isinstance(value, int) and abs(value) < 2**63:
                decoded.append(value)
            else:
                raise Http404
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error):
        raise Http404 from None
    return decoded


def _beyond(order: tuple[str, ...], values: list[Any]) -> Q:
    """Rows that come after `values`: (a < x) or (a = x and b < y) ..., with a <= x in front for the index's sake."""
    condition = Q(pk__in=[])
    equal = Q()
    for name, value in zip(order, values, strict=True):
        column = name.lstrip("-")
        step = "lt" if name.startswith("-") else "gt"
        condition |= equal & Q(**{f"{column}__{step}": value})
        equal &= Q(**{column: value})
    first = order[0]
    bound = "lte" if first.startswith("-") else "gte"
    return Q(**{f"{first.lstrip('-')}__{bound}": values[0]}) & condition


def timeline(viewer: Viewer, argument: str = "") -> PhotoSet:
    return PhotoSet("timeline", "Timeline", "/", visible_to(viewer))


register("timeline", timeline)
