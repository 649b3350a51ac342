"""The months are counted once and kept, and every write that changes them is seen at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gallery import access, libraries, months, services
from gallery.models import Library
from tests.factories import LibraryFactory, PhotoFactory, write_jpeg
from tests.importing import bring_in


def counts(user: User) -> dict[int, int]:
    """As a new request sees them; a viewer object remembers its libraries."""
    return {month.number: month.count for month in months.months(User.objects.get(pk=user.pk))}


def counted_anew(user: User) -> dict[int, int]:
    found: dict[int, int] = {}
    for photo in access.visible_to(User.objects.get(pk=user.pk)):
        found[photo.month] = found.get(photo.month, 0) + 1
    return found


def test_nothing_is_counted_again_while_nothing_changes(member: User) -> None:
    PhotoFactory(taken=dt.datetime(2020, 3, 1))
    assert counts(member) == {202003: 1}

    with CaptureQueriesContext(connection) as queries:
        assert counts(member) == {202003: 1}

    assert not [query for query in queries if "gallery_photo" in query["sql"]]


def test_only_the_library_that_changed_is_counted_again(member: User) -> None:
    quiet = PhotoFactory(taken=dt.datetime(2020, 3, 1)).library
    busy = PhotoFactory(taken=dt.datetime(2020, 3, 5)).library
    assert counts(member) == {202003: 2}
    PhotoFactory(library=busy, taken=dt.datetime(2021, 1, 1))

    with CaptureQueriesContext(connection) as queries:
        assert counts(member) == {202003: 2, 202101: 1}

    counting = [query["sql"] for query in queries if "gallery_photo" in query["sql"]]
    assert len(counting) == 1
    assert f"IN ({busy.pk})" in counting[0]
    assert quiet.pk != busy.pk


def test_each_person_sees_the_months_of_their_own_libraries(owner: User, member: User) -> None:
    PhotoFactory(taken=dt.datetime(2020, 3, 1))
    private = LibraryFactory(owner=owner, visibility=Library.Visibility.PRIVATE)
    PhotoFactory(library=private, taken=dt.datetime(2020, 3, 2))

    assert counts(owner) == {202003: 2}
    assert counts(member) == {202003: 1}


def remove(library: Library, folder: Path) -> None:
    libraries.remove_library(library)


def forget(library: Library, folder: Path) -> None:
    (folder / "b.jpg").unlink()
    bring_in(library)
    services.forget_missing(library)


def add(library: Library, folder: Path) -> None:
    write_jpeg(folder, "c.jpg", taken=dt.datetime(2019, 2, 2))
    bring_in(library)


def replace(library: Library, folder: Path) -> None:
    write_jpeg(folder, "b.jpg", taken=dt.datetime(2003, 2, 2), seed=9)
    bring_in(library)


@pytest.mark.parametrize("change", [add, replace, forget, remove])
def test_what_services_do_is_seen_at_once(
    change: Callable[[Library, Path], None], member: User, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    write_jpeg(folder, "a.jpg", taken=dt.datetime(2020, 1, 1))
    write_jpeg(folder, "b.jpg", taken=dt.datetime(2020, 2, 2), seed=2)
    library = LibraryFactory(root=str(folder))
    bring_in(library)
    before = counts(member)
    assert before == {202001: 1, 202002: 1}

    change(library, folder)

    assert counts(member) == counted_anew(member) != before
