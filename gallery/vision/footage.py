"""Opening a video that may be hostile, and turning its frames into upright SDR ones. For `video` and `transcoding`.

FFmpeg is told what it reads and reads nothing else: the demuxer is the one of the recognised format, so that playlists
(which name further files and addresses) are never tried; no protocol is open to it but our own reading of one file
object, which ends when its time is over.
"""

import contextlib
import io
import math
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO, Literal, cast

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.filter import Graph
from av.sidedata.sidedata import SideData
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from gallery.vision import primaries
from gallery.vision.boxes import refuse_bombs
from gallery.vision.formats import (
    HEAD_BYTES,
    UnreadableImage,
    VideoFormat,
    foreign,
    is_video,
    recognise,
)

_ERRORS = (av.error.FFmpegError, OSError, ValueError, EOFError, MemoryError, ArithmeticError)
DAMAGED = "The file is damaged: the video in it cannot be decoded."
TOO_SLOW = "The video takes too long to read."

_DEMUXERS: dict[VideoFormat, str] = {
    "mp4": "mov", "mov": "mov", "3gp": "mov", "mkv": "matroska", "webm": "matroska", "avi": "avi", "mpg": "mpeg",
    "mts": "mpegts", "wmv": "asf", "flv": "flv", "ogv": "ogg", "dv": "dv",
}  # fmt: skip
# 8K. A decoder holds up to 17 frames of what it is given.
_MAX_FRAME_PIXELS = 8192 * 4320
_MAX_DURATION_S = 400_000.0  # more than four days
_OPTIONS = {
    "protocol_whitelist": "none",
    "probesize": "10000000",
    "analyzeduration": "10000000",
    "max_streams": "64",
    "max_pixels": str(_MAX_FRAME_PIXELS),
    "threads": "1",
}
Purpose = Literal["yuv420p", "rgb24"]


class _Source:
    """A file object that stops giving when its time is over, whatever FFmpeg is looking for in it."""

    def __init__(self, file: BinaryIO, time_s: float) -> None:
        self._file = file
        self.extend(time_s)

    def extend(self, time_s: float) -> None:
        self._deadline = time.monotonic() + time_s

    def forgive(self, time_s: float) -> None:
        """Adds what was spent on something else."""
        self._deadline += time_s

    def check(self) -> None:
        if time.monotonic() > self._deadline:
            raise UnreadableImage(TOO_SLOW)

    def read(self, size: int) -> bytes:
        self.check()
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        self.check()
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


@dataclass(frozen=True, slots=True, eq=False)
class Footage:
    """An open video. `stream`: the one to show. Lives as long as the `with` of `open_footage`."""

    source: _Source
    container: InputContainer
    stream: VideoStream
    format: VideoFormat
    head: bytes

    @property
    def duration_s(self) -> float | None:
        """None where the file does not say, or says nonsense."""
        duration = self.container.duration
        found = duration / av.time_base if duration is not None else 0.0
        if found <= 0 and self.stream.duration and self.stream.time_base:
            found = float(self.stream.duration * self.stream.time_base)
        return found if 0 < found <= _MAX_DURATION_S else None

    def frames(self) -> Iterator[VideoFrame]:
        """What can be decoded, from here on, within the time that is left."""
        errors = 0
        for packet in self.container.demux(self.stream):
            self.source.check()
            try:
                yield from packet.decode()
            except av.error.InvalidDataError:
                errors += 1
                if errors > 100:
                    raise


@contextlib.contextmanager
def open_footage(file: BinaryIO, time_s: float, threads: int = 1) -> Iterator[Footage]:
    """Raises UnreadableImage for what is no video, is damaged, has no pictures or takes longer than `time_s`."""
    size_bytes = file.seek(0, io.SEEK_END)
    file.seek(0)
    head = file.read(HEAD_BYTES)
    format_ = recognise(head)
    if not is_video(format_):
        raise foreign("a picture")
    source = _Source(file, time_s)
    demuxer = _DEMUXERS[format_]
    if demuxer == "mov":
        refuse_bombs(cast(BinaryIO, source), size_bytes)
    file.seek(0)
    if head.startswith(b"\0\0\x01\xb3"):
        demuxer = "mpegvideo"
    try:
        with av.open(source, format=demuxer, options=_OPTIONS, metadata_errors="replace") as opened:
            container = cast(InputContainer, opened)
            stream = _stream(container)
            stream.codec_context.options = {"max_pixels": str(_MAX_FRAME_PIXELS)}
            stream.codec_context.thread_count = threads
            yield Footage(source, container, stream, format_, head)
    except _ERRORS as error:
        source.check()
        raise UnreadableImage(DAMAGED) from error


def _stream(container: InputContainer) -> VideoStream:
    # Sound files carry their cover as a stream of one picture.
    streams = [it for it in container.streams.video if not it.disposition & Disposition.attached_pic]
    if not streams:
        has_sound = bool(container.streams.audio)
        raise UnreadableImage(f"The video holds no pictures{', only sound' if has_sound else ''}.")
    # Without a decoder a stream has no context, whatever its type says.
    known = [it for it in streams if it.codec_context]
    if not known:
        raise UnreadableImage("The video is stored in an unusual way that PictoPy cannot read.")
    return max(known, key=lambda it: (bool(it.disposition & Disposition.default), it.width * it.height))


# ---- Frames -----------------------------------------------------------------------------------------------------


def orientation_of(frame: VideoFrame) -> int:
    """How a frame is turned to be upright, as an EXIF orientation (1 to 8), by its display matrix (ISO 14496-12)."""
    # The container is typed as a mapping of names, but gives its values one after the other.
    found = cast(Iterator[SideData], iter(frame.side_data))
    matrix = next((bytes(data) for data in found if data.type == SideDataType.DISPLAYMATRIX), None)
    if matrix is None:
        return 1
    a, b, _, c, d = np.frombuffer(matrix, "=i4")[:5].tolist()
    turns = {
        (-1, 0, 0, 1): 2, (-1, 0, 0, -1): 3, (1, 0, 0, -1): 4, (0, 1, 1, 0): 5,
        (0, 1, -1, 0): 6, (0, -1, -1, 0): 7, (0, -1, 1, 0): 8,
    }  # fmt: skip
    # Nobody films at an angle in between: the larger part of each axis decides.
    is_turned = abs(b) + abs(c) > abs(a) + abs(d)
    signs = (0, _sign(b), _sign(c), 0) if is_turned else (_sign(a), 0, 0, _sign(d))
    return turns.get(signs, 1)


def shown_size(frame: VideoFrame, stream: VideoStream) -> tuple[int, int]:
    """(width, height) in pixels as people see it: square pixels, upright."""
    aspect = stream.sample_aspect_ratio or Fraction(1)
    if not Fraction(1, 10) < aspect < 10:
        aspect = Fraction(1)
    width, height = max(1, round(frame.width * aspect)), frame.height
    return (width, height) if orientation_of(frame) < 5 else (height, width)


def is_hdr(frame: VideoFrame) -> bool:
    """Whether a frame's light is that of high dynamic range."""
    return primaries.is_hdr(int(frame.color_trc))


@dataclass(slots=True, eq=False)
class Upright:
    """Turns frames into upright, square, SDR ones of one size. Builds its filters anew where the stream changes."""

    width: int
    height: int
    purpose: Purpose
    folder: str  # where the table of colours of a HDR video may be written
    _graph: Graph | None = None
    _key: tuple[object, ...] = ()

    def push(self, frame: VideoFrame) -> Iterator[VideoFrame]:
        """The frames that come of one: none, one or (of two fields) one a little later."""
        # Not `orientation_of`: a frame whose side data was asked for lives until the next garbage collection.
        key = (
            frame.width, frame.height, frame.format.name, frame.time_base, frame.rotation,
            int(frame.color_primaries), int(frame.color_trc), int(frame.colorspace), int(frame.color_range),
        )  # fmt: skip
        if key != self._key:
            yield from self.rest()
            self._graph, self._key = self._build(frame), key
        assert self._graph is not None
        self._graph.vpush(frame)
        yield from self._pull()

    def rest(self) -> Iterator[VideoFrame]:
        """What the filters still hold."""
        if self._graph is not None:
            self._graph.vpush(None)
            yield from self._pull()
            self._graph = None

    def _pull(self) -> Iterator[VideoFrame]:
        assert self._graph is not None
        while True:
            try:
                yield self._graph.vpull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return

    def _build(self, frame: VideoFrame) -> Graph:
        graph = Graph()
        graph.threads = 1
        orientation = orientation_of(frame)
        width, height = (self.width, self.height) if orientation < 5 else (self.height, self.width)
        nodes = [
            graph.add_buffer(
                width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
            ),
            graph.add("yadif", deint="interlaced"),
        ]  # fmt: skip
        colours = {"in_color_matrix": _matrix(frame), "in_range": "pc" if _is_full_range(frame) else "tv"}
        codes = int(frame.color_primaries), int(frame.color_trc)
        is_wide = not primaries.is_srgb(*codes)
        size = {"w": str(width), "h": str(height), "flags": "area" if width * 2 < frame.width else "bicubic"}
        if is_wide:
            # The table works on red, green and blue; ten bits keep what the eye would see of the eight that are left.
            nodes.append(graph.add("scale", **size, **colours, out_range="pc"))
            nodes.append(graph.add("format", pix_fmts="gbrp10le"))
            nodes.append(graph.add("lut3d", file=_cube_file(self.folder, codes), interp="tetrahedral"))
            size, colours = {"flags": "bicubic"}, {}
        out_range = "tv" if self.purpose == "yuv420p" else "pc"
        nodes.append(graph.add("scale", **size, **colours, out_color_matrix="bt709", out_range=out_range))
        nodes.append(graph.add("format", pix_fmts=self.purpose))
        nodes += [graph.add(name, **options) for name, options in _turns(orientation)]
        nodes.append(graph.add("setsar", sar="1"))
        nodes.append(graph.add("buffersink"))
        graph.link_nodes(*nodes).configure()
        return graph


def _turns(orientation: int) -> list[tuple[str, dict[str, str]]]:
    """The filters that turn and mirror by an EXIF orientation."""
    if orientation > 4:
        names = {5: "cclock_flip", 6: "clock", 7: "clock_flip", 8: "cclock"}
        return [("transpose", {"dir": names[orientation]})]
    return [(name, {}) for name in {2: ("hflip",), 3: ("hflip", "vflip"), 4: ("vflip",)}.get(orientation, ())]


def _matrix(frame: VideoFrame) -> str:
    """Of luma and chroma. What says nothing is read as players do: BT.709 from 720 lines on (ITU-R BT.709)."""
    names = {1: "bt709", 4: "fcc", 5: "bt470", 6: "smpte170m", 7: "smpte240m", 9: "bt2020", 10: "bt2020"}
    unsaid = "bt709" if min(frame.width, frame.height) >= 720 else "smpte170m"
    return names.get(int(frame.colorspace), unsaid)


def _is_full_range(frame: VideoFrame) -> bool:
    return int(frame.color_range) == 2 or frame.format.name.startswith("yuvj")


def _cube_file(folder: str, codes: tuple[int, int]) -> str:
    path = os.path.join(folder, f"{codes[0]}-{codes[1]}.cube")
    if not os.path.exists(path):
        with open(path, "w", encoding="ascii") as file:
            file.write(primaries.cube(*codes))
    return path


@contextlib.contextmanager
def uprighter(width: int, height: int, purpose: Purpose) -> Iterator[Upright]:
    """An `Upright` with a folder that goes away with it."""
    with tempfile.TemporaryDirectory(prefix="pictopy-colours-") as folder:
        yield Upright(width, height, purpose, folder)


def _sign(value: int) -> int:
    return int(math.copysign(1, value)) if value else 0
