"""Signing in and out, passwords, and the pages for what went wrong."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.urls import reverse

from pictopy_site import views

LOGIN = "/login/"


def sign_in(client: Client, name: str = "anna", password: str = "anna-password", **more: str) -> object:
    return client.post(LOGIN, {"username": name, "password": password, **more})


@pytest.mark.django_db
def test_whoever_is_not_signed_in_is_asked_to(client: Client) -> None:
    response = client.get("/libraries/")
    assert response.status_code == 302
    assert response.headers["Location"] == "/login/?next=/libraries/"


@pytest.mark.django_db
def test_the_first_visitor_learns_how_the_administrator_is_made(client: Client) -> None:
    page = client.get("/", follow=True)
    assert "The first administrator is made with the link" in page.content.decode()


def test_later_visitors_do_not(client: Client, admin: User) -> None:
    assert "first administrator" not in client.get(LOGIN).content.decode()


def test_signing_in_leads_to_where_one_wanted_to_go(client: Client, owner: User) -> None:
    response = client.post(LOGIN + "?next=/libraries/", {"username": "anna", "password": "anna-password"})
    assert (response.status_code, response.headers["Location"]) == (302, "/libraries/")


@pytest.mark.parametrize("target", ["https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)"])
def test_signing_in_never_leads_elsewhere(client: Client, owner: User, target: str) -> None:
    response = client.post(LOGIN, {"username": "anna", "password": "anna-password", "next": target})
    assert response.headers["Location"] == "/"


def test_a_wrong_password_is_explained(client: Client, owner: User) -> None:
    response = client.post(LOGIN, {"username": "anna", "password": "wrong"})
    assert response.status_code == 422
    assert "correct username and password" in response.content.decode()


def test_five_wrong_passwords_lock_the_name_for_this_address(client: Client, owner: User) -> None:
    for _ in range(5):
        response = client.post(LOGIN, {"username": "anna", "password": "wrong"})
    assert response.status_code == 429
    assert "Too many attempts" in response.content.decode()
    assert client.post(LOGIN, {"username": "anna", "password": "anna-password"}).status_code == 429
    other = client.post(LOGIN, {"username": "anna", "password": "anna-password"}, REMOTE_ADDR="10.0.0.7")
    assert other.status_code == 302


def test_signing_out_takes_a_post(owner_client: Client) -> None:
    assert owner_client.get("/logout/").status_code == 405
    assert owner_client.post("/logout/").headers["Location"] == LOGIN
    assert owner_client.get("/").status_code == 302


def test_a_password_can_be_changed(owner_client: Client, owner: User) -> None:
    new = {
        "old_password": "anna-password",
        "new_password1": "another sentence 8",
        "new_password2": "another sentence 8",
    }
    assert owner_client.post("/password/", new | {"old_password": "x"}).status_code == 422
    assert owner_client.post("/password/", new).status_code == 302
    owner.refresh_from_db()
    assert owner.check_password("another sentence 8")


@pytest.mark.django_db
def test_health_says_ok_and_nothing_else(client: Client) -> None:
    response = client.get("/health/")
    assert response.content == b"ok"
    assert "Set-Cookie" not in response.headers


def test_what_is_not_there_has_a_page(owner_client: Client) -> None:
    response = owner_client.get("/nowhere/")
    assert response.status_code == 404
    assert "There is nothing here" in response.content.decode()


@pytest.mark.django_db
def test_what_is_not_there_is_the_same_for_strangers(client: Client) -> None:
    assert client.get("/nowhere/").status_code == 404


def test_a_form_that_is_too_old_has_a_page(owner: User) -> None:
    client = Client(enforce_csrf_checks=True)
    response = client.post(LOGIN, {"username": "anna", "password": "anna-password"})
    assert response.status_code == 403
    assert "Please try again" in response.content.decode()


def test_the_error_page_needs_no_database(rf: RequestFactory) -> None:
    response = views.server_error(rf.get("/"))
    assert response.status_code == 500
    assert "Something went wrong" in response.content.decode()


@pytest.mark.parametrize("name", ["site:login", "site:health"])
@pytest.mark.django_db
def test_pages_forbid_scripts_from_elsewhere(client: Client, name: str) -> None:
    policy = client.get(reverse(name)).headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
