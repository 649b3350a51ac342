"""What people type about people."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.utils import timezone

from faces import drawing
from faces.services import NAME_LENGTH
from gallery.models import Photo
from gallery.names import NameField

MAX_ID = 2**63 - 1


class NameForm(forms.Form):
    """A person's name, without doubled blanks or invisible characters. `is_taken`: somebody else has it already."""

    is_taken = False
    name = NameField(
        max_length=NAME_LENGTH,
        error_messages={"required": "Type a name.", "max_length": f"A name has at most {NAME_LENGTH} characters."},
    )


class PersonForm(NameForm):
    """Name and date of birth of a person; the date may be left out, and empty means that nobody knows it."""

    birth_date = forms.DateField(required=False, error_messages={"invalid": "This is no date."})

    def clean_birth_date(self) -> dt.date | None:
        date: dt.date | None = self.cleaned_data["birth_date"]
        if date and date > timezone.localdate():
            raise forms.ValidationError("A date of birth lies in the past.")
        return date


class WhoForm(NameForm):
    """The name of a face, and who is meant when the name is taken.

    `who` is empty, "new" for somebody else of the same name, or the id of the person who is meant.
    """

    who = forms.CharField(required=False, max_length=20)

    def clean_who(self) -> str:
        who: str = self.cleaned_data["who"]
        if who and who != "new" and not (who.isascii() and who.isdecimal() and int(who) <= MAX_ID):
            raise forms.ValidationError("Choose who is meant.")
        return who

    def choice(self) -> dict[str, Any]:
        """Keyword arguments for `services.name_face` and `services.name_cluster`."""
        who = self.cleaned_data["who"]
        return {"same_as": int(who) if who.isdecimal() else None, "is_someone_else": who == "new"}


class NameClusterForm(WhoForm):
    """The name of a suggestion, and which faces belong to it.

    `shown` are the faces that had a box, `face` those that stayed ticked; a face that was not shown goes with the rest.
    """

    def choice(self) -> dict[str, Any]:
        return {**super().choice(), "leave_out": self.leave_out()}

    def leave_out(self) -> set[int]:
        """Faces that were unticked."""
        return self._ids("shown") - self._ids("face")

    def _ids(self, field: str) -> set[int]:
        values = self.data.getlist(field) if hasattr(self.data, "getlist") else []
        return {int(value) for value in values if value.isascii() and value.isdecimal() and len(value) < 19}


class DrawForm(WhoForm):
    """A box over a photo in percent of its width and height, and who it is, which may be said later.

    `digest`: of the content that was drawn on. `box` in `cleaned_data` is the part of the box inside the photo.
    """

    NUMBERS = ("left", "top", "width", "height")

    left = forms.FloatField(required=False)
    top = forms.FloatField(required=False)
    width = forms.FloatField(required=False)
    height = forms.FloatField(required=False)
    digest = forms.CharField(required=False, max_length=64)

    def __init__(self, data: Any, *, photo: Photo) -> None:
        super().__init__(data)
        self._photo = photo
        self.fields["name"].required = False

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if any(self.errors.get(name) for name in self.NUMBERS) or any(values.get(it) is None for it in self.NUMBERS):
            raise forms.ValidationError("Draw a box around the face first.")
        if values.get("digest") and not (self._photo.digest or "").startswith(values["digest"]):
            raise forms.ValidationError("The photo was edited in the meantime. Draw the box again.")
        try:
            values["box"] = drawing.checked(self._photo, *(values[name] / 100 for name in self.NUMBERS))
        except drawing.WrongBox as error:
            raise forms.ValidationError(str(error)) from error
        return values

    def box_of(self, values: dict[str, str]) -> drawing.DrawnBox | None:
        """What to draw for these texts; None if they are no box."""
        try:
            return drawing.checked(self._photo, *(float(values[name]) / 100 for name in self.NUMBERS))
        except (ValueError, drawing.WrongBox):
            return None


class AnswerForm(NameClusterForm):
    """An answer to a question. Only "name" needs a name; faces are ticked as in `NameClusterForm`.

    `whole`: all faces of the question were shown, so that the answer is about these and no others.
    """

    answer = forms.ChoiceField(choices=[(it, it) for it in ("yes", "no", "name", "skip", "stranger", "no_face")])

    def __init__(self, data: Any = None) -> None:
        # Who is meant by a name that is taken is said by a button of its own, which says nothing else.
        if data is not None and data.get("who") and "answer" not in data:
            data = data.copy()
            data["answer"] = "name"
        super().__init__(data)
        self.fields["name"].required = data is None or data.get("answer") == "name"

    def choice(self) -> dict[str, Any]:
        """Keyword arguments for `answers.say_name`, beside those of `faces`."""
        return WhoForm.choice(self)

    def faces(self) -> dict[str, set[int]]:
        """`shown` and, unticked, `out`, for `answers`."""
        return {"shown": self._ids("shown") if "whole" in self.data else set(), "out": self.leave_out()}
