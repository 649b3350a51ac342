"""Anything may happen to files between scans, in any order: each is shown as it is, and what people made stays.

A few names and pictures, so that sequences meet: pictures of equal size, names that are used again, copies that keep
their time, new files that look like old ones. What scans cannot see (same name, size and time, other content) is left
out.
"""

from __future__ import annotations

import copy
import io
import itertools
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image
from pytest_django.fixtures import Settings

from gallery import pipeline, services, thumbnails, work
from gallery.models import File, Library, Mark, Photo, WorkState
from gallery.scope import Scope
from tests.importing import assert_every_file_is_shown_as_it_is, scan, sha256, work_off
from tests.thorough import examples

T = TypeVar("T")
NAMES = ("a.bmp", "b.bmp", "x/a.bmp", "x/b.bmp", "y/a.bmp", "y/c.bmp")
FOLDERS = ("x", "y", "z")
DISK = ("add", "edit", "rename", "move_folder", "copy", "delete", "swap", "restore", "touch", "imitate")
ACTIONS = (*DISK, *DISK, "scan", "part", "part", "work", "look", "mark")


def bitmap(number: int) -> bytes:
    """Pictures of two sizes, so that the size alone seldom tells which it is."""
    edge = 16 + 4 * (number % 2)
    buffer = io.BytesIO()
    Image.new("RGB", (edge, edge), (40 * number, 255 - 40 * number, 90)).save(buffer, "BMP")
    return buffer.getvalue()


PICTURES = [bitmap(number) for number in range(6)]


@dataclass
class Kept:
    """What a person made of a photo: its content, and whether that could be seen somewhere at every step since."""

    content: str
    is_always_there: bool = True


@dataclass
class World:
    """A folder and what is known of its past. `kin`: contents that one file or name had, one after the other."""

    folder: Path
    library: Library
    user: User
    seconds: Iterator[int] = field(default_factory=lambda: itertools.count(1_600_000_000))
    scanned: dict[str, str] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)
    last: dict[str, str] = field(default_factory=dict)
    kin: list[set[str]] = field(default_factory=list)
    marks: dict[int, Kept] = field(default_factory=dict)
    gone: list[tuple[str, bytes, int]] = field(default_factory=list)
    imitations: set[str] = field(default_factory=set)

    def files(self) -> list[Path]:
        return sorted(file for file in self.folder.rglob("*.bmp") if file.name != "always.bmp")

    def contents(self) -> dict[str, str]:
        return {str(file.relative_to(self.folder)): sha256(file) for file in self.folder.rglob("*.bmp")}

    def file(self, index: int) -> Path | None:
        """A file that may be changed: an imitation is seen by a scan before anything else happens to it."""
        found = [file for file in self.files() if str(file) not in self.imitations]
        return found[index % len(found)] if found else None

    def free(self, index: int) -> Path | None:
        names = [name for name in NAMES if not (self.folder / name).exists()]
        return self.folder / names[index % len(names)] if names else None

    def write(self, file: Path, data: bytes, time_ns: int | None = None) -> None:
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(data)
        time_ns = next(self.seconds) * 10**9 if time_ns is None else time_ns
        os.utime(file, ns=(time_ns, time_ns))

    def remember(self, file: Path) -> None:
        self.gone.append((str(file.relative_to(self.folder)), file.read_bytes(), file.stat().st_mtime_ns))

    # --- what happens to files

    def add(self, i: int, j: int) -> None:
        if file := self.free(i):
            self.write(file, PICTURES[j % len(PICTURES)])

    def edit(self, i: int, j: int) -> None:
        if file := self.file(i):
            self.remember(file)
            self.write(file, PICTURES[j % len(PICTURES)])

    def rename(self, i: int, j: int) -> None:
        if (file := self.file(i)) and (target := self.free(j)):
            target.parent.mkdir(exist_ok=True)
            file.rename(target)

    def move_folder(self, i: int, j: int) -> None:
        source, target = (self.folder / FOLDERS[index % len(FOLDERS)] for index in (i, j))
        if source.exists() and not target.exists() and not any(str(source) in name for name in self.imitations):
            source.rename(target)

    def copy(self, i: int, j: int) -> None:
        if (file := self.file(i)) and (target := self.free(j)):
            target.parent.mkdir(exist_ok=True)
            shutil.copy2(file, target)
            if j % 2:
                self.touch_file(target)

    def delete(self, i: int, j: int) -> None:
        if file := self.file(i):
            self.remember(file)
            file.unlink()

    def swap(self, i: int, j: int) -> None:
        first, second = self.file(i), self.file(j)
        if first and second and first != second:
            aside = self.folder / "aside"
            first.rename(aside)
            second.rename(first)
            aside.rename(second)

    def restore(self, i: int, j: int) -> None:
        """From a backup: the old name, content and time."""
        if self.gone:
            name, data, time_ns = self.gone[i % len(self.gone)]
            if str(self.folder / name) not in self.imitations:
                self.write(self.folder / name, data, time_ns)

    def touch(self, i: int, j: int) -> None:
        if file := self.file(i):
            self.touch_file(file)

    def touch_file(self, file: Path) -> None:
        os.utime(file, (now := next(self.seconds), now))

    def imitate(self, i: int, j: int) -> None:
        """A new file that has size and time of one that is gone, and so looks like the same one under a new name."""
        if not self.gone or not (target := self.free(j)):
            return
        _, data, time_ns = self.gone[i % len(self.gone)]
        others = [other for other in PICTURES if len(other) == len(data) and other != data]
        # Not where the last scan saw this very time: it would see no change.
        names = {name for name, _, time in self.gone if time == time_ns}
        names |= {name for name, time in self.times.items() if time == time_ns}
        is_unique = all(file.stat().st_mtime_ns != time_ns for file in self.files())
        if is_unique and str(target.relative_to(self.folder)) not in names:
            self.gone = [row for row in self.gone if row[2] != time_ns]
            self.write(target, others[j % len(others)], time_ns)
            self.imitations.add(str(target))

    def note_kin(self) -> None:
        """To be called after every change: which contents have followed another under one name."""
        for name, content in self.contents().items():
            if (before := self.last.get(name, content)) != content:
                self.kin.append({before, content})
            self.last[name] = content

    # --- what PictoPy and people do

    def scan(self, i: int = 0, j: int = 0) -> None:
        scan(self.library)
        self.scanned, self.imitations = self.contents(), set()
        self.times = {str(file.relative_to(self.folder)): file.stat().st_mtime_ns for file in self.files()}

    def part(self, i: int, j: int) -> None:
        """A scan of one or two folders, as the watcher asks for it."""
        places = ["", *FOLDERS]
        chosen = {places[i % 4], places[j % 4]} - ({""} if i % 2 else set())
        scope = Scope.of(trees=chosen) if i % 2 else Scope.of(folders=chosen)
        scan(self.library, scope=scope)

        def renewed(before: dict[str, T], now: dict[str, T]) -> dict[str, T]:
            return {
                **{name: value for name, value in before.items() if not scope.covers(name)},
                **{name: value for name, value in now.items() if scope.covers(name)},
            }

        self.scanned = renewed(self.scanned, self.contents())
        times = {str(file.relative_to(self.folder)): file.stat().st_mtime_ns for file in self.files()}
        self.times = renewed(self.times, times)
        self.imitations = {it for it in self.imitations if not scope.covers(str(Path(it).relative_to(self.folder)))}

    def work(self, i: int = 0, j: int = 0) -> None:
        """One photo."""
        self.note_what_can_be_seen()
        pipeline.process(work.claim_photos(1))

    def look(self, i: int = 0, j: int = 0) -> None:
        """A scan, all the work, and the proof of what has come of it."""
        self.scan()
        self.note_what_can_be_seen()
        work_off()
        self.prove()

    def mark(self, i: int, j: int) -> None:
        shown = list(Photo.objects.filter(imported_at__isnull=False).order_by("id"))
        if shown:
            photo = shown[i % len(shown)]
            services.set_favourite(self.user, [photo.pk], is_favourite=True)
            # The file may have changed since it was read, or be gone.
            is_there = photo.digest in self.scanned.values()
            self.marks.setdefault(Mark.objects.get(photo=photo).pk, Kept(photo.digest or "", is_there))

    def note_what_can_be_seen(self) -> None:
        """Contents that lie where the last scan saw them can be found; others may come too late."""
        now = self.contents()
        seen = {content for name, content in self.scanned.items() if now.get(name) == content}
        for kept in self.marks.values():
            kept.is_always_there &= kept.content in seen

    def heirs(self, content: str) -> set[str]:
        """What a photo may have become that showed this: a file or name had both, perhaps with others in between."""
        found = {content}
        while more := set().union(*(group for group in self.kin if group & found)) - found:
            found |= more
        return found

    def prove(self) -> None:
        assert_every_file_is_shown_as_it_is(self.library, self.folder)
        now = self.contents()
        present = list(Photo.objects.filter(missing_since__isnull=True))
        assert sorted(photo.digest or "" for photo in present) == sorted(set(now.values())), (
            "one photo for each content"
        )
        assert not Photo.objects.exclude(work_state=WorkState.DONE).exists()
        assert not Photo.objects.filter(imported_at__isnull=True).exists()
        for row in File.objects.filter(missing_since__isnull=True):
            assert row.is_read
            assert row.digest == now[row.path]
        marks = {mark.pk: mark for mark in Mark.objects.select_related("photo")}
        assert marks.keys() == self.marks.keys(), "what people made is lost"
        for pk, kept in self.marks.items():
            shown = marks[pk].photo.digest or ""
            assert shown in ({kept.content} if kept.is_always_there else self.heirs(kept.content))
            assert (marks[pk].photo.missing_since is None) == (shown in now.values())
            self.marks[pk] = Kept(shown, shown in now.values())
        self.kin, self.last = [], now


@pytest.fixture
def beginning(
    library: Library, folder: Path, member: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> World:
    """Three pictures, each somebody's favourite, so that there is something to lose. Thumbnails are not made."""
    monkeypatch.setattr(thumbnails, "encode", lambda sizes: {})
    monkeypatch.setattr(thumbnails, "exist", lambda digest: True)
    (folder / "always.bmp").write_bytes(bitmap(7))  # a folder that is empty is one whose drive is away
    world = World(folder, library, member)
    for number in range(3):
        world.add(number, number)
    world.look()
    for number in range(3):
        world.mark(number, 0)
    return world


def live_through(actions: list[tuple[str, int, int]], beginning: World) -> None:
    """From the same beginning for each sequence, in the database and on the disk."""
    aside = beginning.folder.with_name("aside")
    shutil.copytree(beginning.folder, aside)
    world = copy.deepcopy(beginning)
    try:
        with transaction.atomic():
            for action, i, j in [*actions, ("look", 0, 0)]:
                getattr(world, action)(i, j)
                world.note_kin()
            transaction.set_rollback(True)
    finally:
        shutil.rmtree(beginning.folder)
        aside.rename(beginning.folder)


def sequences(length: int) -> st.SearchStrategy[list[tuple[str, int, int]]]:
    number = st.integers(0, 11)
    return st.lists(st.tuples(st.sampled_from(ACTIONS), number, number), min_size=2, max_size=length)


COMMON = hypothesis_settings(
    deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.mark.slow
@hypothesis_settings(COMMON, max_examples=examples(60), derandomize=True)
@given(actions=sequences(12))
def test_after_any_sequence_each_file_is_shown_as_it_is_and_what_people_made_is_kept(
    actions: list[tuple[str, int, int]], beginning: World
) -> None:
    live_through(actions, beginning)


@pytest.mark.slow
@hypothesis_settings(COMMON, max_examples=120)
@given(actions=sequences(40))
def test_so_it_is_after_long_sequences(actions: list[tuple[str, int, int]], beginning: World) -> None:
    live_through(actions, beginning)
