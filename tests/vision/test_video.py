"""A video says what it is and gets a picture, and a hostile one gets nowhere."""

import io
import os
import resource
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
from PIL import Image

from gallery.vision import video
from gallery.vision.formats import UnreadableImage, kind_of
from tests.clock import takes_less_than
from tests.vision.films import HDR, crafted, film, sound_alone
from tests.vision.samples import assert_upright, quarters, stored

# Display rotation (counter-clockwise degrees, mirrored after) by the EXIF orientation that it is like.
TURNS = {1: None, 2: (0, True), 3: (180, False), 6: (-90, False), 8: (90, False), 5: (-90, True), 7: (90, True)}


def probe(data: bytes) -> video.Video:
    return video.probe(io.BytesIO(data))


def test_a_video_says_what_it_is() -> None:
    data = film(tags={"creation_time": "2019-07-05T14:15:30.000000Z", "location": "+48.8577+002.2950/"})
    found = probe(data)
    assert kind_of(data) == "video"
    assert (found.width, found.height, found.rotation) == (320, 240, 0)
    assert found.duration_s == pytest.approx(1.0, abs=0.05)
    assert found.fps == pytest.approx(30, abs=0.1)
    assert (found.codec, found.audio_codec, found.pixel_format) == ("h264", "aac", "yuv420p")
    assert (found.format, found.mime, found.brand) == ("mp4", "video/mp4", "isom")
    assert found.tags["creation_time"].startswith("2019-07-05T14:15:30")
    assert "+48.8577" in found.tags["location"]
    assert not found.is_hdr


@pytest.mark.parametrize("orientation", sorted(TURNS))
def test_every_turn_of_the_display_matrix_ends_upright(orientation: int) -> None:
    lying = stored(quarters(320, 240), orientation)
    data = film(picture=lying, width=lying.width, height=lying.height, turn=TURNS[orientation], sound=None)
    found = probe(data)
    assert (found.width, found.height) == (320, 240)
    assert found.rotation == {3: 180, 5: 90, 6: 90, 7: 270, 8: 270}.get(orientation, 0)
    image = video.poster(io.BytesIO(data))
    assert (image.width, image.height, image.mime, image.is_animated) == (320, 240, "video/mp4", False)
    assert image.pixels.shape == (240, 320, 3)
    assert image.pixels.flags.c_contiguous
    assert_upright(image.pixels)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("codec", "container", "sound", "is_playable"),
    [
        ("libx264", "mp4", "aac", True),
        ("libx264", "mov", "aac", True),
        ("libx264", "mp4", "libmp3lame", True),
        ("libx264", "mp4", None, True),
        ("libvpx-vp9", "webm", "libopus", True),
        ("libvpx", "webm", None, True),
        ("libx264", "matroska", "aac", False),
        ("libx264", "mp4", "ac3", False),
        ("mpeg4", "mp4", "aac", False),
        ("mpeg4", "avi", "libmp3lame", False),
        ("mpeg2video", "mpegts", "mp2", False),
        ("mpeg2video", "vob", None, False),
        ("wmv2", "asf", None, False),
        ("flv", "flv", None, False),
    ],
)
def test_what_browsers_play_is_known(codec: str, container: str, sound: str | None, is_playable: bool) -> None:
    data = film(codec=codec, container=container, sound=sound)
    found = probe(data)
    assert found.is_browser_playable == is_playable
    assert (found.audio_codec is None) == (sound is None)
    assert_upright(video.poster(io.BytesIO(data)).pixels, 20)


@pytest.mark.parametrize("pixel_format", ["yuv422p", "yuv444p", "yuv420p10le"])
def test_other_colour_samplings_do_not_play_in_browsers(pixel_format: str) -> None:
    found = probe(film(pixel_format=pixel_format, sound=None))
    assert (found.pixel_format, found.is_browser_playable) == (pixel_format, False)


@pytest.mark.slow
def test_the_poster_is_not_black() -> None:
    image = video.poster(io.BytesIO(film(dark=20)))
    assert_upright(image.pixels, 20)
    black = video.poster(io.BytesIO(film(dark=30)))
    assert black.pixels.max() < 10  # there is nothing else


@pytest.mark.slow
def test_the_poster_is_taken_at_a_tenth() -> None:
    times = [Fraction(i, 5) for i in range(100)]
    data = film(times=times, sound=None, options={"g": "5"})
    row = video.poster(io.BytesIO(data)).pixels[120].astype(int)
    # The bar stands at 5 pixels a frame; a tenth of 20 s is frame 10.
    assert row[52:56].min() > 200
    assert row[100:110].min() < 200


@pytest.mark.slow
def test_a_poster_is_as_large_as_asked_for() -> None:
    image = video.poster(io.BytesIO(film(width=640, height=480)), 160)
    assert image.pixels.shape == (120, 160, 3)
    assert (image.width, image.height) == (640, 480)
    assert video.poster(io.BytesIO(film()), 4000).pixels.shape == (240, 320, 3)


@pytest.mark.slow
@pytest.mark.parametrize("transfer", [16, 18])
def test_hdr_is_not_grey(transfer: int) -> None:
    white = 148 if transfer == 16 else 191  # the reference white of 203 cd/m2
    wall = Image.new("RGB", (320, 240), (white, white, white))
    wall.paste((white, white // 2, white // 2), (160, 0, 320, 240))
    data = film(picture=wall, colours=(9, transfer, 9), sound=None, **HDR)
    found = probe(data)
    assert (found.codec, found.pixel_format, found.is_hdr) == ("hevc", "yuv420p10le", True)
    assert not found.is_browser_playable
    pixels = video.poster(io.BytesIO(data)).pixels.astype(int)
    assert pixels[40, 60].min() > 215
    assert np.ptp(pixels[40, 60]) < 25
    assert pixels[40, 260, 0] - pixels[40, 260, 1] > 90


def test_oblong_pixels_are_made_square() -> None:
    found = probe(anamorphic())
    assert (found.width, found.height) == (427, 240)
    assert video.poster(io.BytesIO(anamorphic())).pixels.shape == (240, 427, 3)


def anamorphic() -> bytes:
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        for number in range(5):
            frame = av.VideoFrame.from_image(quarters(320, 240)).reformat(format="yuv420p")
            frame.pts = number
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


def test_times_may_vary() -> None:
    found = probe(film(times=[Fraction(it, 100) for it in (0, 3, 50, 51, 300)]))
    assert found.duration_s == pytest.approx(3.03, abs=0.1)


# ---- What cannot be read ----------------------------------------------------------------------------------------

Reader = Callable[[BinaryIO], object]


@pytest.fixture(params=[video.probe, video.poster], ids=["probe", "poster"])
def reader(request: pytest.FixtureRequest) -> Reader:
    return request.param  # type: ignore[no-any-return]


def test_sound_alone_is_no_video(reader: Reader) -> None:
    with pytest.raises(UnreadableImage, match="holds no pictures, only sound"):
        reader(io.BytesIO(sound_alone()))


def test_a_picture_is_no_video(reader: Reader) -> None:
    with pytest.raises(UnreadableImage, match="looks like a picture"):
        reader(io.BytesIO(b"\xff\xd8\xff\xe0"))


def test_a_video_without_frames_says_so(reader: Reader) -> None:
    with pytest.raises(UnreadableImage, match=r"no picture that can be decoded|damaged"):
        reader(io.BytesIO(crafted()))


@pytest.mark.slow
@pytest.mark.parametrize("container", ["mp4", "matroska", "avi", "mpegts", "flv"])
@pytest.mark.parametrize("share", [0.01, 0.05, 0.5, 0.9])
def test_a_video_that_is_cut_off_is_read_or_refused(container: str, share: float, reader: Reader) -> None:
    codec = "flv" if container == "flv" else "mpeg4"
    data = film(codec=codec, container=container, sound=None)
    try:
        result = reader(io.BytesIO(data[: int(len(data) * share)]))
    except UnreadableImage as error:
        assert str(error).endswith(".")  # noqa: PT017 (both ends are right; the sentence must be one)
    else:
        assert result is not None
        assert share >= 0.05
    if container == "mp4":  # what it is stands at its end
        with pytest.raises(UnreadableImage):
            reader(io.BytesIO(data[: int(len(data) * share)]))


@pytest.mark.slow
def test_bytes_turned_over_at_random_crash_nothing(reader: Reader) -> None:
    rng = np.random.default_rng(7)
    whole = film(width=64, height=48)
    for _ in range(60):
        data = bytearray(whole)
        for at in rng.integers(8, len(data), rng.integers(1, 40)):
            data[at] = rng.integers(0, 256)
        with takes_less_than(5):
            try:
                assert reader(io.BytesIO(bytes(data))) is not None
            except UnreadableImage as error:
                assert str(error)  # noqa: PT017


@pytest.mark.parametrize("samples", [10_000_000, 2**31, 2**32 - 1])
@pytest.mark.parametrize("one_tick", [True, False])
def test_a_video_that_claims_billions_of_pictures_is_refused_in_little_memory(
    samples: int, one_tick: bool, reader: Reader
) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with takes_less_than(1), pytest.raises(UnreadableImage, match="more pictures than it can hold"):
        reader(io.BytesIO(crafted(samples, one_tick=one_tick)))
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 50


def test_frames_beyond_8k_are_refused(reader: Reader) -> None:
    data = film(codec="mpeg4", container="avi", sound=None)
    # The width in the header of the stream; the decoder reads its own, so this only must not be believed.
    huge = data.replace((320).to_bytes(4, "little") + (240).to_bytes(4, "little"), (60_000).to_bytes(4, "little") * 2)
    assert huge != data
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        reader(io.BytesIO(huge))
    except UnreadableImage as error:
        assert str(error)  # noqa: PT017
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 300


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:9,\n{path}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{path}'\n",
        "<?xml version='1.0'?><MPD><Period><BaseURL>{path}</BaseURL></Period></MPD>",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
        "[playlist]\nFile1={path}\n",
    ],
)
def test_a_playlist_opens_no_other_file(text: str, tmp_path: Path, reader: Reader) -> None:
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(film(sound=None))
    os.utime(secret, ns=(1, 1))
    with pytest.raises(UnreadableImage, match="looks like"):
        reader(io.BytesIO(text.format(path=secret).encode()))
    assert secret.stat().st_atime_ns == 1


def test_a_track_that_lies_in_another_file_is_not_fetched(tmp_path: Path, reader: Reader) -> None:
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(film(sound=None))
    for url in (f"file:{secret}", str(secret), "http://127.0.0.1:9/x.mp4", "concat:/etc/hostname|/etc/hosts"):
        os.utime(secret, ns=(1, 1))
        with pytest.raises(UnreadableImage):
            reader(io.BytesIO(crafted(url=url.encode())))
        assert secret.stat().st_atime_ns == 1


class Slow(io.BytesIO):
    """A disk that takes a while for every piece."""

    def read(self, size: int | None = -1) -> bytes:
        time.sleep(0.05)
        return super().read(size)


@pytest.mark.slow
def test_a_video_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "_PROBE_S", 0.01)
    start = time.monotonic()
    with pytest.raises(UnreadableImage, match="takes too long"):
        video.probe(Slow(film(container="matroska", times=[Fraction(i, 30) for i in range(300)])[:-5] * 20))
    assert time.monotonic() - start < 3
