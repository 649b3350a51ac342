"""Naming, correcting, undoing, analysing and grouping at the same moment, on a database that locks row by row.

SQLite lets one transaction write at a time, so these run on PostgreSQL only: set DATABASE_URL.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import TypeAlias

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.http import Http404

from faces import grouping, revisions, services, undo
from faces.analyzer import FacesAnalyzer, FoundFace, FoundFaces
from faces.deciding import merges, survivor_of
from faces.models import Cluster, Clustering, Event, Face, Person, Refusal
from gallery import work
from gallery.models import Photo
from tests.faces.conftest import MODEL, House, look
from tests.factories import LibraryFactory, PhotoFactory

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer: set DATABASE_URL"),
]

PEOPLE, PHOTOS, TURNS, PATIENCE_S = 8, 40, 15, 120
# What somebody else's decision a moment ago may rightly answer.
TOO_LATE = (
    services.SameName,
    services.NothingToName,
    services.MergedBefore,
    undo.AlreadyUndone,
    undo.SomethingFirst,
    Http404,
)
NAMES = ("name", "move")
DECIDES = (*NAMES, "refuse", "no_face", "ignore")
Job: TypeAlias = Callable[[random.Random, int], None]


@pytest.fixture
def photos(monkeypatch: pytest.MonkeyPatch) -> list[Photo]:
    """Photos of three people each, grouped once; the queue is left out of it."""
    monkeypatch.setattr(work, "wake", lambda *args: None)
    house = House(LibraryFactory(), LibraryFactory())
    made = [PhotoFactory(library=house.library) for _ in range(PHOTOS)]
    for number, photo in enumerate(made):
        for place in range(3):
            house.face((number + place) % PEOPLE, photo=photo, x=0.05 + 0.3 * place, w=0.2)
    regroup()
    return made


def regroup() -> None:
    revisions.count_up([MODEL], wake=False, faces=True)
    grouping.run(Clustering.objects.get(model=MODEL).pk)


def at_once(jobs: dict[str, Job]) -> None:
    """Runs all jobs TURNS times, each in a thread and a connection of its own; fails with what they raised."""
    errors: list[str] = []
    start = threading.Barrier(len(jobs))

    def run(name: str, job: Job) -> None:
        chance = random.Random(name)
        start.wait(PATIENCE_S)
        try:
            for turn in range(TURNS):
                try:
                    job(chance, turn)
                except TOO_LATE:
                    continue
        except Exception as error:
            errors.append(f"{name}: {type(error).__name__}: {error}")
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=item, name=item[0], daemon=True) for item in jobs.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert not [thread.name for thread in threads if thread.is_alive()], "still waiting for each other"
    assert not errors, "\n".join(errors)


def jobs_of(anna: User, tom: User, photos: list[Photo]) -> dict[str, Job]:
    def name(by: User) -> Job:
        def job(chance: random.Random, turn: int) -> None:
            cluster = chance.choice(Cluster.objects.order_by("pk"))
            faces = list(cluster.faces.order_by("pk").values_list("pk", flat=True))
            chosen = chance.choice([None, *Person.objects.order_by("pk").values_list("pk", flat=True)])
            left_out = set(chance.sample(faces, min(2, len(faces))))
            services.name_cluster(
                cluster, f"{by} {turn}", by, leave_out=left_out, same_as=chosen, is_someone_else=chosen is None
            )

        return job

    def correct(chance: random.Random, turn: int) -> None:
        face = chance.choice(Face.objects.order_by("pk"))
        said = chance.choice(["refuse", "name", "dismiss", "cover"])
        if said == "refuse":
            services.refuse_face(face, tom)
        elif said == "name":
            services.name_face(face, f"Somebody {chance.randrange(4)}", tom)
        elif said == "dismiss" and turn % 5 == 0:
            services.set_no_face(face, tom)
        else:
            services.set_cover(face, tom)

    def correct_many(chance: random.Random, turn: int) -> None:
        """Moving, confirming, refusing and setting aside many faces at once."""
        faces = [face.pk for face in chance.sample(list(Face.objects.order_by("pk")), 6)]
        people = list(Person.objects.order_by("pk"))
        said = chance.choice(["move", "name", "confirm", "refuse", "ignore", "back"])
        if said == "name":
            services.name_faces(faces, f"Many {chance.randrange(4)}", anna)
        elif said == "ignore" and turn % 3 == 0:
            services.ignore_faces(faces, anna)
        elif said == "back":
            services.take_strangers_back(faces, anna)
        elif people:
            person = chance.choice(people)
            decide = {"move": services.move_faces, "confirm": services.confirm_faces}
            if said in decide:
                decide[said](faces, person, anna)
            else:
                services.refuse_faces(faces, person, anna)

    def merge(chance: random.Random, turn: int) -> None:
        """Two at once: who is merged into whom is chosen crosswise."""
        people = list(Person.objects.order_by("pk"))
        if len(people) > 2 and turn % 3 == 0:
            one, other = chance.sample(people, 2)
            services.merge_people(one, [other], chance.choice([anna, tom]))

    def take_back(chance: random.Random, turn: int) -> None:
        events = list(Event.objects.filter(undone_at__isnull=True).order_by("-pk")[:6])
        if events:
            undo.undo_event(chance.choice(events), anna)

    def analyse(chance: random.Random, turn: int) -> None:
        """As the recording of a batch does: the photos' rows are locked first, then every analyzer saves."""
        batch = chance.sample(photos, 6)
        with transaction.atomic():
            rows = Photo.objects.select_for_update(no_key=True).order_by("pk").in_bulk([photo.pk for photo in batch])
            FacesAnalyzer().save([(rows[photo.pk], found_in(chance, photos.index(photo))) for photo in batch])

    def group(chance: random.Random, turn: int) -> None:
        regroup()

    return {
        "naming": name(anna),
        "naming too": name(tom),
        "correcting": correct,
        "correcting many": correct_many,
        "merging": merge,
        "merging too": merge,
        "undoing": take_back,
        "undoing too": take_back,
        "analysing": analyse,
        "analysing too": analyse,
        "grouping": group,
    }


def found_in(chance: random.Random, number: int) -> FoundFaces:
    """About the same boxes again; now and then one is not found."""
    faces = [
        FoundFace(
            x=0.05 + 0.3 * place + chance.uniform(-0.01, 0.01),
            y=0.2,
            w=0.2,
            h=0.3,
            score=0.9,
            quality=0.8,
            landmarks=None,
            embedding=look((number + place) % PEOPLE, number),
        )
        for place in range(3)
        if chance.random() > 0.1
    ]
    return FoundFaces(MODEL, tuple(faces))


def test_nobody_waits_for_each_other_and_what_was_decided_stands(
    photos: list[Photo], owner: User, member: User
) -> None:
    at_once(jobs_of(owner, member, photos))

    # Every decision in the journal that nobody took back, or changed later, is what the rows say.
    last: dict[int, Event] = {}
    went = merges()
    for event in Event.objects.filter(undone_at__isnull=True, kind__in=DECIDES).order_by("pk"):
        for face_id in [*event.before.get("faces", []), *filter(None, [event.before.get("face")])]:
            last[face_id] = event
    assert last
    faces = Face.objects.in_bulk()
    for face_id, event in last.items():
        assert face_id in faces, f"a face about which somebody decided ({event.kind}) is gone"
        face = faces[face_id]
        if event.kind in NAMES:
            assert (face.person_id, face.is_confirmed) == (survivor_of(event.person_id or 0, went), True)
        elif event.kind == Event.Kind.NO_FACE:
            assert face.state == Face.State.NOT_A_FACE
        elif event.kind == Event.Kind.IGNORE:
            assert (face.state == Face.State.IGNORED) == (event.before["after"]["state"] == Face.State.IGNORED)
        else:
            assert Refusal.objects.filter(face=face, person_id=event.person_id).exists()
    sure = {pk for pk, face in faces.items() if face.is_confirmed}
    assert sure == {pk for pk, event in last.items() if event.kind in NAMES}
    assert not Face.objects.filter(person__merged_into__isnull=False).exists()
    for person_id in went:
        assert survivor_of(person_id, went) not in went, "a circle of merges"

    # And what follows from the decisions is what a run in peace and quiet makes of them.
    regroup()
    for face_id, person_id in Refusal.objects.values_list("face_id", "person_id"):
        assert Face.objects.get(pk=face_id).person_id != person_id
    for cluster in Cluster.objects.all():
        assert cluster.size == cluster.faces.filter(state=Face.State.UNKNOWN).count()
    assert not Cluster.objects.filter(faces__isnull=True).exists()
    before = list(Face.objects.order_by("pk").values_list("pk", "person", "state", "cluster"))
    regroup()
    assert list(Face.objects.order_by("pk").values_list("pk", "person", "state", "cluster")) == before


def test_a_face_that_is_named_while_it_is_lost_is_kept(photos: list[Photo], owner: User) -> None:
    """The analyzer has looked and found nothing; the name is given before it writes."""
    face = photos[0].faces.order_by("pk").first()
    assert face
    named = threading.Event()

    def give_a_name() -> None:
        try:
            services.name_face(face, "Oma", owner)
        finally:
            named.set()
            connection.close()

    thread = threading.Thread(target=give_a_name)
    with transaction.atomic():
        revisions.lock()
        thread.start()
        assert not named.wait(0.5), "naming has to wait while the analyzer writes"
        FacesAnalyzer().save([(photos[1], FoundFaces(MODEL, ()))])
    thread.join(PATIENCE_S)
    with transaction.atomic():
        FacesAnalyzer().save([(photos[0], FoundFaces(MODEL, ()))])
    assert list(photos[0].faces.values_list("pk", "is_confirmed")) == [(face.pk, True)]
