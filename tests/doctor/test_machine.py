"""What only a person can mend: a damaged database, a full disk, models that are not there."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from gallery.doctor import machine, registry
from gallery.vision import catalog
from tests.conftest import MIRROR, TEST_WEIGHTS
from tests.doctor.conftest import find


def test_a_damaged_database_is_found(tmp_path: Path) -> None:
    file = tmp_path / "damaged.sqlite3"
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE photo (id INTEGER PRIMARY KEY, name TEXT)")
        database.execute("CREATE INDEX by_name ON photo (name)")
        database.executemany("INSERT INTO photo (name) VALUES (?)", [(f"name {n:08}" * 8,) for n in range(3000)])
    database.close()
    whole = sqlite3.connect(file)
    assert machine.sqlite_troubles(whole.cursor()) == []
    whole.close()
    data = bytearray(file.read_bytes())
    data[40 * 4096 : 44 * 4096] = b"\xa5" * 4 * 4096
    file.write_bytes(bytes(data))
    damaged = sqlite3.connect(file)
    assert machine.sqlite_troubles(damaged.cursor())
    damaged.close()


@pytest.mark.django_db
def test_the_database_of_the_tests_is_sound() -> None:
    assert find("database").count == 0


@pytest.mark.django_db
def test_little_room_on_the_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "MIN_FREE_BYTES", 0)
    assert find("disk-space").count == 0
    monkeypatch.setattr(machine, "MIN_FREE_BYTES", 10**18)
    assert "MB are free" in find("disk-space").examples[0].text


@pytest.mark.weights
def test_models_that_are_missing_or_damaged_are_told_until_they_are_there(settings: Any, tmp_path: Path) -> None:
    assert {example.text for example in find("weights").examples} == {
        "There is no model for face detection",
        "There is no model for face embedding",
        "There is no model for objects",
    }
    folder = settings.PICTOPY.models_dir
    for name in TEST_WEIGHTS:
        shutil.copy(MIRROR / name, folder / name)
    assert find("weights").count == 0
    spec = catalog.model("yolox_nano")
    data = bytearray((folder / spec.file).read_bytes())
    data[1000] ^= 1
    (folder / spec.file).write_bytes(bytes(data))
    assert [example.text for example in find("weights").examples] == [
        f"{spec.file} is damaged, or another version than the catalog names",
        "There is no model for objects",
    ]


def test_what_a_person_must_do_is_said_for_each_check_without_a_fix() -> None:
    names = {check.name for check in registry.all_checks() if check.fix is None}
    assert names == {"database", "disk-space", "weights"}
    for check in registry.all_checks():
        assert check.advice.endswith((".", "”."))
        assert check.explanation.endswith(".")
