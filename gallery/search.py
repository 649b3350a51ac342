"""What was asked for: the words of the search box and the fields beside it, as a `Query`. Pure parsing, no database.

Words are read in this order: "quoted phrases" stay text; dates (`2019`, `May 2019`, `2019-05`, `17 May 2019`,
`2019-05-17`) become a range; names of people, of labels and of places become filters; the rest must be found in a
photo's text.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

MOST_WORDS = 12
MOST_LENGTH = 300
_TOKEN = re.compile(r'"([^"]*)"|([^\s"]+)')
_MONTHS = {
    spelling: number
    for number in range(1, 13)
    for spelling in (calendar.month_name[number].lower(), calendar.month_abbr[number].lower())
} | {"sept": 9}
_YEAR = re.compile(r"(1[89]|20)\d\d")
_YEAR_MONTH = re.compile(r"((?:1[89]|20)\d\d)-(\d\d?)")
_DAY = re.compile(r"((?:1[89]|20)\d\d)-(\d\d?)-(\d\d?)")


@dataclass(frozen=True, slots=True)
class Query:
    """All of it must hold: every word, every person, every label, every place, and a date within the range (both ends
    included)."""

    words: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    first: dt.date | None = None
    last: dt.date | None = None

    def __bool__(self) -> bool:
        return bool(self.words or self.people or self.labels or self.places or self.first or self.last)

    def text(self) -> str:
        """The words as they would be typed; those that would be read as something else are quoted."""
        return " ".join(f'"{word}"' if _needs_quotes(word) else word for word in self.words)

    def address(self) -> str:
        """The query as the part of an address behind the question mark; the same query has one spelling."""
        pairs: list[tuple[str, str]] = []
        if self.words:
            # Quoted, all of them: read again, they must not become names that are known by then.
            pairs.append(("q", " ".join(f'"{word}"' for word in self.words)))
        pairs += [("person", name) for name in self.people]
        pairs += [("label", name) for name in self.labels]
        pairs += [("place", name) for name in self.places]
        if self.first:
            pairs.append(("from", self.first.isoformat()))
        if self.last:
            pairs.append(("to", self.last.isoformat()))
        return urlencode(pairs)


@dataclass(frozen=True, slots=True)
class Filter:
    """One part of a query as a chip shows it, with the query that is left without it."""

    kind: str
    text: str
    without: Query


def parse(
    text: str,
    *,
    people: Iterable[str] = (),
    labels: Iterable[str] = (),
    places: Iterable[str] = (),
    known_people: Iterable[str] = (),
    known_labels: Iterable[str] = (),
    known_places: Iterable[str] = (),
    first: str = "",
    last: str = "",
) -> Query:
    """Reads the fields of the search form. Nothing in them is an error: what cannot be read is left out.

    `people`, `labels` and `places` were chosen in their own fields; the known names are looked for in `text`, longest
    first.
    """
    tokens = _tokens(text[:MOST_LENGTH])
    tokens, ranges = _take_dates(tokens)
    tokens, found_people = _take_names(tokens, known_people)
    tokens, found_labels = _take_names(tokens, known_labels)
    tokens, found_places = _take_names(tokens, known_places)
    ranges.append((_date(first), _date(last)))
    starts = [start for start, _ in ranges if start]
    ends = [end for _, end in ranges if end]
    return Query(
        words=_once(word for word, _ in tokens)[:MOST_WORDS],
        people=_once([*map(_name, people), *found_people])[:MOST_WORDS],
        labels=_once([*map(_name, labels), *found_labels])[:MOST_WORDS],
        places=_once([*map(_name, places), *found_places])[:MOST_WORDS],
        first=max(starts, default=None),
        last=min(ends, default=None),
    )


def _name(text: str) -> str:
    return text.replace("\x00", "").strip()[:MOST_LENGTH]


def filters(query: Query) -> list[Filter]:
    """The parts of a query, each with what is left when it is taken away."""

    def drop(values: Sequence[str], value: str) -> tuple[str, ...]:
        return tuple(other for other in values if other != value)

    found = [Filter("person", name, replace(query, people=drop(query.people, name))) for name in query.people]
    found += [Filter("label", name, replace(query, labels=drop(query.labels, name))) for name in query.labels]
    found += [Filter("place", name, replace(query, places=drop(query.places, name))) for name in query.places]
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


def _needs_quotes(word: str) -> bool:
    return " " in word or word.lower() in _MONTHS or any(p.fullmatch(word) for p in (_YEAR, _YEAR_MONTH, _DAY))


def _tokens(text: str) -> list[tuple[str, bool]]:
    """Words with whether they were quoted; quoted ones are text and nothing else."""
    found = []
    for match in _TOKEN.finditer(text.replace("\x00", "")):
        quoted, plain = match.groups()
        word = " ".join((plain if quoted is None else quoted).split())
        if word:
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


def _take_names(tokens: list[tuple[str, bool]], known: Iterable[str]) -> tuple[list[tuple[str, bool]], list[str]]:
    """Takes whole names out of the words, the longest first; they are spelled as they are known."""
    by_words = {tuple(name.casefold().split()): name for name in known if name.strip()}
    longest = max((len(words) for words in by_words), default=0)
    left: list[tuple[str, bool]] = []
    found: list[str] = []
    place = 0
    while place < len(tokens):
        for length in range(min(longest, len(tokens) - place), 0, -1):
            words = tokens[place : place + length]
            name = by_words.get(tuple(word.casefold() for word, _ in words))
            if name and not any(quoted for _, quoted in words):
                found.append(name)
                place += length
                break
        else:
            left.append(tokens[place])
            place += 1
    return left, found


def _once(values: Iterable[str]) -> tuple[str, ...]:
    """Without doubles (case does not matter) and without empty ones, in order."""
    kept: dict[str, str] = {}
    for value in values:
        if value:
            kept.setdefault(value.casefold(), value)
    return tuple(kept.values())
