"""Faces that people draw: they are there for good, one with what a detector finds later, and compared like others."""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from PIL import Image, ImageDraw
from pytest_django.fixtures import Settings

from faces import drawing, services, undo
from faces.keeper import FaceKeeper
from faces.models import Clustering, Event, Face, Person, SpareEmbedding
from faces.shadow import drawn, embedding
from faces.shadow.close_look import look_closely
from faces.vision import DetectedFace, load_face_detector
from gallery.doctor import registry
from gallery.doctor.registry import Look
from gallery.models import File, Library, Photo
from gallery.vision import catalog
from tests.conftest import MIRROR
from tests.faces.conftest import MODEL, House
from tests.faces.test_analyzer import found, save
from tests.factories import FaceFactory, PersonFactory, PhotoFactory, write_jpeg
from tests.importing import sha256

BOX = {"left": "10", "top": "20", "width": "20", "height": "30"}


def draw(client: Client, photo: Photo, **data: Any) -> Any:
    return client.post(reverse("faces:face_draw", args=[photo.pk]), BOX | data)


def the_drawn(photo: Photo) -> Face:
    return photo.faces.get(is_drawn=True)


def last_event() -> Event:
    return Event.objects.order_by("-pk")[0]


def test_a_face_is_drawn_named_shown_and_taken_back(house: House, member: User, member_client: Client) -> None:
    photo = PhotoFactory(library=house.library)
    response = draw(member_client, photo, name="Anna", next=f"/photos/{photo.pk}/?in=favourites")
    assert (response.status_code, response.headers["Location"]) == (303, f"/photos/{photo.pk}/?in=favourites")
    face = the_drawn(photo)
    assert (face.x, face.y, face.w, face.h) == pytest.approx((0.1, 0.2, 0.2, 0.3))
    assert (face.is_confirmed, face.decided_by, face.digest, face.score) == (True, member, photo.digest, 1.0)
    assert b"Anna" in member_client.get(reverse("gallery:photo_detail", args=[photo.pk])).content
    assert Event.objects.count() == 1
    assert "drew a face and said that it is Anna" in member_client.get(reverse("faces:journal")).content.decode()
    assert undo.undo_event(last_event(), member) == []
    assert not Face.objects.exists()
    assert not Person.objects.exists()


def test_a_face_may_stay_without_a_name_and_gets_one_later(house: House, member: User, member_client: Client) -> None:
    photo = PhotoFactory(library=house.library)
    assert draw(member_client, photo).status_code == 303
    drawing_event = last_event()
    assert the_drawn(photo).state == "unknown"
    services.name_face(the_drawn(photo), "Anna", member)
    assert "stays" in undo.undo_event(drawing_event, member)[0]
    assert the_drawn(photo).person is not None
    drawing_event.undone_at = None
    drawing_event.save()
    undo.undo_event(last_event(), member)
    assert undo.undo_event(drawing_event, member) == []
    assert not Face.objects.exists()


def test_a_name_that_several_have_is_asked_about_with_the_box_still_there(house: House, member_client: Client) -> None:
    photo = PhotoFactory(library=house.library)
    annas = [PersonFactory(name="Anna") for _ in range(2)]
    for anna in annas:
        house.face(1, person=anna, state="assigned")
    response = draw(member_client, photo, name="anna")
    page = response.content.decode()
    assert response.status_code == 422
    assert "Is this the Anna you know?" in page
    form = page.partition('id="draw_form"')[2]
    assert ">Save</button>" in form[: form.index('name="who"')], "Enter after another name is no answer"
    assert 'name="left" id="draw_left" min="0" max="100" step="any" value="10"' in page
    assert not photo.faces.exists()
    assert draw(member_client, photo, name="anna", who=str(annas[1].pk)).status_code == 303
    assert the_drawn(photo).person == annas[1]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"left": ""}, "Draw a box"),
        ({"left": "here"}, "Draw a box"),
        ({"left": "nan"}, "Draw a box"),
        ({"width": "inf"}, "Draw a box"),
        ({"left": "1e999"}, "Draw a box"),
        ({"left": "100", "width": "5"}, "outside"),
        ({"left": "-30"}, "outside"),
        ({"width": "-20"}, "outside"),
        ({"height": "0"}, "outside"),
        ({"width": "0.1"}, "too small"),
        ({"digest": "0123456789ab"}, "edited in the meantime"),
        ({"name": "x" * 121}, "at most 120"),
    ],
)
def test_what_is_no_box_is_told(house: House, member_client: Client, wrong: dict[str, str], says: str) -> None:
    response = draw(member_client, PhotoFactory(library=house.library), **wrong)
    assert response.status_code == 422
    assert says in response.content.decode()
    assert not Face.objects.exists()


def test_who_draws_a_face_again_reads_that_it_is_known_and_may_take_it_back(
    house: House, owner: User, member: User, member_client: Client
) -> None:
    photo = PhotoFactory(library=house.library)
    draw(member_client, photo)
    first = last_event()
    services.name_face(the_drawn(photo), "Anna", owner)
    undo.undo_event(first, member)
    page = member_client.get(draw(member_client, photo).headers["Location"]).content.decode()
    assert last_event().kind == Event.Kind.DRAW
    assert "This face is known already: Anna." in page
    assert reverse("faces:event_undo", args=[last_event().pk]) in page


def test_a_box_that_reaches_over_the_edge_ends_there(house: House, member_client: Client) -> None:
    photo = PhotoFactory(library=house.library)
    draw(member_client, photo, left="90", width="30", top="-10")
    face = the_drawn(photo)
    assert (face.x, face.y, round(face.w, 6), round(face.h, 6)) == (0.9, 0.0, 0.1, 0.2)


def test_where_there_is_a_face_already_it_gets_the_name(house: House, member: User, member_client: Client) -> None:
    known = house.face(1, x=0.12, y=0.2, w=0.2, h=0.3)
    assert draw(member_client, known.photo, name="Anna").status_code == 303
    known.refresh_from_db()
    assert (known.is_confirmed, known.is_drawn, known.photo.faces.count()) == (True, False, 1)
    assert draw(member_client, known.photo, name="Anna").status_code == 422
    page = draw(member_client, known.photo).headers["Location"]
    assert "known already: Anna" in member_client.get(page).content.decode()
    services.set_no_face(known, member)
    draw(member_client, known.photo)
    known.refresh_from_db()
    assert known.state == "unknown"
    undo.undo_event(last_event(), member)
    known.refresh_from_db()
    assert known.state == "not_a_face"


def test_no_analysis_takes_it_away_and_a_detection_becomes_one_with_it(house: House, member_client: Client) -> None:
    photo = PhotoFactory(library=house.library)
    draw(member_client, photo)
    face = the_drawn(photo)
    save(photo, found(0.7))
    assert photo.faces.count() == 2
    save(photo, found(0.7), found(0.17, who=2))  # a loosely drawn box: they cover each other by half
    face.refresh_from_db()
    assert (photo.faces.count(), face.x, face.is_drawn, face.model) == (2, 0.17, True, MODEL)
    assert face.embedding_crc == zlib.crc32(bytes(face.embedding or b""))
    save(photo, found(0.7))
    assert the_drawn(photo) == face
    photo.digest = "e" * 64  # an edit in which it is not found
    photo.save()
    save(photo)
    face.refresh_from_db()
    assert (face.quality, face.is_placed) == (0.0, False)


def test_it_goes_along_with_what_takes_the_photos_place_and_the_doctor_has_no_complaint(
    house: House, member: User, member_client: Client
) -> None:
    photo, better = PhotoFactory(library=house.library), PhotoFactory(library=house.library)
    draw(member_client, photo, name="Anna")
    record = FaceKeeper().move([photo.pk], better.pk)
    made = better.faces.get()
    assert (made.person, made.is_confirmed, made.is_placed) == (the_drawn(photo).person, True, False)
    for check in registry.all_checks():
        if check.name in {"faces-homeless", "person-covers", "suggestion-sizes"}:
            assert check.find(Look()).count == 0
    assert FaceKeeper().put_back(record) == []
    assert not better.faces.exists()


@pytest.mark.parametrize("name", ["", "Anna"])
def test_what_a_detector_found_since_stays_when_the_drawing_is_taken_back(
    house: House, member: User, member_client: Client, name: str
) -> None:
    photo = PhotoFactory(library=house.library)
    draw(member_client, photo, name=name)
    save(photo, found(0.12))
    assert undo.undo_event(last_event(), member) == [
        "The face was found in the photo since: it stays, but not as one that was drawn."
    ]
    face = photo.faces.get()
    assert (face.is_drawn, face.person, face.is_confirmed, face.state) == (False, None, False, "unknown")
    save(photo)
    assert not photo.faces.exists()


def test_what_was_found_since_stays_when_a_photo_no_longer_takes_anothers_place(
    house: House, member_client: Client
) -> None:
    photo, better = PhotoFactory(library=house.library), PhotoFactory(library=house.library)
    draw(member_client, photo, name="Anna")
    record = FaceKeeper().move([photo.pk], better.pk)
    made = better.faces.get()
    save(better, found(made.x, y=made.y, w=made.w, h=made.h))
    assert FaceKeeper().put_back(record) == []
    face = better.faces.get()
    assert (face, face.person, face.is_confirmed, face.state) == (made, None, False, "unknown")


def test_two_clicks_make_the_box_without_scripts(house: House, member_client: Client) -> None:
    photo = PhotoFactory(library=house.library, width=4000, height=3000)
    address = reverse("faces:face_draw", args=[photo.pk])
    first = member_client.get(address, {"at.x": "160", "at.y": "60"}).content.decode()
    assert 'name="corner_x" value="50.00"' in first
    assert 'name="corner_y" value="25.00"' in first
    second = member_client.get(address, {"at.x": "32", "at.y": "120", "corner_x": "50.00", "corner_y": "25.00"})
    page = second.content.decode()
    assert '<rect class="draw-box" x="400" y="750" width="1600" height="750"' in page
    for nonsense in ({"at.x": "x", "at.y": ""}, {"at.x": "1", "at.y": "1", "corner_x": "nan", "corner_y": "inf"}):
        assert member_client.get(address, nonsense).status_code == 200


def test_the_page_leads_nowhere_else(house: House, member_client: Client) -> None:
    photo = PhotoFactory(library=house.library)
    page = member_client.get(reverse("faces:face_draw", args=[photo.pk]), {"next": "https://evil.example/"})
    assert b"evil.example" not in page.content


# ---- Looking closely


@pytest.fixture
def _weights(settings: Settings) -> None:
    for name in ("face_detection_yunet_2023mar.onnx", "mobilefacenet_128d.onnx"):
        shutil.copy(MIRROR / name, settings.PICTOPY.models_dir / name)


def portrait() -> Image.Image:
    """What YuNet takes for a face."""
    made = Image.new("RGB", (640, 480), (120, 140, 160))
    pen = ImageDraw.Draw(made)
    pen.ellipse((240, 100, 400, 320), fill=(224, 178, 150))
    pen.pieslice((232, 84, 408, 280), 180, 360, fill=(60, 40, 30))
    for x in (285, 355):
        pen.ellipse((x - 20, 180, x + 20, 204), fill="white")
        pen.ellipse((x - 9, 182, x + 9, 202), fill=(40, 30, 20))
        pen.arc((x - 26, 158, x + 26, 190), 200, 340, fill=(60, 40, 30), width=5)
    pen.polygon([(320, 205), (306, 246), (334, 246)], fill=(200, 150, 124))
    pen.ellipse((290, 268, 350, 288), fill=(170, 70, 70))
    return made


@pytest.mark.weights
@pytest.mark.usefixtures("_weights")
def test_a_drawn_face_is_looked_at_closely_and_compared(
    library: Library, folder: Path, member: User, regroup: Callable[[], Clustering]
) -> None:
    portrait().save(folder / "portrait.png")
    photo, wall = (
        PhotoFactory(library=library, digest=sha256(file), file=file.name)
        for file in (folder / "portrait.png", write_jpeg(folder, "wall.jpg", seed=1))
    )
    File.objects.update(is_read=True)
    face = drawing.draw_face(photo, drawing.DrawnBox(0.36, 0.18, 0.28, 0.5), member, name="Anna").face
    nothing = drawing.draw_face(wall, drawing.DrawnBox(0.3, 0.3, 0.3, 0.3), member, name="Tom").face
    drawn.embed()
    face.refresh_from_db()
    nothing.refresh_from_db()
    assert face.model == MODEL
    assert len(bytes(face.embedding or b"")) == 512
    assert face.landmarks is not None
    assert 0 < face.quality <= 1
    assert (face.x, face.w) == (0.36, 0.28), "the box stays as it was drawn"
    assert (nothing.model, nothing.embedding, nothing.quality) == ("", None, 0.0)
    assert nothing.person is not None
    assert SpareEmbedding.objects.get().reason == embedding.NO_FACE
    other = FaceFactory(embedding=face.embedding)
    regroup()
    other.refresh_from_db()
    assert other.person == face.person
    assert not drawing.unseen_by(MODEL).filter(pk=face.pk).exists()


@pytest.mark.weights
def test_a_close_look_finds_the_face_in_a_loose_box_and_no_other() -> None:
    detector = load_face_detector(catalog.model("yunet"), MIRROR)
    pixels = np.asarray(portrait())
    loose = DetectedFace(0.3, 0.1, 0.4, 0.65, 1.0)
    seen = look_closely(detector, pixels, loose)
    assert seen is not None
    assert (seen.x, seen.y, seen.w, seen.h) == (0.3, 0.1, 0.4, 0.65)
    assert seen.landmarks is not None
    assert np.abs(seen.landmarks * (640, 480) - [(285, 192), (355, 192), (320, 240), (298, 278), (342, 278)]).max() < 25
    assert look_closely(detector, pixels, DetectedFace(0.0, 0.0, 0.2, 0.25, 1.0)) is None
