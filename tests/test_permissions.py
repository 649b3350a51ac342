"""Who may do what: every address of the project, for everybody, on private things and on those of the household.

A row says what each of four people gets; an address without a row fails the suite. Somebody who is not signed in is
sent to the sign-in page whatever the address. What somebody may not have is 404, exactly as if it were not there, and
has no effect.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

from pictopy_site import welcome
from tests.permission_rows import (
    ADMINISTRATORS,
    ADMINISTRATORS_DO,
    ALBUM,
    ALL,
    DISTANCES,
    DONE,
    EDIT,
    EDITED,
    EDITOR_SEES,
    EVERYONE,
    EVERYONE_DOES,
    LIBRARY,
    NEW_PASSWORD,
    OWN,
    OWNER_SEES,
    SEEN,
    TUS,
    Row,
    one,
    opening,
    posted,
    shown,
)
from tests.permission_world import NOBODY, ROLES, Role, World, build, written

TABLE = [
    # --- the door
    Row("site:login", (302, 302, 302), (302, 302, 302), anonymous=200),
    Row("site:logout", (302, 302, 302), (302, 302, 302), method="post"),
    shown("site:password", EVERYONE),
    # Nobody has a one-time link here.
    Row("site:password_choose", (404, 404, 404), (404, 404, 404), lambda world: ["x", "y"], anonymous=404),
    # --- accounts
    shown("site:account_list", ADMINISTRATORS),
    shown("site:account_add", ADMINISTRATORS),
    posted("site:account_add", ADMINISTRATORS_DO, lambda world: [], lambda world: {"username": "x", "role": "member"}),
    shown("site:account_edit", ADMINISTRATORS, one("member")),
    posted("site:account_edit", ADMINISTRATORS_DO, one("member"), lambda world: {"role": "administrator"}),
    shown("site:account_password", ADMINISTRATORS, one("member")),
    posted("site:account_password", ADMINISTRATORS_DO, one("member"), lambda world: NEW_PASSWORD),
    shown("site:account_link", ADMINISTRATORS, one("member")),
    Row("site:health", ALL, ALL, anonymous=200),
    # With an administrator, no welcome link works for anybody.
    Row("site:welcome", (404, 404, 404), (404, 404, 404), lambda world: [world.token], anonymous=404),
    # --- photos
    shown("gallery:timeline", EVERYONE),
    shown("gallery:timeline_month", EVERYONE, lambda world: [world.photo.month]),
    shown("gallery:photo_detail", SEEN, one("photo")),
    shown("gallery:photo_edit", EDITOR_SEES, one("photo")),
    posted("gallery:photo_edit", EDITED, one("photo"), lambda world: EDIT),
    shown("gallery:photos_edit", EVERYONE),
    posted("gallery:photos_edit", EDITED, lambda world: [], lambda world: EDIT | {"photo": world.photo.pk}),
    shown("gallery:clock", EVERYONE),
    Row("gallery:clock_preview", (422, 422, 422), (422, 422, 422)),
    # Cameras of photos that one may not change are no choice.
    Row(
        "gallery:clock_preview", (422, 303, 422), (422, 303, 303), lambda world: [], "post",
        lambda world: {"camera": "Alpenglow X1", "how": "shift", "hours": "1"},
    ),
    shown("gallery:change_list", EVERYONE),
    # What one did oneself, and nobody else's.
    posted("gallery:change_undo", OWN, one("change")),
    shown("gallery:place_list", EVERYONE),
    shown("gallery:city_choices", EVERYONE),
    posted("gallery:photo_favourite", DONE, one("photo"), lambda world: {"is_favourite": "1"}),
    shown("gallery:photo_thumbnail", SEEN, lambda world: [world.photo.pk, "small", world.photo.digest]),
    shown("gallery:photo_original", SEEN, one("photo")),
    # A film, its copy for browsers, and the moving part of a photo, which is nobody's by itself.
    shown("gallery:photo_film", SEEN, lambda world: [world.film.pk, world.film.digest]),
    Row("gallery:photo_film_state", (404, 302, 404), (302, 302, 302), one("film")),
    shown("gallery:photo_motion", SEEN, one("photo")),
    Row("gallery:photo_original", (404, 404, 404), (404, 404, 404), lambda world: [world.photo.parts.get().photo_id]),
    shown("gallery:favourite_list", EVERYONE),
    posted("gallery:favourite_add", EVERYONE_DOES, lambda world: [], lambda world: {"photo": world.photo.pk}),
    shown("gallery:thing_list", EVERYONE),
    shown("gallery:thing_detail", SEEN, lambda world: ["dog"]),
    shown("gallery:search", EVERYONE),
    # --- libraries
    shown("gallery:library_list", EVERYONE),
    shown("gallery:library_detail", SEEN, one("library")),
    Row("gallery:library_add", (404, 404, 200), (404, 404, 200)),
    Row("gallery:library_add", (404, 404, 422), (404, 404, 422), method="post"),
    shown("gallery:library_edit", EDITOR_SEES, one("library")),
    posted("gallery:library_edit", EDITED, one("library"), lambda world: LIBRARY | {"owner": world.owner.pk}),
    shown("gallery:library_remove", EDITOR_SEES, one("library")),
    posted("gallery:library_remove", EDITED, one("library"), lambda world: {"name": world.library.name}),
    posted("gallery:library_scan", EDITED, one("library")),
    posted("gallery:library_retry", EDITED, one("library")),
    shown("gallery:library_accept", EDITOR_SEES, one("library")),
    posted("gallery:library_accept", EDITED, one("library")),
    shown("gallery:library_review", EDITOR_SEES, one("library")),
    posted("gallery:library_review", EDITED, one("library"), lambda world: {"answer": "away"}),
    shown("gallery:library_missing", SEEN, one("library")),
    shown("gallery:library_forget", EDITOR_SEES, one("library")),
    posted("gallery:library_forget", EDITED, one("library"), lambda world: {"until": "2026-01-01T00:00:00Z"}),
    posted("gallery:photo_retry", EDITED, one("failed")),
    # --- the doctor: administrators
    shown("gallery:doctor", ADMINISTRATORS),
    posted("gallery:doctor_look", ADMINISTRATORS_DO, lambda world: []),
    posted("gallery:doctor_fix", ADMINISTRATORS_DO, lambda world: [], lambda world: {"check": "photos-without-files"}),
    # --- uploads: every member who sees the library adds to it; an upload belongs to the person who opened it
    shown("gallery:upload_list", EVERYONE),
    Row("gallery:upload_list", (404, 201, 404), (201, 201, 201), method="post", headers=opening),
    Row("gallery:upload_list", (204, 204, 204), (204, 204, 204), method="options"),
    posted("gallery:upload_check", SEEN, lambda world: [], lambda world: {"library": world.uploads.pk}),
    posted("gallery:upload_form", DONE, lambda world: [], lambda world: {"library": world.uploads.pk}),
    shown("gallery:upload_detail", OWNER_SEES, one("upload")),
    Row("gallery:upload_detail", (404, 200, 404), (404, 200, 404), one("upload"), "head", headers=TUS),
    Row("gallery:upload_detail", (404, 204, 404), (404, 204, 404), one("upload"), "patch", headers=TUS),
    Row("gallery:upload_detail", (404, 204, 404), (404, 204, 404), one("upload"), "delete", headers=TUS),
    posted("gallery:upload_cancel", OWN, one("upload")),
    Row("gallery:upload_library_add", (404, 404, 200), (404, 404, 200)),
    posted(
        "gallery:upload_library_add", {"private": (404, 404, 303), "household": (404, 404, 303)}, lambda world: [],
        lambda world: {"name": "Phones", "visibility": "household"},
    ),
    # --- the trash: who may edit the library
    shown("gallery:trash_list", EVERYONE),
    posted("gallery:trash_add", EDITED, lambda world: [], lambda world: {"photo": world.photo.pk}),
    posted("gallery:trash_restore", EDITED, lambda world: [], lambda world: {"photo": world.trashed.pk}),
    posted(
        "gallery:trash_delete", EDITED, lambda world: [], lambda world: {"photo": world.trashed.pk, "confirm": "1"}
    ),
    # --- duplicates: who may edit the library
    shown("gallery:duplicate_list", EVERYONE),
    shown("gallery:duplicate_decided", EVERYONE),
    Row("gallery:duplicate_all", (404, 404, 404), (404, 404, 404)),
    posted("gallery:duplicate_all", EDITED, lambda world: [], lambda world: {"library": world.library.pk}),
    posted("gallery:duplicate_decide", EDITED, one("twins"), lambda world: {"all": "1"}),
    posted("gallery:duplicate_undo", EDITED, one("decided")),
    posted(
        "gallery:duplicate_undo_all", EDITED, lambda world: [],
        lambda world: {"library": world.library.pk, "at": "2024-05-17T12:00:00+00:00"},
    ),
    # --- people: who sees a face may name it
    shown("faces:person_list", EVERYONE),
    shown("faces:person_find", EVERYONE),
    Row("faces:person_find", (422, 422, 422), (422, 422, 422), method="post"),
    shown("faces:person_detail", SEEN, one("person")),
    shown("faces:person_faces", SEEN, one("person")),
    # What shows a question leads, loaded again, to what it is about.
    shown("faces:person_rename", DONE, one("person")),
    shown("faces:cluster_name", DONE, one("cluster")),
    shown("faces:faces_name", EVERYONE_DOES),
    posted("faces:person_rename", DONE, one("person"), lambda world: {"name": "Berta"}),
    posted("faces:person_hide", DONE, one("person"), lambda world: {"hidden": "1"}),
    shown("faces:person_merge", SEEN, one("person")),
    posted("faces:person_merge", DONE, one("person"), lambda world: {"with": world.other.pk}),
    shown("faces:person_split", SEEN, one("person")),
    shown("faces:journal", EVERYONE),
    shown("faces:stranger_list", EVERYONE),
    shown("faces:cluster_detail", SEEN, one("cluster")),
    # --- how faces are compared: administrators, who do not see what lies in other people's private libraries
    shown("faces:recognition", ADMINISTRATORS),
    posted("faces:recognition_try", ADMINISTRATORS_DO, lambda world: [], lambda world: DISTANCES),
    shown("faces:preview_detail", ADMINISTRATORS, one("preview")),
    posted("faces:preview_use", ADMINISTRATORS_DO, one("preview")),
    posted("faces:preview_discard", ADMINISTRATORS_DO, one("preview")),
    posted("faces:preview_retry", ADMINISTRATORS_DO, one("preview")),
    Row(
        "faces:preview_person", (404, 404, 404), (404, 404, 200), lambda world: [world.preview.pk, world.person.pk]
    ),
    Row(
        "faces:preview_person", (404, 404, 404), (404, 404, 303), lambda world: [world.preview.pk, world.person.pk],
        "post",
    ),
    # --- a face that was missed
    shown("faces:face_draw", SEEN, one("photo")),
    posted(
        "faces:face_draw", DONE, one("photo"),
        lambda world: {"left": "70", "top": "10", "width": "10", "height": "15", "name": "Dora"},
    ),
    shown("faces:cluster_split", SEEN, one("cluster")),
    posted("faces:cluster_ignore", DONE, one("cluster")),
    *(
        posted(f"faces:faces_{what}", DONE, lambda world: [],
               lambda world: {"face": world.face.pk, "person": world.person.pk, "name": "Dora"})
        for what in ("name", "confirm", "refuse", "ignore", "dismiss", "restore")
    ),
    posted("faces:cluster_name", DONE, one("cluster"), lambda world: {"name": "Carla"}),
    shown("faces:face_name", SEEN, one("face")),
    posted("faces:face_name", DONE, one("face"), lambda world: {"name": "Dora"}),
    posted("faces:face_refuse", DONE, one("face")),
    shown("faces:face_why", SEEN, one("face")),
    posted("faces:face_pair", DONE, one("face"), lambda world: {"other": world.unnamed.pk, "same": "0"}),
    shown("faces:question_list", EVERYONE),
    # To whom it is not asked, and when nobody asks it any more, an answer says that it was answered, and does nothing.
    posted(
        "faces:question_answer",
        EVERYONE_DOES,
        lambda world: [],
        lambda world: {"question": f"who-{world.cluster.pk}-0", "answer": "skip"},
    ),
    shown("faces:question_count", EVERYONE_DOES),
    # One's own answers, of one's own session.
    posted("faces:question_undo", EVERYONE_DOES, lambda world: []),
    posted("faces:question_again", EVERYONE_DOES, lambda world: []),
    posted("faces:face_dismiss", DONE, one("face")),
    posted("faces:face_cover", DONE, one("face")),
    shown("faces:face_crop", SEEN, lambda world: [world.face.pk, world.crop()]),
    # The journal: who made the entry, and administrators.
    # Administrators may undo what others decided, but only about people whom they see.
    Row("faces:event_undo", (404, 303, 404), (404, 303, 303), one("event"), "post"),
    # --- albums: `visibility` follows the library's
    shown("albums:album_list", EVERYONE),
    shown("albums:album_add", EVERYONE),
    posted("albums:album_add", EVERYONE_DOES, lambda world: [], lambda world: ALBUM),
    shown("albums:album_chooser", EVERYONE),
    shown("albums:album_detail", SEEN, one("album")),
    shown("albums:album_edit", OWNER_SEES, one("album")),
    posted("albums:album_edit", OWN, one("album"), lambda world: ALBUM),
    shown("albums:album_delete", OWNER_SEES, one("album")),
    posted("albums:album_delete", OWN, one("album")),
    posted("albums:album_restore", OWN, one("deleted_album")),
    posted("albums:album_cover", OWN, one("album"), lambda world: {"photo": world.photo.pk}),
    posted("albums:item_remove", OWN, one("album"), lambda world: {"photo": world.photo.pk}),
    shown("albums:item_move", OWNER_SEES, one("album")),
    posted("albums:item_move", OWN, one("album"), lambda world: {"order": "manual"}),
    # Only albums of one's own can be chosen: for others the album of this row is no choice.
    Row(
        "albums:item_add", (422, 303, 422), (422, 303, 422), lambda world: [], "post",
        lambda world: {"photo": world.photo.pk, "album": world.album.pk},
    ),
]  # fmt: skip


def names(patterns: list[URLPattern | URLResolver], namespace: str = "") -> Iterator[str]:
    """The names of all addresses; the administration counts as one."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            if pattern.namespace != "admin":
                yield from names(pattern.url_patterns, f"{pattern.namespace}:" if pattern.namespace else namespace)
        else:
            assert pattern.name, f"{pattern.pattern} has no name"
            yield f"{namespace}{pattern.name}"


def test_every_address_has_a_row() -> None:
    assert set(names(get_resolver().url_patterns)) == {row.name for row in TABLE}


# What belongs to the household is asked in the slow suite: the same addresses, and fewer of them are closed.
@pytest.fixture(params=["private", pytest.param("household", marks=pytest.mark.slow)])
def world(request: pytest.FixtureRequest, tmp_path: Path, owner: User, member: User, admin: User) -> World:
    return build(request.param, tmp_path, owner, member, admin)


@pytest.fixture
def household(tmp_path: Path, owner: User, member: User, admin: User) -> World:
    """For what is refused before anybody asks whose the things are."""
    return build("household", tmp_path, owner, member, admin)


def ask(world: World, role: Role, row: Row, arguments: list[Any]) -> Any:
    address = reverse(row.name, args=arguments)
    client = world.clients[role]
    headers = row.headers(world)
    if row.method == "post":
        return client.post(address, row.data(world), headers=headers)
    return getattr(client, row.method)(address, headers=headers)


class Undo(Exception):  # noqa: N818
    """Takes back what a request did."""


def found_by(role: Role, world: World, row: Row) -> int:
    """The status that somebody gets, who changes nothing when it says that they may not."""
    status = 0
    client = world.clients[role]
    cookies = SimpleCookie(client.cookies.output(header="", sep=";"))
    try:
        with transaction.atomic():
            with CaptureQueriesContext(connection) as statements:
                response = ask(world, role, row, row.arguments(world))
            status = response.status_code
            if status == 302 and role == "anonymous":
                assert response.headers["Location"].startswith("/login/")
            if status in {302, 404, 405}:
                assert not written(statements), f"{role} may not, and changed something with {row}"
            if response.streaming:
                assert response.getvalue()
            raise Undo
    except Undo:
        client.cookies = cookies  # signing out is undone as well
    return status


@pytest.mark.parametrize("app", ["site", "gallery", "faces", "albums"])
def test_everybody_gets_what_the_table_says(world: World, app: str) -> None:
    expected, found = {}, {}
    for row in (row for row in TABLE if row.name.startswith(f"{app}:")):
        statuses = (row.anonymous, *getattr(row, world.library.visibility))
        expected[str(row), statuses] = dict(zip(ROLES, statuses, strict=True))
        found[str(row), statuses] = {role: found_by(role, world, row) for role in ROLES}
    assert found == expected


def with_an_object(row: Row) -> bool:
    """Whether the address names one row of the database."""
    try:
        reverse(row.name)
    except NoReverseMatch:
        return 404 in row.private and row.name not in {"site:welcome"}
    return False


def test_what_one_may_not_have_looks_as_if_it_were_not_there(
    tmp_path: Path, owner: User, member: User, admin: User
) -> None:
    world = build("private", tmp_path, owner, member, admin)
    rows = [row for row in TABLE if with_an_object(row)]
    assert len(rows) > 40
    for row in rows:
        arguments = row.arguments(world)
        hidden = ask(world, "member", row, arguments)
        nobody = uuid.UUID(int=NOBODY) if isinstance(arguments[0], uuid.UUID) else NOBODY
        absent = ask(world, "member", row, [nobody, *arguments[1:]])
        assert hidden.status_code == absent.status_code == 404, row
        assert without_tokens(hidden) == without_tokens(absent), row
        assert set(hidden.headers) == set(absent.headers), row


def without_tokens(response: Any) -> str:
    """The page without what differs from one request to the next."""
    text = re.sub(r"[A-Za-z0-9]{64}", "TOKEN", response.content.decode())
    return text.replace(str(response.wsgi_request.path), "PATH")


def test_what_changes_something_takes_a_post_with_a_token(household: World) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(household.owner, backend="django.contrib.auth.backends.ModelBackend")
    for row in (row for row in TABLE if row.method in {"post", "patch", "delete"}):
        address = reverse(row.name, args=row.arguments(household))
        with CaptureQueriesContext(connection) as statements:
            refused = getattr(client, row.method)(address, row.data(household), headers=row.headers(household))
            client.get(address)
        assert refused.status_code == 403, row
        assert not written(statements), row


def admin_addresses(world: World) -> list[str]:
    from django.contrib import admin

    found = [reverse("admin:index"), reverse("admin:password_change")]
    for model in admin.site._registry:
        base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        found += [reverse(f"{base}_changelist"), reverse(f"{base}_add"), reverse(f"{base}_change", args=[1])]
    return found


def test_the_administration_is_for_staff(household: World) -> None:
    for address in admin_addresses(household):
        for role in ("anonymous", "member", "owner"):
            response = household.clients[role].get(address)
            assert response.status_code == 302, f"{role} gets {address}"
    assert household.clients["admin"].get(reverse("admin:index")).status_code == 200


def test_an_account_that_was_closed_sees_nothing(household: World) -> None:
    User.objects.filter(pk=household.owner.pk).update(is_active=False)
    for row in TABLE:
        if row.anonymous == 302:
            response = ask(household, "owner", row, row.arguments(household))
            assert response.headers["Location"].startswith("/login/"), str(row)


def test_the_welcome_link_is_for_whoever_has_it_while_there_is_no_administrator(
    household: World, settings: Any
) -> None:
    token = welcome.issue(settings.PICTOPY.data_dir)
    User.objects.filter(is_superuser=True).update(is_superuser=False)
    assert household.clients["anonymous"].get(reverse("site:welcome", args=[token])).status_code == 200
