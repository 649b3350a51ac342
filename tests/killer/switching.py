"""kill -9 at every step of trying another model and of switching: `python -m tests.killer.switching BASE`.

As in `each_step`: a child kills itself before its n-th step. What the sweep and the next worker do comes afterwards, in
a child as well, since a model must not be loaded before a fork. It prints what was left, as JSON.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

from tests.killer.each_step import killed_at

FACES = 4
MODEL, OTHER = "mobilefacenet", "otherface"
NEVER = 10**9


def main(base: Path) -> None:
    import django

    django.setup()
    from django.core.management import call_command

    from faces.models import Preview
    from faces.shadow import spares
    from gallery.vision import catalog

    call_command("migrate", verbosity=0)
    known = catalog.catalog()
    other = dataclasses.replace(known.models[MODEL], key=OTHER, family="sface")
    both = dataclasses.replace(known, models={**known.models, OTHER: other})
    catalog.catalog = lambda: both  # type: ignore[assignment]
    spares.BATCH = 2
    rounds: list[dict[str, Any]] = []
    for name, action in (("look", look), ("switch", switch)):
        number = 0
        while True:
            number += 1
            preview = prepare(base / f"{name}-{number}")
            if name == "switch":
                killed_at(NEVER, partial(look, preview))
            is_killed = killed_at(number, partial(action, preview))
            between = in_use()
            if Preview.objects.get(pk=preview).state != Preview.State.DONE:
                killed_at(NEVER, partial(after, preview))
            rounds.append({"name": name, "step": number, "killed": is_killed, "between": between, **left(preview)})
            if not is_killed:
                break
    print("ROUNDS", json.dumps(rounds))  # noqa: T201


def prepare(folder: Path) -> int:
    """A library of photos that were analysed, with a face each, and a preview that waits; its id."""
    from django.contrib.auth.models import User
    from django.utils import timezone

    from faces.analyzer import version_of
    from faces.models import Clustering, Face, Person, Preview, SpareEmbedding
    from faces.shadow import distances, previews
    from gallery.models import AnalyzerVersion, Library, Photo, Receipt
    from gallery.vision import catalog
    from tests.factories import FaceFactory, PhotoFactory, write_jpeg
    from tests.importing import sha256

    for rows in (Preview, SpareEmbedding, Face, Person, Clustering, Photo, Library, AnalyzerVersion):
        rows.objects.all().delete()
    user, _ = User.objects.get_or_create(username="root", is_staff=True)
    library = Library.objects.create(name="Photos", root=str(folder))
    version = version_of(catalog.model("yunet"), catalog.model(MODEL))
    AnalyzerVersion.objects.create(name="faces", version=version)
    anna = Person.objects.create(name="Anna")
    for number in range(FACES):
        file = write_jpeg(folder, f"{number}.jpg", seed=number, width=160, height=120)
        photo = PhotoFactory(library=library, digest=sha256(file), file=file.name, width=160, height=120)
        photo.files.update(is_read=True)
        Receipt.objects.create(photo=photo, analyzer="faces", version=version, at=timezone.now())
        named = {"person": anna, "state": "assigned", "is_confirmed": True} if not number else {}
        FaceFactory(photo=photo, embedding_crc=number + 1, **named)
    return previews.ask(OTHER, distances.by_itself(None, catalog.model(OTHER)), user).pk


def look(preview_id: int) -> None:
    from faces.shadow import computing

    computing.run(preview_id)


def switch(preview_id: int) -> None:
    from django.contrib.auth.models import User

    from faces.models import Preview
    from faces.shadow import rules

    rules.use(Preview.objects.get(pk=preview_id), User.objects.get())


def after(preview_id: int) -> None:
    from faces.shadow import previews

    previews.sweep()
    look(preview_id)


def in_use() -> list[list[str]]:
    """The models that the analyzer, the faces and the receipts name. One each, or it is no state to be in."""
    from faces.models import Face
    from gallery.analysis import in_use
    from gallery.models import Receipt

    versions = {in_use("faces"), *Receipt.objects.filter(analyzer="faces").values_list("version", flat=True)}
    keys = {version.split()[1].partition("@")[0] for version in versions}
    return [sorted(keys), sorted(set(Face.objects.values_list("model", flat=True)))]


def left(preview_id: int) -> dict[str, Any]:
    from faces.models import Face, Preview, SpareEmbedding

    spare = SpareEmbedding.objects.filter(model=OTHER, embedding__isnull=False)
    return {
        "state": Preview.objects.get(pk=preview_id).state,
        "spares": spare.count(),
        "named": list(Face.objects.filter(is_confirmed=True).values_list("person__name", flat=True)),
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
