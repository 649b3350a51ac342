"""Somebody who is two people: the halves that are proposed, and how fast."""

from __future__ import annotations

import time

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client

from faces import halves, splitting
from faces.models import FacePair, Person
from tests.faces.conftest import House, look
from tests.factories import ClusterFactory, PersonFactory, PhotoFactory, unit_vector


@pytest.mark.parametrize(("many", "few"), [(40, 40), (60, 3), (30, 1), (2, 1)])
def test_two_people_are_told_apart(many: int, few: int) -> None:
    faces = [look(1, shot) for shot in range(many)] + [look(2, shot) for shot in range(few)]
    found = halves.halve(faces)
    assert found is not None
    assert found.small == tuple(range(many, many + few)) or (many == few and found.small == tuple(range(many)))
    assert found.distance > 0.5


def blurred(who: int, shot: int) -> bytes:
    """A face of somebody that is further from their others than from some of a look-alike's."""
    alike = unit_vector(1) + 0.55 * unit_vector(10 + who) + 1.5 * unit_vector(1000 * who + shot)
    return (alike / np.linalg.norm(alike)).astype(np.float32).tobytes()


def right(found: halves.Halves | None, many: int, few: int) -> float:
    """The share of faces in the right half, where the first `many` are of the one."""
    assert found is not None
    is_second = np.isin(np.arange(many + few), found.small)
    share = float((is_second == (np.arange(many + few) >= many)).mean())
    return max(share, 1 - share)


@pytest.mark.slow
@pytest.mark.parametrize(("many", "few"), [(20, 20), (24, 8)])
def test_look_alikes_are_told_apart_by_photos_of_both(many: int, few: int) -> None:
    shares: dict[int, list[float]] = {}
    for pair in range(8):
        one, other = 2 * pair, 2 * pair + 1
        faces = [blurred(one, shot) for shot in range(many)] + [blurred(other, shot) for shot in range(few)]
        for photos in (0, few // 2, few):
            found = halves.halve(faces, beside=[(shot, many + shot) for shot in range(photos)])
            shares.setdefault(photos, []).append(right(found, many, few))
    none, some, all_of_them = (float(np.mean(it)) for it in shares.values())
    assert some > none + 0.05
    assert all_of_them > none + 0.1
    assert all_of_them >= some


def test_what_is_known_of_pairs_holds_as_far_as_it_does_not_contradict_itself() -> None:
    faces = [look(1, shot) for shot in range(6)] + [look(2, shot) for shot in range(4)]

    def sides(**pairs: list[halves.Pair]) -> list[bool]:
        found = halves.halve(faces, **pairs)
        assert found is not None
        return [place in found.small for place in range(len(faces))]

    assert sides() == [False] * 6 + [True] * 4
    assert sides(together=[(0, 9)])[0] == sides(together=[(0, 9)])[9]
    both = sides(apart=[(0, 1), (1, 2)], together=[(0, 2), (0, 1)], beside=[(0, 2), (5, 9)])
    assert (both[0] == both[2], both[0] == both[1], both[5] == both[9]) == (True, False, False)
    broken = halves.halve([b"", *faces], beside=[(0, 1), (6, 10)])
    assert broken is not None
    assert 0 in broken.large


def test_two_faces_of_one_photo_part_who_was_merged(owner: User, house: House) -> None:
    person = PersonFactory(name="Both")
    named = {"person": person, "state": "assigned", "is_confirmed": True}
    photos = PhotoFactory.create_batch(8, library=house.library)
    rows = [[house.face(9, photo=photo, embedding=blurred(who, at), **named) for at, photo in enumerate(photos)]
            for who in (3, 4)]  # fmt: skip
    mirrored = PhotoFactory(library=house.library)
    twice = [house.face(9, photo=mirrored, embedding=blurred(3, 50), **named) for _ in range(2)]
    proposal = splitting.person_halves(owner, person)
    assert proposal is not None
    small = {face.id for face in proposal.small}
    assert all((one.pk in small) != (other.pk in small) for one, other in zip(*rows, strict=True))
    assert len(small & {face.pk for face in twice}) in {0, 2}, "a mirror shows one person twice"
    one, other = sorted(twice, key=lambda face: face.pk)
    FacePair.objects.create(one=one, other=other, is_same=False)
    proposal = splitting.person_halves(owner, person)
    assert proposal is not None
    assert len({face.id for face in proposal.small} & {one.pk, other.pk}) == 1, "unless somebody said that it does not"


def test_what_cannot_be_compared_stays_with_the_larger_half() -> None:
    broken = [b"", bytes(512), np.full(128, np.nan, np.float32).tobytes(), bytes(12)]
    found = halves.halve([*broken, *(look(1, shot) for shot in range(5)), look(2, 1)])
    assert found is not None
    assert found.small == (9,)
    assert set(range(4)) <= set(found.large)
    assert halves.halve(broken) is None
    assert halves.halve([look(1)] * 50) is None, "a burst of one picture has no halves"


@pytest.mark.slow
def test_halves_of_many_faces_take_less_than_a_moment() -> None:
    faces = [
        ((vector := unit_vector(1) + 0.9 * unit_vector(100 + shot)) / np.linalg.norm(vector)).astype(np.float32)
        for shot in range(splitting.MOST_FACES)
    ]
    times = []
    for _ in range(3):
        start = time.process_time()
        pairs = [(place, place + 1) for place in range(0, splitting.MOST_FACES, 2)]
        halves.halve([face.tobytes() for face in faces], beside=pairs)
        times.append(time.process_time() - start)
    assert min(times) < 0.3


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
