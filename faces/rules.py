"""The distances that count: those that a person chose after a preview, else those that the library measured of its own
strangers, within the range that the catalog allows, else the catalog's. Cheap to import: pages use it too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from faces import limits
from faces.limits import CORE_QUALITY, JOIN_QUALITY
from faces.models import Clustering
from gallery.vision import catalog
from gallery.vision.catalog import ModelSpec, ModelUnavailable


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides how faces of one model are grouped and matched; all distances are cosine distances."""

    eps: float
    min_samples: int
    link_distance: float
    match_distance: float
    core_quality: float = CORE_QUALITY
    join_quality: float = JOIN_QUALITY

    @property
    def reach(self) -> float:
        """Up to which distance a face is worth a question: who may it be, though it is too far to be given.

        Where whole groups would still be one person. Measured on LFW with mobilefacenet (0.57), whatever share of the
        faces is confirmed: the nearest confirmed face is the right person for 60 to 80 % at 0.50 to 0.55, 17 % at 0.55
        to 0.60 and 4 % beyond.
        """
        return max(self.match_distance, self.link_distance)

    def match_limit(self, confirmed: int) -> float:
        """Up to which distance a face is given to a person with so many confirmed faces."""
        return limits.match_limit(self.match_distance, confirmed)

    @property
    def key(self) -> str:
        """In words: other rules, another key."""
        return f"{self.groups_key} {self.match_distance}"

    @property
    def groups_key(self) -> str:
        """Of what decides about groups alone."""
        return f"{self.eps} {self.min_samples} {self.link_distance} {self.core_quality} {self.join_quality}"


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


def rules_of(model: str) -> Rules | None:
    """The rules for a model as they are now; None if its faces cannot be compared. One query."""
    return _rules(model, Clustering.objects.filter(model=model).first())


def all_rules() -> dict[str, Rules]:
    """Those of every model whose faces were ever compared. One query."""
    rows = Clustering.objects.order_by("model")
    return {row.model: rules for row in rows if (rules := _rules(row.model, row))}


def _rules(model: str, clustering: Clustering | None) -> Rules | None:
    try:
        return rules_for(clustering, catalog.model(model))
    except catalog.ModelUnavailable:
        return None


def _distance(chosen: float | None, measured: Any, allowed: tuple[float, float] | None, usual: float) -> float:
    if chosen is not None:
        return chosen
    if not isinstance(measured, int | float) or allowed is None:
        return usual
    lowest, highest = allowed
    return min(max(float(measured), lowest), highest)
