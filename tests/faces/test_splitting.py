"""Somebody who is two people: the halves that are proposed, and how fast."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client

from faces import halves, splitting
from faces.models import Person
from tests.faces.conftest import House, look
from tests.factories import ClusterFactory, unit_vector


@pytest.mark.parametrize(("many", "few"), [(40, 40), (60, 3), (30, 1), (2, 1)])
def test_two_people_are_told_apart(many: int, few: int) -> None:
    faces = [look(1, shot) for shot in range(many)] + [look(2, shot) for shot in range(few)]
    found = halves.halve(faces)
    assert found is not None
    assert found.small == tuple(range(many, many + few)) or (many == few and found.small == tuple(range(many)))
    assert found.distance > 0.5


def test_what_cannot_be_compared_stays_with_the_larger_half() -> None:
    broken = [b"", bytes(512), np.full(128, np.nan, np.float32).tobytes(), bytes(12)]
    found = halves.halve([*broken, *(look(1, shot) for shot in range(5)), look(2, 1)])
    assert found is not None
    assert found.small == (9,)
    assert set(range(4)) <= set(found.large)
    assert halves.halve(broken) is None
    assert halves.halve([look(1)] * 50) is None, "a burst of one picture has no halves"


def test_halves_of_many_faces_take_less_than_a_moment() -> None:
    faces = [
        ((vector := unit_vector(1) + 0.9 * unit_vector(100 + shot)) / np.linalg.norm(vector)).astype(np.float32)
        for shot in range(splitting.MOST_FACES)
    ]
    times = []
    for _ in range(3):
        start = time.process_time()
        halves.halve([face.tobytes() for face in faces])
        times.append(time.process_time() - start)
    assert min(times) < 0.3


def test_pages_do_not_load_numpy_for_it() -> None:
    code = "import sys, faces.halves; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_page_ticks_the_smaller_half(owner_client: Client, house: House, anna: Person) -> None:
    other = [house.face(6, person=anna, state="assigned", is_confirmed=True) for _ in range(2)]
    page = owner_client.get(f"/people/{anna.pk}/split/").content.decode()
    ticked = [face.pk for face in anna.faces.all() if f'value="{face.pk}" checked' in page]
    assert sorted(ticked) == sorted(face.pk for face in other)
    page = owner_client.get(f"/people/{anna.pk}/split/?other=1").content.decode()
    assert sum(f'value="{face.pk}" checked' in page for face in anna.faces.all()) == 5
    data = {"face": ticked, "name": "Zoe", "next": f"/people/{anna.pk}/", "person": anna.pk}
    assert owner_client.post("/faces/name/", data)["Location"] == f"/people/{anna.pk}/"
    assert sorted(Person.objects.get(name="Zoe").faces.values_list("pk", flat=True)) == sorted(ticked)


def test_only_what_one_sees_is_compared(
    owner: User, member: User, member_client: Client, house: House, anna: Person
) -> None:
    shown = splitting.person_halves(member, anna)
    whole = splitting.person_halves(owner, anna)
    assert shown
    assert whole
    assert len(shown.large) + len(shown.small) == 3
    assert len(whole.large) + len(whole.small) == 5
    cluster = ClusterFactory()
    house.face(7, cluster=cluster)
    house.face(7, cluster=cluster, person=anna, state="assigned")
    house.face(7, cluster=cluster, is_private=True)
    page = member_client.get(f"/people/suggestions/{cluster.pk}/split/")
    assert "There is nothing to compare" in page.content.decode()
