"""How well objects are found: COCO's AP and AP50 over shared/eval/objects/coco_train128.

    python -m tests.benchmarks.bench_objects [MODEL]

Needs pycocotools, and the weights in PICTOPY_MODEL_MIRROR or ../shared/models.
"""

import contextlib
import io
import os
import sys
import time
from pathlib import Path
from typing import Any

from gallery.vision import catalog
from gallery.vision.image import decode
from gallery.vision.objects import EVALUATION_SCORE, load_object_detector

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "eval" / "objects" / "coco_train128"
DISPLAY_SCORES = (0.25, 0.3, 0.35, 0.4, 0.5)


def weights_folder() -> Path:
    """Where the weights lie that are measured."""
    return Path(os.environ.get("PICTOPY_MODEL_MIRROR") or ROOT.parent / "shared" / "models")


def measure(key: str = "yolox_nano") -> dict[str, float]:
    """AP, AP50, milliseconds a picture, and precision and recall (IoU 0.5) at some display thresholds."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    spec = catalog.model(key)
    detector = load_object_detector(spec, weights_folder())
    images: list[dict[str, Any]] = []
    truths: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    seconds = 0.0
    for number, path in enumerate(sorted((DATA / "images").glob("*.jpg")), start=1):
        image = decode(path.read_bytes())
        width, height = image.width, image.height
        images.append({"id": number, "width": width, "height": height})
        labels = DATA / "labels" / f"{path.stem}.txt"
        for line in labels.read_text().splitlines() if labels.exists() else []:
            label, *box = line.split()
            cx, cy, w, h = (float(value) for value in box)
            bbox = [(cx - w / 2) * width, (cy - h / 2) * height, w * width, h * height]
            truth = {"id": len(truths) + 1, "image_id": number, "category_id": int(label), "iscrowd": 0}
            truths.append({**truth, "bbox": bbox, "area": bbox[2] * bbox[3]})
        start = time.perf_counter()
        found = detector.detect(image.pixels, EVALUATION_SCORE)
        seconds += time.perf_counter() - start
        for it in found[:100]:
            bbox = [it.x * width, it.y * height, it.w * width, it.h * height]
            result = {"image_id": number, "category_id": spec.labels.index(it.label), "bbox": bbox, "score": it.score}
            results.append(result)
    truth_set = COCO()
    truth_set.dataset = {
        "info": {},
        "images": images,
        "annotations": truths,
        "categories": [{"id": number, "name": name} for number, name in enumerate(spec.labels)],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        truth_set.createIndex()
        evaluation = COCOeval(truth_set, truth_set.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    figures = {"ap": float(evaluation.stats[0]), "ap50": float(evaluation.stats[1])}
    figures["ms_per_picture"] = seconds / len(images) * 1000
    for score in DISPLAY_SCORES:
        right, shown, real = _counts(evaluation, score)
        figures[f"precision_at_{score}"], figures[f"recall_at_{score}"] = right / max(shown, 1), right / max(real, 1)
    return figures


def _counts(evaluation: Any, score: float) -> tuple[int, int, int]:
    """Right boxes, shown boxes and real boxes at IoU 0.5 over objects of all sizes."""
    right = shown = real = 0
    everything = evaluation.params.areaRng[0]
    for result in evaluation.evalImgs:
        if result is None or result["aRng"] != everything:
            continue
        matches = result["dtMatches"][0]
        strong = [bool(match) for match, value in zip(matches, result["dtScores"], strict=True) if value >= score]
        right, shown, real = right + sum(strong), shown + len(strong), real + len(result["gtIds"])
    return right, shown, real


def main() -> None:
    """Print the figures."""
    for name, value in measure(*sys.argv[1:2]).items():
        print(f"{name:20} {value:8.3f}")


if __name__ == "__main__":
    main()
