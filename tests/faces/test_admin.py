"""Faces and people in the administration: quick, to read, and without other people's private libraries."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from faces import services
from faces.models import Cluster, Clustering, Event, Face, Person, Refusal
from tests.faces.conftest import MODEL, House
from tests.factories import ClusterFactory, PersonFactory

OURS = [Person, Face, Cluster, Refusal, Event, Clustering]


def url(model: Any, page: str, *args: object) -> str:
    return reverse(f"admin:faces_{model._meta.model_name}_{page}", args=args)


def fill(house: House, by: User, times: int = 1, *, is_private: bool = False) -> None:
    for number in range(times):
        anna = PersonFactory()
        face = house.face(1, person=anna, state="assigned", is_private=is_private)
        house.face(2, cluster=ClusterFactory(), is_private=is_private)
        services.rename_person(anna, f"Anna {number} {is_private}", by)
        stranger = PersonFactory()
        house.face(3, person=stranger, state="assigned", is_private=is_private)
        Refusal.objects.create(face=face, person=stranger)
    Clustering.objects.get_or_create(model=MODEL)


@pytest.mark.slow
@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_lists_and_pages_open_and_more_rows_make_no_more_queries(
    admin_client: Client, owner: User, house: House, model: Any
) -> None:
    fill(house, owner, 2)

    def queries() -> int:
        admin_client.get(url(model, "changelist"))
        with CaptureQueriesContext(connection) as captured:
            assert admin_client.get(url(model, "changelist")).status_code == 200
        return len(captured)

    before = queries()
    row = model.objects.order_by("pk").first()
    assert admin_client.get(url(model, "change", row.pk)).status_code == 200
    assert admin_client.get(url(model, "add")).status_code == 403
    assert admin_client.get(url(model, "delete", row.pk)).status_code == 403
    fill(house, owner, 4)
    assert queries() == before


@pytest.mark.parametrize("model", [Person, Face, Cluster, Refusal, Event], ids=lambda model: model.__name__)
def test_what_only_somebody_else_sees_is_not_in_the_administration(
    admin_client: Client, owner: User, house: House, model: Any
) -> None:
    fill(house, owner, is_private=True)
    row = model.objects.order_by("pk").first()
    page = admin_client.get(url(model, "changelist"))
    assert list(page.context["cl"].result_list) == []
    assert admin_client.get(url(model, "change", row.pk)).status_code == 302


@pytest.mark.parametrize(("model", "words"), [(Person, "anna"), (Face, "anna"), (Refusal, "person"), (Event, "anna")])
def test_lists_can_be_searched(admin_client: Client, owner: User, house: House, model: Any, words: str) -> None:
    fill(house, owner)
    assert admin_client.get(url(model, "changelist"), {"q": words}).context["cl"].result_count == 1


def test_clustering_can_be_asked_for_again(admin_client: Client, owner: User, house: House) -> None:
    fill(house, owner)
    clustering = Clustering.objects.get()
    wanted = clustering.wanted
    data = {"action": "cluster_again", "_selected_action": [clustering.pk]}
    assert admin_client.post(url(Clustering, "changelist"), data).status_code == 302
    clustering.refresh_from_db()
    assert clustering.wanted == wanted + 1


def test_what_is_changed_of_a_person_is_in_the_journal(admin_client: Client, anna: Person) -> None:
    page = url(Person, "change", anna.pk)
    assert admin_client.post(page, {"name": "Anne", "birth_date": "1980-02-03"}).status_code == 302
    assert admin_client.post(page, {"name": "Anne", "birth_date": "9980-02-03"}).status_code == 302
    anna.refresh_from_db()
    assert (anna.name, str(anna.birth_date)) == ("Anne", "1980-02-03")
    assert sorted(Event.objects.values_list("kind", flat=True)) == ["birth", "rename"]


def test_members_are_not_let_in(member_client: Client) -> None:
    for model in OURS:
        assert member_client.get(url(model, "changelist")).status_code == 302
