"""Joined files in the trash and when one is deleted, sudden ends while they are joined, and what joining costs."""

from __future__ import annotations

import datetime as dt
import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from albums.models import AlbumItem
from gallery import joins, registering, services, tasks, thumbnails, trash
from gallery.models import File, Library, Mark, Photo, Upload
from tests.factories import AlbumFactory
from tests.importing import bring_in, scan, work_off
from tests.joined import MOVIE, PAIRS, STILL, assert_apart, assert_one, keeper, parts_of, shown  # noqa: F401
from tests.shots import NOON, movie, put, still
from tests.upload_client import Sender, originals, upload_library

pytestmark = pytest.mark.usefixtures("keeper", "recorder")


@pytest.mark.slow
def test_a_film_in_the_trash_is_not_joined_and_a_live_photo_takes_its_film_there_and_back(
    library: Library, folder: Path, admin: User
) -> None:
    put(folder, "a/1.MOV", MOVIE)
    (film,) = bring_in(library)
    trash.move(admin, [film.pk])
    put(folder, "a/1.JPG", STILL)
    bring_in(library)
    (photo,) = shown(library)
    assert not parts_of(photo)
    trash.restore(admin, [film.pk])
    work_off()
    photo = assert_one(library, "a/1.JPG", "a/1.MOV", "motion")
    trash.move(admin, [photo.pk])
    assert not shown(library)
    scan(library)
    work_off()
    assert not shown(library)
    trash.restore(admin, [photo.pk])
    work_off()
    assert_one(library, "a/1.JPG", "a/1.MOV", "motion")


def test_a_hidden_live_photo_whose_still_is_deleted_does_not_come_back_as_a_film(
    library: Library, folder: Path, admin: User
) -> None:
    put(folder, "a/1.JPG", STILL)
    put(folder, "a/1.MOV", MOVIE)
    put(folder, "other.jpg", still(seed=9))
    bring_in(library)
    photo = Photo.objects.get(files__path="a/1.JPG")
    trash.move(admin, [photo.pk])
    (folder / "a/1.JPG").unlink()
    bring_in(library)
    assert [file.path for photo in shown(library) for file in photo.files.all()] == ["other.jpg"]
    film = Photo.objects.get(files__path="a/1.MOV")
    assert film.trashed_at is not None
    assert film.imported_at is not None


def test_deleting_a_live_photo_for_good_deletes_its_film_too(db: None, tmp_path: Path, admin: User) -> None:
    folder = tmp_path / "uploads"
    library = upload_library(folder)
    put(folder, "1.JPG", STILL)
    put(folder, "1.MOV", MOVIE)
    put(folder, "other/1.MOV", movie(seed=2))
    bring_in(library)
    photo = Photo.objects.get(files__path="1.JPG")
    digests = set(Photo.objects.exclude(files__path="other/1.MOV").values_list("digest", flat=True))
    trash.move(admin, [photo.pk])
    trash.delete(admin, [photo.pk])
    tasks.purge()
    assert set(originals(folder)) == {"other/1.MOV"}
    assert Photo.objects.get().files.get().path == "other/1.MOV"
    assert len(digests) == 2
    assert not any(thumbnails.exist(digest) for digest in digests)


def test_a_film_that_is_not_what_it_was_keeps_a_live_photo_in_the_trash(db: None, tmp_path: Path, admin: User) -> None:
    folder = tmp_path / "uploads"
    library = upload_library(folder)
    put(folder, "1.JPG", STILL)
    put(folder, "1.MOV", MOVIE)
    bring_in(library)
    photo = Photo.objects.get(files__path="1.JPG")
    trash.move(admin, [photo.pk])
    trash.delete(admin, [photo.pk])
    put(folder, "1.MOV", movie(seed=7))
    tasks.purge()
    assert "1.MOV" in originals(folder)
    photo.refresh_from_db()
    assert photo.purge_asked_at is None
    assert photo.trashed_at is not None


def test_a_film_that_is_sent_again_goes_with_its_photo_into_the_album(
    db: None, tmp_path: Path, member: User, member_client: Client
) -> None:
    library = upload_library(tmp_path / "uploads")
    sender = Sender(member_client, library)
    sender.send(STILL, "1.JPG")
    sender.send(MOVIE, "1.MOV")
    work_off()
    (photo,) = shown(library)
    assert photo.parts.count() == 1
    album = AlbumFactory(owner=member)
    sender.send(MOVIE, "1.MOV", announce=False, album=f"album:{album.pk}")
    assert Upload.objects.order_by("-created_at")[0].photo_id == photo.pk
    assert [item.photo_id for item in AlbumItem.objects.all()] == [photo.pk]


def test_a_part_whose_main_photo_was_deleted_comes_back(library: Library, folder: Path) -> None:
    put(folder, "a/1.JPG", STILL)
    put(folder, "a/1.MOV", MOVIE)
    bring_in(library)
    shown(library)[0].delete()
    tasks.settle()
    (film,) = shown(library)
    assert film.kind == Photo.Kind.VIDEO
    assert_apart(library, "a/1.MOV")


@pytest.mark.slow
def test_a_film_that_is_only_guessed_to_have_moved_there_is_joined_when_it_was_read(
    library: Library, folder: Path
) -> None:
    """What lies there may be anything: a person's marks on the former film must not go to a photo it is not part of."""
    put(folder, "a/1.MOV", movie(seed=2))
    bring_in(library)
    put(folder, "a/1.JPG", still(seed=2))
    put(folder, "a/1.MOV", movie(seed=5, taken=NOON + dt.timedelta(days=3)))
    scan(library)
    film = File.objects.get(path="a/1.MOV")
    assert not film.is_read
    Photo.objects.filter(pk=film.photo_id).update(work_state="failed")
    work_off()
    assert File.objects.get(path="a/1.MOV").role == File.Role.PRIMARY
    Photo.objects.filter(pk=film.photo_id).update(work_state="ready", attempts=0)
    work_off()
    assert_apart(library, "a/1.JPG", "a/1.MOV")


class Killed(BaseException):
    pass


def dying_at(number: int, look: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """`look`, which ends suddenly before its statement with this number."""
    statements = itertools.count(1)

    def execute(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if next(statements) == number:
            raise Killed
        return run(sql, params, many, context)

    def dying(ids: Any) -> Any:
        with connection.execute_wrapper(execute):
            return look(ids)

    return dying


@pytest.mark.slow
def test_a_sudden_end_while_they_are_joined_changes_nothing_and_is_made_up_for(
    library: Library, folder: Path, member: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dies before each statement of the transaction that joins them, in turn."""
    put(folder, "a/1.MOV", MOVIE)
    (film,) = bring_in(library)
    services.set_favourite(member, [film.pk], is_favourite=True)
    put(folder, "a/1.JPG", STILL)
    scan(library)
    joins_look = joins.look
    for number in itertools.count(1):
        monkeypatch.setattr(joins, "look", dying_at(number, joins_look))
        try:
            work_off()
        except Killed:
            film.refresh_from_db()
            assert film.imported_at is not None
            assert not Photo.objects.filter(files__path="a/1.JPG", imported_at__isnull=False).exists()
            Photo.objects.filter(work_state="claimed").update(work_state="ready", attempts=0, lease_owner="")
            continue
        break
    assert number > 4
    photo = assert_one(library, "a/1.JPG", "a/1.MOV", "motion")
    assert Mark.objects.get(photo=photo, favourite=True)


def test_plain_pictures_cost_three_more_queries_a_batch_and_joining_does_not_look_through_the_library(
    library: Library, folder: Path
) -> None:
    for number in range(8):
        put(folder, f"{number}.jpg", still(seed=40 + number))
    bring_in(library)
    ids = list(Photo.objects.values_list("pk", flat=True))
    for few in (ids[:1], ids):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert joins.look(few) == set()
        assert len(queries) == 3
        for query in queries.captured_queries:
            assert_looks_up(query["sql"])


@pytest.mark.slow
def test_many_live_photos_are_joined_by_as_many_queries_as_a_few(library: Library, folder: Path) -> None:
    def looked(count: int, first: int) -> int:
        for number in range(first, first + count):
            put(folder, f"{number}.JPG", still(content_id=f"ID-{number}", seed=60 + number))
            put(folder, f"{number}.MOV", movie(content_id=f"ID-{number}", seed=60 + number))
        bring_in(library)
        files = File.objects.filter(
            photo__kind=Photo.Kind.VIDEO, path__in=[f"{n}.MOV" for n in range(first, first + count)]
        )
        ids = list(files.values_list("photo_id", flat=True))
        with CaptureQueriesContext(connection) as queries:
            joins.look(ids)
        return len(queries)

    assert looked(1, 0) == looked(4, 10) <= 6


def assert_looks_up(sql: str) -> None:
    """Each part of the query finds its rows by what is asked for, and none by walking through a library."""
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        plan = "\n".join(row[3] for row in cursor.fetchall())
    assert "SCAN" not in plan, plan
    assert "(library_id=?)" not in plan, plan


def test_a_library_that_scans_in_portions_loses_nothing(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Main photo and part are noted as gone in different transactions."""
    monkeypatch.setattr(registering, "CHUNK", 1)
    put(folder, "a/1.JPG", STILL)
    put(folder, "a/1.MOV", MOVIE)
    put(folder, "other.jpg", still(seed=9))
    bring_in(library)
    shutil.rmtree(folder / "a")
    scan(library)
    work_off()
    assert Photo.objects.filter(missing_since__isnull=False, imported_at__isnull=False).count() == 1
    assert services.forget_missing(library) == 1
    assert Photo.objects.count() == len(shown(library)) == 1, "its part went with it"
