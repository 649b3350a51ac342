"""What was worked out of all photos of a library, kept in memory until photos of it change.

Counting 100,000 rows takes longer than a page may. So every write that changes which photos a library shows, or how,
counts up the library's `revision` in the same transaction (`touch`), and what is kept holds for one revision. The
revision is read first: a write in between makes the result newer than its revision, never older.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

from django.db.models import F

from gallery.access import Viewer, visible_revisions
from gallery.models import Library

T = TypeVar("T")


def touch(library_ids: Iterable[int]) -> None:
    """Says that what is shown of these libraries changes; to be called last in the transaction that changes it.

    Locks the libraries' rows until its end, in the order of their ids.
    """
    for library_id in sorted(set(library_ids)):
        Library.objects.filter(pk=library_id).update(revision=F("revision") + 1)


class Kept(Generic[T]):
    """Results by library; `compute` gets the ids of those whose photos changed, and answers for all of them."""

    def __init__(self, compute: Callable[[Sequence[int]], Mapping[int, T]]) -> None:
        self._compute = compute
        self._found: dict[int, tuple[int, T]] = {}
        _all.append(self)

    def of(self, viewer: Viewer) -> list[T]:
        """One result for each library that the viewer may see. No query but that for the libraries, if all is kept."""
        revisions = visible_revisions(viewer)
        known = {pk: self._found.get(pk) for pk in revisions}
        stale = [pk for pk, revision in revisions.items() if (kept := known[pk]) is None or kept[0] != revision]
        if stale:
            fresh = self._compute(stale)
            for pk in stale:
                known[pk] = self._found[pk] = (revisions[pk], fresh[pk])
        return [kept[1] for kept in known.values() if kept is not None]

    def wrong(self) -> list[int]:
        """Ids of libraries for which something else is kept than is true for the same revision."""
        revisions = dict(Library.objects.filter(pk__in=list(self._found)).values_list("pk", "revision"))
        kept = {pk: found for pk, found in self._found.items() if revisions.get(pk) == found[0]}
        fresh = self._compute(list(kept)) if kept else {}
        still = dict(Library.objects.filter(pk__in=list(kept)).values_list("pk", "revision"))
        return sorted(pk for pk, found in kept.items() if found[1] != fresh[pk] and still.get(pk) == found[0])

    def forget(self) -> None:
        self._found.clear()


_all: list[Kept] = []  # type: ignore[type-arg]


def forget_all() -> None:
    """Empties every store, as a new process would find it."""
    for kept in _all:
        kept.forget()
