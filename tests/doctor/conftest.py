"""An installation in order, for tests that damage it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import pytest

from gallery.doctor import registry
from gallery.doctor.registry import Finding, Look
from gallery.models import Library
from tests.factories import write_jpeg
from tests.importing import bring_in


class Cure(Protocol):
    def __call__(self, name: str, *, count: int, still: int = 0) -> None: ...


@pytest.fixture
def full(library: Library, folder: Path) -> Library:
    """Four photos that were read."""
    for number in range(4):
        write_jpeg(folder, f"{number}.jpg", width=64, height=48, seed=number)
    bring_in(library)
    return library


def find(name: str, look: Look | None = None) -> Finding:
    check = registry.get(name)
    assert check is not None
    return check.find(look or Look())


def cure(name: str, *, count: int, still: int = 0) -> Finding:
    """Sees `count` findings, mends them, sees `still` of them left, and mends once more without harm.

    `still`: of what workers or a scan have to do, the findings stay until they did. Returns what was found at first.
    """
    check = registry.get(name)
    assert check is not None
    assert check.fix is not None
    found = find(name)
    assert (found.count, bool(found.examples)) == (count, count > 0)
    assert check.fix(Look()) == count
    assert find(name).count == still
    assert check.fix(Look()) == still
    assert find(name).count == still
    return found
