"""Faces that photo managers wrote into pictures."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from PIL import Image, ImageOps

from gallery import metadata
from gallery.metadata.regions import Region, turned
from tests.metadata.making import tagged, xmp

NOW = dt.datetime(2026, 11, 22, 12)


def mwg(name: str, area: str, *, size: tuple[int, int] = (64, 48), kind: str = "Face") -> str:
    return (
        f'<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:AppliedToDimensions stDim:w="{size[0]}" stDim:h="{size[1]}" '
        f'stDim:unit="pixel"/><mwg-rs:RegionList><rdf:Bag><rdf:li><rdf:Description mwg-rs:Name="{name}" '
        f'mwg-rs:Type="{kind}"><mwg-rs:Area {area}/></rdf:Description></rdf:li></rdf:Bag></mwg-rs:RegionList>'
        "</mwg-rs:Regions>"
    )


def microsoft(name: str, rectangle: str) -> str:
    return (
        '<MP:RegionInfo rdf:parseType="Resource"><MPRI:Regions><rdf:Bag><rdf:li><rdf:Description '
        f'MPReg:PersonDisplayName="{name}" MPReg:Rectangle="{rectangle}"/></rdf:li></rdf:Bag></MPRI:Regions>'
        "</MP:RegionInfo>"
    )


AREA = 'stArea:x="0.3" stArea:y="0.4" stArea:w="0.2" stArea:h="0.1" stArea:unit="normalized"'


def regions(content: str, orientation: int | None = None, size: tuple[int, int] = (64, 48)) -> tuple[Region, ...]:
    exif = {"Exif.Image.Orientation": str(orientation)} if orientation else {}
    return metadata.read(tagged(exif, packet=xmp(content), size=size), now=NOW).regions


def near(found: Region, box: tuple[float, float, float, float]) -> bool:
    return (found.x, found.y, found.w, found.h) == pytest.approx(box, abs=1e-6)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_turn_as_pixels_do(orientation: int) -> None:
    """A bright patch in a stored picture, turned upright by Pillow, lies where the turned box says."""
    stored = np.zeros((40, 60), np.uint8)
    x, y, w, h = 6, 10, 18, 8
    stored[y : y + h, x : x + w] = 255
    picture = Image.fromarray(stored)
    picture.getexif()[0x0112] = orientation
    upright = np.asarray(ImageOps.exif_transpose(picture))
    rows, columns = np.nonzero(upright)
    height, width = upright.shape
    seen = (columns.min() / width, rows.min() / height, (np.ptp(columns) + 1) / width, (np.ptp(rows) + 1) / height)
    assert turned(x / 60, y / 40, w / 60, h / 40, orientation) == pytest.approx(seen)


def test_a_box_of_the_working_group_is_around_its_centre() -> None:
    (found,) = regions(mwg("Oma Erna", AREA))
    assert found.name == "Oma Erna"
    assert near(found, (0.2, 0.35, 0.2, 0.1))


def test_it_is_turned_with_the_picture() -> None:
    (found,) = regions(mwg("Oma", AREA), orientation=6)
    assert near(found, (1 - 0.35 - 0.1, 0.2, 0.1, 0.2))


def test_unless_the_program_had_turned_the_picture_before() -> None:
    (found,) = regions(mwg("Oma", AREA, size=(48, 64)), orientation=6)
    assert near(found, (0.2, 0.35, 0.2, 0.1))


def test_boxes_of_a_picture_that_was_cropped_afterwards_are_refused() -> None:
    assert regions(mwg("Oma", AREA, size=(100, 100))) == ()


def test_a_smaller_copy_keeps_its_boxes() -> None:
    assert len(regions(mwg("Oma", AREA, size=(6400, 4800)))) == 1


def test_microsofts_boxes_are_those_of_the_upright_picture() -> None:
    (found,) = regions(microsoft("Oma", "0.2, 0.35, 0.2, 0.1"), orientation=6)
    assert near(found, (0.2, 0.35, 0.2, 0.1))


def test_a_face_written_in_both_ways_is_one_face() -> None:
    turned_box = ", ".join(str(part) for part in turned(0.2, 0.35, 0.2, 0.1, 8))
    assert len(regions(mwg("Oma", AREA) + microsoft("oma", turned_box), orientation=8)) == 1
    assert len(regions(mwg("Oma", AREA) + microsoft("Opa", turned_box), orientation=8)) == 2


@pytest.mark.parametrize(
    "content",
    [
        mwg("", AREA), mwg("Focus", AREA, kind="Focus"), mwg("Rex", AREA, kind="Pet"),
        mwg("Oma", 'stArea:x="0.3" stArea:y="0.4" stArea:unit="normalized"'),
        mwg("Oma", 'stArea:x="nan" stArea:y="0.4" stArea:w="0.1" stArea:h="inf"'),
        mwg("Oma", 'stArea:x="3" stArea:y="4" stArea:w="0.1" stArea:h="0.1"'),
        microsoft("Oma", "0.1, 0.2, 0.3"), microsoft("Oma", "a, b, c, d"), microsoft("", "0.1, 0.1, 0.1, 0.1"),
    ],
)  # fmt: skip
def test_what_is_no_named_face_is_left_out(content: str) -> None:
    assert regions(content) == ()


def test_a_box_over_the_edge_is_cut() -> None:
    (found,) = regions(mwg("Oma", 'stArea:x="0.05" stArea:y="0.5" stArea:w="0.2" stArea:h="0.2"'))
    assert near(found, (0, 0.4, 0.15, 0.2))


def test_faces_of_a_sidecar_replace_those_of_the_picture() -> None:
    beside = metadata.Sidecar(metadata.Kind.XMP, xmp(mwg("Opa", AREA)))
    found = metadata.read(tagged(packet=xmp(mwg("Oma", AREA))), now=NOW, sidecars=[beside])
    assert [it.name for it in found.regions] == ["Opa"]
