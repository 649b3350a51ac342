"""Reading a photo's file: once from end to end, for its digest and for what is decoded of it.

A picture is read into memory whole. A film is not: its digest is taken in pieces, and its poster and facts come from
the open file. A file that changed meanwhile is no content at all.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from gallery import originals, scanning
from gallery.metadata import Sidecar, kind_of
from gallery.models import File, Library
from gallery.scan import Stat
from gallery.vision import formats
from gallery.vision.image import DecodedImage
from gallery.vision.video import Video

MAX_PICTURE_BYTES = 400_000_000
MAX_SIDECAR_BYTES = 5_000_000
_PART_BYTES = 2**20


class LibraryAway(Exception):  # noqa: N818
    """The library's root went away in the middle; nothing is wrong with the photo."""


class NotRead(Exception):  # noqa: N818
    """Why a file could not be read, in words for a person. `is_final`: trying again would give the same."""

    def __init__(self, message: str, *, is_final: bool) -> None:
        super().__init__(message)
        self.is_final = is_final


@dataclass(slots=True, eq=False)
class Content:
    """What was read. `data` of pictures; `film` of videos, and its `poster`, where they were asked for."""

    kind: formats.Kind
    digest: str
    size_bytes: int
    stat: Stat
    data: bytes = b""
    film: Video | None = None
    poster: DecodedImage | None = None


def read(
    library: Library,
    file: File,
    *,
    wants_film: Callable[[str], bool],
    wants_poster: Callable[[str], bool],
    poster_px: int,
) -> Content:
    """The content of a file. `wants_film` says by its digest whether a video is to be looked into, and `wants_poster`
    whether its poster is wanted as well.

    Raises `LibraryAway`, `NotRead`, and `formats.UnreadableImage` for what is no picture and no film.
    """
    try:
        with originals.open_original(library, file) as handle:
            before = Stat.of(os.fstat(handle.fileno()))
            content = _read(handle, before, wants_film, wants_poster, poster_px)
            if Stat.of(os.fstat(handle.fileno())) != before:
                raise NotRead(
                    "The file changed while it was read. It is being written to, or copied; try again later.",
                    is_final=False,
                )
            return content
    except originals.OriginalMissing as error:
        if not scanning.is_available(library):
            raise LibraryAway from error
        raise NotRead(f"{error} The next scan looks again.", is_final=False) from error
    except PermissionError as error:
        raise NotRead("PictoPy may not read this file: its permissions forbid it.", is_final=True) from error
    except OSError as error:
        if not scanning.is_available(library):
            raise LibraryAway from error
        raise NotRead(f"The file could not be read: {error.strerror}.", is_final=False) from error


def _read(
    handle: BinaryIO,
    stat: Stat,
    wants_film: Callable[[str], bool],
    wants_poster: Callable[[str], bool],
    poster_px: int,
) -> Content:
    head = handle.read(formats.HEAD_BYTES)
    handle.seek(0)
    kind = formats.kind_of(head)
    if kind != "video":
        if stat.size_bytes > MAX_PICTURE_BYTES:
            raise NotRead(
                f"The file has {stat.size_bytes / 1e6:,.0f} MB; at most {MAX_PICTURE_BYTES // 10**6} can be read.",
                is_final=True,
            )
        data = _read_all(handle, stat.size_bytes)
        # Of all of it: what tells a RAW file from a TIFF may stand at its end.
        return Content(formats.kind_of(data), hashlib.sha256(data).hexdigest(), len(data), stat, data)
    content = Content(kind, digest_of(handle), stat.size_bytes, stat)
    if wants_film(content.digest):
        from gallery.vision import video

        handle.seek(0)
        content.film = video.probe(handle)
        if wants_poster(content.digest):
            handle.seek(0)
            content.poster = video.poster(handle, poster_px)
    return content


def _read_all(handle: BinaryIO, size: int) -> bytes:
    """Reads to the end; one call for all of it is the usual case."""
    parts = []
    while part := handle.read(max(size, 1) + 1):
        parts.append(part)
        if sum(map(len, parts)) > MAX_PICTURE_BYTES:
            break
    return parts[0] if len(parts) == 1 else b"".join(parts)


def digest_of(handle: BinaryIO) -> str:
    """SHA-256 of an open file from where it stands, 64 hex digits; a megabyte at a time."""
    digest = hashlib.sha256()
    while part := handle.read(_PART_BYTES):
        digest.update(part)
    return digest.hexdigest()


def digest_now(library: Library, file: File) -> str:
    """Of a file as it lies there now; empty if it cannot be read."""
    try:
        with originals.open_original(library, file) as handle:
            return digest_of(handle)
    except (OSError, originals.OriginalMissing):
        return ""


def sidecars(library: Library, file: File) -> list[Sidecar]:
    """The files beside this one that the last scan noted for it, read. One that went away meanwhile is left out."""
    folder = file.path.rpartition("/")[0]
    found = []
    for line in file.sidecars.splitlines():
        name = line.split(" ", 2)[-1]
        beside = File(library=library, path=f"{folder}/{name}" if folder else name)
        try:
            with originals.open_original(library, beside) as handle:
                data = handle.read(MAX_SIDECAR_BYTES + 1)
        except (OSError, originals.OriginalMissing):
            continue
        if len(data) <= MAX_SIDECAR_BYTES:
            found.append(Sidecar(kind_of(name), data, name))
    return found
