"""Who is recognised in group pictures?  `python -m tests.benchmarks.bench_groups`

The eight people of shared/photos/friends are named by their five portraits each, in a library of their own; then the
job runs, and of their faces in the five group pictures is counted who is with their person. The bar: 80 %. Who stands
where was written down by looking at the pictures.
"""

from __future__ import annotations

import sys

import numpy as np

from faces.vision import face_quality, load_face_detector, load_face_embedder
from gallery.vision import catalog
from gallery.vision.image import decode
from tests.benchmarks import faces_library
from tests.benchmarks.bench_faces_lfw import ROOT, embed, weights_folder

DATA = ROOT.parent / "shared" / "photos" / "friends"
BAR = 0.80
# The middle of each face, relative to the picture. Whoever else is seen there is none of the eight.
SHOWN = {
    "bbt1.jpg": {"raj": (0.19, 0.26), "leonard": (0.38, 0.27), "howard": (0.57, 0.25), "sheldon": (0.77, 0.18)},
    "bbt2.jpg": {"leonard": (0.20, 0.37), "sheldon": (0.62, 0.36)},
    "bbt3.jpg": {
        "sheldon": (0.11, 0.17), "howard": (0.30, 0.32), "penny": (0.47, 0.34), "raj": (0.66, 0.37),
        "leonard": (0.88, 0.35),
    },
    "bbt4.jpg": {
        "leonard": (0.14, 0.67), "amy": (0.18, 0.17), "raj": (0.39, 0.21), "penny": (0.42, 0.61),
        "sheldon": (0.72, 0.50), "bernadette": (0.87, 0.26),
    },
    "bbt5.jpg": {
        "raj": (0.16, 0.46), "penny": (0.27, 0.18), "sheldon": (0.51, 0.44), "leonard": (0.65, 0.21),
        "howard": (0.81, 0.34),
    },
}  # fmt: skip
NEAR = 0.05


def whose(picture: str, x: float, y: float) -> str:
    """Which of the eight a face in the middle of (x, y) is, "" for somebody else."""
    places = SHOWN[picture]
    name = min(places, key=lambda name: np.hypot(places[name][0] - x, places[name][1] - y))
    return name if np.hypot(places[name][0] - x, places[name][1] - y) < NEAR else ""


def measure(key: str = "mobilefacenet") -> dict[str, float]:
    """How many of the faces are found, are with their person, with another; and how many strangers got a name."""
    detector = load_face_detector(catalog.model("yunet"), weights_folder())
    embedder = load_face_embedder(catalog.model(key), weights_folder())
    portraits = embed(sorted(DATA.glob("bbt/*/*.png")), key)
    vectors = list(portraits.vectors[portraits.central])
    qualities = list(portraits.qualities[portraits.central])
    names = [portraits.names[picture] for picture in portraits.pictures[portraits.central]]
    photos, meant = list(range(len(vectors))), [""] * len(vectors)
    for number, picture in enumerate(SHOWN):
        pixels = decode((DATA / "bbt_group" / picture).read_bytes()).pixels
        faces = detector.detect(pixels)
        crops = embedder.crops(pixels, faces)
        height_px, width_px = pixels.shape[:2]
        vectors += list(embedder.embed_crops(crops))
        qualities += [face_quality(face, crop, width_px, height_px) for face, crop in zip(faces, crops, strict=True)]
        photos += [1000 + number] * len(faces)
        meant += [whose(picture, face.x + face.w / 2, face.y + face.h / 2) for face in faces]
    viewer, ids = faces_library.make(np.array(vectors), photos, np.array(qualities), model=key)
    from faces import services
    from faces.models import Face

    for face, name in zip(Face.objects.filter(pk__in=ids[: len(names)]).order_by("pk"), names, strict=True):
        services.name_face(face, name, viewer)
    faces_library.regroup(key, faces=True)
    given = dict(Face.objects.values_list("pk", "person__name"))
    figures = {"faces of the eight": sum(len(places) for places in SHOWN.values()), "found": 0, "right": 0}
    figures |= {"wrong": 0, "strangers": 0, "strangers with a name": 0}
    known = np.array(vectors[: len(names)])
    for row in range(len(names), len(ids)):
        name, got = meant[row], given[ids[row]] or ""
        figures["strangers"] += not name
        figures["strangers with a name"] += bool(got) and not name
        figures["found"] += bool(name)
        figures["right"] += bool(name) and got == name
        figures["wrong"] += bool(name and got) and got != name
        if name and got != name:
            own = min(1 - float(known[at] @ vectors[row]) for at in range(len(names)) if names[at] == name)
            picture = list(SHOWN)[photos[row] - 1000]
            print(f"  {picture}: {name} is {got or 'nobody'}: distance {own:.2f}, quality {qualities[row]:.2f}")
    return {name: float(value) for name, value in figures.items()}


def main() -> None:
    """Print the figures."""
    figures = measure(*sys.argv[1:2])
    for name, value in figures.items():
        print(f"{name:24} {value:3.0f}")
    print(f"{'with their person':24} {figures['right'] / figures['faces of the eight']:.0%}   bar: {BAR:.0%}")


if __name__ == "__main__":
    main()
