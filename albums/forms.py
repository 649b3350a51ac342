"""What people type about albums."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.auth.models import User
from django.http import QueryDict

from albums.access import albums_editable_by
from albums.models import Album
from gallery.names import NameField

if TYPE_CHECKING:
    _AlbumModelForm = forms.ModelForm[Album]
else:  # generic only in the stubs
    _AlbumModelForm = forms.ModelForm


class AlbumForm(_AlbumModelForm):
    class Meta:
        model = Album
        fields = ["name", "description", "visibility", "order"]
        labels = {"visibility": "Who sees it", "order": "Order of photos"}
        help_texts = {
            "visibility": "Nobody sees a photo here that they could not see anyway.",
            "order": "In your own order you move the photos to their places yourself.",
        }
        widgets = {
            "name": forms.TextInput(attrs={"autocomplete": "off"}),
            "description": forms.Textarea(attrs={"rows": 4}),
            "visibility": forms.RadioSelect,
        }
        field_classes = {"name": NameField}
        error_messages = {"name": {"required": "Give the album a name."}}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.label_suffix = ""
        for name, choices in (("visibility", Album.Visibility), ("order", Album.Order)):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [(value, label[0].upper() + label[1:]) for value, label in choices.choices]


class ChooseAlbumForm(forms.Form):
    """One of the viewer's own albums, or the name of a new one, which wins if both are given."""

    album = forms.ModelChoiceField(
        queryset=Album.objects.none(),
        required=False,
        empty_label="Choose an album…",
        error_messages={"invalid_choice": "That album is not there any more."},
    )
    new = NameField(
        label="Or a new one",
        required=False,
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "Name"}),
    )

    def __init__(self, viewer: User, data: QueryDict | None = None, **options: Any) -> None:
        super().__init__(data, auto_id="choose-%s", label_suffix="", **options)
        field = self.fields["album"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = albums_editable_by(viewer).order_by("-changed_at", "-id")
        if field.queryset.exists():
            field.widget.attrs["autofocus"] = True
        else:
            del self.fields["album"]
            self.fields["new"].label = "Name of the first album"
            self.fields["new"].widget.attrs["autofocus"] = True

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors and not cleaned.get("album") and not cleaned.get("new"):
            self.add_error("new", "Choose an album, or name a new one.")
        return cleaned
