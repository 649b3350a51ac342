"""`manage.py name_places`: country, region and city for photos that have a position and no names."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from gallery import place_names


class Command(BaseCommand):
    """Name the places of photos; safe to run twice, and while PictoPy runs."""

    help = "Find country, region and city of photos that have a position and no names. Uses no network."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whether names that are there are looked up again."""
        parser.add_argument("--again", action="store_true", help="also photos that have names, after an update")

    def handle(self, *args: Any, **options: Any) -> None:
        """Name them all, in portions."""
        seen = named = 0
        for seen, named in place_names.name_all(again=options["again"]):
            if options["verbosity"] > 1:
                self.stdout.write(f"{seen:,} looked at, {named:,} named")
        self.stdout.write(f"{named:,} of {seen:,} photos were named.")
