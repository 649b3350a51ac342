"""Who is who is followed from run to run, by what was kept in memory or in a file: as a run from nothing says it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from faces.grouping import matches
from faces.models import Clustering, Face, Person
from tests.faces.conftest import MODEL, House
from tests.factories import PersonFactory

Regroup = Callable[[], Clustering]


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are written after every run, and read before each."""
    monkeypatch.setattr(matches, "_LEAST", -1)
    monkeypatch.setattr(matches, "_SHARE", 0.0)


def confirm(face: Face, person: Person) -> None:
    Face.objects.filter(pk=face.pk).update(person=person, state="assigned", is_confirmed=True)


def people() -> list[int | None]:
    return list(Face.objects.order_by("pk").values_list("person", flat=True))


def test_a_worker_that_starts_anew_goes_on_from_the_file(
    house: House, regroup: Regroup, written: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, *_ = house.faces(1, 3)
    mia = PersonFactory(name="Mia")
    regroup()
    matches.forget()
    confirm(one, mia)
    monkeypatch.setattr("faces.matching.match", None)
    regroup()
    assert people() == [mia.pk] * 3


def test_a_damaged_file_costs_a_run_from_nothing(house: House, regroup: Regroup, written: None) -> None:
    one, *_ = house.faces(1, 3)
    regroup()
    matches.forget()
    file = matches.path(MODEL)
    file.write_bytes(file.read_bytes()[:-9])
    confirm(one, PersonFactory(name="Mia"))
    regroup()
    assert None not in people()


@pytest.mark.slow
def test_a_blurred_face_that_somebody_confirms_says_who_others_are(house: House, regroup: Regroup) -> None:
    blurred, other = house.face(1, quality=0.1), house.face(1)
    mia = PersonFactory(name="Mia")
    regroup()
    confirm(blurred, mia)
    regroup()
    other.refresh_from_db()
    assert other.person == mia
    Face.objects.filter(pk=blurred.pk).update(person=None, state="unknown", is_confirmed=False)
    regroup()
    assert people() == [None, None]
