"""Things found in photos."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gallery import analysis, kept, photosets, services, things
from gallery.models import Library
from tests.factories import DetectionFactory, LabelFactory, LibraryFactory, PhotoFactory


def test_labels_are_counted_over_photos_not_boxes_the_commonest_first(member: User) -> None:
    library = LibraryFactory()
    dog, cat = LabelFactory(name="dog"), LabelFactory(name="cat")
    one, two = PhotoFactory(library=library), PhotoFactory(library=library)
    for photo, label in ((one, cat), (one, dog), (one, dog), (two, dog)):
        DetectionFactory(photo=photo, label=label)
    LabelFactory(name="never seen")
    found = things.things(member)
    assert [(thing.name, thing.count) for thing in found] == [("dog", 2), ("cat", 1)]
    assert f"/media/{two.pk}/small-" in found[0].cover_url


def test_what_the_viewer_does_not_see_is_not_counted_and_is_no_cover(member: User, owner: User) -> None:
    shared = PhotoFactory()
    private = PhotoFactory(library=LibraryFactory(visibility="private", owner=owner))
    trashed = PhotoFactory(trashed_at=dt.datetime(2024, 1, 1, tzinfo=dt.UTC))
    dog, bear = LabelFactory(name="dog"), LabelFactory(name="bear")
    for photo, label in ((private, dog), (private, bear), (trashed, dog), (shared, dog)):
        DetectionFactory(photo=photo, label=label)
    (thing,) = things.things(member)
    assert (thing.name, thing.count) == ("dog", 1)
    assert f"/media/{shared.pk}/" in thing.cover_url
    assert {thing.name: thing.count for thing in things.things(owner)} == {"dog": 2, "bear": 1}


def test_the_page_of_a_thing_shows_its_photos_once(member_client: Client, owner: User) -> None:
    dog = LabelFactory(name="dining table", slug="dining-table")
    photo = PhotoFactory()
    private = PhotoFactory(library=LibraryFactory(visibility="private", owner=owner))
    for found in (photo, photo, private):
        DetectionFactory(photo=found, label=dog)
    html = member_client.get("/things/dining-table/").content.decode()
    assert re.findall(r'id="p(\d+)"', html) == [str(photo.pk)]
    assert f'href="/photos/{photo.pk}/?in=thing:dining-table"' in html
    assert member_client.get("/things/unicorn/").status_code == 404


def test_the_empty_page_says_what_is_missing(member_client: Client, monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    class Waiting:
        name = "objects"

        def waiting_for(self) -> str:
            return "Things need a model."

    monkeypatch.setattr(analysis, "_analyzers", {"objects": Waiting()})
    assert "Things need a model." in member_client.get("/things/").content.decode()
    monkeypatch.setattr(analysis, "_analyzers", {})
    assert "Nothing was recognized yet" in member_client.get("/things/").content.decode()


def test_pages_follow_each_other(member_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photosets, "PAGE_SIZE", 3)
    library, dog = LibraryFactory(), LabelFactory(name="dog")
    made = [PhotoFactory(library=library).pk for _ in range(8)]
    for pk in made:
        DetectionFactory(photo_id=pk, photo=None, label=dog)
    seen, url = [], "/things/dog/"
    while url:
        html = member_client.get(url, headers={"HX-Request": "true"}).content.decode()
        seen += [int(pk) for pk in re.findall(r'id="p(\d+)"', html)]
        found = re.search(r'<a href="([^"]+)" rel="next"', html)
        url = found[1] if found else ""
    assert seen == made[::-1]


def test_coming_back_loads_as_far_as_the_photo(member_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photosets, "PAGE_SIZE", 3)
    library, dog = LibraryFactory(), LabelFactory(name="dog")
    made = [PhotoFactory(library=library).pk for _ in range(8)]
    for pk in made:
        DetectionFactory(photo_id=pk, photo=None, label=dog)
    html = member_client.get(f"/things/dog/?at={made[1]}").content.decode()
    assert f'id="p{made[1]}"' in html


def test_twice_the_rows_take_as_many_queries(member_client: Client) -> None:
    library = LibraryFactory()
    dog = LabelFactory(name="dog", slug="dog")

    def fill() -> None:
        for _ in range(5):
            photo = PhotoFactory(library=library)
            DetectionFactory(photo=photo, label=LabelFactory())
            DetectionFactory(photo=photo, label=dog)

    def count(url: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert member_client.get(url).status_code == 200
        return len(captured)

    fill()
    before = count("/things/"), count("/things/dog/")
    fill()
    assert (count("/things/"), count("/things/dog/")) == before


def test_a_label_of_hidden_photos_alone_does_not_exist_for_the_viewer(
    member_client: Client, owner_client: Client, owner: User
) -> None:
    private = LibraryFactory(visibility="private", owner=owner)
    DetectionFactory(label=LabelFactory(name="unicorn", slug="unicorn"), photo=PhotoFactory(library=private))
    assert member_client.get("/things/unicorn/").status_code == 404
    assert b"unicorn" not in member_client.get("/search/").content
    assert owner_client.get("/things/unicorn/").status_code == 200
    assert b"unicorn" in owner_client.get("/search/").content


def test_what_was_counted_is_kept_until_photos_change(member_client: Client, library: Library, folder: Path) -> None:
    dog = LabelFactory(name="dog")
    DetectionFactory(photo=PhotoFactory(library=library), label=dog)

    def ask() -> tuple[int, str]:
        with CaptureQueriesContext(connection) as captured:
            html = member_client.get("/things/").content.decode()
        found = re.search(r"([\d,]+) photos?</span>", html)
        assert found
        counting = [query for query in captured if "gallery_detection" in query["sql"]]
        return len(counting), found[1]

    assert ask() == (1, "1")
    assert ask() == (0, "1")
    photo = PhotoFactory(library=library)
    DetectionFactory(photo=photo, label=dog)
    kept.touch([library.pk])
    assert ask() == (1, "2")
    photo.missing_since = timezone.now()
    photo.save()
    services.forget_missing(library)
    assert ask() == (1, "1")


def test_a_cover_that_went_away_meanwhile_breaks_nothing(member: User) -> None:
    photo = DetectionFactory(label=LabelFactory(name="dog")).photo
    assert things.things(member)[0].cover_url
    photo.delete()
    member = User.objects.get(pk=member.pk)
    assert [thing.cover_url for thing in things.things(member)] == [""]
