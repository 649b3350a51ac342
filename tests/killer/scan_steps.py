"""kill -9 at every single step of a scan and of the work that follows: `python -m tests.killer.scan_steps BASE`.

As in `each_step`: the child kills itself before its n-th call that changes the disk, statement that writes, or commit.
What comes by itself afterwards (sweep, next scan, workers) must make the same of it as a run that nothing disturbed.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
import sys
from pathlib import Path

from tests.killer.each_step import killed_at
from tests.killer.random_points import close, try_again, work
from tests.killer.state import differences, state


def main(base: Path) -> None:
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    prepare(base / "photos")
    kept = base / "kept"
    close()
    shutil.copytree(settings.PICTOPY.data_dir, kept)
    number, is_killed, expected, wrong = 0, True, None, []
    while is_killed:
        close()
        shutil.rmtree(settings.PICTOPY.data_dir)
        shutil.copytree(kept, settings.PICTOPY.data_dir)
        # The first time it is never reached: that run is the undisturbed one.
        is_killed = killed_at(number or 10**9, scan_and_work) or not number
        scan_and_work()
        if try_again():
            work()
        expected = expected or state()
        wrong += [f"step {number}: {line}" for line in differences(state(), expected)]
        number += 1
    print("RESULT", json.dumps({"steps": number - 2, "wrong": wrong, "rows": expected["rows"]}))  # noqa: T201


def scan_and_work() -> None:
    from gallery import scanning
    from gallery.models import Library

    scanning.request_scan(Library.objects.get())
    work()


def prepare(folder: Path) -> None:
    """A library that people use, after which each thing happens on the disk that a scan can find."""
    from django.contrib.auth.models import User

    from gallery import services
    from gallery.models import Library, Photo
    from tests.factories import write_jpeg

    def draw(name: str, seed: int) -> None:
        write_jpeg(folder, name, width=240, height=160, seed=seed, taken=dt.datetime(2020, 2, 3, 4, seed))

    for number, name in enumerate(["stays.jpg", "goes.jpg", "from/moves.jpg", "changes.jpg", "comes back.jpg"]):
        draw(name, number)
    Library.objects.create(name="Test", root=str(folder))
    scan_and_work()
    (folder / "comes back.jpg").rename(folder / "away")
    scan_and_work()
    user = User.objects.create_user("anna")
    services.set_favourite(user, Photo.objects.values_list("pk", flat=True), is_favourite=True)
    (folder / "away").rename(folder / "comes back.jpg")
    (folder / "goes.jpg").unlink()
    (folder / "to").mkdir()
    (folder / "from/moves.jpg").rename(folder / "to/moves.jpg")
    draw("changes.jpg", 17)
    draw("new.jpg", 18)
    shutil.copyfile(folder / "new.jpg", folder / "copy.jpg")
    (folder / "broken.jpg").write_bytes((folder / "new.jpg").read_bytes()[:200])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
