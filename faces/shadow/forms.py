"""What administrators type about how faces are compared."""

from __future__ import annotations

from typing import Any

from django import forms

from faces.shadow import distances
from faces.shadow.distances import NAMES, Distances
from gallery.vision.catalog import ModelSpec


class DistancesForm(forms.Form):
    """The three distances of a model, each within the range of the catalog. The page draws the fields itself."""

    def __init__(self, data: Any, spec: ModelSpec) -> None:
        """Raises ModelUnavailable for a model without distances."""
        super().__init__(data)
        for name in NAMES:
            least, most = distances.allowed(spec, name)
            range_error = f"Choose a distance from {least:.2f} to {most:.2f}."
            self.fields[name] = forms.FloatField(
                min_value=least,
                max_value=most,
                error_messages={
                    "required": range_error,
                    "invalid": range_error,
                    "min_value": range_error,
                    "max_value": range_error,
                },
            )

    def distances(self) -> Distances:
        return Distances(**{name: round(self.cleaned_data[name], 4) for name in NAMES})
