"""How fast are the timeline, search and things over 100,000 photos?  `python -m tests.benchmarks.bench_timeline`

Server time of whole requests (middleware, database, template) in one process on SQLite, with an empty page cache of
Django. The bars stand in docs of the project: p95 under 40 ms for any part of the timeline, under 60 ms for a search by
person, label and date.
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import tests.environment  # noqa: F401  before anything of Django's

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase

T = TypeVar("T")
SHAPES = ((4000, 3000), (3000, 4000), (6000, 4000), (1920, 1080), (4032, 3024))


def run(photos: int = 100_000, years: int = 20, rounds: int = 60) -> dict[str, dict[str, float]]:
    """Milliseconds by what was asked: {"/": {"p50": …, "p95": …}}. Makes a database of its own."""
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    _fill(photos, years)

    from django.conf import settings
    from django.contrib.auth.models import User
    from django.test import Client
    from django.test.utils import setup_test_environment

    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    setup_test_environment()
    client = Client()
    client.force_login(User.objects.get(), backend="django.contrib.auth.backends.ModelBackend")

    from gallery import months

    known = months.months(User.objects.get())
    numbers = [month.number for month in known]
    random.seed(1)
    asked: dict[str, Iterable[str]] = {
        "/": ["/"] * rounds,
        "/months/<yyyymm>/": [f"/months/{number}/" for number in numbers],
        "/?at=": [f"/?at={random.randrange(1, photos)}" for _ in range(rounds)],
        "search label+date": [
            f"/search/?label=thing+{n % 40}&from={2006 + n % 18}-03-01&to={2007 + n % 18}-09-30" for n in range(rounds)
        ],
        "search person+label+date": [
            f"/search/?person=Person+{n % 30}&label=thing+{n % 5}&from={2006 + n % 18}-03-01&to={2008 + n % 18}-09-30"
            for n in range(rounds)
        ],
        "search two people-one+date": [
            f"/search/?person=Person+{n % 10}&person=Person+{(n + 3) % 10}&without=Person+{(n + 5) % 10}"
            f"&from={2006 + n % 12}-03-01&to={2012 + n % 12}-09-30"
            for n in range(rounds)
        ],
        "search two people-one": [
            f"/search/?person=Person+{n % 10}&person=Person+{(n + 3) % 10}&without=Person+{(n + 5) % 10}"
            for n in range(rounds)
        ],
        "search only two people": [
            f"/search/?person=Person+{n % 10}&person=Person+{(n + 3) % 10}&who=only" for n in range(rounds)
        ],
        "search only one person": [f"/search/?person=Person+{n % 10}&who=only" for n in range(rounds)],
        "search nobody+date": [
            f"/search/?who=nobody&from={2006 + n % 12}-03-01&to={2007 + n % 12}-09-30" for n in range(20)
        ],
        "search nobody": ["/search/?who=nobody"] * 20,
        "search someone unknown": ["/search/?who=unknown"] * 20,
        "search without": [f"/search/?without=Person+{n % 10}" for n in range(20)],
        "/people/<id>/": [f"/people/{1 + n % 30}/" for n in range(rounds)],
        "search person": [f"/search/?person=Person+{n % 30}" for n in range(rounds)],
        "search word": [f"/search/?q=img_0{n:03}" for n in range(rounds)],
        "search word of all photos": ["/search/?q=fujifilm"] * 20,
        "search word of some": [f"/search/?q=%22{n}/img%22" for n in range(20)],
        "/things/": ["/things/"] * rounds,
        "/things/<slug>/": [f"/things/thing-{n % 40}/" for n in range(rounds)],
        "/photos/<id>/": [f"/photos/{random.randrange(1, photos)}/" for _ in range(rounds)],
        "/favourites/": ["/favourites/"] * rounds,
    }
    table: dict[str, dict[str, float]] = {}
    for name, addresses in asked.items():
        fragment = {"HX-Request": "true"} if "months" in name else {}
        pairs = [_milliseconds(partial(client.get, url, headers=fragment)) for url in addresses]
        times, busy = sorted(wall for wall, _ in pairs), sorted(cpu for _, cpu in pairs)
        table[name] = {
            "requests": len(times),
            "p50_ms": statistics.median(times),
            "p95_ms": _p95(times),
            "cpu_p95_ms": _p95(busy),
        }
    print(f"{photos:,} photos, {len(numbers)} months, {len(client.get('/').content) / 1024:.0f} KiB for /")
    for name, row in table.items():
        print(
            f"{name:28} {row['requests']:5.0f} requests   p50 {row['p50_ms']:7.1f} ms   p95 {row['p95_ms']:7.1f} ms"
            f"   p95 of processor time {row['cpu_p95_ms']:7.1f} ms"
        )
    return table


def _milliseconds(request: Callable[[], HttpResponseBase]) -> tuple[float, float]:
    """Wall clock and processor time; the latter says more on a machine that is busy with other things."""
    start, busy = time.perf_counter(), time.process_time()
    response = request()
    elapsed = (time.perf_counter() - start) * 1000, (time.process_time() - busy) * 1000
    assert response.status_code == 200, response
    return elapsed


def _p95(times: list[float]) -> float:
    return times[min(len(times) - 1, round(len(times) * 0.95))]


def _fill(photos: int, years: int) -> None:
    """Two libraries, 80 labels (a few of them common), 200 people in a part of the photos, favourites.

    Up to four faces in a photo, a tenth of which are nobody's yet; ten people have some 6,000 photos each.
    """
    import hashlib

    from django.contrib.auth.models import User
    from django.utils import timezone

    from faces.models import Face, Person
    from gallery import search_text
    from gallery.models import Detection, File, Label, Library, Mark, Photo, Receipt

    random.seed(0)
    user = User.objects.create_user("bench")
    libraries = [Library.objects.create(name=name, root=f"/nowhere/{name}") for name in ("phone", "camera")]
    now = timezone.now()
    start = dt.datetime(2005, 1, 1)
    rows = []
    for number in range(photos):
        width, height = random.choice(SHAPES)
        photo = Photo(
            library=libraries[number % 10 == 0],
            digest=hashlib.sha256(str(number).encode()).hexdigest(),
            mime="image/jpeg",
            width=width,
            height=height,
            colour=f"{random.randrange(16**3):03x}",
            size_bytes=4_000_000,
            camera="Fujifilm X-T4",
            imported_at=now,
            work_state="done",
        )
        taken = start + dt.timedelta(seconds=random.randrange(years * 365 * 86400))
        photo.set_taken(taken if number % 200 else None, utc_offset_min=60, source="exif")
        rows.append(photo)
    Photo.objects.bulk_create(rows, batch_size=2000)
    ids = list(Photo.objects.order_by("id").values_list("id", "library_id"))
    File.objects.bulk_create(
        [
            File(library_id=library_id, photo_id=pk, path=f"{pk % 300}/IMG_{pk:06d}.jpg", size_bytes=1, mtime_ns=1)
            for pk, library_id in ids
        ],
        batch_size=5000,
    )
    for first in range(0, len(ids), 500):
        search_text.write(pk for pk, _ in ids[first : first + 500])
    box = {"x": 0.1, "y": 0.1, "w": 0.3, "h": 0.3}
    labels = [Label.objects.create(name=f"thing {n}", slug=f"thing-{n}") for n in range(80)]
    Detection.objects.bulk_create(
        [
            Detection(photo_id=pk, label=_choose(labels, common=5), score=random.uniform(0.3, 1), **box)
            for pk, _ in ids
            for _ in range(2)
        ],
        batch_size=5000,
    )
    people = [Person.objects.create(name=f"Person {n}") for n in range(200)]
    digests = dict(Photo.objects.values_list("id", "digest"))

    def face(photo_id: int) -> Face:
        person = _choose(people, common=10) if random.random() < 0.9 else None
        return Face(
            photo_id=photo_id,
            person=person,
            state="assigned" if person else "unknown",
            digest=digests[photo_id],
            score=0.9,
            quality=random.random(),
            model="bench",
            embedding=random.randbytes(512),
            **box,
        )

    for first in range(0, len(ids), 5000):
        some = [pk for pk, _ in ids[first : first + 5000]]
        Face.objects.bulk_create(
            [face(pk) for pk in some for _ in range(random.choice((0, 0, 1, 1, 2, 4)))], batch_size=2000
        )
        Receipt.objects.bulk_create([Receipt(photo_id=pk, analyzer="faces", version="bench", at=now) for pk in some])
    Mark.objects.bulk_create([Mark(user=user, photo_id=pk, favourite=True) for pk, _ in ids[::50]])


def _choose(rows: Sequence[T], *, common: int) -> T:
    """Half of all are of the first few."""
    return random.choice(rows[:common] if random.random() < 0.5 else rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=100_000)
    run(photos=parser.parse_args().photos)
