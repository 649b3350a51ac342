"""Import of twelve-megapixel JPEGs through queue, database, thumbnails, objects and faces, against the bare stages.

The bar (DESIGN, numbers): at least 80 % of workers / (sum of the bare stage times). The bare stages are timed alone in
this process on some of the same files, before and after the import (these machines are noisy: the mean counts), with
the threads that a worker has. Memory is that of the real processes after the import: `manage.py up` with 2 workers.
"""

from __future__ import annotations

import io
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
WORKERS = 2
WIDTH, HEIGHT = 4000, 3000
# Every kind of picture that `make_photos` makes, as often as it is among all: so many are distinct.
SAMPLE = 30


def make_photos(folder: Path, count: int) -> None:
    """`count` JPEGs of 4000 x 3000 with texture like a photo's, faces pasted into two of three where there are any."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(7)
    portraits = sorted((SHARED / "photos" / "friends").glob("bbt_group/*.jpg"))
    scenes = sorted((SHARED / "photos" / "everyday").glob("*.jpg"))
    distinct = min(count, SAMPLE)
    encoded = []
    for number in range(distinct):
        base = Image.fromarray(random.integers(40, 216, size=(30, 40, 3), dtype=np.uint8))
        image = base.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
        grain = random.normal(0, 6, size=(HEIGHT // 2, WIDTH // 2)).astype(np.int16).repeat(2, 0).repeat(2, 1)
        pixels = np.clip(np.asarray(image, dtype=np.int16) + grain[..., None], 0, 255).astype(np.uint8)
        image = Image.fromarray(pixels)
        if portraits and number % 3:
            with Image.open(portraits[number % len(portraits)]) as pasted:
                image.paste(pasted.convert("RGB").resize((2400, 1600)), (200, 300))
        if scenes:
            with Image.open(scenes[number % len(scenes)]) as pasted:
                image.paste(pasted.convert("RGB").resize((1300, 1000)), (2650, 1900))
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=90)
        encoded.append(buffer.getvalue())
    for number in range(count):
        # A trailing note makes each file's content its own without changing what it costs to decode.
        (folder / f"IMG_{number:04}.jpg").write_bytes(encoded[number % distinct] + f"photo {number}".encode())


def bare_stages(files: list[Path]) -> dict[str, float]:
    """Seconds a photo spends in each stage, alone in one process: mean over `files`."""
    import hashlib

    from django.conf import settings
    from django.utils import timezone

    from faces import vision
    from gallery import metadata, thumbnails
    from gallery.vision import catalog, image, objects

    models = settings.PICTOPY.models_dir
    detector = vision.load_face_detector(catalog.best(models, "face_detection"), models)  # type: ignore[arg-type]
    embedder = vision.load_face_embedder(catalog.best(models, "face_embedding"), models)  # type: ignore[arg-type]
    things = objects.load_object_detector(catalog.best(models, "objects"), models)  # type: ignore[arg-type]
    totals: dict[str, float] = defaultdict(float)

    for index, file in enumerate([files[0], *files]):
        marks = [("", time.perf_counter())]
        data = file.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        marks.append(("read, hash", time.perf_counter()))
        decoded = image.decode(data, min_edge_px=thumbnails.SIZES["large"])
        marks.append(("decode", time.perf_counter()))
        metadata.read(data, now=timezone.now().replace(tzinfo=None))
        marks.append(("metadata", time.perf_counter()))
        sizes = thumbnails.shrink(decoded.pixels)
        thumbnails.store(digest, thumbnails.encode(sizes))
        thumbnails.colour_of(sizes["small"])
        marks.append(("thumbnails", time.perf_counter()))
        things.detect(decoded.pixels)
        marks.append(("objects", time.perf_counter()))
        found = detector.detect(decoded.pixels)
        marks.append(("faces", time.perf_counter()))
        embedder.embed(decoded.pixels, found)
        marks.append(("embeddings", time.perf_counter()))
        if index:  # the first run warms the sessions
            for (_, before), (name, after) in itertools.pairwise(marks):
                totals[name] += (after - before) / len(files)
    return dict(totals)


def bare_database(count: int = 40) -> float:
    """Seconds to record one photo of a batch: outcomes made beforehand, written in transactions of 8."""
    from django.conf import settings
    from django.db import transaction

    from gallery import pipeline, recording, work
    from gallery.analysis import analyzers
    from gallery.models import Library, Photo

    versions = {a.name: v for a in analyzers() if (v := a.version())}
    spent = 0.0
    library = Library.objects.get()
    with transaction.atomic():  # undone at the end
        photos = list(Photo.objects.filter(library=library).order_by("id")[:count])
        Photo.objects.filter(id__in=[photo.pk for photo in photos]).update(
            work_state="claimed", lease_owner=work.lease_owner()
        )
        files = pipeline._files(photos)
        for start in range(0, len(photos), settings.PICTOPY.batch_size):
            batch = photos[start : start + settings.PICTOPY.batch_size]
            outcomes = [pipeline.work_on(photo, files[photo.pk], versions, set()) for photo in batch]
            begin = time.perf_counter()
            recording.write(outcomes)
            spent += time.perf_counter() - begin
        transaction.set_rollback(True)
    return spent / len(photos)


def tree(pid: int) -> list[int]:
    """A process and all its descendants."""
    found = [pid]
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == pid:
                found += tree(int(entry.name))
    return found


def memory(pids: list[int]) -> list[tuple[str, float, float]]:
    """Command, resident MB and proportional MB of each process."""
    rows = []
    for pid in pids:
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            command = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
        values = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in rollup.splitlines()[1:]}
        rows.append((command, values["Rss"], values["Pss"]))
    return rows


def wait_for_import(count: int, timeout_s: float) -> float:
    """Photos a second between the first and the last finished photo, as the rows say."""
    from django.db.models import Count, Max, Min

    from gallery.models import Photo

    deadline = time.monotonic() + timeout_s
    while Photo.objects.filter(work_state="done").count() < count:
        if time.monotonic() > deadline:
            states = list(Photo.objects.values_list("work_state").annotate(n=Count("id")).order_by())
            raise RuntimeError(f"the import did not end in {timeout_s} s: {states}")
        time.sleep(0.25)
    times = Photo.objects.aggregate(first=Min("worked_at"), last=Max("worked_at"))
    return float((times["last"] - times["first"]).total_seconds())


def main(count: int = 300) -> dict[str, Any]:
    base = Path(tempfile.mkdtemp(prefix="pictopy-bench-"))
    environment = {
        "PICTOPY_DATA": str(base / "data"),
        "PICTOPY_MODELS": str(base / "models"),
        "PICTOPY_MODEL_MIRROR": str(SHARED / "models"),
        "PICTOPY_ROOTS": str(base),
        "PICTOPY_SETTLE_S": "0",
        "PICTOPY_WORKERS": str(WORKERS),
        "PICTOPY_THREADS": "1",
        "PICTOPY_PORT": "8765",
        "DJANGO_SETTINGS_MODULE": "pictopy_site.settings",
    }
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    os.environ.update(environment)
    os.environ.pop("DATABASE_URL", None)
    import cv2
    import django

    django.setup()
    cv2.setNumThreads(1)
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.test import Client

    from gallery.models import Detection, Library, Photo
    from gallery.scanning import request_scan
    from gallery.vision import sessions

    sessions.set_threads(1)
    folder = base / "photos"
    make_photos(folder, count)
    files = sorted(folder.iterdir())
    call_command("models", "fetch", verbosity=0, stdout=io.StringIO())
    call_command("migrate", verbosity=0)
    User.objects.create_superuser("bench", password="bench")
    sample = files[:SAMPLE]
    before = bare_stages(sample)

    server = subprocess.Popen(
        [sys.executable, "manage.py", "up"], cwd=ROOT, env=dict(os.environ), stdout=subprocess.DEVNULL
    )
    try:
        _wait_for_page("http://127.0.0.1:8765/health/")
        request_scan(Library.objects.create(name="Bench", root=str(folder)))
        elapsed = wait_for_import(count, 600)
        client = Client()
        client.force_login(User.objects.get(), backend="django.contrib.auth.backends.ModelBackend")
        cookie = f"sessionid={client.cookies['sessionid'].value}"
        photo = Photo.objects.order_by("id")[0]
        for page in ("/", "/people/", "/things/", "/albums/", "/libraries/", f"/photos/{photo.pk}/", "/admin/"):
            for _ in range(5):
                urllib.request.urlopen(
                    urllib.request.Request(f"http://127.0.0.1:8765{page}", headers={"Cookie": cookie}), timeout=30
                ).read()
        processes = memory(tree(server.pid))
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)
    after = bare_stages(sample)
    stages = {name: (before[name] + after[name]) / 2 for name in before}
    stages["database"] = bare_database()
    total = sum(stages.values())
    reached = (count - 1) / elapsed
    possible = WORKERS / total
    print(f"\nImport of {count} JPEGs of 12 megapixels, {WORKERS} workers\n")
    for name, seconds in stages.items():
        print(f"  {name:<12} {seconds * 1000:7.1f} ms   {seconds / total:5.0%}")
    print(f"  {'sum':<12} {total * 1000:7.1f} ms")
    print(f"  possible {possible:.2f} photos/s, reached {reached:.2f} photos/s: {reached / possible:.0%} (bar: 80 %)")
    print(f"  objects found: {Detection.objects.count()}")
    from faces.models import Face

    print(f"  faces found: {Face.objects.count()}\n")
    web = max((rss for command, rss, _ in processes if "granian" in command), default=0)
    workers = sorted((rss for command, rss, _ in processes if "qcluster" in command), reverse=True)[:WORKERS]
    for command, rss, pss in sorted(processes, key=lambda row: -row[1]):
        print(f"  {rss:6.0f} MB resident, {pss:6.0f} MB proportional  {command[-60:]}")
    print(f"\n  web {web:.0f} MB (bar: 250), largest worker {max(workers, default=0):.0f} MB (bar: 500)")
    figures = {
        "stages_ms": {name: round(seconds * 1000, 1) for name, seconds in stages.items()},
        "efficiency": reached / possible,
        "web_mb": web,
        "worker_mb": max(workers, default=0),
    }
    print(json.dumps(figures))
    return figures


def _wait_for_page(url: str, timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).read()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
