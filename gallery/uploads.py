"""Files on their way into a managed library: opening, receiving chunks, cancelling, and tidying up.

The row counts the bytes that are certainly on the disk; what a chunk left behind it before a sudden end is written over
by the next. The lock on the file on its way (`staging.locked`) makes comparing the offset and writing one step, and no
transaction is open while the disk works.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import os
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import F, Sum
from django.utils import timezone

from gallery import destinations, filenames, joins, staging, storing
from gallery.access import libraries_uploadable_by, uploads_of
from gallery.models import Library, Photo, Upload

logger = logging.getLogger(__name__)

MAX_BYTES = 20_000_000_000
MAX_OPEN = 200
# One that nobody goes on with is thrown away after this; what became of one that is finished is told for a day.
KEEP_OPEN = dt.timedelta(days=3)
KEEP_FINISHED = dt.timedelta(days=1)
# Enough of a file to tell what it is, so that a wrong one is refused at its first chunk.
_ENOUGH_BYTES = 4096
ORPHAN_S = 3600
_DIGEST = re.compile(r"[0-9a-f]{64}")
_PORTION = 500


class NotTaken(Exception):  # noqa: N818
    """An upload, or a part of one, is refused. `status` is the HTTP status, the message a sentence for a person."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Announced:
    """What is said about a file before it comes. `album` is a word of `gallery.destinations`, or empty."""

    name: str
    size_bytes: int
    digest: str = ""
    modified_at: dt.datetime | None = None
    album: str = ""


def begin(user: User, library: Library, said: Announced) -> Upload:
    """Opens an upload. `library` must come from `libraries_uploadable_by(user)`. Raises NotTaken."""
    if said.size_bytes <= 0:
        raise NotTaken(400, "The file is empty.")
    if said.size_bytes > MAX_BYTES:
        raise NotTaken(413, f"The file is too large: at most {MAX_BYTES / 1e9:.0f} GB are taken.")
    if said.digest and not _DIGEST.fullmatch(said.digest):
        raise NotTaken(400, "The announced SHA-256 is none.")
    if Upload.objects.filter(user=user, outcome="").count() >= MAX_OPEN:
        raise NotTaken(
            429, f"{MAX_OPEN} of your uploads are not finished. Finish or cancel some of them before you begin others."
        )
    name = filenames.safe_name(said.name)
    try:
        storing.check_name(library, name)
        staging.prepare(library)
        free = staging.free_bytes(library)
    except storing.Refused as refusal:
        raise NotTaken(422, str(refusal)) from None
    except (staging.StorageAway, staging.NoSpace) as error:
        raise not_taken(error) from None
    promised = Upload.objects.filter(library=library, outcome="").aggregate(
        sum=Sum(F("size_bytes") - F("received_bytes"))
    )
    if said.size_bytes + (promised["sum"] or 0) > free - staging.MIN_FREE_BYTES:
        raise NotTaken(507, f"There is not enough room for “{name}” on the disk that holds “{library.name}”.")
    return Upload.objects.create(
        user=user,
        library=library,
        name=name,
        size_bytes=said.size_bytes,
        digest=said.digest,
        modified_at=said.modified_at,
        album=said.album[: destinations.MAX_LENGTH],
    )


def receive(upload: Upload, offset: int, data: bytes) -> Upload:
    """Takes the bytes at `offset`; the last ones also store the file. Returns the upload as it is then.

    Raises NotTaken: 409 for another offset, 413 for more than was announced, 423 while another request is at it, 422
    for a file that is no picture, then and always, 503 and 507 for the disk's troubles.
    """
    try:
        with staging.opened(upload.library) as root:
            if not upload.outcome:
                _append(root, upload, offset, data)
        return settle(upload)
    except (staging.Busy, staging.StorageAway, staging.NoSpace) as error:
        raise not_taken(error) from None


def _append(root: int, upload: Upload, offset: int, data: bytes) -> None:
    with staging.locked(root, upload.pk.hex) as handle:
        upload.refresh_from_db()
        if upload.outcome:
            return
        # A file that somebody shortened goes on where it ends.
        have = min(upload.received_bytes, os.fstat(handle.fileno()).st_size)
        if offset != have:
            if have != upload.received_bytes:
                _note(upload, have)
            raise NotTaken(409, f"The next byte to come is number {have}.")
        if offset + len(data) > upload.size_bytes:
            raise NotTaken(413, "This is more than was announced.")
        is_enough = len(data) >= _ENOUGH_BYTES or len(data) == upload.size_bytes
        if offset == 0 and is_enough:
            try:
                storing.check_type(data[: storing.HEAD_BYTES])
            except storing.Refused as refusal:
                Upload.objects.filter(pk=upload.pk).update(
                    outcome=Upload.Outcome.REFUSED, error=str(refusal), changed_at=timezone.now()
                )
                staging.discard(root, upload.pk.hex)
                return
        view = memoryview(data)
        while view:
            written = os.pwrite(handle.fileno(), view, offset)
            view, offset = view[written:], offset + written
        os.fdatasync(handle.fileno())
        _note(upload, offset)


def _note(upload: Upload, received: int) -> None:
    Upload.objects.filter(pk=upload.pk).update(received_bytes=received, changed_at=timezone.now())
    upload.received_bytes = received


def offset(upload: Upload) -> int:
    """How many bytes are here; asks to store the file if that is all of it, as the last request may have ended before.

    A trouble that hinders storing is for the next request to tell.
    """
    with contextlib.suppress(NotTaken):
        upload = settle(upload)
    return upload.received_bytes


def settle(upload: Upload) -> Upload:
    """The upload as it is now, stored if all of it has arrived: the request that should have may have ended suddenly.

    Raises NotTaken like `receive`; an upload that was refused is 422 the first time and always.
    """
    try:
        upload = storing.finish(upload)
    except (staging.Busy, staging.StorageAway, staging.NoSpace) as error:
        raise not_taken(error) from None
    if upload.outcome == Upload.Outcome.REFUSED:
        raise NotTaken(422, upload.error)
    return upload


def not_taken(error: Exception) -> NotTaken:
    """The answer to a trouble that is not the file's."""
    if isinstance(error, staging.Busy):
        return NotTaken(423, "This upload is in work. Please try again in a moment.")
    return NotTaken(507 if isinstance(error, staging.NoSpace) else 503, str(error))


def cancel(upload: Upload) -> None:
    """Forgets an upload and what has arrived of it. A photo that was stored stays. Raises NotTaken."""
    try:
        with staging.opened(upload.library) as root, staging.locked(root, upload.pk.hex):
            Upload.objects.filter(pk=upload.pk).delete()
            staging.discard(root, upload.pk.hex)
    except staging.Busy as error:
        raise not_taken(error) from None
    except (staging.StorageAway, staging.NoSpace):
        Upload.objects.filter(pk=upload.pk).delete()  # the sweep tidies up when the disk is back


def discard_all(library: Library) -> None:
    """Throws away what is on its way into a library that is being removed."""
    try:
        with staging.opened(library) as root:
            for name in staging.waiting(root):
                staging.discard(root, name)
    except (staging.StorageAway, staging.NoSpace):
        logger.info("library %d could not be tidied up", library.pk)


# --- what is asked before sending


def find(library: Library, digests: Iterable[str]) -> dict[str, Photo]:
    """The photos of the library, also those in its trash, that have one of these contents, by digest.

    Sending such a file again would change nothing. `library` must come from `libraries_uploadable_by`: other libraries
    are not asked, so nothing is told of what the viewer may not see.
    """
    wanted = [digest for digest in dict.fromkeys(digests) if _DIGEST.fullmatch(digest)]
    found: dict[str, Photo] = {}
    for start in range(0, len(wanted), _PORTION):
        rows = library.photos.filter(digest__in=wanted[start : start + _PORTION], missing_since__isnull=True)
        found.update((photo.digest or "", photo) for photo in rows)
    return found


def put_found(user: User, word: str, photos: Iterable[Photo]) -> None:
    """Puts photos that were there already where the uploads of the rest go; not what lies in the trash."""
    for photo in map(joins.main_of, photos):
        if photo.trashed_at is None:
            destinations.put(user, word, photo.pk)


def unfinished(user: User, library: Library | None = None) -> list[Upload]:
    """The viewer's uploads that are not finished, newest first."""
    rows = uploads_of(user).filter(outcome="").select_related("library").order_by("-created_at")
    return list(rows.filter(library=library) if library else rows)


def targets(user: User) -> list[Library]:
    """The libraries that the viewer may add to, their own first."""
    rows = libraries_uploadable_by(user).select_related("owner")
    return sorted(rows, key=lambda library: (library.owner_id != user.pk, library.name.casefold(), library.pk))


# --- the sweep


def sweep() -> None:
    """Ends what a sudden end left behind, and throws away what nobody goes on with."""
    now = timezone.now()
    for upload in Upload.objects.filter(outcome="", received_bytes=F("size_bytes")).select_related("library"):
        try:
            storing.finish(upload)
        except (staging.Busy, staging.StorageAway, staging.NoSpace) as error:
            logger.info("upload %s waits: %s", upload.pk, error or "in work")
    for upload in Upload.objects.filter(outcome="", changed_at__lt=now - KEEP_OPEN).select_related("library"):
        try:
            cancel(upload)
        except NotTaken:
            logger.info("upload %s is in work", upload.pk)
    Upload.objects.exclude(outcome="").filter(changed_at__lt=now - KEEP_FINISHED).delete()
    for library in Library.objects.filter(kind=Library.Kind.MANAGED, state=Library.State.OK):
        _discard_orphans(library)


def _discard_orphans(library: Library) -> None:
    """Files on their way that no open upload goes on with: it was stored, refused, or is known to nobody."""
    try:
        with staging.opened(library) as root:
            waiting = staging.waiting(root)
            if not waiting:
                return
            rows = Upload.objects.filter(library=library).values_list("pk", "outcome")
            outcomes = {pk.hex: outcome for pk, outcome in rows}
            for name, changed in waiting.items():
                is_old = time.time() - changed > ORPHAN_S  # of no upload, but its row may just not be there yet
                if outcomes.get(name) or (name not in outcomes and is_old):
                    staging.discard(root, name)
    except (staging.StorageAway, staging.NoSpace) as error:
        logger.info("library %d: %s", library.pk, error)
