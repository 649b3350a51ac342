"""Which date is believed, and how far."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from gallery import metadata
from gallery.metadata import Sidecar, Taken
from gallery.metadata.dates import offset_by_gps
from tests.metadata.making import tagged, takeout, xmp

NOW = dt.datetime(2026, 11, 22, 12)
SHOT = dt.datetime(2018, 7, 5, 14, 15, 30)
ORIGINAL = {"Exif.Photo.DateTimeOriginal": "2018:07:05 14:15:30"}
PARIS = {
    "Exif.GPSInfo.GPSLatitudeRef": "N", "Exif.GPSInfo.GPSLatitude": "48/1 51/1 30/1",
    "Exif.GPSInfo.GPSLongitudeRef": "E", "Exif.GPSInfo.GPSLongitude": "2/1 17/1 40/1",
}  # fmt: skip


def gps_time(day: str, hour: int, minute: int, second: int) -> dict[str, object]:
    return {"Exif.GPSInfo.GPSDateStamp": day, "Exif.GPSInfo.GPSTimeStamp": f"{hour}/1 {minute}/1 {second}/1"}


def taken(data: bytes, **options: Any) -> Taken:
    found = metadata.read(data, now=NOW, **options).taken
    assert found is not None
    return found


def sidecar(**attributes: str) -> Sidecar:
    text = " ".join(f'{name.replace("_", ":", 1)}="{value}"' for name, value in attributes.items())
    return Sidecar(metadata.Kind.XMP, xmp(attributes=text))


def export(moment: dt.datetime, **more: object) -> Sidecar:
    seconds = int((moment - dt.datetime(1970, 1, 1)).total_seconds())
    return Sidecar(metadata.Kind.TAKEOUT, takeout(title="x.jpg", photoTakenTime={"timestamp": str(seconds)}, **more))


def test_the_sources_win_in_the_order_of_the_docs() -> None:
    """Each source gets a year of its own; one after the other is taken away, and the next one speaks."""
    year = {
        "sidecar": 2001, "exif": 2002, "xmp": 2003, "digitized": 2004, "iptc": 2005, "takeout": 2006, "gps": 2007,
        "name": 2008, "modified": 2009, "file": 2010,
    }  # fmt: skip
    left = list(year)
    seen = []
    while left:
        exif: dict[str, object] = {}
        if "exif" in left:
            exif["Exif.Photo.DateTimeOriginal"] = f"{year['exif']}:06:01 10:00:00"
        if "digitized" in left:
            exif["Exif.Photo.DateTimeDigitized"] = f"{year['digitized']}:06:01 10:00:00"
        if "modified" in left:
            exif["Exif.Image.DateTime"] = f"{year['modified']}:06:01 10:00:00"
        if "gps" in left:
            exif.update(gps_time(f"{year['gps']}:06:01", 10, 0, 0))
        data = tagged(
            exif,
            iptc={"Iptc.Application2.DateCreated": f"{year['iptc']}-06-01"} if "iptc" in left else {},
            packet=xmp(attributes=f'exif:DateTimeOriginal="{year["xmp"]}-06-01T10:00:00"' if "xmp" in left else ""),
        )
        beside = [sidecar(exif_DateTimeOriginal=f"{year['sidecar']}-06-01T10:00:00")] if "sidecar" in left else []
        if "takeout" in left:
            beside.append(export(dt.datetime(year["takeout"], 6, 1, 10)))
        found = taken(
            data,
            sidecars=beside,
            name=f"IMG_{year['name']}0601_100000.jpg" if "name" in left else "",
            file_time=dt.datetime(year["file"], 6, 1, 10),
        )
        assert found.local.year == year[found.source.value]
        seen.append(found.source.value)
        left.remove(found.source.value)
    assert seen == list(year)


def test_the_time_of_the_scan_is_never_a_date() -> None:
    assert metadata.read(tagged(), now=NOW).taken is None


def test_the_offset_beside_the_date_is_believed_most() -> None:
    found = taken(tagged({**ORIGINAL, "Exif.Photo.OffsetTimeOriginal": "+09:00", **PARIS}))
    assert (found.local, found.utc_offset_min, found.offset_source.value) == (SHOT, 540, "tag")
    assert (found.precision.value, found.confidence.value) == ("second", "high")


def test_the_offset_of_another_clock_in_the_file_does_not_count() -> None:
    edited = {**ORIGINAL, "Exif.Image.DateTime": "2020:01:01 12:00:01", "Exif.Photo.OffsetTime": "-05:00"}
    assert taken(tagged(edited)).utc_offset_min is None
    same = {**ORIGINAL, "Exif.Image.DateTime": "2018:07:05 14:15:30", "Exif.Photo.OffsetTime": "-05:00"}
    assert taken(tagged(same)).utc_offset_min == -300


def test_the_receivers_time_gives_the_offset() -> None:
    found = taken(tagged({**ORIGINAL, **gps_time("2018:07:05", 12, 15, 11)}))
    assert (found.utc_offset_min, found.offset_source.value) == (120, "gps")


@pytest.mark.parametrize(
    ("hours", "minutes"), [(5.5, 330), (5.75, 345), (-3.5, -210), (14, 840), (-12, -720), (2.25, None), (15, None)]
)
def test_only_zones_that_exist_lie_between_two_clocks(hours: float, minutes: int | None) -> None:
    assert offset_by_gps(SHOT, SHOT - dt.timedelta(hours=hours, seconds=70)) == minutes


def test_a_receiver_whose_fix_is_old_gives_no_offset() -> None:
    assert offset_by_gps(SHOT, SHOT - dt.timedelta(hours=2, minutes=5)) is None


def test_the_zone_of_the_place_gives_the_offset_with_summer_time() -> None:
    summer = taken(tagged({**ORIGINAL, **PARIS}))
    assert (summer.utc_offset_min, summer.offset_source.value) == (120, "place")
    winter = taken(tagged({"Exif.Photo.DateTimeOriginal": "2018:01:05 14:15:30", **PARIS}))
    assert winter.utc_offset_min == 60


def test_the_hour_that_comes_twice_is_told_apart_by_the_receiver() -> None:
    twice = {"Exif.Photo.DateTimeOriginal": "2018:10:28 02:30:00", **PARIS}
    assert taken(tagged(twice)).utc_offset_min == 120
    # The fix is ten minutes old: too old to tell a zone, but not to tell summer from winter.
    assert taken(tagged({**twice, **gps_time("2018:10:28", 1, 20, 0)})).utc_offset_min == 60
    assert taken(tagged({**twice, **gps_time("2018:10:28", 0, 20, 0)})).utc_offset_min == 120


def test_the_zone_in_the_cameras_menu_is_the_last_resort() -> None:
    canon = {**ORIGINAL, "Exif.Image.Make": "Canon", "Exif.Image.Model": "Canon EOS 5D",
             "Exif.CanonTi.TimeZone": "60", "Exif.CanonTi.DaylightSavings": "60"}  # fmt: skip
    found = taken(tagged(canon))
    assert (found.utc_offset_min, found.offset_source.value) == (120, "camera")
    assert taken(tagged({**canon, **PARIS})).offset_source.value == "place"
    nikon = {**ORIGINAL, "Exif.Image.Make": "NIKON CORPORATION", "Exif.Image.Model": "NIKON D90",
             "Exif.NikonWt.Timezone": "-300", "Exif.NikonWt.DaylightSavings": "1"}  # fmt: skip
    assert taken(tagged(nikon)).utc_offset_min == -240


def test_takeout_counts_in_utc_and_the_place_makes_it_local() -> None:
    place = {"latitude": 48.8584, "longitude": 2.2945, "altitude": 35.0}
    utc = dt.datetime(2018, 7, 5, 12, 15, 30)
    found = taken(tagged(), sidecars=[export(utc, geoData=place)])
    assert (found.local, found.utc_offset_min, found.offset_source.value) == (SHOT, 120, "place")
    assert found.confidence.value == "medium"


def test_without_a_place_the_household_lends_its_zone_and_less_trust() -> None:
    found = taken(tagged(), sidecars=[export(dt.datetime(2018, 7, 5, 12, 15, 30))], household_zone="Europe/Berlin")
    assert (found.local, found.offset_source.value, found.confidence.value) == (SHOT, "household", "low")
    alone = taken(tagged(), sidecars=[export(dt.datetime(2018, 7, 5, 12, 15, 30))], household_zone="Nowhere/Atall")
    assert (alone.local, alone.utc_offset_min) == (dt.datetime(2018, 7, 5, 12, 15, 30), 0)


@pytest.mark.parametrize("utc", [dt.datetime(1970, 1, 1), dt.datetime(1970, 1, 1, 23, 59), dt.datetime(2026, 11, 24)])
def test_an_unset_clock_or_the_future_in_takeout_is_refused(utc: dt.datetime) -> None:
    assert metadata.read(tagged(), now=NOW, sidecars=[export(utc)]).taken is None


def test_an_epoch_that_a_program_moved_into_a_zone_is_refused() -> None:
    moved = {"Exif.Photo.DateTimeOriginal": "1970:01:01 02:00:00", "Exif.Photo.OffsetTimeOriginal": "+02:00"}
    assert metadata.read(tagged(moved), now=NOW).taken is None


@pytest.mark.parametrize("text", ["1904:01:01 00:00:00", "1904:01:01 02:00:00", "2018:13:05 10:00:00"])
def test_zero_clocks_and_month_thirteen_are_refused(text: str) -> None:
    assert metadata.parse_date(text, now=NOW) is None


def test_the_reset_of_an_empty_battery_is_kept_but_gives_way() -> None:
    reset = {"Exif.Photo.DateTimeOriginal": "2000:01:01 00:00:00", "Exif.Image.DateTime": "2019:03:04 05:06:07"}
    found = taken(tagged(reset))
    assert (found.local, found.source.value, found.confidence.value) == (dt.datetime(2000, 1, 1), "exif", "low")
    found = taken(tagged(reset), name="20180705_141530.jpg")
    assert (found.local, found.source.value) == (SHOT, "name")


def test_a_mere_day_is_completed_by_the_same_day_with_a_time() -> None:
    day = 'photoshop:DateCreated="2018-07-05"'
    found = taken(tagged({"Exif.Photo.DateTimeDigitized": "2018:07:05 14:15:30"}, packet=xmp(attributes=day)))
    assert (found.local, found.precision.value) == (SHOT, "second")
    found = taken(tagged({"Exif.Photo.DateTimeDigitized": "2020:07:05 14:15:30"}, packet=xmp(attributes=day)))
    assert (found.local, found.precision.value) == (dt.datetime(2018, 7, 5), "day")


def test_fractions_and_zones_of_xmp_are_read() -> None:
    found = taken(tagged(packet=xmp(attributes='exif:DateTimeOriginal="2018-07-05T14:15:30.25+02:00"')))
    assert found.local == SHOT.replace(microsecond=250_000)
    assert (found.utc_offset_min, found.source.value) == (120, "xmp")


def test_iptc_has_a_date_a_time_and_an_offset() -> None:
    fields: dict[str, str | list[str]] = {"Iptc.Application2.DateCreated": "2018-07-05"}
    found = taken(tagged(iptc={**fields, "Iptc.Application2.TimeCreated": "14:15:30-05:00"}))
    assert (found.local, found.utc_offset_min, found.source.value) == (SHOT, -300, "iptc")
    # Zero is what programs write that know no zone.
    assert taken(tagged(iptc={**fields, "Iptc.Application2.TimeCreated": "14:15:30+00:00"})).utc_offset_min is None
    assert taken(tagged(iptc=fields)).precision.value == "day"


def test_the_files_own_time_is_a_guess_of_the_household() -> None:
    found = taken(tagged(), file_time=dt.datetime(2018, 7, 5, 12, 15, 30, tzinfo=dt.UTC), household_zone="Europe/Paris")
    assert (found.local, found.source.value, found.confidence.value) == (SHOT, "file", "low")
    assert metadata.read(tagged(), now=NOW, file_time=dt.datetime(1970, 1, 1)).taken is None
    assert metadata.read(tagged(), now=NOW, file_time=dt.datetime(2030, 1, 1)).taken is None


def test_trail_cameras_keep_the_date_in_their_maker_note() -> None:
    note = (
        b"\x01\xf1" + bytes(20) + b"".join(part.to_bytes(2, "little") for part in (30, 15, 14, 7, 5, 2018)) + bytes(60)
    )
    data = tagged({"Exif.Photo.MakerNote": " ".join(map(str, note))})
    found = taken(data)
    assert (found.local, found.source.value) == (SHOT, "maker")
