"""Naming, renaming, refusing, covers, hiding; and taking each of them back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.http import Http404

from faces import services, undo
from faces.access import get_cluster, get_event
from faces.models import Cluster, Clustering, Event, Face, Person, Refusal
from tests.faces.conftest import House
from tests.factories import ClusterFactory, FaceFactory, LibraryFactory, PersonFactory, PhotoFactory

Regroup = Callable[[], Clustering]


@pytest.fixture
def cluster(house: House) -> Cluster:
    """Three faces in the household's photos and one in Anna's private library."""
    made: Cluster = ClusterFactory(size=4)
    house.faces(1, 3, cluster=made)
    house.face(1, cluster=made, is_private=True)
    return made


def faces_of(person: Person) -> list[Face]:
    return list(Face.objects.filter(person=person).order_by("pk"))


def take_back(event: Event | None, by: User) -> list[str]:
    assert event is not None
    return undo.undo_event(get_event(by, event.pk), by)


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


# ---- Undoing a name that joined somebody who was there before


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
