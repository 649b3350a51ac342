"""Which model recognises faces here, and which others could. Cheap to import."""

from __future__ import annotations

from django.conf import settings

from faces.analyzer import FacesAnalyzer, keys_of
from faces.models import Clustering
from gallery.analysis import in_use
from gallery.vision import catalog
from gallery.vision.catalog import ModelSpec, ModelUnavailable

ROLE: catalog.Role = "face_embedding"


def present() -> str:
    """The key of the model whose embeddings the faces have: of the one at hand, else of the one that photos were queued
    for last, else of the one that grouped most faces. Empty if no face was ever looked at. Up to three queries."""
    embedder = FacesAnalyzer().models()[1]
    if embedder is not None:
        return embedder.key
    _, key = keys_of(in_use(FacesAnalyzer.name))
    if key:
        return key
    return Clustering.objects.order_by("-face_count", "pk").values_list("model", flat=True).first() or ""


def others() -> list[ModelSpec]:
    """Models that could be tried: at hand, with distances in the catalog, and not in use."""
    key = present()
    at_hand = catalog.available(settings.PICTOPY.models_dir, ROLE)
    return [spec for spec in at_hand if spec.key != key and spec.eps and spec.link_distance and spec.match_distance]


def why_not(model: str) -> str:
    """Why a model cannot come into use now, in a sentence; empty if it can."""
    wanted = settings.PICTOPY.face_embedder
    if wanted and wanted != model:
        return f"The setting PICTOPY_FACE_EMBEDDER names {wanted}: take it away first, or name {model} there."
    try:
        catalog.weights_path(catalog.model(model), settings.PICTOPY.models_dir)
    except ModelUnavailable as error:
        return str(error)
    return ""
