"""The one-time link of the first administrator."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from pictopy_site import welcome

FORM = {"username": "anna", "password1": "a long sentence 7", "password2": "a long sentence 7"}


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return settings.PICTOPY.data_dir


@pytest.fixture
def link(db: None, data_dir: Path) -> str:
    return reverse("site:welcome", args=[welcome.issue(data_dir)])


def test_the_link_makes_the_first_administrator_and_signs_them_in(client: Client, link: str) -> None:
    assert client.get(link).status_code == 200
    response = client.post(link, FORM)
    assert response.headers["Location"] == "/"
    user = User.objects.get()
    assert user.is_superuser
    assert user.is_staff
    assert client.session["_auth_user_id"] == str(user.pk)


def test_the_link_works_once(client: Client, link: str) -> None:
    client.post(link, FORM)
    stranger = Client()
    page = stranger.get(link)
    assert page.status_code == 404
    assert "This link was used" in page.content.decode()
    assert f'href="{reverse("site:login")}"' in page.content.decode()
    assert stranger.post(link, FORM | {"username": "mallory"}).status_code == 404
    assert User.objects.count() == 1


def test_a_wrong_token_is_not_there(client: Client, link: str) -> None:
    for token in ("x", "a" * 32, "é", "%00"):
        assert client.get(f"/welcome/{token}/").status_code == 404


def test_with_an_administrator_the_link_is_worth_nothing(client: Client, link: str) -> None:
    User.objects.create_superuser("root", password="x")
    assert client.get(link).status_code == 404
    assert client.post(link, FORM).status_code == 404


def test_a_new_start_makes_earlier_links_worthless(client: Client, link: str, data_dir: Path) -> None:
    second = reverse("site:welcome", args=[welcome.issue(data_dir)])
    page = client.get(link)
    assert page.status_code == 404
    assert "the last one printed works" in page.content.decode()
    assert client.get(second).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"password2": "another"},
        {"password1": "12345678", "password2": "12345678"},
        {"password1": "short1x", "password2": "short1x"},
        {"username": ""},
        {"username": "a b"},
        {"username": "TOM"},
    ],
)
def test_bad_input_is_explained_and_the_link_stays(client: Client, link: str, change: dict[str, str]) -> None:
    User.objects.create_user("tom")
    response = client.post(link, FORM | change)
    assert response.status_code == 422
    assert b"error" in response.content
    assert client.get(link).status_code == 200
    assert not User.objects.filter(is_superuser=True).exists()


def test_only_the_hash_is_kept_and_only_we_can_read_it(data_dir: Path) -> None:
    token = welcome.issue(data_dir)
    (file,) = (path for path in data_dir.iterdir() if path.is_file())
    assert token not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.django_db
def test_of_two_at_the_same_moment_one_is_made(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    welcome.issue(data_dir)
    # Both requests looked before either of them wrote.
    monkeypatch.setattr(welcome, "has_administrator", lambda: False)
    welcome.create_administrator(data_dir, username="anna", password="a long sentence 7")
    with pytest.raises(welcome.LinkUsed):
        welcome.create_administrator(data_dir, username="mallory", password="a long sentence 7")
    assert [user.username for user in User.objects.all()] == ["anna"]
