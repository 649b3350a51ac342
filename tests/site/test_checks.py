"""What the system checks say about the surroundings."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import CheckMessage
from pytest_django.fixtures import Settings

from pictopy_site import checks


def with_(settings: Settings, **changes: Any) -> None:
    settings.PICTOPY = dataclasses.replace(settings.PICTOPY, **changes)


def ids(messages: list[CheckMessage]) -> list[str | None]:
    return [message.id for message in messages]


@pytest.mark.usefixtures("tmp_path")
def test_nothing_to_say_when_all_is_well() -> None:
    for check in (checks.check_data_dir, checks.check_roots, checks.check_debug, checks.check_models):
        assert check(None) == []


def test_a_data_directory_that_is_a_file(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with_(settings, data_dir=tmp_path / "file" / "data")
    assert ids(checks.check_data_dir(None)) == ["pictopy.E001"]


def test_a_data_directory_that_is_not_writable(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write anywhere
    (message,) = checks.check_data_dir(None)
    assert message.id == "pictopy.E002"
    assert str(settings.PICTOPY.data_dir) in message.msg


def test_a_data_directory_that_is_yet_to_be_made(settings: Settings, tmp_path: Path) -> None:
    with_(settings, data_dir=tmp_path / "a" / "b")
    assert checks.check_data_dir(None) == []


def test_a_root_that_is_away_is_a_warning(settings: Settings, tmp_path: Path) -> None:
    with_(settings, roots=[tmp_path, tmp_path / "usb"])
    (message,) = checks.check_roots(None)
    assert message.id == "pictopy.W001"
    assert "usb" in message.msg


def test_debug_is_a_warning(settings: Settings) -> None:
    settings.DEBUG = True
    assert ids(checks.check_debug(None)) == ["pictopy.W002"]


@pytest.mark.parametrize("field", ["model_pack", "objects_model", "face_detector", "face_embedder"])
def test_models_that_do_not_exist(settings: Settings, field: str) -> None:
    with_(settings, **{field: "nonsense"})
    (message,) = checks.check_models(None)
    assert "nonsense" in message.msg
    assert message.hint


def test_a_model_of_another_role_is_refused(settings: Settings) -> None:
    with_(settings, objects_model="sface")
    assert ids(checks.check_models(None)) == ["pictopy.E003"]
