"""What matching is given, `Faces` and `Rules`, and its answer, `Matching`, which can be saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from faces.clustering import Embeddings, Mask, Rows

NOBODY = -1
# How many people are considered for one face: the fourth nearest has never been the right one when three nearer people
# were taken by other faces of the same photo.
CHOICES = 4

Distances = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Faces:
    """All faces of one embedding model, n rows in the order of their ids.

    `people`: as whom a face is confirmed, NOBODY for all others, whatever was guessed. `good`: seen well enough to be
    compared with any, `fair`: with good ones only; any other face is compared with good ones if it is confirmed, and
    with none if it is not. `quality`: how well it is seen, 0 to 1 (`limits.added_distance`). `private`: the private
    library its photo is in, NOBODY for none; `quiet`: only a file there says who it is. `versions` changes when the
    embedding does. `embeddings`: float32 (n, d), L2 length 1; rows that are not (zeros, NaN) are compared with nothing.
    """

    ids: Rows
    photos: Rows
    people: Rows
    good: Mask
    fair: Mask
    quality: Distances
    private: Rows
    quiet: Mask
    versions: Rows
    embeddings: Embeddings


@dataclass(frozen=True, slots=True)
class Rules:
    """What people decided, as pairs of ids, int64 (k, 2), and the distances.

    `refused`: face and person; `never`, `always`: two faces. Faces and people who are not there are no harm. Cosine
    distances: up to `match_distance` a face is given, less far to people with many confirmed faces
    (`limits.match_limit`); up to `reach` it is a question.
    """

    refused: Rows
    never: Rows
    always: Rows
    match_distance: float
    reach: float

    @property
    def furthest(self) -> float:
        """Up to which distance people are looked for."""
        return max(self.reach, self.match_distance)


@dataclass(frozen=True, slots=True)
class Matching:
    """An answer, with what it was made from. Rows as those of the `Faces` that it saw.

    `people` is who each face is, NOBODY for nobody. `candidates`, `nearest` and `similarity` (n, CHOICES) are the
    nearest people of each face that nobody confirmed, best first, the confirmed face that is nearest, and how alike the
    two are (`nearest.Found`); NOBODY and -inf where there is no more. `ruled_out` holds the pairs of face and person
    that count.
    """

    ids: Rows
    photos: Rows
    confirmed: Rows
    private: Rows
    quiet: Mask
    versions: Rows
    good: Mask
    quality: Distances
    embedded: Mask
    open: Mask
    known: Mask
    candidates: Rows
    nearest: Rows
    similarity: Distances
    people: Rows
    ruled_out: Rows
    never: Rows
    always: Rows
    match_distance: float
    reach: float

    @property
    def near_people(self) -> Rows:
        """Whose confirmed face is the nearest within reach, given or not; NOBODY for none and for confirmed faces."""
        return np.where(self._is_near, self.candidates[:, 0], NOBODY)

    @property
    def near_distances(self) -> Distances:
        """The cosine distance to that face and what is added to it (`limits.added_distance`); NaN for none."""
        return np.where(self._is_near, 1.0 - self.similarity[:, 0], np.nan)

    @property
    def _is_near(self) -> Mask:
        return self.similarity[:, 0] >= 1.0 - self.reach

    def arrays(self) -> dict[str, Any]:
        """Everything in it as arrays, for `numpy.savez`."""
        return {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any]) -> Self:
        """What `arrays` gave. Raises KeyError if one is missing, ValueError if they do not belong together."""
        values: dict[str, Any] = {field.name: np.asarray(arrays[field.name]) for field in fields(cls)}
        values |= {name: float(values[name].item()) for name in _NUMBERS}
        made = cls(**values)
        count = len(made.ids)
        if {len(getattr(made, name)) for name in _ROWS} != {count} or made.candidates.shape != (count, CHOICES):
            raise ValueError("These arrays are not of one answer.")
        return made


_NUMBERS = ("match_distance", "reach")
_ROWS = (
    "photos", "confirmed", "private", "quiet", "versions", "good", "quality", "embedded", "open", "known", "candidates",
    "nearest", "similarity", "people",
)  # fmt: skip


def nothing() -> Rows:
    """No pairs, int64 (0, 2)."""
    return np.empty((0, 2), dtype=np.int64)
