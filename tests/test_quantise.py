"""Classes for aspect ratios, heights and colours."""

from __future__ import annotations

import pytest
from django.conf import settings

from gallery import quantise


def test_the_committed_stylesheet_is_what_the_generator_makes() -> None:
    file = settings.BASE_DIR / "static" / "css" / "quantised.css"
    assert file.read_text(encoding="utf-8") == quantise.stylesheet(), "run manage.py quantised_css"


@pytest.mark.parametrize(("width", "height"), [(4000, 3000), (3000, 4000), (1920, 1080), (1000, 1000), (3999, 1001)])
def test_a_ratio_is_rounded_by_two_per_cent_at_most(width: int, height: int) -> None:
    assert quantise.ratio_of(width, height) == pytest.approx(width / height, rel=0.0205)
    assert f".{quantise.ratio_class(width, height)}{{" in quantise.stylesheet()


def test_extreme_and_unknown_shapes_get_the_nearest_class() -> None:
    assert quantise.ratio_of(100_000, 1) == pytest.approx(quantise.ASPECT_MOST, rel=0.03)
    assert quantise.ratio_of(1, 100_000) == pytest.approx(quantise.ASPECT_LEAST, rel=0.03)
    assert quantise.ratio_of(None, None) == pytest.approx(1, rel=0.03)


@pytest.mark.parametrize("aspects", [0, 0.5, 1, 17.3, 4_000, 60_000, 10**9])
def test_every_sum_has_a_class_that_exists(aspects: float) -> None:
    name = quantise.sum_class(aspects)
    assert f".{name}{{--s:" in quantise.stylesheet()
    if 1 <= aspects <= quantise.SUM_MOST:
        assert quantise.SUM_STEP ** int(name[1:]) == pytest.approx(aspects, rel=0.031)


@pytest.mark.parametrize(
    ("colour", "name"), [("000", "p-000"), ("fff", "p-fff"), ("79b", "p-69c"), ("zzz", "p-999"), ("", "p-999")]
)
def test_colours_are_rounded_to_216(colour: str, name: str) -> None:
    assert quantise.tint_class(colour) == name


def test_wide_rows_take_more_and_are_stretched_less() -> None:
    assert quantise.row_fill(1200) > quantise.row_fill(360) > 1
    assert 1 < quantise.row_stretch(1200) < quantise.row_stretch(280) < 2
