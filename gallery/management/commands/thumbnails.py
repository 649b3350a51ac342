"""`manage.py thumbnails`: has the workers make those that are not there."""

from typing import Any

from django.core.management.base import BaseCommand

from gallery import renditions, repairs


class Command(BaseCommand):
    help = "Queues the photos whose thumbnails are missing, so that the workers make them again."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"Photos that were queued: {repairs.queue_without_thumbnails():,}.")
        if films := renditions.queue_missing():
            self.stdout.write(f"Copies of films that were queued: {films:,}.")
