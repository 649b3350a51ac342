"""Clustering as a job: what it writes, what it keeps, what it leaves alone, and that only one worker does it."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from faces import grouping, revisions
from faces.analyzer import FacesAnalyzer
from faces.clustering import DynamicDBSCAN
from faces.grouping import groups as groups_module
from faces.models import Cluster, Clustering, Face, FacePair, Person, Refusal
from gallery import work
from gallery.models import Photo
from tests.faces.conftest import MODEL, House, groups, ids, look
from tests.factories import ClusterFactory, PersonFactory, PhotoFactory

Regroup = Callable[[], Clustering]


def confirm(face: Face, person: Person, by: User | None = None) -> None:
    Face.objects.filter(pk=face.pk).update(person=person, state=Face.State.ASSIGNED, is_confirmed=True, decided_by=by)


def person_of(face: Face) -> Person | None:
    face.refresh_from_db()
    return face.person


def test_faces_that_look_alike_become_a_suggestion(house: House, regroup: Regroup) -> None:
    anna, tom = house.faces(1, 4), house.faces(2, 3)
    house.face(3)
    clustering = regroup()
    assert groups() == {ids(anna), ids(tom)}
    assert sorted(Cluster.objects.values_list("size", flat=True)) == [3, 4]
    assert (clustering.face_count, clustering.cluster_count) == (8, 2)
    assert not revisions.is_stale(clustering)


def test_two_faces_of_one_photo_are_never_in_one_suggestion(house: House, regroup: Regroup) -> None:
    faces = house.faces(1, 3)
    house.face(1, photo=faces[0].photo)
    regroup()
    for group in groups():
        photos = list(Face.objects.filter(pk__in=group).values_list("photo_id", flat=True))
        assert len(photos) == len(set(photos))


def test_blurred_faces_set_aside_faces_and_trashed_photos_are_left_out(house: House, regroup: Regroup) -> None:
    faces = house.faces(1, 6)
    regroup()
    assert groups() == {ids(faces)}
    Face.objects.filter(pk=faces[0].pk).update(quality=0.1)
    Face.objects.filter(pk=faces[1].pk).update(state=Face.State.NOT_A_FACE)
    Photo.objects.filter(pk=faces[2].photo_id).update(trashed_at=timezone.now())
    regroup()
    assert groups() == {ids(faces[3:])}


def test_faces_that_are_only_fair_join_a_group_and_start_none(house: House, regroup: Regroup) -> None:
    fair = house.faces(1, 3, quality=0.3)
    regroup()
    assert not Cluster.objects.exists()
    good = house.faces(1, 2)
    regroup()
    assert set(Cluster.objects.get().faces.all()) == {*fair, *good}


def test_of_two_faces_that_are_compared_one_has_to_be_good(house: House, regroup: Regroup) -> None:
    person = PersonFactory(name="Tom")
    confirm(house.face(1, quality=0.3), person)
    fair, good = house.face(1, quality=0.3), house.face(1)
    regroup()
    assert person_of(fair) is None
    assert person_of(good) == person
    confirm(good, person)
    regroup()
    assert person_of(fair) == person


def test_a_face_without_an_embedding_disturbs_nobody(house: House, regroup: Regroup) -> None:
    faces = house.faces(1, 2)
    house.face(1, embedding=b"")
    house.face(1, embedding=None)
    house.face(1, embedding=b"\0" * 512)
    regroup()
    assert groups() == {ids(faces)}


def test_a_suggestion_keeps_its_address_while_it_grows(house: House, regroup: Regroup) -> None:
    faces = house.faces(1, 3)
    regroup()
    before = Cluster.objects.get()
    faces += house.faces(1, 3)
    regroup()
    assert Cluster.objects.get() == before
    assert groups() == {ids(faces)}


def test_when_two_suggestions_become_one_the_larger_keeps_its_address(house: House, regroup: Regroup) -> None:
    small, large = ClusterFactory(), ClusterFactory()
    faces = [*house.faces(1, 2, cluster=small), *house.faces(1, 3, cluster=large)]
    regroup()
    assert groups() == {ids(faces)}
    assert Cluster.objects.get() == large


def test_a_run_that_changes_nothing_writes_no_face(house: House, regroup: Regroup) -> None:
    house.faces(1, 4)
    regroup()
    with CaptureQueriesContext(connection) as queries:
        regroup()
    assert not [query for query in queries if query["sql"].startswith('UPDATE "faces_face"')]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.slow
def test_after_any_adding_and_deleting_the_groups_are_those_of_a_fresh_run(
    house: House, regroup: Regroup, seed: int
) -> None:
    chance = random.Random(seed)
    for _ in range(6):
        if chance.random() < 0.6 or Photo.objects.count() < 6:
            for _ in range(chance.randint(1, 6)):
                # Much noise: neighbourhoods overlap, chains form and break.
                who, shot = chance.randint(1, 3), chance.randint(1, 10_000)
                house.face(who, embedding=look(who, shot, noise=0.95))
        else:
            gone = chance.sample(list(Photo.objects.values_list("pk", flat=True)), chance.randint(1, 5))
            Photo.objects.filter(pk__in=gone).delete()
        regroup()
    kept = groups()
    Face.objects.update(cluster=None)
    Cluster.objects.all().delete()
    regroup()
    assert groups() == kept


def test_photos_that_vanish_without_a_word_are_noticed(house: House, regroup: Regroup) -> None:
    faces = house.faces(1, 3)
    clustering = regroup()
    faces[0].photo.delete()
    assert clustering.wanted == clustering.done
    assert revisions.is_stale(clustering)
    grouping.run(clustering.pk)
    clustering.refresh_from_db()
    assert not revisions.is_stale(clustering)
    assert groups() == {ids(faces[1:])}


def test_a_settled_analyzer_wakes_a_worker_only_when_something_changed(
    house: House, regroup: Regroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[tuple[Any, ...]] = []
    monkeypatch.setattr(work, "wake", lambda *args: woken.append(args))
    face = house.face(1)
    clustering = regroup()
    FacesAnalyzer().settle()
    assert woken == []
    face.photo.delete()
    FacesAnalyzer().settle()
    assert woken == [(revisions.REGROUP, clustering.pk)]


def test_a_worker_that_is_at_it_is_not_disturbed(house: House) -> None:
    house.faces(1, 2)
    revisions.count_up([MODEL], wake=False, faces=True)
    later = timezone.now() + dt.timedelta(minutes=5)
    Clustering.objects.update(lease_owner="elsewhere:1:1", lease_until=later)
    grouping.run(Clustering.objects.get().pk)
    assert groups() == set()


@pytest.mark.parametrize("is_expired", [True, False])
def test_the_lease_of_a_dead_worker_is_taken_over(house: House, is_expired: bool) -> None:
    faces = house.faces(1, 2)
    revisions.count_up([MODEL], wake=False, faces=True)
    until = timezone.now() + dt.timedelta(minutes=-1 if is_expired else 5)
    owner = "elsewhere:1:1" if is_expired else work.lease_owner().rpartition(":")[0] + ":0"
    Clustering.objects.update(lease_owner=owner, lease_until=until)
    grouping.run(Clustering.objects.get().pk)
    assert groups() == {ids(faces)}
    assert Clustering.objects.get().lease_owner == ""


def test_a_worker_that_lost_its_lease_writes_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.faces(1, 2)
    revisions.count_up([MODEL], wake=False, faces=True)
    compute = groups_module.follow

    def slowly(*args: Any) -> Any:
        Clustering.objects.update(lease_owner="another:2:2")
        return compute(*args)

    monkeypatch.setattr(groups_module, "follow", slowly)
    grouping.run(Clustering.objects.get().pk)
    assert groups() == set()


def test_an_error_is_noted_and_not_tried_again_at_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.faces(1, 2)
    revisions.count_up([MODEL], wake=False, faces=True)
    clustering = Clustering.objects.get()

    def fail(*args: Any) -> Any:
        raise MemoryError("too many")

    monkeypatch.setattr(groups_module, "follow", fail)
    with pytest.raises(MemoryError):
        grouping.run(clustering.pk)
    clustering.refresh_from_db()
    assert clustering.error == "MemoryError: too many"
    assert revisions.is_running(clustering)


# ---- People


def test_a_decision_moves_names_without_making_the_groups_anew(
    house: House, regroup: Regroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = PersonFactory()
    faces = house.faces(1, 4)
    regroup()
    before = groups()
    monkeypatch.setattr(DynamicDBSCAN, "build", lambda *args, **options: pytest.fail("made anew"))
    confirm(faces[0], anna)
    revisions.count_up([MODEL], wake=False, faces=False)
    grouping.run(Clustering.objects.get().pk)
    assert [person_of(face) for face in faces] == [anna] * 4
    assert groups() == before


def test_other_rules_make_the_groups_anew(house: House, regroup: Regroup, monkeypatch: pytest.MonkeyPatch) -> None:
    house.faces(1, 4)
    clustering = regroup()
    monkeypatch.setattr(revisions, "CODE", "another")
    assert revisions.is_stale(clustering)
    assert revisions.are_groups_stale(clustering, revisions.fingerprint(MODEL))


def test_new_faces_go_to_the_person_of_the_nearest_confirmed_face(house: House, regroup: Regroup) -> None:
    anna, tom = PersonFactory(name="Anna"), PersonFactory(name="Tom")
    confirm(house.face(1), anna)
    confirm(house.face(2), tom)
    guesses = [house.face(1), house.face(2), house.face(3)]
    regroup()
    assert [person_of(face) for face in guesses] == [anna, tom, None]
    assert not any(face.is_confirmed for face in guesses)


def test_a_confirmed_face_never_moves(house: House, regroup: Regroup) -> None:
    anna, tom = PersonFactory(), PersonFactory()
    for face in house.faces(1, 5):
        confirm(face, anna)
    odd = house.face(1)
    confirm(odd, tom)
    alone = house.face(9)
    confirm(alone, anna)
    regroup()
    assert person_of(odd) == tom
    assert person_of(alone) == anna


def test_a_guess_is_taken_back_when_its_reason_is_gone(house: House, regroup: Regroup) -> None:
    anna = PersonFactory()
    reason, guess = house.faces(1, 2)
    confirm(reason, anna)
    regroup()
    assert person_of(guess) == anna
    Face.objects.filter(pk=reason.pk).delete()
    regroup()
    assert person_of(guess) is None


def test_a_refusal_is_obeyed_by_every_later_run(house: House, regroup: Regroup) -> None:
    anna = PersonFactory()
    reason, guess = house.faces(1, 2)
    confirm(reason, anna)
    Refusal.objects.create(face=guess, person=anna)
    regroup()
    assert person_of(guess) is None
    house.faces(1, 3)
    regroup()
    assert person_of(guess) is None


def test_nobody_is_twice_in_one_photo(house: House, regroup: Regroup) -> None:
    anna = PersonFactory()
    confirmed = house.face(1)
    confirm(confirmed, anna)
    photo = PhotoFactory(library=house.library)
    near = house.face(1, photo=photo, embedding=look(1, 50, noise=0.1))
    far = house.face(1, photo=photo, embedding=look(1, 51, noise=0.6))
    beside = house.face(1, photo=confirmed.photo)
    regroup()
    assert (person_of(near), person_of(far), person_of(beside)) == (anna, None, None)


def test_decisions_made_while_it_computes_stand(
    house: House, owner: User, regroup: Regroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, tom, gone = PersonFactory(), PersonFactory(), PersonFactory()
    reference = house.faces(1, 2)
    confirm(reference[0], anna)
    confirm(house.face(5), gone)
    refused, named, deleted, of_gone = house.face(1), house.face(2), house.face(1), house.face(5)
    compute, calls = groups_module.follow, list[int]()

    def meanwhile(*args: Any) -> Any:
        if not calls:
            Refusal.objects.create(face=refused, person=anna)
            confirm(named, tom, owner)
            deleted.photo.delete()
            Face.objects.filter(person=gone).delete()
            gone.delete()
        calls.append(1)
        return compute(*args)

    monkeypatch.setattr(groups_module, "follow", meanwhile)
    regroup()
    assert person_of(refused) is None
    assert person_of(named) == tom
    assert named.is_confirmed
    assert person_of(of_gone) is None
    assert len(calls) == 2, "what changed meanwhile is followed by another round"
    assert not revisions.is_stale(Clustering.objects.get())


def test_whom_a_face_or_a_group_is_near_is_written_as_a_question(house: House, regroup: Regroup) -> None:
    known, far, also_far = house.faces(1, 3)
    anna = PersonFactory(name="Anna")
    confirm(known, anna)
    Face.objects.filter(pk=far.pk).update(embedding=look(1, 77, noise=1.6))
    Face.objects.filter(pk=also_far.pk).update(embedding=look(1, 77, noise=1.6))
    regroup()
    far.refresh_from_db()
    assert (far.person, far.near_person) == (None, anna)
    assert far.near_distance == pytest.approx(0.54, abs=0.03)
    cluster = Cluster.objects.get(pk=far.cluster_id)
    assert (cluster.near_person, cluster.near_distance) == (anna, pytest.approx(far.near_distance))
    Refusal.objects.create(face=far, person=anna)
    Refusal.objects.create(face=also_far, person=anna)
    regroup()
    far.refresh_from_db()
    cluster.refresh_from_db()
    assert (far.near_person, far.near_distance, cluster.near_person) == (None, None, None)


def test_pairs_of_faces_are_obeyed_by_the_job(house: House, regroup: Regroup) -> None:
    known, near, stranger = house.face(1), house.face(1), house.face(9)
    anna = PersonFactory(name="Anna")
    confirm(known, anna)
    FacePair.objects.create(one=known, other=near, is_same=False)
    pair = FacePair.objects.create(one=known, other=stranger, is_same=True)
    clustering = regroup()
    assert (person_of(near), person_of(stranger)) == (None, anna)
    FacePair.objects.filter(pk=pair.pk).update(is_same=False)
    assert revisions.is_stale(clustering)
