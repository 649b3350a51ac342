"""What the database says of the faces of one embedding model at one moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import QuerySet
from numpy.typing import NDArray

from faces import revisions, told
from faces.clustering import NOISE, Embeddings, Mask, Rows
from faces.grouping import vectors
from faces.models import FacePair, Refusal
from faces.rules import Rules
from gallery.models import Library, Photo

# Rows that are fetched at once.
_ROWS = 10_000
_FIELDS = (
    "id",
    "photo_id",
    "person_id",
    "cluster_id",
    "is_confirmed",
    "decided_by_id",
    "quality",
    "embedding_crc",
    "near_person_id",
    "near_distance",
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All eligible faces of a model, n rows in the order of their ids; `people` and `clusters` are NOISE (-1) for none,
    and so are `near_people`, with `near_distances`, NaN for none.

    `private`: the private library that the photo is in, else NOISE. `quiet`: only a file there says who it is (`told`).
    `by_nobody`: confirmed, and by no account. `private_libraries`: as `revisions` counts them. `crcs`: the CRC-32 of
    each embedding, 0 for none. `embeddings` (n, d): rows that are none, and those that nobody asked for, are NaN;
    (n, 0) as long as nobody asked for any. `refusals`: id, face, person. `never` and `always`: pairs of face ids,
    int64 (k, 2), of faces that may not be among these.
    """

    model: str
    ids: Rows
    photo_ids: Rows
    people: Rows
    clusters: Rows
    confirmed: Mask
    private: Rows
    quiet: Mask
    by_nobody: Mask
    quality: NDArray[np.float32]
    near_people: Rows
    near_distances: NDArray[np.float64]
    crcs: Rows
    embeddings: Embeddings
    refusals: list[tuple[int, int, int]]
    never: Rows
    always: Rows
    pairs: tuple[int, int]
    private_libraries: tuple[int, int]

    @property
    def last_refusal(self) -> int:
        return max((refusal_id for refusal_id, _, _ in self.refusals), default=0)

    def fingerprint(self, rules: Rules) -> str:
        """The same numbers as `revisions.fingerprint` counts in the database."""
        ids, sure = self.ids, self.confirmed
        faces = map(int, (len(ids), ids.sum(), self.crcs.sum(), len(self.never) + len(self.always), *self.pairs))
        named = self.people[sure & (self.people != NOISE)]
        counts = (sure.sum(), ids[sure].sum(), named.sum(), ids[self.by_nobody].sum())
        decisions = map(int, (*counts, len(self.refusals), self.last_refusal, *self.private_libraries))
        return revisions.compose(rules.key, faces=faces, decisions=decisions)

    def good(self, rules: Rules) -> Mask:
        """Which faces are good enough to start a group, whether they have an embedding or not. bool (n,)."""
        return np.asarray(self.quality >= np.float32(rules.core_quality))

    def fair(self, rules: Rules) -> Mask:
        """Which faces are only good enough to join a group, whether they have an embedding or not. bool (n,)."""
        return np.asarray((self.quality >= np.float32(rules.join_quality)) & ~self.good(rules))


def read(model: str) -> Snapshot:
    """All faces of a model with their embeddings: what `read_light` does, and one query for each 5,000."""
    return with_embeddings(read_light(model))


def with_embeddings(snapshot: Snapshot) -> Snapshot:
    """The same with all embeddings, as they are now: one query for each 5,000 faces."""
    found = vectors.read(snapshot.ids)
    return replace(snapshot, embeddings=found.matrix(vectors.usual_length(found.lengths)))


def read_light(model: str) -> Snapshot:
    """All faces of a model without their embeddings, which takes a second for 300,000: they are read from an index
    alone. Seven queries."""
    private_libraries = revisions.private_libraries()  # first: what becomes private in between is seen by the next run
    columns = _columns(revisions.comparable(model).order_by("id").values_list(*_FIELDS))
    trashed = list(Photo.objects.filter(trashed_at__isnull=False).order_by().values_list("pk", flat=True))
    columns = columns[~np.isin(columns[:, 1], trashed)]
    whole_numbers = np.where(np.isnan(columns), NOISE, columns).astype(np.int64)
    private = _private(whole_numbers[:, 1])
    confirmed = whole_numbers[:, 4] == 1
    by_nobody = confirmed & (whole_numbers[:, 5] == NOISE)
    pairs = np.array(list(FacePair.objects.values_list("id", "one_id", "other_id", "is_same")), dtype=np.int64)
    pairs = pairs.reshape(-1, 4)
    is_same = pairs[:, 3] == 1
    return Snapshot(
        model=model,
        ids=whole_numbers[:, 0].copy(),
        photo_ids=whole_numbers[:, 1].copy(),
        people=whole_numbers[:, 2].copy(),
        clusters=whole_numbers[:, 3].copy(),
        confirmed=confirmed,
        private=private,
        quiet=by_nobody & (private != NOISE) & _told(whole_numbers[:, 0], whole_numbers[:, 2]),
        by_nobody=by_nobody,
        quality=columns[:, 6].astype(np.float32),
        near_people=whole_numbers[:, 8].copy(),
        near_distances=columns[:, 9].copy(),
        crcs=whole_numbers[:, 7].copy(),
        embeddings=np.empty((len(columns), 0), dtype=np.float32),
        refusals=list(Refusal.objects.order_by("id").values_list("id", "face_id", "person_id")),
        never=pairs[~is_same, 1:3],
        always=pairs[is_same, 1:3],
        pairs=(int(pairs[:, 0].max(initial=0)), int(pairs[is_same, 0].sum())),
        private_libraries=private_libraries,
    )


def _private(photo_ids: Rows) -> Rows:
    """The private library of each photo, else NOISE. int64 (n,)."""
    hidden = Photo.objects.filter(library__visibility=Library.Visibility.PRIVATE).order_by()
    rows = _columns(hidden.values_list("pk", "library_id")).astype(np.int64)
    rows = rows[np.argsort(rows[:, 0])]
    place = np.searchsorted(rows[:, 0], photo_ids)
    is_there = np.append(rows[:, 0], NOISE)[place] == photo_ids
    return np.where(is_there, np.append(rows[:, 1], NOISE)[place], NOISE)


def _told(ids: Rows, people: Rows) -> Mask:
    """Whether a file of a private library gave the face the name of the person who it is. bool (n,). One query."""
    rows = np.array(list(told.names().values_list("face_id", "person_id")), dtype=np.int64).reshape(-1, 2)
    return np.asarray(np.isin(ids << 32 | people, rows[:, 0] << 32 | rows[:, 1]))


def _columns(rows: QuerySet[Any, Any]) -> NDArray[np.float64]:
    """Numbers of rows, float64 (n, fields): NaN for NULL; (0, as many as faces have) for none. Exact up to 2**53.

    Asks the database itself: making Python's values of 100,000 rows one by one would take longer than everything else.
    """
    sql, params = rows.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        parts = [np.array(part, dtype=np.float64) for part in _parts(cursor)]
    return np.concatenate(parts) if parts else np.empty((0, len(_FIELDS)))


def _parts(cursor: Any) -> Iterator[list[tuple[Any, ...]]]:
    while part := cursor.fetchmany(_ROWS):
        yield part
