"""kill -9 at every step of a scan that finds moved files by content, on a real database and disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.killer.relinking import COUNT

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.slow
def test_whenever_it_is_killed_the_next_attempt_ends_as_an_undisturbed_one(tmp_path: Path) -> None:
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("PICTOPY_")},
        "DJANGO_SETTINGS_MODULE": "pictopy_site.settings",
        "PICTOPY_DATA": str(tmp_path / "data"),
        "PICTOPY_MODELS": str(tmp_path / "models"),
        "PICTOPY_ROOTS": str(tmp_path),
        "PICTOPY_LOG_LEVEL": "ERROR",
        "PICTOPY_SETTLE_S": "0",
    }
    environment.pop("DATABASE_URL", None)
    command = [sys.executable, "-m", "tests.killer.relinking", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith("ROUNDS"))
    rounds = json.loads(line.removeprefix("ROUNDS"))
    assert sum(each["killed"] for each in rounds) > 60
    half = COUNT // 2
    for each in rounds:
        assert each["is_true"], each
        assert (each["photos"], each["marks"], each["missing"], each["open_scans"]) == (COUNT, COUNT, 0, 0), each
        moved = COUNT if each["name"] == "all" else half
        assert each["paths"] == sorted(
            [f"sorted/{n}.jpg" for n in range(moved)] + [f"trip/{n}.jpg" for n in range(moved, COUNT)]
        ), each
        if each["name"] == "all":
            assert (each["state"], each["gone_by_review"], each["candidates"]) == ("ok", [], 0), each
        else:
            assert (each["state"], each["gone_by_review"]) == ("held", [[half, 0, ""]]), each
