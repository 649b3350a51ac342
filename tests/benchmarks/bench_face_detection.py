"""Which faces are found, and what does it cost?  `python -m tests.benchmarks.bench_face_detection`

Portraits of LFW put into large pictures, so that every face has a known place and size: recall by the size of the faces
and of the picture, for several sizes at which the detector looks. Milliseconds are of processor time, on one thread.
"""

from __future__ import annotations

import time

import cv2
import numpy as np
import numpy.typing as npt

from faces.vision import load_face_detector
from gallery.vision import catalog
from gallery.vision.image import decode
from tests.benchmarks.bench_faces_lfw import DATA, weights_folder

INPUTS_PX = (640, 960, 1280, 1600, 1920)
PICTURES = ((4000, 3000), (3264, 2448), (2000, 1500))
FACES_PX = (28, 40, 56, 80)
MOST = 60
# The shorter edge of the box that is found in a portrait of 250 pixels.
_PORTRAIT_PX, _BOX_PX = 250, 93


def collage(
    width_px: int, height_px: int, face_px: int, seed: int = 0
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float64]]:
    """A picture with up to MOST portraits at random places of a grid, and the middle of each in pixels (n, 2)."""
    rng = np.random.default_rng(seed)
    paths = sorted(DATA.glob("*/*.jpg"))
    tile = round(_PORTRAIT_PX * face_px / _BOX_PX)
    columns, rows = width_px // tile, height_px // tile
    cells = rng.permutation(columns * rows)[:MOST]
    noise = rng.normal(110, 4, (height_px, width_px, 3))
    picture = noise.clip(0, 255).astype(np.uint8)
    chosen = rng.choice(len(paths), len(cells), replace=False)
    middles = []
    for cell, number in zip(cells.tolist(), chosen.tolist(), strict=True):
        top, left = cell // columns * tile, cell % columns * tile
        pixels = decode(paths[number].read_bytes()).pixels
        how = cv2.INTER_AREA if tile < _PORTRAIT_PX else cv2.INTER_LINEAR
        picture[top : top + tile, left : left + tile] = cv2.resize(pixels, (tile, tile), interpolation=how)
        middles.append((left + tile / 2, top + tile / 2))
    return picture, np.array(middles)


def measure() -> list[tuple[int, int, int, float, float]]:
    """Longer edge of the picture, size of its faces, size the detector looks at, recall, milliseconds."""
    cv2.setNumThreads(1)
    spec = catalog.model("yunet")
    detectors = {size: load_face_detector(spec, weights_folder(), size) for size in INPUTS_PX}
    rows = []
    for width_px, height_px in PICTURES:
        for face_px in FACES_PX:
            picture, middles = collage(width_px, height_px, face_px)
            for size, detector in detectors.items():
                start = time.process_time()
                found = detector.detect(picture)
                milliseconds = (time.process_time() - start) * 1000
                places = [((face.x + face.w / 2) * width_px, (face.y + face.h / 2) * height_px) for face in found]
                seen = np.array(places or [(-1e9, -1e9)])
                apart = np.linalg.norm(middles[:, None] - seen[None], axis=2).min(axis=1)
                rows.append((width_px, face_px, size, float((apart < 0.4 * face_px).mean()), milliseconds))
    return rows


def main() -> None:
    """Print the table."""
    print("The detector's own choice is 960; it looks through large pictures with small faces in quarters as well.")
    for width_px, face_px, size, recall, milliseconds in measure():
        print(f"picture {width_px}  faces {face_px:3}  at {size:4}  recall {recall:5.2f}  {milliseconds:6.0f} ms")


if __name__ == "__main__":
    main()
