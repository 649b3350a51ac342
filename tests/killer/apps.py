"""An app for the tests of sudden death: its analyzer kills the worker that shows it a red picture."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from django.apps import AppConfig


class KillerAnalyzer:
    name = "killer"
    title = "Killer"

    def version(self) -> str:
        return "1"

    def waiting_for(self) -> str:
        return ""

    def run(self, pixels: Any, *, version: str) -> None:
        red, green, blue = pixels.reshape(-1, 3).mean(axis=0)
        if red > 240 and green < 15 and blue < 15:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(float(os.environ.get("KILLER_PAUSE_S", "0")))

    def save(self, results: Any) -> None:
        pass

    def forget(self, photo_ids: Any) -> None:
        pass

    def settle(self) -> None:
        pass

    def sweep(self) -> None:
        pass


class KillerConfig(AppConfig):
    name = "tests.killer"
    label = "killer"

    def ready(self) -> None:
        from gallery import analysis

        analysis.register(KillerAnalyzer())
