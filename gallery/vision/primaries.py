"""Colour by code points (ITU-T H.273) instead of a profile: what HEIC, AVIF and videos say about their colours.

Everything is brought to sRGB. The transfers of SDR video (BT.709, BT.601, BT.2020) are read with sRGB's curve, as
browsers do. HDR (PQ: SMPTE ST 2084; HLG: ITU-R BT.2100) is brought to SDR by one curve on each of red, green and blue:
light is counted from the reference white of 203 cd/m2 (ITU-R BT.2408), stays as it is up to 60 % of it and is bent
towards white above: y = 0.6 + 0.4 (1 - exp(-(x - 0.6) / 0.4)). So skin and sky look as in SDR, and a lamp is white.
"""

import struct
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

BT709, BT2020, DISPLAY_P3 = 1, 9, 12
SRGB_TRANSFER, PQ, HLG = 13, 16, 18

_D65, _DCI_WHITE, _D50 = (0.3127, 0.3290), (0.314, 0.351), (0.3457, 0.3585)
# Red, green, blue and white as CIE 1931 x and y, by the code of H.273, table 2.
_PRIMARIES = {
    1: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65),
    5: ((0.640, 0.330), (0.290, 0.600), (0.150, 0.060), _D65),
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),
    7: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _DCI_WHITE),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
    22: ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), _D65),
}
_ADOBE_RGB = ((0.640, 0.330), (0.210, 0.710), (0.150, 0.060), _D65)
# So near to sRGB's that no eye sees it on a photo, and the usual code of phones that mean sRGB.
_LIKE_SRGB = {0, 1, 2, 5, 6, 7, 22}
_REFERENCE_WHITE = 203.0  # cd/m2
_HLG_PEAK = 1000.0  # cd/m2
_CURVE_POINTS = 4096
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def is_hdr(transfer: int) -> bool:
    """Whether a code of a transfer is that of high dynamic range."""
    return transfer in (PQ, HLG)


def is_srgb(primaries: int, transfer: int) -> bool:
    """Whether colours of these codes can be shown as they are. Codes that nobody knows are taken for sRGB."""
    return (
        (primaries in _LIKE_SRGB or primaries not in _PRIMARIES) and not is_hdr(transfer) and transfer not in (4, 5, 8)
    )


def to_light(values: Floats, transfer: int) -> Floats:
    """Stored values 0..1 to light that a screen shows, 0..1, HDR bent into that range."""
    if transfer == PQ:
        power = np.power(np.clip(values, 0, 1), 1 / 78.84375)
        nits = 10000 * np.power(np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power), 1 / 0.1593017578125)
        return _bend(nits / _REFERENCE_WHITE)
    if transfer == HLG:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        scene = np.where(values <= 0.5, values**2 / 3, (np.exp((values - c) / a) + b) / 12)
        return _bend(_HLG_PEAK * np.power(scene, 1.2) / _REFERENCE_WHITE)
    if transfer in (4, 5):
        return np.power(values, 2.2 if transfer == 4 else 2.8)
    if transfer == 8:
        return values
    return np.where(values <= 0.04045, values / 12.92, np.power((values + 0.055) / 1.055, 2.4))


def to_srgb(values: Floats, primaries: int, transfer: int) -> Floats:
    """Stored red, green, blue (0..1, last axis) to sRGB values 0..1; what sRGB cannot show is clipped."""
    to_709 = np.linalg.inv(_to_xyz(_PRIMARIES[BT709])) @ _to_xyz(_PRIMARIES.get(primaries, _PRIMARIES[BT709]))
    light = np.clip(to_light(values, transfer) @ to_709.T, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * np.power(light, 1 / 2.4) - 0.055)


def cube(primaries: int, transfer: int, points: int = 33) -> str:
    """`to_srgb` as a table in Adobe's .cube form, red fastest."""
    steps = np.linspace(0, 1, points)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    colours = to_srgb(np.stack([red, green, blue], axis=-1).reshape(-1, 3), primaries, transfer)
    rows = "\n".join(f"{r:.6f} {g:.6f} {b:.6f}" for r, g, b in colours.tolist())
    return f"LUT_3D_SIZE {points}\n{rows}\n"


@lru_cache(maxsize=16)
def profile_of(primaries: int, transfer: int) -> bytes | None:
    """An ICC profile that says the same as the codes; None if the colours can be shown as they are."""
    if is_srgb(primaries, transfer):
        return None
    curve = to_light(np.linspace(0, 1, _CURVE_POINTS), transfer)
    return _profile(_PRIMARIES.get(primaries, _PRIMARIES[BT709]), np.round(curve * 65535).astype(">u2").tobytes())


@lru_cache(maxsize=1)
def adobe_rgb() -> bytes:
    """The profile that cameras mean by the file name _DSC and the mark R03 (DCF 2.0): Adobe RGB (1998)."""
    return _profile(_ADOBE_RGB, struct.pack(">H", 563))  # a gamma of 563/256


def _bend(light: Floats) -> Floats:
    knee = 0.6
    bent = knee + (1 - knee) * (1 - np.exp(-(np.maximum(light, knee) - knee) / (1 - knee)))
    return np.where(light <= knee, light, bent)


def _to_xyz(primaries: tuple[tuple[float, float], ...], white: tuple[float, float] = _D65) -> Floats:
    """The matrix from light to CIE XYZ, adapted (Bradford) to `white`."""
    *colours, own_white = primaries
    columns = np.stack([_xyz(xy) for xy in colours], axis=1)
    to_xyz = columns * np.linalg.solve(columns, _xyz(own_white))
    gain = (_BRADFORD @ _xyz(white)) / (_BRADFORD @ _xyz(own_white))
    adapted: Floats = np.linalg.inv(_BRADFORD) @ np.diag(gain) @ _BRADFORD @ to_xyz
    return adapted


def _xyz(xy: tuple[float, float]) -> Floats:
    x, y = xy
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _profile(primaries: tuple[tuple[float, float], ...], curve: bytes) -> bytes:
    """A matrix profile (ICC.1:2022, 8.3.3). `curve`: big-endian 16 bits a point, or one gamma in 1/256."""
    matrix = _to_xyz(primaries, _D50)
    contents = [b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in column)) for column in matrix.T]
    contents.append(b"curv\0\0\0\0" + struct.pack(">I", len(curve) // 2) + curve + b"\0" * (len(curve) % 4))
    offsets = [128 + 4 + 12 * 6]
    for content in contents:
        offsets.append(offsets[-1] + len(content))
    tags = [(b"rXYZ", 0), (b"gXYZ", 1), (b"bXYZ", 2), (b"rTRC", 3), (b"gTRC", 3), (b"bTRC", 3)]
    table = b"".join(struct.pack(">4sII", name, offsets[i], len(contents[i])) for name, i in tags)
    white = struct.pack(">3i", *(round(value * 65536) for value in (0.9642, 1.0, 0.8249)))
    header = struct.pack(">I4sI4s4s4s12s4s", offsets[-1], b"", 0x04300000, b"mntr", b"RGB ", b"XYZ ", b"", b"acsp")
    header = header.ljust(68, b"\0") + white
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + b"".join(contents)
