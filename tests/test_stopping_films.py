"""A real installation that is stopped, or killed, while it copies a long film."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from tests.browser.house import House
from tests.factories import picture
from tests.vision.films import HDR, film

pytestmark = pytest.mark.slow

LONG = {**HDR, "options": {"x265-params": "log-level=none", "preset": "ultrafast"}}
ASK = (
    "from gallery.models import Rendition; row = Rendition.objects.first();"
    "print('ROW', *((row.work_state, row.attempts, row.percent, row.lease_owner) if row else ()))"
)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    times = [Fraction(number, 10) for number in range(600)]
    (made.photos / "long.MOV").write_bytes(
        film(container="mov", width=960, height=540, picture=picture(960, 540, seed=1), times=times, sound=None, **LONG)
    )
    try:
        made.start()
        yield made
    finally:
        made.stop()


def row(house: House) -> list[str]:
    said = house.manage("shell", "--no-imports", "-c", ASK)
    return next(line for line in said.splitlines() if line.startswith("ROW")).split()[1:]


def wait_until_copying(house: House) -> list[str]:
    deadline = time.monotonic() + 60
    while (found := row(house))[:1] != ["claimed"]:
        assert time.monotonic() < deadline, f"{found}\n{house.said()}"
        time.sleep(0.2)
    return found


def left_over(house: House) -> list[Path]:
    return [file for file in (house.base / "data").rglob("*-film.mp4*") if file.is_file()]


def test_a_stop_ends_the_copy_in_seconds_and_counts_no_attempt(house: House) -> None:
    wait_until_copying(house)
    begun = time.monotonic()
    house.stop()
    assert time.monotonic() - begun < 10
    assert "killed now" not in house.said()
    assert row(house)[:3] == ["ready", "0", "0"]
    assert left_over(house) == []


def test_a_worker_that_is_killed_costs_an_attempt_and_the_film_is_copied_all_the_same(house: House) -> None:
    owner = wait_until_copying(house)[3]
    os.kill(int(owner.split(":")[1]), signal.SIGKILL)
    house.manage("shell", "--no-imports", "-c", "from gallery import tasks; tasks.sweep()")
    deadline = time.monotonic() + 120
    while (found := row(house))[0] != "done":
        assert time.monotonic() < deadline, f"{found}\n{house.said()}"
        time.sleep(1)
    assert found[1:3] == ["2", "100"]
    assert len([file for file in left_over(house) if not file.name.startswith(".")]) == 1
