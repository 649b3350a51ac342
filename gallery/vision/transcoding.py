"""A copy of a video that every browser plays: H.264 and AAC in an MP4 that starts before it is all there."""

import contextlib
import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import av.error
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from gallery.vision.footage import DAMAGED, Footage, Upright, open_footage, shown_size, uprighter
from gallery.vision.formats import UnreadableImage

# 1080p, standing or lying.
_MAX_LONG_EDGE_PX, _MAX_SHORT_EDGE_PX = 1920, 1080
_VIDEO_OPTIONS = {"crf": "23", "preset": "veryfast", "profile": "high", "g": "120"}
_TIME_BASE = Fraction(1, 90_000)
_SOUND_RATES_HZ = (32_000, 44_100, 48_000)
_SOUND_FRAME = 1024  # samples of AAC
_MAX_WAITING = 2000  # frames of sound that come before the first picture
_BT709 = 1
# So long without a new picture means that none will come.
_STALL_S = 60.0
# What may be missing at the end: containers round their lengths, and sound and pictures end apart.
_MISSING_S, _MISSING_SHARE = 1.0, 0.05


class TranscodeStopped(Exception):  # noqa: N818 (it is asked for, not an error)
    """The caller asked to stop; nothing is left of the copy."""


class _CannotWrite(Exception):  # noqa: N818
    """Carries an error of the target past the handling of those of the source."""


def transcode(
    source: BinaryIO,
    target: Path,
    *,
    on_progress: Callable[[float], None],
    should_stop: Callable[[], bool],
    threads: int = 1,
) -> None:
    """Write a copy of a video that every browser plays to `target`, whole or not at all.

    H.264 (High, 8 bits, 4:2:0, at most 1080p, upright, SDR) and AAC (stereo or mono). The times of the pictures are
    kept. Neither file is ever held in memory. `on_progress` gets the share that is done, 0 to 1; `should_stop` is asked
    at every packet, and may take its time. While it works, the copy is called `.<name>.<8 hex digits>.part`.

    Raises UnreadableImage with a sentence for a person where the video is damaged, cut off or does not go on for a
    minute; TranscodeStopped; OSError where the target cannot be written.
    """
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640))
        with open_footage(source, _STALL_S, threads) as footage, _writing(temporary) as output:
            _Copy(footage, output, on_progress, should_stop, threads).run()
        _sync(temporary)
        os.replace(temporary, target)
        _sync(target.parent)
    except _CannotWrite as error:
        raise OSError(f"The copy of the video cannot be written: {error}") from error
    finally:
        temporary.unlink(missing_ok=True)
    on_progress(1.0)


class _Copy:
    """One transcoding from start to end. Times are in seconds from the source's start."""

    def __init__(
        self,
        footage: Footage,
        output: OutputContainer,
        on_progress: Callable[[float], None],
        should_stop: Callable[[], bool],
        threads: int,
    ) -> None:
        self._footage, self._output = footage, output
        self._on_progress, self._should_stop, self._threads = on_progress, should_stop, threads
        self._start_s = Fraction(footage.container.start_time or 0, 1_000_000)
        self._duration_s = footage.duration_s
        self._end_s = self._told = 0.0
        self._last_pts = {"video": -1, "audio": -1}
        self._packets = self._damaged = 0
        self._source_sound = next((it for it in footage.container.streams.audio if it.codec_context), None)
        self._waiting: list[AudioFrame] = []
        self._upright: Upright | None = None
        self._video: VideoStream | None = None
        self._sound: AudioStream | None = None
        self._resampler: AudioResampler | None = None

    def run(self) -> None:
        streams = [self._footage.stream, *([self._source_sound] if self._source_sound is not None else [])]
        with contextlib.ExitStack() as stack:
            for packet in self._footage.container.demux(streams):
                asked = time.monotonic()
                if self._should_stop():
                    raise TranscodeStopped
                self._footage.source.forgive(time.monotonic() - asked)
                self._footage.source.check()
                for frame in self._decode(packet):
                    if isinstance(frame, AudioFrame):
                        self._take_sound(frame)
                    elif isinstance(frame, VideoFrame):
                        upright = self._upright or self._begin(frame, stack)
                        for shown in upright.push(frame):
                            self._write_picture(shown)
            for shown in self._upright.rest() if self._upright else ():
                self._write_picture(shown)
        self._finish()

    def _decode(self, packet: "Packet[Stream]") -> Sequence[object]:
        self._packets += 1
        try:
            return packet.decode()
        except av.error.InvalidDataError:
            self._damaged += 1
            return ()

    def _begin(self, frame: VideoFrame, stack: contextlib.ExitStack) -> Upright:
        """The first picture decides the copy's size; the sound that came before it has waited."""
        width, height = _copy_size(*shown_size(frame, self._footage.stream))
        self._video = self._add_video(width, height)
        if self._source_sound is not None:
            self._sound = self._add_sound(self._source_sound)
        upright = self._upright = stack.enter_context(uprighter(width, height, "yuv420p"))
        for waiting in self._waiting:
            self._write_sound(waiting)
        self._waiting.clear()
        return upright

    def _take_sound(self, frame: AudioFrame) -> None:
        if self._sound is not None:
            self._write_sound(frame)
        elif len(self._waiting) < _MAX_WAITING:
            self._waiting.append(frame)

    def _write_picture(self, frame: VideoFrame) -> None:
        assert self._video is not None
        at_s = self._place(frame)
        pts = self._last_pts["video"] + 1 if at_s is None else round(at_s / _TIME_BASE)
        if pts <= self._last_pts["video"]:
            return  # twice the same time: a player could show only one of them
        self._last_pts["video"] = pts
        frame.pts, frame.time_base = pts, _TIME_BASE
        frame.pict_type = 0  # the encoder decides where a new group of pictures begins
        self._mux(self._video, frame)
        self._footage.source.extend(_STALL_S)
        self._progress(float(pts * _TIME_BASE))

    def _write_sound(self, frame: AudioFrame) -> None:
        if self._resampler is None or self._sound is None:
            return
        for resampled in self._resampler.resample(frame):
            self._mux_sound(resampled)

    def _mux_sound(self, frame: AudioFrame) -> None:
        assert self._sound is not None
        at_s, rate = self._place(frame), self._sound.codec_context.sample_rate
        pts = max(round((at_s or 0) * rate), self._last_pts["audio"] + 1)
        self._last_pts["audio"] = pts + frame.samples - 1
        frame.pts, frame.time_base = pts, Fraction(1, rate)
        self._mux(self._sound, frame)
        self._end_s = max(self._end_s, (pts + frame.samples) / rate)

    def _place(self, frame: VideoFrame | AudioFrame) -> Fraction | None:
        if frame.pts is None or frame.time_base is None:
            return None
        return max(frame.pts * frame.time_base - self._start_s, Fraction(0))

    def _progress(self, at_s: float) -> None:
        self._end_s = max(self._end_s, at_s)
        share = min(at_s / self._duration_s, 1.0) if self._duration_s else 0.0
        if share >= self._told + 0.005:
            self._told = share
            self._on_progress(share)

    def _finish(self) -> None:
        if self._last_pts["video"] < 0 or self._damaged > 5 + self._packets // 20:
            raise UnreadableImage(DAMAGED)
        whole_s = self._duration_s or 0.0
        if whole_s - self._end_s > _MISSING_S + _MISSING_SHARE * whole_s:
            raise UnreadableImage(f"The video breaks off after {self._end_s:.0f} of {whole_s:.0f} seconds.")
        assert self._video is not None
        self._mux(self._video, None)
        if self._sound is not None and self._resampler is not None:
            if self._last_pts["audio"] >= 0:
                for frame in self._resampler.resample(None):
                    self._mux_sound(frame)
            self._mux(self._sound, None)

    def _mux(self, stream: VideoStream | AudioStream, frame: VideoFrame | AudioFrame | None) -> None:
        try:
            self._output.mux(stream.encode(frame))  # type: ignore[arg-type]
        except av.error.FFmpegError as error:
            raise _CannotWrite(error.strerror or str(error)) from error

    def _add_video(self, width: int, height: int) -> VideoStream:
        rate = self._footage.stream.average_rate or self._footage.stream.guessed_rate or Fraction(30)
        stream = self._output.add_stream("libx264", rate=min(max(rate, Fraction(1)), Fraction(240)))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        context = stream.codec_context
        context.options, context.thread_count, context.time_base = _VIDEO_OPTIONS, self._threads, _TIME_BASE
        context.color_primaries = context.color_trc = context.colorspace = _BT709
        context.color_range = 1  # 16 to 235
        return stream

    def _add_sound(self, sound: AudioStream) -> AudioStream:
        rate = sound.codec_context.sample_rate
        if rate not in _SOUND_RATES_HZ:
            rate = 44_100 if rate and rate % 11_025 == 0 else 48_000
        layout = "mono" if sound.codec_context.channels == 1 else "stereo"
        stream = self._output.add_stream("aac", rate=rate, layout=layout)
        stream.codec_context.bit_rate = 96_000 if layout == "mono" else 160_000
        self._resampler = AudioResampler(format="fltp", layout=layout, rate=rate, frame_size=_SOUND_FRAME)
        return stream


def _copy_size(width: int, height: int) -> tuple[int, int]:
    """Within 1080p and even, as 4:2:0 wants it."""
    long_edge, short_edge = max(width, height), min(width, height)
    scale = min(1.0, _MAX_LONG_EDGE_PX / long_edge, _MAX_SHORT_EDGE_PX / short_edge)
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[OutputContainer]:
    try:
        output = av.open(f"file:{path}", "w", format="mp4", options={"movflags": "+faststart"})
    except av.error.FFmpegError as error:
        raise _CannotWrite(error.strerror or str(error)) from error
    try:
        yield output
    except BaseException:
        # What has gone wrong is known; that the rest cannot be written either is not news.
        with contextlib.suppress(av.error.FFmpegError):
            output.close()
        raise
    try:
        output.close()
    except av.error.FFmpegError as error:
        raise _CannotWrite(error.strerror or str(error)) from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
