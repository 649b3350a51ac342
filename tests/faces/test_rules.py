"""Which distances count, and when a library measures its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from faces.clustering import calibration
from faces.grouping import calibrating, rules_for
from faces.models import Clustering
from gallery.vision import catalog
from tests.faces.conftest import MODEL, House, groups

SPEC = replace(catalog.model(MODEL), eps=0.40, eps_range=(0.35, 0.45), link_distance=0.57, link_range=None)


def test_without_more_the_distances_of_the_catalog_count() -> None:
    rules = rules_for(None, SPEC)
    assert (rules.eps, rules.min_samples, rules.link_distance) == (0.40, SPEC.min_samples, 0.57)
    assert rules_for(Clustering(), SPEC) == rules


def test_what_the_library_measured_counts_within_the_range_of_the_catalog() -> None:
    measured = {"eps": 0.30, "link_distance": 0.50, "faces": 100}
    rules = rules_for(Clustering(calibration=measured), SPEC)
    assert (rules.eps, rules.link_distance) == (0.35, 0.57)
    assert rules_for(Clustering(calibration={"eps": 0.42}), SPEC).eps == 0.42
    assert rules_for(Clustering(calibration={"eps": "?"}), SPEC).eps == 0.40


def test_what_a_person_chose_counts_more_than_anything() -> None:
    chosen = Clustering(eps=0.2, calibration={"eps": 0.42})
    assert rules_for(chosen, SPEC).eps == 0.2
    assert rules_for(chosen, SPEC).key != rules_for(None, SPEC).key


def test_a_model_without_distances_cannot_compare_faces() -> None:
    with pytest.raises(catalog.ModelUnavailable, match="no distances"):
        rules_for(None, replace(SPEC, match_distance=None))


def test_measured_distances_move_in_steps_and_not_for_one() -> None:
    first = calibrating.settled({}, {"eps": 0.3962, "pairs": 7}, faces=100)
    assert first == {"eps": 0.40, "pairs": 7, "faces": 100}
    assert calibrating.settled(first, {"eps": 0.412}, faces=200) == {"eps": 0.40, "faces": 200}
    assert calibrating.settled(first, {"eps": 0.4151}, faces=200) == {"eps": 0.42, "faces": 200}


@dataclass(frozen=True)
class Measured:
    eps: float

    def as_json(self) -> dict[str, Any]:
        return {"eps": self.eps}


def test_a_library_measures_when_all_is_made_anew_and_when_it_has_grown_by_a_fifth(
    house: House, regroup: Callable[[], Clustering], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, int]] = []

    def method(embeddings: Any, photo_ids: Any, *, spec: Any) -> Measured:
        asked.append((len(embeddings), len(photo_ids)))
        return Measured(0.40 if len(embeddings) < 12 else 0.35)

    monkeypatch.setattr(calibration, "calibrate", method)
    house.faces(1, 10)
    assert regroup().calibration == {"eps": 0.40, "faces": 10}
    house.face(1)
    regroup()
    assert asked == [(10, 10)]
    house.face(1)
    clustering = regroup()
    assert asked == [(10, 10), (12, 12)]
    assert clustering.calibration == {"eps": 0.35, "faces": 12}
    assert len(groups()) == 1
    regroup()
    assert len(asked) == 2, "the groups that were made by the new distance are kept"
