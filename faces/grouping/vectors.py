"""Embeddings out of the database, whatever is in there."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from faces.clustering import Embeddings, Rows
from faces.models import Face

# Ids in one query: SQLite has taken 32,766 parameters in a statement since 3.32, PostgreSQL 65,535.
CHUNK = 5000


@dataclass(frozen=True, slots=True)
class Vectors:
    """The bytes of k faces in the order that was asked for; nothing for a face that has none, or is gone.

    `crcs`: their CRC-32, 0 for none; `lengths`: how many bytes they are. Both int64 (k,).
    """

    parts: list[bytes]
    crcs: Rows
    lengths: Rows

    def matrix(self, length: int) -> Embeddings:
        """float32 (k, length / 4): NaN for bytes of another length, which belong to nothing."""
        nothing = np.full(length // 4, np.nan, dtype=np.float32).tobytes()
        joined = b"".join(part if len(part) == length else nothing for part in self.parts)
        return np.frombuffer(joined, dtype=np.float32).reshape(len(self.parts), length // 4)


def read(ids: Rows) -> Vectors:
    """The embeddings of these faces: one query for each 5,000."""
    parts: list[bytes] = []
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK].tolist()
        found = dict(Face.objects.filter(pk__in=chunk).values_list("pk", "embedding"))
        parts += [bytes(found.get(pk) or b"") for pk in chunk]
    return Vectors(
        parts,
        np.array([zlib.crc32(part) for part in parts], dtype=np.int64),
        np.array([len(part) for part in parts], dtype=np.int64),
    )


def usual_length(lengths: Rows) -> int:
    """How many bytes most embeddings have, the longer among equals; what is not float32 does not count. At least 4."""
    counts = np.bincount(lengths[(lengths > 0) & (lengths % 4 == 0)], minlength=5)
    return len(counts) - 1 - int(counts[::-1].argmax())
