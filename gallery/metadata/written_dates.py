"""The dates that stand in a file's tags, as candidates in their order of trust."""

from __future__ import annotations

import datetime as dt
import math
import struct
from collections.abc import Iterator, Sequence

from gallery.metadata import clock, filenames
from gallery.metadata.dates import Candidate, Confidence, Source
from gallery.metadata.tags import Tags

_ORIGINAL = ("Exif.Photo.DateTimeOriginal", "Exif.Image.DateTimeOriginal")
# Maker notes that keep a date where EXIF may have none: (date, time) as bytes, year in two of them.
# Zone in minutes, summer time, and how many minutes its unit is: Canon writes minutes, Nikon 1 for yes.
_ZONES = (
    ("Exif.CanonTi.TimeZone", "Exif.CanonTi.DaylightSavings", 1),
    ("Exif.NikonWt.Timezone", "Exif.NikonWt.DaylightSavings", 60),
)
_RECONYX = b"\x01\xf1"
_PENTAX = (("Exif.Pentax.Date", "Exif.Pentax.Time"), ("Exif.PentaxDng.Date", "Exif.PentaxDng.Time"))


def candidates(
    tags: Tags, sidecars: Sequence[Tags], *, takeout_utc: dt.datetime | None, name: str, now: dt.datetime
) -> list[Candidate]:
    """All dates of a picture but the file's own, the most trusted first (docs/dates.md)."""

    def all_of() -> Iterator[Candidate | None]:
        for sidecar in sidecars:
            yield from _xmp_original(sidecar, Source.SIDECAR, now=now)
        for key in _ORIGINAL:
            yield _exif(tags, key, "Original", Source.EXIF, now=now)
        yield from _xmp_original(tags, Source.XMP, now=now)
        for sidecar in sidecars:
            yield from _xmp_digitized(sidecar, Source.SIDECAR, now=now)
        yield _exif(tags, "Exif.Photo.DateTimeDigitized", "Digitized", Source.DIGITIZED, now=now)
        yield from _xmp_digitized(tags, Source.DIGITIZED, now=now)
        yield _iptc(tags, now=now)
        yield _maker(tags, now=now)
        yield _picture_info(tags, now=now)
        if takeout_utc is not None:
            yield Candidate(Source.TAKEOUT, takeout_utc, is_utc=True)
        utc = gps_moment(tags, now=now)
        if utc is not None:
            yield Candidate(Source.GPS, utc, is_utc=True)
        yield _name(name, now=now)
        yield _exif(tags, "Exif.Image.DateTime", "", Source.MODIFIED, now=now)
        yield _reading(tags.text("Xmp.xmp.ModifyDate"), Source.MODIFIED, now=now)

    return [it for it in all_of() if it is not None]


def gps_moment(tags: Tags, *, now: dt.datetime) -> dt.datetime | None:
    """The receiver's date and time: naive UTC; None unless both are there and possible."""
    day = clock.parse_reading(tags.text("Exif.GPSInfo.GPSDateStamp"), now=now)
    parts = tags.numbers("Exif.GPSInfo.GPSTimeStamp")
    if day is not None and len(parts) == 3 and all(math.isfinite(part) and part >= 0 for part in parts):
        hour, minute, second = parts
        if hour < 24 and minute < 60 and second <= 60:
            moment = day.local.replace(hour=0, minute=0, second=0, microsecond=0)
            moment += dt.timedelta(hours=float(hour), minutes=float(minute), seconds=float(second))
            return moment if clock.is_possible_moment(moment, now=now) else None
    reading = clock.parse_reading(tags.text("Xmp.exif.GPSTimeStamp", "Xmp.exif.GPSDateTime"), now=now)
    if reading is None or not reading.has_time:
        return None
    moment = reading.local - dt.timedelta(minutes=reading.utc_offset_min or 0)
    return moment if clock.is_possible_moment(moment, now=now) else None


def camera_offset(tags: Tags) -> int | None:
    """The time zone set in the menu of a Canon or Nikon, summer time included, in minutes east of UTC."""
    for zone, summer, unit_min in _ZONES:
        minutes, saving = tags.numbers(zone), tags.numbers(summer)
        shift = int(saving[0]) * unit_min if saving else 0
        if len(minutes) == 1 and shift in {0, 30, 60} and -720 <= minutes[0] + shift <= 840:
            return int(minutes[0]) + shift
    return None


def _exif(tags: Tags, key: str, kind: str, source: Source, *, now: dt.datetime) -> Candidate | None:
    reading = clock.parse_reading(tags.text(key), now=now)
    if reading is None:
        return None
    moment = clock.with_fraction(reading.local, tags.text(f"Exif.Photo.SubSecTime{kind}"))
    offset = reading.utc_offset_min
    if offset is None:
        offset = clock.parse_offset(tags.text(f"Exif.Photo.OffsetTime{kind}"))
    if offset is None and kind:
        # The other two offsets speak of the other two dates; they count when those are the same clock.
        for other, date in (("Digitized", "Exif.Photo.DateTimeDigitized"), ("", "Exif.Image.DateTime")):
            if tags.text(date) in {"", tags.text(key)}:
                offset = (
                    offset if offset is not None else clock.parse_offset(tags.text(f"Exif.Photo.OffsetTime{other}"))
                )
    return _checked(Candidate(source, moment, offset, has_time=reading.has_time), now=now)


def _xmp_original(tags: Tags, source: Source, *, now: dt.datetime) -> Iterator[Candidate | None]:
    for key, kind in (("Xmp.exif.DateTimeOriginal", "Original"), ("Xmp.photoshop.DateCreated", "")):
        yield _xmp(tags, key, kind, source, now=now)


def _xmp_digitized(tags: Tags, source: Source, *, now: dt.datetime) -> Iterator[Candidate | None]:
    for key in ("Xmp.exif.DateTimeDigitized", "Xmp.xmp.CreateDate"):
        found = _xmp(tags, key, "Digitized", source, now=now)
        if found is not None and source is Source.SIDECAR:
            found = Candidate(source, found.moment, found.utc_offset_min, found.has_time, confidence=Confidence.MEDIUM)
        yield found


def _xmp(tags: Tags, key: str, kind: str, source: Source, *, now: dt.datetime) -> Candidate | None:
    it = _reading(tags.text(key), source, now=now)
    if it is None or not it.has_time or not kind:
        return it
    moment, offset = it.moment, it.utc_offset_min
    if not moment.microsecond:
        moment = clock.with_fraction(moment, tags.text(f"Xmp.exif.SubSecTime{kind}"))
    if offset is None:
        offset = clock.parse_offset(tags.text(f"Xmp.exifEX.OffsetTime{kind}", f"Xmp.exif.OffsetTime{kind}"))
    return _checked(Candidate(source, moment, offset), now=now)


def _iptc(tags: Tags, *, now: dt.datetime) -> Candidate | None:
    day, time = tags.text("Iptc.Application2.DateCreated"), tags.text("Iptc.Application2.TimeCreated")
    it = _reading(f"{day} {time}", Source.IPTC, now=now) or _reading(day, Source.IPTC, now=now)
    if it is not None and it.utc_offset_min == 0:
        # The format asks for an offset, and programs that know none write +0000.
        return Candidate(Source.IPTC, it.moment, None, has_time=it.has_time)
    return it


def _maker(tags: Tags, *, now: dt.datetime) -> Candidate | None:
    for date_key, time_key in _PENTAX:
        date, time = tags.numbers(date_key), tags.numbers(time_key)
        if len(date) == 4 and len(time) >= 3:
            text = f"{int(date[0]) * 256 + int(date[1]):04}:{int(date[2]):02}:{int(date[3]):02} "
            it = _reading(text + ":".join(f"{int(part):02}" for part in time[:3]), Source.MAKER, now=now)
            if it is not None:
                return it
    note = tags.exif.get("Exif.Photo.MakerNote")
    if isinstance(note, bytes) and note.startswith(_RECONYX) and len(note) >= 34:
        # Trail cameras: second, minute, hour, month, day, year (https://exiftool.org/TagNames/Reconyx.html).
        second, minute, hour, month, day, year = struct.unpack_from("<6H", note, 22)
        return _reading(f"{year:04}:{month:02}:{day:02} {hour:02}:{minute:02}:{second:02}", Source.MAKER, now=now)
    return None


def _picture_info(tags: Tags, *, now: dt.datetime) -> Candidate | None:
    """The JPEGs of the nineties (Olympus, Agfa, Epson) with a text block instead of EXIF: seconds since 1970, local."""
    if not tags.picture_info_s:
        return None
    moment = dt.datetime(1970, 1, 1) + dt.timedelta(seconds=tags.picture_info_s)
    return Candidate(Source.MAKER, moment) if clock.is_possible_moment(moment, now=now) else None


def _name(name: str, *, now: dt.datetime) -> Candidate | None:
    found = filenames.date_in_name(name, now=now)
    if found is None:
        return None
    confidence = Confidence.MEDIUM if found.has_time else Confidence.LOW
    return Candidate(Source.NAME, found.moment, has_time=found.has_time, is_utc=found.is_utc, confidence=confidence)


def _reading(text: str, source: Source, *, now: dt.datetime) -> Candidate | None:
    reading = clock.parse_reading(text, now=now)
    if reading is None:
        return None
    return _checked(Candidate(source, reading.local, reading.utc_offset_min, has_time=reading.has_time), now=now)


def _checked(it: Candidate, *, now: dt.datetime) -> Candidate | None:
    """None when the moment in UTC is an unset clock that a program moved into a time zone."""
    if it.utc_offset_min is None:
        return it
    utc = it.moment - dt.timedelta(minutes=it.utc_offset_min)
    return it if clock.is_possible_moment(utc, now=now) else None
