"""The journal as people read it: who decided what about whom, and when, in the words of what the reader may see."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.utils.dateparse import parse_date
from django.utils.formats import date_format

from faces import undo
from faces.access import faces_visible_to, journal_visible_to
from faces.deciding import chunks, merges, survivor_of
from faces.known import known_merged, known_people
from faces.models import Event, Face, Person
from faces.people import FaceThumb, face_thumbs
from gallery.access import Viewer

ENTRIES_PER_PAGE = 30
PICTURES = 6


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

    A dozen queries at most, however many entries, and one for every `CHUNK` faces that they moved. Counts and pictures
    are of faces that the viewer sees, and whoever was merged has a name as far as the viewer knows them
    (`known_people`).
    """
    events = journal_visible_to(viewer).select_related("person", "actor", "undone_by").order_by("-pk")
    if person is not None:
        went = merges()
        known = known_merged(viewer)
        events = events.filter(person__in=[person.pk, *(pk for pk in known if survivor_of(pk, went) == person.pk)])
    if before is not None:
        events = events.filter(pk__lt=before)
    found = list(events[: size + 1])
    more = len(found) > size
    found = found[:size]
    words = _Words(viewer, found)
    return Journal([words.entry(event) for event in found], found[-1].pk if more else None)


class _Words:
    """What is needed to put a page of entries into words."""

    def __init__(self, viewer: Viewer, events: Sequence[Event]) -> None:
        self.viewer = viewer
        moved = {event.pk: _faces(event.before) for event in events}
        seen: set[int] = set()
        refused: dict[int, list[int]] = {event.pk: event.before.get("refused", []) for event in events}
        for part in chunks(face for ids in (*moved.values(), *refused.values()) for face in ids):
            seen.update(faces_visible_to(viewer).filter(pk__in=part).order_by().values_list("pk", flat=True))
        shown_of = {pk: [face for face in ids if face in seen] for pk, ids in moved.items()}
        # Entries of which the viewer sees no face that was named, but some that were said to be somebody else.
        only_refused = {pk: [face for face in ids if face in seen] for pk, ids in refused.items() if not shown_of[pk]}
        shown_of |= only_refused
        self.only_refused = {pk for pk, ids in only_refused.items() if ids}
        self.counts = {pk: len(ids) for pk, ids in shown_of.items()}
        self.pictures = {pk: ids[:PICTURES] for pk, ids in shown_of.items()}
        shown = {face for ids in self.pictures.values() for face in ids}
        self.thumbs = {thumb.id: thumb for thumb in face_thumbs(Face.objects.filter(pk__in=shown))}
        others = {entry["id"] for event in events if event.kind == Event.Kind.MERGE for entry in event.before["people"]}
        self.known = known_people(viewer, {*others, *(event.person_id for event in events if event.person_id)})

    def entry(self, event: Event) -> Entry:
        is_own = event.actor_id is not None and event.actor_id == self.viewer.pk
        return Entry(
            id=event.pk,
            who="You" if is_own else _name(event.actor) or _nobody(event),
            what=_SENTENCES.get(event.kind, _anything)(self, event),
            at=event.at,
            faces=[self.thumbs[pk] for pk in self.pictures[event.pk] if pk in self.thumbs],
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


def _faces(before: dict[str, Any]) -> list[int]:
    return [*before.get("faces", ()), *filter(None, [before.get("face")])]


def _name(user: User | None) -> str:
    return user.get_username() if user else ""


def _nobody(event: Event) -> str:
    """Who decided if no account did, or one that is closed."""
    return "PictoPy" if event.kind == Event.Kind.MARKED else "Somebody"


def _count(words: _Words, event: Event, one: str = "a face", many: str = "faces") -> str:
    count = words.counts[event.pk]
    return one if count == 1 else f"{count:,} {many}"


def _is(words: _Words, event: Event) -> str:
    return "is" if words.counts[event.pk] == 1 else "are"


def _named(words: _Words, event: Event) -> str:
    if event.pk in words.only_refused:  # left out of a group, or lost by what somebody accepted of a preview
        return _refused(words, event)
    return f"said that {_count(words, event)} {_is(words, event)} {words.person(event)}"


def _marked(words: _Words, event: Event) -> str:
    return f"took the name {words.person(event)} for {_count(words, event)} from files"


def _renamed(words: _Words, event: Event) -> str:
    return f"renamed {event.before['name']} to {event.before['after']}"


def _refused(words: _Words, event: Event) -> str:
    return f"said that {_count(words, event)} {_is(words, event)} not {words.person(event)}"


def _no_face(words: _Words, event: Event) -> str:
    return (
        "said that something is no face"
        if words.counts[event.pk] == 1
        else f"said that {_count(words, event)} are none"
    )


def _cover(words: _Words, event: Event) -> str:
    return f"chose a picture of {words.person(event)}"


def _hid(words: _Words, event: Event) -> str:
    return f"{'hid' if event.before['after'] else 'brought back'} {words.person(event)}"


def _merged(words: _Words, event: Event) -> str:
    return f"said that {words.others(event)} is {words.person(event)}"


def _ignored(words: _Words, event: Event) -> str:
    if event.before["after"]["state"] == Face.State.UNKNOWN:
        return f"took {_count(words, event, 'a stranger', 'strangers')} back"
    return f"set {_count(words, event, 'a stranger', 'strangers')} aside"


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
