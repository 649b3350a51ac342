"""Search: reading what was typed, and finding it."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Q
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from gallery import paths, photosets, search, search_set
from gallery.access import Viewer
from gallery.search import Form, Query, Reader
from gallery.search_set import Facet
from tests.factories import DetectionFactory, LabelFactory, LibraryFactory, PhotoFactory

PLAIN = Reader()
KNOWING = Reader(people=["Anna", "Anna Maria", "May"], labels=["dog", "dining table"])


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2019", "2019-01-01", "2019-12-31"),
        ("2019-02", "2019-02-01", "2019-02-28"),
        ("2019-5", "2019-05-01", "2019-05-31"),
        ("2019-05-17", "2019-05-17", "2019-05-17"),
        ("may 2019", "2019-05-01", "2019-05-31"),
        ("MAY, 2019", "2019-05-01", "2019-05-31"),
        ("sept 2020", "2020-09-01", "2020-09-30"),
        ("17 may 2019", "2019-05-17", "2019-05-17"),
        ("May 17, 2019", "2019-05-17", "2019-05-17"),
    ],
)
def test_dates_become_a_range(text: str, first: str, last: str) -> None:
    assert PLAIN.read(text) == Query(first=day(first), last=day(last))


@pytest.mark.parametrize("text", ["2019-13", "2019-02-30", "12345", "1700", '"2019"', "31 february 2019", "3000"])
def test_what_is_no_date_stays_text(text: str) -> None:
    query = PLAIN.read(text)
    assert query.words


def test_names_become_filters_the_longest_first() -> None:
    assert KNOWING.read("anna maria DOG dining table beach") == Query(
        words=("beach",), people=("Anna Maria",), labels=("dog", "dining table")
    )
    assert KNOWING.read('"dog" stable').words == ("dog", "stable")


def test_a_month_with_a_year_is_a_date_even_if_someone_has_its_name() -> None:
    assert KNOWING.read("may 2019").people == ()
    assert KNOWING.read("may dog") == Query(people=("May",), labels=("dog",))


def test_the_fields_and_the_words_narrow_together() -> None:
    query = PLAIN.read("2019 x", people=["Tom", "tom", ""], labels=["cat"], first="2019-06-01", last="nonsense")
    assert query == Query(
        words=("x",), people=("Tom",), labels=("cat",), first=day("2019-06-01"), last=day("2019-12-31")
    )


@pytest.mark.parametrize(
    ("text", "months", "first"),
    [
        ("july", (7,), None),
        ("July dog", (7,), None),
        ("july 2019", (), "2019-07-01"),
        ("2019 july", (7,), "2019-01-01"),
        ("june july", (6, 7), None),
        ("may", (), None),  # somebody's name
        ("jan", (), None),  # short ones may be a name as well
    ],
)
def test_a_month_alone_is_that_month_of_any_year(text: str, months: tuple[int, ...], first: str | None) -> None:
    query = KNOWING.read(text)
    assert query.months == months
    assert query.first == (day(first) if first else None)
    assert PLAIN.read("may").months == (5,)
    assert PLAIN.read('"july"').words == ("july",)


def test_accents_and_case_of_names_do_not_matter() -> None:
    knowing = Reader(people=["José Müller"], labels=["dog"])
    assert knowing.read("JOSE muller Dogs") == Query(people=("José Müller",), labels=("dog",))
    assert knowing.read("", labels=["DOGS"]).labels == ("dog",)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("anna and may", Query(people=("Anna", "May"))),
        ("dog with anna maria", Query(people=("Anna Maria",), labels=("dog",))),
        ("Anna without MAY", Query(people=("Anna",), without=("May",))),
        ("anna without anna", Query(without=("Anna",))),
        ("only anna and may", Query(people=("Anna", "May"), company="only")),
        ("anna nobody else", Query(people=("Anna",), company="only")),
        ("nobody beach", Query(words=("beach",), company="nobody")),
        ("somebody unknown", Query(company="unknown")),
        ("nobody else", Query()),
        ("without dog", Query(words=("without",), labels=("dog",))),
        ('"without" anna', Query(words=("without",), people=("Anna",))),
    ],
)
def test_who_is_there_and_who_is_not_is_said_in_words(text: str, query: Query) -> None:
    assert KNOWING.read(text) == query
    assert KNOWING.form(text, query).rest == Query()
    assert KNOWING.read("", people=["anna, May"]).people == ("anna", "May")
    assert KNOWING.read("", people=["Smith, Anna"]).people == ("Smith, Anna",), "a comma may belong to a name"


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("dogs anna beach 2019", "dogs anna beach 2019"),
        ("  beach  july ", "beach  july"),
        ('"beach"', "beach"),
        ('"red boat" dog', 'dog "red boat"'),
        ('"dog" "2019" "july"', '"dog" "2019" "july"'),
    ],
)
def test_the_box_keeps_what_was_typed(typed: str, shown: str) -> None:
    form = KNOWING.form(typed, KNOWING.read(typed))
    assert form == Form(shown, Query())


def test_the_box_takes_up_what_was_chosen_in_fields_and_leaves_there_what_no_words_say() -> None:
    def form(**fields: Any) -> Form:
        return KNOWING.form("beach", KNOWING.read("beach", **fields))

    assert form(people=["Anna"], labels=["dog"]) == Form("Anna dog beach", Query())
    assert form(first="2019-05-01", last="2019-05-31") == Form("May 2019 beach", Query())
    assert form(first="2019-05-01", last="2019-06-03") == Form(
        "beach", Query(first=day("2019-05-01"), last=day("2019-06-03"))
    )
    assert form(people=["Nobody"]) == Form('"beach"', Query(people=("Nobody",)))


@given(
    st.text(max_size=100),
    st.lists(st.sampled_from(["Anna", "May", "Eve"])),
    st.lists(st.sampled_from(["Anna Maria", "May", "Adam"])),
    st.sampled_from(["", *search.COMPANY]),
    st.sampled_from(["", "2019-05-01"]),
)
def test_what_the_form_holds_means_the_same(
    text: str, people: list[str], without: list[str], company: str, first: str
) -> None:
    query = KNOWING.read(text, people=people, without=without, company=company, first=first)
    form = KNOWING.form(text, query)
    fields = QueryDict(form.rest.address(), mutable=True)
    fields["q"] = form.text
    again = search_set.read(fields, KNOWING)
    assert set(again.people) == set(query.people)
    assert (set(again.without), again.company) == (set(query.without), query.company)
    assert (again.words, again.labels, set(again.months)) == (query.words, query.labels, set(query.months))
    assert (again.first, again.last) == (query.first, query.last)


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        ("2019-01-01", "2019-12-31", "2019"),
        ("2018-01-01", "2019-12-31", "2018 to 2019"),
        ("2020-02-01", "2020-02-29", "February 2020"),
        ("2020-02-03", "2020-02-03", "3 February 2020"),
        ("2020-02-03", "2020-03-04", "3 February 2020 to 4 March 2020"),
        ("2020-02-03", None, "since 3 February 2020"),
        (None, "2020-02-03", "until 3 February 2020"),
    ],
)
def test_ranges_are_said_shortly(first: str | None, last: str | None, said: str) -> None:
    assert search.describe_range(day(first) if first else None, day(last) if last else None) == said


def test_each_filter_can_be_taken_away() -> None:
    query = KNOWING.read("dog anna beach 2019")
    kinds = {part.kind: part for part in search.filters(query)}
    assert set(kinds) == {"person", "label", "date", "word"}
    assert kinds["person"].without.people == ()
    assert kinds["date"].without.first is None
    assert kinds["word"].without.labels == ("dog",)


@given(st.text(max_size=400), st.text(max_size=20), st.text(max_size=20))
def test_whatever_is_typed_is_read_and_its_address_means_the_same(text: str, first: str, last: str) -> None:
    query = KNOWING.read(text, first=first, last=last)
    fields = QueryDict(query.address())
    again = search_set.read(fields, KNOWING)
    assert again.labels == query.labels
    assert again.people == query.people
    assert (again.first, again.last) == (query.first, query.last)
    assert again.months == query.months
    assert again.words == query.words or len(text) >= search.MOST_LENGTH - 60


# In the database


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
