"""Runs the benchmarks, each in a process of its own, and prints their tables: `make bench`.

Names on the command line choose: `python -m tests.benchmarks import timeline`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main(names: list[str]) -> int:
    known = sorted(file.stem.removeprefix("bench_") for file in HERE.glob("bench_*.py"))
    for name in names:
        if name not in known:
            print(f"There is no benchmark called {name}; there are {', '.join(known)}.")
            return 2
    failed = []
    for name in names or known:
        print(f"\n=== {name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"tests.benchmarks.bench_{name}"], cwd=HERE.parents[1]).returncode:
            failed.append(name)
    if failed:
        print(f"\nDid not come to an end: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
