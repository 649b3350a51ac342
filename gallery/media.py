"""Sending files of photos: thumbnails and other derivatives, and originals with byte ranges.

The views decide who may have them. What goes out carries headers that keep a browser from running any of it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import mimetypes
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, cast

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.cache import patch_cache_control
from django.utils.http import content_disposition_header, http_date, parse_etags

from gallery import originals, renditions, thumbnails
from gallery.models import File, Photo

_CHUNK = 256 * 1024
_FOR_EVER_S = int(dt.timedelta(days=365).total_seconds())
_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)
# What browsers show as a picture or a film, and nothing that could run: no SVG, no HTML. All else is downloaded.
_SHOWN = frozenset(
    "image/jpeg image/png image/gif image/webp image/avif image/bmp image/tiff image/heic image/heif "
    "video/mp4 video/quicktime video/webm video/x-matroska".split()
)


@dataclass(frozen=True, slots=True)
class Range:
    """The bytes from `start` to before `end`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Section:
    """The part of a file that is sent as if it were all of it, in bytes."""

    offset: int
    size: int


class UnsatisfiableRange(Exception):  # noqa: N818
    """The range begins behind the end of the file."""


def thumbnail(request: HttpRequest, photo: Photo, size: str) -> HttpResponseBase | None:
    """The thumbnail, or 304 when the browser has it. None if the file is not there (yet, or not any more)."""
    digest = photo.digest or ""

    def opened() -> BinaryIO | None:
        with contextlib.suppress(FileNotFoundError):
            return thumbnails.path(digest, size).open("rb")
        return None

    return derivative(request, f'"{digest[:32]}-{size}-{thumbnails.VERSION}"', opened)


def derivative(request: HttpRequest, etag: str, opened: Callable[[], BinaryIO | None]) -> HttpResponseBase | None:
    """A JPEG of ours that never changes under its address, or 304 when the browser has it; then nothing is opened.

    None if `opened` finds no file (yet, or not any more).
    """
    response: HttpResponseBase
    if _has(request, etag):
        response = HttpResponse(status=304)
    else:
        handle = opened()
        if handle is None:
            return None
        response = FileResponse(handle, content_type="image/jpeg")
        del response["Content-Disposition"]  # it would tell the name on disk, which is the whole digest
    response["ETag"] = etag
    _harden(response)
    patch_cache_control(response, private=True, max_age=_FOR_EVER_S, immutable=True)
    return response


def original(request: HttpRequest, photo: Photo, file: File, *, is_download: bool) -> HttpResponseBase:
    """The original's bytes, whole or one range of them. Raises `originals.OriginalMissing` and `OSError`."""
    handle = originals.open_original(photo.library, file)
    state = os.fstat(handle.fileno())
    # The file may have changed since it was read: what is sent is named by its size and time, not by the digest.
    etag = f'"{file.pk:x}-{state.st_size:x}-{state.st_mtime_ns:x}"'
    response = _send(request, handle, Section(0, state.st_size), etag, state.st_mtime)
    shown = photo.mime in _SHOWN and not is_download
    response["Content-Type"] = photo.mime if photo.mime in _SHOWN else "application/octet-stream"
    if shown and photo.mime.startswith("video/"):
        _let_play(response, photo.mime)
    disposition = content_disposition_header(not shown, _safe_name(file, photo))
    if disposition:
        response["Content-Disposition"] = disposition
    patch_cache_control(response, private=True, no_cache=True)
    return response


def film(request: HttpRequest, photo: Photo) -> HttpResponseBase | None:
    """The copy of a film for browsers, whole or one range of it. It never changes under its address.

    None if it is not there (yet, or not any more).
    """
    response = _copy(request, photo)
    if response is not None:
        patch_cache_control(response, private=True, max_age=_FOR_EVER_S, immutable=True)
    return response


def motion(request: HttpRequest, photo: Photo, file: File, *, has_copy: bool, is_playable: bool) -> HttpResponseBase:
    """The film in a file of `photo`: all of it, or the part of a motion photo that moves, or the copy of either.

    `is_playable`: browsers play it without a copy.

    Raises `originals.OriginalMissing` and `OSError`.
    """
    response = _copy(request, photo) if has_copy else None
    if response is None and photo.motion_at is None:
        response = original(request, photo, file, is_download=False)
        if is_playable and response["Content-Type"] == "video/quicktime":
            # What a browser plays of QuickTime it reads as MP4; under its own name Chromium saves it instead, where the
            # film is opened by itself.
            response["Content-Type"] = "video/mp4"
        return response
    if response is None:
        response = _embedded(request, photo, file)
    patch_cache_control(response, private=True, no_cache=True)
    return response


def _copy(request: HttpRequest, photo: Photo) -> HttpResponseBase | None:
    digest = photo.digest or ""
    try:
        handle = renditions.path(digest).open("rb", buffering=0)
    except OSError:
        return None
    state = os.fstat(handle.fileno())
    etag = f'"{digest[:32]}-film-{renditions.VERSION}-{state.st_size:x}"'
    response = _send(request, cast(BinaryIO, handle), Section(0, state.st_size), etag, state.st_mtime)
    _let_play(response, "video/mp4")
    return response


def _embedded(request: HttpRequest, photo: Photo, file: File) -> HttpResponseBase:
    """The bytes of a motion photo's file that are its film."""
    handle = originals.open_original(photo.library, file)
    state = os.fstat(handle.fileno())
    section = Section(photo.motion_at or 0, photo.motion_bytes or 0)
    # The file may have changed since it was read, and something else be there now.
    handle.seek(section.offset)
    if section.offset + section.size > state.st_size or handle.read(8)[4:] != b"ftyp":
        handle.close()
        raise originals.OriginalMissing("The moving part is not in the file any more; the next scan looks again.")
    etag = f'"{file.pk:x}-{state.st_size:x}-{state.st_mtime_ns:x}-motion"'
    response = _send(request, handle, section, etag, state.st_mtime)
    _let_play(response, "video/mp4")
    return response


def parse_range(header: str, size: int) -> Range | None:
    """The one range that `header` asks for; None when the whole file is to be sent (no range, several, or nonsense).

    Raises `UnsatisfiableRange`. RFC 9110, section 14: what cannot be understood is ignored.
    """
    match = _RANGE.fullmatch(header.strip())
    if not match or match[0] == "bytes=-":
        return None
    # Longer numbers than any file needs: int() would take its time over millions of digits.
    first, last = match[1][:20], match[2][:20]
    if not first:
        length = min(int(last), size)
        if not length:
            raise UnsatisfiableRange
        return Range(size - length, size)
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size:
        raise UnsatisfiableRange
    return Range(start, min(int(last) + 1, size) if last else size)


def _send(request: HttpRequest, handle: BinaryIO, section: Section, etag: str, modified: float) -> HttpResponseBase:
    """A section of an open file, whole or one range of it, or what says that the browser has it. Closes the file when
    it was sent."""
    try:
        response = _answer(request, handle, section, etag, modified)
    except BaseException:
        handle.close()
        raise
    if response.status_code in {304, 416}:
        handle.close()
    response["ETag"] = etag
    response["Last-Modified"] = http_date(modified)
    response["Accept-Ranges"] = "bytes"
    _harden(response)
    return response


def _answer(request: HttpRequest, handle: BinaryIO, section: Section, etag: str, modified: float) -> HttpResponseBase:
    size = section.size
    if _has(request, etag):
        return HttpResponse(status=304)
    header = request.headers.get("Range", "")
    condition = request.headers.get("If-Range")
    if condition and condition not in {etag, http_date(modified)}:
        header = ""
    try:
        wanted = parse_range(header, size)
    except UnsatisfiableRange:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    if wanted is None:
        wanted, status = Range(0, size), 200
    else:
        status = 206
    response = StreamingHttpResponse(_Bytes(handle, section.offset, wanted), status=status)
    response["Content-Length"] = str(wanted.end - wanted.start)
    if status == 206:
        response["Content-Range"] = f"bytes {wanted.start}-{wanted.end - 1}/{size}"
    return response


class _Bytes:
    """Reads a range in chunks; `close` is called by the server, also when nobody reads to the end.

    `handle` and `offset`, from which on the range counts, are public for a server that can send the file itself
    (pictopy_site.front).
    """

    def __init__(self, handle: BinaryIO, offset: int, wanted: Range) -> None:
        self.handle, self.offset = handle, offset
        self._wanted = wanted

    def __iter__(self) -> Iterator[bytes]:
        self.handle.seek(self.offset + self._wanted.start)
        left = self._wanted.end - self._wanted.start
        while left > 0:
            data = self.handle.read(min(_CHUNK, left))
            if not data:
                break
            left -= len(data)
            yield data

    def close(self) -> None:
        self.handle.close()


def _has(request: HttpRequest, etag: str) -> bool:
    """Whether the browser says it has this version. `W/` does not matter here (RFC 9110, 13.1.2: weak comparison)."""
    known = [tag.removeprefix("W/") for tag in parse_etags(request.headers.get("If-None-Match", ""))]
    return etag in known or "*" in known


def _safe_name(file: File, photo: Photo) -> str:
    """The file's name for the save dialogue, without what a shell or a file system could take amiss."""
    name = re.sub(r'[\\/:*?"<>|]', "_", file.name).strip(" .")
    return name or f"photo-{photo.pk}{mimetypes.guess_extension(photo.mime) or ''}"


def _let_play(response: HttpResponseBase, mime: str) -> None:
    """For a film that is opened by itself: the page that a browser makes around it may load this film, and no more."""
    response["Content-Type"] = mime
    response["Content-Security-Policy"] = "default-src 'none'; media-src 'self'"


def _harden(response: HttpResponseBase) -> None:
    """Whatever the bytes are, a browser runs none of it, guesses no type and lends it to no other site."""
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
