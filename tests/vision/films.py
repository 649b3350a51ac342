"""Videos that the tests make."""

import io
import struct
from fractions import Fraction

import av
import numpy as np
from PIL import Image

from tests.vision.samples import quarters

HDR = {"codec": "libx265", "pixel_format": "yuv420p10le", "options": {"x265-params": "log-level=none"}}


def film(
    *,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    container: str = "mp4",
    width: int = 320,
    height: int = 240,
    times: list[Fraction] | None = None,
    turn: tuple[int, bool] | None = None,
    sound: str | None = "aac",
    picture: Image.Image | None = None,
    dark: int = 0,
    colours: tuple[int, int, int] | None = None,
    options: dict[str, str] | None = None,
    tags: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
) -> bytes:
    """A film of one picture (a bar walks through it), a second long if `times` (seconds) does not say otherwise.

    `turn`: degrees counter-clockwise and whether mirrored after, of the display matrix. `dark`: so many black frames
    first. `colours`: primaries, transfer and matrix.
    """
    file = io.BytesIO()
    base = np.asarray(picture or quarters(width, height)).copy()
    times = times or [Fraction(i, 30) for i in range(30)]
    with av.open(file, "w", format=container, options=container_options or {}) as output:
        output.metadata.update(tags or {})
        quick = {"deadline": "realtime", "cpu-used": "8"} if codec.startswith("libvpx") else {}
        video = output.add_stream(codec, rate=30, options={**quick, **(options or {})})
        video.width, video.height, video.pix_fmt = width, height, pixel_format
        if codec != "mpeg4" and container == "mp4":
            video.codec_context.time_base = Fraction(1, 9000)
        if colours:
            context = video.codec_context
            context.color_primaries, context.color_trc, context.colorspace = colours
        if turn:
            video.set_display_rotation(turn[0], hflip=turn[1])
        audio = output.add_stream(sound, rate=48_000, layout="stereo") if sound else None
        for number, at in enumerate(times):
            pixels = np.zeros_like(base) if number < dark else base.copy()
            if number >= dark:
                pixels[height // 2 - 2 : height // 2 + 2, number * 5 % width :][:, :10] = 255
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format=pixel_format)
            frame.pts, frame.time_base = round(at * 9000), Fraction(1, 9000)
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        if audio is not None:
            _add_sound(output, audio, float(times[-1]) + 1 / 30)
    return file.getvalue()


def sound_alone() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        _add_sound(output, output.add_stream("aac", rate=48_000, layout="stereo"), 1.0)
    return file.getvalue()


def _add_sound(output: av.container.OutputContainer, stream: av.AudioStream, length_s: float) -> None:
    size = stream.codec_context.frame_size or 1024
    for start in range(0, int(length_s * 48_000), size):
        wave = np.sin(np.arange(start, start + size) * 0.06).astype(np.float32) * 0.3
        frame = av.AudioFrame.from_ndarray(np.stack([wave, wave]), "fltp", "stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
        frame = next(iter(av.AudioResampler(format=stream.codec_context.format).resample(frame)), frame)
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


# ---- Hostile ----------------------------------------------------------------------------------------------------


def box(name: bytes, *contents: bytes) -> bytes:
    content = b"".join(contents)
    return struct.pack(">I", 8 + len(content)) + name + content


def crafted(samples: int = 1, *, url: bytes | None = None, one_tick: bool = True, chunks: int = 1) -> bytes:
    """An MP4 of a few hundred bytes that claims to have `samples` pictures, perhaps in another file (`url`)."""
    zeros = b"\0\0\0\0"
    matrix = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    header = zeros + struct.pack(">IIII", 0, 0, 1000, 1000) + struct.pack(">IH", 0x10000, 0x100) + b"\0" * 10
    track = (
        b"\0\0\0\x07"
        + struct.pack(">5I", 0, 0, 1, 0, 1000)
        + b"\0" * 16
        + matrix
        + struct.pack(">II", 64 << 16, 64 << 16)
    )
    codec = b"\0" * 6 + b"\0\1" + b"\0" * 16 + struct.pack(">HHII", 64, 64, 0x480000, 0x480000)
    codec += zeros + b"\0\1" + b"\0" * 32 + b"\0\x18\xff\xff"
    place = box(b"url ", zeros + url + b"\0") if url is not None else box(b"url ", b"\0\0\0\1")
    table = box(
        b"stbl",
        box(b"stsd", zeros, struct.pack(">I", 1), box(b"mp4v", codec)),
        box(b"stts", zeros, struct.pack(">III", 1, samples, 1 if one_tick else 2)),
        box(b"stsc", zeros, struct.pack(">IIII", 1, 1, samples, 1)),
        box(b"stsz", zeros, struct.pack(">II", 1, samples)),
        box(b"stco", zeros, struct.pack(">I", chunks), struct.pack(">I", 40) * chunks),
    )
    media = box(
        b"mdia",
        box(b"mdhd", zeros, struct.pack(">IIII", 0, 0, 1000, 1000), zeros),
        box(b"hdlr", zeros, zeros, b"vide", b"\0" * 12, b"x\0"),
        box(
            b"minf",
            box(b"vmhd", zeros, b"\0" * 8),
            box(b"dinf", box(b"dref", zeros, struct.pack(">I", 1), place)),
            table,
        ),
    )
    movie = box(
        b"moov",
        box(b"mvhd", header, matrix, b"\0" * 24, struct.pack(">I", 2)),
        box(b"trak", box(b"tkhd", track), media),
    )
    return box(b"ftyp", b"isom\0\0\0\0isom") + box(b"mdat", b"\0" * 16) + movie
