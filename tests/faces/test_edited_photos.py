"""A photo that was edited in place: names follow the faces to where they are now, and nothing is drawn elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client

from faces import people
from faces.models import Clustering, Face, Person, Refusal
from faces.panels import people_panel
from faces.same_face import distance
from gallery.models import Photo
from tests.faces.conftest import House, look
from tests.faces.test_analyzer import found, save
from tests.factories import PersonFactory

Regroup = Callable[[], Clustering]

ANNA, TOM = 1, 2


def edit(photo: Photo) -> None:
    """Other bytes under the same path: what the recording of a batch writes before the analyzers."""
    photo.digest = "e" * 64
    photo.save()


def anna_in(house: House, **fields: object) -> Face:
    values = {"person": PersonFactory(name="Anna"), "state": "assigned", "is_confirmed": True, "x": 0.1}
    return house.face(ANNA, **{**values, **fields})


def again(face: Face) -> Face:
    return Face.objects.select_related("photo").get(pk=face.pk)


def shown(viewer: User, photo: Photo) -> list[tuple[str, float]]:
    """Names and places of the boxes over a photo."""
    panel = people_panel(viewer, Photo.objects.get(pk=photo.pk))
    return [(box.name, box.x) for box in panel.boxes] if panel else []


def test_a_face_at_about_the_same_place_keeps_its_person(house: House, owner: User) -> None:
    face = anna_in(house)
    edit(face.photo)
    save(face.photo, found(0.13, who=ANNA))
    assert (again(face).person, again(face).is_confirmed, again(face).x) == (face.person, True, 0.13)
    assert face.photo.faces.count() == 1
    assert shown(owner, face.photo) == [("Anna", 0.13)]


def test_a_face_that_an_edit_moved_is_known_by_its_looks(house: House, owner: User) -> None:
    face = anna_in(house)
    edit(face.photo)  # turned around, say: Tom is now where Anna was
    save(face.photo, found(0.1, who=TOM), found(0.7, who=ANNA))
    assert (again(face).x, again(face).person) == (0.7, face.person)
    assert set(shown(owner, face.photo)) == {("Unknown", 0.1), ("Anna", 0.7)}


def test_two_people_who_changed_places_keep_their_names(house: House) -> None:
    anna = anna_in(house)
    tom = house.face(TOM, photo=anna.photo, person=PersonFactory(), state="assigned", is_confirmed=True, x=0.6)
    edit(anna.photo)
    save(anna.photo, found(0.1, who=TOM), found(0.6, who=ANNA))
    assert (again(anna).x, again(tom).x) == (0.6, 0.1)
    assert (again(anna).person, again(tom).person) == (anna.person, tom.person)


def test_somebody_else_at_the_same_place_does_not_get_the_name(house: House, owner: User) -> None:
    face = anna_in(house)
    edit(face.photo)
    save(face.photo, found(0.1, who=TOM))
    assert shown(owner, face.photo) == [("Unknown", 0.1)]
    assert face.photo.faces.exclude(pk=face.pk).get().person is None
    kept = again(face)
    assert (kept.person, kept.is_confirmed, kept.is_placed) == (face.person, True, False)


def test_without_looks_to_compare_the_place_decides(house: House) -> None:
    face = anna_in(house, model="an older model")
    edit(face.photo)
    save(face.photo, found(0.12, who=ANNA), found(0.7, who=ANNA))
    assert (again(face).x, again(face).person) == (0.12, face.person)


@pytest.mark.slow
def test_who_was_cut_out_stays_in_the_photo_but_is_drawn_nowhere(
    house: House, owner: User, owner_client: Client
) -> None:
    face = anna_in(house, quality=0.9)
    anna = face.person
    assert anna
    other = house.face(ANNA, person=anna, state="assigned", is_confirmed=True, quality=0.2)
    anna.cover = face
    anna.save()
    (before,) = people.face_thumbs(Face.objects.filter(pk=face.pk))
    edit(face.photo)
    for _ in range(2):  # also while nobody has looked at the new content yet
        (thumb,) = people.face_thumbs(Face.objects.filter(pk=face.pk))
        assert thumb.src == ""
        assert shown(owner, face.photo) == []
        assert owner_client.get(before.src).status_code == 404
        assert people.photo_counts(owner, [anna.pk]) == {anna.pk: 2}
        save(face.photo)
    assert people.person_covers(owner, [anna.pk])[anna.pk].id == other.pk
    page = owner_client.get(f"/photos/{face.photo_id}/").content.decode()
    assert "Anna" in page
    assert "not found in the photo since it was edited" in page
    for url in (f"/people/{anna.pk}/", f"/people/{anna.pk}/faces/", "/people/"):
        assert 'src=""' not in owner_client.get(url).content.decode()


def test_the_earlier_content_coming_back_puts_everyone_back(house: House, owner: User) -> None:
    photo = anna_in(house).photo
    face = photo.faces.get()
    original = photo.digest
    edit(photo)
    save(photo)
    photo.digest = original
    photo.save()
    assert shown(owner, photo) == [("Anna", 0.1)]
    save(photo, found(0.1, who=ANNA, embedding=bytes(face.embedding or b""), quality=face.quality))
    assert (again(face).is_placed, again(face).quality, photo.faces.count()) == (True, face.quality, 1)


def test_a_guess_that_must_be_kept_for_a_refusal_leaves_its_person_and_group(house: House, regroup: Regroup) -> None:
    tom = PersonFactory()
    house.faces(ANNA, 3)
    regroup()
    face = house.face(ANNA, person=PersonFactory(), state="assigned", x=0.1)
    Refusal.objects.create(face=face, person=tom)
    regroup()
    edit(face.photo)
    save(face.photo)
    assert (again(face).person, again(face).state, again(face).cluster) == (None, "unknown", None)
    regroup()
    assert again(face).cluster is None
    assert Refusal.objects.filter(face=face, person=tom).exists()


def test_what_was_no_face_is_one_when_a_face_is_there_now(house: House) -> None:
    face = house.face(ANNA, x=0.1, state="not_a_face")
    edit(face.photo)
    save(face.photo, found(0.1, who=TOM))
    assert again(face).state == "not_a_face"
    assert face.photo.faces.get(state="unknown").x == 0.1


def test_a_lost_face_still_tells_what_its_person_looks_like(house: House, regroup: Regroup) -> None:
    face = anna_in(house)
    edit(face.photo)
    save(face.photo)
    later = house.face(ANNA)
    regroup()
    assert Person.objects.get(faces=later) == face.person


@pytest.mark.parametrize("other", [b"", look(ANNA)[:-4], b"abc"])
def test_what_cannot_be_compared_has_no_distance(other: bytes) -> None:
    assert distance(look(ANNA), other) is None
    assert distance(np.full(128, np.nan, np.float32).tobytes(), look(ANNA)) is None
    assert distance(look(ANNA), look(ANNA)) == pytest.approx(0, abs=1e-6)
