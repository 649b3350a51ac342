"""A house with Anna, who owns a private library, Tom, and faces of people as directions with a little noise."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User

from faces import grouping, revisions, undo
from faces.access import get_event
from faces.grouping import state as states
from faces.models import Cluster, Clustering, Event, Face, Person
from gallery.models import Library, Photo
from gallery.vision import catalog
from tests.factories import ClusterFactory, FaceFactory, LibraryFactory, PersonFactory, PhotoFactory, unit_vector

Regroup = Callable[[], Clustering]

MODEL = "mobilefacenet"


def look(who: int, shot: int = 0, *, noise: float = 0.35) -> bytes:
    """The embedding of person number `who` in picture number `shot`: about 0.1 from the person's others."""
    vector = unit_vector(1000 + who) + noise * unit_vector(100_000 + 1000 * who + shot)
    return (vector / np.linalg.norm(vector)).astype(np.float32).tobytes()


@dataclass
class House:
    library: Library
    private: Library
    shots: dict[int, int] = field(default_factory=dict)

    def face(self, who: int, *, photo: Photo | None = None, is_private: bool = False, **fields: Any) -> Face:
        """One more picture of a person, in a photo of its own unless one is given."""
        self.shots[who] = self.shots.get(who, 0) + 1
        photo = photo or PhotoFactory(library=self.private if is_private else self.library)
        return FaceFactory(photo=photo, embedding=fields.pop("embedding", look(who, self.shots[who])), **fields)

    def faces(self, who: int, count: int, **fields: Any) -> list[Face]:
        return [self.face(who, **fields) for _ in range(count)]


@pytest.fixture
def house(owner: User) -> House:
    library = LibraryFactory(name="Family")
    return House(library, LibraryFactory(name="Anna's own", owner=owner, visibility=Library.Visibility.PRIVATE))


@pytest.fixture
def anna(house: House) -> Person:
    """Three faces that everyone sees, and two in the private library."""
    person: Person = PersonFactory(name="Anna")
    house.faces(1, 3, person=person, state="assigned", is_confirmed=True)
    house.faces(1, 2, person=person, state="assigned", is_private=True)
    return person


@pytest.fixture
def secret(house: House) -> Person:
    """Somebody whom only the owner of the private library sees."""
    person: Person = PersonFactory(name="Secret Santa")
    house.faces(2, 2, person=person, state="assigned", is_private=True)
    return person


@pytest.fixture
def cluster(house: House) -> Cluster:
    """Three faces in the household's photos and one in Anna's private library."""
    made: Cluster = ClusterFactory(size=4)
    house.faces(1, 3, cluster=made)
    house.face(1, cluster=made, is_private=True)
    return made


@pytest.fixture
def regroup(db: None) -> Callable[[], Clustering]:
    """Runs what a worker would run after faces changed."""

    def run() -> Clustering:
        revisions.count_up([MODEL], wake=False, faces=True)
        clustering = Clustering.objects.get(model=MODEL)
        grouping.run(clustering.pk)
        clustering.refresh_from_db()
        return clustering

    return run


@pytest.fixture
def always_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups are written to their file after every run, however little changed."""
    monkeypatch.setattr(states, "_LEAST", -1)
    monkeypatch.setattr(states, "_SHARE", 0)


def groups() -> set[frozenset[int]]:
    """The ids of the faces of every group."""
    found: dict[int, set[int]] = {}
    for pk, cluster_id in Face.objects.filter(cluster__isnull=False).values_list("pk", "cluster_id"):
        found.setdefault(cluster_id, set()).add(pk)
    assert set(found) == set(Cluster.objects.values_list("pk", flat=True)), "no group is empty"
    return {frozenset(faces) for faces in found.values()}


def ids(faces: list[Face]) -> frozenset[int]:
    return frozenset(face.pk for face in faces)


def faces_of(person: Person) -> list[Face]:
    return list(Face.objects.filter(person=person).order_by("pk"))


def take_back(event: Event | None, by: User) -> list[str]:
    assert event is not None
    return undo.undo_event(get_event(by, event.pk), by)


def rules() -> grouping.Rules:
    return grouping.rules_for(Clustering.objects.filter(model=MODEL).first(), catalog.model(MODEL))


def from_nothing() -> set[frozenset[int]]:
    """The groups that a run from nothing would give."""
    snapshot = grouping.read(MODEL)
    labels = grouping.compute(snapshot, rules()).labels
    return {frozenset(snapshot.ids[labels == label].tolist()) for label in set(labels.tolist()) - {-1}}


def embed_anew(face: Face, who: int, shot: int) -> None:
    embedding = look(who, shot, noise=0.95)
    Face.objects.filter(pk=face.pk).update(embedding=embedding, embedding_crc=zlib.crc32(embedding))
