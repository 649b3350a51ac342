"""Finding people by a picture of a face that somebody sends, which is kept nowhere.

The picture goes from the request to a child process (`looking`), which looks at it and compares its faces with those
that the viewer sees; this side only reads what the child says. One picture at a time for the whole server, for a child
needs the memory of a worker.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, Any

from django.conf import settings
from django.core.cache import cache

from faces.access import faces_visible_to, people_visible_to
from faces.analyzer import FacesAnalyzer
from faces.people import FaceThumb, PersonCard, cards_of, face_thumbs
from gallery.access import Viewer

logger = logging.getLogger(__name__)

TIMEOUT_S = 30.0
# How often somebody may ask.
MOST_A_MINUTE = 12
# In match distances of the embedding model. Up to one of them a face is given to a person without asking. On LFW
# (mobilefacenet) the nearest face is somebody else's for none of 2,852 up to 0.7, and for 3 of 742 from there up to 1.
VERY_ALIKE, ALIKE = 0.7, 1.0
# Below this a face is too small, blurred or turned away to say much (`vision.face_quality`).
_POOR = 0.4
_TICK_S = 0.2


class CannotFind(Exception):  # noqa: N818
    """Why there is no answer, in a sentence for the person who asked; `status` is that of HTTP."""

    def __init__(self, text: str, status: int = 422) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class AlikePerson:
    """A person with a face like the one that was asked for; `face` is the nearest of theirs."""

    card: PersonCard
    face: FaceThumb
    likeness: str


@dataclass(frozen=True, slots=True)
class AlikeFace:
    """A face like the one that was asked for; `name` and `url` (within whose photos it opens) if it is somebody's."""

    face: FaceThumb
    name: str
    url: str
    likeness: str


@dataclass(frozen=True, slots=True)
class FoundFace:
    """A face of the picture: `src` shows it without an address of its own; what is like it, the likest first."""

    number: int
    src: str
    is_poor: bool
    people: list[AlikePerson]
    faces: list[AlikeFace]


@dataclass(frozen=True, slots=True)
class Found:
    """The faces of a picture, largest first; `left_out` more were too small to be among them."""

    faces: list[FoundFace]
    left_out: int


def waiting_for() -> str:
    """Which model is missing, in a sentence; empty when everything is there."""
    return FacesAnalyzer().waiting_for()


def take_turn(viewer: Viewer) -> None:
    """Counts the pictures that somebody sends. Raises CannotFind for too many within a minute."""
    key = f"faces-find-{viewer.pk}"
    cache.add(key, 0, 60)
    with suppress(ValueError):  # the minute is over between the two
        if cache.incr(key) > MOST_A_MINUTE:
            raise CannotFind("You sent many pictures in a short time. Try again in a minute.", 429)


def find(viewer: Viewer, picture: bytes, *, has_gone: Callable[[], bool] = lambda: False) -> Found:
    """Whom the faces of the picture are like, among those that the viewer sees. Five queries besides the child's.

    `has_gone` says whether whoever asked is still there. Raises CannotFind.
    """
    with _one_at_a_time():
        said = ask(viewer, picture, has_gone)
    match said.get("error"):
        case None:
            return _found(viewer, said)
        case "unreadable":
            raise CannotFind(str(said["text"]))
        case "not_set_up":
            raise CannotFind("Recognition is not set up yet: a model for faces is missing.", 503)
    logger.warning("A picture of a face could not be looked at: %s", said.get("kind"))
    raise CannotFind("PictoPy could not look at this picture. Try another one, or a smaller copy of it.")


def in_words(distance: float, match_distance: float) -> str:
    """A cosine distance as people say it."""
    if distance <= VERY_ALIKE * match_distance:
        return "very alike"
    return "alike" if distance <= ALIKE * match_distance else "maybe"


# ---- The child --------------------------------------------------------------------------------------------------


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Holds the lock of the server; it ends with the process. Raises CannotFind if somebody else has it."""
    descriptor = os.open(settings.PICTOPY.data_dir / "faces-find.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotFind("PictoPy is just looking at another picture. Try again in a few seconds.", 503) from None
        yield
    finally:
        os.close(descriptor)


def command(viewer: Viewer) -> list[str]:
    return [sys.executable, "-m", "faces.looking", str(viewer.pk)]


def ask(viewer: Viewer, picture: bytes, has_gone: Callable[[], bool]) -> dict[str, Any]:
    """What the child says. It is ended when its time is over, or when nobody waits for it any more."""
    process = subprocess.Popen(
        command(viewer),
        cwd=settings.BASE_DIR,
        env={**os.environ, "MALLOC_ARENA_MAX": "2", "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + TIMEOUT_S
    # A thread of its own: `communicate` sends nothing more once its time was over.
    stdin, process.stdin = process.stdin, None
    feeder = threading.Thread(target=_feed, args=(stdin, picture), name="faces-find")
    feeder.start()
    try:
        while True:
            with suppress(subprocess.TimeoutExpired):
                said, _ = process.communicate(timeout=_TICK_S)
                break
            if has_gone():
                return {"error": "failed", "kind": "nobody waits any more"}
            if time.monotonic() > deadline:
                return {"error": "failed", "kind": "it took too long"}
    finally:
        _end(process)
        feeder.join()
    try:
        answer: dict[str, Any] = json.loads(said)
    except ValueError:  # killed: by its own bounds, or by a system that is out of memory
        return {"error": "failed", "kind": f"exit code {process.returncode}"}
    return answer


def _feed(stdin: IO[bytes] | None, picture: bytes) -> None:
    if stdin is not None:
        with suppress(BrokenPipeError), stdin:
            stdin.write(picture)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


# ---- Its answer -------------------------------------------------------------------------------------------------


def _found(viewer: Viewer, said: dict[str, Any]) -> Found:
    """The page's rows. Everything is read through the door again: the child's word gives access to nothing."""
    match_distance = float(said["match_distance"])
    asked: Sequence[dict[str, Any]] = said["faces"]
    rows = [row for face in asked for row in (*face["people"], *face["near"])]
    ids = {face for face, _, _ in rows}
    thumbs = {thumb.id: thumb for thumb in face_thumbs(faces_visible_to(viewer).filter(pk__in=ids))}
    wanted = {person for _, person, _ in rows if person}
    people = people_visible_to(viewer).filter(pk__in=wanted, hidden=False).order_by("pk")
    cards = {card.id: card for card in cards_of(viewer, people)}
    found = []
    for number, face in enumerate(asked, start=1):
        found.append(
            FoundFace(
                number=number,
                src=f"data:image/jpeg;base64,{face['crop']}",
                is_poor=face["quality"] < _POOR,
                people=[
                    AlikePerson(cards[person], thumbs[pk], in_words(distance, match_distance))
                    for pk, person, distance in face["people"]
                    if person in cards and pk in thumbs
                ],
                faces=[
                    AlikeFace(thumbs[pk], *_opened(thumbs[pk], cards.get(person)), in_words(distance, match_distance))
                    for pk, person, distance in face["near"]
                    if pk in thumbs
                ],
            )
        )
    return Found(found, int(said["left_out"]))


def _opened(thumb: FaceThumb, card: PersonCard | None) -> tuple[str, str]:
    """Whose face it is, and the address of its photo, among theirs if it is somebody's."""
    return (card.name, f"{thumb.photo_url}?in=person:{card.id}") if card else ("", thumb.photo_url)
