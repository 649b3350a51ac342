"""Reading what was typed into the search, and saying it again: nothing here asks the database."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from gallery import search, search_set
from gallery.search import Form, Query, Reader

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


def test_a_first_name_will_do_where_somebody_is_meant_and_one_alone_has_it() -> None:
    knowing = Reader(people=["Penny", "Sheldon Cooper", "Tom Ford", "Tom Jones", "Anna", "Anna Maria"])
    assert knowing.read("Penny and Sheldon") == Query(people=("Penny", "Sheldon Cooper"))
    assert knowing.read("Penny & Sheldon") == Query(people=("Penny", "Sheldon Cooper"))
    assert knowing.read("Penny without Sheldon") == Query(people=("Penny",), without=("Sheldon Cooper",))
    assert knowing.read("only sheldon") == Query(people=("Sheldon Cooper",), company="only")
    assert knowing.read("", people=["penny, sheldon"], without=["Anna"]) == Query(
        people=("penny", "Sheldon Cooper"), without=("Anna",)
    )
    assert knowing.read("Penny and Tom") == Query(people=("Penny",), words=("and", "Tom"))
    assert knowing.read("", without=["Tom"]) == Query(without=("Tom",))
    assert knowing.read("Sheldon") == Query(words=("Sheldon",)), "a word alone is looked for everywhere"
