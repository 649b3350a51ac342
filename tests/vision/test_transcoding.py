"""A copy that every browser plays, whole or not at all."""

import gc
import io
import os
import resource
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from gallery.vision import footage, transcoding, video
from gallery.vision.formats import UnreadableImage
from gallery.vision.video import TranscodeStopped, Video, transcode
from tests.vision.films import HDR, crafted, film, sound_alone
from tests.vision.samples import FORMATS, assert_upright, needs_samples, quarters, stored
from tests.vision.test_video import TURNS

pytestmark = pytest.mark.slow

TEN_SECONDS = [Fraction(i, 10) for i in range(100)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "copies"
    path.mkdir()
    return path


def copied(data: bytes, folder: Path, threads: int = 1) -> tuple[Video, Path, list[float]]:
    target, shares = folder / "copy.mp4", list[float]()
    transcode(io.BytesIO(data), target, on_progress=shares.append, should_stop=lambda: False, threads=threads)
    assert [it.name for it in folder.iterdir()] == ["copy.mp4"]
    with target.open("rb") as file:
        return video.probe(file), target, shares


def times_of(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [float(frame.time or 0) for frame in container.decode(video=0)]


@pytest.mark.parametrize(
    ("codec", "container", "sound"),
    [
        ("mpeg4", "avi", "libmp3lame"),
        ("libx265", "mp4", "aac"),
        ("mpeg2video", "mpegts", "mp2"),
        ("libvpx-vp9", "webm", "libopus"),
        ("wmv2", "asf", None),
        ("flv", "flv", None),
    ],
)
def test_a_copy_plays_in_every_browser(codec: str, container: str, sound: str | None, folder: Path) -> None:
    options = HDR["options"] if codec == "libx265" else {}
    found, path, shares = copied(film(codec=codec, container=container, sound=sound, options=options), folder)
    assert found.is_browser_playable
    assert (found.codec, found.pixel_format, found.format) == ("h264", "yuv420p", "mp4")
    assert found.audio_codec == ("aac" if sound else None)
    assert (found.width, found.height, found.rotation) == (320, 240, 0)
    assert found.duration_s == pytest.approx(1.0, abs=0.12)
    assert len(times_of(path)) == 30
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(shares) > 5
    with path.open("rb") as file:
        assert_upright(video.poster(file).pixels, 20)


def test_a_copy_starts_before_it_is_all_there(folder: Path) -> None:
    _, path, _ = copied(film(), folder)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("orientation", sorted(TURNS))
def test_a_turn_becomes_part_of_the_pictures(orientation: int, folder: Path) -> None:
    lying = stored(quarters(320, 240), orientation)
    data = film(picture=lying, width=lying.width, height=lying.height, turn=TURNS[orientation], sound=None)
    found, path, _ = copied(data, folder)
    assert (found.width, found.height, found.rotation) == (320, 240, 0)
    with path.open("rb") as file:
        assert_upright(video.poster(file).pixels, 20)


@pytest.mark.parametrize(
    ("original", "result"),
    [((2560, 1440), (1920, 1080)), ((1440, 2560), (1080, 1920)), ((322, 242), (322, 242)), ((64, 48), (64, 48))],
)
def test_a_copy_is_1080p_at_most_and_even(original: tuple[int, int], result: tuple[int, int], folder: Path) -> None:
    width, height = original
    times = [Fraction(i, 30) for i in range(3)]
    found, _, _ = copied(film(width=width, height=height, codec="mpeg4", times=times, sound=None), folder)
    assert (found.width, found.height) == result


def test_odd_edges_become_even() -> None:
    assert transcoding._copy_size(321, 241) == (320, 240)
    assert transcoding._copy_size(1, 1) == (2, 2)
    assert transcoding._copy_size(4000, 3000) == (1440, 1080)


def test_the_times_of_the_pictures_are_kept(folder: Path) -> None:
    times = [Fraction(it, 100) for it in (0, 4, 7, 50, 51, 90, 210)]
    _, path, _ = copied(film(times=times, sound=None), folder)
    assert times_of(path) == pytest.approx([float(it) for it in times], abs=0.002)


def test_sound_and_pictures_stay_together(folder: Path) -> None:
    _, path, _ = copied(film(codec="mpeg4", container="matroska", sound="libmp3lame"), folder)
    with av.open(str(path)) as container:
        sound = list(container.decode(audio=0))
        assert sound[0].sample_rate == 48_000
        assert abs(float(sound[0].time or 0)) < 0.08
        length = sum(frame.samples for frame in sound) / 48_000
        assert length == pytest.approx(1.03, abs=0.1)
        assert max(np.abs(frame.to_ndarray()).max() for frame in sound) == pytest.approx(0.3, abs=0.1)


def test_hdr_becomes_sdr(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = tmp_path / "of this test alone"
    ours.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(ours))
    wall = Image.new("RGB", (320, 240), (148, 148, 148))  # PQ's reference white
    found, path, _ = copied(film(picture=wall, colours=(9, 16, 9), sound=None, **HDR), folder)
    assert not found.is_hdr
    with path.open("rb") as file:
        assert video.poster(file).pixels[40, 60].min() > 215
    assert not list(ours.iterdir())


def test_it_can_be_stopped_and_leaves_nothing(folder: Path) -> None:
    asked = 0

    def should_stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 10

    target = folder / "copy.mp4"
    with pytest.raises(TranscodeStopped):
        transcode(io.BytesIO(film()), target, on_progress=lambda share: None, should_stop=should_stop)
    assert list(folder.iterdir()) == []


def test_an_older_copy_stays_until_the_new_one_is_whole(folder: Path) -> None:
    target = folder / "copy.mp4"
    target.write_bytes(b"older")
    whole = film(container="matroska", codec="mpeg4", sound=None, times=TEN_SECONDS)
    with pytest.raises(UnreadableImage):
        refused(whole[: len(whole) // 2], target)
    assert target.read_bytes() == b"older"
    assert [it.name for it in folder.iterdir()] == ["copy.mp4"]


def refused(data: bytes, target: Path) -> None:
    transcode(io.BytesIO(data), target, on_progress=lambda share: None, should_stop=lambda: False)


def test_a_video_that_breaks_off_is_refused_with_a_sentence(folder: Path) -> None:
    # Matroska says its length at the start, and can be played as far as it goes.
    whole = film(codec="mpeg4", container="matroska", times=TEN_SECONDS, sound=None)
    with pytest.raises(UnreadableImage, match=r"^The video breaks off after \d of 10 seconds\.$"):
        refused(whole[: len(whole) // 2], folder / "copy.mp4")
    assert list(folder.iterdir()) == []


def test_a_damaged_video_is_refused(folder: Path) -> None:
    data = bytearray(film(times=TEN_SECONDS, sound=None))
    start, end = data.index(b"mdat") + 4, data.index(b"moov") - 4
    data[start:end] = np.random.default_rng(1).integers(0, 256, end - start, dtype=np.uint8).tobytes()
    with pytest.raises(UnreadableImage, match=r"damaged|no picture|breaks off"):
        refused(bytes(data), folder / "copy.mp4")
    for empty in (sound_alone(), crafted(), crafted(2**31), b"#EXTM3U\n", b""):
        with pytest.raises(UnreadableImage):
            refused(empty, folder / "copy.mp4")
    assert list(folder.iterdir()) == []


def test_a_folder_that_is_not_there_is_an_error_of_the_disk(folder: Path) -> None:
    with pytest.raises(FileNotFoundError):
        refused(film(), folder / "nowhere" / "copy.mp4")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full disk to write to")
def test_a_full_disk_is_an_error_of_the_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The temporary file leads to a device without space.
    data, real = film(), av.open
    monkeypatch.setattr(
        transcoding.av,
        "open",
        lambda place, *rest, **options: real("file:/dev/full" if rest else place, *rest, **options),
    )
    with pytest.raises(OSError, match="cannot be written"):
        refused(data, folder / "copy.mp4")
    assert list(folder.iterdir()) == []


def test_a_video_that_does_not_go_on_is_given_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcoding, "_STALL_S", -1.0)
    with pytest.raises(UnreadableImage, match="takes too long"):
        refused(film(), folder / "copy.mp4")
    assert list(folder.iterdir()) == []


def test_a_long_video_needs_no_more_memory_than_a_short_one(folder: Path) -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (240, 320, 3), dtype=np.uint8))
    make = {"codec": "ffv1", "container": "matroska", "sound": None, "picture": noise}
    copied(film(times=[Fraction(i, 30) for i in range(60)], **make), folder)
    path = folder / "source.mkv"
    path.write_bytes(film(times=[Fraction(i, 30) for i in range(500)], **make))
    assert path.stat().st_size > 40_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with path.open("rb") as file:
        transcode(file, folder / "copy.mp4", on_progress=lambda share: None, should_stop=lambda: False)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 30


def test_no_frame_waits_for_the_garbage_collection(folder: Path) -> None:
    data = film(codec="mpeg4", sound=None, turn=(-90, False))
    gc.collect()
    gc.disable()
    try:
        before = {id(it) for it in gc.get_objects() if type(it) is av.VideoFrame}
        refused(data, folder / "copy.mp4")
        left = [it for it in gc.get_objects() if type(it) is av.VideoFrame and id(it) not in before]
    finally:
        gc.enable()
    assert len(left) <= 3


@needs_samples
def test_phone_videos_that_browsers_do_not_all_play(folder: Path) -> None:
    path = FORMATS / "takeout-and-sidecars" / "internal" / "exif" / "DATA" / "PXL_20220724_210650210.NIGHT.mp4"
    found, _, _ = copied(path.read_bytes(), folder, threads=2)
    assert found.is_browser_playable
    assert (found.width, found.height) == (1440, 1080)


def test_the_demuxer_is_named_for_every_format() -> None:
    from typing import get_args

    from gallery.vision.formats import VideoFormat

    assert set(footage._DEMUXERS) == set(get_args(VideoFormat))
    assert not {"hls", "concat", "dash", "sdp"} & set(footage._DEMUXERS.values())
