"""Faces as vectors: near means the same person."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np

from faces.vision.alignment import TEMPLATE_PX, align, box_transform, crop_by
from faces.vision.detected import DetectedFace, Floats
from gallery.vision.catalog import ModelSpec, ModelUnavailable
from gallery.vision.image import Pixels
from gallery.vision.sessions import session

if TYPE_CHECKING:
    from gallery.vision.sessions import Session


class FaceEmbedder(Protocol):
    """Turns faces into vectors whose cosine distance tells people apart; `spec` has the distances that go with it."""

    spec: ModelSpec

    def crops(self, pixels: Pixels, faces: Sequence[DetectedFace]) -> Pixels:
        """What the network sees of each face: uint8 (n, edge, edge, 3) RGB."""
        ...

    def embed_crops(self, crops: Pixels) -> Floats:
        """Embeddings of crops: float32 (n, 128), each of length 1."""
        ...

    def embed(self, pixels: Pixels, faces: Sequence[DetectedFace]) -> Floats:
        """Embeddings of the faces of one picture: float32 (n, 128), each of length 1."""
        ...


def load_face_embedder(spec: ModelSpec, folder: Path) -> FaceEmbedder:
    """The embedder of a row of the catalog. Raises ModelUnavailable."""
    if spec.family in ("sface", "mobilefacenet"):
        return AlignedEmbedder(session(spec, folder), spec)
    if spec.family == "facenet":
        return FaceNetEmbedder(session(spec, folder), spec)
    raise ModelUnavailable(f"{spec.key} does not embed faces.")


class AlignedEmbedder:
    """SFace (Zhong et al. 2021, arXiv 2205.12010) and MobileFaceNet (Chen et al. 2018, arXiv 1804.07573)."""

    def __init__(self, session: "Session", spec: ModelSpec) -> None:
        self.spec = spec
        self._session = session

    def crops(self, pixels: Pixels, faces: Sequence[DetectedFace]) -> Pixels:
        """See FaceEmbedder."""
        crops = [align(pixels, face) for face in faces]
        return np.stack(crops) if crops else np.empty((0, TEMPLATE_PX, TEMPLATE_PX, 3), np.uint8)

    def embed_crops(self, crops: Pixels) -> Floats:
        """See FaceEmbedder."""
        # SFace has its own normalisation inside the network.
        values = crops.astype(np.float32) if self.spec.family == "sface" else _centred(crops)
        return _run(self._session, values)

    def embed(self, pixels: Pixels, faces: Sequence[DetectedFace]) -> Floats:
        """See FaceEmbedder."""
        return self.embed_crops(self.crops(pixels, faces))


class FaceNetEmbedder:
    """FaceNet (Schroff et al. 2015, arXiv 1503.03832): face crops of 160 x 160 that are not aligned."""

    # The box fills this part of the crop, as in the crops it was trained on (a margin of about a tenth on each side).
    _BOX_SHARE = 0.8

    def __init__(self, session: "Session", spec: ModelSpec) -> None:
        self.spec = spec
        self._session = session

    def crops(self, pixels: Pixels, faces: Sequence[DetectedFace]) -> Pixels:
        """See FaceEmbedder."""
        height, width = pixels.shape[:2]
        edge = self.spec.input_px
        target = (edge / 2, edge / 2, edge * self._BOX_SHARE)
        crops = [crop_by(pixels, box_transform(face, width, height, target), edge) for face in faces]
        return np.stack(crops) if crops else np.empty((0, edge, edge, 3), np.uint8)

    def embed_crops(self, crops: Pixels) -> Floats:
        """See FaceEmbedder."""
        return _run(self._session, _centred(crops))

    def embed(self, pixels: Pixels, faces: Sequence[DetectedFace]) -> Floats:
        """See FaceEmbedder."""
        return self.embed_crops(self.crops(pixels, faces))


def _centred(crops: Pixels) -> Floats:
    return (crops.astype(np.float32) - np.float32(127.5)) / np.float32(128)


def _run(session: "Session", values: Floats) -> Floats:
    """Embeddings, L2-normalised, of float32 (n, height, width, 3); in batches where the network takes them."""
    put_in = session.get_inputs()[0]
    # A number is a batch size fixed in the file, a name or None a free one; 16 faces keep the memory small.
    batch = put_in.shape[0] if isinstance(put_in.shape[0], int) else 16
    blobs = np.ascontiguousarray(values.transpose(0, 3, 1, 2))
    outputs = []
    for start in range(0, len(blobs), batch):
        blob = blobs[start : start + batch]
        missing = batch - len(blob) if isinstance(put_in.shape[0], int) else 0
        if missing:
            blob = np.concatenate([blob, np.zeros((missing, *blob.shape[1:]), np.float32)])
        outputs.append(session.run(None, {put_in.name: blob})[0][: batch - missing])
    if not outputs:
        return np.empty((0, 128), np.float32)
    vectors = np.concatenate(outputs).astype(np.float32)
    return cast(Floats, vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))
