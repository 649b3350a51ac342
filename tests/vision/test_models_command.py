"""`manage.py models` does what it says and exits as scripts expect."""

import dataclasses
import io
import os
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from gallery.vision import catalog
from tests.vision.test_download import folder_with, toys

__all__ = ["toys"]


@pytest.fixture
def models_dir(tmp_path: Path, settings: pytest.FixtureRequest) -> Path:
    folder = tmp_path / "weights"
    settings.PICTOPY = dataclasses.replace(
        settings.PICTOPY, models_dir=folder, model_mirror=str(tmp_path / "mirror"), model_pack="light"
    )
    return folder


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("models", *arguments, stdout=out)
    return out.getvalue()


def test_the_list_names_every_model_and_what_is_here(models_dir: Path, toys: dict[str, catalog.ModelSpec]) -> None:
    folder_with(models_dir, toys, "yunet")
    toys["sface"].path(models_dir).write_bytes(b"sfacE")
    lines = {line.split()[0]: line for line in run("list").splitlines() if line.startswith("  ")}
    assert set(lines) == set(toys)
    assert "ready" in lines["yunet"]
    assert "DAMAGED" in lines["sface"]
    assert "standard, light" in lines["yunet"]


def test_fetching_reports_what_cannot_be_had(
    models_dir: Path, tmp_path: Path, toys: dict[str, catalog.ModelSpec]
) -> None:
    folder_with(tmp_path / "mirror", toys, "yunet", "yolox_nano")
    out = run("fetch")
    assert "There is no model for face embedding yet." in out
    assert sorted(os.listdir(models_dir)) == sorted([toys["yunet"].file, toys["yolox_nano"].file])


def test_fetching_nothing_at_all_is_an_error(models_dir: Path, toys: dict[str, catalog.ModelSpec]) -> None:
    with pytest.raises(CommandError, match="None of the models could be had"):
        run("fetch", "standard")


def test_importing_copies(models_dir: Path, tmp_path: Path, toys: dict[str, catalog.ModelSpec]) -> None:
    source = folder_with(tmp_path / "source", toys, "facenet")
    assert "facenet        imported" in run("import", str(source))
    with pytest.raises(CommandError, match="holds no model"):
        run("import", str(models_dir.parent))
    with pytest.raises(CommandError, match="no such folder"):
        run("import", str(tmp_path / "nowhere"))


def test_verifying_fails_on_a_bad_file(models_dir: Path, toys: dict[str, catalog.ModelSpec]) -> None:
    assert "no models here yet" in run("verify")
    folder_with(models_dir, toys, "yunet")
    assert "present" in run("verify")
    toys["yunet"].path(models_dir).write_bytes(b"bad")
    with pytest.raises(CommandError, match="not what they should be"):
        run("verify")
