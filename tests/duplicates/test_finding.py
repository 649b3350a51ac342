"""The search, from files on a disk to groups: copies and shots in a row are found once, and decisions remembered."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gallery import tasks, thumbnails, trash
from gallery.duplicates import deciding, finding
from gallery.models import DuplicateGroup, DuplicateMember, DuplicateSearch, File, Library, Photo, Receipt
from tests.duplicates.pictures import CAMERA, NOON, brighter, moved, save, scene, smaller
from tests.importing import bring_in
from tests.recorder import Recorder

SECOND = dt.timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _no_models(recorder: Recorder) -> None:
    """Nothing is analyzed but by the recorder."""


def search(library: Library) -> list[tuple[str, list[str]]]:
    """Everything that is new, then the open groups with the names of their photos."""
    bring_in(library)
    assert finding.find(library.pk)
    return groups()


def groups(**which: object) -> list[tuple[str, list[str]]]:
    found = []
    for group in DuplicateGroup.objects.filter(**(which or {"state": "open"})).order_by("-kind", "pk"):
        members = group.members.values_list("photo", flat=True)
        found.append((group.kind, sorted(File.objects.filter(photo__in=members).values_list("path", flat=True))))
    return found


@pytest.mark.slow
def test_copies_are_found_and_other_pictures_are_not(library: Library, folder: Path) -> None:
    original = scene(1)
    save(original, folder / "a.jpg", taken=NOON, camera=CAMERA)
    save(smaller(original), folder / "sent/a.jpg", quality=60)
    save(brighter(original), folder / "edited/a.jpg")
    for seed in range(2, 8):
        save(scene(seed), folder / f"other-{seed}.jpg")
    assert search(library) == [("same", ["a.jpg", "edited/a.jpg", "sent/a.jpg"])]


@pytest.mark.slow
def test_shots_in_a_row_are_a_group_of_their_own_kind_and_copies_of_one_stay_apart(
    library: Library, folder: Path
) -> None:
    first = scene(1)
    for number, by in enumerate((0, 0.01, 0.02)):
        save(moved(first, by), folder / f"{number}.jpg", taken=NOON + number * SECOND, camera=CAMERA)
    save(smaller(moved(first, 0)), folder / "copy.jpg", quality=70)
    # The same scene an hour later is neither.
    save(moved(first, 0.3), folder / "later.jpg", taken=NOON + dt.timedelta(hours=1), camera=CAMERA)
    found = search(library)
    assert found[0] == ("same", ["0.jpg", "copy.jpg"])
    assert all(kind == "row" for kind, _ in found[1:])
    assert any({"0.jpg", "1.jpg", "2.jpg"} <= set(names) for _, names in found[1:])
    assert not any("later.jpg" in names for _, names in found)


def test_two_shots_of_one_second_are_never_the_same_picture(library: Library, folder: Path) -> None:
    """They may differ in a blink; what is done to many at once must not decide about them."""
    save(scene(1), folder / "a.jpg", taken=NOON, camera=CAMERA)
    save(scene(1), folder / "b.jpg", taken=NOON, camera=CAMERA, quality=80)
    assert search(library) == [("row", ["a.jpg", "b.jpg"])]


@pytest.mark.slow
def test_only_what_is_new_is_compared_and_a_further_copy_joins(library: Library, folder: Path) -> None:
    save(scene(1), folder / "a.jpg")
    save(smaller(scene(1)), folder / "b.jpg")
    search(library)
    (group,) = DuplicateGroup.objects.all()
    before = set(Receipt.objects.filter(analyzer="duplicates").values_list("pk", flat=True))
    assert len(before) == 2
    save(brighter(scene(1)), folder / "c.jpg")
    save(scene(2), folder / "d.jpg")
    assert search(library) == [("same", ["a.jpg", "b.jpg", "c.jpg"])]
    assert DuplicateGroup.objects.get() == group
    assert set(Receipt.objects.filter(analyzer="duplicates").values_list("pk", flat=True)) > before


def test_a_second_search_changes_nothing_and_is_not_even_asked_for(library: Library, folder: Path) -> None:
    save(scene(1), folder / "a.jpg")
    save(smaller(scene(1)), folder / "b.jpg")
    search(library)
    rows = list(DuplicateMember.objects.order_by("pk").values())
    with CaptureQueriesContext(connection) as asked:
        finding.wake_stale()
    assert len(asked) == 1, "no worker was woken"
    DuplicateSearch.objects.update(revision=0)
    finding.find(library.pk)
    assert list(DuplicateMember.objects.order_by("pk").values()) == rows


def test_the_search_begins_by_itself_when_the_queue_has_settled(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[tuple[object, ...]] = []
    monkeypatch.setattr(finding.work, "wake", lambda *args: woken.append(args))
    save(scene(1), folder / "a.jpg")
    save(smaller(scene(1)), folder / "b.jpg")
    bring_in(library)
    assert ("gallery.tasks.find_duplicates", library.pk) in woken
    tasks.find_duplicates(library.pk)
    assert len(groups()) == 1


@pytest.mark.slow
def test_what_all_are_kept_of_is_never_asked_again(library: Library, folder: Path, admin: User) -> None:
    save(scene(1), folder / "a.jpg")
    save(smaller(scene(1)), folder / "b.jpg")
    search(library)
    deciding.keep_all(admin, DuplicateGroup.objects.get())
    assert search(library) == []
    # Not after everything was compared anew, and a further copy is asked about with one of them only.
    Receipt.objects.filter(analyzer="duplicates").delete()
    DuplicateSearch.objects.all().delete()
    assert search(library) == []
    save(brighter(scene(1)), folder / "c.jpg")
    ((kind, names),) = search(library)
    assert kind == "same"
    assert len(names) == 2
    assert "c.jpg" in names


@pytest.mark.slow
def test_a_photo_that_goes_leaves_its_group_and_one_that_comes_back_is_compared_again(
    library: Library, folder: Path, admin: User
) -> None:
    save(scene(1), folder / "a.jpg")
    save(smaller(scene(1)), folder / "b.jpg")
    search(library)
    gone = Photo.objects.get(files__path="b.jpg")
    moved_at = trash.move(admin, [gone.pk]).at
    assert search(library) == []
    assert not DuplicateGroup.objects.exists()
    save(brighter(scene(1)), folder / "c.jpg")
    assert search(library) == [("same", ["a.jpg", "c.jpg"])]
    trash.undo(admin, moved_at)
    assert search(library) == [("same", ["a.jpg", "b.jpg", "c.jpg"])]
    # So too when a file is away for a while.
    (folder / "a.jpg").rename(folder.parent / "away.jpg")
    assert search(library) == [("same", ["b.jpg", "c.jpg"])]
    (folder.parent / "away.jpg").rename(folder / "a.jpg")
    assert search(library) == [("same", ["a.jpg", "b.jpg", "c.jpg"])]


@pytest.mark.slow
def test_new_content_in_a_file_leaves_the_group(library: Library, folder: Path) -> None:
    save(scene(1), folder / "a.jpg")
    save(smaller(scene(1)), folder / "b.jpg")
    assert len(search(library)) == 1
    save(scene(5), folder / "b.jpg")
    assert search(library) == []


@pytest.mark.slow
def test_a_copy_without_its_small_picture_is_compared_when_it_is_there_again(library: Library, folder: Path) -> None:
    save(scene(1), folder / "a.jpg")
    save(smaller(scene(1)), folder / "b.jpg")
    bring_in(library)
    photo = Photo.objects.get(files__path="b.jpg")
    small = thumbnails.path(photo.digest or "", "small")
    data = small.read_bytes()
    small.unlink()
    finding.find(library.pk)
    assert groups() == []
    small.write_bytes(data)
    finding.find(library.pk)
    assert len(groups()) == 1


@pytest.mark.slow
def test_libraries_do_not_meet(library: Library, folder: Path, tmp_path: Path) -> None:
    from tests.factories import LibraryFactory

    other = LibraryFactory(root=str(tmp_path / "other"))
    save(scene(1), folder / "a.jpg")
    save(smaller(scene(1)), tmp_path / "other/b.jpg")
    assert search(library) == []
    assert search(other) == []


def test_what_changed_while_it_was_compared_is_left_for_the_next_search(library: Library, folder: Path) -> None:
    save(scene(1), folder / "a.jpg")
    save(smaller(scene(1)), folder / "b.jpg")
    one, other = bring_in(library)
    pair = finding.Pair(one.pk, other.pk, DuplicateGroup.Kind.SAME, 0)
    compared = {one.pk: (one.phash or 0) ^ 1, other.pk: other.phash or 0}
    finding.record(library.pk, [pair], compared, compared, {one.pk: 1.0, other.pk: 1.0})
    assert not DuplicateGroup.objects.exists()
    assert list(Receipt.objects.filter(analyzer="duplicates").values_list("photo", flat=True)) == [other.pk]


@pytest.mark.slow
def test_a_search_that_is_cut_short_goes_on(library: Library, folder: Path) -> None:
    for seed in range(4):
        save(scene(seed), folder / f"{seed}.jpg")
        save(smaller(scene(seed)), folder / f"{seed}-small.jpg")
    bring_in(library)
    assert not finding.find(library.pk, turn_s=-1)
    assert not DuplicateSearch.objects.exists()
    assert finding.find(library.pk)
    assert len(groups()) == 4


@pytest.mark.slow
def test_two_searches_at_once_write_everything_once(library: Library, folder: Path) -> None:
    """The second writes what it found after the first has: as two workers that were woken at the same time do."""
    save(scene(1), folder / "a.jpg")
    save(smaller(scene(1)), folder / "b.jpg")
    one, other = bring_in(library)
    pair = finding.Pair(one.pk, other.pk, DuplicateGroup.Kind.SAME, 0)
    compared = {one.pk: one.phash or 0, other.pk: other.phash or 0}
    for _ in range(2):
        finding.record(library.pk, [pair], compared, compared, {one.pk: 1.0, other.pk: 1.0})
    assert groups() == [("same", ["a.jpg", "b.jpg"])]
    assert Receipt.objects.filter(analyzer="duplicates").count() == 2
