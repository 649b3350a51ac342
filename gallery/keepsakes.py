"""What people made of photos, moved to another photo when one takes the place of others; each app keeps its own.

    # in AppConfig.ready()
    keepsakes.register(keeper)

Used where photos become one. Of duplicates one is kept, and the others keep theirs as well, unseen, so that what brings
one back brings back everything; "moves" is what is seen. The part of a live photo, or the RAW file behind a JPEG, gives
away for good what people made of it: it may come and go with every scan, and must not bring back what they undid since.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol


class Keeper(Protocol):
    """Moves one kind of thing. Both methods run in the caller's transaction, in which the photos are locked."""

    name: str

    def move(self, sources: Sequence[int], target: int, *, for_good: bool = False) -> Any:
        """Moves what people made of the photos `sources` to the photo `target`; returns a JSON-able record that
        `put_back` understands. What came first wins where there is room for one. `for_good`: nothing of it stays with
        the sources, and what only their files say is none of it."""

    def put_back(self, record: Any) -> Sequence[str]:
        """Undoes a move as far as it still is as the move left it; sentences about what is not."""


_keepers: dict[str, Keeper] = {}


def register(keeper: Keeper) -> None:
    """Adds a keeper. They move in the order of their names, which is also that of their locks."""
    _keepers[keeper.name] = keeper


def move(sources: Sequence[int], target: int) -> dict[str, Any]:
    """Moves everything; returns the record of each keeper by its name. In a transaction that locks the photos."""
    return {name: _keepers[name].move(sources, target) for name in sorted(_keepers)}


def give_away(sources: Sequence[int], target: int) -> None:
    """Moves everything that people made, for good. In a transaction that locks the photos."""
    for name in sorted(_keepers):
        _keepers[name].move(sources, target, for_good=True)


def put_back(records: dict[str, Any]) -> list[str]:
    """Undoes a move as far as nothing changed since; sentences for a person about what stays. In a transaction that
    locks the photos. Records of keepers that are not there any more are passed over."""
    said: list[str] = []
    for name in sorted(records):
        if name in _keepers:
            said += _keepers[name].put_back(records[name])
    return said
