"""JPEG XL: the header is read before the decoder sees the file, and the picture comes out upright and right."""

import io
import struct

import numpy as np
import pillow_jxl
import pytest
from PIL import Image, ImageCms

from gallery.vision.image import UnreadableImage, decode
from gallery.vision.jxl import JxlHeader, read_header
from tests.clock import takes_less_than
from tests.vision.samples import FORMATS, assert_upright, needs_samples, quarters, saved, stored


def jxl(picture: Image.Image, *, lossless: bool = False, container: bool = False, **metadata: bytes | None) -> bytes:
    encoder = pillow_jxl.Encoder(
        mode=picture.mode, lossless=lossless, quality=100 if lossless else 95, decoding_speed=0, effort=3,
        use_container=container, use_original_profile=False, num_threads=1,
    )  # fmt: skip
    extra = {"exif": None, "jumb": None, "xmp": None, "compress": False, **metadata}
    return bytes(encoder(picture.tobytes(), picture.width, picture.height, jpeg_encode=False, **extra))


def bits_of(data: bytes) -> str:
    """The least significant bit of each byte first."""
    return "".join(f"{byte:08b}"[::-1] for byte in data)


def bytes_of(bits: str) -> bytes:
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, len(bits), 8))


def number(value: int, count: int) -> str:
    return f"{value:0{count}b}"[::-1]


def header_bits(width: int, height: int, metadata: str) -> str:
    """Of edges up to 512 that stand in none of the usual ratios."""
    size = "0" + "00" + number(height - 1, 9) + "000" + "00" + number(width - 1, 9)
    return bits_of(b"\xff\x0a") + size + metadata


USUAL = "1" + "1"  # all of the metadata, and of the transforms behind it
REST = "0" + "00" + "1" + "00" + "1" + "1" + "1" + "00" + "1"  # 8 bits, no extra channels, usual colours


def turned(data: bytes, width: int, height: int, orientation: int) -> bytes:
    """A codestream whose metadata is the usual one, with an orientation written into it."""
    usual = header_bits(width, height, USUAL)
    assert bits_of(data).startswith(usual)
    rest = data[-(-len(usual) // 8) :]
    return bytes_of(header_bits(width, height, "0" + "1" + number(orientation - 1, 3) + "000" + REST)) + rest


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_codestreams_orientation_is_applied_once(orientation: int) -> None:
    picture = stored(quarters(410, 300), orientation)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = turned(jxl(picture), *picture.size, orientation)
    assert read_header(data) == JxlHeader(*picture.size, orientation, False, 0)
    for whole in (data, boxed(data, exif.tobytes().removeprefix(b"Exif\0\0"))):
        image = decode(whole)
        assert (image.width, image.height, image.mime) == (410, 300, "image/jxl")
        assert_upright(image.pixels)


def boxed(codestream: bytes, exif: bytes) -> bytes:
    """In a container, with EXIF that says the same: it is only a copy, and must not turn the picture again."""

    def box(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content) + 8) + name + content

    start = b"\0\0\0\x0cJXL \r\n\x87\n" + box(b"ftyp", b"jxl \0\0\0\0jxl ")
    half = len(codestream) // 2
    parts = box(b"jxlp", b"\0\0\0\0" + codestream[:10]) + box(b"jxlp", b"\0\0\0\1" + codestream[10:half])
    return start + box(b"Exif", b"\0\0\0\0" + exif) + parts + box(b"jxlp", b"\x80\0\0\2" + codestream[half:])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_inside_is_turned_by_its_own_exif(orientation: int) -> None:
    picture = stored(quarters(410, 300), orientation)
    exif = Image.Exif()
    exif[0x0112] = orientation
    encoder = pillow_jxl.Encoder(
        mode="RGB", lossless=True, quality=100, decoding_speed=0, effort=3, use_container=True,
        use_original_profile=False, num_threads=1,
    )  # fmt: skip
    jpeg = saved(picture, "JPEG", quality=95, exif=exif)
    image = decode(bytes(encoder(jpeg, picture.width, picture.height, jpeg_encode=True)))
    assert (image.width, image.height, image.format) == (410, 300, "jxl")
    assert_upright(image.pixels)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "I;16"])
def test_any_mode_becomes_rgb(mode: str) -> None:
    deep = Image.fromarray(np.full((8, 8), 128 * 257, np.uint16))
    picture = deep if mode == "I;16" else Image.new("L", (8, 8), 128).convert(mode)
    pixels = decode(jxl(picture, lossless=True)).pixels
    assert pixels.shape == (8, 8, 3)
    # The encoder says of 16 bits that they are light itself; of which a half is 188 in sRGB.
    assert np.abs(pixels.astype(int) - (188 if mode == "I;16" else 128)).max() <= 2


@pytest.mark.slow
def test_the_header_of_what_the_encoder_writes() -> None:
    for size in ((96, 64), (1000, 1000), (1600, 900), (3000, 17), (8, 8), (600, 5000)):
        for lossless in (True, False):
            assert read_header(jxl(Image.new("RGB", size), lossless=lossless, container=lossless)) == JxlHeader(
                *size, 1, False, 0
            )
    assert read_header(jxl(Image.new("RGBA", (9, 9)))).extra_channels == 1


def test_an_animation_is_known_by_its_header() -> None:
    ticks = "00" + "00" + "00" + "0"  # 100 a second, for ever, without a time code
    bits = header_bits(300, 200, "0" + "1" + number(0, 3) + "00" + "1" + ticks + REST)
    assert read_header(bytes_of(bits) + b"\0" * 40) == JxlHeader(300, 200, 1, True, 0)


def test_too_many_megapixels_are_refused_by_the_header_alone() -> None:
    size = "0" + "11" + number(49_999, 30) + "000" + "11" + number(49_999, 30)
    with takes_less_than(0.5), pytest.raises(UnreadableImage, match=r"has 2,500 megapixels; at most 49"):
        decode(bytes_of(bits_of(b"\xff\x0a") + size + USUAL) + b"\0" * 100)


@pytest.mark.parametrize("container", [True, False])
def test_a_file_that_is_cut_off_is_unreadable(container: bool) -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (200, 200, 3), dtype=np.uint8))
    data = jxl(noise, container=container)
    for end in (20, 40, len(data) // 2, len(data) * 3 // 4):
        with pytest.raises(UnreadableImage, match=r"cut off|damaged"):
            decode(data[:end])


def test_a_container_of_many_boxes_and_no_picture_ends() -> None:
    data = b"\0\0\0\x0cJXL \r\n\x87\n" + struct.pack(">I4s", 8, b"free") * 200_000
    with takes_less_than(1), pytest.raises(UnreadableImage):
        decode(data)


@pytest.mark.slow
@needs_samples
def test_a_wide_gamut_of_16_bits_is_brought_to_srgb() -> None:
    data = (FORMATS / "immich-test-assets" / "formats" / "jxl" / "16bit-HDR-P3-nclx.jxl").read_bytes()
    image = decode(data)
    assert (image.width, image.height) == (5667, 3685)
    _, info, pixels, profile, _ = pillow_jxl.Decoder(num_threads=1)(data)
    raw = Image.frombuffer(info.mode, (info.width, info.height), pixels, "raw", info.mode, 0, 1).reduce(3)
    wanted = ImageCms.profileToProfile(
        raw, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
    )
    assert wanted is not None
    assert np.abs(image.pixels.mean((0, 1)) - np.asarray(wanted).mean((0, 1))).max() < 1
