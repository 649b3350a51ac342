"""Other distances are tried in the shadow: nothing changes before somebody accepts it, and that can be taken back."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from faces import grouping, services, tasks, undo
from faces.models import Clustering, Event, Face, Person, Preview, Refusal
from faces.shadow import accepting, computing, distances, previews, rules
from faces.shadow.distances import Distances
from faces.shadow.fingerprint import fingerprint
from gallery import work
from gallery.models import Condition
from gallery.vision import catalog
from tests.faces.conftest import MODEL, House
from tests.factories import PersonFactory

NOW = Distances(0.40, 0.57, 0.50)
# The faces of one person are about 0.1 from each other.
STRICT = Distances(0.40, 0.57, 0.03)


def tried(by: User, wanted: Distances = STRICT) -> Preview:
    """A preview that is ready."""
    preview = previews.ask(MODEL, wanted, by)
    computing.run(preview.pk)
    preview.refresh_from_db()
    return preview


def everything() -> list[Any]:
    """All that a preview must not touch."""
    return [
        list(Face.objects.order_by("pk").values_list("pk", "person", "state", "cluster", "is_confirmed")),
        list(Clustering.objects.values_list("eps", "link_distance", "match_distance")),
        Refusal.objects.count(),
        Event.objects.count(),
    ]


@pytest.fixture
def tom(house: House, regroup: Callable[[], Clustering]) -> Person:
    """One face that somebody confirmed, and two guesses, one of them in the private library."""
    person: Person = PersonFactory(name="Tom")
    house.face(5, person=person, state="assigned", is_confirmed=True)
    house.face(5)
    house.face(5, is_private=True)
    regroup()
    assert person.faces.count() == 3
    return person


def test_a_preview_changes_nothing_and_says_what_would_change(tom: Person, house: House, admin: User) -> None:
    before = everything()
    preview = tried(admin)
    assert (preview.state, preview.error) == ("ready", "")
    assert everything() == before
    change = preview.result["people"][str(tom.pk)]
    assert {library: len(ids) for library, ids in change["losses"].items()} == {
        str(house.library.pk): 1,
        str(house.private.pk): 1,
    }
    assert change["kept"] == {str(house.library.pk): 1}
    assert preview.seen == fingerprint(MODEL)
    assert tried(admin, NOW).result["people"] == {}


@pytest.mark.slow
def test_a_face_that_was_looked_at_anew_is_not_judged_by_its_old_look(
    tom: Person, house: House, admin: User, admin_client: Client
) -> None:
    third = house.face(5)
    computing.run(previews.ask(MODEL, NOW, admin).pk)  # and third is a guess
    preview = tried(admin)
    Face.objects.filter(pk=third.pk).update(embedding_crc=1)
    address = reverse("faces:preview_person", args=[preview.pk, tom.pk])
    page = admin_client.post(address, follow=True).content.decode()
    assert "1 face looked at anew since is left as before." in page
    assert not third.refusals.exists()
    assert Refusal.objects.count() == 1
    with pytest.raises(rules.NotApplicable, match="looked at anew"):
        accepting.accept_person(preview, tom, admin)


def test_accepted_losses_are_refused_and_stay_so_and_can_be_taken_back(
    tom: Person, house: House, admin: User, owner: User, regroup: Callable[[], Clustering]
) -> None:
    preview = tried(admin)
    event, gained, lost = accepting.accept_person(preview, tom, admin)
    assert (gained, lost) == (0, 1)  # the private one is not the administrator's to decide about
    regroup()
    assert tom.faces.count() == 2
    assert tom.faces.filter(photo__library=house.private).exists()
    preview.refresh_from_db()
    assert preview.seen == fingerprint(MODEL), "what one accepts oneself does not put it out of date"
    with pytest.raises(rules.NotApplicable):
        accepting.accept_person(preview, tom, admin)
    assert undo.undo_event(event, admin) == []
    assert tom.faces.count() == 3
    assert not Refusal.objects.exists()
    accepting.accept_person(preview, tom, owner)
    assert tom.faces.count() == 1


@pytest.mark.slow
def test_accepted_gains_are_confirmed_and_stay_whatever_the_distances(
    house: House, admin: User, regroup: Callable[[], Clustering]
) -> None:
    anna: Person = PersonFactory(name="Anna")
    house.face(6, person=anna, state="assigned", is_confirmed=True)
    near, refused = house.face(6), house.face(6)
    other = house.face(7)
    Clustering.objects.update_or_create(model=MODEL, defaults={"match_distance": 0.03})
    regroup()
    assert anna.faces.count() == 1
    preview = tried(admin, NOW)
    services.name_face(other, "Bob", admin)
    Refusal.objects.create(face=refused, person=anna)
    event, gained, lost = accepting.accept_person(preview, anna, admin)
    assert (gained, lost) == (1, 0)
    regroup()
    near.refresh_from_db()
    assert (near.person, near.is_confirmed, near.decided_by) == (anna, True, admin)
    assert undo.undo_event(event, admin) == []
    regroup()
    assert anna.faces.count() == 1


def test_distances_can_be_used_from_now_on_and_taken_back(
    tom: Person, admin: User, regroup: Callable[[], Clustering]
) -> None:
    event = rules.use(tried(admin), admin)
    clustering = regroup()
    assert (clustering.eps, clustering.match_distance) == (None, 0.03), "what is as before is not written down"
    assert tom.faces.count() == 1
    assert event.kind == Event.Kind.RULES
    assert undo.undo_event(event, admin) == []
    assert regroup().match_distance is None
    assert tom.faces.count() == 3


def test_distances_that_were_changed_again_are_not_taken_back(tom: Person, admin: User) -> None:
    first = rules.use(tried(admin), admin)
    second = rules.use(tried(admin, Distances(0.40, 0.57, 0.04)), admin)
    with pytest.raises(undo.SomethingFirst, match="changed again"):
        undo.undo_event(first, admin)
    assert undo.undo_event(second, admin) == []
    first.refresh_from_db()
    assert undo.undo_event(first, admin) == [], "what could not be taken back then can be now"
    assert Clustering.objects.get(model=MODEL).match_distance is None


def test_a_new_preview_takes_the_place_of_one_that_waits_and_of_one_that_was_looked_at(
    tom: Person, admin: User
) -> None:
    ready = tried(admin)
    waiting = previews.ask(MODEL, NOW, admin)
    newest = previews.ask(MODEL, STRICT, admin)
    assert not Preview.objects.filter(pk=waiting.pk).exists()
    ready.refresh_from_db()
    assert (ready.state, ready.result) == ("done", {})
    Preview.objects.filter(pk=newest.pk).update(state="running", lease_owner=work.lease_owner())
    later = previews.ask(MODEL, NOW, admin)
    assert previews.claim(later.pk) is None, "one at a time"
    for _ in range(12):
        previews.discard(previews.ask(MODEL, NOW, admin))
    assert Preview.objects.count() < 9


def test_a_preview_whose_worker_ended_is_made_again_three_times(tom: Person, admin: User) -> None:
    preview = previews.ask(MODEL, STRICT, admin)
    for attempt in range(3):
        assert previews.claim(preview.pk) is not None
        previews.sweep()
        preview.refresh_from_db()
        assert preview.state == "running", "its worker may be alive"
        Preview.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
        previews.sweep()
        preview.refresh_from_db()
        assert preview.state == ("waiting" if attempt < 2 else "failed")
    assert preview.error == previews.KILLED
    assert previews.retry(preview)
    computing.run(preview.pk)
    preview.refresh_from_db()
    assert preview.state == "ready"


def test_one_that_was_given_up_while_it_was_made_writes_nothing(
    tom: Person, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    preview = previews.ask(MODEL, STRICT, admin)
    compute = computing.compute

    def given_up(*arguments: Any) -> grouping.Result:
        previews.discard(preview)
        return compute(*arguments)

    monkeypatch.setattr(computing, "compute", given_up)
    computing.run(preview.pk)
    preview.refresh_from_db()
    assert (preview.state, preview.result) == ("done", {})


def test_what_goes_wrong_is_told(tom: Person, admin: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(computing, "compute", lambda *arguments: 1 / 0)
    preview = tried(admin)
    assert preview.state == "failed"
    assert "ZeroDivisionError" in preview.error


def test_faces_and_people_may_change_while_a_preview_is_made_and_after(tom: Person, admin: User) -> None:
    preview = tried(admin)
    Face.objects.filter(person=tom, is_confirmed=False).first().delete()  # type: ignore[union-attr]
    assert preview.seen != fingerprint(MODEL)
    person = Person.objects.get(pk=tom.pk)
    Face.objects.filter(person=tom).update(person=None, state="unknown", is_confirmed=False)
    tom.delete()
    with pytest.raises(rules.NotApplicable, match="not there any more"):
        accepting.accept_person(preview, person, admin)
    rules.use(preview, admin)


def test_nothing_is_begun_on_a_full_disk(tom: Person, admin: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gallery.thumbnails.free_bytes", lambda: 1_000_000)
    assert tried(admin).state == "waiting"


def test_a_database_without_room_is_told_and_the_preview_goes_on_later(
    tom: Person, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any, **columns: Any) -> bool:
        cause = sqlite3.OperationalError("database or disk is full")
        cause.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise OperationalError("database or disk is full") from cause

    preview = previews.ask(MODEL, STRICT, admin)
    with monkeypatch.context() as patched:
        patched.setattr(previews, "close", full)
        tasks.preview(preview.pk)
    assert Condition.objects.filter(key="disk-full").exists()
    Preview.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    previews.sweep()
    tasks.preview(preview.pk)
    preview.refresh_from_db()
    assert preview.state == "ready"


def test_distances_are_chosen_else_measured_else_the_catalogs(db: None) -> None:
    spec = catalog.model(MODEL)
    clustering = Clustering(model=MODEL, eps=0.41, calibration={"eps": 0.38, "match_distance": 0.48, "pairs": 12})
    assert distances.in_force(clustering, spec) == Distances(0.41, 0.57, 0.48)
    assert distances.by_itself(clustering, spec) == Distances(0.38, 0.57, 0.48)
    assert distances.in_force(None, spec) == NOW
    assert distances.allowed(spec, "eps") == (0.3, 0.5)
