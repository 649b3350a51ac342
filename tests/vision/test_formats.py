"""The first bytes say what a file is."""

import io

import pytest
from PIL import Image

from gallery.vision.formats import HEAD_BYTES, UnreadableImage, kind_of, mime_of, recognise
from tests.vision.cameras import dng
from tests.vision.samples import quarters, saved
from tests.vision.test_raw import sensor


@pytest.mark.parametrize(
    ("head", "format_", "kind"),
    [
        (b"\xff\xd8\xff\xe1", "jpeg", "image"),
        (b"\xff\x0a\x00\x00", "jxl", "image"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "jxl", "image"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "jp2", "image"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "heic", "image"),
        (b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", "cr3", "raw"),
        (b"II*\0\x10\0\0\0CR\x02\0", "cr2", "raw"),
        (b"II*\0\x08\0\0\0IIIICwaR", "iiq", "raw"),
        (b"IIRO\x08\0\0\0", "orf", "raw"),
        (b"FUJIFILMCCD-RAW 0201", "raf", "raw"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "mp4", "video"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "mov", "video"),
        (b"\0\0\0\x18ftyp3gp5\0\0\0\0isom3gp5", "3gp", "video"),
        (b"\0\0\0\x18ftypM4V \0\0\0\0M4V isom", "mp4", "video"),
        (b"\0\0\x10\0moov\0\0\0\x6cmvhd", "mov", "video"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "mov", "video"),
        (b"RIFF\0\0\0\0AVI LIST", "avi", "video"),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm", "webm", "video"),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x88matroska", "mkv", "video"),
        (b"\0\0\x01\xba\x44\0\x04\0", "mpg", "video"),
        ((b"\0\0\0\0\x47" + b"\0" * 187) * 3, "mts", "video"),
        ((b"\x47" + b"\0" * 187) * 3, "mts", "video"),
        (b"0&\xb2u\x8ef\xcf\x11\xa6\xd9\0\xaa\0b\xcel", "wmv", "video"),
        (b"FLV\x01\x05", "flv", "video"),
    ],
)
def test_kinds_are_told_by_the_first_bytes(head: bytes, format_: str, kind: str) -> None:
    assert recognise(head) == format_
    assert kind_of(head) == kind
    assert mime_of(recognise(head)).startswith("video/" if kind == "video" else "image/")


@pytest.mark.parametrize(
    ("head", "looks"),
    [
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:10", "a playlist"),
        (b"ffconcat version 1.0\nfile '/etc/passwd'", "a playlist"),
        (b"\0\0\0\x18ftypM4A \0\0\0\0M4A isom", "a sound file"),
        (b"OggS\0\2" + b"\0" * 22 + b"\x01vorbis", "a sound file"),
        (b"\x06\x0e\x2b\x34\x02\x05", "an MXF video"),
        (b".RMF\0\0\0\x12", "a RealMedia video"),
        (b"<?xml version='1.0'?><MPD/>", "an XML file"),
        (b"v=0\no=- 0 0 IN IP4 127.0.0.1", "a text file"),
    ],
)
def test_what_is_none_of_them_is_named(head: bytes, looks: str) -> None:
    with pytest.raises(UnreadableImage, match=f"looks like {looks}"):
        kind_of(head)


def test_the_head_is_enough_for_a_raw() -> None:
    # The directory lies behind the sensor's data here, as it never does in a camera's file: the head alone says less.
    assert recognise(dng(sensor())) == "dng"
    small = dng(sensor(1, 60, 40), maker=b"NIKON CORPORATION")
    assert kind_of(small[:HEAD_BYTES]) == "raw"


def test_a_scan_of_a_camera_makers_scanner_is_a_tiff() -> None:
    scan = saved(quarters(), "TIFF", tiffinfo={271: "Nikon"})
    assert recognise(scan) == "tiff"


def test_damaged_directories_are_no_reason_to_fail() -> None:
    whole = dng(sensor(1, 60, 40))
    for at in range(4, len(whole), 7):
        broken = bytearray(whole)
        broken[at] ^= 0xFF
        assert recognise(bytes(broken)) in ("dng", "tiff", "raw", "cr2")
    loop = b"II*\0\x08\0\0\0" + b"\0\0" + b"\x08\0\0\0"
    assert recognise(loop) == "tiff"


def test_a_picture_of_two_is_a_jpeg() -> None:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "MPO", save_all=True, append_images=[Image.new("RGB", (8, 8), "red")])
    assert recognise(file.getvalue()) == "jpeg"
