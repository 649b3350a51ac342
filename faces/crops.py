"""Pictures of single faces: square, with a margin, cut out of a thumbnail on demand and kept on disk.

A crop is named by the content of its photo and by its box, so the same address always shows the same picture. The
files are derivatives: like thumbnails they stay while any library may show the content, and may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import TypeAlias

from django.conf import settings
from django.urls import get_script_prefix
from PIL import Image, UnidentifiedImageError

from gallery import thumbnails

EDGE_PX = 320
# The crop's edge in longer edges of the face's box.
MARGIN = 1.6
QUALITY = 84
_CODE = "1"

Box: TypeAlias = tuple[float, float, float, float]


def version(digest: str, box: Box) -> str:
    """Twelve hex digits that change with the photo's content, the box, and how crops are made."""
    text = f"{_CODE} {digest} " + " ".join(f"{value:.5f}" for value in box)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def url(face_id: int, digest: str, box: Box) -> str:
    """The address of a face's picture. Not `reverse`: a page asks for hundreds."""
    return f"{get_script_prefix()}media/faces/{face_id}-{version(digest, box)}.jpg"


def path(digest: str, version: str) -> Path:
    """Where a crop lies. It may not exist."""
    folder: Path = settings.PICTOPY.data_dir / "face-crops"
    return folder / digest[:2] / digest[2:4] / f"{digest}-{version}.jpg"


def ensure(digest: str, box: Box) -> Path | None:
    """The file of a crop, made if it is not there; None when the photo has no readable thumbnail (yet).

    About 10 ms when it must be made. Raises `thumbnails.StorageFull` and `OSError`.
    """
    target = path(digest, version(digest, box))
    if not target.exists():
        data = cut(digest, box)
        if data is None:
            return None
        thumbnails.write_file(target, data)
    return target


def cut(digest: str, box: Box) -> bytes | None:
    """JPEG bytes of a crop, from the smallest thumbnail that has the pixels for it; None without a thumbnail."""
    for size in ("small", "medium", "large"):
        try:
            with Image.open(thumbnails.path(digest, size), formats=["JPEG"]) as picture:
                square = around(box, *picture.size)
                if square[2] - square[0] < EDGE_PX and size != "large":
                    continue
                crop = picture.convert("RGB").crop(square)
        except FileNotFoundError:
            continue
        except (UnidentifiedImageError, OSError, SyntaxError):  # half a file after a power cut: made anew some day
            continue
        if crop.width > EDGE_PX:
            crop = crop.resize((EDGE_PX, EDGE_PX), Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        crop.save(buffer, "JPEG", quality=QUALITY)
        return buffer.getvalue()
    return None


def around(box: Box, width_px: int, height_px: int) -> tuple[int, int, int, int]:
    """The square around a relative box x, y, w, h: left, top, right, bottom in whole pixels, inside the picture."""
    x, y, w, h = box
    edge = max(1, min(round(max(w * width_px, h * height_px) * MARGIN), width_px, height_px))
    left = round((x + w / 2) * width_px - edge / 2)
    top = round((y + h / 2) * height_px - edge / 2)
    left, top = min(max(left, 0), width_px - edge), min(max(top, 0), height_px - edge)
    return left, top, left + edge, top + edge


def forget(digest: str) -> None:
    """Deletes all crops of a content that nobody shows any more."""
    for file in path(digest, "").parent.glob(f"{digest}-*.jpg"):
        file.unlink(missing_ok=True)
