"""Between asking for a switch and its end: workers that end, messages that are lost, and people who press again."""

from __future__ import annotations

import datetime as dt
import os
import threading

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django import DjangoCaptureOnCommitCallbacks

from faces import tasks
from faces.models import Event, Face, Person, Preview
from faces.shadow import accepting, computing, distances, models, previews, rules, switching
from gallery import tasks as gallery_tasks
from gallery import work
from gallery.models import AnalyzerVersion, Photo, WorkState
from gallery.vision import catalog
from tests.faces.conftest import MODEL
from tests.faces.switching.conftest import OTHER, WAS, tried

pytestmark = pytest.mark.weights

# A process of this machine that ended: ours, but begun at another time.
GONE = f"{work.machine()}:{os.getpid()}:1"


def held_by(owner: str) -> None:
    """As if a worker had begun a moment ago."""
    Preview.objects.update(lease_owner=owner, lease_until=timezone.now() + dt.timedelta(minutes=1), attempts=1)


def page_of(preview: Preview, client: Client) -> str:
    return client.get(reverse("faces:preview_detail", args=[preview.pk])).content.decode()


def press(what: str, preview: Preview, client: Client) -> str:
    return client.post(reverse(f"faces:preview_{what}", args=[preview.pk]), follow=True).content.decode()


@pytest.mark.parametrize("owner", ["", GONE], ids=["a lost message", "a worker that ended"])
def test_a_switch_is_woken_within_a_minute_also_while_photos_are_ready(
    faces: list[Face],
    photos: list[Photo],
    admin: User,
    owner: str,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    preview = tried(admin)
    switching.ask(preview, admin)
    if owner:
        held_by(owner)
    Photo.objects.filter(pk=photos[0].pk).update(work_state=WorkState.READY)
    OrmQ.objects.all().delete()
    with django_capture_on_commit_callbacks(execute=True):
        gallery_tasks.sweep()
    assert work.has_ready_photos()
    messages = [(message.func(), message.args()) for message in OrmQ.objects.all()]
    assert messages.count((previews.SWITCH, (preview.pk,))) == 1
    tasks.switch(preview.pk)
    assert models.present() == OTHER


def test_a_switch_that_a_worker_is_at_is_not_woken(
    faces: list[Face], admin: User, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    switching.ask(tried(admin), admin)
    held_by("elsewhere@1:1:1")
    with django_capture_on_commit_callbacks() as messages:
        previews.wake_switches()
    assert not messages
    held_by(GONE)
    with django_capture_on_commit_callbacks() as messages:
        previews.wake_switches()
    assert len(messages) == 1


def test_when_its_worker_ended_a_switch_can_be_stopped(faces: list[Face], admin: User, admin_client: Client) -> None:
    preview = tried(admin)
    switching.ask(preview, admin)
    held_by("elsewhere@1:1:1")
    page = page_of(preview, admin_client)
    assert "Names can be given again when it is done." in page
    assert "Do not switch" not in page
    held_by(GONE)
    page = page_of(preview, admin_client)
    assert "as soon as a worker is free" in page
    assert "Names can be given again" not in page, "nothing holds them up"
    assert "Do not switch" in page
    assert "switching at this moment" not in press("discard", preview, admin_client)
    preview.refresh_from_db()
    assert (preview.state, preview.attempts, preview.lease_owner, preview.lease_until) == ("ready", 0, "", None)
    assert preview.result, "what was tried is there as before"


@pytest.mark.slow
def test_when_its_worker_ended_a_way_back_can_be_stopped(faces: list[Face], admin: User, admin_client: Client) -> None:
    preview = tried(admin)
    switching.ask(preview, admin)
    tasks.switch(preview.pk)
    way_back = switching.ask_back(Event.objects.get(), admin)
    held_by(GONE)
    assert "Stopped. Nothing was changed." in press("discard", way_back, admin_client)
    tasks.switch(way_back.pk)
    assert models.present() == OTHER


@pytest.mark.parametrize("columns", [{"is_staff": False}, {"is_active": False}], ids=["no administrator", "closed"])
def test_who_may_not_switch_any_more_switches_nothing(faces: list[Face], admin: User, columns: dict[str, bool]) -> None:
    asking = User.objects.create_user("asking", is_staff=True)
    preview = tried(admin)
    switching.ask(preview, asking)
    User.objects.filter(pk=asking.pk).update(**columns)
    tasks.switch(preview.pk)
    preview.refresh_from_db()
    assert preview.state == "ready"
    assert ("no administrator any more" if "is_staff" in columns else "is closed") in preview.error
    assert models.present() == MODEL
    switching.ask(preview, admin)
    tasks.switch(preview.pk)
    way_back = switching.ask_back(Event.objects.get(), asking)
    tasks.switch(way_back.pk)
    way_back.refresh_from_db()
    assert way_back.state == "failed"
    assert models.present() == OTHER


def test_of_one_model_one_preview_is_there_also_when_it_could_not_be_switched_to(
    faces: list[Face], admin: User, admin_client: Client
) -> None:
    preview = tried(admin)
    switching.ask(preview, admin)
    again = admin_client.post(reverse("faces:recognition_try"), {"model": OTHER}).headers["Location"]
    assert again == reverse("faces:preview_detail", args=[preview.pk]), "it is being put in use"
    AnalyzerVersion.objects.update(version="yunet@8f2383e4 mobilefacenet@e8e15de7 0")
    tasks.switch(preview.pk)
    assert list(Preview.objects.values_list("pk", "state")) == [(preview.pk, "ready")]
    AnalyzerVersion.objects.update(version=WAS)
    assert tried(admin).pk > preview.pk, "and may be tried again"


def test_what_waits_is_not_tried_while_its_model_comes_into_use(faces: list[Face], admin: User) -> None:
    preview = tried(admin)
    waiting = previews.ask(OTHER, distances.by_itself(None, catalog.model(OTHER)), admin)
    Preview.objects.filter(pk=preview.pk).update(state="switching", used_by=admin.pk)  # it was ready in that moment
    computing.run(waiting.pk)
    assert dict(Preview.objects.values_list("pk", "state")) == {preview.pk: "switching", waiting.pk: "waiting"}
    AnalyzerVersion.objects.update(version="yunet@8f2383e4 mobilefacenet@e8e15de7 0")
    tasks.switch(preview.pk)
    AnalyzerVersion.objects.update(version=WAS)
    computing.run(waiting.pk)
    assert dict(Preview.objects.values_list("pk", "state")) == {preview.pk: "done", waiting.pk: "ready"}


def test_who_presses_again_is_told_that_it_is_in_use(faces: list[Face], admin: User, admin_client: Client) -> None:
    preview, anna = tried(admin), Person.objects.get()
    switching.ask(preview, admin)
    with pytest.raises(rules.NotApplicable, match="switching to otherface at this moment"):
        accepting.accept_person(preview, anna, admin)
    tasks.switch(preview.pk)
    with pytest.raises(rules.NotApplicable, match="in use already"):
        accepting.accept_person(preview, anna, admin)
    for button in ("use", "discard"):
        page = press(button, preview, admin_client)
        assert "This was put in use already." in page
        assert "put away" not in page
        assert "Nothing was changed" not in page
    assert Event.objects.count() == 1


@pytest.mark.slow
def test_the_administration_says_that_a_worker_takes_a_switch_back(
    faces: list[Face], photos: list[Photo], admin: User, admin_client: Client
) -> None:
    preview = tried(admin)
    switching.ask(preview, admin)
    tasks.switch(preview.pk)
    event = Event.objects.get()
    journal = reverse("admin:faces_event_changelist")
    data = {"action": "take_back", "_selected_action": [event.pk]}
    page = admin_client.post(journal, data, follow=True).content.decode()
    assert "A worker takes the switch back" in page
    assert "taken back." not in page
    tasks.switch(Preview.objects.get(is_way_back=True).pk)
    assert models.present() == MODEL
    assert "0 entries were taken back." in admin_client.post(journal, data, follow=True).content.decode()


# Not slow: only the quick tests run on PostgreSQL.
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer: set DATABASE_URL")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_way_back", [False, True], ids=["there", "back"])
def test_a_worker_that_begins_while_somebody_stops_it_is_told_of(
    faces: list[Face], admin: User, admin_client: Client, monkeypatch: pytest.MonkeyPatch, is_way_back: bool
) -> None:
    """Whatever was read a moment before: what was switched is never told to be unchanged."""
    preview = tried(admin)
    switching.ask(preview, admin)
    if is_way_back:
        tasks.switch(preview.pk)
        preview = switching.ask_back(Event.objects.get(), admin)
    is_held, workers = previews.is_held, []

    def work_off() -> None:
        try:
            tasks.switch(preview.pk)
        finally:
            connection.close()

    def late(asked: Preview) -> bool:
        held = is_held(asked)
        if not workers:
            workers.append(threading.Thread(target=work_off))
            workers[0].start()
            workers[0].join(30)
        return held

    monkeypatch.setattr(previews, "is_held", late)
    page = press("discard", preview, admin_client)
    assert models.present() == (MODEL if is_way_back else OTHER)
    assert "This was put in use already." in page
    assert "Nothing was changed" not in page
