"""The protocol as a state machine: whatever order requests come in, what is told is what is true, and at the end every
upload that was whole is one file with its content."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest
from django.test import Client

from gallery import staging, tasks
from gallery.models import File, Photo, Upload
from tests.factories import jpeg_bytes
from tests.upload_client import Sender, on_their_way, originals, upload_library

pytestmark = pytest.mark.slow

SIZES = (1, 37, 700, 5000, 20_000)


class Model:
    """What one upload must be, told by what was answered. `offset` None: cancelled."""

    def __init__(self, url: str, data: bytes) -> None:
        self.url, self.data = url, data
        self.offset: int | None = 0

    @property
    def is_whole(self) -> bool:
        return self.offset == len(self.data)


def step(random: random.Random, sender: Sender, model: Model, photos: Path) -> None:
    """One request, or one mishap, and what must follow from it."""
    what = random.choice(
        ["next", "next", "next", "next", "odd", "repeat", "long", "head", "state", "crash", "cut", "gone"]
    )
    if model.offset is None:
        assert sender.head(model.url).status_code == 404
        assert sender.patch(model.url, 0, b"x").status_code == 404
        return
    rest = model.data[model.offset : model.offset + random.choice(SIZES)]
    if what == "next":
        response = sender.patch(model.url, model.offset, rest or b"x")
        if model.is_whole:
            assert response.status_code == 204, "stored already: told again"
        else:
            assert response.status_code == 204
            model.offset += len(rest)
            assert int(response.headers["Upload-Offset"]) == model.offset
    elif what in {"odd", "repeat"} and not model.is_whole:
        wrong = random.randrange(len(model.data) + 10) if what == "odd" else max(0, model.offset - len(rest))
        if wrong != model.offset:
            assert sender.patch(model.url, wrong, rest).status_code == 409
    elif what == "long" and not model.is_whole:
        assert sender.patch(model.url, model.offset, model.data[model.offset :] + b"x").status_code == 413
    elif what == "state":
        assert sender.client.get(model.url).json()["offset"] == model.offset
    elif what == "crash" and not model.is_whole:
        # The process ended after it wrote and before it noted so: more bytes are there than are counted.
        name = model.url.strip("/").rpartition("/")[2].replace("-", "")
        with (photos / staging.FOLDER / name).open("ab") as file:
            file.write(bytes(random.randrange(256) for _ in range(random.choice(SIZES[:4]))))
    elif what == "cut" and not model.is_whole and random.random() < 0.3:
        # Somebody's tidying, or a disk that lost its end.
        name = model.url.strip("/").rpartition("/")[2].replace("-", "")
        file = photos / staging.FOLDER / name
        keep = random.randrange(model.offset + 1)
        if file.exists() and file.stat().st_size > keep:
            with file.open("r+b") as handle:
                handle.truncate(keep)
            response = sender.patch(model.url, model.offset, rest)
            assert response.status_code == (204 if keep == model.offset else 409)
            model.offset = keep + (len(rest) if keep == model.offset else 0)
    elif what == "gone" and random.random() < 0.05:
        assert sender.delete(model.url).status_code == 204
        if not model.is_whole:
            model.offset = None
            return
        model.offset = None
        return
    assert sender.offset(model.url) == model.offset


@pytest.mark.django_db
@pytest.mark.parametrize("seed", [0, 1, 2, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 40))])
def test_any_sequence_of_requests(member_client: Client, tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    photos = tmp_path / "uploads"
    sender = Sender(member_client, upload_library(photos))
    contents = [jpeg_bytes(320, 240, seed=seed * 100 + number) for number in range(3)]
    contents.append(contents[0])  # once more under another name
    models = [Model(sender.begin(data, f"{number}.jpg"), data) for number, data in enumerate(contents)]
    for _ in range(100):
        step(dice, sender, dice.choice(models), photos)
        if dice.random() < 0.05:
            tasks.sweep()
    stored = {model.data for model in models if model.is_whole}
    for model in models:
        while model.offset is not None and not model.is_whole:
            response = sender.patch(model.url, model.offset, model.data[model.offset :])
            assert response.status_code == 204
            model.offset = int(response.headers["Upload-Offset"])
        if model.is_whole:
            stored.add(model.data)
    found = list(originals(photos).values())
    assert len(found) == len(set(found)), "twice"
    assert stored <= set(found), "lost"
    assert set(found) <= set(contents), "damaged"
    assert on_their_way(photos) == []
    digests = sorted(hashlib.sha256(data).hexdigest() for data in found)
    assert sorted(Photo.objects.values_list("digest", flat=True)) == digests
    assert File.objects.count() == len(found)
    assert not Upload.objects.filter(outcome="").exists()
