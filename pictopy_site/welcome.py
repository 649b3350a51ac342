"""The one-time link with which the first administrator is made.

`manage.py up` prints a new link at each start for as long as there is no administrator. Only its hash is kept, in the
data directory; the first administrator uses it up.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from django.contrib.auth.models import User
from django.db import transaction

from pictopy_site import accounts


class LinkUsed(Exception):  # noqa: N818
    """There is an administrator already, or somebody else was quicker with the same link."""


def has_administrator() -> bool:
    """Whether somebody can administer. An account that was closed cannot, and no page lets that happen to the last."""
    return accounts.administrators().exists()


def issue(data_dir: Path) -> str:
    """A new token; an earlier one is worth nothing any more."""
    token = secrets.token_urlsafe(24)
    file = _file(data_dir)
    temporary = file.with_suffix(".part")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as handle:
        handle.write(_hash(token))
    temporary.replace(file)
    return token


def withdraw(data_dir: Path) -> None:
    """Makes any link that was given out worthless."""
    _file(data_dir).unlink(missing_ok=True)


def is_valid(data_dir: Path, token: str) -> bool:
    """Whether the link works: the token is the last one issued, and nobody administers PictoPy yet."""
    try:
        expected = _file(data_dir).read_text(encoding="ascii")
    except (OSError, UnicodeError):
        return False
    return hmac.compare_digest(expected, _hash(token)) and not has_administrator()


def create_administrator(data_dir: Path, *, username: str, password: str) -> User:
    """Makes the first administrator and uses the link up. Raises LinkUsed if that was done already.

    Removing the file is what decides between two requests at the same moment: it succeeds once. It happens inside the
    transaction, so the one that comes second leaves no user behind.
    """
    with transaction.atomic():
        if has_administrator():
            raise LinkUsed
        user = User.objects.create_superuser(username, password=password)
        try:
            _file(data_dir).unlink()
        except FileNotFoundError:
            raise LinkUsed from None
    return user


def _file(data_dir: Path) -> Path:
    return data_dir / "welcome-token"


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
