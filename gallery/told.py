"""What files tell beyond their photo: other apps register what they make of it, gallery knows none of them.

    # in AppConfig.ready()
    told.register("albums", told.Listener(take=importing.note, settle=importing.place))

`take` runs in the transaction that records a batch of photos, whose rows it has locked; it must be quick, do nothing
more when it is told the same again, and lock nothing that others hold while they wait for a photo. What needs such
locks waits for `settle`, which is called soon afterwards and again by the sweep, in no transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gallery import work
from gallery.models import Photo


@dataclass(frozen=True, slots=True)
class AlbumFolder:
    """A folder of an export that is an album: its path in the library (stored spelling) and the album's title."""

    folder: str
    title: str


@dataclass(frozen=True, slots=True)
class Told:
    """A photo that was recorded, and the albums in whose folders it lies. Its regions and faces are rows by now."""

    photo: Photo
    albums: tuple[AlbumFolder, ...] = ()


@dataclass(frozen=True, slots=True)
class Listener:
    take: Callable[[Sequence[Told]], None]
    settle: Callable[[], None] | None = None


_listeners: dict[str, Listener] = {}


def register(name: str, listener: Listener) -> None:
    """Has `listener` told of every photo that is recorded. Registering a name again replaces it."""
    _listeners[name] = listener


def tell(recorded: Sequence[Told]) -> None:
    """Hands a batch to everyone who listens, in the order of their names."""
    if recorded:
        for _, listener in sorted(_listeners.items()):
            listener.take(recorded)


def settle() -> None:
    """Lets everyone finish what they noted; what fails keeps nobody else from it."""
    for name, listener in sorted(_listeners.items()):
        if listener.settle is not None:
            with work.contained(f"told-{name}", f"What files say of {name} cannot be put in place"):
                listener.settle()
