"""`manage.py watch`: finds new and changed photos as they come. `manage.py up` runs it; outgrown set-ups run it where
the disks are."""

from __future__ import annotations

import signal
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connections

from gallery.watching import Watcher


class Command(BaseCommand):
    help = "Watches the folders of libraries and asks for scans of what changes, until Ctrl-C."

    def handle(self, *args: Any, **options: Any) -> None:
        watcher = Watcher()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: watcher.stop())
        try:
            watcher.run()
        finally:
            connections.close_all()
