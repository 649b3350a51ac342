"""`manage.py models`: see, fetch, import and check the weights of the models."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from gallery.vision import catalog, download

_BAR_CELLS = 30
_STATES = {"ready": "ready", "missing": "-", "damaged": "DAMAGED"}


class Command(BaseCommand):
    """List, fetch, import or verify model weights."""

    help = "See, fetch, import and check the weights of the models. Only `fetch` uses the network."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The four actions."""
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list", help="all models of the catalog and which of them are here")
        fetch = actions.add_parser("fetch", help="bring the models of a pack here")
        packs = sorted(catalog.catalog().packs)
        fetch.add_argument("pack", nargs="?", choices=packs, help="default: PICTOPY_MODEL_PACK")
        importing = actions.add_parser("import", help="take every known model file from a folder")
        importing.add_argument("folder", type=Path)
        actions.add_parser("verify", help="hash every model file anew")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run one action. Exit code 1 if nothing of it could be done, or if verify finds a bad file."""
        folder: Path = settings.PICTOPY.models_dir
        try:
            match options["action"]:
                case "list":
                    self._list(folder)
                case "fetch":
                    self._fetch(folder, options["pack"] or settings.PICTOPY.model_pack)
                case "import":
                    self._import(options["folder"], folder)
                case "verify":
                    self._verify(folder)
        except catalog.ModelUnavailable as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error.strerror}: {error.filename}") from error

    def _list(self, folder: Path) -> None:
        rows = [("MODEL", "HERE", "SIZE", "LICENCE", "PACKS")]
        for role in catalog.ROLES:
            rows.append((role.replace("_", " "), "", "", "", ""))
            for spec in catalog.models_for(role):
                packs = ", ".join(name for name, keys in catalog.catalog().packs.items() if spec.key in keys)
                state = _STATES[catalog.weights_state(spec, folder)]
                rows.append((f"  {spec.key}", state, _megabytes(spec.size_bytes), spec.licence, packs))
        widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
        for row in rows:
            line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self.stdout.write(line.rstrip())

    def _fetch(self, folder: Path, pack: str) -> None:
        outcomes = download.fetch_pack(pack, folder, settings.PICTOPY.model_mirror, self._progress)
        self._report(outcomes)
        roles = sorted({outcome.spec.role for outcome in outcomes})
        at_hand = {role: catalog.best(folder, role) for role in roles}
        for role, model in at_hand.items():
            name = role.replace("_", " ")
            if model is None:
                self.stdout.write(self.style.WARNING(f"There is no model for {name} yet."))
            elif model.key not in {outcome.spec.key for outcome in outcomes if outcome.is_ready}:
                self.stdout.write(f"For {name} there is {model.key} from before.")
        if not any(at_hand.values()):
            raise CommandError("None of the models could be had. Everything but recognition works without them.")

    def _import(self, source: Path, folder: Path) -> None:
        outcomes = download.import_folder(source, folder)
        self._report(outcomes)
        if not any(outcome.is_ready for outcome in outcomes):
            raise CommandError("The folder holds no model that the catalog knows.")

    def _verify(self, folder: Path) -> None:
        outcomes = download.verify(folder)
        self._report(outcomes)
        if not outcomes:
            self.stdout.write("There are no models here yet.")
        if any(not outcome.is_ready for outcome in outcomes):
            raise CommandError("Some files are not what they should be.")

    def _report(self, outcomes: list[download.Outcome]) -> None:
        for outcome in outcomes:
            line = f"{outcome.spec.key:14} {outcome.state}  {outcome.message}".rstrip()
            self.stdout.write(line if outcome.is_ready else self.style.WARNING(line))

    def _progress(self, spec: catalog.ModelSpec) -> download.Progress | None:
        """A bar on a terminal; elsewhere (a log) the report at the end is enough."""
        if not (self.stdout.isatty() if hasattr(self.stdout, "isatty") else sys.stdout.isatty()):
            self.stdout.write(f"{spec.key:14} ...")
            return None

        def show(done: int, total: int | None) -> None:
            share = done / total if total else 0.0
            bar = ("#" * round(share * _BAR_CELLS)).ljust(_BAR_CELLS, ".")
            end = "\n" if total and done >= total else "\r"
            self.stdout.write(f"{spec.key:14} [{bar}] {_megabytes(done)} of {_megabytes(total)} ", ending=end)
            self.stdout.flush()

        return show


def _megabytes(size_bytes: int | None) -> str:
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes is not None else "?"
