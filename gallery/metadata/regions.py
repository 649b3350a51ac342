"""Face regions that photo managers wrote: a name and a box.

MWG regions (Metadata Working Group, guidelines 2.0, 5.9) give centre and size relative to the stored picture, so they
are turned with the EXIF orientation; Microsoft's (MP) give the upper left corner and size relative to the upright one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from gallery.metadata.fields import NAME_CHARS
from gallery.metadata.tags import Tags

REGIONS = 500
_MWG = "Xmp.mwg-rs.Regions/mwg-rs:"
_MP = "Xmp.MP.RegionInfo/MPRI:Regions"
# Two shapes are the same when their sides' ratios differ by no more than rounding to a thumbnail's pixels can do.
_SAME_SHAPE = 0.02
_SAME_BOX = 0.02


@dataclass(frozen=True, slots=True)
class Region:
    """A named face: the upper left corner and size of its box, 0..1 of the upright picture."""

    name: str
    x: float
    y: float
    w: float
    h: float


def read(tags: Tags, *, orientation: int | None, picture: Tags) -> tuple[Region, ...]:
    """The faces with a name, each once, that `tags` (those of the picture or of a sidecar) tell of the picture."""
    size = (picture.width, picture.height)
    found: list[Region] = []
    for region in itertools.islice(itertools.chain(_mwg(tags, orientation or 1, size), _microsoft(tags)), REGIONS):
        if not any(_is_same(region, other) for other in found):
            found.append(region)
    return tuple(found)


def turned(x: float, y: float, w: float, h: float, orientation: int) -> tuple[float, float, float, float]:
    """A box of the stored picture (upper left corner, size) in the upright one; `orientation` 1 to 8 as EXIF counts."""
    if orientation in {2, 3}:
        x = 1 - x - w
    if orientation in {3, 4}:
        y = 1 - y - h
    if orientation == 5:
        x, y, w, h = y, x, h, w
    elif orientation == 6:
        x, y, w, h = 1 - y - h, x, h, w
    elif orientation == 7:
        x, y, w, h = 1 - y - h, 1 - x - w, h, w
    elif orientation == 8:
        x, y, w, h = y, 1 - x - w, h, w
    return x, y, w, h


def _mwg(tags: Tags, orientation: int, size: tuple[int, int]) -> Iterator[Region]:
    applied = tuple(_float(tags.text(f"{_MWG}AppliedToDimensions/stDim:{side}")) for side in "wh")
    if applied[0] and applied[1] and size[0] and size[1]:
        stored = _has_shape(applied[0] / applied[1], size[0] / size[1])
        upright = _has_shape(applied[1] / applied[0], size[0] / size[1])
        if not stored and not upright:
            return  # the picture was cropped afterwards, and the boxes speak of what it was
        if not stored and orientation >= 5:
            orientation = 1  # written by a program that had turned the picture before
    for number in range(1, REGIONS + 1):
        key = f"{_MWG}RegionList[{number}]/mwg-rs:"
        if f"{_MWG}RegionList[{number}]" not in tags.xmp:
            return
        if tags.text(f"{key}Type") not in {"Face", ""}:
            continue
        area = f"{key}Area/stArea:"
        x, y, w, h = (_float(tags.text(f"{area}{name}")) for name in "xywh")
        diameter = _float(tags.text(f"{area}d"))
        if diameter and size[0] and size[1]:
            # A circle's diameter is relative to the smaller side.
            least = min(size)
            w, h = diameter * least / size[0], diameter * least / size[1]
        if tags.text(f"{area}unit") == "pixel" and applied[0] and applied[1]:
            x, y = (x or 0) / applied[0], (y or 0) / applied[1]
            w, h = (w or 0) / applied[0], (h or 0) / applied[1]
        if x is not None and y is not None and w and h:
            box = turned(x - w / 2, y - h / 2, w, h, orientation)
            yield from _region(tags.text(f"{key}Name"), *box)


def _microsoft(tags: Tags) -> Iterator[Region]:
    for number in range(1, REGIONS + 1):
        key = f"{_MP}[{number}]"
        if key not in tags.xmp:
            return
        parts = [_float(part) for part in tags.text(f"{key}/MPReg:Rectangle").split(",")]
        numbers = [part for part in parts if part is not None]
        if len(parts) == len(numbers) == 4:
            yield from _region(tags.text(f"{key}/MPReg:PersonDisplayName"), *numbers)


def _region(name: str, x: float, y: float, w: float, h: float) -> Iterator[Region]:
    """The box within the picture, if it has a name and anything is left of it."""
    name = " ".join(name.split())[:NAME_CHARS]
    left, top, right, bottom = max(x, 0), max(y, 0), min(x + w, 1), min(y + h, 1)
    if name and right - left > 1e-4 and bottom - top > 1e-4:
        yield Region(name, left, top, right - left, bottom - top)


def _is_same(one: Region, other: Region) -> bool:
    near = (abs(one.x - other.x), abs(one.y - other.y), abs(one.w - other.w), abs(one.h - other.h))
    return one.name.casefold() == other.name.casefold() and max(near) < _SAME_BOX


def _has_shape(one: float, other: float) -> bool:
    return abs(one - other) <= _SAME_SHAPE * other


def _float(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if abs(number) < 1e6 else None
