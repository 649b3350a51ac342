"""What was asked for: the words of the search box and the fields beside it, as a `Query`. Pure parsing, no database.

Words are read in this order: "quoted phrases" stay text; dates (`2019`, `May 2019`, `2019-05`, `17 May 2019`,
`2019-05-17`) become a range; names of people (`Anna and Tom`, `Anna without Tom`, `only Anna`) and places and words for
labels become filters; `nobody`, `nobody else` and `someone unknown` say who else is in the photo; a month that is left
(`July`) is that month of any year; the rest must be found in a photo's text. Case and accents do not matter
(`folding`).
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar
from urllib.parse import urlencode

from gallery import label_words
from gallery.folding import fold

T = TypeVar("T")

MOST_WORDS = 12
ONLY, NOBODY, UNKNOWN = "only", "nobody", "unknown"
# What may be said about everybody who is in a photo: by the word in the address, how it is typed and shown.
COMPANY = {ONLY: "nobody else", NOBODY: "nobody", UNKNOWN: "someone unknown"}
MOST_LENGTH = 300
_TOKEN = re.compile(r'"([^"]*)"|([^\s"]+)')
_MONTHS = {
    spelling: number
    for number in range(1, 13)
    for spelling in (calendar.month_name[number].lower(), calendar.month_abbr[number].lower())
} | {"sept": 9}
# Alone, only the whole name is a month: "Jan" and "Mar" are names as well.
_WHOLE_MONTHS = {calendar.month_name[number].lower(): number for number in range(1, 13)}
_COMPANY_WORDS = {fold(words): word for word, words in COMPANY.items()} | {"somebody unknown": UNKNOWN}
_YEAR = re.compile(r"(1[89]|20)\d\d")
_YEAR_MONTH = re.compile(r"((?:1[89]|20)\d\d)-(\d\d?)")
_DAY = re.compile(r"((?:1[89]|20)\d\d)-(\d\d?)-(\d\d?)")


@dataclass(frozen=True, slots=True)
class Query:
    """All of it must hold: every word, every person, every label, every place, and a date within the range (both ends
    included) and in one of the months (1 to 12), if there are any; and nobody in `without`.

    `company`: `only` (nobody but the people, of whom there is one at least), `nobody` or `unknown` (someone who has no
    name yet); or empty.
    """

    words: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    company: str = ""
    labels: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    months: tuple[int, ...] = ()
    first: dt.date | None = None
    last: dt.date | None = None

    def __bool__(self) -> bool:
        return self != Query()

    def address(self) -> str:
        """The query as the part of an address behind the question mark; the same query has one spelling."""
        pairs: list[tuple[str, str]] = []
        if self.words:
            # Quoted, all of them: read again, they must not become names that are known by then.
            pairs.append(("q", _quoted(self.words)))
        pairs += [("person", name) for name in self.people]
        pairs += [("without", name) for name in self.without]
        if self.company:
            pairs.append(("who", self.company))
        pairs += [("label", name) for name in self.labels]
        pairs += [("place", name) for name in self.places]
        pairs += [("month", str(number)) for number in self.months]
        if self.first:
            pairs.append(("from", self.first.isoformat()))
        if self.last:
            pairs.append(("to", self.last.isoformat()))
        return urlencode(pairs)


@dataclass(frozen=True, slots=True)
class Filter:
    """One part of a query as a chip shows it, with the query that is left without it.

    `opposite`: with somebody instead of without them, or the other way round; None where there is none.
    """

    kind: str
    text: str
    without: Query
    name: str = ""
    opposite: Query | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """What the search form holds: as much as possible in its box, the rest in fields of its own."""

    text: str
    rest: Query


class Reader:
    """Reads what is typed, knowing the names of these people, labels and places."""

    def __init__(self, *, people: Iterable[str] = (), labels: Iterable[str] = (), places: Iterable[str] = ()) -> None:
        self._people = {fold(name): name for name in people}
        # Where a word says that somebody is meant, a first name will do that only one of them has.
        self._meant = _first_names(self._people) | self._people
        self._also = {f"{word} {name}": meant for name, meant in self._meant.items() for word in ("and", "with", "&")}
        self._without = {f"without {name}": meant for name, meant in self._meant.items()}
        self._only = {f"only {name}": meant for name, meant in self._meant.items()}
        self._places = {fold(name): name for name in places}
        self._labels = {fold(word): label for word, label in label_words.spellings(labels).items()}

    def read(
        self,
        text: str,
        *,
        people: Iterable[str] = (),
        without: Iterable[str] = (),
        company: str = "",
        labels: Iterable[str] = (),
        places: Iterable[str] = (),
        months: Iterable[str] = (),
        first: str = "",
        last: str = "",
    ) -> Query:
        """The query of the search form's fields. Nothing in them is an error: what cannot be read is left out.

        `people`, `without` (these may hold several known names, with commas between), `company`, `labels`, `places` and
        `months` (numbers) were chosen in their own fields; the known names are looked for in `text`, longest first.
        Who is wanted and unwanted at once is unwanted. Without people, `only` says nothing.
        """
        tokens = _tokens(text[:MOST_LENGTH])
        tokens, ranges = _take_dates(tokens)
        tokens, found_without = _take_names(tokens, self._without)
        tokens, found_only = _take_names(tokens, self._only)
        tokens, found_people = _take_names(tokens, self._people | self._also)
        tokens, found_labels = _take_names(tokens, self._labels)
        tokens, found_places = _take_names(tokens, self._places)
        tokens, found_company = _take_names(tokens, _COMPANY_WORDS)
        tokens, found_months = _take_names(tokens, _WHOLE_MONTHS)
        ranges.append((_date(first), _date(last)))
        starts = [start for start, _ in ranges if start]
        ends = [end for _, end in ranges if end]
        chosen = [self._labels.get(fold(name), name) for name in map(_name, labels)]
        unwanted = _once([*self._several(without), *found_without])[:MOST_WORDS]
        refused = {fold(name) for name in unwanted}
        named = [*self._several(people), *found_only, *found_people]
        wanted = _once(name for name in named if fold(name) not in refused)[:MOST_WORDS]
        said = [word for word in (company, *found_company, ONLY if found_only else "") if word in COMPANY]
        return Query(
            words=_once(word for word, _ in tokens)[:MOST_WORDS],
            people=wanted,
            without=unwanted,
            company=next((word for word in said if wanted or word != ONLY), ""),
            labels=_once([*chosen, *found_labels])[:MOST_WORDS],
            places=_once([*map(_name, places), *found_places])[:MOST_WORDS],
            months=tuple(dict.fromkeys([*filter(None, map(_month_number, months)), *found_months])),
            first=max(starts, default=None),
            last=min(ends, default=None),
        )

    def _several(self, values: Iterable[str]) -> Iterator[str]:
        """The names in the fields for people. A comma may belong to a name: it parts only names that are known."""
        for value in map(_name, values):
            parts = [part.strip() for part in value.split(",") if part.strip()]
            if fold(value) not in self._meant and all(fold(part) in self._meant for part in parts):
                yield from (self._full(part) for part in parts)
            else:
                yield self._full(value)

    def _full(self, name: str) -> str:
        """The name as it is, unless it is only somebody's first."""
        return name if fold(name) in self._people else self._meant.get(fold(name), name)

    def form(self, typed: str, query: Query) -> Form:
        """How the form shows `query`: as it was typed, if that says all of it, else in words that do."""
        if '"' not in typed and self.read(typed) == query:
            return Form(typed.strip(), Query())
        # Who else is there stays in its field, which can say that it does not matter any more.
        dated, undated = replace(query, company=""), replace(query, company="", first=None, last=None)
        company = Query(company=query.company)
        for said, rest in ((dated, company), (undated, replace(company, first=query.first, last=query.last))):
            text = self._spell(said)
            if self.read(text) == said:
                return Form(text, rest)
        return Form(_quoted(query.words), replace(query, words=()))

    def _spell(self, query: Query) -> str:
        """The query in words. They may mean something else (someone is called May): whoever uses them reads them."""
        months = [calendar.month_name[number] for number in query.months]
        words = [word if self.read(word).words == (word,) else _quoted([word]) for word in query.words]
        period = describe_range(query.first, query.last)
        without = [f"without {name}" for name in query.without]
        return " ".join(filter(None, [*query.people, *without, *query.labels, *query.places, *months, period, *words]))


def _first_names(people: Mapping[str, str]) -> dict[str, str]:
    """The first words of folded names of several, with the name they begin, where they begin one alone."""
    found: dict[str, list[str]] = {}
    for name, meant in people.items():
        first, _, rest = name.partition(" ")
        if rest:
            found.setdefault(first, []).append(meant)
    return {first: meant[0] for first, meant in found.items() if len(meant) == 1}


def _quoted(words: Iterable[str]) -> str:
    return " ".join(f'"{word}"' for word in words)


def _name(text: str) -> str:
    return text.replace("\x00", "").strip()[:MOST_LENGTH]


def _month_number(text: str) -> int | None:
    number = int(text) if re.fullmatch(r"\d\d?", text, re.ASCII) else 0
    return number if 1 <= number <= 12 else None


def filters(query: Query) -> list[Filter]:
    """The parts of a query, each with what is left when it is taken away."""

    def drop(values: Sequence[str], value: str) -> tuple[str, ...]:
        return tuple(other for other in values if other != value)

    found = []
    for name in query.people:
        left = replace(query, people=drop(query.people, name))
        if not left.people and left.company == ONLY:
            left = replace(left, company="")
        found.append(Filter("person", name, left, name, replace(left, without=(*query.without, name))))
    for name in query.without:
        left = replace(query, without=drop(query.without, name))
        found.append(Filter("without", f"without {name}", left, name, replace(left, people=(*query.people, name))))
    if query.company:
        found.append(Filter("company", COMPANY[query.company], replace(query, company="")))
    found += [Filter("label", name, replace(query, labels=drop(query.labels, name))) for name in query.labels]
    found += [Filter("place", name, replace(query, places=drop(query.places, name))) for name in query.places]
    for number in query.months:
        others = tuple(other for other in query.months if other != number)
        found.append(Filter("month", calendar.month_name[number], replace(query, months=others)))
    if query.first or query.last:
        found.append(Filter("date", describe_range(query.first, query.last), replace(query, first=None, last=None)))
    found += [Filter("word", f"“{word}”", replace(query, words=drop(query.words, word))) for word in query.words]
    return found


def describe_range(first: dt.date | None, last: dt.date | None) -> str:
    """A range in the fewest words: "2019", "May 2019", "17 May 2019", "since …", "until …", "… to …"."""
    if first and last:
        if first == last:
            return _say(first)
        if (first.month, first.day, last.month, last.day) == (1, 1, 12, 31):
            return str(first.year) if first.year == last.year else f"{first.year} to {last.year}"
        whole_month = first.day == 1 and last.day == calendar.monthrange(last.year, last.month)[1]
        if whole_month and (first.year, first.month) == (last.year, last.month):
            return f"{first:%B} {first.year}"
        return f"{_say(first)} to {_say(last)}"
    if first:
        return f"since {_say(first)}"
    return f"until {_say(last)}" if last else ""


def _say(day: dt.date) -> str:
    return f"{day.day} {day:%B} {day.year}"


def _tokens(text: str) -> list[tuple[str, bool]]:
    """Words with whether they were quoted; quoted ones are text and nothing else."""
    found = []
    for match in _TOKEN.finditer(text.replace("\x00", "")):
        quoted, plain = match.groups()
        word = " ".join((plain if quoted is None else quoted).split())
        if fold(word):
            found.append((word, quoted is not None))
    return found


def _take_dates(
    tokens: list[tuple[str, bool]],
) -> tuple[list[tuple[str, bool]], list[tuple[dt.date | None, dt.date | None]]]:
    """Takes dates out of the words: up to three words make one ("17 May 2019")."""
    left: list[tuple[str, bool]] = []
    ranges: list[tuple[dt.date | None, dt.date | None]] = []
    place = 0
    while place < len(tokens):
        for length in (3, 2, 1):
            words = tokens[place : place + length]
            if len(words) == length and not any(quoted for _, quoted in words):
                period = _period([word.lower().strip(",.") for word, _ in words])
                if period:
                    ranges.append(period)
                    place += length
                    break
        else:
            left.append(tokens[place])
            place += 1
    return left, ranges


def _period(words: list[str]) -> tuple[dt.date, dt.date] | None:
    """The days that one, two or three words mean together, or None."""
    if len(words) == 1:
        word = words[0]
        if _YEAR.fullmatch(word):
            return dt.date(int(word), 1, 1), dt.date(int(word), 12, 31)
        if match := _YEAR_MONTH.fullmatch(word):
            return _month(int(match[1]), int(match[2]))
        day = _date(word) if _DAY.fullmatch(word) else None
        return (day, day) if day else None
    if len(words) == 2 and words[0] in _MONTHS and _YEAR.fullmatch(words[1]):
        return _month(int(words[1]), _MONTHS[words[0]])
    if len(words) == 3 and _YEAR.fullmatch(words[2]):
        for number, name in ((words[0], words[1]), (words[1], words[0])):
            if name in _MONTHS and number.isascii() and number.isdecimal():
                day = _date(f"{words[2]}-{_MONTHS[name]}-{number}")
                return (day, day) if day else None
    return None


def _month(year: int, month: int) -> tuple[dt.date, dt.date] | None:
    if not 1 <= month <= 12:
        return None
    return dt.date(year, month, 1), dt.date(year, month, calendar.monthrange(year, month)[1])


def _date(text: str) -> dt.date | None:
    match = re.fullmatch(r"((?:1\d|20)\d\d)-(\d\d?)-(\d\d?)", text.strip(), re.ASCII)
    if not match:
        return None
    try:
        return dt.date(*(int(part) for part in match.groups()))
    except ValueError:
        return None


def _take_names(tokens: list[tuple[str, bool]], known: Mapping[str, T]) -> tuple[list[tuple[str, bool]], list[T]]:
    """Takes whole names, `known` by their folded spelling, out of the words, the longest first; and what they mean."""
    by_words = {tuple(name.split()): meant for name, meant in known.items() if name.strip()}
    longest = max((len(words) for words in by_words), default=0)
    left: list[tuple[str, bool]] = []
    found: list[T] = []
    place = 0
    while place < len(tokens):
        for length in range(min(longest, len(tokens) - place), 0, -1):
            words = tokens[place : place + length]
            name = tuple(fold(word) for word, _ in words)
            if name in by_words and not any(quoted for _, quoted in words):
                found.append(by_words[name])
                place += length
                break
        else:
            left.append(tokens[place])
            place += 1
    return left, found


def _once(values: Iterable[str]) -> tuple[str, ...]:
    """Without doubles (case and accents do not matter) and without empty ones, in order."""
    kept: dict[str, str] = {}
    for value in values:
        if value:
            kept.setdefault(fold(value), value)
    return tuple(kept.values())
