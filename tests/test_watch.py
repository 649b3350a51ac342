"""The watch of one folder, with the kernel's real events: what it reports, and what it looks at when none come."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gallery import mounts
from gallery.mounts import Mount
from gallery.scope import Scope
from gallery.watch import Target, Watch

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 60.0  # a limit for "never", not for how fast it is

pytestmark = pytest.mark.slow


class Reports:
    """What a watch reported, each report once."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Scope | None] = queue.SimpleQueue()

    def __call__(self, library_id: int, scope: Scope | None) -> None:
        assert library_id == 7
        self._queue.put(scope)

    def next(self) -> Scope | None:
        return self._queue.get(timeout=PATIENCE_S)

    def until_covered(self, *paths: str) -> Scope:
        """All reports together, once they cover these files."""
        found = Scope()
        while not all(found.covers(path) for path in paths):
            scope = self.next()
            assert scope is not None, "the whole library"
            found = found.merge(scope)
        return found

    def nothing(self, seconds: float = 2.5) -> None:
        with pytest.raises(queue.Empty):
            raise AssertionError(self._queue.get(timeout=seconds))


Start = Callable[..., tuple[Watch, Reports]]


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    watches: list[Watch] = []

    def begin(exclude: str = "", leave_out: tuple[str, ...] = (), poll_s: float = 0.3) -> tuple[Watch, Reports]:
        reports = Reports()
        watch = Watch(Target(7, str(folder), exclude, leave_out), reports, tick_s=0.3, poll_s=poll_s)
        watches.append(watch)
        watch.start()
        assert reports.next() is None, "what happened before, nobody knows"
        return watch, reports

    yield begin
    for watch in watches:
        watch.stop()
        watch.join(PATIENCE_S)
        assert not watch.is_alive()


@pytest.fixture
def _share(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the folder lay on another machine."""
    monkeypatch.setattr(mounts, "read", lambda: [Mount("/", "ext4"), Mount(str(folder), "nfs4")])


def put(folder: Path, name: str, text: str = "x") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_new_changed_renamed_and_deleted_files_are_reported_by_their_folder(start: Start, folder: Path) -> None:
    gone, renamed, changed = put(folder, "a/gone.jpg"), put(folder, "b/1.jpg"), put(folder, "c/1.jpg")
    put(folder, "d/x.txt")
    watch, reports = start()
    assert (watch.watched, watch.polled) == (5, 0)
    gone.unlink()
    renamed.rename(folder / "b/2.jpg")
    changed.write_text("more")
    put(folder, "top.jpg")
    put(folder, "d/1.jpg.xmp")
    found = reports.until_covered("a/gone.jpg", "b/2.jpg", "c/1.jpg", "top.jpg", "d/1.jpg")
    assert found == Scope.of(folders=["a", "b", "c", "", "d"])


def test_what_no_scan_takes_is_not_reported_nor_watched(start: Start, folder: Path, tmp_path: Path) -> None:
    put(folder, "a/1.jpg")
    put(folder, "a/@eaDir/1.jpg/thumb.jpg")
    put(folder, "data/x.jpg")
    put(folder, "private/x.jpg")
    put(folder, "ignored/deep/x.jpg")
    put(folder, "ignored/.pictopyignore", "")
    put(tmp_path, "outside/x.jpg")
    (folder / "link").symlink_to(tmp_path / "outside")
    watch, reports = start("private", (str(folder / "data"),))
    assert watch.watched == 3, "the root, a, and ignored, whose file may change"
    for name in (
        "a/notes.txt",
        "a/.IMG_1.jpg.Xy12",
        "a/@eaDir/2.jpg",
        "data/y.jpg",
        "private/y.jpg",
        "ignored/deep/y.jpg",
        "link/y.jpg",
    ):
        put(folder, name)
    reports.nothing()


def test_a_new_tree_is_watched_and_reported_as_a_whole(start: Start, folder: Path, tmp_path: Path) -> None:
    put(tmp_path, "card/DCIM/100/1.jpg")
    watch, reports = start()
    (tmp_path / "card").rename(folder / "card")
    assert reports.until_covered("card/DCIM/100/1.jpg").trees == {"card"}
    put(folder, "card/DCIM/100/2.jpg")
    assert reports.until_covered("card/DCIM/100/2.jpg").folders == {"card/DCIM/100"}
    assert watch.watched == 4


def test_a_renamed_and_a_deleted_folder_are_reported_with_what_lay_in_them(start: Start, folder: Path) -> None:
    put(folder, "old/x/1.jpg")
    put(folder, "other/1.jpg")
    _, reports = start()
    (folder / "old").rename(folder / "new")
    reports.until_covered("old/x/1.jpg", "new/x/1.jpg")
    put(folder, "new/x/2.jpg")
    assert reports.until_covered("new/x/2.jpg").folders == {"new/x"}
    subprocess.run(["rm", "-r", str(folder / "other")], check=True)
    reports.until_covered("other/1.jpg", "other/any/thing.jpg")


def test_an_ignore_file_that_comes_or_goes_is_about_all_that_lies_below(start: Start, folder: Path) -> None:
    put(folder, "a/x/1.jpg")
    watch, reports = start()
    file = put(folder, "a/.pictopyignore", "x\n")
    reports.until_covered("a/x/1.jpg")
    until(lambda: watch.watched == 2)
    file.unlink()
    reports.until_covered("a/x/1.jpg")
    until(lambda: watch.watched == 3)


def test_names_that_are_not_utf8_are_found_too(start: Start, folder: Path) -> None:
    odd = os.path.join(os.fsencode(folder), b"caf\xe9")
    os.mkdir(odd)
    watch, reports = start()
    assert (watch.watched, watch.polled) == (1, 1)
    with open(os.path.join(odd, b"1.jpg"), "wb") as file:
        file.write(b"x")
    reports.until_covered("caf%E9/1.jpg")
    with open(os.path.join(os.fsencode(folder), b"t\xfcr.jpg"), "wb") as file:
        file.write(b"x")
    assert _is_whole_next(reports), "an event of which nobody can tell where it was"
    put(folder, "a.jpg")
    reports.until_covered("a.jpg")


def test_a_root_that_goes_away_and_comes_back_is_looked_through_each_time(
    start: Start, folder: Path, tmp_path: Path
) -> None:
    put(folder, "a/1.jpg")
    watch, reports = start()
    folder.rename(tmp_path / "unplugged")
    assert _is_whole_next(reports)
    (tmp_path / "unplugged").rename(folder)
    assert _is_whole_next(reports)
    put(folder, "a/2.jpg")
    assert reports.until_covered("a/2.jpg").folders == {"a"}
    assert watch.is_alive()


def _is_whole_next(reports: Reports) -> bool:
    """What the rename itself stirs up may come first."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if reports.next() is None:
            return True
    return False


@pytest.mark.usefixtures("_share")
def test_a_network_share_is_looked_at_from_time_to_time(start: Start, folder: Path) -> None:
    gone, _ = put(folder, "a/1.jpg"), put(folder, "b/1.jpg")
    watch, reports = start()
    assert (watch.watched, watch.polled) == (0, 3)
    time.sleep(0.5)
    gone.unlink()
    put(folder, "b/2.jpg")
    put(folder, "new/x/1.jpg")
    reports.until_covered("a/1.jpg", "b/2.jpg", "new/x/1.jpg")
    put(folder, "new/x/2.jpg")
    reports.until_covered("new/x/2.jpg")
    subprocess.run(["rm", "-r", str(folder / "new")], check=True)
    reports.until_covered("new/x/1.jpg")
    assert watch.trouble == "", "this is no trouble but how shares are"


def test_an_idle_watch_reports_nothing_and_takes_next_to_no_time(start: Start, folder: Path) -> None:
    for number in range(300):
        put(folder, f"{number}/1.jpg")
    _, reports = start(poll_s=60)
    begin = time.process_time()
    reports.nothing(3)
    assert time.process_time() - begin < 0.15


LIMITED = """
import queue, sys, time
from gallery.watch import Target, Watch
reports = queue.SimpleQueue()
watch = Watch(Target(7, sys.argv[1], "", ()), lambda library_id, scope: reports.put(scope), tick_s=0.3, poll_s=0.3)
watch.start()
assert reports.get(timeout=60) is None
print(watch.watched, watch.polled, watch.trouble)
time.sleep(0.5)
open(sys.argv[1] + "/3/new.jpg", "w").close()
found = reports.get(timeout=60)
assert found.covers("3/new.jpg"), found
for name in ("1", "2", "3", "4", "5"):
    __import__("shutil").rmtree(f"{sys.argv[1]}/{name}")
deadline = time.monotonic() + float(sys.argv[2])
while watch.trouble and time.monotonic() < deadline:
    time.sleep(0.1)
print(watch.watched, watch.polled, watch.trouble)
watch.stop()
watch.join(5)
"""


@pytest.mark.parametrize(("setting", "value"), [("max_inotify_watches", 4), ("max_inotify_instances", 0)])
def test_where_the_kernel_watches_no_more_folders_they_are_looked_at_and_that_is_said(
    folder: Path, setting: str, value: int
) -> None:
    """In a user namespace, whose limits are its own."""
    for number in range(8):
        put(folder, f"{number}/1.jpg")
    inside = f'echo {value} > /proc/sys/user/{setting} && exec "$@"'
    command = ["unshare", "-Ur", "sh", "-c", inside, "sh", sys.executable, "-c", LIMITED, str(folder)]
    # How long to wait for the trouble to end: where no room ever comes, for as long as it would take elsewhere.
    command.append("50" if value else "4")
    if subprocess.run(["unshare", "-Ur", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody make user namespaces")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    before, after = done.stdout.splitlines()
    assert before.startswith("0 9 Linux does not watch so many folders")
    name = "max_user_watches" if value else "max_user_instances"
    assert f"sudo sysctl fs.inotify.{name}=" in before
    # Once there are fewer folders they are watched again; no room for a single watch never ends.
    assert after.startswith("4 0 " if value else "0 4 Linux")


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
