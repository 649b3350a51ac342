"""`manage.py doctor`: compares database, disk, derivatives and weights; with `--fix`, mends what can be mended."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from gallery.doctor import running
from gallery.doctor.registry import Check, Look
from gallery.doctor.running import Result
from gallery.models import Library

_PAUSE_S = 0.2


class Command(BaseCommand):
    """Exit code 0: nothing was found; 1: something was, mended or not; 2: it, or one of its checks, could not look."""

    help = "Looks for what is wrong with database, disk, small pictures and models, and mends it with --fix."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--fix", action="store_true", help="mend what can be mended; safe to repeat")
        parser.add_argument("--library", type=int, metavar="ID", help="only what belongs to this library")
        parser.add_argument("--content", action="store_true", help="also read every original and decode every picture")
        parser.add_argument("--json", action="store_true", help="print the findings as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            look = Look(self._scope(options["library"]))
            results = self._run(look, options)
        except DatabaseError as error:
            raise CommandError(f"The database cannot be used: {error}", returncode=2) from error
        if options["json"]:
            self.stdout.write(json.dumps([_as_json(check, result) for check, result in results], indent=2))
        if any(result.error for _, result in results):
            sys.exit(2)
        if any(result.count for _, result in results):
            sys.exit(1)

    def _scope(self, library_id: int | None) -> frozenset[int] | None:
        if library_id is None:
            Library.objects.exists()  # no database: say so before anything else
            return None
        if not Library.objects.filter(pk=library_id).exists():
            raise CommandError(f"There is no library {library_id}.", returncode=2)
        return frozenset([library_id])

    def _run(self, look: Look, options: dict[str, Any]) -> list[tuple[Check, Result]]:
        checks = running.chosen(with_content=options["content"], of_library=look.library_ids is not None)
        bar = None if options["json"] else _Bar(self)
        results = []
        for number, check in enumerate(checks, 1):
            if bar:
                bar.begin(f"{number}/{len(checks)} {check.title}")
                look.progress = bar.show
            result = running.examine(check, look, mend=options["fix"])
            results.append((check, result))
            if bar:
                bar.end()
                self._tell(check, result, mend=options["fix"])
        if bar:
            found = sum(not result.is_fine for _, result in results)
            self.stdout.write(
                f"{len(checks)} checks, {found} with findings." if found else f"{len(checks)} checks, nothing found."
            )
        return results

    def _tell(self, check: Check, result: Result, *, mend: bool) -> None:
        if result.error:
            self.stdout.write(self.style.ERROR(f"{check.title}: could not be looked at: {result.error}"))
            return
        if not result.count:
            self.stdout.write(f"{check.title}: none")
            return
        self.stdout.write(self.style.WARNING(f"{check.title}: {result.count:,}"))
        for example in result.examples:
            self.stdout.write(f"    {example.text}")
        if result.count > len(result.examples):
            self.stdout.write(f"    and {result.count - len(result.examples):,} more")
        self.stdout.write(f"  {check.explanation}")
        if result.mended is not None:
            self.stdout.write(self.style.SUCCESS(f"  Taken in hand: {result.mended:,}. {check.advice}"))
        else:
            hint = " (--fix does it)" if check.fix and not mend else ""
            self.stdout.write(f"  {check.advice}{hint}")


class _Bar:
    """How far a check is, on a terminal; in a log nothing."""

    def __init__(self, command: Command) -> None:
        self._out = command.stdout
        self._is_terminal = hasattr(command.stdout, "isatty") and command.stdout.isatty()
        self._title, self._width, self._last = "", 0, 0.0

    def begin(self, title: str) -> None:
        self._title = title
        self._write(title)

    def show(self, done: int, total: int) -> None:
        if time.monotonic() - self._last > _PAUSE_S:
            self._last = time.monotonic()
            self._write(f"{self._title}: {done:,} of {total:,}" if total else self._title)

    def end(self) -> None:
        self._write("")
        self._write("", end="\r")

    def _write(self, text: str, end: str = "") -> None:
        if self._is_terminal:
            self._out.write(f"\r{text.ljust(self._width)}", ending=end)
            self._out.flush()
            self._width = len(text)


def _as_json(check: Check, result: Result) -> dict[str, Any]:
    return {
        "name": check.name,
        "title": check.title,
        "count": result.count,
        "examples": [asdict(example) for example in result.examples],
        "explanation": check.explanation,
        "advice": check.advice,
        "can_be_fixed": check.fix is not None,
        "mended": result.mended,
        "error": result.error,
        "seconds": result.seconds,
    }
