"""How pairs become groups, against definitions that are simple and slow."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.duplicates import grouping, pairs
from gallery.vision import similarity

nodes = st.integers(0, 9)
edges = st.lists(st.tuples(nodes, nodes).filter(lambda it: it[0] < it[1]), unique=True, max_size=30)


def slow(ordered: list[tuple[int, int]], seeds: list[set[int]]) -> list[set[int]]:
    """Pair for pair: join their groups when all of both are pairs, as the definition says."""
    known = set(ordered)
    groups = [set(seed) for seed in seeds]
    groups += [{node} for node in range(10) if not any(node in seed for seed in seeds)]
    for one, other in ordered:
        first = next(group for group in groups if one in group)
        second = next(group for group in groups if other in group)
        both_seeds = any(seed <= first for seed in seeds) and any(seed <= second for seed in seeds)
        if first is second or both_seeds:
            continue
        if all((min(a, b), max(a, b)) in known for a in first for b in second):
            first |= second
            groups.remove(second)
    return [group for group in groups if len(group) > 1]


@given(edges)
def test_groups_are_what_the_slow_definition_gives(ordered: list[tuple[int, int]]) -> None:
    found = [set(it.members) for it in grouping.grow([], ordered)]
    assert sorted(map(sorted, found)) == sorted(map(sorted, slow(ordered, [])))


@given(edges)
def test_all_members_are_alike_nobody_is_in_two_groups_and_none_could_be_joined(
    ordered: list[tuple[int, int]],
) -> None:
    known = set(ordered)
    found = [it.members for it in grouping.grow([], ordered)]
    for group in found:
        assert all(pair in known for pair in itertools.combinations(sorted(group), 2))
    assert sum(map(len, found)) == len(set().union(*found))
    singles = [frozenset({node}) for pair in ordered for node in pair if not any(node in group for group in found)]
    for one, other in itertools.combinations({*found, *singles}, 2):
        assert any((min(a, b), max(a, b)) not in known for a in one for b in other)


@given(edges, st.sets(nodes, min_size=2, max_size=3), st.sets(nodes, min_size=2, max_size=3))
def test_groups_that_are_reviewed_only_grow(ordered: list[tuple[int, int]], first: set[int], second: set[int]) -> None:
    seeds = [first, second - first] if len(second - first) > 1 else [first]
    found = grouping.grow(seeds, ordered)
    assert sorted(map(sorted, (it.members for it in found))) == sorted(map(sorted, slow(ordered, seeds)))
    for place, seed in enumerate(seeds):
        (grown,) = (it for it in found if it.seed == place)
        assert seed <= grown.members


def test_a_chain_whose_ends_differ_does_not_become_one_group() -> None:
    pan = [(n, n + 1) for n in range(6)]
    assert [sorted(it.members) for it in grouping.grow([], pan)] == [[0, 1], [2, 3], [4, 5]]


@given(edges)
def test_components_hang_together_and_lose_nothing(ordered: list[tuple[int, int]]) -> None:
    parts = grouping.components(ordered)
    assert sorted(pair for part in parts for pair in part) == sorted(ordered)
    for one, other in itertools.combinations(parts, 2):
        assert {node for pair in one for node in pair}.isdisjoint(node for pair in other for node in pair)


hashes = st.lists(st.integers(-8, 8), min_size=1, max_size=12)


@pytest.mark.slow
@given(hashes, st.data())
def test_near_pairs_have_a_new_one_in_them_and_none_is_missed(values: list[int], data: st.DataObject) -> None:
    new = data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values)))
    most = data.draw(st.integers(0, 4))
    found = pairs.near(np.array(values, np.int64), np.array(new), most)
    assert [tuple(pair) for pair in found.tolist()] == [
        (a, b)
        for a, b in itertools.combinations(range(len(values)), 2)
        if (new[a] or new[b]) and similarity.distance(values[a], values[b]) <= most
    ]


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 40), st.integers(-3, 3)), min_size=1, max_size=15))
def test_shots_in_a_row_are_of_one_camera_within_seconds(shots: list[tuple[int, int, int]]) -> None:
    cameras, seconds, values = (np.array(column, np.int64) for column in zip(*shots, strict=True))
    found = pairs.in_a_row(cameras, seconds, values, np.ones(len(shots), bool))
    assert [tuple(pair) for pair in found.tolist()] == [
        (a, b)
        for a, b in itertools.combinations(range(len(shots)), 2)
        if shots[a][0] == shots[b][0] and abs(shots[a][1] - shots[b][1]) <= pairs.IN_A_ROW_S
        if similarity.distance(shots[a][2], shots[b][2]) <= pairs.MOST_IN_A_ROW
    ]


@pytest.mark.slow
def test_what_everything_is_near_to_says_nothing() -> None:
    random = np.random.default_rng(0)
    values = random.integers(-(2**63), 2**63 - 1, 30_000, dtype=np.int64)
    values[:2000] = 77 ^ (1 << random.integers(0, 62, 2000))  # a time lapse
    values[2000:2002] = values[5000]
    found = pairs.near(values, np.ones(len(values), bool))
    assert [tuple(pair) for pair in found.tolist()] == [(2000, 2001), (2000, 5000), (2001, 5000)]
    assert not len(pairs.near(np.full(pairs.CROWD + 1, 5), np.ones(pairs.CROWD + 1, bool)))
