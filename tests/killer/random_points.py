"""kill -9 at random moments of an import: `python -m tests.killer.random_points BASE KILLS SEED`.

A library is imported and people put it to use; then much changes on the disk at once. Each round begins there, and a
forked worker goes on with it until it is killed; the next one goes on where that one ended, as after a power cut. When
one comes to its end, what is there is compared with a run that nothing disturbed. Prints the result as JSON.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

from tests.killer.state import differences, state

ROOT = Path(__file__).resolve().parents[2]
PORTRAITS = ROOT.parent / "shared" / "photos" / "friends"


def main(base: Path, kills: int, seed: int) -> None:
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from gallery import scanning
    from gallery.models import Library

    dice = random.Random(seed)
    call_command("migrate", verbosity=0)
    if PORTRAITS.is_dir():
        call_command("models", "fetch", verbosity=0)
    library = first_import(base / "photos")
    change_on_disk(base / "photos")
    kept = base / "kept"
    close()
    shutil.copytree(settings.PICTOPY.data_dir, kept)
    begun = time.monotonic()
    scanning.request_scan(library)
    in_a_child(work)
    whole_s = time.monotonic() - begun
    expected = state()
    assert expected["rows"]["Photo"] > 20

    killed, rounds, set_aside, wrong = 0, 0, 0, []
    while killed < kills:
        close()
        shutil.rmtree(settings.PICTOPY.data_dir)
        shutil.copytree(kept, settings.PICTOPY.data_dir)
        scanning.request_scan(Library.objects.get())
        rounds += 1
        is_killed, again = True, 0
        while is_killed or again:
            is_killed = in_a_child(work, kill_after_s=dice.uniform(0, whole_s * 0.6))
            again = try_again()
            killed += is_killed
            set_aside += again
        wrong += [f"round {rounds}: {line}" for line in differences(state(), expected)]
    result = {"killed": killed, "rounds": rounds, "set_aside": set_aside, "whole_s": whole_s, "wrong": wrong}
    print("RESULT", json.dumps(result | {"rows": expected["rows"]}))  # noqa: T201


def first_import(folder: Path) -> Any:
    """Half of the photos, and what people make of them."""
    from django.contrib.auth.models import User

    from albums import services as albums
    from faces import services as people
    from faces.models import Cluster
    from gallery import scanning, services
    from gallery.models import Library, Photo

    for number in range(10):
        draw(folder, f"2019/{number}.jpg", number)
    for number in range(6):
        draw(folder, f"to-move/{number}.jpg", 20 + number)
    for portrait in portraits()[::2]:
        copy(portrait, folder / "portraits")
    library = Library.objects.create(name="Test", root=str(folder))
    scanning.request_scan(library)
    in_a_child(work)
    user = User.objects.create_user("anna")
    photos = list(Photo.objects.filter(imported_at__isnull=False).order_by("files__path").values_list("pk", flat=True))
    albums.create_with_photos(user, name="Summer", photo_ids=photos[::2])
    services.set_favourite(user, photos[::3], is_favourite=True)
    for number, cluster in enumerate(Cluster.objects.order_by("id")[:3]):
        people.name_cluster(cluster, f"Person {number}", user)
    in_a_child(work)
    return library


def change_on_disk(folder: Path) -> None:
    """New files, a moved folder, an edited picture, copies, deleted ones, and one that cannot be read."""
    for number in range(10, 20):
        draw(folder, f"2019/{number}.jpg", number)
    for portrait in portraits()[1::2]:
        copy(portrait, folder / "portraits")
    for group in sorted(PORTRAITS.glob("*_group/*.jpg")):
        copy(group, folder / "groups")
    (folder / "to-move").rename(folder / "moved")
    draw(folder, "2019/1.jpg", 90)
    shutil.copyfile(folder / "2019/2.jpg", folder / "copy of 2.jpg")
    shutil.copyfile(folder / "2019/15.jpg", folder / "copy of 15.jpg")
    (folder / "2019/3.jpg").unlink()
    (folder / "2019/4.jpg").unlink()
    (folder / "2019/broken.jpg").write_bytes((folder / "2019/5.jpg").read_bytes()[:200])


def draw(folder: Path, name: str, seed: int) -> None:
    from tests.factories import write_jpeg

    write_jpeg(folder, name, width=900, height=600, seed=seed, taken=dt.datetime(2019, 1 + seed % 12, 3, 4, 5))


def portraits() -> list[Path]:
    return sorted(file for file in PORTRAITS.glob("*/*/*") if "group" not in file.parts[-3])


def copy(file: Path, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    shutil.copyfile(file, folder / f"{file.parent.name}-{file.name}")


def work() -> None:
    """What all workers do until nothing is left, in one process."""
    from faces import grouping
    from faces.models import Clustering
    from gallery import tasks
    from gallery import work as queue
    from gallery.models import Scan

    tasks.sweep()
    for library_id in queue.waiting_scans().values_list("library_id", flat=True):
        tasks.scan(library_id)
    while queue.has_ready_photos():
        tasks.analyze()
    tasks.settle()
    for clustering in Clustering.objects.all():
        grouping.run(clustering.pk)
    assert not Scan.objects.filter(work_state__in=("ready", "claimed")).exists()


def try_again() -> int:
    """Asks for another try of photos that were set aside because their worker was killed three times, as a person does
    who reads the reason. How many there were."""
    from gallery import services
    from gallery import work as queue
    from gallery.models import Photo

    found = Photo.objects.filter(work_state="failed", error=queue.KILLED)
    return services.retry_photos(found)


def in_a_child(act: Any, *, kill_after_s: float | None = None) -> bool:
    """Runs `act` in a process of its own, which is killed after a while; whether it was."""
    close()
    child = os.fork()
    if child == 0:
        try:
            act()
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(3)
        os._exit(0)
    if kill_after_s is not None:
        deadline = time.monotonic() + kill_after_s
        while time.monotonic() < deadline:
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                break
            time.sleep(0.002)
        else:
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
    else:
        _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, f"the worker ended with {status}"
    return os.WIFSIGNALED(status)


def close() -> None:
    from django.db import connection

    connection.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
