"""Who is in a photo with whom: the search for it, and what a person's page shows of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from faces import company, years
from faces.models import Face, Person
from gallery.models import Photo, Receipt, Region
from tests.faces.conftest import House
from tests.factories import PersonFactory, PhotoFactory


@dataclass
class Party:
    """Photos of one library, by who is in them; every one was looked at."""

    house: House
    anna: Person
    tom: Person

    def photo(self, *people: Person | None, is_private: bool = False, looked: bool = True) -> Photo:
        """`None` is a face without a name."""
        photo: Photo = PhotoFactory(library=self.house.private if is_private else self.house.library)
        for number, person in enumerate(people):
            self.house.face(number, photo=photo, person=person, state="assigned" if person else "unknown")
        if looked:
            Receipt.objects.create(photo=photo, analyzer="faces", version="1", at=timezone.now())
        return photo


@pytest.fixture
def party(house: House) -> Party:
    return Party(house, PersonFactory(name="Anna"), PersonFactory(name="Tom"))


def found(client: Client, query: str) -> set[int]:
    response = client.get(f"/search/?{query}")
    assert response.status_code == 200
    return {tile.id for tile in response.context["tiles"]}


@pytest.mark.slow
def test_with_and_without_and_nobody_else(member_client: Client, party: Party) -> None:
    anna, tom = party.anna, party.tom
    alone, both = party.photo(anna).pk, party.photo(anna, tom).pk
    stranger, toms = party.photo(anna, None).pk, party.photo(tom).pk
    assert found(member_client, "person=anna&person=TOM") == {both}
    assert found(member_client, "q=anna+and+tom") == found(member_client, "person=Anna,+Tom") == {both}
    assert found(member_client, "person=Anna&without=Tom") == found(member_client, "q=anna+without+tom")
    assert found(member_client, "person=Anna&without=Tom") == {alone, stranger}
    assert found(member_client, "person=Anna&who=only") == found(member_client, "q=only+anna") == {alone}
    assert found(member_client, "person=Anna&person=Tom&who=only") == {both}
    assert found(member_client, "who=unknown") == found(member_client, "q=someone+unknown") == {stranger}
    assert found(member_client, "person=Tom&without=Anna") == {toms}
    assert found(member_client, "without=Nobody+I+know&person=Tom") == {both, toms}


def test_strangers_set_aside_and_what_is_no_face_leave_somebody_alone(member_client: Client, party: Party) -> None:
    photo, faceless = party.photo(party.anna), party.photo()
    for state in (Face.State.IGNORED, Face.State.NOT_A_FACE):
        party.house.face(5, photo=photo, state=state)
    party.house.face(6, photo=faceless, state=Face.State.NOT_A_FACE)
    assert found(member_client, "person=Anna&who=only") == {photo.pk}
    assert found(member_client, "who=unknown") == set()
    assert found(member_client, "who=nobody") == {faceless.pk}
    party.house.face(6, photo=faceless, state=Face.State.IGNORED)
    assert found(member_client, "who=nobody") == set(), "a stranger is somebody"


def test_nobody_is_in_photos_that_were_looked_at_and_have_no_face(member_client: Client, party: Party) -> None:
    empty = party.photo()
    party.photo(None), party.photo(party.tom), party.photo(looked=False)
    Region.objects.create(photo=party.photo(), name="Grandma", x=0.1, y=0.1, w=0.1, h=0.1)
    failed = party.photo(looked=False)
    Receipt.objects.create(photo=failed, analyzer="faces", version="1", state="failed", at=timezone.now())
    assert found(member_client, "who=nobody") == found(member_client, "q=nobody") == {empty.pk}
    assert found(member_client, "q=%22nobody%22") == set(), "in quotes it is text"


def test_a_face_that_an_edit_took_away_is_nobody_but_whom_somebody_named(member_client: Client, party: Party) -> None:
    photo = party.photo()
    party.house.face(1, photo=photo, digest="before")
    assert found(member_client, "who=nobody") == {photo.pk}
    assert found(member_client, "who=unknown") == set()
    party.house.face(2, photo=photo, digest="before", person=party.tom, state="assigned", is_confirmed=True)
    assert found(member_client, "who=nobody") == set()
    assert found(member_client, "person=Tom&who=only") == {photo.pk}


def test_only_says_nothing_without_people_and_nonsense_is_left_out(member_client: Client, party: Party) -> None:
    party.photo(party.anna)
    for query in ("who=only", "who=nonsense", "who=only&who="):
        assert not member_client.get(f"/search/?{query}").context["query"]


@pytest.mark.slow
def test_who_is_invisible_changes_nothing(member_client: Client, owner_client: Client, party: Party) -> None:
    shown, hidden = party.photo(party.anna), party.photo(party.anna, party.tom, is_private=True)
    assert found(owner_client, "person=Anna&without=Tom") == {shown.pk}
    for name in ("Tom", f"Tom %23{party.tom.pk}", "Nobody"):
        assert found(member_client, f"person=Anna&without={name}") == {shown.pk}
        assert found(member_client, f"person=Anna&person={name}") == set()
    assert found(member_client, "person=Anna&who=only") == {shown.pk}
    assert "Tom" not in member_client.get(f"/people/{party.anna.pk}/").content.decode()
    assert "Tom" in owner_client.get(f"/people/{party.anna.pk}/").content.decode()
    assert hidden.pk not in found(member_client, "without=Tom")


def test_a_chip_can_be_turned_round_and_taken_away(member_client: Client, party: Party) -> None:
    alone = party.photo(party.anna)
    party.photo(party.anna, party.tom)
    html = member_client.get("/search/?person=Anna&person=Tom&who=only").content.decode()
    assert 'href="/search/?person=Anna&amp;without=Tom&amp;who=only" aria-label="Photos without Tom instead"' in html
    assert 'href="/search/?person=Anna&amp;person=Tom" aria-label="Whoever else is there"' in html
    html = member_client.get("/search/?person=Anna&without=Tom").content.decode()
    assert 'href="/search/?person=Anna&amp;person=Tom" aria-label="Photos with Tom instead"' in html
    assert 'name="q" value="Anna without Tom"' in html
    assert "?in=search:person%3DAnna%26without%3DTom" in html
    assert member_client.get(f"/photos/{alone.pk}/?in=search:person%3DAnna%26without%3DTom").status_code == 200


# ---- On a person's page


def test_seen_together_counts_what_one_sees_and_leads_to_both(
    member: User, owner: User, member_client: Client, party: Party
) -> None:
    eva, ida = PersonFactory(name="Eva"), PersonFactory(name="Ida", hidden=True)
    for people in ([party.tom], [eva], [eva, party.tom], [ida]):
        party.photo(party.anna, *people)
    for _ in range(3):
        party.photo(party.anna, party.tom, is_private=True)
    party.photo(party.tom, eva)
    seen = [(it.name, it.photo_count) for it in company.together(member, party.anna)]
    assert seen == [("Tom", 2), ("Eva", 2)]
    assert [it.photo_count for it in company.together(owner, party.anna)] == [5, 2]
    for it in company.together(member, party.anna):
        assert len(found(member_client, it.url.partition("?")[2])) == it.photo_count


def test_namesakes_are_told_apart_where_both_are_seen(member: User, member_client: Client, party: Party) -> None:
    other = PersonFactory(name="TÓM")
    party.photo(party.anna, party.tom)
    (both,) = company.together(member, party.anna)
    assert both.url == "/search/?person=Anna&person=Tom", "the namesake is nobody to this viewer"
    second = party.photo(party.anna, other).pk
    assert len(found(member_client, "person=Tom")) == 2
    urls = {it.id: it.url for it in company.together(member, party.anna)}
    assert urls[other.pk].endswith(f"person=T%C3%93M+%23{other.pk}")
    assert found(member_client, urls[other.pk].partition("?")[2]) == {second}


def test_over_the_years_shows_the_best_confirmed_face_of_each(member: User, owner: User, house: House) -> None:
    person = PersonFactory(name="Anna", birth_date=dt.date(2019, 6, 1))

    def face(year: int, quality: float, *, is_private: bool = False, **fields: object) -> Face:
        library = house.private if is_private else house.library
        photo = PhotoFactory(library=library, taken=dt.datetime(year, 12, 31, 23, 59))
        return house.face(1, photo=photo, person=person, state="assigned", quality=quality, **fields)

    face(2020, 0.9)
    sure = face(2020, 0.5, is_confirmed=True)
    face(2020, 0.4, is_confirmed=True)
    guess = face(2022, 0.3)
    face(2022, 0.2)
    face(2021, 0.9, is_private=True)
    face(2023, 0.9, digest="before an edit")
    undated = face(2024, 0.9)
    undated.photo.set_taken(None, utc_offset_min=None, source="")
    undated.photo.save()
    assert [(it.year, it.face.id, it.age) for it in years.over_the_years(member, person)] == [
        (2020, sure.pk, "18 months"),
        (2022, guess.pk, "3 years"),
    ]
    assert [it.year for it in years.over_the_years(owner, person)] == [2020, 2021, 2022]
    Photo.objects.filter(pk=guess.photo_id).update(taken_source=Photo.TakenSource.FILE)
    assert years.over_the_years(member, person)[1].age == "", "the date of the file is a guess"


@pytest.mark.slow
def test_twice_the_company_takes_as_many_queries(member_client: Client, party: Party) -> None:
    def count(url: str) -> int:
        member_client.get(url)
        with CaptureQueriesContext(connection) as captured:
            assert member_client.get(url).status_code == 200
        return len(captured)

    def grow() -> None:
        for year in range(2000, 2005):
            photo = party.photo(party.anna, party.tom, PersonFactory(), None)
            photo.set_taken(dt.datetime(year, 1, 1), utc_offset_min=None, source="exif")
            photo.save()
            party.photo(party.anna)

    urls = [
        f"/people/{party.anna.pk}/",
        "/search/?person=Anna&person=Tom&without=Eva&who=unknown",
        "/search/?person=Anna&who=only",
        "/search/?who=nobody",
    ]
    grow()
    before = [count(url) for url in urls]
    grow()
    assert [count(url) for url in urls] == before
