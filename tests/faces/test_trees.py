"""Spanning trees that are kept while points come and go, and what is found with a few products: as from nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faces.clustering import constraints, one_a_photo, pairs, trees
from faces.clustering.centres import Centres
from faces.clustering.linkage import means
from tests.faces.test_clustering import normalised
from tests.thorough import examples

seeds = st.integers(0, 2**32 - 1)


def some_points(random: np.random.Generator, count: int) -> np.ndarray:
    """On a circle or a small sphere, with copies among them, so that many pairs are equal."""
    places = random.normal(size=(max(1, count // 2), int(random.integers(2, 4))))
    return pairs.whole(normalised(places[random.integers(0, len(places), count)]))


def plain_tree(points: np.ndarray) -> list[tuple[int, int]]:
    """Kruskal's, over all pairs."""
    wide = points.astype(np.int64)
    ranked = sorted((-int(wide[one] @ wide[two]), one, two) for two in range(len(wide)) for one in range(two))
    part = list(range(len(wide)))
    found = []
    for _, one, other in ranked:
        if part[one] != part[other]:
            found.append((one, other))
            part = [part[one] if number == part[other] else number for number in part]
    return found


def as_list(tree: trees.Tree) -> list[tuple[int, int]]:
    return list(zip(tree.left.tolist(), tree.right.tolist(), strict=True))


@settings(max_examples=examples(100), deadline=None)
@given(seed=seeds, count=st.integers(1, 24), new=st.integers(0, 6), missing=st.integers(0, 3))
def test_a_tree_that_is_mended_is_the_one_from_nothing(seed: int, count: int, new: int, missing: int) -> None:
    random = np.random.default_rng(seed)
    points = some_points(random, count)
    base = np.ones(count, dtype=np.bool_)
    base[random.permutation(count)[: min(new, count - 1)]] = False
    old = np.flatnonzero(base)
    former = trees.spanning_tree(points[old])
    left = np.sort(random.permutation(len(former.left))[missing:])
    known = trees.Tree(old[former.left[left]], old[former.right[left]], former.similarity[left])
    found = trees.spanning_tree(points, known, base=base)
    assert as_list(found) == as_list(trees.spanning_tree(points)) == plain_tree(points)
    np.testing.assert_array_equal(found.similarity, trees.products(points, found.left, found.right))


def test_pairs_of_more_points_than_fit_in_one_number_have_the_same_order() -> None:
    random = np.random.default_rng(0)
    left, right = random.integers(0, 9, (2, 200))
    similarity = random.integers(-3, 3, 200).astype(np.float32) * 5_000_000
    few, many = (trees.best_first(left, right, similarity, count=count) for count in (9, 2**20))
    for side in (left, right, similarity):
        np.testing.assert_array_equal(side[few], side[many])


def plain_separation(tree: trees.Tree, asked: constraints.Constraints) -> set[frozenset[int]]:
    """From the most similar pair of the whole tree to the least."""
    held: dict[int, dict[int, int]] = {}
    rows, tokens = asked.tokens()
    for row, token in zip(rows.tolist(), tokens.tolist(), strict=True):
        held.setdefault(row, {})[token] = int(asked.units[row])
    groups = [{row} for row in range(len(asked.units))]

    def join(one: int, other: int, *, anyway: bool) -> None:
        ours, theirs = groups[one], groups[other]
        both = [(it, held[row][it]) for row in ours | theirs for it in held[row]]
        is_contested = len({it for it, _ in both}) < len(set(both))
        if ours is not theirs and (anyway or not is_contested):
            ours |= theirs
            for row in theirs:
                groups[row] = ours

    for one in range(len(asked.units)):
        for other in range(one):
            if asked.units[one] == asked.units[other]:
                join(one, other, anyway=True)
    for one, other in as_list(tree):
        join(one, other, anyway=False)
    return {frozenset(group) for group in groups}


@settings(max_examples=examples(100), deadline=None)
@given(
    seed=seeds,
    count=st.integers(1, 40),
    photos=st.integers(1, 60),
    never=st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39)), max_size=4),
    always=st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39)), max_size=4),
)
def test_a_cluster_falls_apart_as_along_its_whole_tree(
    seed: int, count: int, photos: int, never: list[tuple[int, int]], always: list[tuple[int, int]]
) -> None:
    random = np.random.default_rng(seed)
    tree = trees.spanning_tree(some_points(random, count))
    said = [
        np.array([sorted(pair) for pair in some if pair[0] != pair[1] and max(pair) < count], np.int64).reshape(-1, 2)
        for some in (never, always)
    ]
    asked = constraints.Constraints.of(random.integers(0, photos, count), never=said[0], always=said[1])
    groups = one_a_photo.separated(tree, asked)
    found = {frozenset(np.flatnonzero(groups == group).tolist()) for group in groups.tolist()}
    assert found == plain_separation(tree, asked)


@pytest.mark.parametrize("few", [0, 1, 3, 4, 5, 16, 17, 40])
@pytest.mark.parametrize("many", [0, 1, 7, 8, 50])
def test_what_is_beside_a_few_is_found_by_blocks(few: int, many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "BLOCK_ROWS", 8)
    random = np.random.default_rng(few + 100 * many)
    ours, theirs = (random.integers(-2, 3, (count, 5)).astype(np.float32) for count in (many, few))
    row, column, similarity = pairs.beside(ours, theirs, 3)
    products = ours @ theirs.T
    assert sorted(map(list, zip(row.tolist(), column.tolist(), strict=True))) == np.argwhere(products >= 3).tolist()
    np.testing.assert_array_equal(similarity, products[row, column])


@settings(max_examples=examples(100), deadline=None)
@given(seed=seeds, steps=st.integers(1, 5), few=st.sampled_from([0, 4, 128]))
def test_nodes_that_come_and_go_are_found_by_their_means(seed: int, steps: int, few: int) -> None:
    random = np.random.default_rng(seed)
    centres = Centres()
    known: dict[int, np.ndarray] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("faces.clustering.centres._FEW", few)
        for _ in range(steps):
            there = np.flatnonzero(random.random(30) < 0.6)
            intact = np.append(random.random(30) < 0.7, False)
            intact[np.setdiff1d(np.arange(30), there)] = False
            missing = centres.follow(there, intact)
            known = {node: mean for node, mean in known.items() if intact[node]}
            assert missing.tolist() == [node for node in there.tolist() if node not in known]
            new = means(
                some_points(random, max(1, len(missing)))[: len(missing), :2].astype(np.float64), missing * 0 + 1
            )
            centres.add(missing, new)
            known |= dict(zip(missing.tolist(), new, strict=True))
            found = {tuple(sorted(pair)) for pair in centres.alike(missing, 0.5).tolist()}
            expected = {
                (min(one, other), max(one, other))
                for one in missing.tolist()
                for other in known
                if one != other and float(known[one] @ known[other]) >= 0.5
            }
            assert {pair for pair in found if abs(float(known[pair[0]] @ known[pair[1]]) - 0.5) > 1e-5} == {
                pair for pair in expected if abs(float(known[pair[0]] @ known[pair[1]]) - 0.5) > 1e-5
            }
