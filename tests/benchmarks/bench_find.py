"""What does a picture of a face cost among 100,000 faces?  `python -m tests.benchmarks.bench_find`

The child process as the web server starts it, from its start to its answer, with one portrait of
shared/eval/faces/lfw. What it costs the web server is measured by tests/faces/test_find_server.py.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

import tests.environment  # noqa: F401  before anything of Django's
from tests.benchmarks.bench_faces_lfw import DATA, weights_folder

MODEL = "mobilefacenet"


def run(faces: int = 100_000, rounds: int = 5) -> dict[str, float]:
    """Milliseconds, milliseconds of processor time, and megabytes. Makes a database of its own."""
    os.environ["PICTOPY_MODELS"] = str(weights_folder())
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    _fill(faces)

    from django.contrib.auth.models import User

    from faces import find

    viewer, picture = User.objects.get(), next(iter(sorted(DATA.glob("*/*.jpg")))).read_bytes()
    times, peaks = [], [0]
    for _ in range(rounds):
        start = time.perf_counter()
        said = _ask(find.command(viewer), picture, peaks)
        times.append((time.perf_counter() - start) * 1000)
        assert len(said["faces"]) == 1, said
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    row = {
        "p50_ms": statistics.median(times),
        "cpu_ms": (used.ru_utime + used.ru_stime) / rounds * 1000,
        "peak_mb": max(peaks) * 1024 / 1e6,
    }
    print(
        f"{faces:,} faces   p50 {row['p50_ms']:.0f} ms   processor time {row['cpu_ms']:.0f} ms"
        f"   at most {row['peak_mb']:.0f} MB"
    )
    return row


def _ask(command: list[str], picture: bytes, peaks: list[int]) -> dict[str, Any]:
    """Notes the most memory, in kilobytes. Not `ru_maxrss`: a child's begins with that of the process it came from."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        with process.stdin:
            process.stdin.write(picture)
        while process.poll() is None:
            status = Path(f"/proc/{process.pid}/status").read_text()
            peaks += [int(number) for number in re.findall(r"VmHWM:\s+(\d+)", status)]
            time.sleep(0.01)
        answer: dict[str, Any] = json.loads(process.stdout.read())
    return answer


def _fill(count: int) -> None:
    """Photos with four faces each, of 2,000 people; their embeddings are random directions."""
    import hashlib

    import numpy as np
    from django.contrib.auth.models import User
    from django.utils import timezone

    from faces.models import Face, Person
    from gallery.models import Library, Photo

    User.objects.create_user("bench")
    library, now = Library.objects.create(name="bench", root="/nowhere/bench"), timezone.now()
    digests = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(count // 4)]
    shown = {
        "mime": "image/jpeg",
        "width": 4000,
        "height": 3000,
        "colour": "79b",
        "imported_at": now,
        "work_state": "done",
    }
    Photo.objects.bulk_create([Photo(library=library, digest=digest, **shown) for digest in digests], batch_size=2000)
    people = [Person.objects.create(name=f"Person {number}") for number in range(2000)]
    photos, random = list(Photo.objects.values_list("id", "digest")), np.random.default_rng(0)
    seen = {"state": "assigned", "score": 0.9, "quality": 0.8, "model": MODEL, "x": 0.1, "y": 0.1, "w": 0.3, "h": 0.3}
    for first in range(0, count, 5000):
        vectors = random.normal(size=(min(5000, count - first), 128)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        rows = []
        for number, vector in enumerate(vectors, start=first):
            photo_id, digest = photos[number // 4]
            person = people[number % 2000]
            rows.append(Face(photo_id=photo_id, digest=digest, person=person, embedding=vector.tobytes(), **seen))
        Face.objects.bulk_create(rows, batch_size=2000)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=100_000)
    run(faces=parser.parse_args().faces)
