"""How long does the search for duplicates take over 100,000 photos?  `python -m tests.benchmarks.bench_duplicates`

Photos are rows without files: their hashes are random, in months of 20 years, by a few cameras. Measured are the first
search, one with nothing new, and one with 100 new photos. The bar: a few hundred milliseconds for what is new.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import resource
import time
from collections.abc import Callable

import tests.environment  # noqa: F401  before anything of Django's


def run(photos: int = 100_000, new: int = 100) -> dict[str, float]:
    """Seconds by what was done, and the peak of memory in MB. Makes a database of its own."""
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)

    from gallery.duplicates import finding
    from gallery.models import Library

    library = Library.objects.create(name="Pictures", root="/nowhere")
    _fill(library.pk, 0, photos)
    found = {"nothing was compared yet": _seconds(lambda: _whole(library.pk))}
    found["peak memory, MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    found["nothing is new"] = min(_seconds(lambda: _whole(library.pk)) for _ in range(3))
    found["is it stale?"] = min(_seconds(finding.wake_stale) for _ in range(3))
    rounds = []
    for turn in range(3):
        _fill(library.pk, photos + turn * new, new)
        rounds.append(_seconds(lambda: _whole(library.pk)))
    found[f"{new} are new"] = min(rounds)
    return found


def _whole(library_id: int) -> None:
    from gallery.duplicates import finding

    while not finding.find(library_id):
        pass


def _fill(library_id: int, first: int, count: int) -> None:
    from django.utils import timezone

    from gallery.models import Photo

    def rows() -> list[Photo]:
        made = []
        for number in range(first, first + count):
            digest = hashlib.sha256(str(number).encode()).hexdigest()
            taken = dt.datetime(2004, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=int(digest[16:24], 16) % 630_000_000)
            made.append(
                Photo(
                    library_id=library_id,
                    digest=digest,
                    width=4000,
                    height=3000,
                    mime="image/jpeg",
                    size_bytes=4_000_000,
                    camera=f"Camera {number % 5}",
                    taken_source="exif",
                    taken_local=taken,
                    sort_at=taken,
                    month=taken.year * 100 + taken.month,
                    imported_at=timezone.now(),
                    work_state="done",
                    phash=int(digest[:16], 16) - 2**63,
                )
            )
        return made

    Photo.objects.bulk_create(rows(), batch_size=1000)


def _seconds(do: Callable[[], object]) -> float:
    start = time.perf_counter()
    do()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=100_000)
    options = parser.parse_args()
    for what, number in run(options.photos).items():
        print(f"{what:28} {number:8.3f}")


if __name__ == "__main__":
    main()
