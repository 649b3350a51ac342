"""The pages that change dates, time zones and places, and the camera's clock."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from gallery import changes, clock
from gallery.clock import Wrong
from gallery.models import Change, Library, Photo
from tests.factories import LibraryFactory, PhotoFactory

SAME = {"when": "set", "day": "2024-05-17", "time": "14:05:00", "zone": "keep", "place": "keep"}


@pytest.fixture
def own(owner: User) -> Library:
    return LibraryFactory(owner=owner, visibility="private")


def test_the_form_of_a_photo_shows_what_is_known(owner_client: Client, own: Library) -> None:
    photo = PhotoFactory(library=own, latitude=48.1374, longitude=11.5755, utc_offset_min=120, offset_source="gps")
    html = owner_client.get(f"/photos/{photo.pk}/edit/").content.decode()
    for part in ('value="2024-05-17"', 'value="14:05:00"', 'value="UTC+2"', 'value="48.1374, 11.5755"'):
        assert part in html
    assert "UTC+2 from GPS" in html


def test_saving_a_new_date_comes_back_to_the_photo_in_its_set_and_offers_undo(
    owner_client: Client, own: Library
) -> None:
    photo = PhotoFactory(library=own)
    response = owner_client.post(f"/photos/{photo.pk}/edit/?in=favourites", SAME | {"day": "2020-02-29"})
    assert (response.status_code, response["Location"]) == (303, f"/photos/{photo.pk}/?in=favourites")
    html = owner_client.get(response["Location"]).content.decode()
    assert "date set to 29 February 2020, 14:05" in html
    assert "from a person" in html
    undo = re.search(r'action="(/changes/\d+/undo/)"', html)
    assert undo is not None
    html = owner_client.post(undo[1], follow=True).content.decode()
    assert "Undone: 1 photo as before." in html
    photo.refresh_from_db()
    assert photo.taken == dt.datetime(2024, 5, 17, 14, 5)
    assert "That was undone before." in owner_client.post(undo[1], follow=True).content.decode()


def test_what_is_sent_as_it_was_is_no_change(owner_client: Client, own: Library) -> None:
    dated, undated = PhotoFactory(library=own), PhotoFactory(library=own)
    undated.set_taken(None, utc_offset_min=None, source="")
    undated.save()
    for photo, data in ((dated, SAME), (undated, SAME | {"when": "none"})):
        response = owner_client.post(f"/photos/{photo.pk}/edit/", data)
        assert response.status_code == 422
        assert "Nothing is different from before." in response.content.decode()
    assert not Change.objects.exists()


def test_only_the_day_may_be_known_and_a_photo_may_be_undated(owner_client: Client, own: Library) -> None:
    photo = PhotoFactory(library=own)
    owner_client.post(f"/photos/{photo.pk}/edit/", SAME | {"is_day_only": "on"})
    photo.refresh_from_db()
    assert (photo.taken, photo.is_day_only) == (dt.datetime(2024, 5, 17), True)
    owner_client.post(f"/photos/{photo.pk}/edit/", SAME | {"time": "", "is_day_only": "on", "day": "2024-05-18"})
    photo.refresh_from_db()
    assert (photo.taken, photo.is_day_only) == (dt.datetime(2024, 5, 18), True)
    owner_client.post(f"/photos/{photo.pk}/edit/", SAME | {"when": "none"})
    photo.refresh_from_db()
    assert (photo.taken, photo.month) == (None, 0)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"day": ""}, "Say which day."),
        ({"day": "2024-02-30"}, "Enter a valid date."),
        ({"day": "1750-01-01"}, "There are no photos from 1750."),
        ({"day": "2999-01-01"}, "is in the future."),
        ({"zone": "named", "zone_name": "Atlantis"}, "This is no time zone"),
        ({"place": "set", "where": ""}, "Type the name of a town, or coordinates."),
        ({"place": "set", "where": "Qqzzqq"}, "No town of that name is known."),
        ({"place": "set", "where": "Paris"}, "Which one is it? Choose below."),
        ({"place": "set", "where": "Paris", "city": "1.0,2.0"}, "Which one is it? Choose below."),
    ],
)
def test_errors_are_said_in_words(owner_client: Client, own: Library, fields: dict[str, str], said: str) -> None:
    photo = PhotoFactory(library=own)
    response = owner_client.post(f"/photos/{photo.pk}/edit/", SAME | fields)
    assert response.status_code == 422
    assert said in response.content.decode()
    assert not Change.objects.exists()


def test_a_place_is_chosen_among_towns_of_the_same_name(owner_client: Client, own: Library) -> None:
    photo = PhotoFactory(library=own)
    asked = SAME | {"place": "set", "where": "Paris"}
    html = owner_client.post(f"/photos/{photo.pk}/edit/", asked).content.decode()
    chosen = re.search(r'name="city" value="([^"]*)"[^>]*> <span>Paris<span class="meta"> Texas', html)
    assert chosen is not None
    assert owner_client.post(f"/photos/{photo.pk}/edit/", asked | {"city": chosen[1]}).status_code == 303
    photo.refresh_from_db()
    assert (photo.city, photo.region, photo.offset_source) == ("Paris", "Texas", "place")


def test_towns_are_offered_while_one_types(member_client: Client) -> None:
    response = member_client.get("/places/cities/?where=muni", headers={"HX-Request": "true"})
    html = response.content.decode()
    assert html.lstrip().startswith('<div id="_city_choices"')
    assert "Munich<span" in html
    assert "<html" in member_client.get("/places/cities/?where=muni").content.decode()
    nothing = member_client.get("/places/cities/?where=48.1,11.5", headers={"HX-Request": "true"}).content.decode()
    assert "radio" not in nothing
    assert "No town" not in nothing


def test_many_photos_are_changed_at_once_and_others_refused_as_not_there(
    owner_client: Client, own: Library, owner: User
) -> None:
    photos = [PhotoFactory(library=own, taken=dt.datetime(2024, 5, day, 9)) for day in (1, 2)]
    foreign = PhotoFactory(library=LibraryFactory())
    ids = [photo.pk for photo in (*photos, foreign)]
    html = owner_client.post("/photos/edit/", {"photo": ids, "next": "/favourites/"}).content.decode()
    assert "Change 2 photos" in html
    assert "1 of the photos is not yours to change, and stays as it is." in html
    data = {"photo": ids, "next": "/favourites/", "apply": "1", "when": "shift", "sign": "-", "days": "1", "hours": "2",
            "zone": "named", "zone_name": "UTC+1", "place": "set", "where": "48.1374, 11.5755"}  # fmt: skip
    response = owner_client.post("/photos/edit/", data)
    assert (response.status_code, response["Location"]) == (303, "/favourites/")
    for photo, day in zip(photos, (30, 1), strict=True):
        photo.refresh_from_db()
        assert photo.taken is not None
        assert (photo.taken.day, photo.taken.hour, photo.utc_offset_min, photo.city) == (day, 7, 60, "Munich")
    foreign.refresh_from_db()
    assert foreign.taken == dt.datetime(2024, 5, 17, 14, 5)
    (change,) = changes.recent(owner)
    assert change.text == (
        "2 photos: place set to Munich, Bavaria, Germany, moved by −1 day 2 hours, time zone set to UTC+1"
    )
    assert owner_client.post("/photos/edit/", {"photo": [foreign.pk]}).status_code == 404
    assert owner_client.post("/photos/edit/", {"photo": ids, "apply": "1"}).status_code == 422
    assert "No photos are chosen" in owner_client.get("/photos/edit/").content.decode()


@pytest.mark.slow
def test_the_way_to_the_editor_is_shown_to_those_who_may(
    owner_client: Client, member_client: Client, admin_client: Client, own: Library
) -> None:
    mine, household = PhotoFactory(library=own), PhotoFactory(library=LibraryFactory())
    assert f"/photos/{mine.pk}/edit/" in owner_client.get(f"/photos/{mine.pk}/").content.decode()
    for client, may in ((owner_client, False), (member_client, False), (admin_client, True)):
        assert (f"/photos/{household.pk}/edit/" in client.get(f"/photos/{household.pk}/").content.decode()) is may
    for client, may in ((owner_client, True), (member_client, False), (admin_client, True)):
        assert ("/photos/edit/" in client.get("/").content.decode()) is may


def shot(own: Library, minute: int, **more: object) -> Photo:
    return PhotoFactory(library=own, camera="Canon A70", taken=dt.datetime(2005, 1, 1, 0, minute), **more)


def test_the_clock_is_corrected_by_one_photo_s_right_time(owner_client: Client, own: Library, owner: User) -> None:
    photos = [shot(own, minute) for minute in range(8)]
    later = PhotoFactory(library=own, camera="Canon A70", taken=dt.datetime(2005, 6, 1))
    other = PhotoFactory(library=own, camera="Pixel 7", taken=dt.datetime(2005, 1, 1))
    form = owner_client.get(f"/photos/{photos[3].pk}/edit/").context["clock_url"]
    html = owner_client.get(form).content.decode()
    assert "00:03, Saturday 1 January 2005" in html
    fields = {"camera": "Canon A70", "first": "2005-01-01", "last": "2005-01-01", "how": "photo",
              "photo": str(photos[3].pk), "real_day": "2006-07-08", "real_time": "16:23:00"}  # fmt: skip
    page = owner_client.get("/photos/clock/preview/", fields)
    html = page.content.decode()
    assert "8 photos would move by +553 days 16 hours 20 minutes" in html
    samples = page.context["preview"].samples
    assert [sample.photo.pk for sample in samples] == [photos[place].pk for place in (0, 1, 2, 5, 6, 7)]
    assert (samples[0].before, samples[0].after) == (dt.datetime(2005, 1, 1), dt.datetime(2006, 7, 8, 16, 20))
    way_back = owner_client.get(page.context["back_url"]).content.decode()
    assert 'value="2006-07-08"' in way_back
    assert 'value="16:23:00"' in way_back
    assert photos[0].taken == Photo.objects.get(pk=photos[0].pk).taken, "looking changes nothing"
    response = owner_client.post("/photos/clock/preview/", fields)
    assert (response.status_code, response["Location"]) == (303, "/changes/")
    assert (
        "Clock of Canon A70, 8 photos: moved by +553 days 16 hours 20 minutes"
        in owner_client.get("/changes/").content.decode()
    )
    assert [Photo.objects.get(pk=photo.pk).taken for photo in (photos[7], later, other)] == [
        dt.datetime(2006, 7, 8, 16, 27), dt.datetime(2005, 6, 1), dt.datetime(2005, 1, 1),
    ]  # fmt: skip
    (change,) = changes.recent(owner)
    changes.undo_change(change, owner)
    assert Photo.objects.get(pk=photos[7].pk).taken == dt.datetime(2005, 1, 1, 0, 7)


def test_dates_that_people_set_stay_unless_they_are_asked_for(owner_client: Client, own: Library, owner: User) -> None:
    plain, corrected = shot(own, 1), shot(own, 2, set_by_people="position taken")
    fields = {"camera": "Canon A70", "how": "shift", "hours": "1"}
    html = owner_client.get("/photos/clock/preview/", fields).content.decode()
    assert "1 photo would move by +1 hour" in html
    assert "1 more photo of that time has a date that a person set" in html
    assert clock.correct(owner, Wrong("Canon A70", dt.timedelta(hours=1))).changed == 1
    corrected.refresh_from_db()
    assert corrected.taken == dt.datetime(2005, 1, 1, 0, 2)
    owner_client.post("/photos/clock/preview/", fields | {"with_decided": "on"})
    plain.refresh_from_db()
    corrected.refresh_from_db()
    assert (plain.taken, corrected.taken) == (dt.datetime(2005, 1, 1, 2, 1), dt.datetime(2005, 1, 1, 1, 2))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"how": "shift"}, "Say by how much."),
        ({"how": "shift", "hours": "-3"}, "greater than or equal to 0"),
        ({"how": "shift", "hours": "1", "camera": "Leica"}, "Leica is not one of the available choices"),
        ({"how": "shift", "hours": "1", "first": "2005-01-02", "last": "2005-01-01"}, "before the first day"),
        ({"how": "photo"}, "is not one of the available choices"),
    ],
)
def test_a_clock_form_that_makes_no_sense_is_shown_again(
    owner_client: Client, own: Library, fields: dict[str, str], said: str
) -> None:
    shot(own, 1)
    response = owner_client.get("/photos/clock/preview/", {"camera": "Canon A70"} | fields)
    assert response.status_code == 422
    assert said in response.content.decode()


def test_what_leads_into_the_future_is_refused_before_and_when_it_is_sent(owner_client: Client, own: Library) -> None:
    photo = shot(own, 1)
    fields = {"camera": "Canon A70", "how": "shift", "days": "90000"}
    html = owner_client.get("/photos/clock/preview/", fields).content.decode()
    assert "is in the future. Go back and change the numbers." in html
    assert owner_client.post("/photos/clock/preview/", fields).status_code == 422
    photo.refresh_from_db()
    assert photo.taken == dt.datetime(2005, 1, 1, 0, 1)


def test_the_preview_costs_the_same_for_ten_times_the_photos(owner_client: Client, own: Library) -> None:
    counts = []
    for minutes in (range(4), range(4, 40)):
        for minute in minutes:
            shot(own, minute)
        with CaptureQueriesContext(connection) as queries:
            owner_client.get("/photos/clock/preview/", {"camera": "Canon A70", "how": "shift", "hours": "1"})
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.slow
def test_the_list_of_changes_is_bounded_and_costs_the_same_for_more(
    owner_client: Client, own: Library, owner: User
) -> None:
    photo = PhotoFactory(library=own)
    counts = []
    for number in range(2 * changes.LISTED):
        changes.shift_taken(owner, [photo.pk], dt.timedelta(minutes=1))
        if number in {3, 2 * changes.LISTED - 1}:
            with CaptureQueriesContext(connection) as queries:
                response = owner_client.get("/changes/")
            counts.append(len(queries))
    assert counts[0] == counts[1]
    assert len(response.context["changes"]) == changes.LISTED
