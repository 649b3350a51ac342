"""A second look at photos whose hashes are near: their small pictures, read from the disk, the last ones kept."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from gallery import thumbnails

if TYPE_CHECKING:
    from gallery.vision.likeness import Look

# 26 kB each.
_KEPT = 1000


class Looks:
    """The looks of contents by their digests. 2 ms for each that is read."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Look | None] = OrderedDict()

    def of(self, digest: str) -> Look | None:
        """None where the small picture cannot be read: it was deleted, and will be made again."""
        if digest in self._kept:
            self._kept.move_to_end(digest)
            return self._kept[digest]
        found = self._kept[digest] = _read(digest)
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return found


def _read(digest: str) -> Look | None:
    import cv2
    import numpy as np

    from gallery.vision import likeness

    try:
        data = thumbnails.path(digest, "small").read_bytes()
    except OSError:
        return None
    grey = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE) if data else None
    return None if grey is None else likeness.look(grey.astype(np.uint8, copy=False))
