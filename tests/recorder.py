"""An analyzer for the tests."""

from __future__ import annotations

from typing import Any


class Recorder:
    """Remembers what it saw, has no model on request (`current`), and fails on request."""

    name = "recorder"
    title = "Recorder"

    def __init__(self) -> None:
        self.runs = 0
        self.saved: list[int] = []
        self.settled = 0
        self.swept = 0
        self.current: str | None = "1"
        self.fails = False

    def version(self) -> str | None:
        return self.current

    def waiting_for(self) -> str:
        return "" if self.current else "Recording waits for its model."

    def run(self, pixels: Any, *, version: str) -> tuple[int, ...]:
        self.runs += 1
        if self.fails:
            raise ZeroDivisionError("as told")
        return tuple(pixels.shape)

    def save(self, results: Any) -> None:
        self.saved += [photo.pk for photo, _ in results]

    def forget(self, photo_ids: Any) -> None:
        self.saved = [pk for pk in self.saved if pk not in photo_ids]

    def settle(self) -> None:
        self.settled += 1

    def sweep(self) -> None:
        self.swept += 1
