"""kill -9 at every single step of an upload, and of deleting for good: `python -m tests.killer.each_step BASE`.

Each round begins anew, forks, and the child kills itself before its n-th step: a call of the system that changes the
disk, a statement, or a commit. The parent then does what comes by itself afterwards: perhaps a scan, the browser that
asks and goes on, the sweep. It prints what was left in each round, as JSON.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

STEPS = ("link", "unlink", "rename", "mkdir", "fsync", "fdatasync", "pwrite", "utime", "ftruncate")


def main(base: Path) -> None:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    rounds = []
    for name, (prepare, act, after) in scenarios().items():
        for scans in (False, True):
            number = 0
            while True:
                number += 1
                state = prepare(base / f"{name}-{scans}-{number}")
                is_killed = killed_at(number, partial(act, state))
                if scans:
                    scan(state)
                after(state)
                rounds.append({"name": name, "scans": scans, "step": number, "killed": is_killed, **left(state)})
                if not is_killed:
                    break
    print("ROUNDS", json.dumps(rounds))  # noqa: T201


def killed_at(number: int, act: Callable[[], None]) -> bool:
    """Runs `act` in a child that dies before its step `number`; whether it came so far."""
    from django.db import connection

    connection.close()
    child = os.fork()
    if child == 0:
        try:
            arm(number)
            act()
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(3)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, f"step {number}: {status}"
    return os.WIFSIGNALED(status)


def arm(number: int) -> None:
    from django.db import connection

    count = 0

    def tick() -> None:
        nonlocal count
        count += 1
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def stepping(call: Any) -> Any:
        def stepped(*args: Any, **options: Any) -> Any:
            tick()
            return call(*args, **options)

        return stepped

    def execute(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not sql.startswith("SELECT"):
            tick()
        return run(sql, params, many, context)

    for name in STEPS:
        setattr(os, name, stepping(getattr(os, name)))
    connection.execute_wrappers.append(execute)
    connection._commit = stepping(connection._commit)  # type: ignore[method-assign]


class State:
    def __init__(self, folder: Path) -> None:
        from django.contrib.auth.models import User

        from gallery.models import Photo, Upload
        from tests.factories import jpeg_bytes
        from tests.upload_client import upload_library

        Photo.objects.all().delete()
        Upload.objects.all().delete()
        self.folder = folder
        self.user, _ = User.objects.get_or_create(username="anna", is_staff=True)
        self.library = upload_library(folder)
        self.data = jpeg_bytes(320, 240, seed=7, taken=dt.datetime(2020, 2, 3, 4, 5))
        self.upload: Any = None


def announced(state: State) -> Any:
    from gallery.uploads import Announced

    return Announced(name="a.jpg", size_bytes=len(state.data), album="album:new:Trip")


def open_upload(folder: Path) -> State:
    from gallery import uploads

    state = State(folder)
    state.upload = uploads.begin(state.user, state.library, announced(state))
    return state


def send(state: State) -> None:
    """As the browser does, from wherever the upload is."""
    from gallery import uploads
    from gallery.models import Upload

    upload = Upload.objects.select_related("library", "user").get(pk=state.upload.pk)
    half = len(state.data) // 2
    upload = uploads.settle(upload)
    while not upload.outcome:
        upload = uploads.receive(upload, upload.received_bytes, state.data[upload.received_bytes :][:half])


def send_and_sweep(state: State) -> None:
    from gallery import tasks

    send(state)
    tasks.sweep()


def thrown_away(folder: Path) -> State:
    from gallery import tasks, trash, work
    from gallery.models import Photo

    state = open_upload(folder)
    send(state)
    while work.has_ready_photos():
        tasks.analyze()
    ids = list(Photo.objects.values_list("pk", flat=True))
    trash.move(state.user, ids)
    trash.delete(state.user, ids)
    return state


def purge(state: State) -> None:
    from gallery import tasks

    tasks.purge()


def sweep_and_purge(state: State) -> None:
    from gallery import tasks

    tasks.sweep()
    tasks.purge()


def scan(state: State) -> None:
    """A scan, and the work that follows from it, before anybody goes on."""
    from gallery import tasks, work
    from tests import importing

    importing.scan(state.library)
    while work.has_ready_photos():
        tasks.analyze()


def left(state: State) -> dict[str, Any]:
    """What there is in the end, after one more scan."""
    from albums.models import AlbumItem
    from gallery.models import File, Photo, Upload
    from tests.upload_client import on_their_way, originals

    scan(state)
    files = originals(state.folder)
    result = {
        "files": sorted(files),
        "is_whole": all(data == state.data for data in files.values()),
        "on_their_way": len(on_their_way(state.folder)),
        "photos": Photo.objects.count(),
        "shown": Photo.objects.filter(imported_at__isnull=False, missing_since__isnull=True).count(),
        "rows": File.objects.count(),
        "album": AlbumItem.objects.count(),
        "open": Upload.objects.filter(outcome="").count(),
    }
    state.library.delete()
    return result


def scenarios() -> dict[str, tuple[Callable[[Path], State], Callable[[State], None], Callable[[State], None]]]:
    return {"upload": (open_upload, send, send_and_sweep), "purge": (thrown_away, purge, sweep_and_purge)}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
