"""What people made of photos (marks, captions, albums, faces) goes to another photo: nothing of it is lost.

Photos that turn out to be one, because a person merged duplicates or because one is only a part of the other, leave to
the one that stays what people made of them. Each app knows its own: it registers a keeper in `AppConfig.ready()`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Keeper(Protocol):
    """What one app keeps of photos. Both methods are called in a transaction."""

    name: str

    def move(self, sources: Sequence[int], target: int) -> Any:
        """Moves what people made of the photos `sources` to the photo `target`; returns a JSON-able record that
        `put_back` understands."""

    def put_back(self, record: Any) -> None:
        """Undoes a move as far as it still is as the move left it."""


_keepers: dict[str, Keeper] = {}


def register(keeper: Keeper) -> None:
    """Adds a keeper; registering a name again replaces it. Call it from `ready()`."""
    _keepers[keeper.name] = keeper


def move(sources: Sequence[int], target: int) -> dict[str, Any]:
    """Moves all that people made of the photos `sources` to `target`; returns each keeper's record by its name."""
    return {name: keeper.move(sources, target) for name, keeper in _keepers.items()}


def put_back(records: Mapping[str, Any]) -> None:
    """Undoes a move; records of keepers that are not there any more are passed over."""
    for name, record in records.items():
        if name in _keepers:
            _keepers[name].put_back(record)
