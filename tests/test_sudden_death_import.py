"""kill -9 at every step of a scan, and at random moments of an import: the end is that of an undisturbed run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
KILLS = 50

pytestmark = pytest.mark.slow


def result_of(module: str, base: Path, *arguments: str) -> dict[str, Any]:
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("PICTOPY_")},
        "DJANGO_SETTINGS_MODULE": "pictopy_site.settings",
        "PICTOPY_DATA": str(base / "data"),
        "PICTOPY_MODELS": str(base / "models"),
        "PICTOPY_MODEL_MIRROR": os.environ["PICTOPY_MODEL_MIRROR"],
        "PICTOPY_ROOTS": str(base),
        "PICTOPY_BATCH": "4",
        "PICTOPY_SETTLE_S": "0",
        "PICTOPY_LOG_LEVEL": "ERROR",
    }
    environment.pop("DATABASE_URL", None)
    command = [sys.executable, "-m", module, str(base), *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT"))
    found: dict[str, Any] = json.loads(line.removeprefix("RESULT"))
    return found


def test_a_scan_killed_at_any_step_ends_as_if_nothing_had_happened(tmp_path: Path) -> None:
    result = result_of("tests.killer.scan_steps", tmp_path)
    assert result["wrong"] == []
    assert result["steps"] > 80
    assert result["rows"]["Mark"] == 5


def test_an_import_killed_fifty_times_ends_as_if_nothing_had_happened(tmp_path: Path) -> None:
    seed = os.urandom(2).hex()
    result = result_of("tests.killer.random_points", tmp_path, str(KILLS), str(int(seed, 16)))
    assert result["wrong"] == [], f"seed {int(seed, 16)}: {result}"
    assert result["killed"] >= KILLS
    assert result["rows"]["Mark"] > 0
