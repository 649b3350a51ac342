"""How well faces are grouped: the faces of shared/eval/faces/lfw, as the app does it and by plain DBSCAN.

    python -m tests.benchmarks.bench_faces_lfw [MODEL]

One face a portrait, the most central; one embedding each. B-cubed after Bagga and Baldwin (1998); noise counts as
clusters of one.
"""

import os
import sys
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.cluster import DBSCAN

from faces import clustering
from faces.vision import DetectedFace, load_face_detector, load_face_embedder
from gallery.vision import catalog
from gallery.vision.image import decode

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "eval" / "faces" / "lfw"


def weights_folder() -> Path:
    """Where the weights lie that are measured."""
    return Path(os.environ.get("PICTOPY_MODEL_MIRROR") or ROOT.parent / "shared" / "models")


def portrait(faces: list[DetectedFace]) -> DetectedFace:
    """The face a portrait is of: the most central one (a few portraits show two people of one size)."""
    return min(faces, key=lambda face: np.hypot(face.x + face.w / 2 - 0.5, face.y + face.h / 2 - 0.5))


def embed_lfw(key: str = "mobilefacenet") -> tuple[npt.NDArray[np.float32], npt.NDArray[np.intp], float]:
    """Embeddings (n, 128), the number of each one's person, and milliseconds a portrait; the faceless are left out."""
    detector = load_face_detector(catalog.model("yunet"), weights_folder())
    embedder = load_face_embedder(catalog.model(key), weights_folder())
    vectors, people = [], []
    start, paths = time.perf_counter(), sorted(DATA.glob("*/*.jpg"))
    names = sorted({path.parent.name for path in paths})
    for path in paths:
        pixels = decode(path.read_bytes()).pixels
        if faces := detector.detect(pixels):
            vectors.append(embedder.embed(pixels, [portrait(faces)])[0])
            people.append(names.index(path.parent.name))
    return np.array(vectors), np.array(people), (time.perf_counter() - start) / len(paths) * 1000


def score(clusters: npt.NDArray[np.intp], people: npt.NDArray[np.intp]) -> dict[str, float]:
    """B-cubed precision, recall and F, and the precision of pairs put together."""
    clusters = clusters.copy()
    noise = np.flatnonzero(clusters < 0)
    clusters[noise] = clusters.max() + 1 + np.arange(len(noise))
    table = np.zeros((clusters.max() + 1, people.max() + 1))
    np.add.at(table, (clusters, people), 1)
    precision = float((table**2 / table.sum(axis=1, keepdims=True).clip(1)).sum() / len(people))
    recall = float((table**2 / table.sum(axis=0, keepdims=True).clip(1)).sum() / len(people))
    together = (table.sum(axis=1) * (table.sum(axis=1) - 1)).sum()
    return {
        "bcubed_precision": precision,
        "bcubed_recall": recall,
        "bcubed_f": 2 * precision * recall / (precision + recall),
        "pair_precision": float((table * (table - 1)).sum() / max(together, 1)),
    }


def measure(key: str = "mobilefacenet") -> dict[str, float]:
    """All figures: grouped as the app does it, with both distances as they are and 0.05 off; and plain DBSCAN."""
    spec = catalog.model(key)
    vectors, people, milliseconds = embed_lfw(key)
    assert spec.eps
    assert spec.min_samples
    assert spec.link_distance
    figures = {"faces": float(len(vectors)), "ms_per_portrait": milliseconds}
    for name, off in (("grouped", 0.0), ("grouped_0.05_lower", -0.05), ("grouped_0.05_higher", 0.05)):
        seeds = clustering.dbscan(vectors, eps=spec.eps + off, min_samples=spec.min_samples).labels
        found = clustering.link_groups(seeds, vectors, np.arange(len(vectors)), limit=spec.link_distance + off)
        figures |= {f"{name}_{figure}": value for figure, value in score(found, people).items()}
    for eps in (0.45, 0.5):
        found = DBSCAN(eps=eps, min_samples=spec.min_samples, metric="cosine").fit_predict(vectors)
        figures |= {f"dbscan_{eps}_{figure}": value for figure, value in score(found, people).items()}
    return figures


def main() -> None:
    """Print the figures."""
    for name, value in measure(*sys.argv[1:2]).items():
        print(f"{name:38} {value:9.4f}")


if __name__ == "__main__":
    main()
