"""The distances that count: those that a person chose after a preview, else those that the library measured of its own
strangers, within the range that the catalog allows, else the catalog's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from faces.models import Clustering
from gallery.vision.catalog import ModelSpec, ModelUnavailable

# Faces worse than this (`vision.face_quality`: small, blurred or turned away) neither start a group nor join one.
MIN_QUALITY = 0.30


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides how faces of one model are grouped and matched; all distances are cosine distances."""

    eps: float
    min_samples: int
    link_distance: float
    match_distance: float
    min_quality: float = MIN_QUALITY

    @property
    def key(self) -> str:
        """In words: other rules, another key."""
        return f"{self.groups_key} {self.match_distance}"

    @property
    def groups_key(self) -> str:
        """Of what decides about groups alone."""
        return f"{self.eps} {self.min_samples} {self.link_distance} {self.min_quality}"


def rules_for(clustering: Clustering | None, spec: ModelSpec) -> Rules:
    """The rules for a model, given the row of its clustering (None: there is none yet). Raises ModelUnavailable for a
    model without distances."""
    if spec.eps is None or spec.min_samples is None or spec.link_distance is None or spec.match_distance is None:
        raise ModelUnavailable(f"{spec.key} has no distances in the catalog: its faces cannot be compared.")
    chosen = clustering or Clustering()
    measured = chosen.calibration
    return Rules(
        eps=_distance(chosen.eps, measured.get("eps"), spec.eps_range, spec.eps),
        min_samples=spec.min_samples,
        link_distance=_distance(
            chosen.link_distance, measured.get("link_distance"), spec.link_range, spec.link_distance
        ),
        match_distance=_distance(
            chosen.match_distance, measured.get("match_distance"), spec.match_range, spec.match_distance
        ),
    )


def _distance(chosen: float | None, measured: Any, allowed: tuple[float, float] | None, usual: float) -> float:
    if chosen is not None:
        return chosen
    if not isinstance(measured, int | float) or allowed is None:
        return usual
    lowest, highest = allowed
    return min(max(float(measured), lowest), highest)
