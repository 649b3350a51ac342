"""Deciding, undoing, searching, naming, arranging and reading at the same moment, on a database that locks row by row.

SQLite lets one transaction write at a time, so this runs on PostgreSQL only: set DATABASE_URL.
"""

from __future__ import annotations

import random
import time
from contextlib import suppress
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.http import Http404

from albums import services as albums
from faces import revisions
from faces import services as people
from faces import undo as people_undo
from faces.models import Event, Face
from gallery import changes, tasks
from gallery.duplicates import deciding, finding
from gallery.models import DuplicateGroup, Library, Photo, WorkState
from tests.duplicates.pictures import save, scene, smaller
from tests.factories import AlbumFactory, FaceFactory, unit_vector
from tests.importing import bring_in
from tests.test_scan_concurrency import Crowd

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer: set DATABASE_URL"),
]

SECONDS = 3.0
EXPECTED = (deciding.AlreadyDecided, Http404, people.NothingToName, people_undo.AlreadyUndone)


def test_nobody_waits_for_each_other_in_a_circle_and_undo_gives_everything_back(
    library: Library, folder: Path, admin: User
) -> None:
    for seed in range(4):
        save(scene(seed), folder / f"{seed}.jpg")
        save(smaller(scene(seed)), folder / f"{seed}-small.jpg")
    photos = bring_in(library)
    finding.find(library.pk)
    assert DuplicateGroup.objects.count() == 4
    for photo in photos:
        for number in range(2):
            FaceFactory(photo=photo, x=0.1 + 0.5 * number, embedding=unit_vector(number).tobytes())
    # As whoever finds faces does, in the transaction that brings them.
    revisions.count_up(set(Face.objects.values_list("model", flat=True)), wake=False, faces=True)
    album = AlbumFactory(owner=admin)
    ids = [photo.pk for photo in photos]

    def decide() -> None:
        group = random.choice(list(DuplicateGroup.objects.all()))
        members = list(group.members.values_list("photo", flat=True))
        with suppress(*EXPECTED, ValueError):
            random.choice(
                [
                    lambda: deciding.merge(admin, group, keep=random.choice(members), go=members),
                    lambda: deciding.undo(admin, group),
                    lambda: deciding.keep_all(admin, group),
                ]
            )()

    def name() -> None:
        face = random.choice(list(Face.objects.select_related("photo")))
        with suppress(*EXPECTED):
            people.name_face(face, random.choice(["Anna", "Berta"]), admin)

    def unname() -> None:
        if (event := Event.objects.filter(undone_at__isnull=True).order_by("?").first()) is not None:
            with suppress(*EXPECTED):
                people_undo.undo_event(event, admin)

    def arrange() -> None:
        with suppress(Http404):
            albums.add_photos(admin, album.pk, photo_ids=random.sample(ids, 3))
            albums.remove_photos(admin, album.pk, photo_ids=random.sample(ids, 3))

    def read_again() -> None:
        Photo.objects.filter(pk=random.choice(ids), work_state=WorkState.DONE).update(work_state=WorkState.READY)
        tasks.analyze()

    crowd = Crowd(
        decide,
        decide,
        name,
        unname,
        arrange,
        read_again,
        lambda: finding.find(library.pk),
        lambda: changes.change_position(admin, random.sample(ids, 3), (48.1, 11.5)),
    )
    time.sleep(SECONDS)
    crowd.stop()
    assert not crowd.errors
    while group := DuplicateGroup.objects.exclude(state="open").first():
        deciding.undo(admin, group)
    # Whoever was brought back was compared again; all are shown, and still four groups.
    assert Photo.objects.filter(trashed_at__isnull=True).count() == 8
    finding.find(library.pk)
    assert DuplicateGroup.objects.filter(state="open").count() >= 4
