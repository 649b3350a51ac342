"""Files that are one photo: live photos, RAW files with their JPEG, in every order and whatever becomes of a half."""

from __future__ import annotations

import datetime as dt
import itertools
import shutil
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from gallery import joins, services
from gallery.models import Library, Mark, Photo, Receipt, SearchText
from tests.factories import LibraryFactory
from tests.importing import bring_in, scan, work_off
from tests.joined import MOVIE, PAIRS, STILL, assert_apart, assert_one, keeper, parts_of, shown  # noqa: F401
from tests.recorder import Recorder
from tests.shots import NOON, movie, put, raw, still

pytestmark = pytest.mark.usefixtures("keeper", "recorder")


@pytest.mark.slow
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


@pytest.mark.slow
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
@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_still_that_is_renamed_alone_leaves_a_film_that_only_had_its_name(library: Library, folder: Path) -> None:
    put(folder, "a/IMG_1.JPG", still(seed=2))
    put(folder, "a/IMG_1.MOV", movie(seed=2))
    bring_in(library)
    (folder / "a/IMG_1.JPG").rename(folder / "a/cover.JPG")
    bring_in(library)
    assert_apart(library, "a/cover.JPG", "a/IMG_1.MOV")


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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
