"""The JSON that Google Takeout puts beside every picture, and beside every album."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from gallery.metadata import clock, places
from gallery.metadata.fields import NAME_CHARS, distinct
from gallery.metadata.places import Place
from gallery.metadata.text import readable

FILE_BYTES = 1024 * 1024  # real ones have two thousand
_TEXT_CHARS = 10_000
# What tells the JSON of a Google album from any other metadata.json that has a title.
_OF_ALBUMS = ("date", "access", "albumData", "enrichments", "sharedAlbumComments")
# Folders that Google makes by itself: of a year ("Photos from 2019", in its users' languages), of a day (until 2020).
_YEAR = re.compile(
    r"(photos?|fotos?|foto.s|foton|foto.?raf\w*|bilder|billeder|kuvat|zdjęcia|fotky|снимки|фотографии|фото|фотографії|"
    r"poze|fényképek) +(from|de|du|del|dal|da|di|do|von|aus|uit|van|från|fra|vuodelta|z|od|za|от|за|din|ur) +\d{4}"
    r"|\d{4} *(年の写真|年のフォト|年的照片|年的相片|년의 사진|년 사진)|\d{4}-\d\d-\d\d( *#\d+)?",
    re.IGNORECASE,
)


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


def merged(exports: Sequence[Takeout]) -> Takeout:
    """What the JSON files of one picture say together: it may lie in an album's folder, too. The first one that says
    something counts; people and hearts add up."""
    return Takeout(
        title=next((it.title for it in exports if it.title), ""),
        description=next((it.description for it in exports if it.description), ""),
        taken_utc=next((it.taken_utc for it in exports if it.taken_utc), None),
        place=next((it.place for it in exports if it.place), None),
        people=distinct(name for it in exports for name in it.people),
        is_favourite=any(it.is_favourite for it in exports),
    )


def read_album_title(data: bytes) -> str:
    """The title that a person gave an album, from its JSON (metadata.json in any language); "" when it is none: no
    album's JSON, an album without a title, or a year's folder, which is nobody's album."""
    found = _object(data)
    if found is None or "photoTakenTime" in found or not any(key in found for key in _OF_ALBUMS):
        return ""
    album = found.get("albumData")  # older exports wrap it
    title = " ".join(_text((_dict(album) or found).get("title")).split())[:NAME_CHARS]
    return "" if _YEAR.fullmatch(title) else title


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
