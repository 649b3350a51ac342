"""Naming, renaming, refusing, covers, hiding; and taking each of them back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.http import Http404

from faces import services, undo
from faces.access import get_cluster, get_event
from faces.models import Cluster, Clustering, Face, Person, Refusal
from tests.faces.conftest import House, faces_of, take_back
from tests.factories import ClusterFactory, FaceFactory, LibraryFactory, PersonFactory, PhotoFactory

Regroup = Callable[[], Clustering]


def test_a_named_suggestion_is_a_person_with_confirmed_faces(owner: User, cluster: Cluster) -> None:
    named = services.name_cluster(cluster, "Oma", owner)
    assert named.confirmed == 4
    assert named.person.created_by == owner
    assert {(face.is_confirmed, face.state, face.decided_by) for face in faces_of(named.person)} == {
        (True, "assigned", owner)
    }
    cluster.refresh_from_db()
    assert cluster.size == 0
    assert Clustering.objects.get().wanted == 1


def test_only_faces_that_the_actor_sees_are_named(member: User, cluster: Cluster) -> None:
    named = services.name_cluster(cluster, "Oma", member)
    assert named.confirmed == 3
    assert cluster.faces.get(state="unknown").photo.library.owner_id is not None


def test_an_unticked_face_is_left_out_and_refused(owner: User, cluster: Cluster, regroup: Regroup) -> None:
    odd = cluster.faces.first()
    assert odd is not None
    named = services.name_cluster(cluster, "Oma", owner, leave_out={odd.pk})
    assert named.confirmed == 3
    assert Refusal.objects.filter(face=odd, person=named.person, decided_by=owner).exists()
    regroup()
    odd.refresh_from_db()
    assert odd.person is None


def test_naming_at_once_finds_the_person_everywhere(
    owner: User, house: House, cluster: Cluster, regroup: Regroup
) -> None:
    later = house.face(1)
    named = services.name_cluster(cluster, "Oma", owner)
    regroup()
    later.refresh_from_db()
    assert later.person == named.person
    assert not later.is_confirmed


def test_a_name_that_exists_asks_who_is_meant(owner: User, house: House, cluster: Cluster) -> None:
    anna = PersonFactory(name="Änna")
    known = house.face(7, person=anna, state="assigned", is_confirmed=True)
    with pytest.raises(services.SameName) as asked:
        services.name_cluster(cluster, "äNNA", owner)
    assert asked.value.people == [anna]
    assert not cluster.faces.filter(state="assigned").exists()
    assert services.name_cluster(cluster, "änna", owner, same_as=anna.pk).person == anna
    assert len(faces_of(anna)) == 5
    assert known in faces_of(anna)


def test_somebody_else_may_have_the_same_name(owner: User, house: House, cluster: Cluster) -> None:
    anna = PersonFactory(name="Anna")
    house.face(7, person=anna, state="assigned")
    named = services.name_cluster(cluster, "Anna", owner, is_someone_else=True)
    assert named.person != anna


def test_a_person_whom_the_actor_cannot_see_is_not_asked_for_and_not_joined(
    member: User, house: House, cluster: Cluster
) -> None:
    secret = PersonFactory(name="Anna")
    house.face(7, person=secret, state="assigned", is_private=True)
    with pytest.raises(Http404):
        services.name_cluster(cluster, "Anna", member, same_as=secret.pk)
    assert services.name_cluster(cluster, "Anna", member).person != secret


def test_a_face_beside_a_confirmed_one_and_a_refused_face_are_left_alone(
    owner: User, house: House, cluster: Cluster
) -> None:
    anna = PersonFactory(name="Anna")
    first, second, *_ = cluster.faces.order_by("pk")
    house.face(1, photo=first.photo, person=anna, state="assigned", is_confirmed=True)
    Refusal.objects.create(face=second, person=anna)
    named = services.name_cluster(cluster, "Anna", owner, same_as=anna.pk)
    assert named.confirmed == 2
    assert named.remarks == [
        "One face stays in the group, because somebody said before that it is not Anna.",
        "One face stays in the group, because another face in the same photo is Anna.",
    ]
    assert named.left == 2


def test_a_guess_beside_a_face_that_is_now_confirmed_is_taken_back(owner: User, house: House, cluster: Cluster) -> None:
    anna = PersonFactory(name="Anna")
    first = cluster.faces.order_by("pk").first()
    assert first is not None
    guess = house.face(1, photo=first.photo, person=anna, state="assigned")
    named = services.name_cluster(cluster, "Anna", owner, same_as=anna.pk)
    guess.refresh_from_db()
    assert guess.person is None
    take_back(named.event, owner)
    guess.refresh_from_db()
    assert guess.person == anna


def test_nothing_is_made_when_nothing_can_be_named(owner: User, house: House, cluster: Cluster) -> None:
    everyone = set(cluster.faces.values_list("pk", flat=True))
    with pytest.raises(services.NothingToName):
        services.name_cluster(cluster, "Oma", owner, leave_out=everyone)
    cluster.faces.update(state="ignored")
    with pytest.raises(services.NothingToName):
        services.name_cluster(cluster, "Oma", owner)
    assert not Person.objects.exists()


# ---- Undo


def test_undoing_a_name_gives_the_suggestion_back(owner: User, cluster: Cluster) -> None:
    odd = cluster.faces.first()
    assert odd is not None
    named = services.name_cluster(cluster, "Oma", owner, leave_out={odd.pk})
    assert take_back(named.event, owner) == []
    assert not Person.objects.exists()
    assert not Refusal.objects.exists()
    assert set(cluster.faces.values_list("state", "is_confirmed", "decided_by")) == {("unknown", False, None)}
    assert get_cluster(owner, cluster.pk).size == 4
    with pytest.raises(undo.AlreadyUndone):
        take_back(named.event, owner)


def test_undoing_a_name_keeps_what_was_named_since(owner: User, member: User, house: House, cluster: Cluster) -> None:
    named = services.name_cluster(cluster, "Oma", owner)
    tom, changed = PersonFactory(name="Tom"), faces_of(named.person)[0]
    Face.objects.filter(pk=changed.pk).update(person=tom, decided_by=member)
    other = ClusterFactory()
    house.faces(2, 2, cluster=other)
    services.name_cluster(other, "Oma", member, same_as=named.person.pk)
    assert take_back(named.event, owner) == [
        "One face was changed or deleted since, and stays as it is.",
        "Oma stays: more faces were named since.",
    ]
    assert len(faces_of(named.person)) == 2
    assert faces_of(tom) == [changed]


def test_undoing_a_name_takes_the_guesses_with_it(
    owner: User, house: House, cluster: Cluster, regroup: Regroup
) -> None:
    later = house.face(1)
    named = services.name_cluster(cluster, "Oma", owner)
    regroup()
    take_back(named.event, owner)
    later.refresh_from_db()
    assert (later.state, later.person) == ("unknown", None)
    assert not Person.objects.exists()


def test_a_new_name_can_be_taken_back_until_it_is_changed_again(owner: User, house: House) -> None:
    anna = PersonFactory(name="Ana")
    house.face(1, person=anna, state="assigned")
    event = services.rename_person(anna, "Anna", owner)
    assert take_back(event, owner) == []
    anna.refresh_from_db()
    assert anna.name == "Ana"
    assert services.rename_person(anna, "Ana", owner) is None
    event = services.rename_person(anna, "Anna", owner)
    services.rename_person(anna, "Anne", owner)
    assert take_back(event, owner) == ["The name was changed again since, to Anne."]
    anna.refresh_from_db()
    assert anna.name == "Anne"


def test_a_refusal_can_be_taken_back_with_everything_it_changed(owner: User, house: House) -> None:
    anna = PersonFactory()
    face = house.face(1, person=anna, state="assigned", is_confirmed=True, decided_by=owner)
    anna.cover = face
    anna.save()
    event = services.refuse_face(face, owner)
    face.refresh_from_db()
    anna.refresh_from_db()
    assert (face.person, face.state, face.is_confirmed, anna.cover) == (None, "unknown", False, None)
    assert Refusal.objects.filter(face=face, person=anna).exists()
    assert services.refuse_face(face, owner) is None
    assert take_back(event, owner) == []
    face.refresh_from_db()
    anna.refresh_from_db()
    assert (face.person, face.is_confirmed, face.decided_by, anna.cover) == (anna, True, owner, face)
    assert not Refusal.objects.exists()


def test_a_refusal_stays_when_the_face_was_named_since(owner: User, house: House) -> None:
    anna, tom = PersonFactory(), PersonFactory()
    face = house.face(1, person=anna, state="assigned")
    event = services.refuse_face(face, owner)
    Face.objects.filter(pk=face.pk).update(person=tom, state="assigned", is_confirmed=True)
    assert take_back(event, owner) == ["Somebody decided about this face since."]
    face.refresh_from_db()
    assert face.person == tom


def test_a_refused_face_does_not_come_back_beside_another_confirmed_one(owner: User, house: House) -> None:
    anna = PersonFactory(name="Anna")
    photo = PhotoFactory(library=house.library)
    face = house.face(1, photo=photo, person=anna, state="assigned", is_confirmed=True)
    event = services.refuse_face(face, owner)
    house.face(1, photo=photo, person=anna, state="assigned", is_confirmed=True)
    assert take_back(event, owner) == ["Another face in this photo is Anna now."]


def test_covers_and_hiding_can_be_taken_back(owner: User, house: House) -> None:
    anna = PersonFactory()
    first, second = house.faces(1, 2, person=anna, state="assigned")
    services.set_cover(first, owner)
    event = services.set_cover(second, owner)
    assert services.set_cover(second, owner) is None
    assert take_back(event, owner) == []
    anna.refresh_from_db()
    assert anna.cover == first
    event = services.hide_person(anna, owner, is_hidden=True)
    assert services.hide_person(anna, owner, is_hidden=True) is None
    anna.refresh_from_db()
    assert anna.hidden
    take_back(event, owner)
    anna.refresh_from_db()
    assert not anna.hidden


def test_only_who_did_it_and_administrators_take_it_back(owner: User, member: User, admin: User, house: House) -> None:
    anna = PersonFactory()
    house.face(1, person=anna, state="assigned")
    event = services.rename_person(anna, "Anna", owner)
    assert event is not None
    with pytest.raises(Http404):
        get_event(member, event.pk)
    assert get_event(admin, event.pk) == event


def test_what_was_decided_about_people_one_does_not_see_cannot_be_undone(
    owner: User, admin: User, member: User, house: House
) -> None:
    private = LibraryFactory(visibility="private", owner=owner)
    secret = PersonFactory(name="Secret")
    FaceFactory(photo=PhotoFactory(library=private), person=secret, state="assigned", is_confirmed=True)
    event = services.rename_person(secret, "More secret", owner)
    assert event is not None
    assert get_event(owner, event.pk) == event
    for other in (admin, member):
        with pytest.raises(Http404):
            get_event(other, event.pk)
