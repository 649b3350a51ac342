"""How fast metadata is read, and how far it agrees with exiftool, over shared/eval/formats.

    python -m tests.benchmarks.bench_metadata

Needs ../shared/eval/formats; the table of agreement needs exiftool too. One core; the bar is 300 files a second.
"""

import time

from gallery import metadata
from tests.metadata import oracle

ROUNDS = 3
BAR = 300


def measure() -> dict[str, float]:
    """Files a second over all pictures (best of three rounds, bytes already in memory) and the slowest file in ms."""
    pictures = [file.read_bytes() for file in oracle.pictures()]
    metadata.read(pictures[0], now=oracle.NOW)  # loads the borders of the time zones
    best, slowest = 0.0, 0.0
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for data in pictures:
            begin = time.perf_counter()
            metadata.read(data, now=oracle.NOW, name="IMG_20180705_141530.jpg", household_zone="Europe/Berlin")
            slowest = max(slowest, time.perf_counter() - begin)
        best = max(best, len(pictures) / (time.perf_counter() - start))
    return {"files": len(pictures), "files_per_s": best, "bar_files_per_s": BAR, "slowest_ms": slowest * 1000}


def main() -> None:
    """Print the figures and the table."""
    for name, value in measure().items():
        print(f"{name:20} {value:8.1f}")
    if oracle.is_here():
        agreement = oracle.compare(oracle.pictures())
        print(agreement.table())
        for it in agreement.differences:
            print(f"{it.file}: {it.field}: exiftool {it.theirs!r}, ours {it.ours!r}")


if __name__ == "__main__":
    main()
