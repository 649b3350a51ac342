"""Files that come whole in one form, from browsers without scripts: the same way as chunks, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.contrib.auth.models import User
from django.core.files.uploadedfile import UploadedFile

from gallery import limits, uploads
from gallery.models import Library, Upload
from gallery.uploads import Announced, NotTaken

if TYPE_CHECKING:
    SentFile = UploadedFile[bytes]
else:  # generic only in the stubs
    SentFile = UploadedFile


@dataclass(slots=True)
class Taken:
    """What became of the files: how many were stored, and were there already; the rest in sentences."""

    stored: int = 0
    present: int = 0
    errors: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """For example: 3 photos were added. 1 was there already."""
        parts = []
        if self.stored:
            parts.append(f"{self.stored} photo{'s were' if self.stored > 1 else ' was'} added.")
        if self.present:
            parts.append(f"{self.present} {'were' if self.present > 1 else 'was'} there already.")
        return " ".join(parts)


def take(user: User, library: Library, files: Sequence[SentFile], album: str) -> Taken:
    """Stores the files, each for itself. `library` must come from `libraries_uploadable_by(user)`."""
    result = Taken()
    if not files:
        result.errors.append("Choose photos first.")
    for file in files:
        try:
            upload = _take(user, library, file, album)
        except NotTaken as refusal:
            result.errors.append(f"{file.name}: {refusal}")
        else:
            result.stored += upload.outcome == Upload.Outcome.STORED
            result.present += upload.outcome == Upload.Outcome.PRESENT
    return result


def _take(user: User, library: Library, file: SentFile, album: str) -> Upload:
    upload = uploads.begin(user, library, Announced(name=file.name or "", size_bytes=file.size or 0, album=album))
    try:
        for chunk in file.chunks(limits.CHUNK_BYTES):
            upload = uploads.receive(upload, upload.received_bytes, chunk)
    except NotTaken:
        # Nobody can go on with it: a form comes again as a whole.
        uploads.cancel(upload)
        raise
    return upload
