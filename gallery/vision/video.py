"""Videos: what they are, the picture that stands for them, and (`transcode`) a copy that every browser plays."""

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import av.error
import numpy as np
from av.video.frame import VideoFrame

from gallery.vision.footage import (
    Footage,
    is_hdr,
    open_footage,
    orientation_of,
    shown_size,
    uprighter,
)
from gallery.vision.formats import UnreadableImage, VideoFormat, mime_of
from gallery.vision.image import DecodedImage, Pixels
from gallery.vision.transcoding import TranscodeStopped, transcode

__all__ = ["TranscodeStopped", "Video", "poster", "probe", "transcode"]

_PROBE_S = 8.0
_POSTER_S = 12.0
# The poster is looked for among so many frames, and for so long.
_MAX_CANDIDATES = 300
_SEARCH_S = 4.0
_MAX_TAGS, _MAX_TAG_CHARACTERS = 200, 4000


@dataclass(frozen=True, slots=True)
class Video:
    """What a video says about itself.

    `duration_s` and `fps`: None where it does not say. `width` and `height`: as people see it, upright and with square
    pixels. `rotation`: degrees clockwise that the stored frames are turned by, 0, 90, 180 or 270. `audio_codec`: None
    without sound. `brand`: of the container, as "qt" or "isom", or its format's name. `tags`: the container's, and
    those of the video stream that the container does not have; at most 200, names in lower case.
    """

    duration_s: float | None
    width: int
    height: int
    rotation: int
    codec: str
    audio_codec: str | None
    pixel_format: str
    fps: float | None
    brand: str
    tags: dict[str, str]
    is_hdr: bool
    is_browser_playable: bool
    format: VideoFormat
    mime: str


def probe(file: BinaryIO) -> Video:
    """What a video is, by its headers and its first frame. Raises UnreadableImage with a sentence for a person."""
    with open_footage(file, _PROBE_S) as footage:
        frame = next(footage.frames(), None)
        if frame is None:
            raise UnreadableImage("The video holds no picture that can be decoded.")
        stream, container = footage.stream, footage.container
        width, height = shown_size(frame, stream)
        audio = next(iter(container.streams.audio), None)
        audio_codec = audio.codec_context.name if audio is not None and audio.codec_context else None
        if audio is not None and audio_codec is None:
            audio_codec = "unknown"
        pixel_format = frame.format.name
        codec = stream.codec_context.codec.canonical_name
        return Video(
            duration_s=footage.duration_s,
            width=width,
            height=height,
            rotation={3: 180, 4: 180, 5: 90, 6: 90, 7: 270, 8: 270}.get(orientation_of(frame), 0),
            codec=codec,
            audio_codec=audio_codec,
            pixel_format=pixel_format,
            fps=_fps(footage),
            brand=container.metadata.get("major_brand", "").strip() or container.format.name.split(",")[0],
            tags=_tags(footage),
            is_hdr=is_hdr(frame),
            is_browser_playable=_is_browser_playable(footage.format, codec, audio_codec, pixel_format),
            format=footage.format,
            mime=mime_of(footage.format),
        )


def poster(file: BinaryIO, min_edge_px: int = 1920) -> DecodedImage:
    """The picture that stands for a video: at a tenth of its length, or the next that is not black or of one colour.

    Upright, HDR brought to SDR, its longer edge `min_edge_px` or the video's if that is less. Raises UnreadableImage.
    """
    with open_footage(file, _POSTER_S) as footage:
        frame = _lively_frame(footage)
        width, height = shown_size(frame, footage.stream)
        scale = min(1.0, min_edge_px / max(width, height))
        with uprighter(max(1, round(width * scale)), max(1, round(height * scale)), "rgb24") as upright:
            shown = next(itertools.chain(upright.push(frame), upright.rest()))
            pixels: Pixels = np.ascontiguousarray(shown.to_ndarray(), dtype=np.uint8)
        return DecodedImage(pixels, width, height, footage.format, mime_of(footage.format))


def _lively_frame(footage: Footage) -> VideoFrame:
    target = 0.1 * (footage.duration_s or 0.0)
    found = _search(footage, target) if target > 0.5 and _seek(footage, target) else None
    if found is None:
        # No way to seek, or nothing behind that place.
        _seek(footage, 0.0)
        found = _search(footage, 0.0)
    if found is None:
        raise UnreadableImage("The video holds no picture that can be decoded.")
    return found


def _seek(footage: Footage, at_s: float) -> bool:
    start = footage.container.start_time or 0
    try:
        footage.container.seek(int(at_s * 1_000_000) + start, backward=True)
    except av.error.FFmpegError:
        return False
    return True


def _search(footage: Footage, from_s: float) -> VideoFrame | None:
    """The first frame from a time on that shows something, else the one that shows most."""
    start_s = (footage.container.start_time or 0) / 1_000_000
    until = time.monotonic() + _SEARCH_S
    best, best_contrast = None, -1.0
    for count, frame in enumerate(_until_damage(footage)):
        brightness, contrast = _liveliness(frame)
        is_late_enough = frame.time is None or frame.time - start_s >= from_s
        if is_late_enough and brightness > 12 and contrast > 4:
            return frame
        if contrast > best_contrast:
            best, best_contrast = frame, contrast
        if count >= _MAX_CANDIDATES or time.monotonic() > until:
            break
    return best


def _until_damage(footage: Footage) -> Iterator[VideoFrame]:
    try:
        yield from footage.frames()
    except av.error.FFmpegError:
        return


def _liveliness(frame: VideoFrame) -> tuple[float, float]:
    """(mean, standard deviation) of a small grey copy, 0 to 255."""
    grey = frame.reformat(width=64, height=36, format="gray").to_ndarray()
    return float(grey.mean()), float(grey.std())


def _fps(footage: Footage) -> float | None:
    rate = footage.stream.average_rate or footage.stream.guessed_rate
    return float(rate) if rate and 0 < rate <= 1000 else None


def _tags(footage: Footage) -> dict[str, str]:
    tags: dict[str, str] = {}
    for name, value in (*footage.container.metadata.items(), *footage.stream.metadata.items()):
        if len(tags) < _MAX_TAGS:
            tags.setdefault(name.lower()[:200], value[:_MAX_TAG_CHARACTERS])
    return tags


def _is_browser_playable(format_: VideoFormat, codec: str, audio_codec: str | None, pixel_format: str) -> bool:
    """Whether Chrome, Firefox and Safari all play it as it is."""
    if format_ in ("mp4", "mov"):
        sounds = {None, "aac", "mp3", "mp3float"}
        return codec == "h264" and pixel_format in ("yuv420p", "yuvj420p") and audio_codec in sounds
    if format_ == "webm":
        return codec in ("vp8", "vp9", "av1") and audio_codec in (None, "opus", "libopus", "vorbis", "libvorbis")
    return False
