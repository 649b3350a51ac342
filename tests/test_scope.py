"""Which part of a library a scan looks at: pure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.scope import MOST_PLACES, Scope, merge_json

PLACES = st.frozensets(st.sampled_from(["", "a", "a/b", "a/b/c", "ab", "d"]))
FILES = ["1.jpg", "a/1.jpg", "a/b/1.jpg", "a/b/c/1.jpg", "ab/1.jpg", "d/1.jpg", "a.jpg"]


def test_a_folder_is_itself_and_a_tree_all_that_lies_below() -> None:
    scope = Scope.of(folders=["a"], trees=["d"])
    asked = ("a/1.jpg", "a/b/1.jpg", "d/1.jpg", "d/e/1.jpg", "1.jpg", "da/1.jpg")
    assert [path for path in asked if scope.covers(path)] == ["a/1.jpg", "d/1.jpg", "d/e/1.jpg"]


def test_the_root_alone_is_a_folder_too() -> None:
    scope = Scope.of(folders=[""])
    assert scope.covers("1.jpg")
    assert not scope.covers("a/1.jpg")
    assert not scope.is_whole


def test_what_a_tree_covers_is_not_named_beside_it() -> None:
    assert Scope.of(folders=["a", "a/b", "ab"], trees=["a", "a/b/c"]) == Scope.of(folders=["ab"], trees=["a"])


@pytest.mark.parametrize(
    "scope", [Scope.of(trees=["", "a"]), Scope.of(folders=[str(number) for number in range(MOST_PLACES + 1)])]
)
def test_the_whole_tree_and_very_many_places_are_the_whole_library(scope: Scope) -> None:
    assert scope.is_whole
    assert merge_json(scope.to_json(), {"folders": [], "trees": []}) is None


def test_whole_wins_over_a_part() -> None:
    part = Scope.of(folders=["a"]).to_json()
    assert merge_json(None, part) is None
    assert merge_json(part, None) is None
    assert merge_json(part, Scope.of(trees=["d"]).to_json()) == {"folders": ["a"], "trees": ["d"]}


@given(folders=PLACES, trees=PLACES, more=PLACES)
def test_both_together_cover_what_either_covers(
    folders: frozenset[str], trees: frozenset[str], more: frozenset[str]
) -> None:
    one, other = Scope.of(folders=folders, trees=trees), Scope.of(trees=more)
    both = one.merge(other)
    for path in FILES:
        assert both.covers(path) == (one.covers(path) or other.covers(path))
        folder = path.rpartition("/")[0]
        is_below = any(tree == "" or folder == tree or folder.startswith(f"{tree}/") for tree in trees)
        assert one.covers(path) == (folder in folders or is_below)
    assert Scope.from_json(both.to_json()) == both
