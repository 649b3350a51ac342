"""How old somebody is in a photo."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from faces import ages
from faces.models import Event, Person
from gallery.models import Photo
from tests.faces.conftest import House
from tests.factories import PhotoFactory

BORN = dt.date(2020, 2, 29)


@pytest.mark.parametrize(
    ("on", "said"),
    [
        ((2020, 2, 28), ""),
        ((2020, 2, 29), "newborn"),
        ((2020, 3, 8), "1 week"),
        ((2020, 3, 28), "4 weeks"),
        ((2020, 3, 29), "1 month"),
        ((2021, 2, 28), "11 months"),
        ((2022, 1, 28), "22 months"),
        ((2022, 1, 29), "23 months"),
        ((2022, 2, 28), "23 months"),
        ((2022, 3, 1), "2 years"),
        ((2024, 2, 28), "3 years"),
        ((2024, 2, 29), "4 years"),
    ],
)
def test_ages_are_told_in_months_and_then_in_years(on: tuple[int, int, int], said: str) -> None:
    assert ages.age(BORN, dt.date(*on)) == said


def test_nobody_has_an_age_without_a_date() -> None:
    assert ages.age(None, BORN) == ages.age(BORN, None) == ages.span(BORN, None, None) == ""


def test_photos_from_before_the_birth_do_not_count() -> None:
    assert ages.span(BORN, dt.date(2019, 1, 1), dt.date(2024, 5, 1)) == "newborn to 4 years"
    assert ages.span(BORN, dt.date(2019, 1, 1), dt.date(2019, 5, 1)) == ""
    assert ages.span(BORN, dt.date(2024, 3, 1), dt.date(2024, 5, 1)) == "4 years"


@pytest.mark.slow
def test_photo_and_person_show_the_age(owner_client: Client, house: House, anna: Person) -> None:
    photo = PhotoFactory(library=house.library, taken=dt.datetime(2021, 4, 1, 9, 0))
    house.face(1, photo=photo, person=anna, state="assigned")
    page = owner_client.get(f"/photos/{photo.pk}/").content.decode()
    assert "photo-face-age" not in page
    response = owner_client.post(f"/people/{anna.pk}/rename/", {"name": "Anna", "birth_date": "2020-02-29"})
    assert response.status_code == 303
    assert Event.objects.get().kind == "birth"
    page = owner_client.get(f"/people/{anna.pk}/").content.decode()
    assert "Anna was born on 29 February 2020." in page
    assert "13 months to 4 years in these photos" in page
    assert 'value="2020-02-29"' in page
    assert "13 months" in owner_client.get(f"/photos/{photo.pk}/").content.decode()
    # The date of a scan says nothing about who is in it.
    Photo.objects.filter(pk=photo.pk).update(taken_source=Photo.TakenSource.FILE)
    assert "13 months" not in owner_client.get(f"/photos/{photo.pk}/").content.decode()
    assert "· 4 years in these photos" in owner_client.get(f"/people/{anna.pk}/").content.decode()


def test_a_birth_that_is_still_to_come_is_refused(owner_client: Client, anna: Person) -> None:
    tomorrow = timezone.localdate() + dt.timedelta(days=1)
    for text, why in ((tomorrow.isoformat(), "lies in the past"), ("soon", "This is no date")):
        response = owner_client.post(f"/people/{anna.pk}/rename/", {"name": "Anna", "birth_date": text})
        assert response.status_code == 422
        assert why in response.content.decode()
    owner_client.post(f"/people/{anna.pk}/rename/", {"name": "Anna"})
    assert not Event.objects.exists()
