"""Changing date, time zone and place: what is written, who may, and taking it back."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gallery import changes, decided, edits, place_names
from gallery.edits import (
    ClearPosition,
    ImpossibleDate,
    SetPosition,
    SetTaken,
    SetUndated,
    SetZone,
    SetZoneOfPlace,
    Shift,
)
from gallery.models import UNDATED, Change, ChangedPhoto, Library, Photo
from gallery.timezones import Zone
from tests.factories import LibraryFactory, PhotoFactory, many_photos

MUNICH = (48.1374, 11.5755)
NEW_YORK = (40.7128, -74.006)


@pytest.fixture
def own(owner: User) -> Library:
    return LibraryFactory(owner=owner, visibility="private")


def taken(photo: Photo) -> tuple[Any, ...]:
    photo.refresh_from_db()
    return photo.taken, photo.utc_offset_min, photo.taken_source, photo.offset_source, photo.is_day_only


def everything(photo: Photo) -> dict[str, Any]:
    return Photo.objects.filter(pk=photo.pk).values().get()


def test_a_date_goes_to_all_columns_that_follow_from_it(owner: User, own: Library) -> None:
    photo = PhotoFactory(library=own, utc_offset_min=120, offset_source="exif")
    done = changes.change_taken(owner, [photo.pk], SetTaken(dt.date(2019, 12, 31), dt.time(23, 59)))
    assert taken(photo) == (dt.datetime(2019, 12, 31, 23, 59), 120, "person", "exif", False)
    assert photo.month == 201912
    assert photo.sort_at == dt.datetime(2019, 12, 31, 23, 59, tzinfo=dt.UTC)
    assert decided.is_set(photo, "taken")
    assert not decided.is_set(photo, "position")
    assert done.change is not None
    assert done.change.text == "1 photo: date set to 31 December 2019, 23:59"


def test_without_a_time_each_photo_keeps_its_own(owner: User, own: Library) -> None:
    morning = PhotoFactory(library=own, taken=dt.datetime(2024, 5, 17, 8, 30, 5))
    evening = PhotoFactory(library=own, taken=dt.datetime(2023, 1, 2, 20))
    undated = PhotoFactory(library=own)
    changes.change_taken(owner, [undated.pk], SetUndated())
    changes.change_taken(owner, [morning.pk, evening.pk, undated.pk], SetTaken(dt.date(2020, 2, 29)))
    assert taken(morning)[0] == dt.datetime(2020, 2, 29, 8, 30, 5)
    assert taken(evening)[0] == dt.datetime(2020, 2, 29, 20)
    assert (taken(undated)[0], undated.is_day_only) == (dt.datetime(2020, 2, 29), True)


def test_undated_photos_go_to_the_end_of_the_timeline(owner: User, own: Library) -> None:
    photo = PhotoFactory(library=own, utc_offset_min=60, offset_source="exif")
    changes.change_taken(owner, [photo.pk], SetUndated())
    assert taken(photo) == (None, None, "", "", False)
    assert (photo.month, photo.sort_at) == (0, UNDATED)


@pytest.mark.parametrize("day", [dt.date(1700, 1, 1), dt.date.today() + dt.timedelta(days=3)])
def test_a_date_when_no_photo_can_have_been_taken_changes_nothing(owner: User, own: Library, day: dt.date) -> None:
    photo = PhotoFactory(library=own)
    before = everything(photo)
    with pytest.raises(ImpossibleDate):
        changes.change_taken(owner, [photo.pk], SetTaken(day, dt.time(12)))
    assert everything(photo) == before
    assert not Change.objects.exists()


def test_an_offset_by_the_place_follows_date_and_place(owner: User, own: Library) -> None:
    photo = PhotoFactory(library=own, taken=dt.datetime(2024, 7, 1, 12))
    changes.change_position(owner, [photo.pk], MUNICH)
    assert taken(photo)[1::2] == (120, "place")
    changes.change_taken(owner, [photo.pk], SetTaken(dt.date(2024, 1, 1)))
    assert photo.utc_offset_min == 120
    assert taken(photo)[1] == 60
    changes.change_position(owner, [photo.pk], NEW_YORK)
    assert taken(photo)[1] == -300
    changes.change_position(owner, [photo.pk], None)
    assert taken(photo)[1::2] == (None, "")


@pytest.mark.parametrize("source", ["exif", "gps", "person"])
def test_an_offset_that_somebody_told_stays_when_the_place_changes(owner: User, own: Library, source: str) -> None:
    photo = PhotoFactory(library=own, utc_offset_min=330, offset_source=source)
    changes.change_position(owner, [photo.pk], MUNICH)
    assert taken(photo)[1::2] == (330, source)


def test_the_hour_that_came_twice_is_the_first_and_a_person_may_say_otherwise(owner: User, own: Library) -> None:
    photo = PhotoFactory(library=own, latitude=MUNICH[0], longitude=MUNICH[1])
    changes.change_taken(owner, [photo.pk], SetTaken(dt.date(2024, 10, 27), dt.time(2, 30)))
    assert taken(photo)[1::2] == (120, "place")
    changes.apply(owner, [photo.pk], [SetZone(Zone(fixed_min=60))])
    assert taken(photo)[0:2] == (dt.datetime(2024, 10, 27, 2, 30), 60)


def test_zone_by_name_by_place_and_unknown(owner: User, own: Library) -> None:
    photo = PhotoFactory(library=own, utc_offset_min=0, offset_source="exif", latitude=MUNICH[0], longitude=MUNICH[1])
    changes.apply(owner, [photo.pk], [SetZone(Zone("America/New_York"))])
    assert taken(photo)[:4] == (dt.datetime(2024, 5, 17, 14, 5), -240, "exif", "person")
    changes.apply(owner, [photo.pk], [SetZoneOfPlace()])
    assert taken(photo)[1::2] == (120, "place")
    changes.apply(owner, [photo.pk], [SetZone(None)])
    assert taken(photo)[1::2] == (None, "person")
    # "Not known" is an answer, so no place puts a guess in its stead.
    changes.change_position(owner, [photo.pk], NEW_YORK)
    assert taken(photo)[1::2] == (None, "person")


def test_a_place_brings_its_names_and_touches_the_library(owner: User, own: Library) -> None:
    photo = PhotoFactory(library=own, altitude_m=900.0)
    own.refresh_from_db()
    before = own.revision
    done = changes.change_position(owner, [photo.pk], MUNICH)
    photo.refresh_from_db()
    assert (photo.country, photo.region, photo.city) == ("Germany", "Bavaria", "Munich")
    assert (photo.latitude, photo.longitude, photo.altitude_m) == (*MUNICH, None)
    assert decided.is_set(photo, "position")
    assert done.change is not None
    assert done.change.text == "1 photo: place set to Munich, Bavaria, Germany"
    own.refresh_from_db()
    assert own.revision == before + 1


def test_a_shift_moves_across_midnight_and_months(owner: User, own: Library) -> None:
    photo = PhotoFactory(library=own, taken=dt.datetime(2024, 2, 29, 23, 30), utc_offset_min=60, offset_source="exif")
    changes.shift_taken(owner, [photo.pk], dt.timedelta(hours=1))
    assert taken(photo) == (dt.datetime(2024, 3, 1, 0, 30), 60, "person", "exif", False)
    assert photo.month == 202403


def test_a_shift_over_the_change_of_the_clocks_takes_the_place_s_new_offset(owner: User, own: Library) -> None:
    photo = PhotoFactory(
        library=own, taken=dt.datetime(2024, 3, 31, 1, 30), latitude=MUNICH[0], longitude=MUNICH[1],
        utc_offset_min=60, offset_source="place",
    )  # fmt: skip
    changes.shift_taken(owner, [photo.pk], dt.timedelta(hours=2))
    assert taken(photo)[:2] == (dt.datetime(2024, 3, 31, 3, 30), 120)


def test_an_offset_from_gps_was_wrong_by_as_much_as_the_clock(owner: User, own: Library) -> None:
    photo = PhotoFactory(library=own, utc_offset_min=60, offset_source="gps")
    changes.shift_taken(owner, [photo.pk], dt.timedelta(minutes=62))
    assert taken(photo)[1::2] == (120, "gps")


def test_of_day_only_photos_only_whole_days_move_and_undated_ones_not_at_all(owner: User, own: Library) -> None:
    day = PhotoFactory(library=own, taken=dt.datetime(2024, 5, 17), is_day_only=True)
    undated = PhotoFactory(library=own)
    changes.change_taken(owner, [undated.pk], SetUndated())
    done = changes.shift_taken(owner, [day.pk, undated.pk], -dt.timedelta(days=1, hours=23))
    assert (done.changed, done.same) == (1, 1)
    assert (taken(day)[0], day.is_day_only) == (dt.datetime(2024, 5, 16), True)
    assert changes.shift_taken(owner, [day.pk], dt.timedelta(hours=5)).change is None


def test_a_shift_into_the_future_moves_nobody(owner: User, own: Library) -> None:
    old, recent = PhotoFactory(library=own), PhotoFactory(library=own, taken=dt.datetime.now())
    with pytest.raises(ImpossibleDate):
        changes.shift_taken(owner, [old.pk, recent.pk], dt.timedelta(days=30))
    assert taken(old)[0] == dt.datetime(2024, 5, 17, 14, 5)
    with pytest.raises(ImpossibleDate):
        changes.shift_taken(owner, [old.pk], dt.timedelta(days=99_999_999))


EDITS = [
    [SetTaken(dt.date(2019, 1, 2), dt.time(3, 4)), SetZone(Zone("Asia/Tokyo"))],
    [SetTaken(dt.date(2019, 1, 2), is_day_only=True)],
    [SetUndated()],
    [Shift(dt.timedelta(days=-400, minutes=7))],
    [SetPosition(*NEW_YORK)],
    [ClearPosition(), SetZone(None)],
]


@pytest.mark.parametrize("asked", EDITS, ids=lambda asked: asked[0].said)
def test_undo_restores_exactly_what_was_before(owner: User, own: Library, asked: list[edits.Edit]) -> None:
    plain = PhotoFactory(library=own, taken=dt.datetime(2024, 5, 17, 14, 5, 6, 789000), utc_offset_min=None)
    located = PhotoFactory(
        library=own, latitude=MUNICH[0], longitude=MUNICH[1], altitude_m=519.5, country="Germany", region="Bavaria",
        city="Munich", utc_offset_min=120, offset_source="place", set_by_people="rating taken",
    )  # fmt: skip
    before = [everything(plain), everything(located)]
    done = changes.apply(owner, [plain.pk, located.pk], asked)
    assert done.change is not None
    assert [everything(plain), everything(located)] != before
    undone = changes.undo_change(done.change, owner)
    assert (undone.restored, undone.left) == (done.changed, 0)
    assert [everything(plain), everything(located)] == before
    with pytest.raises(changes.AlreadyUndone):
        changes.undo_change(done.change, owner)


def test_undo_leaves_photos_that_were_changed_since(owner: User, own: Library) -> None:
    one, two = PhotoFactory(library=own), PhotoFactory(library=own)
    first = changes.shift_taken(owner, [one.pk, two.pk], dt.timedelta(hours=1)).change
    second = changes.shift_taken(owner, [two.pk], dt.timedelta(hours=1)).change
    assert first is not None
    assert second is not None
    undone = changes.undo_change(first, owner)
    assert (undone.restored, undone.left) == (1, 1)
    assert taken(one)[:3] == (dt.datetime(2024, 5, 17, 14, 5), None, "exif")
    assert not decided.is_set(one, "taken")
    assert taken(two)[0] == dt.datetime(2024, 5, 17, 16, 5)
    changes.undo_change(second, owner)
    assert taken(two)[0] == dt.datetime(2024, 5, 17, 15, 5)


def test_a_date_is_taken_back_though_the_place_was_changed_again(owner: User, own: Library) -> None:
    photo = PhotoFactory(library=own, utc_offset_min=60, offset_source="exif")
    both = changes.apply(owner, [photo.pk], [SetPosition(*MUNICH), SetTaken(dt.date(2001, 2, 3))]).change
    changes.change_position(owner, [photo.pk], NEW_YORK)
    assert both is not None
    undone = changes.undo_change(both, owner)
    assert (undone.restored, undone.left) == (0, 1)
    assert taken(photo)[0] == dt.datetime(2024, 5, 17, 14, 5)
    assert (photo.city, decided.parts(photo)) == ("New York City", {"position"})


def test_photos_one_may_not_edit_are_passed_over(owner: User, member: User, own: Library) -> None:
    mine = PhotoFactory(library=own)
    household = PhotoFactory(library=LibraryFactory())
    stranger = PhotoFactory(library=LibraryFactory(owner=member, visibility="private"))
    trashed = PhotoFactory(library=own, trashed_at=dt.datetime(2024, 1, 1, tzinfo=dt.UTC))
    untouched = [everything(photo) for photo in (household, stranger, trashed)]
    ids = [mine.pk, household.pk, stranger.pk, trashed.pk, 987_654]
    assert changes.shift_taken(owner, ids, dt.timedelta(hours=1)).changed == 1
    assert [everything(photo) for photo in (household, stranger, trashed)] == untouched
    assert list(ChangedPhoto.objects.values_list("photo_id", flat=True)) == [mine.pk]
    assert changes.shift_taken(member, [mine.pk], dt.timedelta(hours=1)).change is None


def test_undo_leaves_photos_that_one_may_not_edit_any_more(owner: User, own: Library, member: User) -> None:
    photo = PhotoFactory(library=own)
    change = changes.shift_taken(owner, [photo.pk], dt.timedelta(hours=1)).change
    Library.objects.filter(pk=own.pk).update(owner=member)
    assert change is not None
    undone = changes.undo_change(change, User.objects.get(pk=owner.pk))
    assert (undone.restored, undone.left) == (0, 1)
    assert taken(photo)[0] == dt.datetime(2024, 5, 17, 15, 5)


def test_nobody_sees_or_takes_back_what_others_changed(owner: User, own: Library, admin: User) -> None:
    change = changes.shift_taken(owner, [PhotoFactory(library=own).pk], dt.timedelta(hours=1)).change
    assert changes.recent(owner) == [change]
    assert changes.recent(admin) == []
    assert not changes.of(admin).exists()


def test_a_thousand_photos_cost_as_many_queries_as_one(owner: User, own: Library) -> None:
    photos = [PhotoFactory(library=own).pk for _ in range(30)]
    counts = []
    for ids in (photos[:1], photos):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            changes.shift_taken(owner, ids, dt.timedelta(hours=1))
        # One prepared statement that is run for each photo is written down once for each.
        counts.append(len([q for q in queries if 'UPDATE "gallery_photo"' not in q["sql"]]))
    assert counts[0] == counts[1]


@pytest.mark.slow
def test_ten_thousand_photos_are_moved_and_back_within_seconds(owner: User, own: Library) -> None:
    template = PhotoFactory(library=own)
    many_photos(template, 10_000)
    ids = list(Photo.objects.values_list("pk", flat=True))
    began = time.process_time()
    done = changes.apply(owner, ids, [SetPosition(*MUNICH), Shift(dt.timedelta(minutes=90))])
    assert done.change is not None
    assert done.changed == 10_001
    undone = changes.undo_change(done.change, owner)
    assert (undone.restored, undone.left) == (10_001, 0)
    assert time.process_time() - began < 12
    assert not Photo.objects.exclude(taken_local=template.taken_local, city="", set_by_people="").exists()


def test_photos_read_before_there_were_names_get_theirs(owner: User, own: Library) -> None:
    photo = PhotoFactory(library=own, latitude=MUNICH[0], longitude=MUNICH[1])
    at_sea = PhotoFactory(library=own, latitude=30.0, longitude=-40.0)
    nowhere = PhotoFactory(library=own)
    own.refresh_from_db()
    before = own.revision
    assert list(place_names.name_all()) == [(2, 1)]
    for row in (photo, at_sea, nowhere):
        row.refresh_from_db()
    assert (photo.city, at_sea.country, nowhere.country) == ("Munich", "", "")
    assert list(place_names.name_all()) == [(1, 0)]
    Photo.objects.filter(pk=photo.pk).update(city="Monaco di Baviera")
    assert list(place_names.name_all(again=True)) == [(2, 1)]
    own.refresh_from_db()
    assert own.revision == before + 2
