"""By which distances the faces of a model are compared, as far as pages need to know. Cheap to import."""

from __future__ import annotations

from dataclasses import dataclass

from faces.models import Clustering
from gallery.vision import catalog

# Faces worse than this (`vision.face_quality`: small, blurred or turned away) neither start a group nor join one.
MIN_QUALITY = 0.30


@dataclass(frozen=True, slots=True)
class Limits:
    """Cosine distances of one model: up to `match_distance` a face is given, up to `reach` it is a question."""

    match_distance: float
    reach: float


def all_limits() -> dict[str, Limits]:
    """Those of every model whose faces were ever compared: what a person chose, else the catalog's. One query."""
    chosen = dict(Clustering.objects.order_by("model").values_list("model", "match_distance"))
    return {model: found for model, distance in chosen.items() if (found := _limits(model, distance))}


def limits(model: str) -> Limits | None:
    """Those of one model; None if its faces cannot be compared. One query."""
    return _limits(model, Clustering.objects.filter(model=model).values_list("match_distance", flat=True).first())


def _limits(model: str, chosen: float | None) -> Limits | None:
    spec = catalog.catalog().models.get(model)
    if spec is None or spec.match_distance is None:
        return None
    match_distance = spec.match_distance if chosen is None else chosen
    return Limits(match_distance, max(match_distance, spec.reach or match_distance))
