"""The journal as people read it: who decided what about whom, and when, in the words of what the reader may see."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.utils.dateparse import parse_date
from django.utils.formats import date_format

from faces import undo
from faces.access import faces_visible_to, newest_entries
from faces.deciding import chunks, merges, survivor_of
from faces.known import known_merged, known_people
from faces.models import Event, Face, Person
from faces.noted import Beginning, Length, Rest
from faces.people import FaceThumb, face_thumbs
from gallery.access import Viewer

ENTRIES_PER_PAGE = 30
PICTURES = 6
# Faces of an entry are counted one by one up to here: whether somebody sees a face is asked of the face.
COUNTED = 100
# So many of an entry are looked at first; the others only if too few of these are seen.
_LOOKED_AT = COUNTED + 20


@dataclass(frozen=True, slots=True)
class Entry:
    """One decision. `what` goes on after `who`; `undone_by` is empty if nobody knows."""

    id: int
    who: str
    what: str
    at: dt.datetime
    faces: list[FaceThumb]
    may_undo: bool
    undone_at: dt.datetime | None
    undone_by: str


@dataclass(frozen=True, slots=True)
class Journal:
    """`next_before` is the id of the last entry when there are more."""

    entries: list[Entry]
    next_before: int | None


def journal(
    viewer: Viewer, *, person: Person | None = None, before: int | None = None, size: int = ENTRIES_PER_PAGE
) -> Journal:
    """A page of what the viewer may know of, the last first; of one person, with whom was merged into them.

    A score of queries at most, however many entries, and more only where the viewer sees little: of what the journal
    has (`access.newest_entries`), or of entries about very many faces (`_Words._seen`). Counts and pictures are of
    faces that the viewer sees, and whoever was merged has a name as far as the viewer knows them (`known_people`).
    """
    events = Event.objects.all()
    if person is not None:
        went = merges()
        known = known_merged(viewer)
        events = events.filter(person__in=[person.pk, *(pk for pk in known if survivor_of(pk, went) == person.pk)])
    if before is not None:
        events = events.filter(pk__lt=before)
    ids = newest_entries(viewer, events, size + 1)
    words = _Words(viewer, _entries(ids[:size]))
    return Journal([words.entry(event) for event in words.events], ids[size - 1] if len(ids) > size else None)


def _entries(ids: Sequence[int]) -> list[Any]:
    """The entries of these ids, the last first, with short lists of faces only: `before` has none. `faces_first` and
    `refused_first` are the beginnings of what they moved and of what they refused, `faces_length` and `refused_length`
    how many these are. One query."""
    rows = Event.objects.filter(pk__in=ids).select_related("person", "actor", "undone_by").defer("before")
    lists = {
        f"{name}_{what}": function("before", name=name, **options)
        for name in ("faces", "refused")
        for what, function, options in (("first", Beginning, {"count": _LOOKED_AT}), ("length", Length, {}))
    }
    events: list[Any] = list(rows.annotate(rest=Rest("before"), **lists).order_by("-pk"))
    for event in events:
        event.before = event.rest
    return events


@dataclass(frozen=True, slots=True)
class _Seen:
    """Faces of an entry that the viewer sees: the first of them, and how many; `has_more`: more than `COUNTED`, which
    is `count` then. `length`: of how many the entry is."""

    first: list[int]
    count: int
    has_more: bool
    length: int


def _of(ids: Sequence[int], visible: set[int], length: int = 0) -> _Seen:
    seen = [pk for pk in ids if pk in visible]
    return _Seen(seen[:PICTURES], min(len(seen), COUNTED), len(seen) > COUNTED, length)


def _beginning(event: Any, name: str) -> list[int]:
    """The list's first faces; an entry about one face notes it apart."""
    alone = event.before.get("face") if name == "faces" else None
    return [*getattr(event, f"{name}_first"), *filter(None, [alone])]


class _Words:
    """What is needed to put a page of entries into words."""

    def __init__(self, viewer: Viewer, events: Sequence[Any]) -> None:
        self.viewer, self.events = viewer, events
        moved, refused = self._seen("faces"), self._seen("refused")
        # Entries of which the viewer sees no face that was named, but some that were said to be somebody else.
        self.only_refused = {pk for pk, seen in refused.items() if seen.count and not moved[pk].count}
        self.seen = moved | {pk: refused[pk] for pk in self.only_refused}
        shown = {face for seen in self.seen.values() for face in seen.first}
        self.thumbs = {thumb.id: thumb for thumb in face_thumbs(Face.objects.filter(pk__in=shown))}
        others = {entry["id"] for event in events if event.kind == Event.Kind.MERGE for entry in event.before["people"]}
        self.known = known_people(viewer, {*others, *(event.person_id for event in events if event.person_id)})

    def _seen(self, name: str) -> dict[int, _Seen]:
        """What the viewer sees of one list of faces, by entry.

        One query for every `CHUNK` faces at the beginnings; where these do not tell, as many for the whole lists, and
        one more.
        """
        lists: dict[int, list[int]] = {event.pk: _beginning(event, name) for event in self.events}
        visible = self._visible(lists.values())
        lengths = {event.pk: getattr(event, f"{name}_length") for event in self.events}
        open_ids = [pk for pk, ids in lists.items() if lengths[pk] > len(ids) and not _of(ids, visible).has_more]
        if open_ids:
            whole = dict(Event.objects.filter(pk__in=open_ids).order_by().values_list("pk", f"before__{name}"))
            visible |= self._visible(whole.values())
            lists |= whole
        return {pk: _of(ids, visible, lengths[pk]) for pk, ids in lists.items()}

    def _visible(self, lists: Iterable[Sequence[int]]) -> set[int]:
        found: set[int] = set()
        for part in chunks(face for ids in lists for face in ids):
            found.update(faces_visible_to(self.viewer).filter(pk__in=part).order_by().values_list("pk", flat=True))
        return found

    def count(self, event: Event, one: str = "a face", many: str = "faces") -> str:
        """How many faces in words. Of very many, their number is told to whoever decided about them."""
        seen = self.seen[event.pk]
        if not seen.has_more:
            return one if seen.count == 1 else f"{seen.count:,} {many}"
        is_own = event.actor_id is not None and event.actor_id == self.viewer.pk
        return f"{seen.length:,} {many}" if is_own else f"more than {COUNTED:,} {many}"

    def entry(self, event: Event) -> Entry:
        is_own = event.actor_id is not None and event.actor_id == self.viewer.pk
        return Entry(
            id=event.pk,
            who="You" if is_own else _name(event.actor) or _nobody(event),
            what=_SENTENCES.get(event.kind, _anything)(self, event),
            at=event.at,
            faces=[self.thumbs[pk] for pk in self.seen[event.pk].first if pk in self.thumbs],
            may_undo=event.undone_at is None
            and undo.may_be_undone(event)
            and (is_own or bool(getattr(self.viewer, "is_staff", False))),
            undone_at=event.undone_at,
            undone_by="you" if event.undone_by_id == self.viewer.pk else _name(event.undone_by),
        )

    def person(self, event: Event) -> str:
        """Whom the entry is about, if the reader knows them.

        Of somebody who is gone, as their naming was taken back, only who gave the name still knows it.
        """
        if event.person_id is not None:
            return self.known.get(event.person_id, "somebody")
        is_own = event.actor_id is not None and event.actor_id == self.viewer.pk
        return str(event.before.get("called", "")) if is_own and "called" in event.before else "somebody"

    def others(self, event: Event) -> str:
        """Who was merged, as far as the reader knows them."""
        return " and ".join(self.known.get(entry["id"], "somebody") for entry in event.before["people"])


def _name(user: User | None) -> str:
    return user.get_username() if user else ""


def _nobody(event: Event) -> str:
    """Who decided if no account did, or one that is closed."""
    return "PictoPy" if event.kind == Event.Kind.MARKED else "Somebody"


def _is(words: _Words, event: Event) -> str:
    return "is" if words.seen[event.pk].count == 1 else "are"


def _named(words: _Words, event: Event) -> str:
    if event.pk in words.only_refused:  # left out of a group, or lost by what somebody accepted of a preview
        return _refused(words, event)
    return f"said that {words.count(event)} {_is(words, event)} {words.person(event)}"


def _marked(words: _Words, event: Event) -> str:
    return f"took the name {words.person(event)} for {words.count(event)} from files"


def _renamed(words: _Words, event: Event) -> str:
    return f"renamed {event.before['name']} to {event.before['after']}"


def _refused(words: _Words, event: Event) -> str:
    return f"said that {words.count(event)} {_is(words, event)} not {words.person(event)}"


def _no_face(words: _Words, event: Event) -> str:
    return (
        "said that something is no face"
        if words.seen[event.pk].count == 1
        else f"said of {words.count(event)} that they are no faces"
    )


def _cover(words: _Words, event: Event) -> str:
    return f"chose a picture of {words.person(event)}"


def _hid(words: _Words, event: Event) -> str:
    return f"{'hid' if event.before['after'] else 'brought back'} {words.person(event)}"


def _merged(words: _Words, event: Event) -> str:
    return f"said that {words.others(event)} is {words.person(event)}"


def _ignored(words: _Words, event: Event) -> str:
    if event.before["after"]["state"] == Face.State.UNKNOWN:
        return f"took {words.count(event, 'a stranger', 'strangers')} back"
    return f"set {words.count(event, 'a stranger', 'strangers')} aside"


def _born(words: _Words, event: Event) -> str:
    day = parse_date(event.before["after"] or "")
    if day is None:
        return f"took the date of birth of {words.person(event)} away"
    return f"said that {words.person(event)} was born on {date_format(day, 'j F Y')}"


def _drew(words: _Words, event: Event) -> str:
    is_named = "released" in event.before
    return f"drew a face and said that it is {words.person(event)}" if is_named else "drew a face that was missed"


def _ruled(words: _Words, event: Event) -> str:
    model, former = event.before["model"], event.before["former"]
    return "changed the distances between faces" if model == former else f"had faces recognised with {model}"


def _paired(words: _Words, event: Event) -> str:
    return f"said that two faces are {'always' if event.before['is_same'] else 'never'} one person"


def _anything(words: _Words, event: Event) -> str:
    return str(event.get_kind_display())


_SENTENCES: dict[str, Callable[[_Words, Event], str]] = {
    Event.Kind.NAME: _named,
    Event.Kind.MOVE: _named,
    Event.Kind.MARKED: _marked,
    Event.Kind.RENAME: _renamed,
    Event.Kind.REFUSE: _refused,
    Event.Kind.NO_FACE: _no_face,
    Event.Kind.COVER: _cover,
    Event.Kind.HIDE: _hid,
    Event.Kind.MERGE: _merged,
    Event.Kind.IGNORE: _ignored,
    Event.Kind.BIRTH: _born,
    Event.Kind.DRAW: _drew,
    Event.Kind.RULES: _ruled,
    Event.Kind.PAIR: _paired,
}
