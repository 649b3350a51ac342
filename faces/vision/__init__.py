"""Faces as numbers: finding them, turning them upright, and embedding them so that near means the same person.

Pure Python, numpy and OpenCV on top of gallery.vision; no Django.
"""

from faces.vision.alignment import TEMPLATE, TEMPLATE_PX, align, crop_by, similarity_transform
from faces.vision.detected import DetectedFace, Floats, Matrix
from faces.vision.detection import FaceDetector, YoloFaceDetector, YuNetDetector, load_face_detector
from faces.vision.embedding import AlignedEmbedder, FaceEmbedder, FaceNetEmbedder, load_face_embedder
from faces.vision.quality import face_quality

__all__ = [
    "TEMPLATE",
    "TEMPLATE_PX",
    "AlignedEmbedder",
    "DetectedFace",
    "FaceDetector",
    "FaceEmbedder",
    "FaceNetEmbedder",
    "Floats",
    "Matrix",
    "YoloFaceDetector",
    "YuNetDetector",
    "align",
    "crop_by",
    "face_quality",
    "load_face_detector",
    "load_face_embedder",
    "similarity_transform",
]
