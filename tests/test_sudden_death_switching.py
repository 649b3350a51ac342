"""kill -9 at every step of trying another model and of switching to it, on a real database and disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import MIRROR
from tests.killer.switching import FACES, MODEL, OTHER

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.slow
@pytest.mark.weights
def test_whenever_it_is_killed_one_model_is_in_use_for_everything_and_the_work_goes_on(tmp_path: Path) -> None:
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("PICTOPY_")},
        "DJANGO_SETTINGS_MODULE": "pictopy_site.settings",
        "PICTOPY_DATA": str(tmp_path / "data"),
        "PICTOPY_MODELS": str(MIRROR),
        "PICTOPY_ROOTS": str(tmp_path),
        "PICTOPY_LOG_LEVEL": "ERROR",
    }
    environment.pop("DATABASE_URL", None)
    command = [sys.executable, "-m", "tests.killer.switching", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith("ROUNDS"))
    rounds = json.loads(line.removeprefix("ROUNDS"))
    assert {each["name"] for each in rounds if each["killed"]} == {"look", "switch"}
    for each in rounds:
        assert each["between"] in ([[MODEL], [MODEL]], [[OTHER], [OTHER]]), each
        assert (each["spares"], each["named"]) == (FACES, ["Anna"]), each
        assert each["state"] == ("ready" if each["between"] == [[MODEL], [MODEL]] else "done"), each
