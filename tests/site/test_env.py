"""Reading the environment, and the table of the README that describes it."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pictopy_site import settings
from pictopy_site.env import Environment, InvalidSetting
from pictopy_site.middleware import is_answered
from pictopy_site.settings import env

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = Path("/data/pictopy.sqlite3")


def test_every_variable_is_in_the_table_of_the_readme_and_no_other() -> None:
    rows = [line for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    described = {name for row in rows for name in re.findall(r"`([A-Z][A-Z_]+)`", row.split("|")[1])}
    assert described == env.asked


def test_values_are_stripped_and_empty_means_not_set() -> None:
    env = Environment({"A": "  word ", "B": "   "})
    assert env.text("A") == "word"
    assert env.text("B", "default") == "default"


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hush\n")
    assert Environment({"KEY_FILE": str(tmp_path / "secret")}).text("KEY") == "hush"
    with pytest.raises(InvalidSetting, match="KEY_FILE"):
        Environment({"KEY_FILE": str(tmp_path / "absent")}).text("KEY")


@pytest.mark.parametrize("value", ["x", "1.5", "0", "11", "1e3"])
def test_numbers_have_limits(value: str) -> None:
    with pytest.raises(InvalidSetting, match="N must"):
        Environment({"N": value}).integer("N", 1, low=1, high=10)


@pytest.mark.parametrize(("value", "meant"), [("yes", True), ("ON", True), ("0", False), ("False", False), ("", True)])
def test_yes_and_no(value: str, meant: bool) -> None:
    assert Environment({"B": value}).boolean("B", True) is meant


def test_maybe_is_neither_yes_nor_no() -> None:
    with pytest.raises(InvalidSetting, match="B must be yes or no"):
        Environment({"B": "maybe"}).boolean("B", True)


def test_words_that_mean_something_come_from_a_list() -> None:
    assert Environment({"L": "debug"}).choice("L", "INFO", ("DEBUG", "INFO")) == "DEBUG"
    with pytest.raises(InvalidSetting, match="L must be one of DEBUG, INFO, not 'LOUD'"):
        Environment({"L": "loud"}).choice("L", "INFO", ("DEBUG", "INFO"))


def test_time_zones_are_those_of_this_machine() -> None:
    assert Environment({"Z": "Europe/Berlin"}).time_zone("Z", "UTC") == "Europe/Berlin"
    for zone in ("Middle/Earth", "../../etc/passwd", "/"):
        with pytest.raises(InvalidSetting, match="Z must be a time zone"):
            Environment({"Z": zone}).time_zone("Z", "UTC")


def test_paths_are_absolute_and_know_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    env = Environment({"P": "~/Pictures: /srv/../mnt :"})
    assert env.paths("P", []) == [Path("/home/anna/Pictures"), Path("/mnt")]
    assert env.paths("Q", [Path("/x")]) == [Path("/x")]


def test_words_are_separated_by_commas_or_blanks() -> None:
    assert Environment({"W": "a, b  c"}).words("W", []) == ["a", "b", "c"]


def test_without_a_url_the_database_is_a_file() -> None:
    database = Environment({}).database("URL", DEFAULT)
    assert (database["ENGINE"], database["NAME"]) == ("django.db.backends.sqlite3", str(DEFAULT))


def test_a_url_names_postgresql() -> None:
    database = Environment({"URL": "postgresql://us%40er:p%2Fw@db:5433/photos"}).database("URL", DEFAULT)
    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert (database["USER"], database["PASSWORD"]) == ("us@er", "p/w")
    assert (database["HOST"], database["PORT"], database["NAME"]) == ("db", "5433", "photos")


@pytest.mark.parametrize("url", ["mysql://a/b", "postgresql://host/", "nonsense", "postgresql://host:port/name"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(InvalidSetting, match="URL must"):
        Environment({"URL": url}).database("URL", DEFAULT)


def manage(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_nonsense_stops_the_start_with_a_sentence() -> None:
    result = manage("check", PICTOPY_WORKERS="many")
    assert result.returncode == 1
    assert result.stderr.strip() == "PictoPy cannot start: PICTOPY_WORKERS must be a whole number, not 'many'."


def test_a_data_directory_that_cannot_be_made_stops_it_as_well(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = manage("check", PICTOPY_DATA=str(tmp_path / "file" / "data"), PICTOPY_SECRET_KEY="")
    assert result.returncode == 1
    assert result.stderr.startswith("PictoPy cannot start: PICTOPY_DATA is")
    assert "Traceback" not in result.stderr


@pytest.mark.slow
def test_the_secret_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    shell = (
        "shell",
        "--no-imports",
        "-c",
        "from django.conf import settings; import sys; sys.stdout.write(settings.SECRET_KEY)",
    )
    keys = [manage(*shell, PICTOPY_DATA=str(tmp_path), PICTOPY_SECRET_KEY="").stdout for _ in range(2)]
    assert keys[0] == keys[1]
    assert len(keys[0]) > 40
    assert (tmp_path / "secret-key").stat().st_mode & 0o777 == 0o600


def test_of_two_first_starts_at_the_same_moment_the_quicker_makes_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret-key"
    monkeypatch.setattr(os, "fsync", lambda descriptor: file.write_text("the key of the other process"))
    assert settings._own_key(file) == file.read_text() == "the key of the other process"
    assert list(tmp_path.glob("secret-key*")) == [file]


def test_a_first_start_on_a_full_disk_leaves_no_empty_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, *mode: str, **options: str) -> Any:
        os.close(descriptor)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(settings, "env", Environment({}))
        patch.setattr(os, "fdopen", full)
        with pytest.raises(InvalidSetting, match="secret-key cannot be kept: No space left on device"):
            settings._secret_key(tmp_path)
    assert list(tmp_path.glob("secret-key*")) == []
    assert len(settings._own_key(tmp_path / "secret-key")) > 40


def test_a_drive_without_hard_links_keeps_the_key_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*names: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    key = settings._own_key(tmp_path / "secret-key")
    assert settings._own_key(tmp_path / "secret-key") == key
    assert list(tmp_path.glob("secret-key*")) == [tmp_path / "secret-key"]


def test_an_empty_key_is_explained(tmp_path: Path) -> None:
    (tmp_path / "secret-key").touch()
    with pytest.raises(InvalidSetting, match=r"is empty\. Delete it"):
        settings._own_key(tmp_path / "secret-key")


def test_this_machine_may_always_ask_for_itself() -> None:
    assert all(is_answered(host, ()) for host in ("localhost", "127.0.0.1:8000", "[::1]:8000"))
