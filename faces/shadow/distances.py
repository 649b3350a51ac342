"""How near is near: the distances of a model as the catalog has them, as the library measured them, as chosen."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from faces.models import Clustering
from faces.rules import Rules, rules_for
from gallery.vision.catalog import ModelSpec

NAMES = ("eps", "link_distance", "match_distance")
# How far from the catalog's value a person may go: on LFW, mobilefacenet's groups run into each other well before a
# quarter more, and hardly anybody is found any more at a quarter less.
REACH = 0.25
# Steps of the fields, and what counts as the same.
STEP = 0.01


@dataclass(frozen=True, slots=True)
class Distances:
    """Cosine distances: DBSCAN's radius, up to which groups are put together, up to which a face is a person's."""

    eps: float
    link_distance: float
    match_distance: float

    def as_row(self) -> dict[str, float]:
        return dataclasses.asdict(self)

    def is_as(self, other: Distances) -> bool:
        """Whether they are the same but for rounding."""
        return all(abs(mine - theirs) < STEP / 10 for mine, theirs in zip(self._all(), other._all(), strict=True))

    def _all(self) -> tuple[float, float, float]:
        return self.eps, self.link_distance, self.match_distance


def of_catalog(spec: ModelSpec) -> Distances:
    """Raises ModelUnavailable for a model without distances."""
    return in_force(None, spec)


def measured(clustering: Clustering | None) -> dict[str, float]:
    """Those that the library measured of its own strangers, by name; empty if it did not yet."""
    calibration = clustering.calibration if clustering else {}
    return {name: float(calibration[name]) for name in NAMES if _is_distance(calibration.get(name))}


def chosen(clustering: Clustering | None) -> dict[str, float]:
    """Those that a person chose, by name."""
    if clustering is None:
        return {}
    return {name: value for name in NAMES if (value := getattr(clustering, name)) is not None}


def by_itself(clustering: Clustering | None, spec: ModelSpec) -> Distances:
    """What would be in force if nobody had chosen: measured, else the catalog's. Raises ModelUnavailable."""
    return in_force(Clustering(calibration=clustering.calibration if clustering else {}), spec)


def in_force(clustering: Clustering | None, spec: ModelSpec) -> Distances:
    """Chosen, else measured, else the catalog's. Raises ModelUnavailable."""
    rules = rules_for(clustering, spec)
    return Distances(rules.eps, rules.link_distance, rules.match_distance)


def applied(spec: ModelSpec, distances: Distances) -> Rules:
    """The rules of a model with these distances. Raises ModelUnavailable."""
    return dataclasses.replace(
        rules_for(None, spec),
        eps=distances.eps,
        link_distance=distances.link_distance,
        match_distance=distances.match_distance,
    )


def allowed(spec: ModelSpec, name: str) -> tuple[float, float]:
    """The least and the greatest value that a person may choose. Raises ModelUnavailable."""
    value = getattr(of_catalog(spec), name)
    return round(value * (1 - REACH), 2), round(value * (1 + REACH), 2)


def read(row: Mapping[str, Any], otherwise: Distances) -> Distances:
    """Distances out of a stored row; those that it lacks are `otherwise`'s."""
    return dataclasses.replace(otherwise, **{name: float(row[name]) for name in NAMES if _is_distance(row.get(name))})


def _is_distance(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and 0 < value < 2
