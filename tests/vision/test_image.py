"""Bytes become upright sRGB pixels, or a sentence that says why not."""

import contextlib
import io
import resource
import struct
import threading
import zlib

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms

from gallery.vision import colour, video
from gallery.vision.formats import HEAD_BYTES, kind_of
from gallery.vision.image import (
    UnreadableImage,
    decode,
    encode_jpeg,
    letterbox,
    mean_colour,
    shrink,
)
from tests.clock import takes_less_than
from tests.vision.samples import FORMATS, assert_upright, needs_samples, quarters, saved, stored


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_every_orientation_ends_upright(orientation: int, format_: str) -> None:
    picture = stored(quarters(), orientation)
    exif = Image.Exif()
    exif[0x0112] = orientation
    # HEIF's writer turns EXIF's orientation into the file's own rotation, as cameras do, and keeps EXIF's.
    data = heif(picture, exif=exif.tobytes()) if format_ == "HEIF" else saved(picture, format_, exif=exif)
    image = decode(data)
    assert (image.width, image.height) == (96, 64)
    assert image.pixels.shape == (64, 96, 3)
    assert image.pixels.flags.c_contiguous
    assert image.pixels.dtype == np.uint8
    assert_upright(image.pixels, 30 if format_ in ("AVIF", "HEIF", "WEBP") else 14)


def heif(picture: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    pillow_heif.from_pillow(picture).save(file, quality=90, **options)
    return file.getvalue()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_a_png_of_any_mode_becomes_rgb(mode: str) -> None:
    grey = Image.new("L", (8, 8), 128)
    deep = Image.fromarray(np.full((8, 8), 128 * 257, np.uint16))
    picture = deep if mode == "I;16" else grey.convert(mode)
    pixels = decode(saved(picture, "PNG")).pixels
    assert pixels.shape == (8, 8, 3)
    if mode != "1":
        assert abs(int(pixels[4, 4, 0]) - 128) <= 2


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "LAB", "F", "I;16", "I", "PA", "RGBA"])
def test_a_tiff_of_any_mode_becomes_rgb(mode: str) -> None:
    if mode == "F":
        picture = Image.fromarray(np.full((8, 8), 0.5, np.float32))
    elif mode in ("I;16", "I"):
        picture = Image.fromarray(np.full((8, 8), 128 * 257, np.uint16 if mode == "I;16" else np.int32))
    elif mode == "LAB":
        to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
        picture = ImageCms.applyTransform(Image.new("RGB", (8, 8), (128, 128, 128)), to_lab)
    elif mode == "PA":
        picture = Image.new("LA", (8, 8), (128, 255))
    else:
        picture = Image.new("RGB", (8, 8), (128, 128, 128)).convert(mode)
    pixels = decode(saved(picture, "TIFF")).pixels
    assert pixels.shape == (8, 8, 3)
    assert np.abs(pixels.astype(int) - 128).max() <= 3


def test_a_cmyk_jpeg_keeps_its_colours() -> None:
    pixels = decode(saved(quarters().convert("CMYK"), "JPEG", quality=95)).pixels
    assert_upright(pixels, 20)


def test_values_beyond_16_bits_are_stretched_from_least_to_greatest() -> None:
    heights = np.linspace(-500, 4000, 64, dtype=np.float32).reshape(8, 8)
    pixels = decode(saved(Image.fromarray(heights), "TIFF")).pixels
    assert pixels[0, 0].tolist() == [0, 0, 0]
    assert pixels[7, 7].tolist() == [255, 255, 255]


def test_transparency_is_shown_on_white() -> None:
    assert decode(saved(Image.new("RGBA", (8, 8), (255, 0, 0, 0)), "PNG")).pixels[4, 4].tolist() == [255, 255, 255]
    palette = Image.new("P", (8, 8), 0)
    palette.putpalette([0, 0, 255] + [0] * 765)
    assert decode(saved(palette, "GIF", transparency=0)).pixels[4, 4].tolist() == [255, 255, 255]
    assert decode(saved(palette, "PNG", transparency=0)).pixels[4, 4].tolist() == [255, 255, 255]


@pytest.mark.parametrize(
    ("format_", "name", "mime"),
    [
        ("JPEG", "jpeg", "image/jpeg"),
        ("MPO", "jpeg", "image/jpeg"),
        ("PNG", "png", "image/png"),
        ("WEBP", "webp", "image/webp"),
        ("GIF", "gif", "image/gif"),
        ("BMP", "bmp", "image/bmp"),
        ("TIFF", "tiff", "image/tiff"),
        ("AVIF", "avif", "image/avif"),
    ],
)
def test_the_content_names_the_format(format_: str, name: str, mime: str) -> None:
    image = decode(saved(quarters(), format_))
    assert (image.format, image.mime) == (name, mime)
    assert decode(heif(quarters())).mime == "image/heic"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("original", "asked", "result"),
    [
        ((4000, 3000), 1920, (2000, 1500)),  # half inside the decoder
        ((3000, 4000), 1920, (1500, 2000)),
        ((1000, 500), 1920, (1000, 500)),  # never enlarged
        ((1600, 1200), 100, (100, 75)),  # an eighth is 200: much more than asked for
        ((2100, 300), 1920, (2100, 300)),  # not worth shrinking
        ((3000, 2000), 1920, (1920, 1280)),
    ],
)
@pytest.mark.parametrize("format_", ["JPEG", "PNG"])
def test_pixels_are_about_as_large_as_asked_for(
    original: tuple[int, int], asked: int, result: tuple[int, int], format_: str
) -> None:
    image = decode(saved(Image.new("RGB", original, "navy"), format_), asked)
    assert (image.width, image.height) == original
    assert (image.pixels.shape[1], image.pixels.shape[0]) == result


def test_a_picture_that_is_shrunk_in_bands_has_no_seams() -> None:
    ramp = np.linspace(0, 255, 3000).astype(np.uint8)[:, None].repeat(700, axis=1)
    pixels = decode(saved(Image.fromarray(ramp), "PNG"), 300).pixels[..., 0].astype(int)
    assert pixels.shape[0] == 300
    steps = np.diff(pixels[:, 30])
    assert steps.min() >= 0
    assert steps.max() <= 2


@pytest.mark.slow
def test_panoramas_of_30000_pixels_can_be_read() -> None:
    panorama = Image.new("RGB", (30_000, 3_000), "teal")
    for data in (saved(panorama, "JPEG", quality=60), saved(panorama, "PNG", compress_level=1)):
        image = decode(data)
        assert (image.width, image.height) == (30_000, 3_000)
        assert max(image.pixels.shape) <= 2400


# ---- Colour profiles --------------------------------------------------------------------------------------------


def test_a_profile_is_brought_to_srgb() -> None:
    swapped = swapped_primaries_profile()
    pixels = decode(saved(Image.new("RGB", (8, 8), (255, 0, 0)), "PNG", icc_profile=swapped)).pixels
    assert pixels[4, 4, 1] > 200  # this profile's red is green
    assert pixels[4, 4, 0] < 60


def swapped_primaries_profile() -> bytes:
    """sRGB with the tags of red and green exchanged."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for at in range(132, 132 + 12 * struct.unpack(">I", profile[128:132])[0], 12):
        tag = bytes(profile[at : at + 4])
        profile[at : at + 4] = {b"rXYZ": b"gXYZ", b"gXYZ": b"rXYZ"}.get(tag, tag)
    return bytes(profile)


def test_an_srgb_profile_costs_no_transform() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert colour._transform(profile, "RGB") is None


@pytest.mark.parametrize("profile", [b"not a profile", b"\0" * 200])
def test_a_broken_profile_is_ignored(profile: bytes) -> None:
    assert_upright(decode(saved(quarters(), "JPEG", quality=95, icc_profile=profile)).pixels)


def test_a_profile_for_other_colours_is_ignored() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    pixels = decode(saved(Image.new("L", (8, 8), 77), "PNG", icc_profile=profile)).pixels
    assert pixels[4, 4].tolist() == [77, 77, 77]


# ---- What cannot be read ----------------------------------------------------------------------------------------


def test_an_empty_file_says_so() -> None:
    with pytest.raises(UnreadableImage, match=r"^The file is empty\.$"):
        decode(b"")


@pytest.mark.parametrize(
    ("data", "looks"),
    [
        (b"%PDF-1.7 ...", "a PDF document"),
        (b"PK\x03\x04....", "a ZIP archive"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "a video"),
        (b"Dear diary, today", "a text file"),
    ],
)
def test_other_files_are_named(data: bytes, looks: str) -> None:
    with pytest.raises(UnreadableImage, match=f"not a picture PictoPy can read .it looks like {looks}"):
        decode(data)


def test_a_file_of_zeros_says_so() -> None:
    with pytest.raises(UnreadableImage, match="only zeros"):
        decode(b"\0" * 5000)


def test_the_thumbnail_of_a_raw_file_is_not_taken_for_the_photo() -> None:
    data = saved(Image.new("RGB", (16, 12)), "TIFF", tiffinfo={50706: b"\1\4\0\0"})
    with pytest.raises(UnreadableImage, match="camera RAW"):
        decode(data)


@pytest.mark.slow
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "AVIF", "BMP", "HEIF"])
def test_a_file_that_is_cut_off_is_unreadable(format_: str) -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (200, 200, 3), dtype=np.uint8))
    data = heif(noise) if format_ == "HEIF" else saved(noise, format_)
    with pytest.raises(UnreadableImage, match=r"cut off|damaged"):
        decode(data[: len(data) // 2])
    if format_ in ("JPEG", "PNG", "WEBP", "HEIF"):
        with pytest.raises(UnreadableImage, match="cut off"):
            decode(data[: len(data) * 3 // 4])


def test_too_many_megapixels_are_refused_by_the_header_alone() -> None:
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    data += struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    with pytest.raises(UnreadableImage, match=r"has 2,500 megapixels; at most 160 can be read"):
        decode(data)


def with_jpeg_size(data: bytes, width: int, height: int, marker: bytes) -> bytes:
    at = data.index(b"\xff" + marker) + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def test_a_progressive_jpeg_that_would_fill_the_memory_is_refused() -> None:
    data = with_jpeg_size(saved(quarters(), "JPEG", progressive=True), 40_000, 20_000, b"\xc2")
    with pytest.raises(UnreadableImage, match=r"has 800 megapixels; at most 213"):
        decode(data)


def test_a_jpeg_with_thousands_of_passes_is_refused() -> None:
    data = with_jpeg_size(saved(quarters(), "JPEG", progressive=True), 10_000, 10_000, b"\xc2")
    with pytest.raises(UnreadableImage, match="so many passes"):
        decode(data + b"\xff\xda\0\x08" * 2000)


def test_broken_exif_costs_the_picture_nothing() -> None:
    data = saved(quarters(), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01garbage")
    assert_upright(decode(data).pixels)


def test_decoding_in_several_threads_leaves_the_warnings_as_they_were() -> None:
    import warnings

    before = list(warnings.filters)
    data = saved(quarters(), "PNG")
    threads = [threading.Thread(target=lambda: [decode(data) for _ in range(20)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before


@needs_samples
@pytest.mark.parametrize(
    ("folder", "readable"),
    [("broken-and-odd", 2), ("exiftool", 30), pytest.param(".", 300, marks=pytest.mark.slow)],
)
def test_every_sample_file_is_read_or_refused_quickly_and_in_little_memory(folder: str, readable: int) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    read = 0
    for path in sorted(path for path in (FORMATS / folder).rglob("*") if path.is_file()):
        data = path.read_bytes()
        with takes_less_than(8, path.name), contextlib.suppress(UnreadableImage):
            if kind_of(data[:HEAD_BYTES]) == "video":
                assert video.probe(io.BytesIO(data)).width > 0
                pixels = video.poster(io.BytesIO(data)).pixels
            else:
                pixels = decode(data).pixels
            assert pixels.shape[2] == 3
            read += 1
    assert read > readable
    grown_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown_mib < 500


# ---- Working with pixels ----------------------------------------------------------------------------------------


def test_a_letterbox_says_where_the_picture_lies() -> None:
    pixels = np.full((50, 100, 3), 200, np.uint8)
    corner = letterbox(pixels, 64, 64, centred=False)
    assert (corner.scale, corner.left_px, corner.top_px) == (0.64, 0, 0)
    assert corner.canvas[31, 63].tolist() == [200] * 3
    assert corner.canvas[32, 0].tolist() == [114] * 3
    centred = letterbox(pixels, 64, 64, centred=True)
    assert (centred.left_px, centred.top_px) == (0, 16)
    assert centred.canvas[15, 0].tolist() == [114] * 3
    assert centred.canvas[16, 0].tolist() == [200] * 3


def test_shrinking_never_enlarges() -> None:
    pixels = np.zeros((30, 60, 3), np.uint8)
    assert shrink(pixels, 20).shape == (10, 20, 3)
    assert shrink(pixels, 60) is pixels
    assert shrink(np.zeros((1, 5000, 3), np.uint8), 100).shape == (1, 100, 3)


def test_encoded_pixels_come_back() -> None:
    image = decode(encode_jpeg(np.asarray(quarters()), 90))
    assert image.format == "jpeg"
    assert_upright(image.pixels)


def test_the_mean_colour_is_red_green_blue() -> None:
    assert mean_colour(np.full((4, 4, 3), (10, 20, 30), np.uint8)) == (10, 20, 30)
