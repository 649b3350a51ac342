"""Forms for when and where photos were taken. Each gives the edits that it asks for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import QueryDict

from gallery import edits, places, timezones
from gallery.clock import Camera, Wrong
from gallery.edits import Edit
from gallery.gazetteer import City
from gallery.models import Photo

_DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
_TIME = forms.TimeInput(attrs={"type": "time", "step": "1"}, format="%H:%M:%S")
_SIGNS = (("+", "later"), ("-", "earlier"))
MOST_DAYS = 100_000


def _number(label: str, most: int) -> forms.IntegerField:
    widget = forms.NumberInput(attrs={"min": 0, "max": most, "inputmode": "numeric", "placeholder": "0"})
    return forms.IntegerField(label=label, min_value=0, max_value=most, required=False, widget=widget)


class ShiftFields(forms.Form):
    """How far dates are to move."""

    sign = forms.ChoiceField(choices=_SIGNS, required=False, initial="+", label="Direction")
    days = _number("Days", MOST_DAYS)
    hours = _number("Hours", 999)
    minutes = _number("Minutes", 9999)

    def read_shift(self, data: dict[str, Any]) -> dt.timedelta:
        """The shift; no time at all is an error at `days`."""
        parts = {name: data.get(name) or 0 for name in ("days", "hours", "minutes")}
        by = dt.timedelta(**parts)
        if not by and not any(name in self.errors for name in parts):
            self.add_error("days", "Say by how much.")
        return -by if data.get("sign") == "-" else by


class PlaceFields(forms.Form):
    """A place as coordinates or the name of a town. `city` is one of the towns of that name: "latitude,longitude"."""

    where = forms.CharField(
        label="Town or coordinates", max_length=200, required=False, strip=True,
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "Munich, or 48.1374, 11.5755"}),
    )  # fmt: skip
    city = forms.CharField(max_length=40, required=False, widget=forms.HiddenInput)
    choices: Sequence[City] = ()

    def read_position(self, data: dict[str, Any]) -> tuple[float, float] | None:
        """The position that is meant. None with an error at `where` if it is none; `choices` are then the towns."""
        typed = data.get("where") or ""
        if position := places.read_position(typed):
            return position
        if not typed:
            self.add_error("where", "Type the name of a town, or coordinates.")
            return None
        self.choices = places.find(typed)
        chosen = places.read_position(data.get("city") or "")
        if chosen and any((town.latitude, town.longitude) == chosen for town in self.choices):
            return chosen
        if len(self.choices) == 1:
            return self.choices[0].latitude, self.choices[0].longitude
        self.add_error("where", "Which one is it? Choose below." if self.choices else "No town of that name is known.")
        return None


class PhotosForm(ShiftFields, PlaceFields):
    """Date, time zone and place of the photos that are chosen; each part may stay as it is."""

    when = forms.ChoiceField(
        choices=[("keep", "Leave as it is"), ("set", "Set the date"), ("shift", "Move by"), ("none", "Not known")],
        widget=forms.RadioSelect, initial="keep", label="When",
    )  # fmt: skip
    day = forms.DateField(label="Day", required=False, widget=_DAY)
    time = forms.TimeField(label="Time", required=False, widget=_TIME)
    is_day_only = forms.BooleanField(label="Only the day is known", required=False)
    zone = forms.ChoiceField(
        choices=[
            ("keep", "Leave as it is"), ("place", "That of the place"), ("named", "Another"), ("none", "Not known"),
        ],
        widget=forms.RadioSelect, initial="keep", label="Time zone",
    )  # fmt: skip
    zone_name = forms.CharField(
        label="City, area or difference from UTC", max_length=60, required=False,
        widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off", "placeholder": "Europe/Berlin or UTC+2"}),
    )  # fmt: skip
    place = forms.ChoiceField(
        choices=[("keep", "Leave as it is"), ("set", "Set the place"), ("none", "Not known")],
        widget=forms.RadioSelect, initial="keep", label="Where",
    )  # fmt: skip
    asked: list[Edit]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        self.asked = []
        # Place first: the time zone may be that of the new place.
        match data.get("place"):
            case "set":
                if position := self.read_position(data):
                    self.asked.append(edits.SetPosition(*position))
            case "none":
                self.asked.append(edits.ClearPosition())
        match data.get("when"):
            case "set":
                self._read_day(data)
            case "shift":
                self.asked.append(edits.Shift(self.read_shift(data)))
            case "none":
                self.asked.append(edits.SetUndated())
        match data.get("zone"):
            case "place":
                self.asked.append(edits.SetZoneOfPlace())
            case "named":
                self._read_zone(data)
            case "none":
                self.asked.append(edits.SetZone(None))
        if not self.asked and not self.errors:
            raise forms.ValidationError(self.nothing)
        return data

    nothing = "Say what is to be changed."

    def _read_day(self, data: dict[str, Any]) -> None:
        day, time, is_day_only = data.get("day"), data.get("time"), bool(data.get("is_day_only"))
        if day is None:
            if "day" not in self.errors:
                self.add_error("day", "Say which day.")
            return
        try:
            edits.check_possible(dt.datetime.combine(day, time if time and not is_day_only else dt.time()))
        except edits.ImpossibleDate as error:
            self.add_error("day", str(error))
            return
        self.asked.append(edits.SetTaken(day, None if is_day_only else time, is_day_only))

    def _read_zone(self, data: dict[str, Any]) -> None:
        zone = timezones.read(data.get("zone_name") or "")
        if zone is None:
            self.add_error("zone_name", "This is no time zone: try Europe/Berlin, or UTC+2.")
            return
        self.asked.append(edits.SetZone(zone))


class PhotoForm(PhotosForm):
    """The same for one photo, which shows what is known; what is sent as it was changes nothing."""

    nothing = "Nothing is different from before."

    def __init__(self, data: QueryDict | None = None, *, photo: Photo) -> None:
        self._photo = photo
        taken = photo.taken
        initial = {
            "when": "set" if taken else "none",
            "day": taken.date() if taken else None,
            "time": taken.time().replace(microsecond=0) if taken and not photo.is_day_only else None,
            "is_day_only": photo.is_day_only,
            "zone_name": edits.say_offset(photo.utc_offset_min) if photo.utc_offset_min is not None else "",
            "place": "keep",
            "where": f"{photo.latitude:.6g}, {photo.longitude:.6g}" if photo.latitude is not None else "",
        }
        super().__init__(data, initial=initial)
        choices = [("set", "On this day"), ("none", "Not known: at the end of the timeline")]
        self.fields["when"].choices = choices  # type: ignore[attr-defined]

    def _read_day(self, data: dict[str, Any]) -> None:
        """Without a time of day, only the day is known: there is no other photo whose time could stay."""
        time = None if data.get("is_day_only") else data.get("time")
        data["is_day_only"] = time is None
        now = {name: data.get(name) for name in ("day", "time", "is_day_only")} | {"time": time}
        if any(value != self.initial[name] for name, value in now.items()) or not self._photo.taken:
            super()._read_day(data)

    def clean(self) -> dict[str, Any]:
        if self.data.get("when") == "none" and self._photo.taken is None:
            # Undated before and after: only what else is asked for.
            self.cleaned_data["when"] = "keep"
        return super().clean()


class ClockForm(ShiftFields):
    """Which camera was wrong, when, and by how much: told by one photo's right time, or as a shift."""

    camera = forms.ChoiceField(label="Camera")
    first = forms.DateField(label="From", required=False, widget=_DAY)
    last = forms.DateField(label="To", required=False, widget=_DAY)
    how = forms.ChoiceField(
        choices=[("photo", "I know when this photo was taken"), ("shift", "I know how wrong the clock was")],
        widget=forms.RadioSelect, initial="shift", label="How wrong was it?",
    )  # fmt: skip
    photo = forms.CharField(required=False, max_length=18, widget=forms.HiddenInput)
    real_day = forms.DateField(label="It was really taken on", required=False, widget=_DAY)
    real_time = forms.TimeField(label="at", required=False, widget=_TIME)
    with_decided = forms.BooleanField(label="Also photos whose date a person set", required=False)
    wrong: Wrong | None = None

    def __init__(self, *args: Any, cameras: Sequence[Camera], reading: Photo | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reading = reading
        self.fields["camera"].choices = [  # type: ignore[attr-defined]
            (camera.name, f"{camera.name} ({camera.count:,})") for camera in cameras
        ]
        if reading is None:
            self.fields["how"].choices = [("shift", "The clock was wrong by")]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        by = self._real(data) if data.get("how") == "photo" else self.read_shift(data)
        first, last = data.get("first"), data.get("last")
        if first and last and first > last:
            self.add_error("last", "This is before the first day.")
        if not self.errors and by is not None:
            self.wrong = Wrong(data["camera"], by, first, last, bool(data.get("with_decided")))
        return data

    def _real(self, data: dict[str, Any]) -> dt.timedelta | None:
        day, time = data.get("real_day"), data.get("real_time")
        if day is None or time is None or self._reading is None or self._reading.taken is None:
            for name, value in (("real_day", day), ("real_time", time)):
                if value is None and name not in self.errors:
                    self.add_error(name, "Say the day." if name == "real_day" else "Say the time.")
            return None
        by = dt.datetime.combine(day, time) - self._reading.taken.replace(microsecond=0)
        if not by:
            self.add_error("real_day", "That is what the camera says.")
        return by
