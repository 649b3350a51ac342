"""How grouping writes what it found: every row once, and only rows that changed.

Of a row that a transaction writes twice, PostgreSQL checks every foreign key anew when it commits, and would wait there
for workers that have locked photos and wait for us. Distances differ from face to face, so an UPDATE for all rows that
get the same would be one for each: they are joined with a list of values instead, which both databases know.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from django.db import connection

from faces import revisions
from faces.clustering import NOISE
from faces.grouping.vectors import CHUNK
from faces.matching import NearClusters
from faces.models import Cluster, Face, Person

AS_IT_IS = -2


class Row(NamedTuple):
    """A face as it is to be; NOISE (-1) and NaN for none. `person` may be AS_IT_IS: what was decided since, stays."""

    face: int
    cluster: int
    person: int
    near_person: int
    near_distance: float


def write_faces(model: str, rows: list[Row]) -> None:
    """Writes faces of a model, as far as they were not set aside since: two queries for every `CHUNK`."""
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        faces = revisions.comparable(model).filter(pk__in=[row.face for row in chunk])
        there = set(faces.order_by().values_list("pk", flat=True))
        _update([row for row in chunk if row.face in there])


def _update(rows: list[Row]) -> None:
    if not rows:
        return
    table = connection.ops.quote_name(Face._meta.db_table)
    one = (
        "(CAST(%s AS bigint), CAST(%s AS bigint), CAST(%s AS bigint), CAST(%s AS bigint), CAST(%s AS double precision))"
    )
    values: list[float | int | None] = []
    for row in rows:
        values += [row.face, *(None if it == NOISE else it for it in row[1:4])]
        values.append(None if math.isnan(row.near_distance) else row.near_distance)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET cluster_id = v.column2, near_person_id = v.column4, near_distance = v.column5,"
            " person_id = CASE WHEN v.column3 = %s THEN person_id ELSE v.column3 END,"
            " state = CASE WHEN v.column3 = %s THEN state WHEN v.column3 IS NULL THEN %s ELSE %s END"
            f" FROM (VALUES {', '.join([one] * len(rows))}) AS v WHERE {table}.id = v.column1",
            [AS_IT_IS, AS_IT_IS, Face.State.UNKNOWN.value, Face.State.ASSIGNED.value, *values],
        )


def write_clusters(model: str, near: NearClusters) -> None:
    """Writes whom each group of a model is near; nobody for those that are left out, or if the person is gone."""
    people = set(Person.objects.filter(pk__in=set(near.people.tolist()), merged_into=None).values_list("pk", flat=True))
    found = {
        cluster: (person, distance)
        for cluster, person, distance in zip(*(column.tolist() for column in near), strict=True)
        if person in people
    }
    changed = []
    for cluster in Cluster.objects.filter(model=model).only("near_person_id", "near_distance"):
        person, distance = found.get(cluster.pk, (None, None))
        if (cluster.near_person_id, cluster.near_distance) != (person, distance):
            cluster.near_person_id, cluster.near_distance = person, distance
            changed.append(cluster)
    Cluster.objects.bulk_update(changed, ["near_person", "near_distance"], batch_size=500)
