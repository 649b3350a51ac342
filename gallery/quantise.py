"""Aspect ratios, heights and placeholder colours as CSS classes.

The content security policy allows no style attributes, so what differs from photo to photo is rounded to a few hundred
classes. `stylesheet` makes them; static/css/quantised.css is its output (`manage.py quantised_css`), and a test fails
when the two differ.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

# Aspect ratios: geometric steps of 4 %, so that a picture loses at most 2 % of an edge in its tile.
ASPECT_LEAST, ASPECT_MOST, ASPECT_STEP = 0.3, 4.0, 1.04
_ASPECTS = round(math.log(ASPECT_MOST / ASPECT_LEAST) / math.log(ASPECT_STEP))
# Sums of aspect ratios, which say how high a section of photos will be: steps of 6 %.
SUM_STEP = 1.06
SUM_MOST = 60_000
_SUMS = math.ceil(math.log(SUM_MOST) / math.log(SUM_STEP))
# Placeholder colours: six levels for each channel, which is every third of the sixteen digits.
_LEVELS = "0369cf"
# The least height of a row of photos by the width of the grid (at least so many pixels); see static/css/grid.css.
ROWS = ((0, 94), (600, 148), (1000, 196), (1500, 228), (2300, 288))
# What a row loses because the next photo does not fit: E[a²] / 2 E[a] for aspects a of 3:4, 4:3, 3:2 and 16:9.
_LOST_ASPECT = 0.75


@lru_cache(maxsize=4096)
def ratio_class(width: int | None, height: int | None) -> str:
    """The class that sets `--a`, the aspect ratio, to the step nearest to width / height."""
    ratio = min(max((width or 1) / (height or 1), ASPECT_LEAST), ASPECT_MOST)
    return f"r{round(math.log(ratio / ASPECT_LEAST) / math.log(ASPECT_STEP))}"


def ratio_of(width: int | None, height: int | None) -> float:
    """The aspect ratio that `ratio_class` rounds to."""
    return ASPECT_LEAST * ASPECT_STEP ** int(ratio_class(width, height)[1:])


def sum_class(aspects: float) -> str:
    """The class that sets `--s`, the sum of the aspect ratios of photos that are still to be loaded."""
    return f"s{min(round(math.log(max(aspects, 1.0)) / math.log(SUM_STEP)), _SUMS)}"


@lru_cache(maxsize=4096)
def tint_class(colour: str) -> str:
    """The class that sets `--tint` to the nearest of 216 colours; `colour` is three digits of 16."""
    if len(colour) != 3 or not set(colour) <= set("0123456789abcdef"):
        return "p-999"
    return "p-" + "".join(_LEVELS[round(int(digit, 16) / 3)] for digit in colour)


def row_px(width_px: float) -> int:
    """The least height of a row in a grid of this width."""
    return [row for least, row in ROWS if width_px >= least][-1]


def row_fill(width_px: float) -> float:
    """How much aspect a row of a grid of this width takes before the next photo does not fit."""
    return width_px / row_px(width_px) - _LOST_ASPECT


def row_stretch(width_px: float) -> float:
    """How much higher than `row_px` a full row gets when it is stretched over what its last photo left free."""
    return width_px / row_px(width_px) / row_fill(width_px)


def stylesheet() -> str:
    """The text of static/css/quantised.css."""
    return "\n".join(["/* Made by `manage.py quantised_css`; see gallery/quantise.py. */", *_rules(), ""])


def _rules() -> Iterator[str]:
    yield "@layer components {"
    for step in range(_ASPECTS + 1):
        yield f".r{step}{{--a:{ASPECT_LEAST * ASPECT_STEP**step:.4g}}}"
    for step in range(_SUMS + 1):
        yield f".s{step}{{--s:{SUM_STEP**step:.4g}}}"
    for red in _LEVELS:
        for green in _LEVELS:
            yield "".join(f".p-{red}{green}{blue}{{--tint:#{red}{green}{blue}}}" for blue in _LEVELS)
    edges = {least for least, _ in ROWS if least}
    width = 280.0
    while width < 3200:
        edges.add(round(width))
        width *= 1.07
    for edge, following in zip(sorted(edges), [*sorted(edges)[1:], 3400], strict=True):
        middle = (edge + following) / 2
        yield (
            f"@container grid (width >= {edge}px){{.grid{{--row:{row_px(edge)}px;"
            f"--fill:{row_fill(middle):.3g};--stretch:{row_stretch(middle):.3g}}}}}"
        )
    yield "}"
