"""What a row of the table of permissions says (tests/test_permissions.py), and who usually gets what."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.permission_world import World

Arguments = Callable[[World], list[Any]]
Data = Callable[[World], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Row:
    """One address and method. `private` and `household`: what member, owner and administrator get."""

    name: str
    private: tuple[int, int, int]
    household: tuple[int, int, int]
    arguments: Arguments = lambda world: []
    method: str = "get"
    data: Data = lambda world: {}
    anonymous: int = 302
    headers: Callable[[World], dict[str, str]] = lambda world: {}

    def __str__(self) -> str:
        return f"{self.method} {self.name}"


ALL = (200, 200, 200)
SEEN = {"private": (404, 200, 404), "household": ALL}
DONE = {"private": (404, 303, 404), "household": (303, 303, 303)}
# Editing a library: its owner; administrators only where it is the household's.
EDITED = {"private": (404, 303, 404), "household": (404, 303, 303)}
EDITOR_SEES = {"private": (404, 200, 404), "household": (404, 200, 200)}
# Albums are changed by the person who made them and nobody else.
OWN = {"private": (404, 303, 404), "household": (404, 303, 404)}
OWNER_SEES = {"private": (404, 200, 404), "household": (404, 200, 404)}
EVERYONE = {"private": ALL, "household": ALL}
ADMINISTRATORS = {"private": (404, 404, 200), "household": (404, 404, 200)}
ADMINISTRATORS_DO = {"private": (404, 404, 303), "household": (404, 404, 303)}
EVERYONE_DOES = {"private": (303, 303, 303), "household": (303, 303, 303)}


def one(name: str) -> Arguments:
    return lambda world: [getattr(world, name).pk]


def posted(name: str, who: dict[str, tuple[int, int, int]], arguments: Arguments, data: Data = lambda world: {}) -> Row:
    return Row(name, who["private"], who["household"], arguments, "post", data)


def shown(name: str, who: dict[str, tuple[int, int, int]], arguments: Arguments = lambda world: []) -> Row:
    return Row(name, who["private"], who["household"], arguments)


def opening(world: World) -> dict[str, str]:
    """What opens an upload to the library for uploads."""
    return TUS(world) | {
        "upload-length": "10",
        "upload-metadata": f"library {base64.b64encode(str(world.uploads.pk).encode()).decode()}",
    }


def TUS(world: World) -> dict[str, str]:  # noqa: N802  (a constant of rows)
    """What every request of the protocol says, and a chunk."""
    return {"tus-resumable": "1.0.0", "upload-offset": "0", "content-type": "application/offset+octet-stream"}


LIBRARY = {"name": "New name", "visibility": "private", "scan_every_min": "60", "exclude": ""}
NEW_PASSWORD = {"new_password1": "another sentence 8", "new_password2": "another sentence 8"}
EDIT = {"when": "set", "day": "2020-05-17", "time": "14:05", "zone": "keep", "place": "keep", "apply": "1"}
DISTANCES = {"model": "mobilefacenet", "eps": "0.40", "link_distance": "0.57", "match_distance": "0.50"}
ALBUM = {"name": "New name", "description": "", "visibility": "private", "order": "oldest"}
