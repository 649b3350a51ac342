"""How fast are the pages of people with 2,000 people and 100,000 faces?  `python -m tests.benchmarks.bench_people`

Server time of whole requests (middleware, database, template) in one process on SQLite. Half of the people have 20
faces or more, a few have thousands; a third of the faces is nobody's, in groups of 2 to 60, and a few in none; some are
near somebody, so that there is what to ask. Two libraries, one of them another member's private one. The bar: the
people page within 80 ms (p95), and with twice the rows the same number of queries.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import random
import statistics
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import tests.environment  # noqa: F401  before anything of Django's
from tests.benchmarks.bench_timeline import _milliseconds, _p95

if TYPE_CHECKING:
    from faces.models import Person

BAR_MS = 80.0
# Of the catalog, so that what matching found is asked about.
MODEL = "mobilefacenet"


def run(people: int = 2000, faces: int = 100_000, rounds: int = 60) -> dict[str, dict[str, float]]:
    """Milliseconds and queries by what was asked. Makes a database of its own."""
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    # No test environment: it would keep a copy of the context of every fragment.
    settings.ALLOWED_HOSTS = ["testserver"]
    User.objects.create_user("bench")
    User.objects.create_user("other")
    client = Client()
    client.force_login(User.objects.get(username="bench"), backend="django.contrib.auth.backends.ModelBackend")

    def count_queries(url: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            client.get(url)
        return len(queries)

    _fill(0, people // 2, faces // 2)
    before = {name: count_queries(addresses[0]) for name, addresses in _addresses(10).items()}
    _fill(1, people - people // 2, faces - faces // 2)
    table: dict[str, dict[str, float]] = {}
    for name, addresses in _addresses(rounds).items():
        pairs = [_milliseconds(partial(client.get, url)) for url in addresses]
        times, busy = sorted(wall for wall, _ in pairs), sorted(cpu for _, cpu in pairs)
        table[name] = {
            "requests": len(times),
            "p50_ms": statistics.median(times),
            "p95_ms": _p95(times),
            "cpu_p95_ms": _p95(busy),
            "queries": count_queries(addresses[0]),
            "queries_of_half": before[name],
        }
    return table


def _addresses(rounds: int) -> dict[str, list[str]]:
    random.seed(2)
    from django.db.models import Count

    from faces.models import Cluster, Person

    by_name = list(Person.objects.order_by("name", "pk").values_list("pk", flat=True))
    by_faces = list(Person.objects.annotate(n=Count("faces")).order_by("-n", "pk").values_list("pk", flat=True))
    groups = list(Cluster.objects.order_by("-size", "pk").values_list("pk", flat=True))
    usual = random.sample(by_faces[30:], rounds)
    return {
        "/people/": ["/people/"] * rounds,
        "/people/?after=": [f"/people/?after={pk}" for pk in random.sample(by_name, rounds)],
        "/people/?suggestions=": [f"/people/?suggestions={pk}" for pk in random.sample(groups[: len(groups) // 2], 20)],
        "/people/<id>/ of the largest": [f"/people/{pk}/" for pk in by_faces[:20]],
        "/people/<id>/": [f"/people/{pk}/" for pk in usual],
        "/people/<id>/faces/": [f"/people/{pk}/faces/" for pk in [*by_faces[:10], *usual[:20]]],
        "/people/questions/": ["/people/questions/"] * rounds,
        "/people/suggestions/<id>/": [f"/people/suggestions/{pk}/" for pk in [*groups[:10], *groups[100:120]]],
    }


def _fill(part: int, people: int, faces: int) -> None:
    """Photos with 1 to 6 faces each, people with sizes as in a household, groups, and a library that is not shown."""
    from django.contrib.auth.models import User
    from django.utils import timezone

    from faces import revisions
    from faces.models import Cluster, Clustering, Face, Person
    from gallery.models import Library, Photo

    random.seed(part)
    Clustering.objects.get_or_create(model=MODEL)
    other = User.objects.get(username="other")
    shared, _ = Library.objects.get_or_create(name="house", root="/nowhere/house")
    private, _ = Library.objects.get_or_create(name="own", root="/nowhere/own", owner=other, visibility="private")
    now = timezone.now()
    per_photo = random.choices((1, 2, 3, 4, 6), (40, 30, 15, 10, 5), k=faces)
    count, total = 0, 0
    while total < faces:
        total += per_photo[count]
        count += 1
    rows = []
    for number in range(count):
        photo = Photo(
            library=private if number % 10 == 9 else shared,
            digest=hashlib.sha256(f"{part} {number}".encode()).hexdigest(),
            mime="image/jpeg",
            width=4000,
            height=3000,
            colour="7af",
            size_bytes=4_000_000,
            imported_at=now,
            work_state="done",
        )
        photo.set_taken(now.replace(tzinfo=None) - dt.timedelta(hours=2 * number), utc_offset_min=60, source="exif")
        rows.append(photo)
    Photo.objects.bulk_create(rows, batch_size=2000)
    photos = [(photo.pk, photo.digest) for photo in rows]
    named = [Person(name=f"{random.choice(NAMES)} {random.choice(NAMES)}") for _ in range(people)]
    Person.objects.bulk_create(named)
    clusters = Cluster.objects.bulk_create([Cluster(model=MODEL, **_near(named, 0.3)) for _ in range(faces // 40)])
    # Sizes fall as in a household: the tenth person has a tenth of the first one's faces.
    choose = partial(random.choices, named, [1 / (rank + 1) for rank in range(people)])
    whose = choose(k=faces)
    made: list[Face] = []
    for (photo_id, digest), size in zip(photos, per_photo, strict=False):
        seen = set()
        for _ in range(size):
            number = len(made)
            person = named[number] if number < people else whose[number % faces] if number % 3 else None
            if person is not None and person.pk in seen:
                person = None
            seen.add(person.pk if person else None)
            is_grouped = person is None and random.random() < 0.9
            is_sure = person is not None and random.random() < 0.2
            # As matching leaves them: a guess is near its person, and one of ten that are nobody's is near somebody.
            near = {"near_person": person, "near_distance": random.uniform(0.2, 0.5)} if person and not is_sure else {}
            made.append(
                Face(
                    photo_id=photo_id,
                    digest=digest or "",
                    person=person,
                    state="assigned" if person else "unknown",
                    is_confirmed=is_sure,
                    **near or (_near(named, 0.1) if person is None else {}),
                    cluster=random.choice(clusters) if is_grouped else None,
                    score=0.9,
                    quality=random.uniform(0.1, 0.9),
                    embedding=random.randbytes(512),
                    landmarks=random.randbytes(40),
                    model=MODEL,
                    x=random.uniform(0, 0.7),
                    y=random.uniform(0, 0.7),
                    w=0.1,
                    h=0.14,
                )
            )
    Face.objects.bulk_create(made[:faces], batch_size=2000)
    revisions.count_sizes(Cluster.objects.all())


def _near(people: list[Person], share: float) -> dict[str, Any]:
    """For so many of the rows: who they may be, further away than is given."""
    if random.random() >= share:
        return {}
    return {"near_person": random.choice(people), "near_distance": random.uniform(0.5, 0.65)}


NAMES = (
    "Anna Tom Ida Paul Mia Noah Ella Finn Lea Max Zoe Jan Eva Kai Ute Lars Nora Emil Ruth Otto Lena Hugo Vera Karl Ada "
    "Ben Cleo Dan Elsa Fred Greta Hans Inga Jon Kim Leo Maya Nils Olga Pia"
).split()


def main(argv: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--faces", type=int, default=100_000)
    chosen = parser.parse_args(list(argv) if argv is not None else None)
    print(f"{chosen.people:,} people, {chosen.faces:,} faces")
    for name, row in run(chosen.people, chosen.faces).items():
        print(
            f"{name:30} {row['requests']:3.0f} requests   p50 {row['p50_ms']:7.1f} ms   p95 {row['p95_ms']:7.1f} ms"
            f"   p95 of processor time {row['cpu_p95_ms']:7.1f} ms   {row['queries']:2.0f} queries"
            f" ({row['queries_of_half']:.0f} with half the rows)"
            + (f"   bar: {BAR_MS:.0f} ms" if name == "/people/" else "")
        )


if __name__ == "__main__":
    main()
