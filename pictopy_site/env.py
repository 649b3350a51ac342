"""Typed readers of the PICTOPY_* environment: every setting is read here, once, and nonsense stops the start.

A value may also come from a file named by the same variable with `_FILE` behind it (for secrets in containers).
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


class InvalidSetting(ValueError):  # noqa: N818
    """A PICTOPY_* variable holds a value that cannot be meant. The message names the variable."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Reads variables from a mapping; remembers each name it was asked for, so that a test can compare the README."""

    values: Mapping[str, str]
    asked: set[str] = field(default_factory=set)

    def text(self, name: str, default: str = "") -> str:
        """The value as text, without surrounding white space. An empty value counts as not set."""
        self.asked.add(name)
        file = self.values.get(f"{name}_FILE", "").strip()
        if file:
            try:
                return Path(file).read_text(encoding="utf-8").strip() or default
            except OSError as error:
                raise InvalidSetting(
                    f"{name}_FILE points to {file}, which cannot be read: {error.strerror}."
                ) from error
        return self.values.get(name, "").strip() or default

    def integer(self, name: str, default: int, *, low: int, high: int) -> int:
        """A whole number between `low` and `high`, both included."""
        raw = self.text(name, str(default))
        try:
            number = int(raw)
        except ValueError:
            raise InvalidSetting(f"{name} must be a whole number, not {raw!r}.") from None
        if not low <= number <= high:
            raise InvalidSetting(f"{name} must lie between {low} and {high}, not {number}.")
        return number

    def boolean(self, name: str, default: bool) -> bool:
        """`1 true yes on` or `0 false no off`, in any case."""
        raw = self.text(name, "1" if default else "0").lower()
        if raw in {"1", "true", "yes", "on"}:
            return True
        if raw in {"0", "false", "no", "off"}:
            return False
        raise InvalidSetting(f"{name} must be yes or no, not {raw!r}.")

    def choice(self, name: str, default: str, allowed: Collection[str]) -> str:
        """One of `allowed`, which are in capitals, however it is written."""
        word = self.text(name, default).upper()
        if word not in allowed:
            raise InvalidSetting(f"{name} must be one of {', '.join(allowed)}, not {word!r}.")
        return word

    def time_zone(self, name: str, default: str) -> str:
        """The name of a time zone that this machine knows, such as Europe/Berlin."""
        zone = self.text(name, default)
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise InvalidSetting(f"{name} must be a time zone such as Europe/Berlin, not {zone!r}.") from None
        return zone

    def path(self, name: str, default: Path) -> Path:
        """An absolute path; `~` is the home directory."""
        return Path(os.path.abspath(Path(self.text(name, str(default))).expanduser()))

    def paths(self, name: str, default: list[Path]) -> list[Path]:
        """Absolute paths, separated by `:`."""
        raw = self.text(name)
        parts = [part for part in raw.split(os.pathsep) if part.strip()] or [str(path) for path in default]
        return [Path(os.path.abspath(Path(part.strip()).expanduser())) for part in parts]

    def words(self, name: str, default: list[str]) -> list[str]:
        """Words separated by commas or blanks."""
        return self.text(name).replace(",", " ").split() or default

    def database(self, name: str, default: Path) -> dict[str, object]:
        """Django's settings for `postgresql://user:password@host:port/name`, or SQLite at `default` when not set.

        SQLite runs in WAL mode, and every transaction takes the write lock at its start (IMMEDIATE), so that two
        writers wait for each other instead of failing half-way. Each thread of the web server has a connection: eight
        megabytes of cache for each, and no memory map, which would count the whole database once for every thread.
        """
        url = self.text(name)
        if not url:
            return {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": str(default),
                "CONN_MAX_AGE": None,
                "OPTIONS": {
                    "transaction_mode": "IMMEDIATE",
                    "timeout": 20,
                    "init_command": (
                        "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA temp_store=MEMORY;"
                        "PRAGMA cache_size=-8000;"
                    ),
                },
            }
        wrong = InvalidSetting(f"{name} must look like postgresql://user:password@host:5432/name.")
        try:
            parts = urlsplit(url)
            port = str(parts.port or "")
        except ValueError:
            raise wrong from None
        if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
            raise wrong
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path.lstrip("/")),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": unquote(parts.hostname or ""),
            "PORT": port,
            "CONN_MAX_AGE": None,
            "CONN_HEALTH_CHECKS": True,
        }
