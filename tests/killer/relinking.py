"""kill -9 at every single step of a scan that finds moved files by content: `python -m tests.killer.relinking BASE`.

As in `each_step`: the child kills itself before its n-th step, and the parent does what comes by itself afterwards, the
sweep that takes the scan back and a worker that carries it out. It prints what was left in each round, as JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

from tests.killer.each_step import killed_at

COUNT = 44


def main(base: Path) -> None:
    import django

    django.setup()
    from django.core.management import call_command

    from gallery import relinking

    call_command("migrate", verbosity=0)
    relinking._PORTION = 10
    rounds = []
    for name, moved in (("all", COUNT), ("some", COUNT // 2)):
        number = 0
        while True:
            number += 1
            library = prepare(base / f"{name}-{number}", moved, is_asked=name == "some")
            is_killed = killed_at(number, partial(scan, library))
            after(library)
            rounds.append({"name": name, "step": number, "killed": is_killed, **left(library)})
            if not is_killed:
                break
    print("ROUNDS", json.dumps(rounds))  # noqa: T201


def prepare(folder: Path, moved: int, *, is_asked: bool) -> Any:
    """A library of files that were read; the first `moved` then got a new place and time, and the others are gone."""
    from django.contrib.auth.models import User
    from django.utils import timezone

    from gallery import reviews, scanning, tasks
    from gallery.models import File, Library, Mark, Photo

    Library.objects.all().delete()
    user, _ = User.objects.get_or_create(username="anna", is_staff=True)
    library = Library.objects.create(name="Photos", root=str(folder))
    for number in range(COUNT):
        file = folder / "trip" / f"{number}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(hashlib.sha256(b"%d" % number).digest())
        stat = file.stat()
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        photo = Photo.objects.create(
            library=library, digest=digest, width=4, height=3, imported_at=timezone.now(), work_state="done"
        )
        File.objects.create(
            library=library, photo=photo, path=f"trip/{number}.jpg", size_bytes=stat.st_size, mtime_ns=stat.st_mtime_ns,
            digest=digest, is_read=True,
        )  # fmt: skip
        Mark.objects.create(user=user, photo=photo, favourite=True)
    for number in range(COUNT):
        file = folder / "trip" / f"{number}.jpg"
        if number < moved:
            target = folder / "sorted" / f"{number}.jpg"
            target.parent.mkdir(exist_ok=True)
            file.rename(target)
            os.utime(target, ns=(10**18 + number, 10**18 + number))
        else:
            file.unlink()
    scanning.request_scan(library)
    if is_asked:
        tasks.scan(library.pk)
        reviews.say_moved(user, Library.objects.get(pk=library.pk))
    return library


def scan(library: Any) -> None:
    from gallery import tasks

    tasks.scan(library.pk)


def after(library: Any) -> None:
    from gallery import tasks, work

    work.return_abandoned()
    tasks.scan(library.pk)


def left(library: Any) -> dict[str, Any]:
    from gallery.models import Candidate, File, Library, Mark, Photo, Review, Scan

    digests = dict(Photo.objects.values_list("pk", "digest"))
    files = File.objects.order_by("pk").values_list("path", "photo_id", "digest", "missing_since")
    return {
        "state": Library.objects.get(pk=library.pk).state,
        "paths": sorted(path for path, *_ in files),
        "photos": len(digests),
        "marks": Mark.objects.count(),
        "missing": Photo.objects.filter(missing_since__isnull=False).count(),
        "is_true": all(digests[photo] == digest for _, photo, digest, _ in files),
        "gone_by_review": list(Review.objects.values_list("gone", "found", "answer")),
        "candidates": Candidate.objects.count(),
        "open_scans": Scan.objects.filter(work_state__in=["ready", "claimed"]).count(),
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
