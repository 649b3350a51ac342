"""How fast does a scan go through 100,000 files, and how much memory does it take?

    python -m tests.benchmarks.bench_scan

Tiny files with the names of pictures, made in a temporary folder: 1,000 folders of 100, and one folder of 50,000. Each
library is scanned in a process of its own, on SQLite: first, so that all its files are registered (before anything is
read of them), and again while nothing changed. The bars are those of docs/scanning.md.
"""

from __future__ import annotations

import argparse
import atexit
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gallery.models import Library

# Files a second that a first scan registers; seconds for the rescan of 100,000; queries for 1,000 files; megabytes.
FIRST_PER_S, RESCAN_S, QUERIES, MEMORY_MB = 2000, 8.0, 10.0, 300
ROOT = Path(__file__).resolve().parents[2]


def make(root: Path, folders: int, files: int) -> None:
    """`folders` folders of `files` files each, of 1 to 200 bytes."""
    for number in range(folders):
        folder = root / f"{2000 + number // 50}" / f"{number:04} Ausflug"
        folder.mkdir(parents=True)
        for count in range(files):
            (folder / f"IMG_{count:05}.jpg").write_bytes(b"x" * (1 + (number + count) % 200))


def measure(root: Path) -> dict[str, float]:
    """Seconds, queries and peak memory of a first scan and a rescan in this process."""
    from tests.environment import DATA  # before anything of Django's

    atexit.register(shutil.rmtree, DATA, ignore_errors=True)

    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)

    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from gallery import paths, scanning, tasks
    from gallery.models import Library, Scan
    from gallery.scope import Scope

    library = Library.objects.create(name="Bench", root=paths.to_text(str(root)))
    found: dict[str, float] = {"base_mb": _peak_mb()}
    for name in ("first", "rescan", "partial"):
        # For the time nobody counts: noting every query costs time and memory of its own.
        scope = Scope.of(folders=[_some_folder(library)]) if name == "partial" else None
        scanning.request_scan(library, scope=scope)
        begin = time.perf_counter()
        tasks.scan(library.pk)
        found[f"{name}_s"] = time.perf_counter() - begin
        found[f"{name}_mb"] = _peak_mb()
        if name == "first":
            found["files"] = Scan.objects.latest("id").added
    scanning.request_scan(library)
    with CaptureQueriesContext(connection) as queries:
        tasks.scan(library.pk)
    scan = Scan.objects.latest("id")
    assert (scan.work_state, scan.seen, scan.added, scan.changed, scan.gone) == ("done", found["files"], 0, 0, 0)
    return found | {"rescan_queries": len(queries)}


def _some_folder(library: Library) -> str:
    return str(library.files.order_by("path").values_list("path", flat=True)[0]).rpartition("/")[0]


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(folders: int, files: int, single: int) -> None:
    """Prints the table."""
    print(_row("", "files", "first /s", "rescan s", "queries/1000", "one folder s", "peak MB"))
    print(_row("bar", "", f">= {FIRST_PER_S:,}", f"< {RESCAN_S:g}", f"< {QUERIES:g}", "", f"< {MEMORY_MB}"))
    is_held = True
    for title, shape in ((f"{folders:,} folders x {files}", (folders, files)), ("one folder", (1, single))):
        with tempfile.TemporaryDirectory(prefix="pictopy-bench-") as folder:
            root = Path(folder).resolve() / "photos"
            make(root, *shape)
            command = [sys.executable, "-m", "tests.benchmarks.bench_scan", "--measure", str(root)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            if done.returncode:
                sys.exit(done.stderr)
            row = json.loads(done.stdout.splitlines()[-1])
        rate, queries = row["files"] / row["first_s"], 1000 * row["rescan_queries"] / row["files"]
        peak = row["partial_mb"]
        cells = f"{rate:,.0f}", f"{row['rescan_s']:.2f}", f"{queries:.2f}", f"{row['partial_s']:.2f}", f"{peak:.0f}"
        print(_row(title, f"{row['files']:,}", *cells), f"  (before the scan: {row['base_mb']:.0f})")
        is_held &= rate >= FIRST_PER_S and row["rescan_s"] < RESCAN_S and queries < QUERIES and peak < MEMORY_MB
    print("All bars are held." if is_held else "Not all bars are held.")


def _row(title: str, *cells: str) -> str:
    return f"{title:24}" + "".join(f"{cell:>14}" for cell in cells)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folders", type=int, default=1000)
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--single", type=int, default=50_000)
    parser.add_argument("--measure", type=Path, help="scan this folder in this process and print the figures as JSON")
    chosen = parser.parse_args()
    if chosen.measure:
        print(json.dumps(measure(chosen.measure)))
    else:
        main(chosen.folders, chosen.files, chosen.single)
