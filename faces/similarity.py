"""Comparing the few thousand embeddings that a page reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Vectors: TypeAlias = NDArray[np.float32]


def unit_vectors(embeddings: Sequence[bytes | memoryview | None], *, length: int) -> tuple[Vectors, NDArray[np.bool_]]:
    """n embeddings of `length` bytes as float32 (n, length / 4), and which of them are some, bool (n,).

    What is none (empty, of another length, NaN, not of L2 length 1 as zeros are not) is a row of zeros.
    """
    nothing = bytes(length)
    parts = (bytes(part or b"") for part in embeddings)
    joined = b"".join(part if len(part) == length else nothing for part in parts)
    vectors = np.frombuffer(joined, dtype="<f4").reshape(len(embeddings), length // 4)
    with np.errstate(over="ignore", invalid="ignore"):
        is_one = np.abs(np.linalg.norm(vectors, axis=1) - 1) < 0.01
    return np.where(is_one[:, None], vectors, np.float32(0)), is_one


def distances(vectors: Vectors, point: Vectors) -> list[float]:
    """The cosine distance (0..2) of each of n unit vectors (n, d) to one (d,)."""
    return np.clip(1 - vectors @ point, 0, 2).tolist()  # type: ignore[no-any-return]
