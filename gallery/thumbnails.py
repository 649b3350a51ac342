"""Thumbnails: three sizes of each picture, kept by content hash, so that a moved file needs none anew.

They are derivatives and may be deleted at any time: `repairs`, or a new analysis, has them made again.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

logger = logging.getLogger(__name__)

# Long edges in pixels. Each is half of the one before, which makes shrinking exact and quick; the large one fills a
# full-HD screen, and a reduced-size decode of a 12-megapixel JPEG gives just a little more than it needs.
SIZES = {"small": 480, "medium": 960, "large": 1920}
NAME = "thumbnails"  # of their receipts
VERSION = "1"
QUALITY = {"small": 78, "medium": 80, "large": 84}
# The names that thumbnails and other derivatives have while they are written (`write_file`, `transcoding`).
_TEMPORARY = re.compile(r"\.[0-9a-f]{64}-\w+\.(jpg\.[0-9a-f]{8}|mp4\.[0-9a-f]{8}\.part)")
_LEFT_BEHIND_S = 24 * 3600


class StorageFull(Exception):  # noqa: N818
    """The disk that holds the data directory is full, or its quota is used up."""


def path(digest: str, size: str) -> Path:
    """Where the thumbnail of the content `digest` (64 hex digits) lies. It may not exist."""
    folder: Path = settings.PICTOPY.thumbnails_dir
    return folder / digest[:2] / digest[2:4] / f"{digest}-{size}.jpg"


def exist(digest: str) -> bool:
    """Whether all sizes are there and none is empty (a power cut can leave an empty file behind)."""
    try:
        return all(path(digest, size).stat().st_size > 0 for size in SIZES)
    except FileNotFoundError:
        return False


def shrink(pixels: NDArray[np.uint8]) -> dict[str, NDArray[np.uint8]]:
    """Every size of upright sRGB pixels, uint8 (height, width, 3), each made from the next larger one."""
    from gallery.vision import image

    sizes: dict[str, NDArray[np.uint8]] = {}
    for size in ("large", "medium", "small"):
        pixels = sizes[size] = image.shrink(pixels, SIZES[size])
    return sizes


def encode(sizes: dict[str, NDArray[np.uint8]]) -> dict[str, bytes]:
    """JPEG bytes of every size."""
    from gallery.vision import image

    return {size: image.encode_jpeg(pixels, QUALITY[size]) for size, pixels in sizes.items()}


def colour_of(pixels: NDArray[np.uint8]) -> str:
    """The placeholder colour: the mean, as three digits of 16."""
    from gallery.vision import image

    return "".join(f"{round(channel / 17):x}" for channel in image.mean_colour(pixels))


def store(digest: str, encoded: dict[str, bytes]) -> None:
    """Writes all sizes. Raises `StorageFull` when the disk is; other `OSError`s pass through."""
    for size, data in encoded.items():
        write_file(path(digest, size), data)


def write_file(target: Path, data: bytes) -> None:
    """Puts `data` in place whole or not at all: temporary name, sync, rename. Raises `StorageFull` or `OSError`."""
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull("The disk that holds PictoPy's data is full.") from error
        raise


def left_behind() -> Iterator[Path]:
    """Temporary files that a killed process left behind more than a day ago.

    Only such as derivatives have, and only in the data directory. One walk through its names: seconds for 100,000
    photos.
    """
    before = time.time() - _LEFT_BEHIND_S
    for folder, _, names in os.walk(settings.PICTOPY.data_dir):
        for name in filter(_TEMPORARY.fullmatch, names):
            file = Path(folder, name)
            with suppress(FileNotFoundError):
                if file.lstat().st_mtime < before:
                    yield file


def tidy() -> int:
    """Deletes what was `left_behind`; returns how many files."""
    count = 0
    for file in left_behind():
        with suppress(FileNotFoundError):
            file.unlink()
            count += 1
    if count:
        logger.info("%d left-over temporary files were deleted", count)
    return count


def free_bytes() -> int:
    """Free space for us on the disk of the data directory."""
    state = os.statvfs(settings.PICTOPY.data_dir)
    return state.f_bavail * state.f_frsize
