"""What a check is, and which there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, TypeVar

from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)

EXAMPLES = 5
PORTION = 500

# quick: a page may wait for it. slow: seconds to minutes. content: reads every original, or decodes every picture.
Speed: TypeAlias = Literal["quick", "slow", "content"]


@dataclass(frozen=True, slots=True)
class Example:
    """One case in words. With a library, only those who see it are told. With a photo, a page links to it."""

    text: str
    library_id: int | None = None
    photo_id: int | None = None


@dataclass(slots=True)
class Finding:
    """What a check found: how many, and a few of them."""

    count: int = 0
    examples: list[Example] = field(default_factory=list)

    def add(self, text: str, library_id: int | None = None, photo_id: int | None = None) -> None:
        self.count += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(Example(text, library_id, photo_id))


def _silent(done: int, total: int) -> None:
    pass


@dataclass(slots=True)
class Look:
    """How far a check is to look: `library_ids` (None: everywhere).

    `progress`: to be told how far it is; it may stop the check by raising. `memo`: what one check found out and another
    needs as well, within one examination.
    """

    library_ids: frozenset[int] | None = None
    progress: Callable[[int, int], None] = _silent
    memo: dict[str, Any] = field(default_factory=dict)

    def within(self, rows: QuerySet[M], library: str = "library") -> QuerySet[M]:
        """Those of `rows` that belong to the libraries looked at."""
        return rows if self.library_ids is None else rows.filter(**{f"{library}__in": self.library_ids})

    def portions(self, rows: QuerySet[Any], *columns: str, size: int = PORTION) -> Iterator[list[tuple[Any, ...]]]:
        """The primary key and `columns` of all rows, in lists of at most `size`; one query for each, and one to count.

        Rows may be changed between two portions: those that are behind the last key come next.
        """
        total, done, last = rows.order_by().count(), 0, None
        while True:
            rest = rows if last is None else rows.filter(pk__gt=last)
            portion = list(rest.order_by("pk").values_list("pk", *columns)[:size])
            if not portion:
                return
            last, done = portion[-1][0], done + len(portion)
            yield portion
            self.progress(min(done, total), total)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that may be wrong.

    `title` names it; `explanation` says what it means; `advice` what mending does, or, without `fix`, what a person can
    do. `find` changes nothing. `fix` mends all that `find` finds and returns how many it took in hand; what workers or
    a scan have to do is done a while later. `is_whole`: it cannot be asked of one library.
    """

    name: str
    title: str
    explanation: str
    advice: str
    find: Callable[[Look], Finding]
    fix: Callable[[Look], int] | None = None
    speed: Speed = "quick"
    is_whole: bool = False

    @property
    def is_fixable(self) -> bool:
        """For templates, which call functions instead of looking at them."""
        return self.fix is not None


_checks: dict[str, Check] = {}


def register(*checks: Check) -> None:
    """Adds checks, in the order of the page. Registering a name again replaces it. Call it from `ready()`."""
    for check in checks:
        _checks[check.name] = check


def all_checks() -> list[Check]:
    return list(_checks.values())


def get(name: str) -> Check | None:
    return _checks.get(name)
