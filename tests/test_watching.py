"""The watcher as a whole: libraries that come and go, scans that follow from what happens on the disk."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import OperationalError, connections
from django_q.models import OrmQ
from pytest_django.fixtures import Settings

from gallery import libraries, scanning, tasks, watching, work
from gallery.models import Condition, File, Library, Scan, WorkState
from gallery.watching import Watcher
from tests.factories import LibraryFactory, write_jpeg

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 60.0  # a limit for "never", not for how fast it is

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def until(condition: Callable[[], object], seconds: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def present() -> set[str]:
    return set(File.objects.filter(missing_since__isnull=True).values_list("path", flat=True))


@pytest.fixture
def watcher(settings: Settings) -> Iterator[Watcher]:
    """One that runs beside the test, in a hurry."""
    settings.PICTOPY = dataclasses.replace(settings.PICTOPY, settle_s=0.3)
    watcher = Watcher(tick_s=0.2, poll_s=0.3)

    def run() -> None:
        watcher.run()
        connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    yield watcher
    watcher.stop()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def scans_of(library: Library) -> Callable[[], bool]:
    """Runs what is due, as workers do; whether something was."""

    def look() -> bool:
        if not work.waiting_scans().filter(library=library).exists():
            return False
        tasks.scan(library.pk)
        return True

    return look


def work_until(library: Library, condition: Callable[[], bool]) -> None:
    look = scans_of(library)
    until(lambda: (look(), condition())[1])


def test_photos_appear_move_and_vanish_by_themselves(library: Library, folder: Path, watcher: Watcher) -> None:
    write_jpeg(folder, "before.jpg")
    work_until(library, lambda: present() == {"before.jpg"})
    write_jpeg(folder, "trip/1.jpg")
    work_until(library, lambda: "trip/1.jpg" in present())
    write_jpeg(folder, "trip/2.jpg")
    work_until(library, lambda: "trip/2.jpg" in present())
    assert Scan.objects.latest("id").scope == {"folders": ["trip"], "trees": []}
    (folder / "trip").rename(folder / "journey")
    work_until(library, lambda: present() == {"before.jpg", "journey/1.jpg", "journey/2.jpg"})
    (folder / "before.jpg").unlink()
    work_until(library, lambda: "before.jpg" not in present())


def test_a_file_that_is_being_written_is_taken_when_it_is_whole(
    library: Library, folder: Path, watcher: Watcher
) -> None:
    look = scans_of(library)
    until(look)
    whole = write_jpeg(folder.parent, "whole.jpg").read_bytes()
    with (folder / "a.jpg").open("wb") as file:
        for start in range(0, len(whole), 1 + len(whole) // 12):
            file.write(whole[start : start + 1 + len(whole) // 12])
            file.flush()
            for _ in range(2):
                look()
                time.sleep(0.05)
            assert present() == set(), "half a file"
    work_until(library, lambda: present() == {"a.jpg"})
    assert File.objects.get().size_bytes == len(whole)


def test_workers_are_woken_when_the_time_has_come_and_once(library: Library, folder: Path, watcher: Watcher) -> None:
    until(scans_of(library))
    OrmQ.objects.all().delete()
    write_jpeg(folder, "a.jpg")
    until(lambda: any(message.func() == work.SCAN for message in OrmQ.objects.all()))
    time.sleep(1)
    assert [message.args() for message in OrmQ.objects.all() if message.func() == work.SCAN] == [(library.pk,)]
    assert Scan.objects.filter(work_state=WorkState.READY).count() == 1


def test_libraries_that_come_change_and_go_are_followed(
    library: Library, folder: Path, tmp_path: Path, watcher: Watcher
) -> None:
    until(scans_of(library))
    (tmp_path / "second").mkdir()
    second = libraries.add_library(str(tmp_path / "second"), name="Second")
    until(lambda: second.pk in watcher._watches)
    work_until(second, lambda: Scan.objects.filter(library=second, work_state=WorkState.DONE).exists())
    write_jpeg(tmp_path, "second/1.jpg")
    work_until(second, lambda: present() == {"1.jpg"})
    Library.objects.filter(pk=library.pk).update(scan_every_min=0)
    until(lambda: library.pk not in watcher._watches)
    libraries.remove_library(second)
    until(lambda: not watcher._watches)
    assert not Condition.objects.filter(key=watching.CONDITION).exists()


def test_a_drive_that_goes_and_comes_back_is_followed(
    library: Library, folder: Path, tmp_path: Path, watcher: Watcher
) -> None:
    write_jpeg(folder, "a.jpg")
    work_until(library, lambda: present() == {"a.jpg"})

    def state() -> str:
        return Library.objects.get(pk=library.pk).state

    folder.rename(tmp_path / "unplugged")
    work_until(library, lambda: state() == "offline")
    assert present() == {"a.jpg"}
    write_jpeg(tmp_path, "unplugged/b.jpg")
    (tmp_path / "unplugged").rename(folder)
    work_until(library, lambda: state() == "ok")
    work_until(library, lambda: present() == {"a.jpg", "b.jpg"})
    write_jpeg(folder, "c.jpg")
    work_until(library, lambda: "c.jpg" in present())


def test_a_database_that_is_away_for_a_while_costs_nothing_but_time(
    library: Library, folder: Path, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    until(scans_of(library))
    asked = []

    def fail(*args: object, **kwargs: object) -> None:
        asked.append(kwargs["scope"])
        raise OperationalError("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(scanning, "request_scan", fail)
        write_jpeg(folder, "a.jpg")
        until(lambda: len(asked) > 2)
    work_until(library, lambda: present() == {"a.jpg"})


def test_a_watch_that_stumbles_begins_anew(library: Library, folder: Path, watcher: Watcher) -> None:
    until(scans_of(library))
    first = watcher._watches[library.pk]
    first.stop()
    until(lambda: watcher._watches.get(library.pk) not in {None, first})
    write_jpeg(folder, "a.jpg")
    work_until(library, lambda: present() == {"a.jpg"})


def test_trouble_is_told_on_pages_until_it_is_over(
    library: Library, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    until(lambda: library.pk in watcher._watches)
    watch = watcher._watches[library.pk]
    # The watch has only just begun, and forgets earlier trouble as soon as it stands.
    until(lambda: watch.watched == 1)
    watch.trouble = "Too many folders."
    until(lambda: Condition.objects.filter(key=watching.CONDITION, text="Too many folders.").exists())
    watch.trouble = ""
    until(lambda: not Condition.objects.filter(key=watching.CONDITION).exists())


def test_a_library_that_left_meanwhile_is_nobodys_error(library: Library, watcher: Watcher) -> None:
    gone = LibraryFactory(root="/nowhere/else")
    pk = gone.pk
    gone.delete()
    watcher._report(pk, None)
    until(lambda: not watcher._pending)
    until(scans_of(library))


# --- as a process


def test_the_command_watches_stops_cleanly_and_stays_small(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    photos = tmp_path / "photos"
    for number in range(1000):
        (photos / f"{number}").mkdir(parents=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PICTOPY_")} | {
        "PICTOPY_DATA": str(tmp_path / "data"), "PICTOPY_MODELS": str(tmp_path), "PICTOPY_ROOTS": str(tmp_path),
        "PICTOPY_SETTLE_S": "1", "DATABASE_URL": "",
    }  # fmt: skip

    def manage(*arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout

    manage("migrate", "--verbosity", "0")
    make = f"from gallery.models import Library; Library.objects.create(name='A', root={str(photos)!r})"
    manage("shell", "--no-imports", "-c", make)
    process = subprocess.Popen([sys.executable, "manage.py", "watch"], cwd=ROOT, env=environment)
    try:
        asked = "from gallery.models import Scan; print('SCANS', *Scan.objects.values_list('scope', flat=True))"
        until(lambda: "None" in manage("shell", "--no-imports", "-c", asked), 40)
        manage("shell", "--no-imports", "-c", "from gallery.models import Scan; Scan.objects.all().delete()")
        write_jpeg(photos, "500/a.jpg")
        until(lambda: "['500']" in manage("shell", "--no-imports", "-c", asked), 40)
        status = Path(f"/proc/{process.pid}/status").read_text()
        resident_mb = int(status.partition("VmRSS:")[2].split()[0]) / 1024
        before = _processor_s(process.pid)
        time.sleep(5)
        used_s = _processor_s(process.pid) - before
        record_property("watcher_resident_mb", resident_mb)
        record_property("watcher_idle_share_of_a_core", used_s / 5)
        assert resident_mb < 150
        assert used_s < 0.25
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
    finally:
        process.kill()
        process.wait()


def _processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
