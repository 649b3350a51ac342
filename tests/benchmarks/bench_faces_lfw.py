"""How well faces are grouped: the faces of shared/eval/faces/lfw, as the app does it and by plain DBSCAN.

    python -m tests.benchmarks.bench_faces_lfw [MODEL]

One face a portrait, the most central; one embedding each. B-cubed after Bagga and Baldwin (1998); noise counts as
clusters of one. "Calibrated": by the strangers who are beside them in these very portraits. "Taught": in a library of
its own, 30 questions answered by the names of the folders.
"""

import os
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.cluster import DBSCAN

from faces import clustering
from faces.clustering import quality
from faces.clustering.calibration import Calibration, calibrate
from faces.vision import DetectedFace, face_quality, load_face_detector, load_face_embedder
from gallery.vision import catalog
from gallery.vision.image import decode

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "eval" / "faces" / "lfw"
ANSWERS = 30
# B-cubed F and precision of pairs: grouped as the app does it, and with the catalog 0.05 off.
BARS = {"grouped": (0.972, 0.99), "lower": (0.955, 0.98), "higher": (0.955, 0.98)}


@dataclass(frozen=True, slots=True)
class Faces:
    """All faces of some pictures, best first in each: float32 (n, d), the picture and the quality of each, and which of
    them are those the portraits are of."""

    vectors: npt.NDArray[np.float32]
    pictures: npt.NDArray[np.intp]
    qualities: npt.NDArray[np.float64]
    central: npt.NDArray[np.intp]
    names: list[str]
    milliseconds: float


def weights_folder() -> Path:
    """Where the weights lie that are measured."""
    return Path(os.environ.get("PICTOPY_MODEL_MIRROR") or ROOT.parent / "shared" / "models")


def portrait(faces: list[DetectedFace]) -> DetectedFace:
    """The face a portrait is of: the most central one (a few portraits show two people of one size)."""
    return min(faces, key=lambda face: np.hypot(face.x + face.w / 2 - 0.5, face.y + face.h / 2 - 0.5))


def embed(paths: list[Path], key: str = "mobilefacenet") -> Faces:
    """The faces of portraits; the folder of each is the name of the person it is of."""
    detector = load_face_detector(catalog.model("yunet"), weights_folder())
    embedder = load_face_embedder(catalog.model(key), weights_folder())
    vectors: list[npt.NDArray[np.float32]] = []
    pictures: list[int] = []
    qualities: list[float] = []
    central: list[int] = []
    names: list[str] = []
    start = time.perf_counter()
    for number, path in enumerate(paths):
        pixels = decode(path.read_bytes()).pixels
        faces = detector.detect(pixels)
        names.append(path.parent.name)
        if not faces:
            continue
        crops = embedder.crops(pixels, faces)
        central.append(len(vectors) + faces.index(portrait(faces)))
        vectors += list(embedder.embed_crops(crops))
        pictures += [number] * len(faces)
        height_px, width_px = pixels.shape[:2]
        qualities += [face_quality(face, crop, width_px, height_px) for face, crop in zip(faces, crops, strict=True)]
    milliseconds = (time.perf_counter() - start) / len(paths) * 1000
    return Faces(np.array(vectors), np.array(pictures), np.array(qualities), np.array(central), names, milliseconds)


def embed_lfw(key: str = "mobilefacenet") -> tuple[npt.NDArray[np.float32], npt.NDArray[np.intp], float]:
    """Embeddings (n, 128), the number of each one's person, and milliseconds a portrait; the faceless are left out."""
    faces = embed(sorted(DATA.glob("*/*.jpg")), key)
    return faces.vectors[faces.central], people_of(faces), faces.milliseconds


def people_of(faces: Faces) -> npt.NDArray[np.intp]:
    """The number of the person whom each central face is of."""
    numbers = {name: number for number, name in enumerate(sorted(set(faces.names)))}
    return np.array([numbers[faces.names[picture]] for picture in faces.pictures[faces.central]])


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


def off(spec: catalog.ModelSpec, by: float) -> catalog.ModelSpec:
    """A row of the catalog with all distances and their ranges off by so much."""

    def moved(allowed: tuple[float, float] | None) -> tuple[float, float] | None:
        return None if allowed is None else (allowed[0] + by, allowed[1] + by)

    assert spec.eps is not None
    assert spec.link_distance is not None
    assert spec.match_distance is not None
    return replace(
        spec,
        eps=spec.eps + by,
        link_distance=spec.link_distance + by,
        match_distance=spec.match_distance + by,
        eps_range=moved(spec.eps_range),
        link_range=moved(spec.link_range),
        match_range=moved(spec.match_range),
    )


def group(vectors: npt.NDArray[np.float32], rules: catalog.ModelSpec | Calibration) -> npt.NDArray[np.intp]:
    """Groups by the distances of a row of the catalog or of a library; every face is in a photo of its own."""
    assert rules.eps is not None
    assert rules.link_distance is not None
    seeds = clustering.dbscan(vectors, eps=rules.eps, min_samples=2).labels
    return clustering.link_groups(seeds, vectors, np.arange(len(vectors)), limit=rules.link_distance)


def measure(key: str = "mobilefacenet") -> dict[str, dict[str, float]]:
    """Figures by name: grouped with the catalog's distances, 0.05 off, calibrated, by plain DBSCAN, and taught."""
    spec = catalog.model(key)
    faces = embed(sorted(DATA.glob("*/*.jpg")), key)
    vectors, people = faces.vectors[faces.central], people_of(faces)
    good = quality.may_start(faces.vectors, faces.qualities)
    figures: dict[str, dict[str, float]] = {"portraits": {"faces": len(vectors), "ms_each": faces.milliseconds}}
    for name, by in (("grouped", 0.0), ("lower", -0.05), ("higher", 0.05)):
        rules = off(spec, by) if by else spec
        assert rules.eps is not None
        figures[name] = {"eps": rules.eps, **score(group(vectors, rules), people)}
        library = calibrate(faces.vectors[good], faces.pictures[good], spec=rules)
        found = {"eps": library.eps, "link": library.link_distance, "match": library.match_distance}
        figures[f"{name}, calibrated"] = {**found, "pairs": library.pairs, **score(group(vectors, library), people)}
    for eps in (0.4, 0.45, 0.5, 0.55):
        labels = DBSCAN(eps=eps, min_samples=2, metric="cosine").fit_predict(vectors)
        figures[f"plain DBSCAN, {eps}"] = {"eps": eps, **score(labels, people)}
    return figures | taught(vectors, people, faces.qualities[faces.central])


def taught(
    vectors: npt.NDArray[np.float32], people: npt.NDArray[np.intp], qualities: npt.NDArray[np.float64]
) -> dict[str, dict[str, float]]:
    """In a library of these faces, each in a photo of its own: before any answer, and after ANSWERS of them."""
    from tests.benchmarks import faces_library

    viewer, ids = faces_library.make(vectors, range(len(vectors)), qualities)
    truth = {pk: f"person {number}" for pk, number in zip(ids, people.tolist(), strict=True)}
    faces_library.regroup(faces=True)
    figures = {"library": score(faces_library.partition(ids), people)}
    given = faces_library.teach(viewer, truth, answers=ANSWERS)
    return figures | {f"taught, {given} answers": score(faces_library.partition(ids), people) | named(truth)}


def named(truth: dict[int, str]) -> dict[str, float]:
    """How many faces have a name, and which part of those that nobody confirmed has the right one."""
    from faces.models import Face

    rows = list(Face.objects.exclude(person=None).values_list("pk", "person__name", "is_confirmed"))
    guesses = [truth[pk] == name for pk, name, is_confirmed in rows if not is_confirmed]
    return {"named": len(rows), "guesses": len(guesses), "right": sum(guesses) / max(len(guesses), 1)}


def main() -> None:
    """Print the figures."""
    for name, row in measure(*sys.argv[1:2]).items():
        bars = BARS.get(name)
        print(
            f"{name:22} " + "  ".join(f"{figure} {value:.4g}" for figure, value in row.items()),
            f"  bars: F {bars[0]}, pair precision {bars[1]}" if bars else "",
        )


if __name__ == "__main__":
    main()
