"""Accounts of the household: adding, closing, roles, passwords and one-time links."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from pictopy_site import accounts, welcome
from pictopy_site.accounts import Role
from tests.factories import AlbumFactory

PASSWORD = "another sentence 8"
LIST = "/accounts/"
TWICE = {"new_password1": PASSWORD, "new_password2": PASSWORD}


def edit(client: Client, user: User, **form: str) -> Any:
    return client.post(reverse("site:account_edit", args=[user.pk]), form)


def link_for(client: Client, user: User) -> str:
    link: str = client.get(reverse("site:account_link", args=[user.pk])).context["link"]
    assert link.startswith("http://testserver/password/")
    return link.removeprefix("http://testserver")


def open_link(client: Client, link: str) -> str:
    """The address of the form that the link leads to; the token is not in it."""
    response = client.get(link)
    assert response.status_code == 302, response.content.decode()
    return str(response.headers["Location"])


def can_sign_in(name: str, password: str) -> bool:
    return Client().post("/login/", {"username": name, "password": password}).status_code == 302


# --- who


def test_administrators_find_the_page_in_their_menu_and_members_do_not(
    admin_client: Client, member_client: Client
) -> None:
    assert f'href="{LIST}"' in admin_client.get("/").content.decode()
    assert f'href="{LIST}"' not in member_client.get("/").content.decode()


def test_members_and_those_with_some_rights_change_no_account(member: User, member_client: Client, admin: User) -> None:
    new = {"username": "eve", "role": "administrator", "password1": PASSWORD, "password2": PASSWORD}
    for is_staff in (False, True):
        User.objects.filter(pk=member.pk).update(is_staff=is_staff)
        before = list(User.objects.order_by("pk").values_list())
        for name in ("account_edit", "account_password", "account_link"):
            for pk in (admin.pk, member.pk):
                address = reverse(f"site:{name}", args=[pk])
                assert member_client.get(address).status_code == 404
                assert member_client.post(
                    address, TWICE | {"role": "administrator", "is_active": "on"}
                ).status_code in {
                    404,
                    405,
                }
        assert member_client.post("/accounts/add/", new).status_code == 404
        assert list(User.objects.order_by("pk").values_list()) == before


def test_the_list_names_everybody_with_one_question(admin: User, admin_client: Client, member: User) -> None:
    User.objects.create_user("zoe", is_active=False)
    User.objects.create_user("bob", is_staff=True)

    def page() -> tuple[str, int]:
        with CaptureQueriesContext(connection) as queries:
            text = admin_client.get(LIST).content.decode()
        return text, len(queries)

    text, count = page()
    shown = text.split('<ul class="rows accounts')[1]
    names = [name for name in ("bob", "root", "tom", "zoe") if f"<b>{name}</b>" in shown]
    assert names == ["bob", "root", "tom", "zoe"]
    assert shown.index("<b>tom<") < shown.index("<b>zoe<")
    assert ("administrator</span>" in shown, "closed</span>" in shown, "some rights</span>" in shown) == (True,) * 3
    for number in range(10):
        User.objects.create_user(f"more{number}")
    assert page()[1] == count


# --- adding


def test_an_account_with_a_password(admin_client: Client) -> None:
    form = {"username": "lena", "role": "member", "password1": PASSWORD, "password2": PASSWORD}
    response = admin_client.post("/accounts/add/", form)
    assert (response.status_code, response.headers["Location"]) == (303, LIST)
    assert can_sign_in("lena", PASSWORD)
    lena = User.objects.get(username="lena")
    assert (lena.is_staff, lena.is_superuser) == (False, False)


def test_an_account_without_one_gets_a_link_that_works_once(admin_client: Client) -> None:
    response = admin_client.post("/accounts/add/", {"username": "lena", "role": "administrator"})
    lena = User.objects.get(username="lena")
    assert response.headers["Location"] == reverse("site:account_link", args=[lena.pk])
    assert not lena.has_usable_password()
    assert (lena.is_staff, lena.is_superuser) == (True, True)

    link, browser = link_for(admin_client, lena), Client()
    form = open_link(browser, link)
    assert "lena" in browser.get(form).content.decode()
    done = browser.post(form, TWICE)
    assert (done.status_code, done.headers["Location"]) == (302, "/")
    assert browser.get("/").status_code == 200  # signed in
    assert can_sign_in("lena", PASSWORD)

    again = Client().get(link)
    assert again.status_code == 404
    assert "This link was used" in again.content.decode()
    assert reverse("site:login") in again.content.decode()


@pytest.mark.parametrize(
    "change",
    [
        {"password2": ""}, {"password1": ""}, {"password2": "something else 9"}, {"username": "TOM"}, {"username": ""},
        {"username": "a b"}, {"password1": "12345678", "password2": "12345678"}, {"role": "owner"}, {"role": ""},
    ],
)  # fmt: skip
def test_bad_input_is_explained(admin_client: Client, member: User, change: dict[str, str]) -> None:
    form = {"username": "lena", "role": "member", "password1": PASSWORD, "password2": PASSWORD}
    response = admin_client.post("/accounts/add/", form | change)
    assert response.status_code == 422
    assert 'class="error"' in response.content.decode()
    assert User.objects.count() == 2


def test_a_name_that_was_given_away_in_the_same_moment_is_taken(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch, member: User
) -> None:
    monkeypatch.setattr("pictopy_site.forms.AddAccountForm.clean_username", lambda form: "tom")
    monkeypatch.setattr("pictopy_site.forms.AddAccountForm.validate_unique", lambda form: None)
    response = admin_client.post("/accounts/add/", {"username": "tom", "role": "member"})
    assert response.status_code == 422
    assert "This name is taken." in response.content.decode()


# --- changing


def test_an_account_is_closed_at_once_and_opened_again_with_all_that_is_in_it(
    admin_client: Client, owner: User, owner_client: Client
) -> None:
    AlbumFactory(owner=owner, name="Summer")
    assert owner_client.get("/albums/").status_code == 200
    assert edit(admin_client, owner, role="member").headers["Location"] == LIST
    assert owner_client.get("/albums/").status_code == 302
    assert not can_sign_in("anna", "anna-password")
    edit(admin_client, owner, role="member", is_active="on")
    assert can_sign_in("anna", "anna-password")
    assert "Summer" in owner_client.get("/albums/").content.decode()


def test_roles_are_given_and_taken(admin_client: Client, member: User, member_client: Client) -> None:
    edit(admin_client, member, role="administrator", is_active="on")
    assert member_client.get(LIST).status_code == 200
    edit(admin_client, member, role="member", is_active="on")
    assert member_client.get(LIST).status_code == 404
    assert member_client.get("/admin/").status_code == 302


def test_rights_that_were_given_by_hand_stay_while_the_role_does(admin_client: Client, member: User) -> None:
    User.objects.filter(pk=member.pk).update(is_staff=True)
    edit(admin_client, member, role="member", is_active="on")
    member.refresh_from_db()
    assert member.is_staff


@pytest.mark.parametrize("form", [{"role": "member", "is_active": "on"}, {"role": "administrator"}, {"role": "member"}])
def test_the_last_administrator_stays(admin: User, admin_client: Client, member: User, form: dict[str, str]) -> None:
    User.objects.create_superuser("closed", is_active=False)  # does not count
    User.objects.create_user("half", is_superuser=True)  # nor does one whom the administration does not let in
    response = edit(admin_client, admin, **form)
    assert response.status_code == 422
    assert "This is the last administrator" in response.content.decode()
    admin.refresh_from_db()
    assert (admin.is_active, admin.is_staff, admin.is_superuser) == (True, True, True)
    accounts.change_account(member.pk, role=Role.ADMINISTRATOR, is_active=True)
    assert edit(admin_client, admin, **form).status_code == 303


def test_whoever_gives_up_administering_is_led_home(admin: User, admin_client: Client, member: User) -> None:
    accounts.change_account(member.pk, role=Role.ADMINISTRATOR, is_active=True)
    assert edit(admin_client, admin, role="member", is_active="on").headers["Location"] == "/"


@pytest.mark.skipif(connection.vendor == "sqlite", reason="there transactions that write come one after the other")
@pytest.mark.django_db(transaction=True)
def test_of_two_who_close_each_other_s_account_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = [User.objects.create_superuser(name) for name in ("anna", "berta")]
    start, refused, ask = threading.Barrier(2, timeout=10), [], accounts.keep_an_administrator

    def ask_and_dawdle(**arguments: Any) -> None:
        ask(**arguments)
        time.sleep(0.5)

    monkeypatch.setattr(accounts, "keep_an_administrator", ask_and_dawdle)

    def close(user: User) -> None:
        try:
            start.wait()
            accounts.change_account(user.pk, role=Role.ADMINISTRATOR, is_active=False)
        except accounts.LastAdministrator:
            refused.append(user)
        finally:
            connection.close()

    threads = [threading.Thread(target=close, args=[user]) for user in pair]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(refused) == 1
    assert accounts.administrators().count() == 1


# --- Django's own administration


@pytest.fixture
def only_admin(admin: User, member: User) -> Iterator[User]:
    yield admin
    admin.refresh_from_db()
    assert (admin.is_active, admin.is_staff, admin.is_superuser) == (True, True, True)


@pytest.mark.parametrize("left_out", ["is_active", "is_staff", "is_superuser"])
def test_the_administration_keeps_the_last_one_as_well(only_admin: User, admin_client: Client, left_out: str) -> None:
    form = {"username": "root", "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    form |= {"date_joined_0": "2024-01-01", "date_joined_1": "00:00:00"}
    address = reverse("admin:auth_user_change", args=[only_admin.pk])
    assert admin_client.post(address, form).status_code == 302
    del form[left_out]
    response = admin_client.post(address, form)
    assert response.status_code == 200
    assert "This is the last administrator" in response.content.decode()


def test_the_administration_deletes_no_last_one(only_admin: User, admin_client: Client, member: User) -> None:
    address = reverse("admin:auth_user_delete", args=[only_admin.pk])
    assert "last administrator" in admin_client.get(address).content.decode()
    admin_client.post(address, {"post": "yes"})
    selected = {"action": "delete_selected", "_selected_action": [only_admin.pk, member.pk], "post": "yes"}
    admin_client.post(reverse("admin:auth_user_changelist"), selected)
    assert User.objects.filter(pk=member.pk).exists()


def test_a_closed_account_administers_nothing_so_that_a_welcome_link_is_made(admin: User) -> None:
    assert welcome.has_administrator()
    User.objects.update(is_active=False)
    assert not welcome.has_administrator()


# --- passwords


def test_a_password_is_set_which_signs_out_and_lets_in_again(
    admin_client: Client, member: User, member_client: Client, client: Client
) -> None:
    for _ in range(6):
        refused = client.post("/login/", {"username": "tom", "password": "wrong"})
    assert refused.status_code == 429
    address = reverse("site:account_password", args=[member.pk])
    assert admin_client.post(address, TWICE | {"new_password2": "x"}).status_code == 422
    assert admin_client.post(address, TWICE).headers["Location"] == LIST
    assert not AccessAttempt.objects.exists()
    assert can_sign_in("tom", PASSWORD)
    assert member_client.get("/").status_code == 302


def test_one_s_own_password_takes_the_old_one(admin: User, admin_client: Client) -> None:
    for name in ("account_password", "account_link"):
        assert admin_client.get(reverse(f"site:{name}", args=[admin.pk])).status_code == 404
    page = admin_client.get(reverse("site:account_edit", args=[admin.pk])).content.decode()
    assert reverse("site:password") in page.split("<main")[1]


def test_a_lost_password_is_chosen_anew_and_the_old_one_works_until_then(admin_client: Client, member: User) -> None:
    link, browser = link_for(admin_client, member), Client()
    form = open_link(browser, link)
    assert browser.post(form, TWICE | {"new_password2": "x"}).status_code == 422
    member.refresh_from_db()
    assert member.check_password("tom-password")
    browser.post(form, TWICE)
    member.refresh_from_db()
    assert member.check_password(PASSWORD)


@pytest.fixture
def in_the_way(admin_client: Client, member: User) -> dict[str, Callable[[], object]]:
    """What makes a link worthless before anybody used it."""
    return {
        "closed": lambda: edit(admin_client, member, role="member"),
        "signed in meanwhile": lambda: can_sign_in("tom", "tom-password"),
        "too old": lambda: User.objects.filter(pk=member.pk).update(last_login=timezone.now() + dt.timedelta(days=4)),
        "deleted": member.delete,
    }


@pytest.mark.parametrize("what", ["closed", "signed in meanwhile", "too old", "deleted"])
def test_links_that_are_over_have_a_page(
    admin_client: Client, member: User, in_the_way: dict[str, Callable[[], object]], what: str
) -> None:
    link = link_for(admin_client, member)
    in_the_way[what]()
    response = Client().get(link)
    assert response.status_code == 404
    assert "This link was used" in response.content.decode()


@pytest.mark.parametrize(
    "path", ["/password/x/y/", "/password/MQ/set-password/", "/password/OTk5OTk5OTk5OTk5OTk5OTk5OTk/y/"]
)
@pytest.mark.django_db
def test_links_that_never_were_have_the_same(client: Client, path: str) -> None:
    assert client.get(f"/password/{path}/").status_code == 404
    assert client.post(f"/password/{path}/", TWICE).status_code == 404


def test_a_link_for_this_machine_says_so(admin_client: Client, member: User) -> None:
    address = reverse("site:account_link", args=[member.pk])
    for host, is_local in (("127.0.0.1:8000", True), ("localhost", True), ("192.168.1.7", False), ("nas.local", False)):
        page = admin_client.get(address, headers={"host": host}).content.decode()
        assert f"http://{host}/password/" in page
        assert ("on this machine alone" in page) == is_local
