"""Which models exist and which of them are at hand.

Reads `models/catalog.toml`. Importing this module is cheap (no OpenCV, no onnxruntime): the web process uses it too.
A file of weights counts only once its SHA-256 has been checked; the answer is remembered for as long as path, size and
modification time stay the same.
"""

import hashlib
import logging
import threading
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

logger = logging.getLogger(__name__)

CATALOG_PATH = Path(__file__).resolve().parents[2] / "models" / "catalog.toml"

Role = Literal["objects", "face_detection", "face_embedding"]
ROLES: tuple[Role, ...] = ("objects", "face_detection", "face_embedding")
Family = Literal["yolox", "yolo", "yunet", "yolo_face", "sface", "mobilefacenet", "facenet"]
WeightsState = Literal["ready", "missing", "damaged"]


class ModelUnavailable(Exception):  # noqa: N818 (the name the design gives it)
    """A model cannot be used. The message is a sentence for the person who runs the server."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model of the catalog.

    `input_px` is the edge of the square the network sees. `score_threshold` (0..1) is what is worth showing, `nms_iou`
    the overlap above which two boxes are one. `eps`, `min_samples` (DBSCAN), `link_distance` and `match_distance`
    are cosine distances of this model's embeddings and mean nothing for another's; `eps_range`, `link_range` and
    `match_range` are how far a library that measured its own strangers may move them. `labels` are the class names by
    number.
    """

    key: str
    role: Role
    family: Family
    file: str
    sha256: str
    licence: str
    input_px: int
    size_bytes: int | None = None
    url: str | None = None
    score_threshold: float | None = None
    nms_iou: float | None = None
    eps: float | None = None
    min_samples: int | None = None
    link_distance: float | None = None
    match_distance: float | None = None
    eps_range: tuple[float, float] | None = None
    link_range: tuple[float, float] | None = None
    match_range: tuple[float, float] | None = None
    labels: tuple[str, ...] = ()

    def path(self, folder: Path) -> Path:
        """Where this model's weights lie when they are in `folder`."""
        return folder / self.file


@dataclass(frozen=True, slots=True)
class Catalog:
    """All models by key, best first within a role, and the packs they are fetched in."""

    models: dict[str, ModelSpec]
    packs: dict[str, tuple[str, ...]]


@cache
def catalog() -> Catalog:
    """The catalog, read once per process."""
    return read_catalog(CATALOG_PATH)


def read_catalog(path: Path) -> Catalog:
    """Read a catalog file. Raises OSError, ValueError (tomllib.TOMLDecodeError is one), KeyError or TypeError if it is
    none."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    labels: dict[str, list[str]] = content["labels"]

    def spec(key: str, row: dict[str, Any]) -> ModelSpec:
        names = tuple(labels[row["labels"]]) if "labels" in row else ()
        ranges = {name: tuple(row[name]) for name in _RANGES if name in row}
        found = ModelSpec(key=key, **{**row, **ranges, "labels": names})
        _check_distances(found)
        return found

    models = {key: spec(key, row) for key, row in content["models"].items()}
    packs = {name: tuple(keys) for name, keys in content["packs"].items()}
    return Catalog(models=models, packs=packs)


# What a library may move, and the range it may move it in.
_RANGES = {"eps_range": "eps", "link_range": "link_distance", "match_range": "match_distance"}


def _check_distances(spec: ModelSpec) -> None:
    """Raises ValueError for a range that is none, or that does not hold the distance it belongs to."""
    for name, of in _RANGES.items():
        allowed, usual = getattr(spec, name), getattr(spec, of)
        if allowed is None:
            continue
        if usual is None or len(allowed) != 2 or not 0 < allowed[0] <= usual <= allowed[1] < 2:
            raise ValueError(f"{spec.key}: {name} has to be two distances with {of} between them")


def model(key: str) -> ModelSpec:
    """The model of this key. Raises ModelUnavailable for a key the catalog does not have."""
    try:
        return catalog().models[key]
    except KeyError:
        raise ModelUnavailable(f"There is no model called {key!r} in the catalog.") from None


def models_for(role: Role) -> list[ModelSpec]:
    """All models of a role, best first, at hand or not."""
    return [spec for spec in catalog().models.values() if spec.role == role]


def pack(name: str) -> list[ModelSpec]:
    """The models of a pack. Raises ModelUnavailable for a pack the catalog does not have."""
    packs = catalog().packs
    if name not in packs:
        raise ModelUnavailable(f"There is no pack called {name!r}; there are {', '.join(packs)}.")
    return [model(key) for key in packs[name]]


def available(folder: Path, role: Role) -> list[ModelSpec]:
    """The models of a role whose verified weights lie in `folder`, best first.

    The first call hashes the files of the role (about 50 ms for 80 MB); later calls only stat them.
    """
    return [spec for spec in models_for(role) if weights_state(spec, folder) == "ready"]


def best(folder: Path, role: Role) -> ModelSpec | None:
    """The first of `available`, without looking at the files of the rest; None if there is none."""
    return next((spec for spec in models_for(role) if weights_state(spec, folder) == "ready"), None)


def weights_path(spec: ModelSpec, folder: Path) -> Path:
    """Path of the verified weights. Raises ModelUnavailable, saying what to do, if they are missing or damaged."""
    state = weights_state(spec, folder)
    if state == "missing":
        raise ModelUnavailable(f"The weights of {spec.key} ({spec.file}) are not there. Run: make models")
    if state == "damaged":
        raise ModelUnavailable(
            f"The weights of {spec.key} ({spec.file}) are damaged or another version. Delete the file and run: "
            "make models"
        )
    return spec.path(folder)


def weights_state(spec: ModelSpec, folder: Path) -> WeightsState:
    """Whether the weights in `folder` are the published ones. Hashes a file once per size and modification time."""
    path = spec.path(folder)
    try:
        stat = path.stat()
        if spec.size_bytes is not None and stat.st_size != spec.size_bytes:
            return "damaged"
        digest = _digest(path, stat.st_size, stat.st_mtime_ns)
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        logger.warning("The weights of %s cannot be read: %s", spec.key, error.strerror)
        return "damaged"
    return "ready" if digest == spec.sha256 else "damaged"


def sha256_of(path: Path) -> str:
    """SHA-256 of a file as hexadecimal. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


_digests: dict[Path, tuple[int, int, str]] = {}
_digests_lock = threading.Lock()


def _digest(path: Path, size_bytes: int, mtime_ns: int) -> str:
    with _digests_lock:
        known = _digests.get(path)
    if known and known[:2] == (size_bytes, mtime_ns):
        return known[2]
    digest = sha256_of(path)
    with _digests_lock:
        _digests[path] = (size_bytes, mtime_ns, digest)
    return digest
