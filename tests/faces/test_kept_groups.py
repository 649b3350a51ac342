"""Groups that are kept between runs: in memory and in a file, which may be old, lost, damaged or of other rules."""

from __future__ import annotations

import logging
import os
import random
import signal
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from faces import grouping, revisions
from faces.clustering import DynamicDBSCAN
from faces.grouping import arrays, snapshot
from faces.grouping import state as states
from faces.models import Cluster, Clustering, Face, FacePair
from gallery.models import Photo
from gallery.vision import catalog
from tests.faces.conftest import MODEL, House, groups, ids, look
from tests.factories import PhotoFactory

Regroup = Callable[[], Clustering]


@pytest.fixture(autouse=True)
def _always_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(states, "_LEAST", -1)
    monkeypatch.setattr(states, "_SHARE", 0)


@pytest.fixture
def never_anew(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From now on nothing may be built from nothing."""

    def begin() -> None:
        monkeypatch.setattr(DynamicDBSCAN, "build", lambda *args, **options: pytest.fail("made anew"))

    return begin


def rules() -> grouping.Rules:
    return grouping.rules_for(Clustering.objects.filter(model=MODEL).first(), catalog.model(MODEL))


def from_nothing() -> set[frozenset[int]]:
    """The groups that a run from nothing would give."""
    snapshot = grouping.read(MODEL)
    labels = grouping.compute(snapshot, rules()).labels
    return {frozenset(snapshot.ids[labels == label].tolist()) for label in set(labels.tolist()) - {-1}}


def embed_anew(face: Face, who: int, shot: int) -> None:
    embedding = look(who, shot, noise=0.95)
    Face.objects.filter(pk=face.pk).update(embedding=embedding, embedding_crc=zlib.crc32(embedding))


def test_new_and_deleted_faces_are_followed_without_looking_at_all(
    house: House, regroup: Regroup, never_anew: Callable[[], None]
) -> None:
    faces = [*house.faces(1, 4), *house.faces(2, 4)]
    regroup()
    never_anew()
    faces += house.faces(1, 2)
    regroup()
    faces[0].photo.delete()
    regroup()
    assert groups() == {ids([*faces[1:4], *faces[8:]]), ids(faces[4:8])}


def test_another_process_goes_on_from_the_file(house: House, regroup: Regroup, never_anew: Callable[[], None]) -> None:
    faces = house.faces(1, 4)
    regroup()
    states.forget()
    never_anew()
    faces += house.faces(1, 1)
    regroup()
    assert groups() == {ids(faces)}


def test_a_file_that_is_older_than_the_database_is_followed_from_where_it_is(house: House, regroup: Regroup) -> None:
    faces = house.faces(1, 4)
    regroup()
    before = states.path(MODEL).read_bytes()
    faces[0].photo.delete()
    embed_anew(faces[1], 7, 1)
    faces += house.faces(1, 2)
    regroup()
    states.forget()
    states.path(MODEL).write_bytes(before)
    faces += house.faces(2, 3)
    regroup()
    assert groups() == from_nothing() == {ids([*faces[2:4], *faces[4:6]]), ids(faces[6:])}


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-5])


def cut_the_head(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:20])


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-100] ^= 1
    file.write_bytes(content)


def flip_in_the_head(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[60] ^= 1
    file.write_bytes(content)


def be_something_else(file: Path) -> None:
    file.write_bytes(b"PK" * 100)


def be_a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def be_of_other_rules(file: Path) -> None:
    _, content = arrays.read(file)
    arrays.write(file, "0 0.1 2 0.1 0.3", content)


def lack_a_part(file: Path) -> None:
    key, content = arrays.read(file)
    del content["seeds"]
    arrays.write(file, key, content)


def be_of_other_faces(file: Path) -> None:
    key, content = arrays.read(file)
    arrays.write(file, key, content | {"good.ids": content["good.ids"] + 1})


DAMAGES = (Path.unlink, cut, flip, be_of_other_rules)
RARE_DAMAGES = (cut_the_head, flip_in_the_head, be_something_else, be_a_folder, lack_a_part, be_of_other_faces)


@pytest.mark.parametrize(
    "damage", [*DAMAGES, *(pytest.param(it, marks=pytest.mark.slow) for it in RARE_DAMAGES)], ids=lambda it: it.__name__
)
def test_a_file_of_no_use_costs_a_run_from_nothing(
    house: House, regroup: Regroup, caplog: pytest.LogCaptureFixture, damage: Callable[[Path], None]
) -> None:
    faces = house.faces(1, 4)
    regroup()
    damage(states.path(MODEL))
    states.forget()
    faces += house.faces(2, 2)
    with caplog.at_level(logging.INFO):
        regroup()
    assert groups() == {ids(faces[:4]), ids(faces[4:])}
    assert ("made anew" in caplog.text) == (damage is not Path.unlink)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 7))])
def test_after_anything_the_groups_are_those_of_a_run_from_nothing(house: House, regroup: Regroup, seed: int) -> None:
    chance = random.Random(seed)
    file = states.path(MODEL)

    def new() -> None:
        photo = chance.choice([None, *Photo.objects.all()])
        for _ in range(chance.randint(1, 5)):
            house.face(
                chance.randint(1, 3),
                photo=photo,
                embedding=look(chance.randint(1, 3), chance.randint(1, 10_000), noise=0.95),
            )

    def gone() -> None:
        chance.choice(Photo.objects.all()).delete()

    def trashed() -> None:
        photo = chance.choice(Photo.objects.all())
        Photo.objects.filter(pk=photo.pk).update(trashed_at=None if photo.trashed_at else timezone.now())

    def other() -> None:
        embed_anew(chance.choice(Face.objects.all()), chance.randint(1, 3), chance.randint(1, 10_000))

    def worse() -> None:
        face = chance.choice(Face.objects.all())
        Face.objects.filter(pk=face.pk).update(quality=chance.choice([0.1, 0.3, 0.8]))

    def moved() -> None:
        face = chance.choice(Face.objects.all())
        Face.objects.filter(pk=face.pk).update(photo=chance.choice(Photo.objects.all()))

    def decided() -> None:
        one, another = sorted(chance.sample(list(Face.objects.values_list("pk", flat=True)), 2))
        FacePair.objects.update_or_create(one_id=one, other_id=another, defaults={"is_same": chance.random() < 0.5})

    for _ in range(3):
        new()
    for _ in range(6 if seed == 0 else 20):
        happens = [new, new, gone, trashed, other, worse, moved, decided]
        chance.choice(happens if Face.objects.count() > 2 else [new])()
        keep = chance.choice(["memory", "memory", "file", "nothing", "damage"])
        if keep != "memory":
            states.forget()
        if keep == "nothing":
            file.unlink(missing_ok=True)
        if keep == "damage" and file.exists():
            chance.choice([cut, flip, be_of_other_rules])(file)
        regroup()
        assert groups() == from_nothing()


def test_what_the_library_chose_since_makes_the_groups_anew(house: House, regroup: Regroup) -> None:
    faces = house.faces(1, 4)
    clustering = regroup()
    Clustering.objects.update(eps=0.01, link_distance=0.01)
    assert revisions.is_stale(clustering)
    regroup()
    assert groups() == set()
    Clustering.objects.update(eps=None, link_distance=None)
    regroup()
    assert groups() == {ids(faces)}


def test_names_do_not_wait_for_groups_to_be_made_from_nothing(
    house: House, regroup: Regroup, never_anew: Callable[[], None]
) -> None:
    faces = house.faces(1, 3)
    regroup()
    states.forget()
    states.path(MODEL).unlink()
    never_anew()
    revisions.count_up([MODEL], wake=False, faces=False)
    grouping.run(Clustering.objects.get().pk)
    assert groups() == {ids(faces)}


def test_a_few_faces_are_not_worth_a_new_file(house: House, regroup: Regroup, monkeypatch: pytest.MonkeyPatch) -> None:
    house.faces(1, 3)
    regroup()
    before = states.path(MODEL).read_bytes()
    monkeypatch.setattr(states, "_LEAST", 50)
    house.faces(1, 3)
    regroup()
    assert states.path(MODEL).read_bytes() == before
    states.forget()
    house.faces(2, 2)
    regroup()
    assert groups() == from_nothing()


def test_a_disk_that_is_full_is_no_harm(
    house: House, regroup: Regroup, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    faces = house.faces(1, 3)
    regroup()
    assert groups() == {ids(faces)}
    assert "could not be kept: No space left on device" in caplog.text
    assert list(states.path(MODEL).parent.iterdir()) == []


def test_what_a_killed_process_left_is_tidied_up_later(tmp_path: Path) -> None:
    file = tmp_path / "clustering" / "one.groups"
    arrays.write(file, "key", {"a": np.arange(3)})
    old, fresh = file.with_name(".one.groups.0123"), file.with_name(".one.groups.4567")
    old.touch()
    fresh.touch()
    os.utime(old, (0, 0))
    arrays.write(file, "key", {"a": np.arange(4)})
    assert not old.exists()
    assert fresh.exists()
    assert file.stat().st_mode & 0o077 == 0
    assert arrays.read(file)[1]["a"].tolist() == [0, 1, 2, 3]


@pytest.mark.slow
def test_kill_9_at_any_moment_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    file = tmp_path / "clustering" / "one.groups"
    arrays.write(file, "0", {"a": np.full(1_000_000, 0)})
    chance = random.Random(3)
    for _ in range(30):
        child = os.fork()
        if child == 0:
            try:
                number = 0
                while True:
                    number += 1
                    arrays.write(file, str(number), {"a": np.full(1_000_000, number)})
            finally:
                os._exit(1)
        signal.sigtimedwait([], chance.uniform(0.001, 0.08))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        key, found = arrays.read(file)
        assert (found["a"] == int(key)).all()


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
