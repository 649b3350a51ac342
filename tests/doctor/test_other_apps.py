"""Checks that albums and faces bring with them."""

from __future__ import annotations

import pytest
from django.db import connection

from albums.models import Album
from faces.models import Cluster, Clustering, Face, Person
from gallery.models import Photo
from tests.doctor.conftest import cure, find
from tests.factories import (
    AlbumFactory,
    AlbumItemFactory,
    ClusterFactory,
    FaceFactory,
    PersonFactory,
    PhotoFactory,
)

pytestmark = pytest.mark.django_db
NOWHERE = 999_999


def test_a_cover_that_is_not_in_the_album_is_taken_off() -> None:
    photo, other = PhotoFactory(), PhotoFactory()
    right, wrong = AlbumFactory(cover=photo), AlbumFactory(cover=photo, name="Secret")
    AlbumItemFactory(album=right, photo=photo)
    AlbumItemFactory(album=wrong, photo=other)
    found = cure("album-covers", count=1)
    assert "Secret" not in found.examples[0].text
    assert dict(Album.objects.values_list("pk", "cover")) == {right.pk: photo.pk, wrong.pk: None}


def test_faces_of_people_and_suggestions_that_are_gone_are_nobodys_again() -> None:
    known = FaceFactory(person=PersonFactory(), state="assigned", is_confirmed=True)
    person_gone = FaceFactory(state="assigned", person=PersonFactory(), is_confirmed=True)
    cluster_gone = FaceFactory(cluster=ClusterFactory())
    with connection.cursor() as cursor:  # as a damaged database may have it; checked only at the end of a transaction
        cursor.execute(f"UPDATE faces_face SET person_id = {NOWHERE} WHERE id = {person_gone.pk}")
        cursor.execute(f"UPDATE faces_face SET cluster_id = {NOWHERE} WHERE id = {cluster_gone.pk}")
    cure("faces-homeless", count=2)
    states = {pk: rest for pk, *rest in Face.objects.values_list("pk", "person", "cluster", "state", "is_confirmed")}
    assert states == {
        known.pk: [known.person_id, None, "assigned", True],
        person_gone.pk: [None, None, "unknown", False],
        cluster_gone.pk: [None, None, "unknown", False],
    }
    assert Clustering.objects.get().faces_wanted > 0


def test_a_picture_of_a_person_that_is_of_somebody_else_is_taken_off() -> None:
    ana, ben = PersonFactory(), PersonFactory()
    face = FaceFactory(person=ana, state="assigned")
    Person.objects.update(cover=face)
    cure("person-covers", count=1)
    assert dict(Person.objects.values_list("pk", "cover")) == {ana.pk: face.pk, ben.pk: None}


def test_suggestions_are_counted_anew() -> None:
    right, wrong, empty = ClusterFactory(size=1), ClusterFactory(size=7), ClusterFactory(size=3)
    FaceFactory(cluster=right)
    for _ in range(2):
        FaceFactory(cluster=wrong)
    cure("suggestion-sizes", count=2)
    assert dict(Cluster.objects.values_list("pk", "size")) == {right.pk: 1, wrong.pk: 2, empty.pk: 0}


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    AlbumItemFactory()
    FaceFactory(person=PersonFactory(), state="assigned")
    for name in ("album-covers", "faces-homeless", "person-covers", "suggestion-sizes", "crops-orphaned"):
        assert find(name).count == 0
    assert Photo.objects.count() == 2
