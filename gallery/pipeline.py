"""From a claimed photo to thumbnails, metadata and analyses.

`work_on` reads the file once, hashes it, decodes it once and hands the same pixels to every analyzer that has no valid
receipt; it touches no row. `recording.write` then puts the outcomes of a whole batch into the database. Both may be
repeated at any time.
"""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError
from django.db.models import F

from gallery import contents, describing, recording, scanning, steps, thumbnails, told, work
from gallery.analysis import Analyzer, analyzers
from gallery.contents import Content, LibraryAway
from gallery.metadata import Metadata
from gallery.models import File, Photo, WorkState
from gallery.recording import Outcome, Step
from gallery.vision.formats import UnreadableImage

logger = logging.getLogger(__name__)

# So many files of equal size are looked into for the former content of one that was edited. Uncompressed pictures all
# have the same size, and may be edited by the thousand.
_LOOKS = 8


def process(batch: list[Photo]) -> None:
    """Works on claimed photos and records what came out.

    Trouble that is not a photo's own (the library went away, the disk is full) gives the rest of the batch back without
    counting the attempt; `thumbnails.StorageFull` is passed on, so that the worker stops.
    """
    versions = steps.versions()
    valid = steps.valid_receipts(batch, versions)
    files = _files(batch)
    outcomes: list[Outcome] = []
    away: set[int] = set()
    in_work: Photo | None = None
    try:
        for photo in batch:
            if photo.library_id in away:
                continue
            in_work = photo
            try:
                outcomes.append(work_on(photo, files.get(photo.pk, []), versions, valid.get(photo.pk, set())))
            except LibraryAway:
                away.add(photo.library_id)
                scanning.mark_offline(photo.library)
            except thumbnails.StorageFull:
                in_work = None
                raise
            in_work = None
    finally:
        # Also when this worker's time is up: then the photo in work keeps its lease and its attempt, so that one which
        # always takes too long is stopped at the third; the others were not begun.
        done = {outcome.photo.pk for outcome in outcomes}
        try:
            _record(outcomes, versions)
        finally:
            _give_back([photo.pk for photo in batch if photo.pk not in done and photo is not in_work])


def _give_back(ids: list[int]) -> None:
    try:
        work.give_back(ids)
    except DatabaseError:  # whatever else went wrong says more
        logger.exception("photos could not be given back; their leases will run out")


def _record(outcomes: list[Outcome], versions: dict[str, str]) -> None:
    ids = [outcome.photo.pk for outcome in outcomes]
    try:
        recording.write(outcomes)
    except DatabaseError as error:
        if recording.says_full(error):
            _give_back(ids)
            raise thumbnails.StorageFull(recording.FULL) from error
        work.release(ids)
        raise
    if any(outcome.albums for outcome in outcomes):
        told.settle()
    # A model may have arrived while this batch was in work: then it was not among those that were queued for it.
    if any(versions.get(name) != version for name, version in steps.versions().items()):
        Photo.objects.filter(pk__in=ids, work_state=WorkState.DONE).update(work_state=WorkState.READY, attempts=0)


def work_on(photo: Photo, files: Sequence[File], versions: dict[str, str], valid: set[str]) -> Outcome:
    """Everything that can be found out about one photo. `files`: where it lies, the one to read first; `valid`: names
    of steps whose receipts still hold.

    Raises `LibraryAway`, `thumbnails.StorageFull`. All else that goes wrong is the outcome's `error`.
    """
    outcome = Outcome(photo, files[0] if files else None)
    try:
        _read_and_analyze(outcome, files, versions, valid)
    except (LibraryAway, thumbnails.StorageFull):
        raise
    except Exception as error:  # the one place where anything may be caught: one bad file stops nothing
        logger.exception("photo %d could not be worked on", photo.pk)
        outcome.error = f"Something went wrong with this file: {type(error).__name__}: {error}"
    return outcome


def _read_and_analyze(outcome: Outcome, files: Sequence[File], versions: dict[str, str], valid: set[str]) -> None:
    photo, file = outcome.photo, outcome.file
    if file is None:
        outcome.error, outcome.is_final = "The file is not in the folder any more.", True
        return
    wants = Wants(photo, versions, valid, is_part=photo.imported_at is None and file.role != File.Role.PRIMARY)
    try:
        content = contents.read(
            photo.library,
            file,
            wants_film=wants.anything,
            wants_poster=wants.pixels,
            poster_px=thumbnails.SIZES["large"],
        )
        outcome.stat, outcome.digest, outcome.size_bytes = content.stat, content.digest, content.size_bytes
        outcome.skipped = {analyzer.name for analyzer in analyzers()} - versions.keys()
        outcome.is_elsewhere = _is_elsewhere(outcome)
        if wants.words(content.digest):
            start = time.perf_counter()
            # What lies beside a copy speaks of the photo as well, if the copy is known to hold the same.
            same = [it for it in files if it is file or (it.is_read and it.digest == content.digest)]
            beside = [(it, contents.sidecars(photo.library, it)) for it in sorted(same, key=lambda it: it.path)]
            outcome.metadata = describing.read(content, file, describing.distinct(beside))
            outcome.albums = describing.albums(beside)
            outcome.steps.append(Step(describing.NAME, describing.VERSION, _ms_since(start)))
        if wants.pixels(content.digest):
            _look(outcome, content, wants, versions)
    except contents.NotRead as error:
        outcome.error, outcome.is_final = str(error), error.is_final
    except UnreadableImage as error:
        outcome.error, outcome.is_final = str(error), True


@dataclass(frozen=True, slots=True)
class Wants:
    """What is still to be done with a photo, once its content is known by its digest.

    `is_part`: it was read before, and is only a part of another photo (`joins`), in which nothing is looked for.
    """

    photo: Photo
    versions: dict[str, str]
    valid: set[str]
    is_part: bool = False

    def _is_new(self, digest: str) -> bool:
        return digest != self.photo.digest or (self.photo.imported_at is None and not self.is_part)

    def words(self, digest: str) -> bool:
        return self._is_new(digest) or describing.NAME not in self.valid

    def thumbnails(self, digest: str) -> bool:
        return self._is_new(digest) or thumbnails.NAME not in self.valid or not thumbnails.exist(digest)

    def analyzers(self, digest: str) -> list[Analyzer]:
        if self.is_part and digest == self.photo.digest:
            return []
        valid = set() if self._is_new(digest) else self.valid
        return [it for it in analyzers() if it.name in self.versions and it.name not in valid]

    def pixels(self, digest: str) -> bool:
        return self.thumbnails(digest) or bool(self.analyzers(digest))

    def anything(self, digest: str) -> bool:
        return self.words(digest) or self.pixels(digest)


def _look(outcome: Outcome, content: Content, wants: Wants, versions: dict[str, str]) -> None:
    """Decodes, and does with the pixels what is wanted."""
    from gallery.vision import image, similarity

    start = time.perf_counter()
    film, decoded = content.film, content.poster
    outcome.needs_copy = _needs_copy(content, outcome.metadata)
    if decoded is None:
        decoded = image.decode(content.data, min_edge_px=thumbnails.SIZES["large"])
        content.data = b""
    with ThreadPoolExecutor(1, "thumbnails") as disk:
        stored = None
        if wants.thumbnails(outcome.digest):
            # While the disk takes its time to have the files safe, the processor goes on with the analyzers.
            sizes = thumbnails.shrink(decoded.pixels)
            stored = disk.submit(thumbnails.store, outcome.digest, thumbnails.encode(sizes))
            outcome.facts = {
                "kind": content.kind,
                "width": decoded.width,
                "height": decoded.height,
                "mime": film.mime if film else decoded.mime,
                "colour": thumbnails.colour_of(sizes["small"]),
                "duration_s": film.duration_s if film else None,
                "is_animated": decoded.is_animated,
                "phash": None if film else similarity.perceptual_hash(sizes["small"]),
            }
            outcome.steps.append(Step(thumbnails.NAME, thumbnails.VERSION, _ms_since(start)))
        for analyzer in wants.analyzers(outcome.digest):
            _analyze(outcome, analyzer, versions[analyzer.name], decoded.pixels)
        if stored is not None:
            stored.result()


def _needs_copy(content: Content, found: Metadata | None) -> bool | None:
    """Whether there is a film that not every browser plays; None if nobody looked."""
    from gallery.vision import video

    if content.film is not None:
        return not content.film.is_browser_playable
    if found is None or content.kind == "video":
        return None
    if found.motion is None:
        return False
    start, end = found.motion.offset, found.motion.offset + found.motion.length
    try:
        return not video.probe(io.BytesIO(content.data[start:end])).is_browser_playable
    except UnreadableImage:
        return False  # a copy would not come about


def _analyze(outcome: Outcome, analyzer: Analyzer, version: str, pixels: Any) -> None:
    from gallery.vision.catalog import ModelUnavailable

    start = time.perf_counter()
    try:
        result = analyzer.run(pixels, version=version)
    except ModelUnavailable as error:
        logger.warning("%s: %s", analyzer.name, error)
        if analyzer.version() != version:  # the weights went away, or were damaged, a moment ago
            outcome.skipped.add(analyzer.name)
            return
        outcome.steps.append(Step(analyzer.name, version, _ms_since(start), str(error)))
        return
    except Exception as error:  # an analyzer that fails must not cost the photo its place in the timeline
        logger.exception("%s failed on photo %d", analyzer.name, outcome.photo.pk)
        outcome.steps.append(Step(analyzer.name, version, _ms_since(start), f"{type(error).__name__}: {error}"))
        return
    outcome.results[analyzer.name] = result
    outcome.steps.append(Step(analyzer.name, version, _ms_since(start)))


def _is_elsewhere(outcome: Outcome) -> bool:
    """Whether a file that was edited in place only gave its name away: its former content waits to be read elsewhere.

    Such a file has the same size, and there are few, so that those most likely are looked into.
    """
    photo, file = outcome.photo, outcome.file
    if photo.digest in {None, outcome.digest} or file is None or file.digest:
        return False
    rows = File.objects.filter(library=photo.library_id, size_bytes=photo.size_bytes, is_read=False, missing_since=None)
    likely = rows.exclude(pk=file.pk).order_by(F("photo__digest").asc(nulls_first=True), "id")[:_LOOKS]
    return any(contents.digest_now(photo.library, other) == photo.digest for other in likely)


def _ms_since(start: float) -> int:
    return round((time.perf_counter() - start) * 1000)


def _files(batch: Iterable[Photo]) -> dict[int, list[File]]:
    """Where each photo lies. The first one is to be read: an unread one, else the first by id."""
    rows = File.objects.filter(photo__in=[photo.pk for photo in batch], missing_since=None)
    files: dict[int, list[File]] = {}
    for file in rows.order_by("is_read", "id"):
        files.setdefault(file.photo_id, []).append(file)
    return files
