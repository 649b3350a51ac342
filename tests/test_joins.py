"""Files that are one photo: live photos, RAW files with their JPEG, in every order and whatever becomes of a half."""

from __future__ import annotations

import datetime as dt
import itertools
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from albums.models import AlbumItem
from gallery import joins, keepsakes, registering, services, tasks, thumbnails, trash
from gallery.access import shown_in
from gallery.models import File, Library, Mark, Photo, Receipt, SearchText, Upload
from tests.factories import AlbumFactory, LibraryFactory
from tests.importing import bring_in, scan, work_off
from tests.recorder import Recorder
from tests.shots import NOON, movie, put, raw, still
from tests.upload_client import Sender, originals, upload_library


class Marks:
    """Keeps favourites, as one of the keepers does."""

    name = "marks"

    def move(self, sources: Sequence[int], target: int, *, for_good: bool = False) -> Any:
        users = list(Mark.objects.filter(photo__in=sources, favourite=True).values_list("user_id", flat=True))
        for user_id in users:
            Mark.objects.update_or_create(user_id=user_id, photo_id=target, defaults={"favourite": True})
        return users

    def put_back(self, record: Any) -> None:
        raise AssertionError("a join moves one way")


@pytest.fixture(autouse=True)
def _keeper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keepsakes, "_keepers", {})
    keepsakes.register(Marks())


@pytest.fixture(autouse=True)
def recorded(recorder: Recorder) -> Recorder:
    return recorder


STILL = still(content_id="LIVE-A-1", seed=1)
MOVIE = movie(content_id="LIVE-A-1", seed=1)
PAIRS: dict[str, tuple[tuple[str, bytes], tuple[str, bytes], str]] = {
    "by identifier": (("a/IMG_1.JPG", STILL), ("b/clip.MOV", MOVIE), "motion"),
    "by name and time": (("a/IMG_1.JPG", still(seed=2)), ("a/IMG_1.MOV", movie(seed=2)), "motion"),
    "raw": (("a/DSC1.JPG", still(seed=3)), ("a/DSC1.DNG", raw(seed=3)), "raw"),
}


def shown(library: Library) -> list[Photo]:
    return list(shown_in([library.pk]).order_by("id"))


def parts_of(photo: Photo) -> set[tuple[str, str]]:
    return set(photo.parts.values_list("path", "role"))


def assert_one(library: Library, main: str, part: str, role: str) -> Photo:
    (photo,) = shown(library)
    assert [file.path for file in photo.files.all()] == [main]
    assert parts_of(photo) == {(part, role)}
    assert photo.missing_since is None
    assert (photo.kind == Photo.Kind.MOTION) == (role == "motion")
    return photo


def assert_apart(library: Library, *paths: str) -> None:
    photos = shown(library)
    assert sorted(file.path for photo in photos for file in photo.files.all()) == sorted(paths)
    assert not File.objects.exclude(role=File.Role.PRIMARY).exists()
    assert not File.objects.filter(main__isnull=False).exists()
    assert not any(photo.kind == Photo.Kind.MOTION for photo in photos)


@pytest.mark.parametrize("order", ["together", "still first", "part first"])
@pytest.mark.parametrize("pair", PAIRS)
def test_both_files_are_one_photo_in_whatever_order_they_come(
    library: Library, folder: Path, member: User, pair: str, order: str
) -> None:
    main, part, role = PAIRS[pair]
    first, second = (part, main) if order == "part first" else (main, part)
    put(folder, *first)
    if order != "together":
        (photo,) = bring_in(library)
        services.set_favourite(member, [photo.pk], is_favourite=True)
    put(folder, *second)
    bring_in(library)

    photo = assert_one(library, main[0], part[0], role)

    assert Mark.objects.filter(photo=photo, favourite=True).exists() == (order != "together")
    assert part[0].lower() in SearchText.objects.get(photo=photo).text, "found by either name"
    assert services.progress([library])[library.pk].total == 1


def test_what_analyzers_found_in_a_part_goes_and_is_looked_for_again_when_it_stands_alone(
    library: Library, folder: Path, recorder: Recorder
) -> None:
    put(folder, "a/1.JPG", STILL)
    put(folder, "a/1.MOV", MOVIE)
    bring_in(library)
    part = Photo.objects.get(kind=Photo.Kind.VIDEO)
    assert part.pk not in recorder.saved
    assert not Receipt.objects.filter(photo=part, analyzer=recorder.name).exists()
    put(folder, "other.jpg", still(seed=9))
    bring_in(library)
    runs = recorder.runs
    (folder / "a/1.JPG").unlink()
    bring_in(library)
    assert recorder.runs == runs + 1
    assert Receipt.objects.filter(photo=part, analyzer=recorder.name).exists()


@pytest.mark.parametrize("pair", PAIRS)
def test_a_part_whose_main_photo_vanishes_is_shown_by_itself_until_that_comes_back(
    library: Library, folder: Path, tmp_path: Path, pair: str
) -> None:
    main, part, role = PAIRS[pair]
    put(folder, *main)
    put(folder, *part)
    bring_in(library)
    (folder / main[0]).rename(tmp_path / "away")
    bring_in(library)
    alone = Photo.objects.get(files__path=part[0])
    assert alone in shown(library)
    assert alone.missing_since is None
    (tmp_path / "away").rename(folder / main[0])
    bring_in(library)
    assert_one(library, main[0], part[0], role)


@pytest.mark.parametrize("pair", PAIRS)
def test_a_part_that_vanishes_leaves_no_missing_photo_behind(
    library: Library, folder: Path, tmp_path: Path, pair: str
) -> None:
    main, part, role = PAIRS[pair]
    put(folder, *main)
    put(folder, *part)
    bring_in(library)
    (folder / part[0]).rename(tmp_path / "away")
    bring_in(library)
    (photo,) = shown(library)
    assert photo.missing_since is None
    assert photo.parts.get().missing_since is not None
    (tmp_path / "away").rename(folder / part[0])
    bring_in(library)
    assert_one(library, main[0], part[0], role)


def test_a_folder_that_goes_away_takes_one_photo_not_two(library: Library, folder: Path, tmp_path: Path) -> None:
    put(folder, "a/1.JPG", STILL)
    put(folder, "a/1.MOV", MOVIE)
    put(folder, "other.jpg", still(seed=9))
    bring_in(library)
    (folder / "a").rename(tmp_path / "away")
    scan(library)
    work_off()
    assert Photo.objects.filter(missing_since__isnull=False, imported_at__isnull=False).count() == 1
    (tmp_path / "away").rename(folder / "a")
    bring_in(library)
    live = Photo.objects.get(files__path="a/1.JPG")
    assert parts_of(live) == {("a/1.MOV", "motion")}
    assert len(shown(library)) == 2


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("keeps_time", [True, False])
def test_a_renamed_folder_keeps_them_together(
    library: Library, folder: Path, member: User, pair: str, keeps_time: bool
) -> None:
    main, part, role = PAIRS[pair]
    put(folder, f"trip/{main[0]}", main[1])
    put(folder, f"trip/{part[0]}", part[1])
    bring_in(library)
    (photo,) = shown(library)
    services.set_favourite(member, [photo.pk], is_favourite=True)
    if keeps_time:
        (folder / "trip").rename(folder / "holiday")
    else:
        shutil.copytree(folder / "trip", folder / "holiday", copy_function=shutil.copyfile)
        shutil.rmtree(folder / "trip")
    bring_in(library)
    same = assert_one(library, f"holiday/{main[0]}", f"holiday/{part[0]}", role)
    assert same.pk == photo.pk
    assert Mark.objects.get(photo=same).favourite


def test_a_still_that_is_renamed_alone_leaves_a_film_that_only_had_its_name(library: Library, folder: Path) -> None:
    put(folder, "a/IMG_1.JPG", still(seed=2))
    put(folder, "a/IMG_1.MOV", movie(seed=2))
    bring_in(library)
    (folder / "a/IMG_1.JPG").rename(folder / "a/cover.JPG")
    bring_in(library)
    assert_apart(library, "a/cover.JPG", "a/IMG_1.MOV")


def test_a_part_that_is_edited_into_something_else_stands_alone(library: Library, folder: Path) -> None:
    put(folder, "a/1.JPG", still(seed=2))
    put(folder, "a/1.MOV", movie(seed=2))
    bring_in(library)
    put(folder, "a/1.MOV", movie(seed=5, taken=NOON + dt.timedelta(days=3)))
    bring_in(library)
    assert_apart(library, "a/1.JPG", "a/1.MOV")
    put(folder, "a/1.MOV", movie(seed=6))
    bring_in(library)
    assert_one(library, "a/1.JPG", "a/1.MOV", "motion")


def test_a_still_that_is_edited_keeps_its_film_while_it_says_the_same(library: Library, folder: Path) -> None:
    put(folder, "a/1.JPG", STILL)
    put(folder, "a/1.MOV", MOVIE)
    bring_in(library)
    put(folder, "a/1.JPG", still(content_id="LIVE-A-1", seed=8))
    bring_in(library)
    assert_one(library, "a/1.JPG", "a/1.MOV", "motion")
    put(folder, "a/1.JPG", still(content_id="LIVE-B-2", seed=8))
    bring_in(library)
    assert_apart(library, "a/1.JPG", "a/1.MOV")


def test_a_third_file_that_makes_the_pair_doubtful_undoes_it(library: Library, folder: Path) -> None:
    put(folder, "a/1.JPG", still(seed=3))
    put(folder, "a/1.DNG", raw(seed=3))
    bring_in(library)
    put(folder, "a/1.PNG", still(seed=4))
    bring_in(library)
    assert_apart(library, "a/1.JPG", "a/1.DNG", "a/1.PNG")
    (folder / "a/1.PNG").unlink()
    bring_in(library)
    assert parts_of(Photo.objects.get(files__path="a/1.JPG")) == {("a/1.DNG", "raw")}


@pytest.mark.slow
def test_still_raw_and_film_of_one_shot_are_one_photo_in_every_order(
    library: Library, folder: Path, tmp_path: Path
) -> None:
    three = {"1.JPG": still(seed=3), "1.DNG": raw(seed=3), "1.MOV": movie(seed=3)}
    for number, order in enumerate(itertools.permutations(three)):
        place = f"order-{number}"
        for name in order:
            put(folder, f"{place}/{name}", three[name] + (f"{number}".encode() if name != "1.DNG" else b""))
            bring_in(library)
        if number == 0:
            assert parts_of(Photo.objects.get(files__path=f"{place}/1.JPG")) == {
                (f"{place}/1.DNG", "raw"),
                (f"{place}/1.MOV", "motion"),
            }
        assert len(shown(library)) == number + 1, order


def test_a_copy_of_a_live_photo_is_one_more_location_of_both_its_files(library: Library, folder: Path) -> None:
    for place in ("a", "b"):
        put(folder, f"{place}/1.JPG", STILL)
        put(folder, f"{place}/1.MOV", MOVIE)
    bring_in(library)
    (photo,) = shown(library)
    assert {file.path for file in photo.files.all()} == {"a/1.JPG", "b/1.JPG"}
    assert parts_of(photo) == {("a/1.MOV", "motion"), ("b/1.MOV", "motion")}
    shutil.rmtree(folder / "a")
    bring_in(library)
    (photo,) = shown(library)
    assert photo.missing_since is None
    assert photo.parts.filter(missing_since=None).get().path == "b/1.MOV"


def test_a_copy_of_the_film_alone_is_part_of_the_same_photo_if_apple_says_so(library: Library, folder: Path) -> None:
    put(folder, "a/1.JPG", STILL)
    put(folder, "a/1.MOV", MOVIE)
    put(folder, "0-films/x.MOV", MOVIE)
    bring_in(library)
    (photo,) = shown(library)
    assert parts_of(photo) == {("a/1.MOV", "motion"), ("0-films/x.MOV", "motion")}


def test_a_copy_of_a_film_that_was_joined_by_its_name_is_a_film_elsewhere(library: Library, folder: Path) -> None:
    put(folder, "a/1.JPG", still(seed=2))
    put(folder, "a/1.MOV", movie(seed=2))
    bring_in(library)
    put(folder, "films/x.MOV", movie(seed=2))
    bring_in(library)
    assert {photo.kind for photo in shown(library)} == {Photo.Kind.MOTION, Photo.Kind.VIDEO}


def test_what_many_photos_have_in_common_joins_none(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joins, "_MOST_ALIKE", 2)
    for number in range(3):
        put(folder, f"a{number}/x.JPG", still(content_id="THE-SAME", seed=20 + number))
    put(folder, "b/clip.MOV", movie(content_id="THE-SAME"))
    bring_in(library)
    assert len(shown(library)) == 4


def test_a_date_that_a_person_set_does_not_tear_them_apart(library: Library, folder: Path) -> None:
    put(folder, "a/1.JPG", still(seed=2))
    put(folder, "a/1.MOV", movie(seed=2))
    bring_in(library)
    (photo,) = shown(library)
    photo.set_taken(dt.datetime(1999, 1, 1), utc_offset_min=None, source=Photo.TakenSource.PERSON)
    photo.set_by_people = "taken"
    photo.save()
    (folder / "a").rename(folder / "b")
    bring_in(library)
    assert_one(library, "b/1.JPG", "b/1.MOV", "motion")


def test_files_of_two_libraries_have_nothing_to_do_with_each_other(
    library: Library, folder: Path, tmp_path: Path
) -> None:
    put(folder, "a/1.JPG", STILL)
    put(tmp_path / "others", "a/1.MOV", MOVIE)
    other = LibraryFactory(root=str(tmp_path / "others"))
    bring_in(library)
    bring_in(other)
    assert len(shown(library)) == len(shown(other)) == 1


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
