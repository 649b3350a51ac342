"""Which person a face is given to, from nothing and after any change."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from faces.limits import CORE_QUALITY, JOIN_QUALITY, added_distance, match_limit
from faces.matching import CHOICES, NOBODY, Faces, Matching, Rules, match, near_clusters, update
from tests.thorough import examples

ANNA, TOM = 7, 3


def distance(degrees: float) -> float:
    return 1 - float(np.cos(np.radians(degrees)))


def at(*degrees: float) -> np.ndarray:
    """Directions of a circle, float32 (n, 2)."""
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def table(rows: list[dict[str, Any]]) -> Faces:
    """Faces out of rows: `at` in degrees (or `embedding`), and as far as they matter `person`, `photo`, `good` ..."""

    def column(name: str, otherwise: Any, kind: Any = np.int64) -> np.ndarray:
        return np.array([row.get(name, otherwise) for row in rows], dtype=kind)

    ids = np.array([row.get("id", number) for number, row in enumerate(rows)], dtype=np.int64)
    vectors = [row["embedding"] if "embedding" in row else at(row["at"])[0] for row in rows]
    return Faces(
        ids=ids,
        photos=np.array(
            [row.get("photo", 1000 + face) for face, row in zip(ids.tolist(), rows, strict=True)], dtype=np.int64
        ),
        people=column("person", NOBODY),
        good=column("good", True, np.bool_),
        fair=column("fair", False, np.bool_),
        quality=column("quality", 1, np.float64),
        private=column("private", NOBODY),
        quiet=column("quiet", False, np.bool_),
        versions=column("version", 0),
        embeddings=np.array(vectors, dtype=np.float32).reshape(len(rows), 2),
    )


def rules(refused: Any = (), never: Any = (), always: Any = (), match_at: float = 30, reach: float = 45) -> Rules:
    """Pairs, and the distances in degrees."""
    pairs = [np.array(sorted(part), dtype=np.int64).reshape(-1, 2) for part in (refused, never, always)]
    return Rules(*pairs, match_distance=distance(match_at), reach=distance(reach))


KNOWN = [{"at": 0, "person": ANNA}, {"at": 50, "person": TOM}, {"at": 5, "person": ANNA}]


def given(*rows: dict[str, Any], known: list[dict[str, Any]] = KNOWN, **decided: Any) -> list[int]:
    """Whom the rows are given to, where `known` faces, numbers 0, 1, 2, are confirmed; the rows are numbered on."""
    return match(table([*known, *rows]), rules(**decided)).people[len(known) :].tolist()


def test_a_face_goes_to_the_person_with_the_nearest_confirmed_face() -> None:
    assert given({"at": 10}, {"at": 40}, {"at": 28}, {"at": 130}) == [ANNA, TOM, TOM, NOBODY]


def test_a_refused_person_is_never_chosen() -> None:
    assert given({"at": 10}, {"at": 24}, refused=[(3, ANNA), (4, ANNA), (4, 99)]) == [NOBODY, TOM]


def test_of_two_faces_in_a_photo_the_nearer_one_wins() -> None:
    assert given({"at": 12, "photo": 1}, {"at": 7, "photo": 1}) == [NOBODY, ANNA]
    assert given({"at": 12, "photo": 1000}) == [NOBODY], "a confirmed face is in the photo"


def test_a_face_that_lost_its_best_person_may_be_the_second_best() -> None:
    assert given({"at": 24, "photo": 1}, {"at": 6, "photo": 1}) == [TOM, ANNA]


def test_rows_that_are_no_embeddings_and_blurred_faces_belong_to_nobody() -> None:
    zero, nan = np.zeros(2), np.array([np.nan, 1])
    assert given({"embedding": zero}, {"embedding": nan}, {"at": 0}, {"at": 0, "good": False}) == [
        NOBODY,
        NOBODY,
        ANNA,
        NOBODY,
    ]


def test_of_two_faces_that_are_compared_one_is_good() -> None:
    fair, bad = {"good": False, "fair": True}, {"good": False}
    assert given({"at": 10, **fair}, {"at": 10, **bad}) == [ANNA, NOBODY]
    for known in (fair, bad):
        rows = {"at": 10}, {"at": 10, **fair}
        assert given(*rows, known=[{"at": 0, "person": ANNA, **known}]) == [ANNA, NOBODY]
    matching = match(table([*KNOWN, {"at": 10, **fair}]), rules())
    worse = table([*({**row, **fair} for row in KNOWN), {"at": 10, **fair}])
    assert update(matching, worse, rules()).people.tolist() == [ANNA, TOM, ANNA, NOBODY]


def test_a_poor_face_is_given_only_from_near_and_one_that_shows_its_person_well_goes_before() -> None:
    def quality(at: float, quality: float, **more: Any) -> dict[str, Any]:
        return {"at": at, "quality": quality, "good": quality >= CORE_QUALITY, "fair": quality < CORE_QUALITY, **more}

    poor, good = quality(0, 0.5, person=ANNA), quality(0, 0.8, person=ANNA)
    rows = quality(20, 0.25), quality(20, 0.8), quality(2, 0.5)
    assert added_distance(0.25, 0.5) > added_distance(0.5, 0.5) > distance(30) > 0 == added_distance(0.8, 0.25)
    assert given(*rows, known=[poor]) == [NOBODY, ANNA, NOBODY]
    assert given(*rows, known=[good]) == [ANNA, ANNA, ANNA]
    # The nearest is the one that is nearest with what is added: Tom's, though Anna's poor one is nearer by itself.
    tom = quality(8, 0.9, person=TOM)
    known = [quality(0, 0.5, person=ANNA), tom]
    assert given(quality(2, 0.4), quality(0, 0.9), known=known) == [TOM, ANNA]
    # A confirmed face of theirs that is better, though further away, vouches for it.
    assert given(quality(2, 0.25), known=[poor, quality(15, 0.9, person=ANNA)]) == [ANNA]
    before = match(table([poor, rows[0]]), rules())
    assert update(before, table([good, rows[0]]), rules()).people.tolist() == [ANNA, ANNA]


def test_a_person_with_many_confirmed_faces_takes_only_nearer_ones() -> None:
    few = [{"at": 0, "person": ANNA}] * 5
    near, edge = np.degrees(np.arccos(1 - match_limit(distance(30), 40))) - 0.1, 29.9
    rows = {"at": near}, {"at": edge}
    assert given(*rows, known=few) == [ANNA, ANNA]
    assert given(*rows, known=8 * few) == [ANNA, NOBODY]
    answer = match(table([*few, *({"at": 0}, {"at": edge})]), rules())
    more = table([*few, *({"at": 0, "person": ANNA}, {"at": edge})])
    assert answer.people[-1] == ANNA
    assert update(answer, more, rules()).people[-1] == NOBODY


def test_without_confirmed_faces_or_without_faces_nobody_is_found() -> None:
    assert given({"at": 10}, known=[]) == [NOBODY]
    assert given() == []


def test_more_people_than_choices_still_give_the_nearest() -> None:
    known = [{"at": shift, "person": 100 + shift} for shift in range(3 * CHOICES)]
    assert given({"at": 2}, known=known) == [102]


def test_never_these_two_rules_out_the_person_of_the_other_face() -> None:
    assert given({"at": 2}, never=[(0, 3)]) == [NOBODY]
    assert given({"at": 26}, never=[(0, 3)]) == [TOM]


def test_of_two_faces_that_are_never_one_only_the_nearer_is_given() -> None:
    assert given({"at": 12}, {"at": 10}, never=[(3, 4)]) == [NOBODY, ANNA]


def test_always_these_two_holds_whatever_the_distance_the_quality_and_the_photo() -> None:
    far = {"at": 170, "good": False, "photo": 1000}
    assert given(far, {"at": 150}, always=[(0, 3), (3, 4)]) == [ANNA, ANNA]
    assert given(far, {"at": 150}, always=[(0, 3), (3, 4)], refused=[(3, ANNA)]) == [NOBODY, ANNA]


def test_pairs_that_contradict_one_another_decide_nothing() -> None:
    assert given({"at": 170}, always=[(0, 3), (1, 3)]) == [NOBODY], "two people are confirmed in it"
    assert given({"at": 170}, {"at": 160}, always=[(0, 3), (3, 4)], never=[(0, 4)]) == [NOBODY, NOBODY]


def test_a_face_that_is_too_far_away_but_within_reach_is_a_question() -> None:
    matching = match(table([*KNOWN, {"at": -40}, {"at": -50}, {"at": 4}]), rules())
    assert matching.people[3:].tolist() == [NOBODY, NOBODY, ANNA]
    assert matching.near_people.tolist() == [NOBODY, NOBODY, NOBODY, ANNA, NOBODY, ANNA]
    assert matching.near_distances[3:].tolist() == pytest.approx(
        [distance(40), np.nan, distance(1)], abs=1e-6, nan_ok=True
    )


def test_what_only_a_private_file_says_is_known_in_that_library_alone() -> None:
    secret = [{"at": 0, "person": ANNA, "quiet": True, "private": 8}]
    faces = [{"at": 1}, {"at": 1, "private": 8}, {"at": 1, "private": 9}]
    matching = match(table(secret + faces), rules())
    assert matching.people.tolist() == [ANNA, NOBODY, ANNA, NOBODY]
    assert matching.near_people.tolist() == [NOBODY, NOBODY, ANNA, NOBODY]


def test_a_group_is_near_whom_at_least_half_of_its_faces_are_near() -> None:
    rows = [*KNOWN, {"at": -32}, {"at": -40}, {"at": 200}, {"at": 88}, {"at": 190}, {"at": 180}]
    matching = match(table(rows), rules())
    clusters = np.array([1, 1, 1, 5, 5, 5, 6, 6, 6])
    near = near_clusters(matching, clusters)
    mean = (distance(32) + distance(40) + distance(45)) / 3
    assert (near.clusters.tolist(), near.people.tolist()) == ([5], [ANNA])
    assert near.distances.tolist() == pytest.approx([mean], abs=1e-6)


def test_what_is_said_of_two_faces_counts_at_once_and_no_longer_when_it_is_taken_back() -> None:
    faces = table([*KNOWN, {"at": 170}, {"at": 12}, {"at": 10}])
    matching = match(faces, rules())
    for decided in (rules(always=[(0, 3)]), rules(never=[(4, 5)]), rules(never=[(0, 5), (2, 5)]), rules()):
        matching = update(matching, faces, decided)
        assert_same(matching, match(faces, decided))


def test_an_answer_is_saved_and_read_again() -> None:
    faces, decided = table([*KNOWN, {"at": 10}]), rules(refused=[(3, TOM)])
    file = io.BytesIO()
    np.savez(file, **match(faces, decided).arrays())
    file.seek(0)
    with np.load(file) as arrays:
        read = Matching.from_arrays(arrays)
    assert_same(read, match(faces, decided))
    assert_same(update(read, faces, decided), read)
    with pytest.raises(ValueError, match="not of one answer"):
        Matching.from_arrays({**read.arrays(), "people": np.empty(0, dtype=np.int64)})


def assert_same(one: Matching, other: Matching) -> None:
    for name, array in one.arrays().items():
        np.testing.assert_array_equal(array, other.arrays()[name], err_msg=name)


faces_of_any_kind = st.fixed_dictionaries(
    {
        "id": st.integers(0, 13),
        "at": st.sampled_from([0, 0, 1, 2, 3, 5, 10, 20, 30, 31, 45, 46, 60, 80, 100]),
        "person": st.sampled_from([NOBODY, NOBODY, NOBODY, 1, 2, 3, 4, 5, 6]),
        "photo": st.integers(0, 6),
        "quality": st.sampled_from([1.0, 0.8, 0.65, 0.6, 0.5, 0.45, 0.3, 0.2, 0.1]),
        "private": st.sampled_from([NOBODY, NOBODY, 8, 9]),
        "quiet": st.booleans(),
    }
)
some_pairs = st.sets(st.tuples(st.integers(0, 13), st.integers(0, 13)).filter(lambda it: it[0] < it[1]), max_size=3)
houses = st.tuples(
    st.lists(faces_of_any_kind, max_size=14, unique_by=lambda row: row["id"]),
    st.sets(st.tuples(st.integers(0, 13), st.integers(1, 6)), max_size=4),
    some_pairs,
    some_pairs,
)


def house(drawn: Any) -> tuple[Faces, Rules]:
    rows, refused, never, always = drawn
    rows = sorted(rows, key=lambda row: row["id"])
    for row in rows:
        row["version"] = int(row["at"])
        row["good"], row["fair"] = row["quality"] >= CORE_QUALITY, CORE_QUALITY > row["quality"] >= JOIN_QUALITY
        row["quiet"] = row["quiet"] and row["private"] != NOBODY and row["person"] != NOBODY
    return table(rows), rules(refused, never, always - never)


one_pair = st.tuples(st.integers(0, 13), st.integers(0, 13)).filter(lambda it: it[0] < it[1])
changes = st.one_of(
    st.tuples(st.just("face"), faces_of_any_kind),
    st.tuples(st.just("gone"), st.integers(0, 13)),
    st.tuples(st.just("refused"), st.tuples(st.integers(0, 13), st.integers(1, 6))),
    st.tuples(st.sampled_from(["never", "always"]), one_pair),
)


@pytest.mark.slow
@settings(max_examples=examples(300), deadline=None)
@for_all(houses, st.lists(changes, max_size=8))
def test_after_any_changes_the_answer_is_that_from_nothing(drawn: Any, later: list[Any]) -> None:
    rows = {row["id"]: row for row in drawn[0]}
    said = {"refused": set(drawn[1]), "never": set(drawn[2]), "always": set(drawn[3])}
    matching = match(*house((list(rows.values()), *said.values())))
    for what, value in later:
        if what == "face":
            rows[value["id"]] = dict(value)
        elif what == "gone":
            rows.pop(value, None)
        else:
            said[what] ^= {value}
        faces, decided = house((list(rows.values()), *said.values()))
        matching = update(matching, faces, decided)
        assert_same(matching, match(faces, decided))


@pytest.mark.slow
@settings(max_examples=examples(300), deadline=None)
@for_all(houses)
def test_every_answer_keeps_the_rules(drawn: Any) -> None:
    faces, decided = house(drawn)
    matching = match(faces, decided)
    sure = faces.people != NOBODY
    assert matching.people[sure].tolist() == faces.people[sure].tolist()
    people = dict(zip(faces.ids.tolist(), matching.people.tolist(), strict=True))
    guesses = {face: people[face] for face in faces.ids[~sure].tolist() if people[face] != NOBODY}
    assert not set(guesses.items()) & set(map(tuple, decided.refused.tolist()))
    for one, other in decided.never.tolist():
        if one in people and other in people and {one, other} & guesses.keys():
            assert people[one] != people[other] or people[one] == NOBODY
    tied = set(decided.always.ravel().tolist())
    for row in np.flatnonzero(~sure):
        person = matching.people[row]
        if person == NOBODY or int(faces.ids[row]) in tied:
            continue
        in_photo = (faces.photos == faces.photos[row]) & (matching.people == person)
        assert in_photo.sum() == 1
        heard = sure & (faces.people == person) & (~faces.quiet | (faces.private == faces.private[row]))
        assert faces.good[row] or faces.fair[row]
        if not faces.good[row]:
            heard &= faces.good
        added = [added_distance(faces.quality[row], quality) for quality in faces.quality[heard].tolist()]
        nearest = (1 - faces.embeddings[heard] @ faces.embeddings[row] + added).min()
        assert nearest <= decided.match_distance + 1e-6
