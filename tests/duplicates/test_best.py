"""Which photo of a group is proposed, and why."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from gallery.duplicates.best import Contender, propose
from gallery.duplicates.worth import Worth
from gallery.models import Photo

DAY = dt.datetime(2024, 5, 17, tzinfo=dt.UTC)


def contender(
    pk: int, *, sharpness: float = 1.0, made: tuple[str, ...] = (), faces: float = 0.0, **more: Any
) -> Contender:
    values = {"width": 4000, "height": 3000, "size_bytes": 4_000_000, "mime": "image/jpeg", "added_at": DAY, **more}
    return Contender(Photo(pk=pk, **values), sharpness, Worth(made, faces))


SMALL = {"width": 1600, "height": 1200, "size_bytes": 300_000}


@pytest.mark.parametrize(
    ("kind", "contenders", "best", "reason"),
    [
        ("same", [contender(1, **SMALL), contender(2, camera="X1")], 2, "largest, has camera data, least compressed"),
        ("same", [contender(1, camera="X1", **SMALL), contender(2, made=("a favourite",))], 2,
         "largest, least compressed, most was made of it"),
        ("same", [contender(1), contender(2, camera="X1"), contender(3)], 2, "has camera data"),
        ("same", [contender(1), contender(2, mime="image/heic", size_bytes=2_000_000)], 2, "original format"),
        ("same", [contender(1, kind="raw", size_bytes=1), contender(2, camera="X1")], 1, "raw picture"),
        ("same", [contender(2), contender(1)], 1, "they are equal; this one came first"),
        ("row", [contender(1, sharpness=9), contender(2, sharpness=20)], 2, "sharpest"),
        ("row", [contender(1, sharpness=20, faces=0.4), contender(2, sharpness=18, faces=0.8)], 2, "clearest faces"),
        ("row", [contender(1, made=("in an album",)), contender(2, sharpness=20, faces=0.8)], 1,
         "most was made of it"),
    ],
)  # fmt: skip
def test_the_proposal_and_its_reason(kind: str, contenders: list[Contender], best: int, reason: str) -> None:
    assert (propose(kind, contenders).photo_id, propose(kind, contenders).reason) == (best, reason)


def test_the_order_of_the_group_changes_nothing() -> None:
    group = [contender(1, **SMALL), contender(2, camera="X1"), contender(3, camera="X1", size_bytes=4_100_000)]
    assert propose("same", group) == propose("same", group[::-1])
    assert propose("same", group).photo_id == 3
