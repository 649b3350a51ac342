"""Derivatives that are missing, damaged or of no use: made again, or deleted, and originals never touched."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from faces import crops
from gallery import thumbnails
from gallery.models import Library, Photo
from tests.doctor.conftest import cure, find
from tests.doctor.test_disk import snapshot
from tests.factories import jpeg_bytes
from tests.importing import work_off

OLD_S = 2 * 24 * 3600


def age(file: Path) -> Path:
    then = time.time() - OLD_S
    os.utime(file, (then, then))
    return file


@pytest.mark.parametrize("damage", ["gone", "empty", "cut"])
def test_thumbnails_that_are_not_whole_are_made_again(full: Library, folder: Path, damage: str) -> None:
    photo = Photo.objects.order_by("pk")[1]
    file = thumbnails.path(photo.digest or "", "medium")
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(b"" if damage == "empty" else file.read_bytes()[:-40])
    before = snapshot(folder)
    cure("thumbnails-missing", count=1)
    work_off()
    assert find("thumbnails-missing").count == 0
    assert file.read_bytes()[-2:] == b"\xff\xd9"
    assert snapshot(folder) == before


def test_thumbnails_that_cannot_be_decoded_are_made_again(full: Library) -> None:
    photo = Photo.objects.order_by("pk")[1]
    file = thumbnails.path(photo.digest or "", "small")
    file.write_bytes(b"\xff\xd8" + b"nothing of a picture" * 9 + b"\xff\xd9")
    assert find("thumbnails-missing").count == 0
    cure("thumbnails-damaged", count=1)
    work_off()
    assert find("thumbnails-damaged").count == 0
    assert file.read_bytes()[:4] == b"\xff\xd8\xff\xe0"


def test_derivatives_of_contents_that_nobody_shows_are_deleted_and_no_others(full: Library, folder: Path) -> None:
    photo = Photo.objects.first()
    assert photo is not None
    needed = age(thumbnails.path(photo.digest or "", "small"))
    film = needed.with_name(f"{photo.digest}-film.mp4")
    film.write_bytes(b"a copy")
    age(film)
    orphan = thumbnails.path("ab" * 32, "small")
    young = thumbnails.path("cd" * 32, "small")
    for file in (orphan, young):
        thumbnails.write_file(file, jpeg_bytes(32, 24))
    other = orphan.with_name(f"{'ab' * 32}-film.mp4")
    other.write_bytes(b"a copy")
    stranger = orphan.with_name("notes.txt")
    stranger.touch()
    for file in (orphan, other, stranger):
        age(file)
    before = snapshot(folder)
    cure("derivatives-orphaned", count=2)
    assert not orphan.exists()
    assert not other.exists()
    assert needed.exists()
    assert film.exists()
    assert young.exists()  # its row may just not be written yet
    assert stranger.exists()
    assert snapshot(folder) == before


def test_crops_of_faces_that_no_photo_needs_are_deleted(full: Library) -> None:
    photo = Photo.objects.first()
    assert photo is not None
    needed, orphan = crops.path(photo.digest or "", "1" * 12), crops.path("ef" * 32, "1" * 12)
    for file in (needed, orphan):
        thumbnails.write_file(file, jpeg_bytes(32, 24))
        age(file)
    cure("crops-orphaned", count=1)
    assert needed.exists()
    assert not orphan.exists()


@pytest.mark.django_db
def test_temporary_files_that_were_left_over_are_deleted(settings: Any) -> None:
    folder = thumbnails.path("ab" * 32, "small").parent
    folder.mkdir(parents=True)
    old, young = (folder / f".{'ab' * 32}-small.jpg.{end}" for end in ("0" * 8, "1" * 8))
    for file in (old, young):
        file.write_bytes(b"x")
    age(old)
    cure("temporary-files", count=1)
    assert not old.exists()
    assert young.exists()
