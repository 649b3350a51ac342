"""Groups that are kept between runs: in memory and in a file, which may be old, lost, damaged or of other rules."""

from __future__ import annotations

import logging
import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from django.utils import timezone

from faces import grouping, revisions
from faces.clustering import DynamicDBSCAN
from faces.grouping import arrays
from faces.grouping import state as states
from faces.models import Clustering, Face, FacePair
from gallery.models import Photo
from tests.faces.conftest import MODEL, House, embed_anew, from_nothing, groups, ids, look

Regroup = Callable[[], Clustering]


pytestmark = pytest.mark.usefixtures("always_saved")


@pytest.fixture
def never_anew(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From now on nothing may be built from nothing."""

    def begin() -> None:
        monkeypatch.setattr(DynamicDBSCAN, "build", lambda *args, **options: pytest.fail("made anew"))

    return begin


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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
