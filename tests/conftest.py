"""Fixtures that every test may use."""

from __future__ import annotations

import dataclasses
import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client
from django.test.utils import override_settings
from hypothesis import settings as hypothesis_settings
from pytest_django.fixtures import Settings

from gallery import analysis, kept, paths
from gallery.models import Library
from tests.environment import DATA
from tests.factories import LibraryFactory
from tests.recorder import Recorder
from tests.thorough import USUAL

hypothesis_settings.register_profile("pictopy", max_examples=USUAL)
hypothesis_settings.load_profile("pictopy")

MIRROR = Path(os.environ["PICTOPY_MODEL_MIRROR"])
# Where tests without a folder of their own would write.
NOTHING = DATA / "nothing"
TEST_WEIGHTS = ("face_detection_yunet_2023mar.onnx", "mobilefacenet_128d.onnx", "yolox_nano.onnx")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    absent = [name for name in TEST_WEIGHTS if not (MIRROR / name).is_file()]
    for item in items:
        # The slow suite tries them again, with all their examples.
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker(pytest.mark.property)
        if {"db", "transactional_db"} & set(getattr(item, "fixturenames", ())) or item.get_closest_marker("django_db"):
            item.add_marker(pytest.mark.database)
        if absent and item.get_closest_marker("weights"):
            item.add_marker(pytest.mark.skip(reason=f"weights are not in {MIRROR.name}/: {', '.join(absent)}"))


def pytest_collection_finish() -> None:
    """What was collected stays: nobody need look through it for cycles."""
    gc.freeze()


def pytest_unconfigure() -> None:
    shutil.rmtree(DATA, ignore_errors=True)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """On SQLite the database is a file, one for each process, as a household has it.

    In memory, as Django would have it, a second thread that comes while the first writes is not made to wait but fails.
    """
    database = django_settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        database.setdefault("TEST", {})["NAME"] = str(DATA / "tests.sqlite3")


@pytest.fixture(autouse=True, scope="session")
def _quick_and_plain() -> Iterator[None]:
    """Fast password hashing and plain static files, set once: each setting costs every test a millisecond."""
    storages = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    hashers = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with override_settings(PASSWORD_HASHERS=hashers, STORAGES=storages):
        yield


@pytest.fixture(autouse=True)
def _own_data(request: pytest.FixtureRequest, settings: Settings) -> Iterator[None]:
    """A data directory of its own for every test that has the database or a folder; the others may write nothing."""
    is_pure = request.node.get_closest_marker("database") is None and "tmp_path" not in request.fixturenames
    base = NOTHING if is_pure else request.getfixturevalue("tmp_path")
    settings.PICTOPY = dataclasses.replace(
        django_settings.PICTOPY, data_dir=base / "data", models_dir=base / "models", roots=[base]
    )
    if not is_pure:
        settings.PICTOPY.data_dir.mkdir()
        settings.PICTOPY.models_dir.mkdir()
    kept.forget_all()  # ids and revisions begin anew with every test
    yield
    assert not NOTHING.exists(), "the test writes files: let it ask for tmp_path"


@pytest.fixture
def owner(db: None) -> User:
    """Owns a private library."""
    return User.objects.create_user("anna", password="anna-password")


@pytest.fixture
def member(db: None) -> User:
    """Lives in the house, owns nothing."""
    return User.objects.create_user("tom", password="tom-password")


@pytest.fixture
def admin(db: None) -> User:
    return User.objects.create_superuser("root", password="root-password")


def signed_in(user: User) -> Client:
    """A client with a session of its own, without the ceremony of signing in, which takes longer than most tests."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    client = Client()
    client.cookies[django_settings.SESSION_COOKIE_NAME] = session.session_key
    return client


@pytest.fixture
def owner_client(owner: User) -> Client:
    return signed_in(owner)


@pytest.fixture
def member_client(member: User) -> Client:
    return signed_in(member)


@pytest.fixture
def admin_client(admin: User) -> Client:
    return signed_in(admin)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder for the photos of `library`."""
    made = tmp_path / "photos"
    made.mkdir()
    return made


@pytest.fixture
def library(db: None, folder: Path) -> Library:
    """A household library on `folder`."""
    return LibraryFactory(root=paths.to_text(str(folder)))


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """The only analyzer there is."""
    made = Recorder()
    monkeypatch.setattr(analysis, "_analyzers", {made.name: made})
    return made
