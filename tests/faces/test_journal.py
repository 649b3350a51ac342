"""The journal: what was decided, in words that tell nobody more than they may know."""

from __future__ import annotations

import datetime as dt
import html
import re

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from faces import journal, services, undo
from faces.access import journal_visible_to, newest_entries
from faces.models import Event, Face, Person
from tests.faces.conftest import House
from tests.factories import ClusterFactory, PersonFactory, PhotoFactory

JOURNAL = "/people/journal/"


def lines(client: Client, address: str = JOURNAL) -> list[str]:
    page = client.get(address).content.decode()
    found = re.findall(r'<li id="entry_\d+"[^>]*>\s*<div>\s*<p>(.*?)</p>', page, re.DOTALL)
    return [html.unescape(re.sub(r"<[^>]+>", "", line)) for line in found]


@pytest.mark.slow
def test_every_decision_is_a_sentence(owner: User, owner_client: Client, house: House, anna: Person) -> None:
    cluster = ClusterFactory()
    first, second, *_ = house.faces(5, 6, cluster=cluster)
    named = services.name_cluster(cluster, "Oma", owner, leave_out={second.pk})
    oma = named.person
    services.rename_person(oma, "Omi", owner)
    services.refuse_face(first, owner)
    services.set_no_face(first, owner)
    cover = oma.faces.first()
    assert cover
    services.set_cover(cover, owner)
    services.hide_person(oma, owner, is_hidden=True)
    services.set_birth_date(oma, dt.date(1940, 5, 1), owner)
    services.name_faces([face.pk for face in anna.faces.all()[:2]], "Tom", owner)
    ignored = services.ignore_faces([second.pk], owner)
    services.take_strangers_back([second.pk], owner)
    services.merge_people(anna, [oma], owner)
    Event.objects.create(kind=Event.Kind.PAIR, actor=owner, person=anna, before={"faces": [cover.pk], "is_same": False})
    undo.undo_event(ignored.event, owner)
    assert lines(owner_client) == [
        "You said that two faces are never one person",
        "You said that Omi is Anna",
        "You took a stranger back",
        "You set a stranger aside",
        "You said that 2 faces are Tom",
        "You said that Omi was born on 1 May 1940",
        "You hid Omi",
        "You chose a picture of Omi",
        "You said that something is no face",
        "You said that a face is not Omi",
        "You renamed Oma to Omi",
        "You said that 5 faces are Omi",
    ]
    page = owner_client.get(JOURNAL).content.decode()
    assert "taken back by you" in page
    assert page.count("/undo/") == 11, "not of what is taken back"
    assert len(lines(owner_client, f"{JOURNAL}?person={anna.pk}")) == 8, "with what was said of Omi"


@pytest.mark.slow
def test_others_read_only_what_they_may_know(
    owner: User, member_client: Client, house: House, anna: Person, secret: Person
) -> None:
    private = [face.pk for face in anna.faces.filter(photo__library=house.private)]
    services.refuse_faces(private, anna, owner)
    services.rename_person(secret, "Hidden Santa", owner)
    services.merge_people(anna, [secret], owner)
    assert lines(member_client) == []
    public = anna.faces.filter(photo__library=house.library)
    mixed = [public[0].pk, *Face.objects.filter(person=anna, photo__library=house.private).values_list("pk", flat=True)]
    services.name_faces(mixed, "Tom", owner)
    assert lines(member_client) == ["anna said that a face is Tom"], "counted over what they see"
    berta = PersonFactory(name="Berta")
    house.face(5, person=berta, state="assigned")
    nameless = PersonFactory(name="Nameless")
    house.face(6, person=nameless, state="assigned", is_private=True)
    services.merge_people(anna, [berta, nameless], owner)
    assert lines(member_client)[0] == "anna said that Berta and somebody is Anna"
    assert "/undo/" not in member_client.get(JOURNAL).content.decode()


def test_who_was_unmade_has_no_name_for_others(
    owner: User, member: User, owner_client: Client, member_client: Client, house: House
) -> None:
    named = services.name_face(house.face(7), "Nora", owner)
    undo.undo_event(named.event, owner)
    assert lines(owner_client) == ["You said that a face is Nora"]
    assert lines(member_client) == ["anna said that a face is somebody"]


def test_an_entry_is_undone_from_the_page(
    owner: User, admin_client: Client, owner_client: Client, anna: Person
) -> None:
    event = services.rename_person(anna, "Anne", owner)
    assert event
    page = admin_client.get(JOURNAL).content.decode()
    assert f"/people/events/{event.pk}/undo/" in page
    place = f"{JOURNAL}#entry_{event.pk}"
    assert admin_client.post(f"/people/events/{event.pk}/undo/", {"next": place})["Location"] == place
    assert "taken back by" in owner_client.get(JOURNAL).content.decode()


@pytest.mark.slow
def test_pages_follow_each_other_and_cost_the_same(
    owner: User, owner_client: Client, house: House, anna: Person
) -> None:
    def more(count: int) -> None:
        for number in range(count):
            services.rename_person(anna, f"Anna {number} {Event.objects.count()}", owner)
            face = house.face(8)
            services.name_face(face, f"Somebody {face.pk}", owner)
            services.merge_people(anna, [Person.objects.get(name=f"Somebody {face.pk}")], owner)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            owner_client.get(JOURNAL)
        return len(captured)

    more(3)
    few = queries()
    more(4)
    assert queries() == few
    more(4)
    first = journal.journal(owner)
    assert first.next_before == first.entries[-1].id
    second = journal.journal(owner, before=first.next_before)
    assert [*first.entries, *second.entries] != []
    assert [entry.id for entry in (*first.entries, *second.entries)] == list(
        journal_visible_to(owner).order_by("-pk").values_list("pk", flat=True)
    )


@pytest.fixture
def many(house: House) -> tuple[list[int], list[int]]:
    """Faces of two photos, more than are counted one by one: in the household's library, and in the private one."""
    photos = [PhotoFactory(library=library) for library in (house.library, house.private)]
    box = {"x": 0.1, "y": 0.1, "w": 0.1, "h": 0.1, "score": 0.9}
    rows = [Face(photo=photo, digest=photo.digest, **box) for photo in photos for _ in range(journal.COUNTED + 30)]
    made = [face.pk for face in Face.objects.bulk_create(rows)]
    return made[: len(made) // 2], made[len(made) // 2 :]


@pytest.mark.slow
def test_of_very_many_faces_the_number_is_told_to_whoever_decided(
    owner: User, owner_client: Client, member_client: Client, anna: Person, many: tuple[list[int], list[int]]
) -> None:
    shared, private = many
    for faces, kind in ((shared, Event.Kind.MOVE), (private + shared[:3], Event.Kind.MOVE), (private, Event.Kind.NAME)):
        before = {"faces": faces, "formers": [[pk, None, "unknown", False, None, False] for pk in faces]}
        if kind == Event.Kind.NAME:
            before = {"faces": [], "released": [], "refused": [*faces, *shared], "is_new": False}
        Event.objects.create(kind=kind, actor=owner, person=anna, before=before)
    assert lines(owner_client) == [
        "You said that 260 faces are not Anna",
        "You said that 133 faces are Anna",
        "You said that 130 faces are Anna",
    ]
    assert lines(member_client) == [
        "anna said that more than 100 faces are not Anna",
        "anna said that 3 faces are Anna",
        "anna said that more than 100 faces are Anna",
    ], "who sees none of the first faces has all of them looked at"
    page = member_client.get(JOURNAL).content.decode()
    assert page.count("Open the photo") == 2 * journal.PICTURES + 3


def test_a_page_costs_as_many_queries_however_many_faces_were_moved(
    owner: User, anna: Person, many: tuple[list[int], list[int]]
) -> None:
    def queries(faces: list[int]) -> int:
        Event.objects.all().delete()
        rows = [[pk, None, "unknown", False, None, False] for pk in faces]
        for _ in range(3):
            Event.objects.create(
                kind=Event.Kind.MOVE, actor=owner, person=anna, before={"faces": faces, "formers": rows}
            )
        with CaptureQueriesContext(connection) as captured:
            page = journal.journal(owner)
        assert [len(entry.faces) for entry in page.entries] == [min(len(faces), journal.PICTURES)] * 3
        assert all(entry.may_undo for entry in page.entries)
        whole = '"faces_event"."person_id", "faces_event"."before"'
        assert not any(whole in query["sql"] for query in captured), "the lists are not loaded"
        return len(captured)

    queries(many[0][:2])  # what a viewer is asked once
    assert queries(many[0][:2]) == queries(many[0])


@pytest.mark.slow
def test_the_newest_entries_are_those_that_one_may_know_of(
    owner: User, member: User, house: House, anna: Person, secret: Person
) -> None:
    faces = [face.pk for face in anna.faces.order_by("pk")]
    private = [face.pk for face in secret.faces.all()]
    for number in range(40):
        of_all = number % 13 == 0
        before = {"faces": faces if of_all else private}
        Event.objects.create(kind=Event.Kind.NAME, actor=owner, person=anna if of_all else secret, before=before)
    for viewer in (owner, member):
        known = list(journal_visible_to(viewer).order_by("-pk").values_list("pk", flat=True))
        for count in (1, 2, 4, 50):
            assert newest_entries(viewer, Event.objects.all(), count) == known[:count]
    assert len(known) == 4
