"""`manage.py doctor`: what it says, and how it ends."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from gallery.doctor import registry
from gallery.doctor.registry import Check, Finding, Look
from gallery.models import File, Library, Photo
from tests.factories import LibraryFactory, PhotoFactory
from tests.importing import work_off

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _no_weights() -> Iterator[None]:
    """Whether models are at hand is nothing of these tests."""
    check = registry._checks.pop("weights")
    yield
    registry.register(check)


def doctor(*arguments: str) -> tuple[str, int]:
    out = io.StringIO()
    try:
        call_command("doctor", *arguments, stdout=out)
    except SystemExit as end:
        return out.getvalue(), int(str(end.code))
    return out.getvalue(), 0


def test_it_ends_with_0_where_all_is_well(full: Library) -> None:
    said, code = doctor("--content")
    assert code == 0, said
    assert said.endswith("checks, nothing found.\n")


@pytest.mark.django_db
def test_it_ends_with_1_where_something_is_wrong_and_mends_only_when_asked() -> None:
    photo = PhotoFactory(library=LibraryFactory())
    File.objects.all().delete()
    said, code = doctor("--library", str(photo.library_id))
    assert code == 1
    assert f"    Photo {photo.pk} has no file" in said
    assert "(--fix does it)" in said
    photo.refresh_from_db()
    assert photo.missing_since is None
    said, code = doctor("--library", str(photo.library_id), "--fix")
    assert (code, "Taken in hand: 1." in said) == (1, True)
    said, code = doctor("--library", str(photo.library_id), "--fix")
    assert "Photos without a file: none" in said


@pytest.mark.slow
def test_everything_is_well_again_after_the_fixes_and_the_workers(full: Library, folder: Path) -> None:
    from gallery import tasks, thumbnails

    photo = Photo.objects.first()
    assert photo is not None
    thumbnails.path(photo.digest or "", "small").unlink()
    (folder / "3.jpg").unlink()
    Photo.objects.filter(pk=photo.pk).update(month=1)
    assert doctor()[1] == 1
    assert doctor("--fix")[1] == 1
    tasks.scan(full.pk)
    work_off()
    assert doctor() == (doctor()[0], 0)


def test_json_names_everything(full: Library) -> None:
    File.objects.filter(path="1.jpg").delete()
    said, code = doctor("--json")
    rows = {row["name"]: row for row in json.loads(said)}
    assert code == 1
    assert rows["photos-without-files"]["count"] == 1
    assert rows["photos-without-files"]["examples"][0]["library_id"] == full.pk
    assert rows["photos-without-files"]["can_be_fixed"] is True
    assert rows["photos-without-files"]["mended"] is None
    assert rows["files-new"]["count"] == 1
    assert rows["database"]["can_be_fixed"] is False


@pytest.mark.django_db
def test_a_library_that_is_not_there_is_2() -> None:
    with pytest.raises(CommandError, match="no library 5") as error:
        doctor("--library", "5")
    assert error.value.returncode == 2


@pytest.mark.django_db
def test_a_check_that_cannot_look_is_2(monkeypatch: pytest.MonkeyPatch) -> None:
    def stumbles(look: Look) -> Finding:
        raise OSError("the drive hangs")

    monkeypatch.setitem(registry._checks, "x", Check("x", "X", "E.", "A.", stumbles))
    said, code = doctor()
    assert code == 2
    assert "X: could not be looked at: OSError. The log says more." in said


@pytest.mark.slow
def test_a_database_that_was_never_made_is_2(tmp_path: Path) -> None:
    environment: dict[str, Any] = {
        **{key: value for key, value in os.environ.items() if not key.startswith("PICTOPY_")},
        "PICTOPY_DATA": str(tmp_path),
    }
    environment.pop("DATABASE_URL", None)
    command = [sys.executable, "manage.py", "doctor"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "The database cannot be used" in done.stderr
