"""Which of a file's pictures is shown, and which way up."""

import io
import struct

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageOps

from gallery.vision.image import decode
from tests.vision.samples import BLUE, FORMATS, RED, assert_upright, needs_samples, quarters, saved, stored

EMPTY = Image.new("RGBA", (96, 64), (0, 0, 0, 0))


def animation(format_: str, frames: list[Image.Image], **options: object) -> bytes:
    return saved(frames[0], format_, save_all=True, append_images=frames[1:], duration=100, loop=0, **options)


@pytest.mark.parametrize("format_", ["PNG", "WEBP", "GIF", "AVIF"])
def test_an_animation_is_known_and_its_first_frame_shown(format_: str) -> None:
    data = animation(format_, [quarters(), ImageOps.flip(quarters()), ImageOps.mirror(quarters())])
    image = decode(data)
    assert image.is_animated
    assert_upright(image.pixels, 60 if format_ in ("GIF", "AVIF", "WEBP") else 14)
    assert not decode(saved(quarters(), format_)).is_animated


@pytest.mark.parametrize("format_", ["PNG", "WEBP", "GIF"])
@pytest.mark.parametrize("blank", [EMPTY, Image.new("RGBA", (96, 64), "black")])
def test_a_poster_is_the_first_frame_that_shows_something(format_: str, blank: Image.Image) -> None:
    darker = blank.copy()
    darker.putpixel((0, 0), (1, 1, 1, 0) if blank is EMPTY else (0, 0, 0, 255))
    data = animation(format_, [blank, darker, quarters().convert("RGBA")])
    image = decode(data)
    assert image.is_animated
    assert_upright(image.pixels, 60)


def test_an_animation_of_nothing_shows_its_first_frame() -> None:
    frames = [Image.new("RGB", (40, 30), (shade, shade, shade)) for shade in range(60)]
    image = decode(animation("GIF", frames))
    assert image.is_animated
    assert image.pixels.max() <= 2


def test_a_damaged_second_frame_costs_the_poster_nothing() -> None:
    rng = np.random.default_rng(2)
    noise = Image.fromarray(rng.integers(0, 256, (64, 96, 3), dtype=np.uint8))
    data = animation("GIF", [Image.new("RGB", (96, 64), "white"), noise])
    assert decode(data[: len(data) // 2]).pixels.min() == 255


def test_a_photo_of_two_pictures_is_not_animated() -> None:
    data = saved(quarters(), "MPO", save_all=True, append_images=[Image.new("RGB", (96, 64), "red")], quality=95)
    image = decode(data)
    assert (image.format, image.is_animated) == ("jpeg", False)
    assert_upright(image.pixels)


def tiff_pages(*pages: tuple[Image.Image, int]) -> bytes:
    """A TIFF of pages, each with its NewSubfileType (TIFF 6.0)."""
    from PIL import TiffImagePlugin

    file = io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(file, True) as writer:
        for page, kind in pages:
            page.save(writer, "TIFF", tiffinfo={254: kind})
            writer.newFrame()
    return file.getvalue()


def test_the_first_page_that_is_no_thumbnail_is_shown() -> None:
    small, mask, other = Image.new("RGB", (24, 16)), Image.new("L", (96, 64)), Image.new("RGB", (96, 64), "red")
    image = decode(tiff_pages((small, 1), (mask, 4), (quarters(), 0), (other, 0)))
    assert (image.width, image.height, image.is_animated) == (96, 64, False)
    assert_upright(image.pixels)
    assert_upright(decode(tiff_pages((quarters(), 2), (other, 2))).pixels)


def test_a_tiff_of_thumbnails_alone_shows_the_first() -> None:
    assert_upright(decode(tiff_pages((quarters(), 1), (Image.new("RGB", (24, 16)), 1))).pixels)


def test_a_page_is_turned_by_its_own_orientation() -> None:
    from PIL import TiffImagePlugin

    file = io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(file, True) as writer:
        Image.new("RGB", (24, 16)).save(writer, "TIFF", tiffinfo={254: 1})
        writer.newFrame()
        stored(quarters(), 6).save(writer, "TIFF", tiffinfo={254: 0, 274: 6})
        writer.newFrame()
    image = decode(file.getvalue())
    assert (image.width, image.height) == (96, 64)
    assert_upright(image.pixels)


def heif_of_two(primary_index: int) -> bytes:
    file = pillow_heif.HeifFile()
    file.add_from_pillow(Image.new("RGB", (320, 320), "white"))
    file.add_from_pillow(quarters(192, 128))
    out = io.BytesIO()
    file.save(out, quality=90, primary_index=primary_index)
    return out.getvalue()


def test_the_main_picture_of_a_heif_is_shown_wherever_it_lies() -> None:
    image = decode(heif_of_two(1))
    assert (image.width, image.height) == (192, 128)
    assert_upright(image.pixels, 30)
    assert decode(heif_of_two(0)).pixels.min() > 240


def test_a_depth_map_is_never_shown() -> None:
    data = with_auxiliary(heif_of_two(1))
    assert len(pillow_heif.open_heif(data).info["aux"]) + len(pillow_heif.open_heif(data).info["depth_images"]) == 1
    image = decode(data)
    assert (image.width, image.height) == (192, 128)
    assert_upright(image.pixels, 30)


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + name + content


def split(content: bytes) -> dict[bytes, bytes]:
    parts, at = {}, 0
    while at < len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        parts[content[at + 4 : at + 8]] = content[at + 8 : at + size]
        at += size
    return parts


def with_auxiliary(data: bytes) -> bytes:
    """Makes the other of two pictures a depth map of the main one: its type, and a reference (ISO 23008-12, 6.4)."""
    at_meta = data.index(b"meta") - 4
    size = int.from_bytes(data[at_meta : at_meta + 4], "big")
    parts = split(data[at_meta + 12 : at_meta + size])
    main = int.from_bytes(parts[b"pitm"][4:6], "big")
    other = 3 - main
    properties = split(parts[b"iprp"])
    kind = box(b"auxC", b"\0\0\0\0urn:mpeg:hevc:2015:auxid:2\0")
    count = len(list_of(properties[b"ipco"])) + 1
    links, at = bytearray(properties[b"ipma"]), 8
    assert links[:4] == b"\0\0\0\0"
    for _ in range(int.from_bytes(links[4:8], "big")):
        if int.from_bytes(links[at : at + 2], "big") == other:
            links[at + 2] += 1
            links[at + 3 : at + 3] = bytes([count])
        at += 3 + links[at + 2]
    parts[b"iprp"] = box(b"ipco", properties[b"ipco"] + kind) + box(b"ipma", bytes(links))
    parts[b"iref"] = b"\0\0\0\0" + struct.pack(">I4sHHH", 14, b"auxl", other, 1, main)
    grown = 12 + sum(8 + len(content) for content in parts.values()) - size
    parts[b"iloc"] = moved(parts[b"iloc"], grown)
    meta = b"\0\0\0\0" + b"".join(box(name, content) for name, content in parts.items())
    return data[:at_meta] + box(b"meta", meta) + data[at_meta + size :]


def list_of(content: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        found.append(content[at : at + size])
        at += size
    return found


def moved(iloc: bytes, by: int) -> bytes:
    """An `iloc` whose places in the file lie further on."""
    out, version = bytearray(iloc), iloc[0]
    offset_bytes, length_bytes, base_bytes = iloc[4] >> 4, iloc[4] & 15, iloc[5] >> 4
    at = 8
    for _ in range(int.from_bytes(iloc[6:8], "big")):
        is_in_file = not version or not int.from_bytes(iloc[at + 2 : at + 4], "big") & 15
        at += 4 + (2 if version else 0) + base_bytes
        extents = int.from_bytes(iloc[at : at + 2], "big")
        at += 2
        for _ in range(extents):
            if is_in_file:
                offset = int.from_bytes(iloc[at : at + offset_bytes], "big") + by
                out[at : at + offset_bytes] = offset.to_bytes(offset_bytes, "big")
            at += offset_bytes + length_bytes
    return bytes(out)


@pytest.mark.parametrize("format_", ["AVIF", "HEIF"])
def test_exif_turns_no_heif_and_no_avif(format_: str) -> None:
    # The writers make a rotation of the file's own of an orientation, so it is written under a neighbour's number.
    exif = Image.Exif()
    exif[0x0115] = 6
    if format_ == "HEIF":
        file = io.BytesIO()
        pillow_heif.from_pillow(quarters()).save(file, quality=90, exif=exif.tobytes())
        data = file.getvalue()
    else:
        data = saved(quarters(), "AVIF", exif=exif)
    entries = {b"\x15\x01\x03\0": b"\x12\x01\x03\0", b"\x01\x15\0\x03": b"\x01\x12\0\x03"}
    (neighbour,) = (entry for entry in entries if entry in data)
    image = decode(data.replace(neighbour, entries[neighbour]))
    assert (image.width, image.height) == (96, 64)
    assert_upright(image.pixels, 30)


@pytest.mark.slow
@needs_samples
@pytest.mark.parametrize("shape", ["Landscape", "Portrait"])
def test_the_orientation_examples_are_turned_exactly(shape: str) -> None:
    folder = FORMATS / "exif-orientation-examples"
    first = decode((folder / f"{shape}_1.jpg").read_bytes())
    for number in range(9):
        path = folder / f"{shape}_{number}.jpg"
        image = decode(path.read_bytes())
        with Image.open(path) as opened:
            wanted = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
        assert np.array_equal(image.pixels, wanted)
        assert (image.width, image.height) == (first.width, first.height)
        # Each file was compressed the way it lies, so that they differ by what JPEG loses.
        apart = np.abs(image.pixels.astype(int) - first.pixels)
        assert apart.mean() < 4, path.name
        small = decode(path.read_bytes(), 480).pixels
        assert np.abs(small.astype(int) - decode((folder / f"{shape}_1.jpg").read_bytes(), 480).pixels).mean() < 2


def test_colours_of_the_first_frame_are_kept() -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in (RED, BLUE)]
    frames[0].paste(BLUE, (0, 0, 10, 20))
    assert np.abs(decode(animation("PNG", frames)).pixels[10, 15].astype(int) - RED).max() <= 1
