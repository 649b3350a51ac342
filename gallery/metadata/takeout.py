"""The JSON that Google Takeout puts beside every picture, and beside every album."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass

from gallery.metadata import clock, places
from gallery.metadata.fields import NAME_CHARS, distinct
from gallery.metadata.places import Place
from gallery.metadata.text import readable

FILE_BYTES = 1024 * 1024  # real ones have two thousand
_TEXT_CHARS = 10_000


@dataclass(frozen=True, slots=True)
class Takeout:
    """What the JSON of a picture says. `taken_utc` is naive UTC; `title` is the picture's full file name, which the
    name on disk may have lost."""

    title: str = ""
    description: str = ""
    taken_utc: dt.datetime | None = None
    place: Place | None = None
    people: tuple[str, ...] = ()
    is_favourite: bool = False


def read(data: bytes, *, now: dt.datetime) -> Takeout | None:
    """The facts of a picture's JSON; None for what is no JSON object or speaks of no picture. Raises nothing."""
    found = _object(data)
    if found is None or not ("photoTakenTime" in found or "geoData" in found or "title" in found):
        return None
    # What a person corrected in Google Photos stands in geoData; what the camera wrote, in geoDataExif.
    place = places.from_numbers(_dict(found.get("geoData"))) or places.from_numbers(_dict(found.get("geoDataExif")))
    people = found.get("people")
    return Takeout(
        title=_text(found.get("title")),
        description=_text(found.get("description")),
        taken_utc=_moment(_dict(found.get("photoTakenTime")).get("timestamp"), now=now),
        place=place,
        people=distinct(_text(_dict(person).get("name")) for person in (people if isinstance(people, list) else [])),
        is_favourite=found.get("favorited") is True,
    )


def read_album_title(data: bytes) -> str:
    """The title of an album's JSON (metadata.json in any language); "" when it is none."""
    found = _object(data)
    if found is None or "photoTakenTime" in found:
        return ""
    album = found.get("albumData")  # older exports wrap it
    return " ".join(_text((_dict(album) or found).get("title")).split())[:NAME_CHARS]


def _object(data: bytes) -> dict[str, object] | None:
    if not data or len(data) > FILE_BYTES:
        return None
    try:
        found = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _dict(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return readable(value.encode("utf-8", "replace").decode()[:_TEXT_CHARS]) if isinstance(value, str) else ""


def _moment(value: object, *, now: dt.datetime) -> dt.datetime | None:
    """Seconds since 1970 as a text or number; the day of the epoch itself means that nothing was known."""
    if isinstance(value, bool) or not isinstance(value, (str, int)) or len(str(value)[:40]) > 15:
        return None
    try:
        moment = dt.datetime(1970, 1, 1) + dt.timedelta(seconds=int(value))
    except (ValueError, OverflowError):
        return None
    return moment if clock.is_possible_moment(moment, now=now) else None
