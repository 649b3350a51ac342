"""The photos of the household that the browser tests look at: drawn landscapes, and friends where they are at hand."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tests.scenery import landscape

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "photos"
FRIENDS = ("amy", "bernadette", "howard", "leonard", "penny", "raj", "sheldon", "stuart")
PORTRAITS_EACH = 5
GROUPS = 5
EVERYDAY = 8
CAMERA = ("Alpenglow", "Alpenglow X1")
NORWAY = (61.2, 6.75)

# Files that are no pictures, and what the page is to say about them.
BROKEN = {
    "Broken/empty.jpg": "empty",
    "Broken/letter.jpg": "not a picture",
    "Broken/torn.jpg": "cut off",
}


@dataclass(frozen=True, slots=True)
class Scene:
    """A drawn photo: where it lies, when it was taken, and whether the camera was held upright."""

    path: str
    taken: dt.datetime
    seed: int
    is_upright: bool = False
    gps: tuple[float, float] | None = None


def scenes(count: int = 24, *, a_month: int = 2, months_apart: int = 2) -> list[Scene]:
    """Landscapes from August 2024 backwards, some a month; those of 2024 lie in a folder named Norway."""
    made = []
    for number in range(count):
        year, month = divmod(2024 * 12 + 7 - months_apart * (number // a_month), 12)
        day = 20 - 18 // a_month * (number % a_month)
        taken = dt.datetime(year, month + 1, day, 18 - number % 7, 5)
        folder = "Norway" if year == 2024 else f"Journeys/{year}"
        made.append(
            Scene(
                f"{folder}/scene-{number:03}.jpg",
                taken,
                seed=number,
                is_upright=number % 7 == 3,
                gps=NORWAY if year == 2024 else None,
            )
        )
    return made


def write_scene(folder: Path, scene: Scene, image: Image.Image) -> None:
    file = folder / scene.path
    file.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = CAMERA
    exif.get_ifd(0x8769)[0x9003] = scene.taken.strftime("%Y:%m:%d %H:%M:%S")
    if scene.gps:
        position = exif.get_ifd(0x8825)
        for tag, value, letter in ((1, scene.gps[0], "N"), (3, scene.gps[1], "E")):
            position[tag], position[tag + 1] = letter, (float(int(value)), round(value % 1 * 60, 4), 0.0)
    if scene.is_upright:
        exif[0x0112] = 6  # the pixels lie on their side; whoever shows them turns them
        image = image.transpose(Image.Transpose.ROTATE_90)
    image.save(file, "JPEG", quality=88, exif=exif)


def draw_scenes(folder: Path, wanted: list[Scene], width: int = 900, height: int = 600) -> list[Image.Image]:
    drawn = []
    for scene in wanted:
        size = (height, width) if scene.is_upright else (width, height)
        drawn.append(landscape(*size, seed=scene.seed))
        write_scene(folder, scene, drawn[-1])
    return drawn


def snapshots(count: int = 100) -> list[Scene]:
    """Small pictures, so many that a page does not hold them all: forty a month, of the spring of 2020 and before."""
    made = []
    for number in range(count):
        month, day = 6 - number // 40, 28 - (number % 40) // 2
        made.append(
            Scene(f"Snapshots/snap-{number:03}.jpg", dt.datetime(2020, month, day, 9 + number % 9), seed=number)
        )
    return made


def write_snapshots(folder: Path, wanted: list[Scene], drawn: list[Image.Image]) -> None:
    """Cuts them out of landscapes that were drawn already."""
    random = np.random.default_rng(1)
    for snapshot in wanted:
        source = drawn[snapshot.seed % len(drawn)].resize((450, 300))
        left, top = int(random.integers(0, 90)), int(random.integers(0, 60))
        write_scene(folder, snapshot, source.crop((left, top, left + 360, top + 240)))


def write_broken(folder: Path) -> None:
    (folder / "Broken").mkdir(parents=True)
    (folder / "Broken/empty.jpg").touch()
    (folder / "Broken/letter.jpg").write_text("Dear Anna, the photos are in the other folder.\n" * 40)
    write_scene(folder, Scene("Broken/torn.jpg", dt.datetime(2024, 1, 1), 0), landscape(320, 240, seed=3))
    file = folder / "Broken/torn.jpg"
    file.write_bytes(file.read_bytes()[:1500])


def have_samples() -> bool:
    return (SAMPLES / "friends" / "bbt").is_dir() and (SAMPLES / "everyday").is_dir()


def copy_friends(folder: Path) -> None:
    """Portraits and group pictures of eight people, as if taken in July 2019; their files say nothing about it."""
    source = SAMPLES / "friends"
    for number, file in enumerate(sorted([*source.glob("bbt/*/*"), *source.glob("bbt_group/*")])):
        name = "group" if file.parent.name == "bbt_group" else file.parent.name
        _copy(file, folder / "Friends" / name / file.name, dt.datetime(2019, 7, 1 + number % 28, 12, tzinfo=dt.UTC))


def copy_everyday(folder: Path) -> None:
    """Scenes with things in them, as if taken in March 2018."""
    files = sorted((SAMPLES / "everyday").glob("*.jpg"))[:EVERYDAY]
    for number, file in enumerate(files):
        _copy(file, folder / "Everyday" / file.name, dt.datetime(2018, 3, 1 + number, 12, tzinfo=dt.UTC))


def _copy(source: Path, target: Path, moment: dt.datetime) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    os.utime(target, (moment.timestamp(), moment.timestamp()))


def month_titles(photos: list[Scene]) -> list[str]:
    """The headings of the timeline that these photos must give, newest first."""
    return list(_titles(sorted({(photo.taken.year, photo.taken.month) for photo in photos}, reverse=True)))


def _titles(months: list[tuple[int, int]]) -> Iterator[str]:
    for year, month in months:
        yield f"{dt.date(year, month, 1):%B} {year}"


def count_all() -> int:
    """How many photos the household of the tests has: those that can be read."""
    return len(scenes()) + len(snapshots()) + (count_samples() if have_samples() else 0)


def count_samples() -> int:
    """How many photos `copy_friends` and `copy_everyday` bring."""
    return len(FRIENDS) * PORTRAITS_EACH + GROUPS + EVERYDAY
