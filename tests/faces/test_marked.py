"""Faces that another program marked and named: who becomes whose, what stands against it, and that it happens once."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import Http404
from django.test import Client
from PIL import Image
from pytest_django.fixtures import Settings

from faces import marked, pairs, panels, revisions, services, undo
from faces.access import get_event
from faces.keeper import FaceKeeper
from faces.models import Clustering, Event, Face, MarkedName, Person, Refusal
from gallery import search_text, told
from gallery.models import Library, Photo, Region
from tests.conftest import MIRROR, TEST_WEIGHTS
from tests.faces.conftest import House
from tests.factories import LibraryFactory, PersonFactory, PhotoFactory
from tests.importing import bring_in
from tests.metadata.making import xmp
from tests.metadata.test_regions import mwg

FACE = (0.4, 0.2, 0.2, 0.3)  # where the factory puts a face


def mark(photo: Photo, name: str, box: tuple[float, float, float, float] = (0.38, 0.16, 0.24, 0.36)) -> Region:
    """A box by another program; by default around the factory's face."""
    x, y, w, h = box
    made: Region = Region.objects.create(photo=photo, name=name, x=x, y=y, w=w, h=h)
    return made


def read(*photos: Photo) -> None:
    """What recording does when photos were read."""
    told.tell([told.Told(photo) for photo in photos])


def who(face: Face) -> tuple[str, bool]:
    face.refresh_from_db()
    return (face.person.name if face.person else "", face.is_confirmed)


def test_a_marked_face_is_a_confirmed_face_of_the_person(house: House) -> None:
    face = house.face(1)
    mark(face.photo, "Oma Erna")
    read(face.photo)
    assert who(face) == ("Oma Erna", True)
    assert face.decided_by is None
    (event,) = Event.objects.all()
    assert (event.kind, event.actor, event.person) == ("marked", None, face.person)


@pytest.mark.parametrize("name", ["anna", "ANNA", "  Anna\u200b ", "Ánna"])
def test_names_are_compared_as_everywhere(house: House, anna: Person, name: str) -> None:
    face = house.face(9)
    mark(face.photo, name)
    read(face.photo)
    assert who(face) == ("Anna", True)
    assert face.person == anna


def test_reading_again_does_nothing_more(house: House, django_assert_max_num_queries: Any) -> None:
    face = house.face(1)
    mark(face.photo, "Oma")
    read(face.photo)
    before = list(Face.objects.values()), list(Event.objects.values()), list(MarkedName.objects.values())
    Region.objects.all().delete()
    mark(face.photo, "Oma")  # as recording does: deleted and written anew
    with django_assert_max_num_queries(2):
        read(face.photo)
    assert (list(Face.objects.values()), list(Event.objects.values()), list(MarkedName.objects.values())) == before
    with django_assert_max_num_queries(1):
        read(PhotoFactory.build(pk=77, library=house.library))


def test_the_mark_goes_and_the_name_stays(house: House) -> None:
    face = house.face(1)
    mark(face.photo, "Oma")
    read(face.photo)
    Region.objects.all().delete()
    read(face.photo)
    assert who(face) == ("Oma", True)


def test_what_a_person_said_stands(house: House, owner: User, anna: Person) -> None:
    face = house.face(1)
    services.name_face(face, "Berta", owner)
    mark(face.photo, "Anna")
    read(face.photo)
    assert who(face) == ("Berta", True)
    assert face.decided_by == owner


def test_a_refusal_is_obeyed_before_and_after(house: House, owner: User, anna: Person) -> None:
    before = house.face(1, person=anna, state="assigned")
    services.refuse_face(before, owner)
    mark(before.photo, "Anna")
    after = house.face(1)
    mark(after.photo, "Anna")
    read(before.photo, after.photo)
    assert who(before) == ("", False)
    assert who(after) == ("Anna", True)
    services.refuse_face(after, owner)
    read(before.photo, after.photo)
    assert (who(before), who(after)) == (("", False), ("", False))
    assert Refusal.objects.count() == 2


def test_never_one_person_is_obeyed(house: House, owner: User, anna: Person) -> None:
    sure = Face.objects.filter(person=anna, is_confirmed=True)[0]
    face, one, other = house.face(1), house.face(2), house.face(2)
    pairs.set_pair(face, sure, owner, is_same=False)
    pairs.set_pair(one, other, owner, is_same=False)
    mark(face.photo, "Anna")
    for it in (one, other):  # the first that is named speaks for the second
        mark(it.photo, "Tom")
    read(face.photo, one.photo, other.photo)
    assert who(face)[1] is False
    assert [who(one), who(other)[1]] == [("Tom", True), False]


def test_no_face_stays_no_face(house: House, owner: User) -> None:
    face = house.face(1)
    services.set_no_face(face, owner)
    mark(face.photo, "Oma")
    read(face.photo)
    face.refresh_from_db()
    assert face.state == Face.State.NOT_A_FACE
    assert not Person.objects.exists()


def test_a_guess_gives_way(house: House, anna: Person) -> None:
    berta = PersonFactory(name="Berta")
    wrong = house.face(2, person=anna, state="assigned")
    other = house.face(3, photo=wrong.photo, person=berta, state="assigned", x=0.05)
    mark(wrong.photo, "Berta")
    read(wrong.photo)
    assert who(wrong) == ("Berta", True)
    assert who(other) == ("", False), "two faces of a photo are never one person"


def test_undone_it_never_comes_back(house: House, admin: User) -> None:
    first, second = house.face(1), house.face(1)
    mark(first.photo, "Oma")
    mark(second.photo, "Oma")
    read(first.photo, second.photo)
    event = Event.objects.get()
    assert undo.undo_event(get_event(admin, event.pk), admin) == []
    assert (who(first), who(second)) == (("", False), ("", False))
    assert not Person.objects.exists(), "whom the file alone had brought along"
    read(first.photo, second.photo)
    assert (who(first), who(second)) == (("", False), ("", False))


def test_undo_of_the_first_leaves_what_came_later(house: House, admin: User) -> None:
    first, second = house.face(1), house.face(1)
    mark(first.photo, "Oma")
    mark(second.photo, "Oma")
    read(first.photo)
    read(second.photo)
    event = Event.objects.order_by("id").first()
    assert event is not None
    undo.undo_event(get_event(admin, event.pk), admin)
    assert (who(first), who(second)) == (("", False), ("Oma", True))


def test_the_journal_is_taken_back_in_the_administration(house: House, admin_client: Client) -> None:
    face = house.face(1)
    mark(face.photo, "Oma")
    read(face.photo)
    event = Event.objects.get()
    data = {"action": "take_back", "_selected_action": [event.pk]}
    answer = admin_client.post("/admin/faces/event/", data, follow=True)
    assert "1 entry was taken back." in answer.content.decode()
    assert who(face) == ("", False)


def test_a_renamed_person_is_still_meant(house: House, owner: User) -> None:
    first = house.face(1)
    mark(first.photo, "Anna M.")
    read(first.photo)
    first.refresh_from_db()
    assert first.person is not None
    services.rename_person(first.person, "Anna Müller", owner)
    second = house.face(1)
    mark(second.photo, "anna m.")
    read(first.photo, second.photo)
    assert who(second) == ("Anna Müller", True)
    assert Person.objects.count() == 1


def test_of_several_of_the_name_nobody_is_guessed(house: House, anna: Person) -> None:
    other = PersonFactory(name="Anna")
    house.face(5, person=other, state="assigned", is_confirmed=True)
    unclear, clear = house.face(9), house.face(5, person=other, state="assigned")
    mark(unclear.photo, "Anna")
    mark(clear.photo, "Anna")
    read(unclear.photo, clear.photo)
    assert who(unclear) == ("", False)
    clear.refresh_from_db()
    assert (clear.person, clear.is_confirmed) == (other, True)


def test_a_file_does_not_tell_of_people_whom_its_viewers_do_not_know(house: House, secret: Person) -> None:
    """In the owner's private library it is the secret one; in the house's, somebody new of the same name."""
    shared, private = house.face(7), house.face(7, is_private=True)
    mark(shared.photo, "SECRET SANTA")
    mark(private.photo, "secret santa")
    read(private.photo)
    read(shared.photo)
    private.refresh_from_db()
    shared.refresh_from_db()
    assert private.person == secret
    assert shared.person is not None
    assert (shared.person == secret, shared.person.name) == (False, "SECRET SANTA")


def test_two_names_on_one_face(house: House, owner: User) -> None:
    """The box that fits better; the other name is done with, and does not come when the first one is refused."""
    face = house.face(1)
    mark(face.photo, "Wide", (0.3, 0.05, 0.4, 0.6))
    mark(face.photo, "Close")
    read(face.photo)
    assert who(face) == ("Close", True)
    services.refuse_face(face, owner)
    read(face.photo)
    assert who(face) == ("", False)


def test_one_box_over_two_faces_names_neither(house: House) -> None:
    left = house.face(1, x=0.2, y=0.3, w=0.2, h=0.3)
    right = house.face(2, photo=left.photo, x=0.6, y=0.3, w=0.2, h=0.3)
    mark(left.photo, "The twins", (0.18, 0.28, 0.64, 0.34))
    read(left.photo)
    assert (who(left), who(right)) == (("", False), ("", False))


def test_neighbours_are_told_apart(house: House) -> None:
    """Wide boxes that reach into the neighbour's face."""
    left = house.face(1, x=0.30, y=0.3, w=0.15, h=0.2)
    right = house.face(2, photo=left.photo, x=0.47, y=0.3, w=0.15, h=0.2)
    mark(left.photo, "Right", (0.43, 0.22, 0.24, 0.33))
    mark(left.photo, "Left", (0.25, 0.22, 0.24, 0.33))
    read(left.photo)
    assert (who(left)[0], who(right)[0]) == ("Left", "Right")


def test_one_name_twice_in_a_photo_is_one_face(house: House) -> None:
    left = house.face(1, x=0.1)
    right = house.face(1, photo=left.photo, x=0.7)
    mark(left.photo, "Oma", (0.1, 0.2, 0.2, 0.3))
    mark(left.photo, "oma", (0.68, 0.16, 0.24, 0.38))
    read(left.photo)
    assert (who(left)[0], who(right)[0]) == ("Oma", "")
    read(left.photo)
    assert (who(left)[0], who(right)[0]) == ("Oma", "")


def test_a_whole_person_is_no_face(house: House) -> None:
    face = house.face(1, x=0.45, y=0.1, w=0.1, h=0.12)
    mark(face.photo, "Oma", (0.3, 0.05, 0.4, 0.9))
    read(face.photo)
    assert who(face) == ("", False)


def test_a_mark_without_a_face_waits_and_is_shown(house: House, owner: User, owner_client: Client) -> None:
    photo = PhotoFactory(library=house.library)
    mark(photo, "Oma Erna")
    read(photo)
    assert not Person.objects.exists()
    search_text.write([photo.pk])
    assert "oma erna" in photo.search_text.text
    page = owner_client.get(photo.get_absolute_url()).content.decode()
    assert "Oma Erna" in page
    assert "marked in the file; PictoPy found no face there" in page
    # A better detector comes.
    face = house.face(1, photo=photo)
    read(photo)
    assert who(face) == ("Oma Erna", True)
    page = owner_client.get(photo.get_absolute_url()).content.decode()
    assert "found no face there" not in page
    assert "named in the file" in page
    # And what a person says since is no longer the file's word.
    services.refuse_face(face, owner)
    page = owner_client.get(photo.get_absolute_url()).content.decode()
    assert "Oma Erna" not in page.partition('id="photo_people_names"')[0]


def test_a_mark_of_a_hidden_person_is_not_shown(house: House, owner: User, anna: Person) -> None:
    services.hide_person(anna, owner, is_hidden=True)
    photo = PhotoFactory(library=house.library)
    mark(photo, "anna")
    assert panels.people_panel(owner, photo).context["regions"] == []


def test_faces_of_other_content_are_not_named(house: House) -> None:
    """After an edit the box may mean something else, until the face is found again."""
    face = house.face(1, digest="f" * 64)
    mark(face.photo, "Oma")
    read(face.photo)
    assert who(face) == ("", False)


def test_a_batch_takes_a_constant_number_of_queries(house: House, django_assert_max_num_queries: Any) -> None:
    def batch(count: int) -> list[Photo]:
        faces = [house.face(1) for _ in range(count)]
        for face in faces:
            mark(face.photo, "Oma")
        return [face.photo for face in faces]

    few, many = batch(2), batch(12)
    read(*batch(1))
    for photos in (few, many):
        with django_assert_max_num_queries(20):
            read(*photos)


# ---- From real files ------------------------------------------------------------------------------------------------

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


def names_in(photo: Photo) -> list[tuple[str, bool]]:
    return [who(face) for face in photo.faces.order_by("x")]


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
