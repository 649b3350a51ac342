"""A camera's RAW file is shown as the camera showed it, or developed."""

import numpy as np
import pytest
from PIL import Image

from gallery.vision.formats import kind_of, recognise
from gallery.vision.image import UnreadableImage, decode
from tests.clock import takes_less_than
from tests.vision.cameras import dng
from tests.vision.samples import FORMATS, assert_upright, needs_samples, quarters, saved, stored


def sensor(orientation: int = 1, width: int = 600, height: int = 400) -> np.ndarray:
    return np.asarray(stored(quarters(width, height), orientation))


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("edge", [1920, 200])
def test_a_raw_without_a_preview_is_developed_upright(orientation: int, edge: int) -> None:
    image = decode(dng(sensor(orientation), orientation=orientation), edge)
    assert (image.width, image.height, image.format, image.mime) == (600, 400, "dng", "image/x-adobe-dng")
    assert image.pixels.shape == ((400, 600, 3) if edge == 1920 else (133, 200, 3))
    assert image.pixels.flags.c_contiguous
    assert_upright(image.pixels, 45)  # LibRaw brightens


@pytest.mark.slow
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_preview_is_turned_as_the_raw_says(orientation: int) -> None:
    preview = saved(stored(quarters(1200, 800), orientation), "JPEG", quality=95)
    image = decode(dng(sensor(orientation, 2400, 1600), orientation=orientation, preview=preview))
    assert (image.width, image.height) == (2400, 1600)
    assert image.pixels.shape == (800, 1200, 3)  # the preview's: nothing was developed
    assert_upright(image.pixels)


@pytest.mark.slow
def test_a_preview_with_its_own_orientation_is_turned_once() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    preview = saved(stored(quarters(1200, 800), 6), "JPEG", quality=95, exif=exif)
    assert_upright(decode(dng(sensor(6, 2400, 1600), orientation=6, preview=preview)).pixels)


def test_a_preview_that_was_stored_upright_is_not_turned_again() -> None:
    # Held upright: the sensor lies, the preview stands.
    standing = quarters(800, 1200)
    image = decode(
        dng(np.asarray(stored(quarters(800, 1200), 8)), orientation=8, preview=saved(standing, "JPEG", quality=95))
    )
    assert image.pixels.shape == (1200, 800, 3)
    assert (image.width, image.height) == (800, 1200)
    assert_upright(image.pixels)


def test_a_previews_colour_profile_is_honoured() -> None:
    from gallery.vision.primaries import adobe_rgb

    preview = saved(Image.new("RGB", (300, 200), (60, 200, 60)), "JPEG", quality=95, icc_profile=adobe_rgb())
    plain = saved(Image.new("RGB", (300, 200), (60, 200, 60)), "JPEG", quality=95)
    wide, narrow = (decode(dng(sensor(), preview=it)).pixels[100, 150] for it in (preview, plain))
    assert narrow[0] > 50
    assert wide[0] < 10  # such a green lies outside sRGB: no red is left in it


def test_a_stamp_of_a_preview_is_not_shown() -> None:
    wrong = saved(Image.new("RGB", (160, 120), "black"), "JPEG")
    image = decode(dng(sensor(), preview=wrong))
    assert image.pixels.shape == (400, 600, 3)
    assert_upright(image.pixels, 45)


def test_half_of_a_small_sensor_is_preview_enough() -> None:
    image = decode(dng(sensor(), preview=saved(quarters(300, 200), "JPEG", quality=95)))
    assert image.pixels.shape == (200, 300, 3)
    assert_upright(image.pixels)


def test_a_damaged_preview_gives_a_sentence() -> None:
    preview = saved(quarters(1200, 800), "JPEG", quality=95)
    with pytest.raises(UnreadableImage, match=r"cut off|damaged"):
        decode(dng(sensor(1, 2400, 1600), preview=preview[:2000] + b"\0" * 50))


@pytest.mark.parametrize("share", [0.001, 0.2, 0.5, 0.9])
def test_a_raw_that_is_cut_off_is_unreadable(share: float) -> None:
    whole = dng(sensor())
    head, end = whole[:8], int(len(whole) * share)
    with pytest.raises(UnreadableImage, match=r"cut off|damaged|cannot read"):
        decode(head + whole[8 : max(end, 9)])


def test_sensor_data_that_was_lost_is_noticed() -> None:
    whole = bytearray(dng(sensor()))
    whole[8 + 300_000 : 8 + 480_000] = b"\0" * 180_000
    with pytest.raises(UnreadableImage, match="camera RAW file is cut off"):
        decode(bytes(whole))


def test_too_many_megapixels_are_refused() -> None:
    whole = dng(sensor())
    at = whole.index(b"\0\1\4\0\1\0\0\0X\2\0\0") + 8  # 256, LONG, 1, 600
    huge = whole[:at] + (60_000).to_bytes(4, "little") + whole[at + 4 :]
    at = huge.index(b"\1\1\4\0\1\0\0\0\x90\1\0\0") + 8
    huge = huge[:at] + (60_000).to_bytes(4, "little") + huge[at + 4 :]
    match = r"megapixels, more than can be developed|damaged|cut off"
    with takes_less_than(2), pytest.raises(UnreadableImage, match=match):
        decode(huge)


@pytest.mark.parametrize(
    ("name", "format_"),
    [
        ("CanonRaw.cr2", "cr2"),
        ("CanonRaw.cr3", "cr3"),
        ("CanonRaw.crw", "crw"),
        ("DNG.dng", "dng"),
        ("FujiFilm.raf", "raf"),
        ("Minolta.mrw", "mrw"),
        ("Nikon.nef", "nef"),
        ("Panasonic.rw2", "rw2"),
        ("PhaseOne.iiq", "iiq"),
        ("Sigma.x3f", "x3f"),
    ],
)
@needs_samples
def test_cameras_are_told_apart_and_their_stumps_refused(name: str, format_: str) -> None:
    data = (FORMATS / "exiftool" / "images" / name).read_bytes()
    assert recognise(data) == format_
    assert kind_of(data[:1024]) == "raw" or format_ == "nef"
    with pytest.raises(UnreadableImage, match=r"camera RAW"):
        decode(data)


@needs_samples
def test_plain_tiffs_are_not_taken_for_raw() -> None:
    files = [path for path in FORMATS.rglob("*.tif*") if path.name != "ExifTool.tif"]
    assert len(files) > 15
    assert {recognise(path.read_bytes()) for path in files} == {"tiff"}
