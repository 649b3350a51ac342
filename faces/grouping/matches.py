"""Who each face is, and whom it is near: what `faces.matching` says, kept in memory and in the data directory.

Only a cache, as `state` is: what the database says is compared with what the kept answer saw. A file is written when so
much changed since that to follow it again would take a while.
"""

from __future__ import annotations

import logging
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from django.conf import settings

from faces import matching
from faces.clustering import NOISE, Mask
from faces.grouping import arrays
from faces.grouping.snapshot import Snapshot
from faces.matching import Matching
from faces.rules import Rules

logger = logging.getLogger(__name__)

# Counted up when what the arrays mean changes.
VERSION = "3"
# A file is written when so many faces, and this part of them, came or were decided about since.
_LEAST, _SHARE = 100, 0.01


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer; `unsaved`: how many faces changed since it was last written."""

    matching: Matching
    unsaved: int = 0


# The one that this process used last, by its file.
_held: dict[Path, Kept] = {}


def match(snapshot: Snapshot, *, good: Mask, fair: Mask, rules: Rules) -> Matching:
    """Who each face of a snapshot is, from nothing. `good` (n,): those that are compared with all that were confirmed,
    `fair` (n,): with the good ones of these."""
    return matching.match(_faces(snapshot, good, fair), _rules(snapshot, rules))


def follow(snapshot: Snapshot, *, good: Mask, fair: Mask, rules: Rules) -> Matching:
    """The same, by following what changed since the answer that was kept. The new one is kept in memory (`keep`)."""
    place = path(snapshot.model)
    before = _held.get(place) or _load(place)
    faces = _faces(snapshot, good, fair)
    if before is None:
        found = matching.match(faces, _rules(snapshot, rules))
        changed = len(found.ids)
    else:
        found = matching.update(before.matching, faces, _rules(snapshot, rules))
        changed = before.unsaved + _difference(before.matching, found)
    _held.clear()
    _held[place] = Kept(found, changed)
    return found


def keep(model: str) -> None:
    """Writes the answer of `follow` into its file, if it is worth it. A disk that is full is no harm."""
    place = path(model)
    kept = _held.get(place)
    if kept is None or kept.unsaved <= max(_LEAST, _SHARE * len(kept.matching.ids)):
        return
    try:
        arrays.write(place, VERSION, kept.matching.arrays())
    except OSError as error:
        logger.warning("matches of %s could not be kept: %s", model, error.strerror)
        return
    _held[place] = Kept(kept.matching)


def path(model: str) -> Path:
    """Where the matches of a model are kept."""
    folder: Path = settings.PICTOPY.data_dir / "clustering"
    return folder / f"{model}.matches"


def forget() -> None:
    """Drops what is in memory."""
    _held.clear()


def _load(place: Path) -> Kept | None:
    try:
        version, found = arrays.read(place)
        return Kept(Matching.from_arrays(found)) if version == VERSION else None
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError) as error:
        logger.warning("%s is of no use, and is made anew: %s", place.name, error)
        return None


def _difference(before: Matching, now: Matching) -> int:
    """How many faces came, went, were confirmed or are no longer."""
    same = np.isin(now.ids, before.ids, assume_unique=True)
    gone = len(before.ids) - int(same.sum())
    rows = np.searchsorted(before.ids, now.ids[same])
    decided = int((before.confirmed[rows] != now.confirmed[same]).sum())
    return int((~same).sum()) + gone + decided


def _faces(snapshot: Snapshot, good: Mask, fair: Mask) -> matching.Faces:
    sure = snapshot.confirmed & (snapshot.people != NOISE)
    # What was not read is no embedding yet; once it is read, that is another version of it.
    is_read = good | fair | sure
    versions = np.where(is_read, snapshot.crcs, NOISE)
    for row in np.flatnonzero(is_read & (snapshot.crcs == 0)).tolist():
        versions[row] = zlib.crc32(snapshot.embeddings[row].tobytes())
    return matching.Faces(
        ids=snapshot.ids,
        photos=snapshot.photo_ids,
        people=np.where(sure, snapshot.people, NOISE),
        good=good,
        fair=fair,
        quality=snapshot.quality.astype(np.float64),
        private=snapshot.private,
        quiet=snapshot.quiet,
        versions=versions,
        embeddings=snapshot.embeddings,
    )


def _rules(snapshot: Snapshot, rules: Rules) -> matching.Rules:
    refused = [(face, person) for _, face, person in snapshot.refusals]
    return matching.Rules(
        refused=np.array(refused, dtype=np.int64).reshape(-1, 2),
        never=snapshot.never,
        always=snapshot.always,
        match_distance=rules.match_distance,
        reach=rules.reach,
    )
