"""When a library measures its own strangers, and when what it measured counts.

Measured distances move a little with every few photos, and another `eps` means that all groups are made from nothing.
So a library measures when that happens anyway and when it has grown by a fifth, in steps of 0.01, and keeps the
distance it has as long as the new one is no more than a step away.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from faces.clustering import Embeddings, Rows
from faces.clustering import calibration as measuring
from gallery.vision.catalog import ModelSpec

DISTANCES = ("eps", "link_distance", "match_distance")
STEP = 0.01
GROWTH = 1.2


def is_due(calibration: Mapping[str, Any], faces: int, *, is_anew: bool) -> bool:
    """Whether to measure now that there are so many faces. `is_anew`: all groups are made from nothing."""
    return is_anew or faces >= GROWTH * calibration.get("faces", 0)


def calibrate(
    calibration: Mapping[str, Any], embeddings: Embeddings, photo_ids: Rows, spec: ModelSpec
) -> dict[str, Any]:
    """What `Clustering.calibration` is to be, given what it is: embeddings float32 (n, d) and photo ids int64 (n,) of
    the good faces, in the order of their ids."""
    measured = measuring.calibrate(embeddings, photo_ids, spec=spec)
    return settled(calibration, measured.as_json(), faces=len(photo_ids))


def settled(before: Mapping[str, Any], measured: Mapping[str, Any], *, faces: int) -> dict[str, Any]:
    """The measured values, each distance in steps of 0.01, and as it was if it is no more than a step away."""
    found = {**measured, "faces": faces}
    for name in DISTANCES:
        if name in found:
            found[name] = _settled(before.get(name), found[name])
    return found


def _settled(before: Any, measured: float) -> float:
    stepped = round(round(measured / STEP) * STEP, 2)
    if isinstance(before, int | float) and abs(before - stepped) < 1.5 * STEP:
        return float(before)
    return stepped
