"""What looks alike is near, what does not is far, and all the near ones are found."""

import resource

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gallery.vision.image import decode, encode_jpeg, shrink
from gallery.vision.pixels import Pixels
from gallery.vision.similarity import distance, near_pairs, perceptual_hash
from tests.clock import takes_less_than
from tests.thorough import examples
from tests.vision.samples import SHARED

PHOTOS = [SHARED / "photos", SHARED / "eval" / "objects" / "coco_train128" / "images"]
signed = st.integers(-(2**63), 2**63 - 1)


def brighter(pixels: Pixels, by: float) -> Pixels:
    return np.clip(pixels.astype(np.float32) * by, 0, 255).astype(np.uint8)


def variants(pixels: Pixels) -> list[Pixels]:
    return [
        decode(encode_jpeg(pixels, 40)).pixels,
        shrink(pixels, max(pixels.shape) // 2),
        shrink(pixels, 160),
        brighter(pixels, 1.25),
        brighter(pixels, 0.75),
        np.clip(pixels.astype(np.int16) + 20, 0, 255).astype(np.uint8),
        decode(encode_jpeg(brighter(shrink(pixels, 400), 1.1), 60)).pixels,
    ]


def test_a_hash_fits_a_database_and_stays_the_same() -> None:
    y, x = np.mgrid[0:120, 0:160]
    pixels = np.stack([x, y, x * y % 251], axis=-1).astype(np.uint8)
    found = perceptual_hash(pixels)
    assert found is not None
    assert -(2**63) <= found < 2**63
    # Stored hashes must mean the same in the next version.
    assert found == perceptual_hash(pixels.copy())
    assert distance(found, found) == 0


def test_a_picture_of_one_colour_has_no_hash() -> None:
    for shade in (0, 128, 255):
        assert perceptual_hash(np.full((64, 64, 3), shade, np.uint8)) is None


@pytest.mark.slow
@pytest.mark.skipif(not PHOTOS[0].is_dir(), reason="the sample photos are not there")
def test_the_same_picture_is_near_and_another_is_far() -> None:
    hashes, apart = dict[str, int](), list[int]()
    files = sorted(it for folder in PHOTOS for it in folder.rglob("*.*") if it.suffix.lower() in (".jpg", ".png"))
    for path in files:
        pixels = decode(path.read_bytes(), 640).pixels
        own = perceptual_hash(pixels)
        assert own is not None
        hashes.setdefault(path.name, own)  # two of the folders share pictures
        for variant in variants(pixels):
            other = perceptual_hash(variant)
            assert other is not None
            apart.append(distance(own, other))
    assert len(hashes) > 200
    assert np.mean(np.array(apart) <= 6) >= 0.99
    assert len(near_pairs(np.array(list(hashes.values()), np.int64), 6)) == 0


@given(signed, signed)
def test_a_distance_counts_the_bits_that_differ(first: int, second: int) -> None:
    assert distance(first, second) == sum(a != b for a, b in zip(bits(first), bits(second), strict=True))
    assert distance(first, second) == distance(second, first)


def bits(value: int) -> str:
    return f"{value % 2**64:064b}"


@st.composite
def clustered(draw: st.DrawFn) -> list[int]:
    """Hashes of which many are a few bits apart, and some equal."""
    seeds = draw(st.lists(signed, min_size=0, max_size=6))
    found = list(seeds)
    for seed in seeds:
        for places in draw(st.lists(st.lists(st.integers(0, 63), max_size=18), max_size=8)):
            value = seed % 2**64
            for place in places:
                value ^= 1 << place
            found.append(value - 2**64 if value >= 2**63 else value)
    return found


@pytest.mark.slow
@settings(deadline=None, max_examples=examples(150))
@given(clustered(), st.integers(0, 15))
def test_near_pairs_are_those_of_brute_force(hashes: list[int], most: int) -> None:
    found = [tuple(pair) for pair in near_pairs(np.array(hashes, np.int64), most).tolist()]
    wanted = [
        (i, j) for i in range(len(hashes)) for j in range(i + 1, len(hashes)) if distance(hashes[i], hashes[j]) <= most
    ]
    assert found == wanted


@pytest.mark.parametrize("most", [-1, 16, 64])
def test_distances_that_cannot_be_searched_are_refused(most: int) -> None:
    with pytest.raises(ValueError, match="0 to 15"):
        near_pairs(np.zeros(2, np.int64), most)


@pytest.mark.slow
def test_200000_hashes_take_seconds_and_little_memory() -> None:
    rng = np.random.default_rng(1)
    hashes = rng.integers(-(2**63), 2**63 - 1, 200_000, dtype=np.int64)
    hashes[100_000:120_000] = hashes[:20_000] ^ (1 << rng.integers(0, 62, 20_000))
    hashes[120_000:120_500] = hashes[0]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with takes_less_than(20):
        pairs = near_pairs(hashes, 6)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 500
    # The first hash, its neighbour of one bit, and its 500 copies are all near each other.
    assert len(pairs) == 19_999 + 502 * 501 // 2
