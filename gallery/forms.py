"""Forms of libraries."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import AbstractBaseUser, User
from django.core.validators import MaxLengthValidator, MaxValueValidator

from gallery import libraries, paths
from gallery.models import Library
from gallery.names import NameField, clean

_INTERVALS = {15: "every 15 minutes", 60: "every hour", 360: "every 6 hours", 1440: "once a day", 0: "only when asked"}


class LibraryForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """What may be changed about a library. Who owns it, administrators decide."""

    scan_every_min = forms.TypedChoiceField(
        coerce=int, label="Look for new photos", choices=list(_INTERVALS.items()), initial=60
    )

    class Meta:
        model = Library
        fields = ("name", "visibility", "owner", "scan_every_min", "exclude", "empty_trash_days")
        field_classes = {"name": NameField}
        labels = {
            "visibility": "Who sees it",
            "exclude": "Leave out",
            "empty_trash_days": "Empty the trash by itself after this many days",
        }
        help_texts = {
            "exclude": "Names of files or folders, one a line, such as *.png or Private/*. Nothing that was found "
            "before is lost by this.",
            "empty_trash_days": "Then photos in its trash are deleted for good, with their files. 0: never by itself.",
        }
        widgets = {"exclude": forms.Textarea(attrs={"rows": 3, "spellcheck": "false"})}

    def __init__(self, *args: Any, viewer: AbstractBaseUser, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["exclude"].validators.append(MaxLengthValidator(4000))  # each scan reads every pattern
        if self.instance.kind == Library.Kind.MANAGED:
            self.fields["empty_trash_days"].required = False
            self.fields["empty_trash_days"].validators.append(MaxValueValidator(3650))
        else:
            self.fields.pop("empty_trash_days", None)
        chosen = self.instance.scan_every_min
        if self.instance.pk and chosen not in _INTERVALS:
            self.fields["scan_every_min"].choices = [(chosen, f"every {chosen} minutes"), *_INTERVALS.items()]  # type: ignore[attr-defined]
        if libraries.may_choose_owner(viewer):
            self.fields["owner"] = forms.ModelChoiceField(
                libraries.possible_owners(), required=False, empty_label="nobody in particular", label="Owner",
                help_text="May change the library beside the administrators; a private library needs one.",
            )  # fmt: skip
        else:
            del self.fields["owner"]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        owner: User | None = data.get("owner") if "owner" in self.fields else self.instance.owner
        if data.get("visibility") == Library.Visibility.PRIVATE and owner is None and "owner" not in self.errors:
            self.add_error("owner" if "owner" in self.fields else "visibility", "A private library needs an owner.")
        data["owner"] = owner
        return data


class AddLibraryForm(LibraryForm):
    """A new library. `folder` is a path as a person types it; `path` the stored spelling of the folder chosen on the
    page, which also covers names that cannot be typed.
    """

    folder = forms.CharField(label="Folder", max_length=4096, widget=forms.TextInput(attrs={"spellcheck": "false"}))
    path = forms.CharField(required=False, max_length=12288, strip=False, widget=forms.HiddenInput)

    field_order = ("folder", "name", "visibility", "owner", "scan_every_min", "exclude", "path")

    class Meta(LibraryForm.Meta):
        pass

    @property
    def root(self) -> str:
        """The folder that is meant, as the `os` functions take it."""
        folder, path = self.cleaned_data["folder"], self.cleaned_data["path"]
        return paths.to_path(path) if path and folder == paths.display(path).strip() else folder


class UploadLibraryForm(LibraryForm):
    """A new library that takes uploads; without a folder it gets one among PictoPy's own data."""

    folder = forms.CharField(
        label="Folder",
        max_length=4096,
        required=False,
        widget=forms.TextInput(attrs={"spellcheck": "false", "placeholder": "one of PictoPy's own"}),
        help_text="Leave it empty unless the photos shall lie in a certain folder of this server.",
    )

    field_order = ("name", "visibility", "owner", "folder")

    class Meta(LibraryForm.Meta):
        pass

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["scan_every_min"], self.fields["exclude"]  # only uploads come in


class RemoveLibraryForm(forms.Form):
    """Removal asks for the library's name, so that no tired hand does it by accident."""

    name = NameField(
        label="Type the name of the library to confirm", widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

    def __init__(self, *args: Any, library: Library, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._library = library

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if name != clean(self._library.name):
            raise forms.ValidationError("This is not the name of the library.")
        return name
