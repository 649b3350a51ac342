"""`make`, as a household types it, in a copy of the folder that installs nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with this Makefile, no requirements, and a `manage.py` that does nothing."""
    folder = tmp_path / "pictopy"
    folder.mkdir()
    shutil.copy(ROOT / "Makefile", folder)
    for name in ("requirements.txt", "requirements-postgres.txt", "requirements-dev.txt", "manage.py"):
        (folder / name).touch()
    return folder


def make(folder: Path, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "VIRTUAL_ENV"))}
    done = subprocess.run(
        ["make", "models", *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_interpreter_behind_a_shim_installs_once(copy: Path, tmp_path: Path) -> None:
    """As pyenv's: a script that starts the real one, which is what the environment remembers."""
    shim = tmp_path / "python3"
    shim.write_text(f'#!/bin/sh\nexec "{os.path.realpath(sys.executable)}" "$@"\n')
    shim.chmod(0o755)
    assert "Installing" in make(copy, f"PYTHON={shim}")
    assert "Installing" not in make(copy, f"PYTHON={shim}")
    assert "Installing" not in make(copy)  # the environment is there, whatever python3 is
    (copy / "requirements.txt").write_text("# changed\n")
    assert "Installing" in make(copy)
    assert "Installing" not in make(copy)


def test_an_environment_of_an_earlier_python_is_made_anew(copy: Path) -> None:
    interpreter = f"PYTHON={os.path.realpath(sys.executable)}"
    make(copy, interpreter)
    (site,) = (copy / ".venv" / "lib").glob("python3.*/site-packages")
    shutil.rmtree(site)  # what the next Python sees of it: nothing
    (copy / "requirements.txt").write_text("# another stamp, as for another interpreter\n")
    assert "Installing" in make(copy, interpreter)
