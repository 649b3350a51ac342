"""kill -9 at every step of an upload and of deleting for good, on a real database and disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    base = tmp_path_factory.mktemp("each-step")
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("PICTOPY_")},
        "DJANGO_SETTINGS_MODULE": "pictopy_site.settings",
        "PICTOPY_DATA": str(base / "data"),
        "PICTOPY_MODELS": str(base / "models"),
        "PICTOPY_ROOTS": str(base),
        "PICTOPY_SETTLE_S": "0",
        "PICTOPY_LOG_LEVEL": "ERROR",
    }
    environment.pop("DATABASE_URL", None)
    command = [sys.executable, "-m", "tests.killer.each_step", str(base)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith("ROUNDS"))
    found: list[dict[str, Any]] = json.loads(line.removeprefix("ROUNDS"))
    return found


def test_an_upload_is_there_once_and_whole(rounds: list[dict[str, Any]]) -> None:
    uploads = [each for each in rounds if each["name"] == "upload"]
    assert sum(each["killed"] for each in uploads) > 40
    for each in uploads:
        assert each["files"] == ["2020/02/a.jpg"], each
        assert each["is_whole"], each
        assert (each["photos"], each["shown"], each["rows"], each["album"]) == (1, 1, 1, 1), each
        assert (each["on_their_way"], each["open"]) == (0, 0), each


def test_what_was_to_be_deleted_is_gone(rounds: list[dict[str, Any]]) -> None:
    purges = [each for each in rounds if each["name"] == "purge"]
    assert sum(each["killed"] for each in purges) > 8
    for each in purges:
        assert each["files"] == [], each
        assert (each["photos"], each["rows"], each["album"]) == (0, 0, 0), each
