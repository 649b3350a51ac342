"""Examinations by a worker: claimed, told, killed and taken up again; and the page of administrators."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gallery import tasks, work
from gallery.doctor import registry, running
from gallery.doctor.registry import Check, Finding, Look
from gallery.models import Checkup, File, Library, Photo, WorkState
from tests.factories import LibraryFactory, PhotoFactory

pytestmark = pytest.mark.django_db
PAGE = "/doctor/"


@pytest.fixture
def only() -> Iterator[dict[str, Check]]:
    """The registry, which a test may fill; as it was afterwards."""
    before = dict(registry._checks)
    registry._checks.clear()
    yield registry._checks
    registry._checks.clear()
    registry._checks.update(before)


def check(name: str, find: Any, **options: Any) -> Check:
    return Check(name, f"Title of {name}", "Explained.", "Advised.", find, **options)


def page(client: Client) -> str:
    return str(client.get(PAGE).content.decode())


def test_a_worker_looks_at_everything_but_what_reads_every_original() -> None:
    running.request()
    tasks.doctor()
    checkup = Checkup.objects.get()
    assert (checkup.work_state, checkup.attempts, checkup.lease_owner) == (WorkState.DONE, 1, "")
    names = {row["name"] for row in checkup.results}
    assert names == {check.name for check in registry.all_checks() if check.speed != "content"}
    assert not [row for row in checkup.results if row["error"]]


def test_with_content_the_worker_does_all_checks() -> None:
    running.request()
    running.request(with_content=True)  # as one: the first had not begun
    tasks.doctor()
    assert {row["name"] for row in Checkup.objects.get().results} == {check.name for check in registry.all_checks()}


def test_who_asks_twice_gets_one_examination() -> None:
    first, second = running.request(), running.request()
    assert first == second
    fix = running.request(fix="photos-stuck")
    assert fix == running.request(fix="photos-stuck") != first


def test_a_check_that_stumbles_does_not_hide_the_others(only: dict[str, Check]) -> None:
    def stumbles(look: Look) -> Finding:
        raise OSError("the drive hangs")

    def finds(look: Look) -> Finding:
        return Finding(2, [])

    registry.register(check("first", stumbles), check("second", finds))
    running.request()
    tasks.doctor()
    rows = Checkup.objects.get().results
    assert [(row["name"], row["count"], row["error"]) for row in rows] == [
        ("first", 0, "OSError. The log says more."),
        ("second", 2, ""),
    ]


def test_progress_is_written_and_keeps_the_lease(only: dict[str, Check], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_NOTE_S", -1)
    seen = []

    def finds(look: Look) -> Finding:
        Checkup.objects.update(lease_until="2020-01-01T00:00:00Z")
        look.progress(30, 100)
        row = Checkup.objects.get()
        seen.append((row.step, row.done, row.total, row.lease_until is not None and row.lease_until > timezone.now()))
        return Finding()

    registry.register(check("long", finds, speed="slow"))
    running.request()
    tasks.doctor()
    assert seen == [("Title of long", 30, 100, True)]


def test_who_lost_the_lease_writes_nothing_more(only: dict[str, Check]) -> None:
    def finds(look: Look) -> Finding:
        Checkup.objects.update(lease_owner="somebody else")
        return Finding(1, [])

    registry.register(check("long", finds))
    running.request()
    tasks.doctor()
    row = Checkup.objects.get()
    assert (row.work_state, row.results, row.lease_owner) == (WorkState.CLAIMED, [], "somebody else")


def test_an_examination_of_a_dead_worker_is_taken_up_and_given_up_at_the_third_time() -> None:
    checkup = running.request()
    for attempts, state in ((1, WorkState.READY), (2, WorkState.READY), (3, WorkState.FAILED)):
        Checkup.objects.filter(pk=checkup.pk).update(
            work_state=WorkState.CLAIMED, attempts=attempts, lease_owner=f"{work.machine()}:999999999:1",
            lease_until="2100-01-01T00:00:00Z",
        )  # fmt: skip
        tasks.sweep()
        checkup.refresh_from_db()
        assert checkup.work_state == state
    assert "ended three times" in checkup.error


@pytest.mark.slow
def test_the_page_says_what_is_quick_at_once_and_what_is_slow_when_a_worker_looked(admin_client: Client) -> None:
    photo = PhotoFactory(file="Rome/a.jpg")
    File.objects.all().delete()
    text = page(admin_client)
    assert f'<a href="{photo.get_absolute_url()}">Photo {photo.pk} has no file' in text
    assert "Not looked at yet" in text
    assert "Photos that the search does not find" in text
    assert admin_client.post("/doctor/look/").status_code == 303
    assert "Waiting for a worker" in page(admin_client)
    tasks.doctor()
    text = page(admin_client)
    assert "Photos that the search does not find" in text
    assert re.search(r"Looked at (just now|\d+ seconds? ago)", text)
    # Mended by a worker, and seen at once.
    assert admin_client.post("/doctor/fix/", {"check": "photos-without-files"}).status_code == 303
    assert "Being mended" in page(admin_client)
    tasks.doctor()
    text = page(admin_client)
    assert "has no file" not in text
    assert "1 mended" in text
    photo.refresh_from_db()
    assert photo.missing_since is not None


def test_where_nothing_is_wrong_the_page_says_so(only: dict[str, Check], admin_client: Client) -> None:
    registry.register(check("slow", lambda look: Finding(), speed="slow"))
    registry.register(check("content", lambda look: Finding(), speed="content"))
    assert "All is well" not in page(admin_client)  # nobody has looked yet
    running.request()
    tasks.doctor()
    assert "All is well" in page(admin_client)


def test_the_page_tells_nothing_of_private_libraries_but_numbers(owner: User, admin_client: Client) -> None:
    library = LibraryFactory(name="Diary", owner=owner, visibility=Library.Visibility.PRIVATE, state="offline")
    photo = PhotoFactory(library=library)
    File.objects.all().delete()
    running.request()
    tasks.doctor()
    text = page(admin_client)
    assert "Photos without a file" in text
    assert f"Photo {photo.pk}" not in text
    assert "Libraries that cannot be reached" in text
    assert "Diary" not in text


def test_the_fragment_follows_and_the_page_is_loaded_again_on_news(admin_client: Client) -> None:
    mark = admin_client.get(PAGE).context["page"].mark
    htmx = {"HX-Request": "true"}
    same = admin_client.get(PAGE, {"seen": mark}, headers=htmx)
    assert b"_doctor_progress" in same.content
    assert b"<html" not in same.content
    running.request()
    assert admin_client.get(PAGE, {"seen": mark}, headers=htmx).headers["HX-Refresh"] == "true"


def test_only_checks_with_a_fix_can_be_mended(admin_client: Client) -> None:
    for name in ("database", "nothing", ""):
        assert admin_client.post("/doctor/fix/", {"check": name}).status_code == 404
    assert not Checkup.objects.exists()


def test_members_find_no_doctor_and_no_link_to_it(member_client: Client, admin_client: Client) -> None:
    assert member_client.get(PAGE).status_code == 404
    assert PAGE not in member_client.get("/libraries/").content.decode()
    assert PAGE in admin_client.get("/libraries/").content.decode()


@pytest.mark.slow
def test_more_photos_and_results_make_no_more_queries(admin_client: Client) -> None:
    for _ in range(3):
        PhotoFactory()
    File.objects.all().delete()
    running.request()
    tasks.doctor()
    page(admin_client)
    with CaptureQueriesContext(connection) as few:
        page(admin_client)
    for _ in range(9):
        PhotoFactory(library=Photo.objects.all()[0].library)
    File.objects.all().delete()
    for _ in range(3):
        running.request()
        tasks.doctor()
    with CaptureQueriesContext(connection) as many:
        page(admin_client)
    assert len(many) == len(few)
