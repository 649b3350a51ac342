"""What files say of faces: real ones, and those of private libraries, whose names stay there."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.http import Http404
from django.test import Client
from PIL import Image
from pytest_django.fixtures import Settings

from faces import marked, panels, revisions, services
from faces.access import get_event
from faces.keeper import FaceKeeper
from faces.models import Clustering, Event, Face, MarkedName, Person
from gallery.models import Library, Photo
from tests.conftest import MIRROR, TEST_WEIGHTS
from tests.faces.conftest import House
from tests.faces.marks import mark, names_in, read, who
from tests.factories import LibraryFactory, PersonFactory, PhotoFactory
from tests.importing import bring_in
from tests.metadata.making import xmp
from tests.metadata.test_regions import mwg

DETECTOR = "yunet"
REAL = Path(__file__).resolve().parents[3] / "shared/eval/formats/immich-test-assets/metadata/faces"


@pytest.mark.slow
@pytest.mark.weights
@pytest.mark.skipif(not REAL.is_dir(), reason="needs ../shared/eval/formats")
def test_real_marks_meet_real_faces() -> None:
    """Boxes that somebody drew by hand, and the detector's."""
    from faces import vision
    from gallery import metadata
    from gallery.vision import catalog, image

    detector = vision.load_face_detector(catalog.model(DETECTOR), MIRROR)
    matched = {}
    for file in sorted(REAL.glob("*.jpg")):
        data = file.read_bytes()
        regions = metadata.read(data, now=dt.datetime(2026, 1, 1)).regions
        found = detector.detect(image.decode(data, min_edge_px=1600).pixels)
        matched[file.name] = {
            region.name for region in regions for face in found if marked.belong_together(region, face)
        }
        assert all(sum(marked.belong_together(region, face) for region in regions) <= 1 for face in found)
    assert matched == {
        "portrait.jpg": {"Marie Curie", "Pierre Curie"},
        "portrait-orientation-6.jpg": {"Marie Curie"},  # the other face is found in none of the turned pixels
    }


@pytest.mark.slow
@pytest.mark.weights
@pytest.mark.skipif(not REAL.is_dir(), reason="needs ../shared/eval/formats")
def test_from_the_file_to_the_person(library: Library, folder: Path, settings: Settings, member: User) -> None:
    """A scan, the work, real models: in the picture's own notes, and in a sidecar that comes later."""
    for name in TEST_WEIGHTS:
        shutil.copy(MIRROR / name, settings.PICTOPY.models_dir / name)
    shutil.copy(REAL / "portrait.jpg", folder / "a.jpg")
    with Image.open(REAL / "portrait.jpg") as picture:
        picture.crop((100, 40, 500, 440)).save(folder / "b.jpg", quality=95)  # without any notes
    known, plain = bring_in(library)
    assert names_in(known) == [("Marie Curie", True), ("Pierre Curie", True)]
    face = plain.faces.get()
    services.refuse_face(known.faces.get(person__name="Pierre Curie"), member)
    area = f'stArea:x="{face.x + face.w / 2}" stArea:y="{face.y + face.h / 2}" stArea:w="{face.w * 1.5}" '
    area += f'stArea:h="{face.h * 1.5}" stArea:unit="normalized"'
    (folder / "b.jpg.xmp").write_bytes(xmp(mwg("MARIE CURIE", area, size=(400, 400))))
    for photo in (known, plain):
        photo.receipts.filter(analyzer="metadata").delete()
    Photo.objects.update(work_state="ready")
    bring_in(library)
    assert names_in(plain) == [("Marie Curie", True)]
    assert names_in(known) == [("Marie Curie", True), ("", False)]


def test_recognition_carries_no_name_out_of_a_private_library(
    house: House, anna: Person, regroup: Callable[[], Clustering], owner: User
) -> None:
    """A name that only a file there gives finds faces in that library, and one that the house knows finds them all."""
    shared, private, there = house.face(7), house.face(7, is_private=True), house.face(7, is_private=True)
    known = house.face(1, is_private=True)
    mark(private.photo, "Secret Sid")
    read(private.photo)
    Face.objects.filter(person=anna, is_confirmed=True).update(decided_by=owner)
    regroup()
    assert [who(face) for face in (shared, private, there, known)] == [
        ("", False),
        ("Secret Sid", True),
        ("Secret Sid", False),
        ("Anna", False),
    ]
    # Once a person says so it is the person's word.
    Face.objects.filter(pk=private.pk).update(decided_by=owner)
    regroup()
    assert who(shared) == ("Secret Sid", False)


def test_what_files_of_a_library_say_falls_silent_when_it_becomes_private(
    house: House, owner: User, regroup: Callable[[], Clustering]
) -> None:
    library = LibraryFactory(owner=owner)
    marked_face, guess = house.face(7, photo=PhotoFactory(library=library)), house.face(7)
    mark(marked_face.photo, "Sid")
    read(marked_face.photo)
    clustering = regroup()
    assert who(guess) == ("Sid", False)
    Library.objects.filter(pk=library.pk).update(visibility=Library.Visibility.PRIVATE)
    assert revisions.is_stale(clustering)
    assert not revisions.is_stale(regroup())
    assert who(guess) == ("", False)


def test_what_somebody_said_stays_said_when_their_account_is_deleted(
    house: House, member: User, regroup: Callable[[], Clustering]
) -> None:
    """By hand it is known to all; what a file said and somebody confirmed is only what a file says again."""
    by_hand, told_too = house.face(7, is_private=True), house.face(8, is_private=True)
    guesses = [house.face(7), house.face(8)]
    mark(told_too.photo, "Sid")
    read(told_too.photo)
    Face.objects.filter(pk=told_too.pk).update(decided_by=member)
    known = {"person": PersonFactory(name="Tom"), "state": "assigned", "is_confirmed": True, "decided_by": member}
    Face.objects.filter(pk=by_hand.pk).update(**known)
    clustering = regroup()
    assert [who(face)[0] for face in guesses] == ["Tom", "Sid"]
    member.delete()
    assert revisions.is_stale(clustering)
    assert not revisions.is_stale(regroup())
    assert [who(face)[0] for face in guesses] == ["Tom", ""]


def test_a_name_of_a_private_file_stays_one_when_another_photo_takes_its_place(
    house: House, regroup: Callable[[], Clustering]
) -> None:
    source, target = (PhotoFactory(library=house.private) for _ in range(2))
    face, other = house.face(7, photo=source, digest=source.digest), house.face(7)
    mark(source, "Sid")
    read(source)
    record = FaceKeeper().move([source.pk], target.pk)
    face.delete()
    regroup()
    assert target.faces.get().person == Person.objects.get(name="Sid")
    assert who(other) == ("", False)
    FaceKeeper().put_back(record)
    assert not MarkedName.objects.filter(photo=target).exists()


def test_what_is_left_out_tells_of_no_hidden_person_in_others_photos(
    house: House, secret: Person, owner: User, member: User
) -> None:
    services.hide_person(secret, owner, is_hidden=True)
    photo = PhotoFactory(library=house.library)
    mark(photo, "Secret Santa")
    assert panels.people_panel(owner, photo).context["regions"] == []
    assert panels.people_panel(member, photo) is not None


def test_an_administrator_neither_sees_nor_undoes_what_files_say_of_others_private_photos(
    house: House, anna: Person, owner: User, admin: User, admin_client: Client
) -> None:
    """Although Anna herself is somebody whom the whole house sees."""
    face, shared = house.face(9, is_private=True), house.face(8)
    mark(face.photo, "Anna")
    mark(shared.photo, "Anna")
    read(face.photo)
    (quiet,) = Event.objects.all()
    read(shared.photo)
    told_of = Event.objects.exclude(pk=quiet.pk).get()
    services.rename_person(anna, "Anna B.", owner)
    for event, is_seen in ((quiet, False), (told_of, True), (Event.objects.get(kind="rename"), True)):
        page = admin_client.get("/admin/faces/event/").content.decode()
        assert (f"/admin/faces/event/{event.pk}/" in page) == is_seen, event.kind
    with pytest.raises(Http404):
        get_event(admin, quiet.pk)
    assert get_event(admin, told_of.pk) == told_of
