"""Where else an uploaded photo can go, such as an album: other apps register what they offer, gallery knows none.

    # in AppConfig.ready()
    destinations.register("album", Destination(choices=..., named=..., put=...))

A chosen destination is one word, `kind:argument`, which an upload carries until it is finished.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib.auth.models import User

# What the word may hold: the column `Upload.album`.
MAX_LENGTH = 160


@dataclass(frozen=True, slots=True)
class Destination:
    """`choices(user)` gives arguments with their titles; `named(name)` the argument for one of that name.

    `put(user, argument, photo_id)` runs in the transaction that records the upload. The photo may not be read
    yet; it lies in a library that the user sees. A destination that is not there any more is passed over.
    """

    choices: Callable[[User], list[tuple[str, str]]]
    named: Callable[[str], str]
    put: Callable[[User, str, int], None]


_kinds: dict[str, Destination] = {}


def register(kind: str, destination: Destination) -> None:
    """Makes words `kind:argument` known. Call it from `ready()`."""
    _kinds[kind] = destination


def choices(user: User) -> list[tuple[str, str]]:
    """All words that the user may choose, with their titles."""
    return [
        (f"{kind}:{argument}", title)
        for kind, destination in _kinds.items()
        for argument, title in destination.choices(user)
    ]


def named(name: str) -> str:
    """The word for a destination called `name`, such as the folder that was dropped; empty if nobody offers any."""
    return next((f"{kind}:{offer.named(name)}"[:MAX_LENGTH] for kind, offer in _kinds.items()), "") if name else ""


def put(user: User, word: str, photo_id: int) -> None:
    """Puts the photo where the word says; words that nobody knows are passed over."""
    kind, _, argument = word.partition(":")
    if kind in _kinds:
        _kinds[kind].put(user, argument, photo_id)
