"""Metadata of a video's container, given as a plain mapping of names to texts by whoever opened the video."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from gallery.metadata import clock, filenames, places
from gallery.metadata.dates import Candidate, Confidence, Source
from gallery.metadata.fields import CAPTION_CHARS, TITLE_CHARS, join_names
from gallery.metadata.places import Place
from gallery.metadata.text import readable

_QUICKTIME = "com.apple.quicktime."
# With an offset, or the clock on the wall: what phones write beside the container's own UTC.
_LOCAL = (_QUICKTIME + "creationdate", "date", "creation_date", "date_recorded", "datetimeoriginal")
_UTC = ("creation_time", "com.android.creation_time")
_OFFSET = ("com.samsung.android.utc_offset", "samsung.android.utc_offset")
_PLACE = (_QUICKTIME + "location.iso6709", "location", "location-eng", "com.android.location", "xyz", "©xyz")
_MAKE = (_QUICKTIME + "make", "com.android.manufacturer", "make")
_MODEL = (_QUICKTIME + "model", "com.android.model", "model")


class VideoTags:
    """A container's metadata with names in lower case, and texts made readable."""

    def __init__(self, tags: Mapping[str, str]) -> None:
        self._tags = {name.lower(): readable(value) for name, value in tags.items() if isinstance(value, str)}

    def first(self, names: Sequence[str]) -> str:
        """The first of the names that has a text; "" when none has."""
        return next((self._tags[name] for name in names if self._tags.get(name)), "")

    def place(self) -> Place | None:
        """Where it was filmed."""
        for name in _PLACE:
            found = places.from_iso6709(self._tags.get(name, ""))
            if found is not None:
                return found
        return None

    def camera(self) -> str:
        """Maker and model."""
        return join_names(self.first(_MAKE), self.first(_MODEL))

    def content_id(self) -> str:
        """Apple's identifier that the picture of a live photo has too."""
        return self.first([_QUICKTIME + "content.identifier"])[:200]

    def title(self) -> str:
        """The name somebody gave to it."""
        return self.first([_QUICKTIME + "title", "title"])[:TITLE_CHARS]

    def caption(self) -> str:
        """The description."""
        return self.first([_QUICKTIME + "description", "description", "synopsis"])[:CAPTION_CHARS]

    def keywords(self) -> list[str]:
        """Keywords, which QuickTime separates by commas."""
        return self.first([_QUICKTIME + "keywords", "keywords"]).split(",")

    def rating(self) -> int | None:
        """1 to 5 stars."""
        try:
            stars = float(self.first([_QUICKTIME + "rating.user"]) or 0)
        except ValueError:
            return None
        return int(stars) if 1 <= stars <= 5 else None

    def candidates(self, *, name: str, now: dt.datetime) -> list[Candidate]:
        """The container's dates and that of the name, the most trusted first. A date without an offset is the clock on
        the wall; `creation_time` counts in UTC (ISO/IEC 14496-12, 8.2.2)."""
        found = []
        for key in _LOCAL:
            reading = clock.parse_reading(self._tags.get(key, ""), now=now)
            if reading is not None and reading.has_time:
                found.append(Candidate(Source.VIDEO, reading.local, reading.utc_offset_min))
        for key in _UTC:
            reading = clock.parse_reading(self._tags.get(key, ""), now=now)
            if reading is None or not reading.has_time:
                continue
            utc = reading.local - dt.timedelta(minutes=reading.utc_offset_min or 0)
            if not clock.is_possible_moment(utc, now=now):
                continue
            offset = clock.parse_offset(self.first(_OFFSET))
            if offset is not None:
                found.append(Candidate(Source.VIDEO, utc + dt.timedelta(minutes=offset), offset))
            else:
                found.append(Candidate(Source.VIDEO, utc, is_utc=True))
        named = filenames.date_in_name(name, now=now)
        if named is not None:
            confidence = Confidence.MEDIUM if named.has_time else Confidence.LOW
            found.append(Candidate(Source.NAME, named.moment, has_time=named.has_time, is_utc=named.is_utc,
                                   confidence=confidence))  # fmt: skip
        return found
