"""`manage.py up`: everything a household needs as one foreground command."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand
from django.db import DatabaseError, connections
from django.urls import reverse

from gallery import libraries, repairs, roots
from pictopy_site import startup, welcome
from pictopy_site.supervisor import Child, Supervisor, end_strays

# Below the supervisor's own patience, so that the server gives up slow downloads by itself.
WEB_STOP_S = 8
# For the head of a request; its body has a deadline in `front`.
HEADER_MS = 10_000


class Command(BaseCommand):
    help = "Starts PictoPy: the web server, the workers and the watcher, until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--photos",
            metavar="DIR",
            help="a folder of photos, which becomes a library that everyone in the house sees",
        )
        parser.add_argument("--host", default=settings.PICTOPY.host, help="address to listen on; 0.0.0.0: all")
        parser.add_argument("--port", type=int, default=settings.PICTOPY.port)
        parser.add_argument(
            "--fetch-models", action="store_true", help="download missing models in the background while running"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        data_dir: Path = settings.PICTOPY.data_dir
        try:
            with startup.only_run(data_dir):
                startup.close_to_others(data_dir)
                if strays := end_strays(data_dir / "run.json"):
                    self.stdout.write(f"Ended {strays} processes that an earlier run had left behind.")
                address = startup.resolve_host(options["host"])
                startup.check_port(address, options["port"])
                self._prepare(options["photos"])
                links = self._links(startup.addresses(address, options["port"]))
                connections.close_all()
                self._serve(address, options["port"], links, fetch_models=options["fetch_models"])
        except (startup.StartRefused, roots.RootRefused) as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write("PictoPy has stopped.")

    def _prepare(self, photos: str | None) -> None:
        """Brings the database and the static files up to date, and registers the folder of photos."""
        try:
            call_command("migrate", interactive=False, verbosity=0)
        except DatabaseError as error:
            raise CommandError(f"The database cannot be used: {error}") from error
        if startup.collect_static():
            self.stdout.write("Collected the static files.")
        if not settings.PICTOPY.thumbnails_dir.is_dir() and (count := repairs.queue_without_thumbnails()):
            self.stdout.write(f"The thumbnails are not there; they are made again ({count:,}).")
        if photos:
            library, is_new = libraries.open_photos(photos)
            if is_new:
                added = f"Added {library.root_display} as the library “{library.name}”"
                self.stdout.write(f"{added}, which everyone in the house sees.")

    def _links(self, addresses: list[str]) -> list[str]:
        """The lines that tell where PictoPy is, and how the first administrator is made."""
        data_dir: Path = settings.PICTOPY.data_dir
        lines = [f"PictoPy is ready: {addresses[0]}/"]
        lines += [f"  in the house:   {address}/" for address in addresses[1:]]
        if welcome.has_administrator():
            welcome.withdraw(data_dir)
        else:
            path = reverse("site:welcome", args=[welcome.issue(data_dir)])
            lines += ["", "Nobody can sign in yet. Make the first administrator here (the link works once):"]
            lines += [f"  {address}{path}" for address in addresses]
        return [*lines, "", "Stop with Ctrl-C."]

    def _serve(self, address: str, port: int, links: list[str], *, fetch_models: bool) -> None:
        overdue_s = startup.sweep_overdue_s()
        manage = [sys.executable, str(settings.BASE_DIR / "manage.py")]
        children = [
            Child("The web server", web_command(address, port)),
            Child("The worker cluster", [*manage, "qcluster"], is_stuck=startup.is_sweep_overdue, patience_s=overdue_s),
            Child("The watcher", [*manage, "watch"]),
        ]
        if fetch_models:
            children.append(Child("The model download", [*manage, "models", "fetch"], kept=False))
        supervisor = Supervisor(
            children,
            record=settings.PICTOPY.data_dir / "run.json",
            threads=settings.PICTOPY.threads_per_worker,
        )

        def tell() -> None:
            self.stdout.write("\n".join(links))
            self.stdout.flush()

        supervisor.run(is_ready=lambda: startup.answers(address, port), on_ready=tell)


def web_command(address: str, port: int) -> list[str]:
    """Granian with one process, where `front` waits for visitors and Django has its threads; no request is logged.

    When the process dies, granian ends and the supervisor starts both anew: one rule for every kind of end.
    """
    options = {
        "--interface": "rsgi",
        "--host": address,
        "--port": str(port),
        "--workers": "1",
        "--loop": "asyncio",
        "--runtime-threads": "1",
        "--http": "1",
        "--http1-header-read-timeout": str(HEADER_MS),
        "--workers-kill-timeout": str(WEB_STOP_S),
        "--log-level": "error",
        "--working-dir": str(settings.BASE_DIR),
    }
    pairs = [part for pair in options.items() for part in pair]
    return [sys.executable, "-m", "granian", *pairs, "--no-ws", "--no-access-log", "pictopy_site.rsgi:application"]
