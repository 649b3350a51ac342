"""The pure difference between a folder and the database's rows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.pairing import stem_of
from gallery.scan import Exclusion, Known, Stat, compare, is_picture

A, B, C = Stat(100, 1), Stat(200, 2), Stat(300, 3)


def test_a_new_file_is_added_and_a_vanished_one_gone() -> None:
    difference = compare({"old.jpg": Known(1, A)}, {"new.jpg": B})
    assert difference.added == {"new.jpg": B}
    assert difference.gone == [Known(1, A)]


def test_a_file_with_another_size_or_time_is_changed() -> None:
    difference = compare({"a.jpg": Known(1, A)}, {"a.jpg": B})
    assert difference.changed == [(Known(1, A), B)]
    assert not difference.gone
    assert not difference.added


def test_a_renamed_file_is_moved() -> None:
    difference = compare({"a.jpg": Known(1, A), "b.jpg": Known(2, B)}, {"trip/x.jpg": A, "b.jpg": B})
    assert difference.moved == [(Known(1, A), "trip/x.jpg", A)]
    assert not difference.added
    assert not difference.gone
    assert difference.unchanged == 1


def test_a_whole_folder_that_moved_is_paired_by_name_even_where_files_are_alike() -> None:
    known = {"old/1.jpg": Known(1, A), "old/2.jpg": Known(2, A)}
    difference = compare(known, {"new/2.jpg": A, "new/1.jpg": A})
    assert sorted((row.id, path) for row, path, _ in difference.moved) == [(1, "new/1.jpg"), (2, "new/2.jpg")]


def test_where_several_pairs_are_possible_nothing_is_guessed() -> None:
    known = {"a.jpg": Known(1, A), "b.jpg": Known(2, A)}
    difference = compare(known, {"x.jpg": A, "y.jpg": A})
    assert not difference.moved
    assert len(difference.added) == 2
    assert len(difference.gone) == 2


def test_a_missing_file_that_is_back_has_returned_and_one_still_away_is_not_gone_again() -> None:
    known = {"a.jpg": Known(1, A, is_missing=True), "b.jpg": Known(2, B, is_missing=True)}
    difference = compare(known, {"a.jpg": A})
    assert difference.returned == [Known(1, A, is_missing=True)]
    assert not difference.gone


def test_a_missing_file_can_turn_up_under_another_name() -> None:
    difference = compare({"a.jpg": Known(1, A, is_missing=True)}, {"b.jpg": A})
    assert difference.moved == [(Known(1, A, is_missing=True), "b.jpg", A)]


def test_files_in_a_folder_that_cannot_be_read_are_left_alone() -> None:
    known = {"locked/a.jpg": Known(1, A), "locked2/b.jpg": Known(2, B), "odd.jpg": Known(3, C)}
    difference = compare(known, {}, unreadable=["locked", "odd.jpg"])
    assert difference.gone == [Known(2, B)]


def test_a_sidecar_makes_a_file_described_again_and_not_changed() -> None:
    known = {"a.jpg": Known(1, A, sidecars="1 1 a.xmp"), "b.jpg": Known(2, B), "c.jpg": Known(3, C, sidecars="x")}
    sidecars = {"b.jpg": "5 5 b.json", "c.jpg": "x"}
    difference = compare(known, {"a.jpg": A, "b.jpg": B, "c.jpg": C}, sidecars=sidecars)
    assert difference.described == [(known["a.jpg"], ""), (known["b.jpg"], "5 5 b.json")]
    assert difference.unchanged == 1
    assert not difference.is_empty
    others = [difference.changed, difference.added, difference.gone, difference.moved, difference.returned]
    assert not any(others)


def test_of_a_file_that_is_read_anew_nothing_more_is_told() -> None:
    known = {
        "a.jpg": Known(1, A, sidecars="1 1 a.xmp"),
        "b.jpg": Known(2, B, is_missing=True, sidecars="old"),
        "c.jpg": Known(3, C, sidecars="1 1 c.xmp"),
    }
    found = {"a.jpg": B, "b.jpg": B, "x.jpg": C}
    difference = compare(known, found, sidecars={"b.jpg": "new", "x.jpg": "1 1 x.xmp"})
    assert not difference.described
    assert (len(difference.changed), len(difference.returned), len(difference.moved)) == (1, 1, 1)


files = st.dictionaries(
    st.sampled_from(["a.jpg", "b.jpg", "d/a.jpg", "d/b.jpg", "e/c.jpg"]),
    st.sampled_from([A, B, C]),
)


beside = st.dictionaries(st.sampled_from(["a.jpg", "b.jpg", "d/a.jpg"]), st.sampled_from(["1 1 x.xmp", "2 2 y.json"]))


@given(before=files, after=files, said=beside, says=beside)
def test_every_file_is_accounted_for_exactly_once(
    before: dict[str, Stat], after: dict[str, Stat], said: dict[str, str], says: dict[str, str]
) -> None:
    known = {
        path: Known(number, stat, sidecars=said.get(path, "")) for number, (path, stat) in enumerate(before.items())
    }
    difference = compare(known, after, sidecars=says)
    new_paths = [*difference.added, *(path for _, path, _ in difference.moved)]
    assert sorted(new_paths) == sorted(set(after) - set(before))
    lost = [row.id for row in difference.gone] + [row.id for row, _, _ in difference.moved]
    assert sorted(lost) == sorted(known[path].id for path in set(before) - set(after))
    described = len(difference.described)
    assert difference.unchanged + len(difference.changed) + described == len(set(before) & set(after))
    assert {row.id for row, _ in difference.described} == {
        known[path].id
        for path in set(before) & set(after)
        if before[path] == after[path] and said.get(path, "") != says.get(path, "")
    }
    for row, _, stat in difference.moved:
        assert row.stat == stat


@pytest.mark.parametrize(
    "path",
    [
        "@eaDir",
        ".thumbnails",
        ".stfolder",
        ".Trash-1000",
        "desktop.ini",
        "__MACOSX",
        "#snapshot",
        "._IMG.jpg",
        "Thumbs.db",
        "#recycle",
        "Private",
        "sub/secret/x.jpg",
        "x.TMP",
        "a/b.tmp",
    ],
)
def test_what_the_patterns_name_is_left_out(path: str) -> None:
    assert Exclusion.parse("# comment\nprivate/\n\n*.tmp\nsub/secret/*\n/").excludes(path)


@pytest.mark.parametrize("path", ["IMG.jpg", "Privates", "sub", "sub/other.jpg", "a.tmp.jpg"])
def test_what_no_pattern_names_stays(path: str) -> None:
    assert not Exclusion.parse("private\n*.tmp\nsub/secret/*").excludes(path)


def test_a_percent_sign_in_a_pattern_is_one() -> None:
    assert Exclusion.parse("100%.jpg").excludes("sub/100%25.jpg")


@pytest.mark.parametrize(
    ("path", "is_left_out"),
    [
        ("trip/private", True),
        ("trip/day/PRIVATE", True),
        ("trip/day/x.tmp", True),
        ("trip/raw/a.cr2", True),
        ("trip/day/raw/a.cr2", False),
        ("trip/top", True),
        ("trip/day/top", False),
        ("trip/raws/a.cr2", False),
        ("trip/a.jpg", False),
        ("trip/IMG_12.jpg", True),
        ("trip/IMG_123.jpg", False),
    ],
)
def test_an_ignore_file_speaks_of_what_lies_below_its_folder(path: str, is_left_out: bool) -> None:
    text = "# what nobody wants\n\nprivate/\n*.tmp\r\nraw/*\n/top\nIMG_??.jpg\n"
    assert Exclusion.parse_file(text, "trip").excludes(path) == is_left_out


@pytest.mark.parametrize(
    ("text", "is_left_out"), [("", True), (" \n\n", True), ("# nothing yet\n", False), ("/\n", False)]
)
def test_an_empty_ignore_file_leaves_out_the_folder(text: str, is_left_out: bool) -> None:
    assert Exclusion.parse_file(text, "trip").excludes("trip/a.jpg") == is_left_out


def test_a_folder_with_signs_of_patterns_in_its_name_is_meant_as_it_stands() -> None:
    rules = Exclusion.parse_file("x/*", "a[b]*")
    assert rules.excludes("a[b]*/x/1.jpg")
    assert not rules.excludes("ab/x/1.jpg")


def test_files_of_one_shot_have_one_stem() -> None:
    assert stem_of("a/IMG_1.JPG") == stem_of("a/img_1.cr2") == stem_of("a/IMG_1.MP.jpg")
    assert len({stem_of("a/IMG_1.JPG"), stem_of("b/IMG_1.JPG"), stem_of("IMG_1.JPG"), stem_of("a/IMG_2.JPG")}) == 4
    assert -(2**63) <= stem_of("ä/ü.jpg") < 2**63


def test_pictures_are_known_by_their_ending_in_any_case() -> None:
    assert is_picture("IMG.JPG")
    assert is_picture("x.heic")
    assert not is_picture("notes.txt")
    assert not is_picture("jpg")
