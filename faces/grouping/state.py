"""Groups as they were last made: in the memory of a worker, and in a file of the data directory.

Only a cache. It says of each face which embedding it knows, by the CRC-32, so what the database says can be compared
with it, however old it is; what it lacks is done again. A file that is missing, damaged, of another version or made by
other rules costs a run from nothing, and may be deleted at any time.

A file is written after what it says is committed, and only when what changed since is worth it: it holds 600 bytes for
each face, and to follow a few hundred faces again takes a second.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from django.conf import settings

from faces.clustering import DynamicGroups, Joining, Rows
from faces.grouping import arrays
from faces.rules import Rules

logger = logging.getLogger(__name__)

# Counted up when what the arrays mean changes.
VERSION = "2"
_KNOWN = ("ids", "crcs", "lengths")
# A file is written when so many faces, and this part of them, changed since.
_LEAST, _SHARE = 50, 0.005


@dataclass(frozen=True, slots=True)
class Known:
    """Faces `ids`, ascending, with the `crcs` and `lengths` of their embeddings: all int64 (n,)."""

    ids: Rows
    crcs: Rows
    lengths: Rows

    @classmethod
    def nothing(cls) -> Known:
        empty: Rows = np.empty(0, dtype=np.int64)
        return cls(empty, empty, empty)


@dataclass(frozen=True, slots=True)
class State:
    """Groups of the `good` faces, and which good faces are near the `fair` ones.

    `unsaved`: how many faces changed since it was last written.
    """

    model: str
    key: str
    groups: DynamicGroups
    joining: Joining
    good: Known
    fair: Known
    unsaved: int = 0

    @classmethod
    def empty(cls, model: str, rules: Rules, *, dimensions: int = 1) -> State:
        made = _groups(dimensions, rules), Joining(dimensions, eps=rules.eps)
        return cls(model, _key(rules), *made, Known.nothing(), Known.nothing())

    def __len__(self) -> int:
        return len(self.good.ids) + len(self.fair.ids)


# The one that this process used last, by its file. A worker keeps one: there is one model in use.
_held: dict[Path, State] = {}


def path(model: str) -> Path:
    """Where the groups of a model are kept."""
    folder: Path = settings.PICTOPY.data_dir / "clustering"
    return folder / f"{model}.groups"


def take(model: str, rules: Rules) -> State | None:
    """The state of a model, from memory or else from its file; None if there is none that these rules made.

    It is the caller's alone until it is given back (`keep`): what fails half-way is not used again.
    """
    held = _held.pop(path(model), None)
    if held is not None and held.key == _key(rules):
        return held
    return load(model, rules)


def load(model: str, rules: Rules) -> State | None:
    """The state as its file says it. None, and a line in the log, if there is none, or none of use."""
    try:
        key, found = arrays.read(path(model))
        if key != _key(rules):
            logger.info("groups of %s were kept by other rules or another version: made anew", model)
            return None
        good, fair = (Known(*(found.pop(f"{part}.{name}") for name in _KNOWN)) for part in ("good", "fair"))
        inner = {name.removeprefix("joining."): found.pop(name) for name in [*found] if name.startswith("joining.")}
        joining, groups = Joining.restored(inner, eps=rules.eps), _restored(found, rules)
        for ids, known in ((groups.ids(), good), (joining.ids, fair)):
            if not np.array_equal(ids, known.ids) or {len(known.crcs), len(known.lengths)} != {len(ids)}:
                raise ValueError("its parts do not belong together")
        return State(model, key, groups, joining, good, fair)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError) as error:
        logger.warning("kept groups of %s are of no use and are made anew: %s", model, error)
        return None


def keep(state: State) -> None:
    """Keeps a state in memory, and in its file if it is worth it. A disk that is full is no harm."""
    if state.unsaved > max(_LEAST, _SHARE * len(state)):
        state = save(state)
    _held.clear()
    _held[path(state.model)] = state


def save(state: State) -> State:
    """Writes the file whole or not at all."""
    content = {
        **{f"good.{name}": getattr(state.good, name) for name in _KNOWN},
        **{f"fair.{name}": getattr(state.fair, name) for name in _KNOWN},
        **{f"joining.{name}": array for name, array in state.joining.arrays().items()},
        **state.groups.arrays(),
    }
    try:
        arrays.write(path(state.model), state.key, content)
    except OSError as error:
        logger.warning("groups of %s could not be kept: %s", state.model, error.strerror)
        return state
    return replace(state, unsaved=0)


def forget() -> None:
    """Drops what is in memory."""
    _held.clear()


def _key(rules: Rules) -> str:
    return f"{VERSION} {rules.groups_key}"


def _groups(dimensions: int, rules: Rules) -> DynamicGroups:
    return DynamicGroups(dimensions, eps=rules.eps, min_samples=rules.min_samples, link_distance=rules.link_distance)


def _restored(found: dict[str, np.ndarray], rules: Rules) -> DynamicGroups:
    return DynamicGroups.restored(
        found, eps=rules.eps, min_samples=rules.min_samples, link_distance=rules.link_distance
    )
