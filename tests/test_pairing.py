"""Which files are one photo together."""

from __future__ import annotations

import datetime as dt

import pytest

from gallery.pairing import Kind, Part, pairs

NOON = dt.datetime(2023, 7, 5, 12, 0, 0)
_ids = iter(range(1, 10_000))


def part(
    path: str,
    kind: Kind,
    taken: dt.datetime | None = NOON,
    content_id: str = "",
    duration_s: float | None = None,
) -> Part:
    return Part(
        next(_ids), path, kind, taken, content_id, 2.8 if kind == "video" and duration_s is None else duration_s
    )


def found(*parts: Part) -> set[tuple[str, str, str]]:
    return {(pair.main.path, pair.part.path, pair.role) for pair in pairs(parts)}


def test_a_live_photo_is_found_by_its_content_identifier_whatever_its_names() -> None:
    assert found(part("a/IMG_1.HEIC", "image", content_id="X"), part("a/vid.MOV", "video", content_id="X")) == {
        ("a/IMG_1.HEIC", "a/vid.MOV", "motion")
    }


def test_different_content_identifiers_outweigh_equal_names_and_times() -> None:
    assert not found(part("a/1.HEIC", "image", content_id="X"), part("a/1.MOV", "video", content_id="Y"))


def test_of_two_copies_of_a_live_photo_each_still_keeps_the_video_beside_it() -> None:
    copies = [
        part(f"{folder}/IMG_1.{ending}", kind, content_id="X")
        for folder in "ab"
        for ending, kind in (("HEIC", "image"), ("MOV", "video"))
    ]
    assert found(*copies) == {(f"{folder}/IMG_1.HEIC", f"{folder}/IMG_1.MOV", "motion") for folder in "ab"}


def test_an_edited_still_beside_the_original_leaves_the_video_with_the_original() -> None:
    still, edited = part("a/IMG_1.HEIC", "image", content_id="X"), part("a/IMG_E1.HEIC", "image", content_id="X")
    assert found(edited, still, part("a/IMG_1.MOV", "video", content_id="X")) == {
        ("a/IMG_1.HEIC", "a/IMG_1.MOV", "motion")
    }


def test_a_video_that_could_belong_to_two_stills_belongs_to_none() -> None:
    stills = [part(f"a/{name}.HEIC", "image", content_id="X") for name in ("one", "two")]
    assert not found(*stills, part("a/three.MOV", "video", content_id="X"))


@pytest.mark.parametrize("hours", [0, 2, -7, 5.75, -14])
@pytest.mark.parametrize("seconds", [0, 1.5, -2])
def test_name_and_time_join_a_short_video_even_when_its_zone_is_wrong(hours: float, seconds: float) -> None:
    later = NOON + dt.timedelta(hours=hours, seconds=seconds)
    assert found(part("a/IMG_1.JPG", "image"), part("a/img_1.mov", "video", later)) == {
        ("a/IMG_1.JPG", "a/img_1.mov", "motion")
    }


@pytest.mark.parametrize(
    "video",
    [
        part("a/IMG_1.MOV", "video", duration_s=9.0),  # a video of its own
        part("a/IMG_1.MOV", "video", NOON + dt.timedelta(minutes=4)),
        part("a/IMG_1.MOV", "video", NOON + dt.timedelta(days=1)),
        part("a/IMG_1.MOV", "video", None),
        part("a/IMG_2.MOV", "video"),
        part("b/IMG_1.MOV", "video"),
    ],
)
def test_a_video_that_was_not_taken_with_the_still_stays_a_video(video: Part) -> None:
    assert not found(part("a/IMG_1.JPG", "image"), video)


def test_google_puts_its_mark_into_the_name_of_the_still() -> None:
    assert found(part("a/PXL_1.MP.jpg", "image"), part("a/PXL_1.MP", "video")) == {
        ("a/PXL_1.MP.jpg", "a/PXL_1.MP", "motion")
    }


def test_a_raw_file_goes_behind_the_jpeg_of_its_name_and_second() -> None:
    raw = part("a/DSC1.NEF", "raw", NOON + dt.timedelta(seconds=1))
    assert found(part("a/DSC1.JPG", "image"), raw) == {("a/DSC1.JPG", "a/DSC1.NEF", "raw")}


def test_a_picture_developed_from_a_raw_file_without_its_date_still_belongs_to_it() -> None:
    assert found(part("a/DSC1.jpg", "image", None), part("a/DSC1.NEF", "raw")) == {("a/DSC1.jpg", "a/DSC1.NEF", "raw")}


def test_a_raw_file_of_another_day_or_beside_two_jpegs_stays_alone() -> None:
    assert not found(part("a/DSC1.JPG", "image"), part("a/DSC1.NEF", "raw", NOON + dt.timedelta(days=300)))
    assert not found(part("a/1.JPG", "image"), part("a/1.HEIC", "image"), part("a/1.NEF", "raw"))


def test_still_raw_and_video_of_one_shot_are_one_photo() -> None:
    assert found(part("a/1.HEIC", "image"), part("a/1.DNG", "raw"), part("a/1.MOV", "video")) == {
        ("a/1.HEIC", "a/1.DNG", "raw"),
        ("a/1.HEIC", "a/1.MOV", "motion"),
    }
