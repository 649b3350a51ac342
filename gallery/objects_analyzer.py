"""The `objects` analyzer: things in photos, as labels with boxes and scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.text import slugify

from gallery import analysis
from gallery.models import Detection, Label, Photo

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gallery.vision.catalog import ModelSpec

# Counted up when the meaning of results changes.
_CODE = "1"


def _key(version: str) -> str:
    """The key of the model that a version names; empty if it names none."""
    parts = version.rsplit("-", 2)
    return parts[0] if len(parts) == 3 else ""


class ObjectsAnalyzer:
    """Finds objects with the chosen detector of the catalogue."""

    name = "objects"
    title = "Things"

    def model(self) -> ModelSpec | None:
        """The model named by PICTOPY_OBJECTS_MODEL, else the one in use, else the best one that is there. One query.

        A better one that arrives later changes nothing by itself: see `analysis.choose_model`.
        """
        return analysis.choose_model("objects", settings.PICTOPY.objects_model, self._key_in_use())

    def _key_in_use(self) -> str:
        return _key(analysis.in_use(self.name))

    def version(self) -> str | None:
        model = self.model()
        return f"{model.key}-{model.sha256[:8]}-{_CODE}" if model else None

    def waiting_for(self) -> str:
        if self.model():
            return ""
        key = settings.PICTOPY.objects_model or self._key_in_use()
        which = f"the object detection model {key}" if key else "an object detection model"
        return f"Things are found when {which} is there."

    def run(self, pixels: NDArray[np.uint8], *, version: str) -> list[Any]:
        from gallery.vision import catalog, objects

        model = catalog.model(_key(version))
        return objects.load_object_detector(model, settings.PICTOPY.models_dir).detect(pixels)

    def save(self, results: Sequence[tuple[Photo, Any]]) -> None:
        names = {found.label for _, detections in results for found in detections}
        Label.objects.bulk_create(
            [Label(name=name, slug=slugify(name)) for name in sorted(names)], ignore_conflicts=True
        )
        labels = dict(Label.objects.filter(name__in=names).values_list("name", "id"))
        Detection.objects.filter(photo__in=[photo.pk for photo, _ in results]).delete()
        Detection.objects.bulk_create(
            Detection(
                photo=photo, label_id=labels[found.label], score=found.score, x=found.x, y=found.y, w=found.w, h=found.h
            )
            for photo, detections in results
            for found in detections
        )

    def forget(self, photo_ids: Sequence[int]) -> None:
        Detection.objects.filter(photo__in=photo_ids).delete()

    def settle(self) -> None:
        """Nothing is done over all photos."""

    def sweep(self) -> None:
        """Nothing waits."""
