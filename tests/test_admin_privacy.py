"""The administration tells no administrator what others keep private, and opens no way to run code."""

from __future__ import annotations

from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib import admin as django_admin
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from albums.models import Album
from faces.models import Cluster, Event, Face, Person, Refusal
from gallery.ledgers import Guarded
from gallery.models import Detection, File, Label, Library, Mark, Photo, Receipt, Scan
from tests.factories import (
    AlbumFactory,
    AlbumItemFactory,
    DetectionFactory,
    FaceFactory,
    LabelFactory,
    LibraryFactory,
    MarkFactory,
    PersonFactory,
    PhotoFactory,
)

REGISTERED = list(django_admin.site._registry.values())


def url(model: Any, page: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def found(client: Client, model: Any, query: str = "") -> list[int]:
    return [row.pk for row in client.get(f"{url(model, 'changelist')}?{query}").context["cl"].result_list]


@pytest.fixture
def private(owner: User) -> Library:
    library: Library = LibraryFactory(name="Anna's secret", owner=owner, visibility="private")
    return library


# --- what is there at all


def test_no_queue_and_no_access_log_is_in_the_administration(admin_client: Client) -> None:
    apps = {(model._meta.app_label, model.__name__) for model in django_admin.site._registry}
    assert not {name for app, name in apps if app == "django_q"}
    assert {name for app, name in apps if app == "axes"} == {"AccessAttempt"}
    for path in ("django_q/schedule/add/", "django_q/ormq/", "django_q/failure/", "axes/accesslog/"):
        assert admin_client.get(f"/admin/{path}").status_code == 404


def attempt(**fields: Any) -> AccessAttempt:
    fields = {"username": "tom", "ip_address": "10.0.0.9", "failures_since_start": 5} | fields
    made: AccessAttempt = AccessAttempt.objects.create(
        user_agent="Agent 7", path_info="/welcome/token/", get_data="next=/secret/", post_data="x", **fields
    )
    return made


def test_who_is_locked_out_is_let_in_again(admin_client: Client, member: User, client: Client) -> None:
    login = reverse("site:login")
    for _ in range(6):
        refused = client.post(login, {"username": "tom", "password": "wrong"})
    assert refused.status_code == 429
    row = AccessAttempt.objects.get()
    admin_client.post(url(AccessAttempt, "changelist"), {"action": "let_in", "_selected_action": [row.pk]})
    assert client.post(login, {"username": "tom", "password": "tom-password"}).status_code == 302


def test_attempts_to_sign_in_are_only_read(admin_client: Client) -> None:
    row = attempt()
    for page in (url(AccessAttempt, "changelist"), url(AccessAttempt, "change", row.pk)):
        text = admin_client.get(page).content.decode()
        assert "tom" in text
        assert "welcome" not in text
        assert "secret" not in text
    assert admin_client.post(url(AccessAttempt, "change", row.pk), {"username": "x"}).status_code == 403


def test_letting_somebody_in_needs_the_right_to(member: User, member_client: Client) -> None:
    User.objects.filter(pk=member.pk).update(is_staff=True)
    member.user_permissions.add(Permission.objects.get(codename="view_accessattempt"))
    row = attempt()
    member_client.post(url(AccessAttempt, "changelist"), {"action": "let_in", "_selected_action": [row.pk]})
    assert AccessAttempt.objects.filter(pk=row.pk).exists()


# --- questions in the address


@pytest.mark.parametrize("model_admin", REGISTERED, ids=lambda model_admin: model_admin.model.__name__)
def test_every_list_is_guarded_and_filters_only_its_own_columns(model_admin: Any, rf: Any, admin: User) -> None:
    assert isinstance(model_admin, Guarded)
    request = rf.get("/")
    request.user = admin
    fields = model_admin.model._meta.get_fields(include_hidden=True)
    for related in (field for field in fields if field.is_relation):
        for name in {related.name, getattr(related, "attname", related.name)}:
            for lookup in (name, f"{name}__exact", f"{name}__isnull", f"{name}__id", f"{name}__id__exact"):
                assert not model_admin.lookup_allowed(lookup, "1", request), lookup
    for lookup in ("id", "pk", "id__in", "pk__gt", "password__startswith", "nothing", ""):
        assert not model_admin.lookup_allowed(lookup, "1", request), lookup


@pytest.mark.slow
@pytest.mark.parametrize("model_admin", REGISTERED, ids=lambda model_admin: model_admin.model.__name__)
def test_every_filter_that_a_list_offers_can_be_chosen(
    model_admin: Any, admin: User, admin_client: Client, house_of_everything: None
) -> None:
    address = url(model_admin.model, "changelist")
    changes = admin_client.get(address).context["cl"]
    chosen = {choice["query_string"] for spec in changes.filter_specs for choice in spec.choices(changes)}
    assert len(chosen) >= len(model_admin.list_filter)
    for query in chosen:
        assert admin_client.get(address + query).status_code == 200, query


@pytest.fixture
def house_of_everything(admin: User) -> None:
    photo = PhotoFactory()
    DetectionFactory(photo=photo)
    MarkFactory(photo=photo, user=admin)
    AlbumFactory(owner=admin)
    FaceFactory(photo=photo, person=PersonFactory(), state="assigned")
    FaceFactory(photo=photo, cluster=Cluster.objects.create(model="mobilefacenet"))


@pytest.mark.parametrize(
    ("model", "query"),
    [
        (Photo, "marks__isnull=0"), (Photo, "marks=1"), (Photo, "album_items__isnull=0"), (Photo, "album_items=1"),
        (Photo, "faces__person__name__startswith=A"), (Photo, "library__owner=1"), (Photo, "digest__startswith=a"),
        (User, "libraries=2"), (User, "albums=1"), (User, "marks=1"), (User, "password__startswith=a"),
        (Group, "user=1"), (Label, "detections=40"), (Person, "faces=25"), (Person, "cover=3"), (Album, "cover=14"),
        (Album, "items=1"), (Face, "refusals__isnull=0"), (Face, "person=1"), (Cluster, "faces=1"), (Event, "actor=1"),
        (Refusal, "person=1"), (Library, "photos=1"), (Library, "owner=1"), (Mark, "photo__marks=1"),
        (Receipt, "photo__marks=1"), (Detection, "photo__marks=1"), (File, "photo__marks=1"), (Scan, "library=1"),
    ],
)  # fmt: skip
def test_addresses_ask_nothing_about_other_rows(admin_client: Client, model: Any, query: str) -> None:
    assert admin_client.get(f"{url(model, 'changelist')}?{query}").status_code == 400


@pytest.mark.slow
@pytest.mark.parametrize("model", [Photo, File, Scan, Receipt, Detection, Mark], ids=lambda model: model.__name__)
@pytest.mark.parametrize("value", ["9" * 30, "9" * 5000, "²", "-1", "oops"], ids=["30", "5000", "²", "-1", "oops"])
def test_a_library_that_cannot_be_is_no_error(admin_client: Client, model: Any, value: str) -> None:
    PhotoFactory()
    response = admin_client.get(url(model, "changelist"), {"in": value})
    assert response.status_code == 200
    assert response.context["cl"].result_count == 0


def test_somebody_s_private_library_filters_like_one_that_is_not_there(admin_client: Client, private: Library) -> None:
    PhotoFactory(library=private)
    assert found(admin_client, Photo, f"in={private.pk}") == []


@pytest.mark.parametrize(
    ("model", "query"),
    [
        (Photo, "digest=%00"), (Photo, "kind__exact=%00"), (Photo, "in=%00"), (Photo, "q=%00"), (Photo, "%00=1"),
        (Photo, "kind__exact=image&kind__exact=%00"), (Receipt, "analyzer=%00"), (Face, "model=%00"), (Photo, "p=%00"),
        (Album, "visibility__exact=a%00"), (User, "q=a%00b"), (AccessAttempt, "q=%00"),
    ],
)  # fmt: skip
def test_nul_never_reaches_the_database(admin_client: Client, model: Any, query: str) -> None:
    response = admin_client.get(f"{url(model, 'changelist')}?{query}")
    assert response.status_code == 302
    assert response.headers["Location"].endswith("?e=1")
    assert admin_client.get(f"{url(model, 'changelist')}?{query}&e=1").status_code == 200


@pytest.mark.parametrize(("field", "model"), [("owner", "library"), ("photo", "mark"), ("user", "mark")])
def test_nul_does_not_reach_the_database_by_way_of_completion(admin_client: Client, field: str, model: str) -> None:
    query = {"app_label": "gallery", "model_name": model, "field_name": field, "term": "ro\0"}
    with CaptureQueriesContext(connection) as queries:
        assert admin_client.get(reverse("admin:autocomplete"), query).status_code == 200
    assert not [query["sql"] for query in queries if "\0" in query["sql"]]


# --- faces, people and things that the administrator does not see


def face(library: Library, person: Person | None = None) -> Face:
    made: Face = FaceFactory(
        photo=PhotoFactory(library=library), person=person, state="assigned" if person else "unknown"
    )
    return made


def test_refusals_do_not_name_people_in_private_libraries(admin_client: Client, private: Library) -> None:
    household = LibraryFactory()
    secret, anna = PersonFactory(name="Secret Santa"), PersonFactory(name="Anna")
    face(private, secret), face(household, anna)
    shown = face(household)
    hidden = Refusal.objects.create(face=shown, person=secret)
    seen = Refusal.objects.create(face=shown, person=anna)
    page = admin_client.get(url(Refusal, "changelist"))
    assert [row.pk for row in page.context["cl"].result_list] == [seen.pk]
    assert "Santa" not in page.content.decode()
    assert admin_client.get(url(Refusal, "change", hidden.pk)).status_code == 302
    assert admin_client.get(url(Refusal, "change", seen.pk)).status_code == 200


def test_the_journal_does_not_name_people_who_are_seen_no_more(
    admin: User, admin_client: Client, private: Library
) -> None:
    secret = PersonFactory(name="Secret Santa")
    face(private, secret)
    mine = Event.objects.create(kind="rename", actor=admin, person=secret, before={"name": "Uncle Bob"})
    assert found(admin_client, Event) == []
    assert admin_client.get(url(Event, "change", mine.pk)).status_code == 302


def test_the_journal_does_not_list_faces_in_private_libraries(
    admin_client: Client, owner: User, private: Library
) -> None:
    anna = PersonFactory(name="Anna")
    seen = face(LibraryFactory(), anna)
    event = Event.objects.create(kind="name", actor=owner, person=anna, before={"faces": [seen.pk, 987_654]})
    page = admin_client.get(url(Event, "change", event.pk))
    assert page.status_code == 200
    assert "987654" not in page.content.decode()


def test_things_in_private_libraries_are_not_named(admin_client: Client, private: Library) -> None:
    shown = LabelFactory(name="dog")
    DetectionFactory(label=shown, photo=PhotoFactory(library=private))
    DetectionFactory(label=shown)
    hidden = LabelFactory(name="wheelchair")
    DetectionFactory(label=hidden, photo=PhotoFactory(library=private))
    LabelFactory(name="in no photo")
    assert found(admin_client, Label) == [shown.pk]
    assert admin_client.get(url(Label, "change", hidden.pk)).status_code == 302


# --- whether a row exists, and how many there are


@pytest.mark.slow
def test_the_way_to_the_page_of_a_row_does_not_tell_whether_it_exists(
    admin_client: Client, member_client: Client, client: Client, private: Library
) -> None:
    visible = PhotoFactory()
    rows = [private, PhotoFactory(library=private), AlbumFactory(owner=private.owner), visible]
    for row in rows:
        kind = ContentType.objects.get_for_model(row).pk
        for someone in (admin_client, member_client, client):
            for address in (f"/admin/r/{kind}/{row.pk}/", f"/admin/r/{kind}/999999/", "/admin/r/", "/admin/r/9/x"):
                assert someone.get(address).status_code == 404
    page = admin_client.get(url(Photo, "change", visible.pk)).content.decode()
    assert "/admin/r/" not in page
    assert f'href="{visible.get_absolute_url()}"' in page


def test_deleting_an_account_does_not_count_what_goes_with_it(admin_client: Client, member: User) -> None:
    for _ in range(3):
        MarkFactory(user=member)
    delete = {"action": "delete_selected", "_selected_action": [member.pk]}
    for page in (
        admin_client.get(url(User, "delete", member.pk)),
        admin_client.post(url(User, "changelist"), delete),
    ):
        assert dict(page.context["model_count"]) == {"users": 1}
        assert "mark" not in page.content.decode().split('id="content"')[1].split("</main>")[0].lower()


def test_deleting_an_account_does_not_count_or_name_what_is_in_the_way(
    admin_client: Client, owner: User, private: Library
) -> None:
    AlbumItemFactory(album=AlbumFactory(name="A surprise", owner=owner), photo=PhotoFactory(library=private))
    page = admin_client.get(url(User, "delete", owner.pk))
    assert dict(page.context["model_count"]) == {"users": 1}
    assert len(page.context["protected"]) == 1
    assert "secret" not in page.content.decode()
    assert "surprise" not in page.content.decode()
