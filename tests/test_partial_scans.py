"""Scans of some folders of a library: what the watcher asks for."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gallery import scanning, services, tasks, work
from gallery.models import File, Library, Mark, Photo, Review, Scan, WorkState
from gallery.scope import MOST_PLACES, Scope
from tests.factories import write_jpeg
from tests.importing import bring_in, scan, work_off


def small(folder: Path, *names: str) -> None:
    for name in names:
        write_jpeg(folder, name, width=16, height=16)


def present() -> list[str]:
    return list(File.objects.filter(missing_since__isnull=True).order_by("path").values_list("path", flat=True))


def of(*folders: str, trees: tuple[str, ...] = ()) -> Scope:
    return Scope.of(folders=folders, trees=trees)


def test_it_sees_what_happened_in_its_folders_and_nothing_else(library: Library, folder: Path) -> None:
    small(folder, "a/1.jpg", "a/2.jpg", "b/1.jpg", "top.jpg")
    scan(library)
    (folder / "a/1.jpg").unlink()
    (folder / "b/1.jpg").unlink()
    small(folder, "a/3.jpg", "b/3.jpg", "a/deeper/4.jpg")
    result = scan(library, scope=of("a"))
    assert (result.added, result.gone, result.scope) == (1, 1, {"folders": ["a"], "trees": []})
    assert present() == ["a/2.jpg", "a/3.jpg", "b/1.jpg", "top.jpg"]
    scan(library, scope=of(trees=("a",)))
    assert "a/deeper/4.jpg" in present()
    scan(library)
    assert present() == ["a/2.jpg", "a/3.jpg", "a/deeper/4.jpg", "b/3.jpg", "top.jpg"]


def test_the_root_by_itself(library: Library, folder: Path) -> None:
    small(folder, "a/1.jpg", "top.jpg")
    scan(library)
    (folder / "top.jpg").unlink()
    (folder / "a/1.jpg").unlink()
    small(folder, "new.jpg")
    scan(library, scope=of(""))
    assert present() == ["a/1.jpg", "new.jpg"]


def test_a_folder_that_was_renamed_keeps_its_photos(library: Library, folder: Path, member: User) -> None:
    small(folder, "old/1.jpg", "old/x/2.jpg", "other.jpg")
    photos = {photo.pk for photo in bring_in(library)}
    services.set_favourite(member, list(photos), is_favourite=True)
    (folder / "old").rename(folder / "new")
    result = scan(library, scope=of(trees=("old", "new")))
    assert (result.moved, result.gone, result.added) == (2, 0, 0)
    work_off()
    assert present() == ["new/1.jpg", "new/x/2.jpg", "other.jpg"]
    assert {photo.pk for photo in Photo.objects.filter(missing_since__isnull=True)} == photos
    assert Mark.objects.filter(favourite=True).count() == 3


@pytest.mark.slow
@pytest.mark.parametrize("first", ["old", "new"])
def test_a_move_that_is_seen_in_two_halves_ends_the_same(
    library: Library, folder: Path, member: User, first: str
) -> None:
    small(folder, "old/1.jpg", "other.jpg")
    photo = bring_in(library)[0]
    services.set_favourite(member, [photo.pk], is_favourite=True)
    (folder / "new").mkdir()
    (folder / "old/1.jpg").rename(folder / "new/1.jpg")
    for name in (first, "new" if first == "old" else "old"):
        scan(library, scope=of(name))
        work_off()
    assert present() == ["new/1.jpg", "other.jpg"]
    photo.refresh_from_db()
    assert photo.missing_since is None
    assert Mark.objects.get(photo=photo).favourite


def test_a_folder_that_is_gone_is_gone_and_one_that_is_left_out_is_not_looked_into(
    library: Library, folder: Path, tmp_path: Path
) -> None:
    small(folder, "a/b/1.jpg", "secret/x/1.jpg", ".hidden/1.jpg")
    (folder / "secret/.pictopyignore").write_text("x")
    small(tmp_path, "outside/1.jpg")
    (folder / "link").symlink_to(tmp_path / "outside")
    scan(library)
    assert present() == ["a/b/1.jpg"]
    result = scan(library, scope=of("secret/x", ".hidden", "link", "nowhere/at", trees=("nowhere", "secret/x")))
    assert result.seen == 0
    (folder / "a/b/1.jpg").unlink()
    (folder / "a/b").rmdir()
    scan(library, scope=of("a/b"))
    assert present() == []


def test_a_look_that_finds_nothing_leaves_no_line_and_asks_few_queries(library: Library, folder: Path) -> None:
    small(folder, *(f"a/{number}.jpg" for number in range(20)), *(f"b/{number}.jpg" for number in range(20)))
    scan(library)
    with CaptureQueriesContext(connection) as queries:
        scan(library, scope=of("a"))
    assert Scan.objects.count() == 1
    assert len(queries) < 25


def test_names_with_signs_of_patterns_are_picked_out_as_they_stand(library: Library, folder: Path) -> None:
    small(folder, "a%_b/1.jpg", "a%xb/1.jpg", "A%_B/1.jpg", "a%_b2/1.jpg")
    scan(library)
    for file in folder.rglob("*.jpg"):
        file.unlink()
    small(folder, "kept/1.jpg")
    scan(library, scope=of("a%25_b"))
    assert present() == ["A%25_B/1.jpg", "a%25_b2/1.jpg", "a%25xb/1.jpg"]


# --- what is missing


def test_a_small_folder_that_is_deleted_is_no_question(library: Library, folder: Path) -> None:
    """All of the 25 files it knows of are gone, but they are few among those of the library."""
    small(folder, *(f"trip/{number}.jpg" for number in range(25)), *(f"rest/{number}.jpg" for number in range(120)))
    scan(library)
    for file in (folder / "trip").iterdir():
        file.unlink()
    scan(library, scope=of("trip"))
    library.refresh_from_db()
    assert library.state == "ok"
    assert len(present()) == 120


@pytest.mark.slow
def test_many_that_vanish_bit_by_bit_are_asked_about(library: Library, folder: Path) -> None:
    for number in range(8):
        small(folder, *(f"{number}/{count}.jpg" for count in range(10)))
    scan(library)
    Photo.objects.update(digest=None, work_state=WorkState.DONE)
    for photo in Photo.objects.all():  # read, so that they are kept as missing
        Photo.objects.filter(pk=photo.pk).update(digest=f"{photo.pk:064}")
    for number in range(4):
        for file in (folder / str(number)).iterdir():
            file.unlink()
        scan(library, scope=of(str(number)))
        library.refresh_from_db()
        assert library.state == ("ok" if number < 2 else "held"), number
        if library.state == "held":
            break
    assert File.objects.filter(missing_since__isnull=False).count() == 20
    # All of it is looked at then, without forgetting what vanished before; and a person is asked.
    for _ in range(2):
        assert Scan.objects.get(library=library, work_state=WorkState.READY).scope is None
        tasks.scan(library.pk)
        library.refresh_from_db()
        assert (library.state, Review.objects.get().gone) == ("held", 10)
        scanning.request_scan(library)
    assert File.objects.filter(missing_since__isnull=False).count() == 20


def test_what_a_whole_scan_went_through_with_does_not_count_any_more(library: Library, folder: Path) -> None:
    for number in range(4):
        small(folder, *(f"{number}/{count}.jpg" for count in range(10)))
    scan(library)
    for photo in Photo.objects.all():
        Photo.objects.filter(pk=photo.pk).update(digest=f"{photo.pk:064}", work_state=WorkState.DONE)
    for name in ("0", "1", "2"):
        for file in (folder / name).iterdir():
            file.unlink()
    assert scan(library).work_state == WorkState.FAILED
    assert scan(library, accept_missing=True).gone == 30
    (folder / "3/0.jpg").unlink()
    scan(library, scope=of("3"))
    library.refresh_from_db()
    assert library.state == "ok"
    assert len(present()) == 9


def test_what_was_left_out_a_moment_ago_does_not_count_as_lost(library: Library, folder: Path) -> None:
    small(folder, *(f"out/{number}.jpg" for number in range(30)), *(f"rest/{number}.jpg" for number in range(20)))
    scan(library)
    for photo in Photo.objects.all():
        Photo.objects.filter(pk=photo.pk).update(digest=f"{photo.pk:064}", work_state=WorkState.DONE)
    (folder / "out/.pictopyignore").touch()
    assert scan(library, scope=of(trees=("out",))).gone == 30
    (folder / "rest/1.jpg").unlink()
    assert scan(library, scope=of("rest")).work_state == WorkState.DONE
    library.refresh_from_db()
    assert library.state == "ok"
    assert len(present()) == 19


def test_the_ledger_does_not_grow_for_ever(library: Library) -> None:
    long_ago, lately = timezone.now() - dt.timedelta(days=400), timezone.now() - dt.timedelta(days=8)
    part = {"folders": ["a"], "trees": []}

    def done(when: dt.datetime, scope: dict[str, list[str]] | None) -> int:
        return Scan.objects.create(library=library, scope=scope, worked_at=when, work_state=WorkState.DONE).pk

    done(long_ago, None)
    done(lately, part)
    kept = [done(lately, None), done(timezone.now(), part)]
    tasks.sweep()
    assert [scan.pk for scan in Scan.objects.filter(worked_at__isnull=False).order_by("id")] == kept
    Scan.objects.all().delete()
    only = done(long_ago, None)
    scanning.forget_old()
    assert Scan.objects.get().pk == only, "the schedule counts from it"


def test_a_part_of_a_library_whose_drive_is_away_takes_nothing_for_gone(
    library: Library, folder: Path, tmp_path: Path
) -> None:
    small(folder, "a/1.jpg")
    scan(library)
    folder.rename(tmp_path / "unplugged")
    folder.mkdir()
    scan(library, scope=of("a"))
    library.refresh_from_db()
    assert library.state == "offline"
    assert "empty" in library.state_reason
    assert present() == ["a/1.jpg"]


@pytest.mark.parametrize("state", ["held", "offline"])
def test_of_a_library_that_is_not_well_all_is_looked_through(library: Library, folder: Path, state: str) -> None:
    small(folder, "a/1.jpg", "b/1.jpg")
    Library.objects.update(state=state)
    result = scan(library, scope=of("a"))
    library.refresh_from_db()
    assert (library.state, result.added, result.is_whole) == ("ok", 2, True)


def test_a_part_does_not_answer_the_question_of_a_held_library(library: Library, folder: Path) -> None:
    small(folder, "kept.jpg", *(f"a/{number}.jpg" for number in range(30)))
    scan(library)
    for file in (folder / "a").iterdir():
        file.unlink()
    scan(library)
    small(folder, "b/new.jpg")
    scan(library, scope=of("b"))
    library.refresh_from_db()
    assert library.state == "held"
    assert not File.objects.filter(path="b/new.jpg").exists()


# --- requests


def test_requests_of_parts_become_one_and_the_whole_library_wins(library: Library) -> None:
    first = services.request_scan(library, scope=of("a"))
    assert services.request_scan(library, scope=of("b", trees=("c",))).pk == first.pk
    assert Scan.objects.get().scope == {"folders": ["a", "b"], "trees": ["c"]}
    services.request_scan(library)
    services.request_scan(library, scope=of("d"))
    assert Scan.objects.get().is_whole


def test_that_files_are_gone_for_good_is_said_of_the_whole_library(library: Library) -> None:
    services.request_scan(library, scope=of("a"), delay_s=60)
    services.request_scan(library, accept_missing=True)
    scan = Scan.objects.get()
    assert (scan.is_whole, scan.accept_missing, scan.not_before) == (True, True, None)


def test_too_many_places_are_the_whole_library(library: Library) -> None:
    services.request_scan(library, scope=of("a"))
    services.request_scan(library, scope=of(*(str(number) for number in range(MOST_PLACES))))
    assert Scan.objects.get().is_whole


@pytest.mark.slow
def test_more_places_than_the_database_is_asked_for_one_by_one(library: Library, folder: Path) -> None:
    names = [f"{number}/1.jpg" for number in range(80)]
    small(folder, *names, "other/1.jpg")
    scan(library)
    (folder / "7/1.jpg").unlink()
    (folder / "other/1.jpg").unlink()
    scan(library, scope=of(*(str(number) for number in range(80))))
    assert len(present()) == 80
    assert "other/1.jpg" in present()


def test_an_abandoned_scan_takes_over_what_the_waiting_one_was_to_look_at(library: Library) -> None:
    left = services.request_scan(library, scope=of("a"))
    Scan.objects.filter(pk=left.pk).update(
        work_state=WorkState.CLAIMED, attempts=1, lease_owner="elsewhere:1:1",
        lease_until=timezone.now() - dt.timedelta(seconds=1),
    )  # fmt: skip
    services.request_scan(library, scope=of("b"), delay_s=60)
    work.return_abandoned()
    assert Scan.objects.get().scope == {"folders": ["a", "b"], "trees": []}
    assert work.claim_scan(library.pk) is not None


def test_scans_of_parts_do_not_put_off_the_scheduled_one(library: Library, folder: Path) -> None:
    small(folder, "a/1.jpg")
    scan(library)
    Scan.objects.update(requested_at=timezone.now() - dt.timedelta(hours=2))
    small(folder, "a/2.jpg")
    scan(library, scope=of("a"))
    assert Scan.objects.count() == 2
    services.request_scan(library, scope=of("a"), delay_s=60)
    tasks._request_due_scans()
    assert Scan.objects.get(work_state=WorkState.READY).is_whole


def test_the_page_of_a_library_says_which_scans_looked_at_some_folders(
    library: Library, folder: Path, member_client: Client
) -> None:
    small(folder, "a/1.jpg")
    scan(library)
    assert "some folders" not in member_client.get(library.get_absolute_url()).content.decode()
    small(folder, "a/2.jpg")
    scan(library, scope=of("a"))
    assert "some folders" in member_client.get(library.get_absolute_url()).content.decode()
