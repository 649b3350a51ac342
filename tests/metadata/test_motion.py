"""The short film in a photo."""

from __future__ import annotations

import datetime as dt
import struct

import pytest

from gallery import metadata
from gallery.metadata import Motion
from tests.metadata import oracle
from tests.metadata.making import tagged, xmp

NOW = dt.datetime(2026, 11, 22, 12)
FILM = struct.pack(">I", 24) + b"ftypmp42" + bytes(12) + bytes(400)


def find(data: bytes) -> Motion | None:
    return metadata.read(data, now=NOW).motion


def test_googles_older_way() -> None:
    picture = tagged(packet=xmp(attributes=f'GCamera:MicroVideo="1" GCamera:MicroVideoOffset="{len(FILM)}"'))
    assert find(picture + FILM) == Motion(len(picture), len(FILM))


def container(*items: tuple[str, int]) -> bytes:
    entries = "".join(
        f'<rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="a/b" Item:Semantic="{semantic}" '
        f'Item:Length="{length}"/></rdf:li>'
        for semantic, length in items
    )
    return xmp(f"<Container:Directory><rdf:Seq>{entries}</rdf:Seq></Container:Directory>")


def test_googles_newer_way_with_other_things_in_between() -> None:
    gain_map = bytes(100)
    picture = tagged(packet=container(("Primary", 0), ("GainMap", 100), ("MotionPhoto", len(FILM))))
    assert find(picture + gain_map + FILM) == Motion(len(picture) + 100, len(FILM))
    picture = tagged(packet=container(("Primary", 0), ("MotionPhoto", len(FILM)), ("GainMap", 100)))
    assert find(picture + FILM + gain_map) == Motion(len(picture), len(FILM))


def test_samsungs_trailer() -> None:
    picture = tagged()
    block = struct.pack("<HHI", 0, 0x0A30, 16) + b"MotionPhoto_Data" + FILM
    head = b"SEFH" + struct.pack("<II", 106, 1) + struct.pack("<HHII", 0, 0x0A30, len(block), len(block))
    data = picture + block + head + struct.pack("<I", len(head)) + b"SEFT"
    assert find(data) == Motion(len(picture) + 24, len(FILM))


@pytest.mark.parametrize("offset", ["0", "12", "999999999", "-5", "x"])
def test_a_film_that_is_not_there(offset: str) -> None:
    assert find(tagged(packet=xmp(attributes=f'GCamera:MicroVideo="1" GCamera:MicroVideoOffset="{offset}"'))) is None


def test_a_film_cut_off_by_an_upload_is_none() -> None:
    picture = tagged(packet=xmp(attributes=f'GCamera:MicroVideo="1" GCamera:MicroVideoOffset="{len(FILM)}"'))
    assert find(picture) is None


@pytest.mark.skipif(not oracle.FORMATS.is_dir(), reason="needs ../shared/eval/formats")
def test_a_real_heic_of_samsung() -> None:
    data = (oracle.FORMATS / "immich-test-assets/formats/motionphoto/samsung-one-ui-6.heic").read_bytes()
    found = find(data)
    assert found is not None
    assert data[found.offset + 4 : found.offset + 8] == b"ftyp"
    # exiftool gives as many bytes as MotionPhotoVideo.
    assert found.length == 3_226_469
