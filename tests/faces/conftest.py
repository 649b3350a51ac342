"""A house with Anna, who owns a private library, Tom, and faces of people as directions with a little noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User

from faces import grouping, revisions
from faces.models import Cluster, Clustering, Face, Person
from gallery.models import Library, Photo
from tests.factories import FaceFactory, LibraryFactory, PersonFactory, PhotoFactory, unit_vector

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
def regroup(db: None) -> Callable[[], Clustering]:
    """Runs what a worker would run after faces changed."""

    def run() -> Clustering:
        revisions.count_up([MODEL], wake=False, faces=True)
        clustering = Clustering.objects.get(model=MODEL)
        grouping.run(clustering.pk)
        clustering.refresh_from_db()
        return clustering

    return run


def groups() -> set[frozenset[int]]:
    """The ids of the faces of every group."""
    found: dict[int, set[int]] = {}
    for pk, cluster_id in Face.objects.filter(cluster__isnull=False).values_list("pk", "cluster_id"):
        found.setdefault(cluster_id, set()).add(pk)
    assert set(found) == set(Cluster.objects.values_list("pk", flat=True)), "no group is empty"
    return {frozenset(faces) for faces in found.values()}


def ids(faces: list[Face]) -> frozenset[int]:
    return frozenset(face.pk for face in faces)
