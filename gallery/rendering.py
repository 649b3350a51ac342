"""Making the copy of a film that every browser plays: hours of work that must end in seconds when it is told to.

A film in work has a lease, as photos have, which is renewed together with how far it is. Photos come first: while some
wait, the worker that copies a film goes through them in between.
"""

from __future__ import annotations

import io
import logging
import os
import time
from collections.abc import Callable
from typing import BinaryIO, cast

from django.conf import settings
from django.utils import timezone

from gallery import originals, renditions, scanning, thumbnails, work
from gallery.models import File, Photo, Rendition, WorkState
from gallery.scan import Stat
from gallery.vision.formats import UnreadableImage

logger = logging.getLogger(__name__)

# Between two looks at the clock's other hands: whether to stop, and whether photos wait.
_LOOK_S = 2.0
# Between two writes of how far it is.
_TELL_S = 5.0
# The database may lie on the same disk: a copy ends before it is full.
_LEAST_FREE_BYTES = 100_000_000
_FULL = "The disk that holds PictoPy's data is nearly full."


class _NotNow(Exception):  # noqa: N818
    """Nothing is wrong with the film: it is tried again, and the attempt does not count."""


class Section(io.RawIOBase):
    """A part of an open file, as if it were all of it; for reading."""

    def __init__(self, file: BinaryIO, offset: int, length: int) -> None:
        self._file, self._offset, self._length, self._at = file, offset, length, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._length}[whence]
        self._at = max(0, start + offset)
        return self._at

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._length - self._at)
        size = left if size is None or size < 0 else min(size, left)
        self._file.seek(self._offset + self._at)
        data = self._file.read(size)
        self._at += len(data)
        return data


def make(rendition: Rendition, give_way: Callable[[], None]) -> None:
    """Makes a claimed copy and closes its row. `give_way` is called every few seconds, to do what comes first.

    Raises `thumbnails.StorageFull`, with the copy given back. All else that goes wrong is the row's `error`.
    """
    look = _Look(rendition, give_way)
    try:
        if not renditions.exists(rendition.digest):
            _copy(rendition, look)
    except work.LeaseLost as lost:
        logger.warning("%s", lost)
    except _NotNow as reason:
        logger.info("%s is left for later: %s", rendition, reason)
        _give_back(rendition)
    except thumbnails.StorageFull:
        _give_back(rendition)
        raise
    except UnreadableImage as error:
        _fail(rendition, str(error), is_final=True)
    except originals.OriginalMissing as error:
        _fail(rendition, str(error), is_final=False)
    except Exception as error:  # like a photo's: one bad film stops nothing
        logger.exception("%s could not be made", rendition)
        _fail(rendition, f"Something went wrong with this film: {type(error).__name__}: {error}", is_final=False)
    else:
        _close(rendition, work_state=WorkState.DONE, percent=100, error="")


class _Look:
    """What the transcoder asks at every packet. Looks at nothing but the clock most of the time."""

    def __init__(self, rendition: Rendition, give_way: Callable[[], None]) -> None:
        self._rendition, self._give_way = rendition, give_way
        self._looked = self._told = time.monotonic()
        self.share = 0.0
        self.reason: Exception | None = None

    def progress(self, share: float) -> None:
        self.share = share

    def should_stop(self) -> bool:
        if time.monotonic() - self._looked < _LOOK_S:
            return False
        try:
            self._look()
        except (work.LeaseLost, thumbnails.StorageFull, _NotNow) as reason:
            self.reason = reason
            return True
        self._looked = time.monotonic()
        return False

    def _look(self) -> None:
        if work.is_stopping():
            raise _NotNow("PictoPy is being stopped")
        if thumbnails.free_bytes() < _LEAST_FREE_BYTES:
            raise thumbnails.StorageFull(_FULL)
        if time.monotonic() - self._told > _TELL_S:
            self._told = time.monotonic()
            work.renew(self._rendition, percent=min(99, int(100 * self.share)))
            work.note_condition("sweep", "")  # this may be the only worker: it is alive
        self._give_way()


def _copy(rendition: Rendition, look: _Look) -> None:
    from gallery.vision import video

    photo = rendition.photo
    target = renditions.path(rendition.digest)
    file = photo.files.filter(missing_since=None, is_read=True).order_by("id").first()
    if file is None:
        raise originals.OriginalMissing("The film is not in the folder any more.")
    try:
        with originals.open_original(photo.library, file) as handle:
            _check(handle, file)
            target.parent.mkdir(parents=True, exist_ok=True)
            video.transcode(
                film_in(handle, photo),
                target,
                on_progress=look.progress,
                should_stop=look.should_stop,
                threads=settings.PICTOPY.threads_per_worker,
            )
            try:
                _check(handle, file)
            except originals.OriginalMissing:
                target.unlink(missing_ok=True)  # of nobody knows what
                raise
    except video.TranscodeStopped:
        raise look.reason or _NotNow("it was told to stop") from None
    except (originals.OriginalMissing, UnreadableImage) as error:
        if not scanning.is_available(photo.library):
            scanning.mark_offline(photo.library)
            raise _NotNow("its library went away") from error
        raise
    except OSError as error:
        if thumbnails.free_bytes() < _LEAST_FREE_BYTES:
            raise thumbnails.StorageFull(_FULL) from error
        raise


def film_in(handle: BinaryIO, photo: Photo) -> BinaryIO:
    """The film in the open file of a photo: all of it, or the part that moves."""
    if photo.motion_at is None or photo.motion_bytes is None:
        return handle
    return cast(BinaryIO, Section(handle, photo.motion_at, photo.motion_bytes))


def _check(handle: BinaryIO, file: File) -> None:
    """Raises OriginalMissing if the file is not what was read."""
    if Stat.of(os.fstat(handle.fileno())) != Stat(file.size_bytes, file.mtime_ns):
        raise originals.OriginalMissing("The file changed since it was read; the next scan looks at it again.")


def _give_back(rendition: Rendition) -> None:
    _close(rendition, work_state=WorkState.READY, attempts=max(0, rendition.attempts - 1), percent=0)


def _fail(rendition: Rendition, error: str, *, is_final: bool) -> None:
    again = not is_final and rendition.attempts < work.MAX_ATTEMPTS
    _close(rendition, work_state=WorkState.READY if again else WorkState.FAILED, percent=0, error=error)


def _close(rendition: Rendition, **columns: object) -> None:
    work.our_rendition(rendition).update(lease_owner="", lease_until=None, worked_at=timezone.now(), **columns)
