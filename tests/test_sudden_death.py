"""kill -9 of a worker, of all workers, and a photo that kills its worker: real processes, queue and database.

Nothing may be lost or doubled, and what is left is what an undisturbed import gives.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.factories import write_jpeg

ROOT = Path(__file__).resolve().parent.parent
COUNT = 40
STATE = """
import json
from gallery.models import *
photos = Photo.objects.order_by("files__path").values_list(
    "files__path", "digest", "width", "height", "month", "work_state", "missing_since")
# The search for duplicates comes when all is done, and nobody waits for it here.
receipts = Receipt.objects.filter(state="ok").exclude(analyzer="duplicates").order_by(
    "photo__files__path", "analyzer").values_list("photo__files__path", "analyzer")
counts = [File.objects.count(), Photo.objects.count()]
print("STATE", json.dumps([list(map(list, photos)), list(map(list, receipts)), *counts]))
"""

pytestmark = pytest.mark.slow


class House:
    """An installation of its own: data directory, photos, worker processes."""

    def __init__(self, base: Path) -> None:
        self.photos = base / "photos"
        self.photos.mkdir(parents=True)
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("PICTOPY_")},
            "DJANGO_SETTINGS_MODULE": "tests.killer.settings",
            "PICTOPY_DATA": str(base / "data"),
            "PICTOPY_MODELS": str(base / "models"),
            "PICTOPY_ROOTS": str(base),
            "PICTOPY_SETTLE_S": "0",
            "PICTOPY_WORKERS": "2",
            "PICTOPY_BATCH": "4",
            "KILLER_PAUSE_S": "0.15",
        }
        self.environment.pop("DATABASE_URL", None)
        self.cluster: subprocess.Popen[bytes] | None = None
        for number in range(COUNT):
            write_jpeg(self.photos, f"{number:03}.jpg", width=320, height=240, seed=number)
        self.manage("migrate", "--verbosity", "0")
        self.shell(
            "from gallery.models import Library; from gallery.services import request_scan;"
            f"request_scan(Library.objects.create(name='Test', root={str(self.photos)!r}))"
        )

    def manage(self, *arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def shell(self, code: str) -> str:
        return self.manage("shell", "--no-imports", "-c", code)

    def start(self) -> None:
        command = [sys.executable, "manage.py", "qcluster"]
        self.cluster = subprocess.Popen(
            command, cwd=ROOT, env=self.environment, start_new_session=True, stderr=subprocess.DEVNULL
        )

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self.cluster is None:
            return
        cluster, self.cluster = self.cluster, None
        os.killpg(cluster.pid, number)
        try:
            cluster.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(cluster.pid, signal.SIGKILL)
            cluster.wait()
        with contextlib.suppress(ProcessLookupError):  # workers outlive a parent that was killed
            os.killpg(cluster.pid, signal.SIGKILL)

    def sweep(self) -> None:
        """What the calendar does every minute; the tests do not wait for it."""
        self.shell("from gallery.tasks import sweep; sweep()")

    def working(self) -> list[int]:
        """Process ids that hold leases."""
        found = self.shell(
            "from gallery.models import Photo; claimed = Photo.objects.filter(work_state='claimed');"
            "print('PIDS', *claimed.values_list('lease_owner', flat=True).distinct())"
        )
        line = next(line for line in found.splitlines() if line.startswith("PIDS"))
        return [int(owner.split(":")[1]) for owner in line.split()[1:]]

    def wait_for(self, condition: str, timeout_s: float = 90, *, sweeps: bool = False) -> None:
        """Until the expression over `Photo` is true."""
        deadline = time.monotonic() + timeout_s
        while "TRUE" not in self.shell(f"from gallery.models import Photo; print('TRUE' if {condition} else '')"):
            assert time.monotonic() < deadline, f"not in {timeout_s} s: {condition}\n{self.state()}"
            if sweeps:
                self.sweep()
            time.sleep(0.3)

    def state(self) -> Any:
        line = next(line for line in self.shell(STATE).splitlines() if line.startswith("STATE"))
        return json.loads(line.removeprefix("STATE"))


FINISHED = f"Photo.objects.filter(work_state='done').count() == {COUNT}"
HALFWAY = "4 < Photo.objects.filter(work_state='done').count()"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.stop(signal.SIGKILL)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The state after an import that nothing disturbed."""
    house = House(tmp_path_factory.mktemp("undisturbed"))
    house.start()
    house.wait_for(FINISHED)
    house.stop()
    return house.state()


def test_a_worker_killed_in_the_middle_costs_only_time(house: House, undisturbed: Any) -> None:
    house.start()
    house.wait_for(HALFWAY)
    for pid in house.working()[:1]:
        os.kill(pid, signal.SIGKILL)
    house.wait_for(FINISHED, sweeps=True)
    assert house.state() == undisturbed


def test_everything_killed_in_the_middle_goes_on_after_the_next_start(house: House, undisturbed: Any) -> None:
    house.start()
    house.wait_for(HALFWAY)
    house.stop(signal.SIGKILL)
    assert house.state() != undisturbed, "the import was over before it was killed"
    house.start()
    house.wait_for(FINISHED, sweeps=True)
    assert house.state() == undisturbed


def test_a_photo_that_kills_its_worker_is_set_aside_and_the_rest_is_imported(house: House) -> None:
    Image.new("RGB", (320, 240), (255, 0, 0)).save(house.photos / "killer.jpg", quality=95)
    house.start()
    house.wait_for(f"{FINISHED} and Photo.objects.filter(work_state='failed').count() == 1", 180, sweeps=True)
    photos, _, files, count = house.state()
    assert (files, count) == (COUNT + 1, COUNT + 1)
    (failed,) = [photo for photo in photos if photo[5] == "failed"]
    assert failed[0] == "killer.jpg"
    assert "three times" in house.shell(
        "from gallery.models import Photo; print(Photo.objects.get(work_state='failed').error)"
    )
