"""A switch is asked for on a page and made by a worker, with a lease, attempts and a reason when it cannot be."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from faces import tasks, undo
from faces.models import Clustering, Event, Face, Preview
from faces.shadow import models, previews, rules, switching
from gallery.models import AnalyzerVersion
from tests.faces.conftest import MODEL
from tests.faces.switching.conftest import OTHER, WAS, embeddings, in_photo, tried

pytestmark = pytest.mark.weights


def test_a_switch_that_was_asked_for_is_stopped_before_a_worker_begins_and_not_later(
    faces: list[Face], admin: User, admin_client: Client
) -> None:
    preview = tried(admin)
    switching.ask(preview, admin)
    stop = reverse("faces:preview_discard", args=[preview.pk])
    page = admin_client.post(stop, follow=True).content.decode()
    assert "Switch to otherface" in page, "what was tried is there as before"
    tasks.switch(preview.pk)
    assert models.present() == MODEL
    switching.ask(preview, admin)
    Preview.objects.update(lease_owner="elsewhere@1:1:1", lease_until=timezone.now() + dt.timedelta(minutes=1))
    page = admin_client.post(stop, follow=True).content.decode()
    assert "switching at this moment" in page
    assert "Do not switch" not in page
    tasks.switch(preview.pk)
    assert models.present() == MODEL, "another worker is at it"
    with pytest.raises(rules.NotApplicable, match="at this moment"):
        switching.ask(preview, admin)


def test_a_worker_that_ends_in_the_middle_leaves_nothing_half_done_and_another_goes_on(
    faces: list[Face], admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    preview, before = tried(admin), embeddings()
    switching.ask(preview, admin)
    with monkeypatch.context() as patch:
        patch.setattr(rules, "_choose", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
        for attempt in range(3):
            with pytest.raises(KeyboardInterrupt):
                tasks.switch(preview.pk)
            preview.refresh_from_db()
            assert (preview.state, preview.attempts) == ("switching", attempt + 1)
            assert embeddings() == before
            Preview.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    woken: list[tuple[str, int]] = []
    monkeypatch.setattr(previews.work, "wake", lambda task, pk: woken.append((task, pk)))
    previews.wake_switches()
    assert woken == [("faces.tasks.switch", preview.pk)]
    tasks.switch(preview.pk)
    preview.refresh_from_db()
    assert (preview.state, preview.error) == ("ready", switching.KILLED)
    switching.ask(preview, admin)
    tasks.switch(preview.pk)
    preview.refresh_from_db()
    assert (preview.state, preview.is_accepted, preview.error, preview.lease_owner) == ("done", True, "", "")
    assert models.present() == OTHER


@pytest.mark.slow
def test_what_stands_against_a_switch_is_said_where_it_was_asked_for(
    faces: list[Face], admin: User, admin_client: Client
) -> None:
    preview = tried(admin)
    address = reverse("faces:preview_detail", args=[preview.pk])
    switching.ask(preview, admin)
    AnalyzerVersion.objects.update(version="yunet@8f2383e4 mobilefacenet@e8e15de7 0")
    tasks.switch(preview.pk)
    page = admin_client.get(address).content.decode()
    assert "PictoPy could not switch. PictoPy was just updated" in page
    assert "Switch to otherface" in page
    AnalyzerVersion.objects.update(version=WAS)
    switching.ask(preview, admin)
    tasks.switch(preview.pk)
    event = Event.objects.get()
    way_back = switching.ask_back(event, admin)
    Clustering.objects.update(match_distance=0.44)
    tasks.switch(way_back.pk)
    page = admin_client.get(reverse("faces:preview_detail", args=[way_back.pk])).content.decode()
    assert f"{MODEL} could not be brought back. The distances were changed again since." in page
    said = admin_client.post(reverse("faces:event_undo", args=[event.pk]), follow=True).content.decode()
    assert "The distances were changed again since." in said
    Clustering.objects.update(match_distance=None)
    again = switching.ask_back(event, admin)
    assert not Preview.objects.filter(pk=way_back.pk).exists(), "one at a time is told of"
    tasks.switch(again.pk)
    assert models.present() == MODEL


@pytest.mark.slow
def test_a_switch_asks_as_many_statements_however_many_faces_there_are(faces: list[Face], admin: User) -> None:
    def statements() -> int:
        preview = tried(admin)
        switching.ask(preview, admin)
        with CaptureQueriesContext(connection) as queries:
            tasks.switch(preview.pk)
        assert models.present() == OTHER
        undo.undo_event(Event.objects.latest("pk"), admin)
        return len(queries)

    statements()
    few = statements()
    for face in faces[1:3]:
        in_photo(face.photo, 0.3)
    assert statements() == few


# Not slow: only the quick tests run on PostgreSQL.
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer: set DATABASE_URL")
@pytest.mark.django_db(transaction=True)
def test_no_page_waits_while_a_worker_switches(
    faces: list[Face], admin: User, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    preview = tried(admin)
    switching.ask(preview, admin)
    is_in_the_middle, may_go_on = threading.Event(), threading.Event()
    choose = rules._choose

    def slowly(*args: Any) -> Any:
        is_in_the_middle.set()
        assert may_go_on.wait(30)
        return choose(*args)

    def work() -> None:
        try:
            tasks.switch(preview.pk)
        finally:
            connection.close()

    monkeypatch.setattr(rules, "_choose", slowly)
    worker = threading.Thread(target=work)
    worker.start()
    try:
        assert is_in_the_middle.wait(30)
        detail = reverse("faces:preview_detail", args=[preview.pk])
        assert "Switching to otherface." in admin_client.get(detail).content.decode()
        assert (
            "switching at this moment"
            in admin_client.post(reverse("faces:preview_discard", args=[preview.pk]), follow=True).content.decode()
        )
        again = admin_client.post(reverse("faces:preview_use", args=[preview.pk]), follow=True)
        assert "switching to another model at this moment" in again.content.decode()
        once_more = admin_client.post(reverse("faces:recognition_try"), {"model": OTHER})
        assert once_more.headers["Location"] == detail
        assert "PictoPy is switching to it." in admin_client.get(reverse("faces:recognition")).content.decode()
        assert worker.is_alive(), "nothing of it waited"
    finally:
        may_go_on.set()
        worker.join(30)
    assert models.present() == OTHER
