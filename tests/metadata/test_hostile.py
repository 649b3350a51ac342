"""Damaged, absurd and hostile files: never an error, never a hang, never a parser that meets an entity."""

from __future__ import annotations

import datetime as dt
import io
import struct
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from gallery import metadata
from gallery.metadata import Kind, Metadata, Sidecar, packets
from gallery.metadata.tags import read_sidecar, read_tags
from tests.metadata import oracle
from tests.metadata.making import bag, tagged, text, xmp

NOW = dt.datetime(2026, 11, 22, 12)
SECONDS = 2.0  # far more than any of these takes

BOMB = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "aaaaaaaaaa">'
    + "".join(f'<!ENTITY a{level} "{f"&a{level - 1};" * 10}">' for level in range(1, 10))
    + "]>"
)
READER = '<!DOCTYPE x [<!ENTITY a SYSTEM "file://{path}">]>'
RICH = tagged(
    {
        "Exif.Image.Make": "Canon", "Exif.Image.Model": "Canon EOS 5D", "Exif.Image.Orientation": "6",
        "Exif.Photo.DateTimeOriginal": "2018:07:05 14:15:30", "Exif.Photo.LensModel": "EF50mm",
        "Exif.GPSInfo.GPSLatitudeRef": "N", "Exif.GPSInfo.GPSLatitude": "48/1 51/1 30/1",
        "Exif.GPSInfo.GPSLongitudeRef": "E", "Exif.GPSInfo.GPSLongitude": "2/1 17/1 40/1",
        "Exif.CanonTi.TimeZone": "60", "Exif.CanonCs.LensType": "51",
    },
    iptc={"Iptc.Application2.Keywords": ["a", "b"], "Iptc.Application2.DateCreated": "2018-07-05"},
    packet=xmp(bag("dc:subject", "Oma") + text("dc:description", "Hallo"), attributes='xmp:Rating="4"'),
)  # fmt: skip


def saved(kind: str) -> bytes:
    exif = Image.Exif()
    exif[0x010F], exif[0x0132] = "Canon", "2018:07:05 14:15:30"
    exif.get_ifd(0x8769)[0x9003] = "2018:07:05 14:15:30"
    file = io.BytesIO()
    Image.new("RGB", (32, 24)).save(file, kind, exif=exif.tobytes())
    return file.getvalue()


SEEDS = [RICH, *(saved(kind) for kind in ("PNG", "WEBP", "TIFF"))]


def timed(data: bytes, *sidecars: Sidecar) -> Metadata:
    start = time.process_time()
    found = metadata.read(data, now=NOW, name="IMG_1.jpg", sidecars=sidecars)
    assert time.process_time() - start < SECONDS
    return found


@settings(deadline=None)
@given(st.binary(max_size=2000))
def test_any_bytes_are_read_without_an_error(data: bytes) -> None:
    timed(data, Sidecar(Kind.XMP, data), Sidecar(Kind.TAKEOUT, data))


BEGINNINGS = [b"\xff\xd8\xff\xe1", b"II*\0", b"MM\0*", b"\x89PNG\r\n\x1a\n", b"RIFF\0\1\0\0WEBP", b"FUJIFILMCCD-RAW ",
              b"\0\0\0\x18ftypheic", b"\0\0\0\x18ftypcrx ", b"\0\0\0\x0cJXL \r\n\x87\n", b"8BPS"]  # fmt: skip


@settings(deadline=None)
@given(st.sampled_from(BEGINNINGS), st.binary(max_size=2000))
def test_any_bytes_behind_a_real_beginning(start: bytes, data: bytes) -> None:
    timed(start + data)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.data())
def test_real_headers_with_changed_bytes(draw: st.DataObject) -> None:
    data = bytearray(draw.draw(st.sampled_from(SEEDS)))
    edge = draw.draw(st.sampled_from([64, 512, len(data)]))
    for _ in range(draw.draw(st.integers(1, 12))):
        data[draw.draw(st.integers(0, min(edge, len(data)) - 1))] = draw.draw(
            st.sampled_from([0, 1, 127, 128, 254, 255])
        )
    timed(bytes(data[: draw.draw(st.integers(1, len(data)))] if draw.draw(st.booleans()) else data))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_sidecar_with_a_bomb_is_refused_before_any_parser(encoding: str) -> None:
    bomb = xmp(text("dc:description", "&a9;"), before=BOMB).decode().encode(encoding)
    assert packets.xml_text(bomb) is None
    assert read_sidecar(bomb).xmp == {}
    assert timed(RICH, Sidecar(Kind.XMP, bomb)).caption == "Hallo"


def test_a_sidecar_that_wants_to_read_files_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret", encoding="utf-8")
    packet = xmp(text("dc:description", "&a;"), before=READER.format(path=secret))
    assert read_sidecar(packet).xmp == {}
    assert "secret" not in repr(timed(tagged(packet=b"") + packet, Sidecar(Kind.XMP, packet)))


def test_a_packet_with_a_bomb_in_a_picture_costs_only_the_packet() -> None:
    packet = xmp(text("dc:description", "&a9;") + bag("dc:subject", "Opa"), before=BOMB)
    start = RICH.find(b"<x:xmpmeta")
    assert start > 0
    segment = b"http://ns.adobe.com/xap/1.0/\0" + packet
    data = RICH[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + RICH[2:]
    assert b"<!DOCTYPE" not in packets.defused(data)
    assert len(packets.defused(data)) == len(data)
    found = timed(data)
    assert found.camera == "Canon EOS 5D"
    assert "Opa" not in found.keywords


@pytest.mark.parametrize("kind", ["iTXt", "zTXt"])
def test_a_bomb_in_a_compressed_text_of_a_png(kind: str) -> None:
    packet = xmp(text("dc:description", "&a9;") + bag("dc:subject", "Opa"), before=BOMB)
    body = zlib.compress(packet)
    head = b"XML:com.adobe.xmp\0" + (b"\1\0\0\0" if kind == "iTXt" else b"\0")
    found = timed(with_chunk(kind.encode(), head + body))
    assert found.keywords == ()
    assert found.caption == ""


@pytest.mark.slow
def test_a_compressed_text_that_unpacks_to_gigabytes() -> None:
    packer = zlib.compressobj(9)
    body = b"".join(packer.compress(bytes(1 << 20)) for _ in range(200)) + packer.flush()
    assert timed(with_chunk(b"zTXt", b"Comment\0\0" + body)) is not None


def with_chunk(kind: bytes, body: bytes) -> bytes:
    png = saved("PNG")
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return png[:33] + chunk + png[33:]


def test_honest_compressed_xmp_of_a_png_is_read() -> None:
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", xmp(bag("dc:subject", "Opa")).decode(), zip=True)
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG", pnginfo=info)
    assert timed(file.getvalue()).keywords == ("Opa",)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\0", b"<", b"<x:xmpmeta", b"\xff\xfe", b"\xff\xfe\0\0", b"\xfe\xff\xd8", b"<?xml?>" * 1000,
        b"<a>" * 100_000, xmp("<dc:x>" * 50_000), xmp('<dc:x rdf:parseType="Resource">' * 5000 + "</dc:x>" * 5000),
        xmp(bag("dc:subject", *["w"] * 60_000)), xmp(text("dc:description", "x" * packets.SIDECAR_BYTES)),
    ],
    ids=lambda data: repr(data[:20]),
)  # fmt: skip
def test_sidecars_that_are_none_or_far_too_much(data: bytes) -> None:
    found = timed(RICH, Sidecar(Kind.XMP, data))
    assert found.camera == "Canon EOS 5D"
    assert len(found.keywords) <= 500


def test_an_endless_packet_in_a_picture_is_not_parsed() -> None:
    packet = b"<x:xmpmeta>" + b" " * (packets.PACKET_BYTES + 10) + b"</x:xmpmeta>"
    assert b"<x:xmpmeta" not in packets.defused(b"II*\0" + packet)
    assert packets.defused(RICH) == RICH


def test_damaged_pictures_still_tell_what_is_left() -> None:
    cut = RICH[: RICH.find(b"\xff\xda")]
    assert timed(cut).camera == "Canon EOS 5D"


def test_several_threads_read_at_once() -> None:
    want = metadata.read(RICH, now=NOW)
    with ThreadPoolExecutor(8) as pool:
        assert all(found == want for found in pool.map(lambda _: metadata.read(RICH, now=NOW), range(200)))


def test_nothing_is_written_to_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    for cut in range(0, len(RICH), 97):
        read_tags(RICH[:cut])
    read_sidecar(b"<x:xmpmeta><broken")
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
@pytest.mark.skipif(not oracle.FORMATS.is_dir(), reason="needs ../shared/eval/formats")
def test_all_broken_and_odd_files() -> None:
    files = [file for file in oracle.FORMATS.rglob("*") if file.is_file()]
    assert len(files) > 500
    for file in files:
        timed(file.read_bytes(), Sidecar(Kind.XMP, file.read_bytes()), Sidecar(Kind.TAKEOUT, file.read_bytes()))
