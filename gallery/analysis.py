"""Analyzers: what can be found out about a photo from its pixels, and the registry the pipeline walks through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from django.conf import settings

from gallery.models import AnalyzerVersion, Photo
from gallery.vision import catalog

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Analyzer(Protocol):
    """One kind of analysis. Implementations are stateless; models live in `gallery.vision.sessions`."""

    name: str
    title: str

    def version(self) -> str | None:
        """Names the models and the code that results come from; None while a model is missing."""

    def waiting_for(self) -> str:
        """A sentence for a page that says which model is missing; empty if none is."""

    def run(self, pixels: NDArray[np.uint8], *, version: str) -> Any:
        """Results for upright sRGB pixels, uint8 (height, width, 3), with the models that `version` names, so that a
        receipt never tells of others. Called outside any transaction, without a query. Raises ModelUnavailable."""

    def save(self, results: Sequence[tuple[Photo, Any]]) -> None:
        """Writes the results of a batch, replacing earlier ones but never what people decided. In a transaction."""

    def forget(self, photo_ids: Sequence[int]) -> None:
        """Removes what was found in photos that are shown to nobody any more, but nothing that people decided. In a
        transaction."""

    def settle(self) -> None:
        """Called when no photo is ready any more, for work over all photos (clustering). Cheap when nothing changed."""

    def sweep(self) -> None:
        """Called every minute, also in the middle of a long import: wakes what takes seconds and a person waits for,
        if its own message was lost or its worker ended. Cheap."""


_analyzers: dict[str, Analyzer] = {}


def register(analyzer: Analyzer) -> None:
    """Adds an analyzer; called from `AppConfig.ready()`."""
    _analyzers[analyzer.name] = analyzer


def analyzers() -> list[Analyzer]:
    """All registered analyzers in the order of registration."""
    return list(_analyzers.values())


def choose_model(role: catalog.Role, wanted: str = "", in_use: str = "") -> catalog.ModelSpec | None:
    """The model of a role to work with, if its verified weights are there; None if they are not.

    `wanted`, named by a setting, is taken or nothing. So is `in_use`, with which photos were analyzed so far: another
    one means that everything is analyzed anew, which is for a person to decide (by naming it), and two machines with
    different models at hand would do so in turn for ever. While none is in use, it is the best that is there.
    """
    models = catalog.available(settings.PICTOPY.models_dir, role)
    key = wanted or (in_use if any(model.key == in_use for model in catalog.models_for(role)) else "")
    if key:
        return next((model for model in models if model.key == key), None)
    return models[0] if models else None


def in_use(name: str) -> str:
    """The version that an analyzer had when photos were last queued for it; empty if they never were. One query."""
    return AnalyzerVersion.objects.filter(name=name).values_list("version", flat=True).first() or ""
