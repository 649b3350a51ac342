"""What cameras write in several files at once: live photos, motion photos, RAW files with their JPEG."""

from __future__ import annotations

import datetime as dt
import io
from fractions import Fraction
from pathlib import Path
from typing import Any

import exiv2
import numpy as np
from PIL import Image

from tests.factories import jpeg_bytes, picture
from tests.metadata.making import xmp
from tests.vision.cameras import dng
from tests.vision.films import film

NOON = dt.datetime(2023, 7, 5, 12, 0, 0)
_STEPS = [Fraction(i, 10) for i in range(8)]


def still(
    *,
    taken: dt.datetime | None = NOON,
    content_id: str = "",
    packet: bytes = b"",
    image: Image.Image | None = None,
    **options: Any,
) -> bytes:
    """A JPEG with the identifier that Apple writes into both parts of a live photo."""
    buffer = io.BytesIO()
    if image is not None:
        image.save(buffer, "JPEG", quality=88)
    data = buffer.getvalue() or jpeg_bytes(options.pop("width", 160), options.pop("height", 120), **options)
    opened = exiv2.ImageFactory.open(data)
    opened.readMetadata()
    exif = exiv2.ExifData()
    if taken:
        exif["Exif.Photo.DateTimeOriginal"] = f"{taken:%Y:%m:%d %H:%M:%S}"
    if content_id:
        text = content_id.encode() + b"\0"
        note = b"Apple iOS\0\0\1MM\0\1" + b"\0\x11\0\2" + len(text).to_bytes(4, "big") + (32).to_bytes(4, "big")
        exif["Exif.Photo.MakerNote"] = " ".join(map(str, note + b"\0\0\0\0" + text))
    opened.setExifData(exif)
    if packet:
        opened.setXmpPacket(packet.decode())
        opened.writeXmpFromPacket(False)
    opened.writeMetadata()
    return bytes(opened.data())


def movie(*, taken: dt.datetime | None = NOON, content_id: str = "", seed: int | None = None, **options: Any) -> bytes:
    """A QuickTime film of less than a second."""
    tags = {"creation_time": f"{taken:%Y-%m-%dT%H:%M:%S}.000000Z"} if taken else {}
    if content_id:
        tags["com.apple.quicktime.content.identifier"] = content_id
    return film(
        container="mov",
        tags=tags,
        container_options={"movflags": "use_metadata_tags"},
        **{"width": 64, "height": 48, "times": _STEPS, "sound": None, "picture": picture(64, 48, seed), **options},
    )


def motion_photo(**options: Any) -> tuple[bytes, bytes]:
    """A JPEG with a film at its end as Google writes it, and the film."""
    moving = film(**{"width": 64, "height": 48, "times": _STEPS, "sound": None, **options})
    packet = xmp(attributes=f'GCamera:MicroVideo="1" GCamera:MicroVideoOffset="{len(moving)}"')
    return still(packet=packet) + moving, moving


def raw(*, seed: int, taken: dt.datetime | None = NOON) -> bytes:
    """A DNG."""
    data = dng(np.asarray(picture(128, 96, seed)))
    if taken is None:
        return data
    image = exiv2.ImageFactory.open(data)
    image.readMetadata()
    image.exifData()["Exif.Photo.DateTimeOriginal"] = f"{taken:%Y:%m:%d %H:%M:%S}"
    image.writeMetadata()
    return bytes(image.data())


def put(folder: Path, name: str, data: bytes) -> Path:
    """Writes a file, making folders on the way."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return file
