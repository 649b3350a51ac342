"""How groups that are kept follow odd embeddings, decisions and new faces, and what that reads and writes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from faces import grouping, revisions
from faces.grouping import snapshot
from faces.models import Cluster, Clustering, Face, FacePair
from tests.faces.conftest import MODEL, House, embed_anew, from_nothing, groups, ids, look
from tests.factories import PhotoFactory

Regroup = Callable[[], Clustering]

pytestmark = pytest.mark.usefixtures("always_saved")

# ---- Embeddings that are none


def test_embeddings_that_are_none_disturb_nobody(house: House, regroup: Regroup) -> None:
    odd = [
        b"",
        b"\0" * 512,
        b"abc",
        np.full(128, np.nan, dtype=np.float32).tobytes(),
        np.ones(64, dtype=np.float32).tobytes(),
        np.ones(512, dtype=np.float32).tobytes(),
        look(1) + b"x",
    ]
    strange = [house.face(1, embedding=embedding) for embedding in odd]
    faces = house.faces(1, 3)
    house.face(1, model="sface")
    regroup()
    assert groups() == {ids(faces)}
    strange[0].photo.delete()
    faces += house.faces(1, 2)
    embed_anew(strange[1], 5, 1)
    regroup()
    assert groups() == {ids(faces)} == from_nothing()


def test_when_most_embeddings_become_of_another_length_those_count(house: House, regroup: Regroup) -> None:
    house.face(1, embedding=np.ones(2, dtype=np.float32).tobytes())
    regroup()
    faces = house.faces(1, 3)
    regroup()
    assert groups() == {ids(faces)} == from_nothing()


def test_an_embedding_without_its_crc_is_noticed_all_the_same(house: House, regroup: Regroup) -> None:
    faces = house.faces(1, 3, embedding_crc=0)
    regroup()
    Face.objects.filter(pk=faces[0].pk).update(embedding=look(9))
    regroup()
    assert groups() == {ids(faces[1:])}


def test_copies_of_one_face_in_one_photo_and_in_many(house: House, regroup: Regroup) -> None:
    photo = PhotoFactory(library=house.library)
    for _ in range(5):
        house.face(1, photo=photo, embedding=look(1))
    house.faces(1, 5, embedding=look(1))
    regroup()
    (group,) = groups()
    assert len(group) == 6
    house.faces(1, 1, embedding=look(1))
    regroup()
    assert groups() == from_nothing()


# ---- Decisions


@pytest.mark.slow
def test_never_these_two_parts_a_suggestion_until_it_is_taken_back(house: House, regroup: Regroup) -> None:
    faces = house.faces(1, 6)
    regroup()
    before = Cluster.objects.get()
    pair = FacePair.objects.create(one=faces[0], other=faces[5], is_same=False)
    assert regroup().split_count == 1
    assert not any({faces[0].pk, faces[5].pk} <= group for group in groups())
    assert before in Cluster.objects.all(), "the greatest part keeps its address"
    pair.delete()
    assert regroup().merge_count == 1
    assert groups() == {ids(faces)}


def test_splits_and_merges_are_counted_and_told(
    house: House, regroup: Regroup, caplog: pytest.LogCaptureFixture
) -> None:
    Clustering.objects.create(model=MODEL, eps=0.01, link_distance=0.35)
    faces = house.faces(1, 2, embedding=look(1, 1)) + house.faces(1, 3, embedding=look(1, 2))
    regroup()
    assert len(groups()) == 1
    Clustering.objects.update(link_distance=0.01)
    with caplog.at_level(logging.INFO, logger="faces.grouping"):
        assert regroup().split_count == 1
        Clustering.objects.update(link_distance=0.35)
        assert regroup().merge_count == 1
    assert groups() == {ids(faces)}
    assert "was parted from" in caplog.text
    assert "is now part of" in caplog.text


def test_another_photo_of_a_face_counts(house: House, regroup: Regroup) -> None:
    faces = house.faces(1, 3)
    regroup()
    Face.objects.filter(pk=faces[0].pk).update(photo=faces[1].photo)
    regroup()
    assert groups() == from_nothing()
    assert not any(ids(faces[:2]) <= group for group in groups())


# ---- What is read and written


@pytest.mark.slow
def test_more_faces_are_read_and_followed_with_as_many_queries(house: House, regroup: Regroup) -> None:
    house.faces(1, 3)
    regroup()

    def a_run() -> int:
        house.face(1)
        revisions.count_up([MODEL], wake=False, faces=True)
        with CaptureQueriesContext(connection) as queries:
            grouping.run(Clustering.objects.get().pk)
        return len(queries)

    before = a_run()
    house.faces(1, 10)
    house.faces(2, 10)
    regroup()
    assert a_run() == before


def test_faces_are_read_from_an_index_alone(house: House) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("others plan by what is in their tables")
    house.faces(1, 3)
    with CaptureQueriesContext(connection) as queries:
        snapshot.read_light(MODEL)
    (light,) = (query["sql"] for query in queries if "embedding_crc" in query["sql"])
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {light}")
        assert "USING COVERING INDEX face_of_model" in str(cursor.fetchall())


def test_nearest_people_are_written_where_they_changed(
    house: House, regroup: Regroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    from faces.grouping import groups as groups_module
    from tests.factories import PersonFactory

    anna, tom = PersonFactory(), PersonFactory()
    one, other = anna.pk, tom.pk
    faces = house.faces(1, 4)
    results_of = groups_module.results_of

    def with_near(*args: object) -> grouping.Result:
        found = results_of(*args)  # type: ignore[arg-type]
        near = np.array([one, other, -1, one])
        nearest = found.matching.candidates.copy(), found.matching.similarity.copy()
        nearest[0][:, 0], nearest[1][:, 0] = near, [0.5, 0.75, -np.inf, 0.4375]
        people = np.where(near == other, other, found.people)
        matching = replace(found.matching, people=people, candidates=nearest[0], similarity=nearest[1])
        return replace(found, matching=matching)

    monkeypatch.setattr(groups_module, "results_of", with_near)
    regroup()
    expected = [(anna.pk, 0.5, None), (tom.pk, 0.25, tom.pk), (None, None, None), (anna.pk, 0.5625, None)]
    fields = ("near_person", "near_distance", "person")
    assert list(Face.objects.order_by("pk").values_list(*fields)) == expected
    assert groups() == {ids(faces)}
    anna.delete()
    regroup()
    assert list(Face.objects.order_by("pk").values_list("near_person", flat=True)) == [None, tom.pk, None, None]
