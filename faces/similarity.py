"""Comparing embeddings in plain Python: pages do it with a few thousand, and the process that serves them does not load
numpy. To read one and compare it takes 15 microseconds."""

from __future__ import annotations

import math
import struct

Vector = tuple[float, ...]


def vector(embedding: bytes | memoryview | None, *, length: int = 0) -> Vector | None:
    """The numbers of an embedding (float32, L2 length 1); None for what is none (empty, zeros, NaN), or not of this
    `length`."""
    data = bytes(embedding or b"")
    if not data or len(data) % 4 or (length and len(data) != 4 * length):
        return None
    numbers = struct.unpack(f"<{len(data) // 4}f", data)
    return numbers if 0.99 < math.hypot(*numbers) < 1.01 else None


def cosine_distance(one: Vector, other: Vector) -> float:
    """The cosine distance (0..2) of two vectors of length 1, by way of the straight line between them."""
    return math.dist(one, other) ** 2 / 2


def mean_distance(some: list[Vector], others: list[Vector]) -> float:
    """The mean cosine distance (0..2) of each of some vectors of length 1 to each of the others."""
    return sum(cosine_distance(one, other) for one in some for other in others) / (len(some) * len(others))
