"""Taking back a name that joined somebody who was there before."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from faces import services, undo
from faces.models import Cluster, Face, Person, Refusal
from tests.faces.conftest import House, take_back
from tests.factories import ClusterFactory, PersonFactory


def row(face: Face) -> tuple[int | None, str, bool, int | None]:
    face.refresh_from_db()
    return face.person_id, face.state, face.is_confirmed, face.decided_by_id


@pytest.fixture
def joined(owner: User, member: User, house: House, cluster: Cluster) -> tuple[Person, list[Face]]:
    """Anna, whom Tom named; a guess of her in a photo of the group; and all faces that the joining touches."""
    anna = PersonFactory(name="Anna", created_by=member)
    known = house.face(1, person=anna, state="assigned", is_confirmed=True, decided_by=member)
    anna.cover = known
    anna.save()
    first = cluster.faces.order_by("pk").first()
    assert first
    guess = house.face(1, photo=first.photo, person=anna, state="assigned", x=0.7)
    return anna, [known, guess, *cluster.faces.order_by("pk")]


def test_undoing_a_name_that_joined_somebody_restores_every_row(
    owner: User, cluster: Cluster, joined: tuple[Person, list[Face]]
) -> None:
    anna, faces = joined
    odd = faces[-1]
    before = [row(face) for face in faces]
    named = services.name_cluster(cluster, "anna", owner, same_as=anna.pk, leave_out={odd.pk})
    assert [row(face) for face in faces] != before
    assert take_back(named.event, owner) == []
    assert [row(face) for face in faces] == before
    assert not Refusal.objects.exists()
    anna.refresh_from_db()
    assert (anna.name, anna.cover, Person.objects.count()) == ("Anna", faces[0], 1)
    cluster.refresh_from_db()
    assert cluster.size == 4


def test_undoing_a_name_leaves_a_later_rename_and_a_later_cover(
    owner: User, member: User, cluster: Cluster, joined: tuple[Person, list[Face]]
) -> None:
    anna, faces = joined
    named = services.name_cluster(cluster, "Anna", owner, same_as=anna.pk)
    services.rename_person(anna, "Anne", member)
    take_back(named.event, owner)
    anna.refresh_from_db()
    assert (anna.name, anna.cover) == ("Anne", faces[0])
    named = services.name_cluster(cluster, "Anne", owner, same_as=anna.pk)
    services.set_cover(faces[2], member)
    take_back(named.event, owner)
    anna.refresh_from_db()
    assert anna.cover is None, "the face that was chosen is not hers any more"


def test_undoing_a_name_leaves_faces_about_which_somebody_decided_since(
    owner: User, member: User, cluster: Cluster, joined: tuple[Person, list[Face]]
) -> None:
    anna, faces = joined
    third, fourth = faces[3], faces[4]
    named = services.name_cluster(cluster, "Anna", owner, same_as=anna.pk)
    services.refuse_face(third, member)
    services.refuse_face(fourth, member)
    services.name_face(fourth, "Anna", owner)  # by the same hand, but later, and meant for this very face
    decided = [row(third), row(fourth)]
    assert take_back(named.event, owner) == ["2 faces were changed or deleted since, and stay as they are."]
    assert [row(third), row(fourth)] == decided
    assert row(faces[2])[0] is None
    assert Refusal.objects.filter(face=third, person=anna).exists()


def test_a_refusal_that_was_said_again_outlives_the_naming_that_said_it_first(
    owner: User, member: User, cluster: Cluster, joined: tuple[Person, list[Face]]
) -> None:
    anna, faces = joined
    odd = faces[-1]
    named = services.name_cluster(cluster, "Anna", owner, same_as=anna.pk, leave_out={odd.pk})
    services.name_face(odd, "Anna", owner)
    services.refuse_face(odd, owner)
    take_back(named.event, owner)
    assert Refusal.objects.filter(face=odd, person=anna).exists()


def test_a_guess_does_not_come_back_against_a_refusal(
    owner: User, member: User, cluster: Cluster, joined: tuple[Person, list[Face]]
) -> None:
    anna, faces = joined
    guess = faces[1]
    named = services.name_cluster(cluster, "Anna", owner, same_as=anna.pk)
    Refusal.objects.create(face=guess, person=anna, decided_by=member)
    take_back(named.event, owner)
    assert row(guess) == (None, "unknown", False, None)


def test_a_person_made_by_a_name_and_renamed_since_goes_with_it_or_stays_renamed(
    owner: User, member: User, house: House, cluster: Cluster
) -> None:
    named = services.name_cluster(cluster, "Oma", owner)
    services.rename_person(named.person, "Grandma", member)
    other = ClusterFactory()
    house.faces(2, 1, cluster=other)
    second = services.name_cluster(other, "Grandma", member, same_as=named.person.pk)
    assert take_back(named.event, owner) == ["Grandma stays: more faces were named since."]
    assert Person.objects.get().name == "Grandma"
    assert take_back(second.event, member) == []
    assert Person.objects.get().name == "Grandma", "this naming did not make her"
    third = services.name_cluster(cluster, "Opa", owner)
    services.rename_person(third.person, "Grandpa", owner)
    assert take_back(third.event, owner) == []
    assert set(Person.objects.values_list("name", flat=True)) == {"Grandma"}


def test_what_was_taken_back_is_not_taken_back_again(
    owner: User, cluster: Cluster, joined: tuple[Person, list[Face]]
) -> None:
    anna, faces = joined
    named = services.name_cluster(cluster, "Anna", owner, same_as=anna.pk)
    take_back(named.event, owner)
    again = services.name_cluster(cluster, "Anna", owner, same_as=anna.pk)
    now = [row(face) for face in faces]
    with pytest.raises(undo.AlreadyUndone):
        take_back(named.event, owner)
    assert [row(face) for face in faces] == now
    assert take_back(again.event, owner) == []


def test_a_person_who_is_gone_cannot_be_brought_back_piece_by_piece(owner: User, cluster: Cluster) -> None:
    named = services.name_cluster(cluster, "Oma", owner)
    renamed = services.rename_person(named.person, "Grandma", owner)
    assert renamed
    take_back(named.event, owner)
    renamed.refresh_from_db()
    assert undo.undo_event(renamed, owner) == ["The person is not there any more."]
