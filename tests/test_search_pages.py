"""The search as a page: what is found in the database, in which order, and what nobody else's."""

from __future__ import annotations

import datetime as dt
import re
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Q
from django.test import Client
from django.test.utils import CaptureQueriesContext

from gallery import paths, photosets, search_set
from gallery.access import Viewer
from gallery.search_set import Facet
from tests.factories import DetectionFactory, LabelFactory, LibraryFactory, PhotoFactory


@pytest.fixture
def people(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[int]]:
    """A facet of people that the test fills: photos by name."""
    known: dict[str, list[int]] = {}

    def having(viewer: Viewer, name: str) -> Q:
        return Q(pk__in=[pk for key, ids in known.items() if key.lower() == name.lower() for pk in ids])

    def mentioning(viewer: Viewer, word: str) -> Q:
        return Q(pk__in=[pk for key, ids in known.items() if word.lower() in key.lower() for pk in ids])

    monkeypatch.setattr(search_set, "_facets", {})
    search_set.register_facet("person", Facet(names=lambda viewer: list(known), having=having, mentioning=mentioning))
    return known


def found(client: Client, query: str) -> list[int]:
    response = client.get(f"/search/?{query}")
    assert response.status_code == 200
    return [int(pk) for pk in re.findall(r'id="p(\d+)"', response.content.decode())]


def test_every_word_must_be_found_somewhere(member_client: Client, people: dict[str, list[int]]) -> None:
    library = LibraryFactory()
    photo = PhotoFactory(library=library, file="Baltic 2021/IMG_1.jpg", camera="Fujifilm X-T4", caption="On the Pier")
    PhotoFactory(library=library, file="Baltic 2021/IMG_2.jpg")
    DetectionFactory(photo=photo, label=LabelFactory(name="sailing boat", slug="sailing-boat"))
    people["Anna Schmidt"] = [photo.pk]
    for words in ("pier", "BALTIC fuji", "sail", "img_1", "schmidt baltic", '"baltic 2021/img_1"'):
        assert found(member_client, f"q={quote(words)}") == [photo.pk], words
    assert found(member_client, "q=baltic+nikon") == []
    assert len(found(member_client, "q=baltic")) == 2


@pytest.mark.parametrize(
    ("words", "file", "caption"),
    [
        ("jose", "IMG_1.jpg", "José at home"),
        ("josé", "IMG_1.jpg", "Jose at home"),
        ("strasse", "Lange Straße 7/1.jpg", ""),
        ("STRAßE", "Lange Strasse 7/1.jpg", ""),
        ("muller", "Müller/1.jpg", ""),
        ("cafe\u0301", "Café/1.jpg", ""),
        ("100%", "100% wool.jpg", ""),
        ("АЛЕКСЕЙ", "алексеи/1.jpg", ""),
    ],
)
def test_case_and_accents_do_not_matter(
    member_client: Client, people: dict[str, list[int]], words: str, file: str, caption: str
) -> None:
    photo = PhotoFactory(file=paths.to_text(file), caption=caption)
    PhotoFactory(file="other.jpg")
    assert found(member_client, f"q={quote(words)}") == [photo.pk]


@pytest.mark.slow
def test_a_phrase_does_not_reach_from_one_text_into_the_next(
    member_client: Client, people: dict[str, list[int]]
) -> None:
    PhotoFactory(file="end.jpg", caption="the start", camera="Camera")
    assert found(member_client, 'q="start camera"') == []
    assert len(found(member_client, 'q="the start"')) == 1


def test_a_month_alone_finds_it_in_every_year(member_client: Client, people: dict[str, list[int]]) -> None:
    library = LibraryFactory()
    photos = {
        (year, month): PhotoFactory(library=library, taken=dt.datetime(year, month, 31, 23, 59)).pk
        for year in (2019, 2021)
        for month in (5, 7)
    }
    undated = PhotoFactory(library=library, file="July.jpg")
    undated.set_taken(None, utc_offset_min=None, source="")
    undated.save()
    assert found(member_client, "q=july") == [photos[2021, 7], photos[2019, 7]]
    assert found(member_client, "q=July+2019") == [photos[2019, 7]]
    assert len(found(member_client, "month=5&month=7&month=13&month=x")) == 4
    assert found(member_client, 'q="july"') == [undated.pk]


def test_plain_words_find_labels(member_client: Client, people: dict[str, list[int]]) -> None:
    photo = DetectionFactory(label=LabelFactory(name="person")).photo
    PhotoFactory(library=photo.library)
    assert found(member_client, "q=people") == [photo.pk]
    assert found(member_client, "label=People") == [photo.pk]
    assert "Without person" in member_client.get("/search/?q=people").content.decode()


@pytest.mark.parametrize("few", [0, 1000])
def test_words_of_many_photos_are_found_as_those_of_few(
    member_client: Client, people: dict[str, list[int]], monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(search_set, "FEW", few)
    library = LibraryFactory()
    wanted = [PhotoFactory(library=library, caption=f"red boat {number}").pk for number in range(3)]
    PhotoFactory(library=library, caption="red car")
    labelled = DetectionFactory(
        label=LabelFactory(name="sailing boat"), photo=PhotoFactory(library=library, caption="red")
    ).photo
    assert found(member_client, "q=red+boat") == [labelled.pk, *wanted[::-1]]


def test_the_search_box_keeps_the_query(member_client: Client, people: dict[str, list[int]]) -> None:
    DetectionFactory(label=LabelFactory(name="dog"))

    def box(query: str) -> str:
        html = member_client.get(f"/search/?{query}").content.decode()
        assert 'type="hidden" name="label"' not in html
        found = re.search(r'type="search" name="q" value="([^"]*)"', html)
        assert found
        return found[1]

    assert box("q=dogs+July+2024") == "dogs July 2024"
    # Without July, and as the photo page leads back.
    assert box('q="beach"&label=dog') == "dog beach"
    assert box("label=dog&from=2024-07-01&to=2024-07-31") == "dog July 2024"


def test_labels_people_and_dates_narrow_together(member_client: Client, people: dict[str, list[int]]) -> None:
    library = LibraryFactory()
    dog = LabelFactory(name="dog", slug="dog")
    photos = [PhotoFactory(library=library, taken=dt.datetime(2019, month, 1, 0, 0)) for month in (5, 6, 7)]
    for photo in photos[:2]:
        DetectionFactory(photo=photo, label=dog)
    people["Anna"] = [photos[1].pk, photos[2].pk]
    assert found(member_client, "q=dog+anna") == [photos[1].pk]
    assert found(member_client, "label=DOG&person=anna&from=2019-06-01&to=2019-06-01") == [photos[1].pk]
    assert found(member_client, "q=dog&to=2019-05-31") == [photos[0].pk]
    assert found(member_client, "person=Anna&from=2019-06-02") == [photos[2].pk]
    assert found(member_client, "person=Nobody") == []
    assert found(member_client, "label=unicorn") == []


def test_undated_photos_are_in_no_range(member_client: Client, people: dict[str, list[int]]) -> None:
    photo = PhotoFactory(caption="x")
    photo.set_taken(None, utc_offset_min=None, source="")
    photo.save()
    assert found(member_client, "to=2030-01-01") == []
    assert found(member_client, "q=x") == [photo.pk]


def test_a_percent_sign_is_a_letter(member_client: Client, people: dict[str, list[int]]) -> None:
    photo = PhotoFactory(caption="100% wool")
    PhotoFactory(caption="100 wool")
    assert found(member_client, "q=100%25") == [photo.pk]
    assert found(member_client, "q=100_wool") == []


def test_others_private_photos_are_never_found(
    member_client: Client, owner: User, people: dict[str, list[int]]
) -> None:
    photo = PhotoFactory(library=LibraryFactory(visibility="private", owner=owner), caption="secret")
    people["Anna"] = [photo.pk]
    assert found(member_client, "q=secret") == []
    assert found(member_client, "person=Anna") == []


def test_no_question_shows_help_and_no_photos(member_client: Client, people: dict[str, list[int]]) -> None:
    PhotoFactory()
    assert found(member_client, "") == []
    assert "What can be found" in member_client.get("/search/").content.decode()
    assert "Nothing found" in member_client.get("/search/?q=zzz").content.decode()


@pytest.mark.parametrize(
    "query",
    ["q=%00", "from=9999-12-31", "to=9999-12-31", "to=2099-12-31", "from=0000-00-00", "q=" + "x+" * 400, "after=x"],
)
def test_nonsense_breaks_nothing(member_client: Client, people: dict[str, list[int]], query: str) -> None:
    PhotoFactory()
    found(member_client, query)


def test_photos_open_within_the_results(member_client: Client, member: User, people: dict[str, list[int]]) -> None:
    library = LibraryFactory()
    one, _, two = (
        PhotoFactory(library=library, taken=dt.datetime(2024, 5, number), caption=caption)
        for number, caption in ((1, "a boat, red"), (2, "nothing"), (3, "a boat, blue"))
    )
    html = member_client.get("/search/?q=boat&from=2020-01-01").content.decode()
    link = re.search(rf'href="(/photos/{two.pk}/\?in=[^"]+)"', html)
    assert link
    html = member_client.get(link[1]).content.decode()
    assert f'rel="next" href="/photos/{one.pk}/' in html
    photo_set = photosets.resolve(member, "search:q=boat")
    assert photosets.neighbours(photo_set, one) == (two, None)


def test_results_come_in_pages(
    member_client: Client, people: dict[str, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photosets, "PAGE_SIZE", 3)
    library = LibraryFactory()
    made = [PhotoFactory(library=library, caption="dog days").pk for _ in range(7)]
    LabelFactory(name="dog")  # "dog days" in quotes stays text on every page
    seen, url = [], '/search/?q="dog+days"'
    while url:
        html = member_client.get(url).content.decode()
        assert "7 photos" in html
        seen += [int(pk) for pk in re.findall(r'id="p(\d+)"', html)]
        following = re.search(r'<a href="([^"]+)" rel="next"', html)
        url = following[1].replace("&amp;", "&") if following else ""
    assert seen == made[::-1]


def test_twice_the_rows_take_as_many_queries(member_client: Client, people: dict[str, list[int]]) -> None:
    library, dog = LibraryFactory(), LabelFactory(name="dog", slug="dog")
    people["Anna"] = []

    def count() -> int:
        for _ in range(4):
            photo = PhotoFactory(library=library, caption="boat")
            DetectionFactory(photo=photo, label=dog)
            people["Anna"].append(photo.pk)
        with CaptureQueriesContext(connection) as captured:
            assert found(member_client, "q=boat+2024&label=dog&person=anna")
        return len(captured)

    count()  # the places are counted once and kept
    assert count() == count()
