"""Writes static/css/quantised.css, which is committed."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from gallery import quantise


class Command(BaseCommand):
    help = "Writes static/css/quantised.css: classes for aspect ratios, heights and placeholder colours."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        file = settings.BASE_DIR / "static" / "css" / "quantised.css"
        file.write_text(quantise.stylesheet(), encoding="utf-8")
        self.stdout.write(f"wrote {file.name}, {file.stat().st_size} bytes")
