"""Which files are one photo together: a picture with its moving part, a RAW file with the camera's own JPEG.

Pure: facts about files that were read in, pairs out. A wrong pair hides a file behind another, so equal names alone are
never enough: phones count from 1 again, and IMG_1234.MOV need not have been taken with IMG_1234.JPG.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["image", "raw", "video"]
Role = Literal["raw", "motion"]

# Apple's moving parts last up to 3 s, Samsung's and Google's a little longer.
MOTION_MOST_S = 6.5
# The still lies somewhere within the moving part, and programs round seconds as they like.
_MOTION_APART_S = 6.5
_RAW_APART_S = 2.0
_QUARTER_S = 15 * 60


@dataclass(frozen=True, slots=True)
class Part:
    """One file that was read. `path` from the library's root; `taken` naive local time, None unless a camera or the
    container of a video said so; `content_id` is what Apple writes into both parts of a live photo."""

    id: int
    path: str
    kind: Kind
    taken: dt.datetime | None = None
    content_id: str = ""
    duration_s: float | None = None

    @property
    def place(self) -> tuple[str, str]:
        """Folder and name without its ending, as cameras that write pairs have in common."""
        return place_of(self.path)


def place_of(path: str) -> tuple[str, str]:
    """Folder and name without its ending, case folded, of a path from the library's root."""
    folder, _, name = path.rpartition("/")
    stem = name.rpartition(".")[0] or name
    # Google calls the still PXL_1.MP.jpg and its moving part PXL_1.MP.
    for mark in (".mp", ".mv"):
        stem = stem[: -len(mark)] if stem.lower().endswith(mark) else stem
    return folder, stem.casefold()


def stem_of(path: str) -> int:
    """A hash of `place_of`, the same on every machine: signed, 64 bits, never 0, which stands for "not known"."""
    place = "\0".join(place_of(path)).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(place, digest_size=8).digest(), "big", signed=True) or 1


@dataclass(frozen=True, slots=True)
class Pair:
    """`part` is the file that goes behind `main`."""

    main: Part
    part: Part
    role: Role


def pairs(parts: Iterable[Part]) -> list[Pair]:
    """All pairs among `parts`; a part is in one pair at most, and a pair that is not the only possible one is none."""
    parts = list(parts)
    found = _by_content_id(parts)
    taken = {part.id for pair in found for part in (pair.main, pair.part)}
    by_place: dict[tuple[str, str], list[Part]] = defaultdict(list)
    for part in parts:
        by_place[part.place].append(part)
    for group in by_place.values():
        stills = [part for part in group if part.kind == "image"]
        raws = [part for part in group if part.kind == "raw"]
        if len(stills) == len(raws) == 1 and _is_same_shot(stills[0], raws[0]):
            found.append(Pair(stills[0], raws[0], "raw"))
        videos = [part for part in group if part.kind == "video" and part.id not in taken]
        heads = [part for part in stills or raws if part.id not in taken]
        if len(heads) == len(videos) == 1 and _moves(heads[0], videos[0]):
            found.append(Pair(heads[0], videos[0], "motion"))
    return found


def _by_content_id(parts: Sequence[Part]) -> list[Pair]:
    by_id: dict[str, list[Part]] = defaultdict(list)
    for part in parts:
        if part.content_id:
            by_id[part.content_id].append(part)
    found = []
    for group in by_id.values():
        stills = [part for part in group if part.kind != "video"]
        videos = [part for part in group if part.kind == "video"]
        # A library may hold a live photo twice, and an edited still beside it: the nearest by name. All that lie beside
        # each other come first, so that a stray copy takes no still from the video next to it.
        for is_near in (_has_same_place, _has_same_folder, _is_anywhere):
            for video in list(videos):
                still = _only([still for still in stills if is_near(still, video)])
                if still is not None:
                    stills.remove(still)
                    videos.remove(video)
                    found.append(Pair(still, video, "motion"))
    return found


def _only(near: list[Part]) -> Part | None:
    """The one still there is; of a picture and its RAW file, the picture."""
    pictures = [still for still in near if still.kind == "image"] or near
    return pictures[0] if len(pictures) == 1 else None


def _has_same_place(one: Part, other: Part) -> bool:
    return one.place == other.place


def _has_same_folder(one: Part, other: Part) -> bool:
    return one.place[0] == other.place[0]


def _is_anywhere(one: Part, other: Part) -> bool:
    return True


def _is_same_shot(still: Part, raw: Part) -> bool:
    """An undated still beside a RAW of its name is a picture developed from it that lost its date."""
    if still.taken is None or raw.taken is None:
        return True
    return abs((still.taken - raw.taken).total_seconds()) <= _RAW_APART_S


def _moves(still: Part, video: Part) -> bool:
    """Whether a short video of the same name was taken with the still.

    Videos carry their time in UTC, so that its local time may be off by a zone: whole quarters of an hour are ignored.
    """
    if still.content_id and video.content_id:
        return False  # each says whose it is, and they disagree
    if video.duration_s is None or video.duration_s > MOTION_MOST_S or still.taken is None or video.taken is None:
        return False
    apart = (video.taken - still.taken).total_seconds()
    if abs(apart) > 14 * 3600 + _MOTION_APART_S:
        return False
    rest = apart % _QUARTER_S
    return min(rest, _QUARTER_S - rest) <= _MOTION_APART_S
