"""Which part of a library a scan looks through. Pure: no Django, no disk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

# With more places than this to look at, all of it is looked through, which then costs less.
MOST_PLACES = 1000


@dataclass(frozen=True, slots=True)
class Scope:
    """Folders by themselves, and trees: folders with all that lies below them. Stored spellings, "" for the root.

    A tree may be gone from the disk; a folder that is covered by a tree is not named beside it.
    """

    folders: frozenset[str] = frozenset()
    trees: frozenset[str] = frozenset()

    @classmethod
    def of(cls, *, folders: Iterable[str] = (), trees: Iterable[str] = ()) -> Self:
        """The least that covers all of these."""
        all_trees = set(trees)
        tops = frozenset(tree for tree in all_trees if not (set(_above(tree)) & all_trees))
        return cls(frozenset(it for it in folders if not ({it, *_above(it)} & tops)), tops)

    @property
    def is_whole(self) -> bool:
        """Whether it is better to look through the whole library."""
        return "" in self.trees or len(self.folders) + len(self.trees) > MOST_PLACES

    def covers(self, path: str) -> bool:
        """Whether the file at `path` is looked for."""
        above = _above(path)
        return above[0] in self.folders or not self.trees.isdisjoint(above)

    def merge(self, other: Scope) -> Scope:
        return Scope.of(folders=self.folders | other.folders, trees=self.trees | other.trees)

    def to_json(self) -> dict[str, list[str]]:
        """For the row of a scan; `from_json` reads it."""
        return {"folders": sorted(self.folders), "trees": sorted(self.trees)}

    @classmethod
    def from_json(cls, value: dict[str, list[str]]) -> Self:
        return cls.of(folders=value.get("folders", ()), trees=value.get("trees", ()))


def _above(path: str) -> list[str]:
    """The folders that a path lies in, the nearest first and the root ("") last; of the root itself, none."""
    found = []
    while path:
        path = path.rpartition("/")[0]
        found.append(path)
    return found


def merge_json(one: dict[str, list[str]] | None, other: dict[str, list[str]] | None) -> dict[str, list[str]] | None:
    """Both together, of two rows; None is the whole library."""
    if one is None or other is None:
        return None
    both = Scope.from_json(one).merge(Scope.from_json(other))
    return None if both.is_whole else both.to_json()
