"""Wide gamuts, HDR and inks come to the sRGB that they mean, against conversions computed apart."""

import io
import struct

import numpy as np
import numpy.typing as npt
import pillow_heif
import pytest
from PIL import Image, ImageCms

from gallery.vision import boxes, primaries
from gallery.vision.image import decode
from tests.vision.samples import FORMATS, needs_samples, saved
from tests.vision.test_jxl import jxl

Floats = npt.NDArray[np.float64]

# Linear light to CIE XYZ (D65), from the standards: IEC 61966-2-1, SMPTE EG 432-1, ITU-R BT.2020, Adobe RGB (1998).
TO_XYZ = {
    "srgb": [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]],
    "p3": [[0.4865709, 0.2656677, 0.1982173], [0.2289746, 0.6917385, 0.0792869], [0.0, 0.0451134, 1.0439444]],
    "rec2020": [[0.6369580, 0.1446169, 0.1688810], [0.2627002, 0.6779981, 0.0593017], [0.0, 0.0280727, 1.0609851]],
    "adobe": [[0.5767309, 0.1855540, 0.1881852], [0.2973769, 0.6273491, 0.0752741], [0.0270343, 0.0706872, 0.9911085]],
}


def gradient(size: int = 48) -> npt.NDArray[np.uint8]:
    """Colours from all over the space, smooth enough for any codec."""
    y, x = np.mgrid[0:size, 0:size] / (size - 1)
    return np.round(np.stack([x, y, 1 - (x + y) / 2], axis=-1) * 200 + 25).astype(np.uint8)


def srgb_light(values: Floats) -> Floats:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def reference(pixels: npt.NDArray[np.uint8], space: str) -> Floats:
    """The sRGB of pixels in another space, by the standards' own numbers."""
    values = pixels / 255
    light = values ** (563 / 256) if space == "adobe" else srgb_light(values)
    linear = np.clip(light @ (np.linalg.inv(np.array(TO_XYZ["srgb"])) @ np.array(TO_XYZ[space])).T, 0, 1)
    return 255 * np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def profile(space: str) -> bytes:
    made = {"p3": primaries.profile_of(12, 13), "rec2020": primaries.profile_of(9, 13), "adobe": primaries.adobe_rgb()}
    found = made[space]
    assert found is not None
    return found


def assert_same(found: npt.NDArray[np.uint8], wanted: Floats) -> None:
    apart = np.abs(found.astype(float) - wanted)
    assert apart.mean() < 0.6
    assert apart.max() <= 3


def encoded(format_: str, icc: bytes | None, picture: Image.Image | None = None) -> bytes:
    picture = picture or Image.fromarray(gradient())
    if format_ == "HEIF":
        file = io.BytesIO()
        heif = pillow_heif.from_pillow(picture)
        if icc:
            heif.info["icc_profile"] = icc
        heif.save(
            file, quality=100, chroma=444, save_nclx_profile=not icc, color_primaries=1, transfer_characteristics=13,
            matrix_coefficients=1, full_range_flag=1,
        )  # fmt: skip
        return file.getvalue()
    options: dict[str, dict[str, object]] = {
        "JPEG": {"quality": 100, "subsampling": 0},
        "WEBP": {"lossless": True},
        "AVIF": {"quality": 100, "subsampling": "4:4:4"},
    }
    return saved(picture, format_, icc_profile=icc, **options.get(format_, {}))


@pytest.mark.parametrize("space", ["p3", "rec2020", "adobe"])
@pytest.mark.parametrize("format_", ["PNG", "TIFF", "JPEG", "WEBP", "AVIF", "HEIF"])
def test_a_wide_gamut_is_converted_as_the_standards_say(space: str, format_: str) -> None:
    # What the codec lost is lost from both.
    plain = decode(encoded(format_, None)).pixels
    assert np.abs(plain.astype(int) - gradient()).mean() < 2
    assert_same(decode(encoded(format_, profile(space))).pixels, reference(plain, space))


def test_16_bits_with_a_profile_are_converted() -> None:
    pixels = gradient()
    deep = (pixels.astype(np.uint16) * 257).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in deep)
    assert_same(decode(png(48, 48, rows, profile("p3"))).pixels, reference(pixels, "p3"))


def png(width: int, height: int, rows: bytes, icc: bytes) -> bytes:
    import zlib

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    parts = (
        chunk(b"IHDR", header) + chunk(b"iCCP", b"P3\0\0" + zlib.compress(icc)) + chunk(b"IDAT", zlib.compress(rows))
    )
    return b"\x89PNG\r\n\x1a\n" + parts + chunk(b"IEND", b"")


def test_adobe_rgb_without_a_profile_is_known_by_the_cameras_mark() -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA005] = {1: "R03"}
    picture = Image.fromarray(gradient())
    marked = saved(picture, "JPEG", quality=100, subsampling=0, exif=exif)
    assert_same(decode(marked).pixels, reference(decode(encoded("JPEG", None)).pixels, "adobe"))


def with_codes(data: bytes, colour_primaries: int, transfer: int) -> bytes:
    """An AVIF or HEIC whose nclx box says other primaries and another transfer."""
    at = data.index(b"colrnclx") + 8
    return data[:at] + struct.pack(">HH", colour_primaries, transfer) + data[at + 4 :]


@pytest.mark.parametrize(("code", "space"), [(12, "p3"), (9, "rec2020")])
@pytest.mark.parametrize("format_", ["AVIF", "HEIF"])
def test_code_points_without_a_profile_are_obeyed(code: int, space: str, format_: str) -> None:
    data = encoded(format_, None)
    plain = decode(data).pixels
    assert_same(decode(with_codes(data, code, 13)).pixels, reference(plain, space))
    # An unknown code changes nothing.
    assert np.array_equal(decode(with_codes(data, 2, 2)).pixels, plain)


def test_a_profile_is_worth_more_than_code_points() -> None:
    data = encoded("AVIF", profile("p3"))
    assert b"colrprof" in data
    assert b"colrnclx" in data
    assert_same(decode(with_codes(data, 9, 16)).pixels, reference(decode(encoded("AVIF", None)).pixels, "p3"))


@pytest.mark.parametrize("transfer", [primaries.PQ, primaries.HLG])
@pytest.mark.parametrize("format_", ["AVIF", "HEIF"])
def test_hdr_is_not_grey(transfer: int, format_: str) -> None:
    # A wall of the reference white (203 cd/m2: 58 % of PQ, 75 % of HLG) with a red that fills half of its gamut.
    white = 148 if transfer == primaries.PQ else 191
    pixels = np.full((32, 32, 3), white, np.uint8)
    pixels[:, 16:] = (white, white // 2, white // 2)
    data = encoded(format_, None, Image.fromarray(pixels))
    image = decode(with_codes(data, 9, transfer)).pixels.astype(int)
    wall, red = image[16, 6], image[16, 26]
    assert wall.min() > 225  # white in SDR too, and not the 148 that is stored
    assert np.ptp(wall) <= 6
    assert red[0] - red[1] > 100


def test_the_curves_are_those_of_the_standards() -> None:
    # ITU-R BT.2408, table 1 and 2: the signal of the reference white, and that of 18 % grey (26 cd/m2).
    for transfer, white, grey in ((primaries.PQ, 0.58, 0.38), (primaries.HLG, 0.75, 0.38)):
        light = primaries.to_light(np.array([0.0, grey, white, 1.0]), transfer)
        assert light[0] == pytest.approx(0, abs=1e-6)
        assert light[1] == pytest.approx(26 / 203, abs=0.015)
        assert light[2] == pytest.approx(0.6 + 0.4 * (1 - np.exp(-1)), abs=0.01)
        assert light[3] > 0.98
        steps = np.diff(primaries.to_light(np.linspace(0, 1, 1000), transfer))
        assert steps.min() >= 0


def test_a_table_says_the_same_as_the_formula() -> None:
    lines = primaries.cube(9, primaries.PQ, 5).splitlines()
    assert lines[0] == "LUT_3D_SIZE 5"
    assert len(lines) == 1 + 5**3
    # Red fastest: the second row is a little red.
    wanted = primaries.to_srgb(np.array([0.25, 0.0, 0.0]), 9, primaries.PQ)
    assert [float(it) for it in lines[2].split()] == pytest.approx(wanted.tolist(), abs=1e-5)


def test_jpeg_xl_carries_its_colours_in_a_profile() -> None:
    pixels = gradient()
    assert_same(decode(jxl(Image.fromarray(pixels), lossless=True)).pixels, pixels.astype(float))


def test_inks_are_converted_by_their_profile() -> None:
    inks = np.zeros((16, 16, 4), np.uint8)
    inks[:8, :8, 0], inks[:8, 8:, 1], inks[8:, :8, 2], inks[8:, 8:, 3] = 255, 255, 255, 255
    picture = Image.fromarray(inks, "CMYK")
    icc = ink_profile()
    wanted = ImageCms.profileToProfile(
        picture, ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    assert wanted is not None
    tiff = decode(saved(picture, "TIFF", icc_profile=icc)).pixels
    assert np.abs(tiff.astype(int) - np.asarray(wanted)).max() <= 1
    # A JPEG of inks is stored as YCCK by some and CMYK by others, its values upside down.
    jpeg = decode(saved(picture, "JPEG", quality=100, subsampling=0, icc_profile=icc)).pixels
    assert np.abs(jpeg.astype(int) - np.asarray(wanted)).mean() < 3
    cyan = tiff[4, 4].astype(int)
    assert cyan[0] < 90 < cyan[2]  # this profile's cyan, not the plain (0, 255, 255)
    assert cyan[1] < 220


def ink_profile() -> bytes:
    """Inks as a small printer has them: 16 corners of the cube, each in CIE Lab (ICC.1:2022, lut8Type)."""
    table = b""
    for corner in range(16):
        c, m, y, k = (corner >> 3) & 1, (corner >> 2) & 1, (corner >> 1) & 1, corner & 1
        lightness = max(5, 96 - 40 * c - 45 * m - 8 * y - 80 * k)
        a, b = (-35 * c + 70 * m - 5 * y) * (1 - k), (-48 * c - 4 * m + 85 * y) * (1 - k)
        table += bytes([round(lightness * 2.55), max(0, min(255, 128 + a)), max(0, min(255, 128 + b))])
    straight = bytes(range(256))
    matrix = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    lut = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + matrix + straight * 4 + table + straight * 3
    lut += b"\0" * (-len(lut) % 4)
    start = 128 + 4 + 12
    white = struct.pack(">3i", 63190, 65536, 54061)
    header = struct.pack(">I4sI4s4s4s12s4s", start + len(lut), b"", 0x02400000, b"prtr", b"CMYK", b"Lab ", b"", b"acsp")
    header = (header.ljust(68, b"\0") + white).ljust(128, b"\0")
    return header + struct.pack(">I", 1) + struct.pack(">4sII", b"A2B0", start, len(lut)) + lut


@pytest.mark.slow
@needs_samples
def test_the_codes_of_a_phones_hdr_picture() -> None:
    path = FORMATS / "immich-test-assets" / "formats" / "avif" / "10bit-HDR-P3-nclx.avif"
    with path.open("rb") as file:
        assert boxes.colour_codes(file, path.stat().st_size) == (12, 16)
    pixels = decode(path.read_bytes(), 600).pixels
    assert pixels.std() > 40  # not the grey of PQ shown as it is
