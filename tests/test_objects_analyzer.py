"""The objects analyzer and its choice of a model: one for the whole installation, until a person names another."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from pytest_django.fixtures import Settings

from gallery import analysis, steps
from gallery.models import AnalyzerVersion
from gallery.objects_analyzer import ObjectsAnalyzer
from gallery.vision import catalog

AtHand = Callable[..., None]


@pytest.fixture
def at_hand(monkeypatch: pytest.MonkeyPatch) -> AtHand:
    """Says which models this machine has the weights of."""

    def have(*keys: str) -> None:
        monkeypatch.setattr(
            catalog, "available", lambda folder, role: [m for m in catalog.models_for(role) if m.key in keys]
        )

    return have


@pytest.fixture(autouse=True)
def _objects_only(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    monkeypatch.setattr(analysis, "_analyzers", {"objects": ObjectsAnalyzer()})


def in_use() -> str:
    return AnalyzerVersion.objects.get(name="objects").version.split("-")[0]


def test_at_first_the_best_at_hand_is_taken_and_then_it_stays(at_hand: AtHand) -> None:
    at_hand("yolox_nano")
    steps.queue_stale()
    at_hand("yolox_nano", "yolox_s")
    steps.queue_stale()
    assert in_use() == "yolox_nano"
    assert (ObjectsAnalyzer().version() or "").startswith("yolox_nano-")


def test_a_machine_that_lacks_the_model_in_use_takes_no_other(at_hand: AtHand) -> None:
    at_hand("yolox_nano")
    steps.queue_stale()
    at_hand("yolox_s")
    assert ObjectsAnalyzer().version() is None
    assert "yolox_nano" in ObjectsAnalyzer().waiting_for()


def test_two_machines_with_different_models_do_not_take_turns_for_ever(at_hand: AtHand) -> None:
    seen = set()
    for _ in range(3):
        for model in ("yolox_s", "yolox_nano"):
            at_hand(model)
            steps.queue_stale()
            seen.add(in_use())
    assert seen == {"yolox_s"}


def test_a_better_model_is_chosen_by_naming_it_once(at_hand: AtHand, settings: Settings) -> None:
    at_hand("yolox_nano", "yolox_s")
    AnalyzerVersion.objects.create(name="objects", version="yolox_nano-1f2e3d4c-1")
    plain = settings.PICTOPY
    settings.PICTOPY = dataclasses.replace(plain, objects_model="yolox_s")
    steps.queue_stale()
    settings.PICTOPY = plain
    steps.queue_stale()
    assert in_use() == "yolox_s"


def test_a_named_model_is_taken_or_nothing(at_hand: AtHand, settings: Settings) -> None:
    at_hand("yolox_nano")
    settings.PICTOPY = dataclasses.replace(settings.PICTOPY, objects_model="yolox_s")
    assert ObjectsAnalyzer().version() is None
    assert "yolox_s" in ObjectsAnalyzer().waiting_for()


def test_a_model_that_the_catalogue_knows_no_more_gives_way(at_hand: AtHand) -> None:
    AnalyzerVersion.objects.create(name="objects", version="retired-1f2e3d4c-1")
    at_hand("yolox_nano")
    assert (ObjectsAnalyzer().version() or "").startswith("yolox_nano-")


def test_faces_follow_the_same_rule(at_hand: AtHand) -> None:
    at_hand("sface")
    assert analysis.choose_model("face_embedding", in_use="mobilefacenet") is None
    assert analysis.choose_model("face_embedding") == catalog.model("sface")
