"""What people made of photos moves to the one that takes their place, kind by kind, and goes back exactly."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User

from albums.models import Album, AlbumItem
from faces import services
from faces.models import Face, FacePair, Person, Refusal
from gallery import decided, describing, keepsakes, metadata, search_text
from gallery.models import Mark, Photo
from tests.duplicates.rows import snapshot, twins
from tests.factories import (
    AlbumFactory,
    AlbumItemFactory,
    ClusterFactory,
    FaceFactory,
    LibraryFactory,
    MarkFactory,
    PersonFactory,
    unit_vector,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def photos() -> list[Photo]:
    return twins(LibraryFactory(), 3)


@contextmanager
def moving(sources: list[Photo], target: Photo) -> Iterator[None]:
    """Moves, lets the test look, puts back, and compares every row with what was before."""
    before = snapshot()
    record = json.loads(json.dumps(keepsakes.move([photo.pk for photo in sources], target.pk)))
    target.refresh_from_db()
    yield
    assert keepsakes.put_back(record) == []
    assert snapshot() == before
    target.refresh_from_db()


def move(sources: list[Photo], target: Photo) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(json.dumps(keepsakes.move([photo.pk for photo in sources], target.pk)))
    target.refresh_from_db()
    return record


def set_by_people(photo: Photo, *parts: decided.Part, **values: Any) -> None:
    for name, value in values.items():
        setattr(photo, name, value)
    for part in parts:
        decided.mark(photo, part)
    photo.save()
    search_text.write([photo.pk])


def test_nothing_moves_where_nothing_was_made(photos: list[Photo]) -> None:
    before = snapshot()
    record = move(photos[1:], photos[0])
    assert snapshot() == before
    assert keepsakes.put_back(record) == []
    assert snapshot() == before


# --- photos


def test_favourites_of_each_person_move(photos: list[Photo], owner: User, member: User) -> None:
    kept, *others = photos
    MarkFactory(user=owner, photo=others[0])
    MarkFactory(user=owner, photo=others[1])
    MarkFactory(user=member, photo=others[1])
    MarkFactory(user=member, photo=kept, favourite=False, archived=True)
    with moving(others, kept):
        assert Mark.objects.filter(photo=kept, favourite=True).count() == 2
        assert Mark.objects.get(photo=kept, user=member).archived, "what was said besides stays"


def test_a_favourite_that_was_set_again_since_stays(photos: list[Photo], owner: User) -> None:
    kept, other, _ = photos
    MarkFactory(user=owner, photo=other)
    record = move([other], kept)
    Mark.objects.get(photo=kept).save()
    assert keepsakes.put_back(record) == [], "favourites are everyone's own"
    assert Mark.objects.get(photo=kept).favourite


@pytest.mark.parametrize(
    ("own", "written", "found", "moved"),
    [
        ("", ["At the lake"], [], "At the lake"),
        ("", [], ["OLYMPUS", ""], "OLYMPUS"),
        ("Ours", [], ["From the file"], "Ours"),
        ("Ours", ["Written"], [], "Ours\n\nWritten"),
        ("Ours", ["Ours", "and more"], [], "Ours\n\nand more"),
        ("Written at the lake", ["at the lake"], [], "Written at the lake"),
        ("", ["one", "two"], ["three"], "one\n\ntwo"),
    ],
)
def test_captions(photos: list[Photo], own: str, written: list[str], found: list[str], moved: str) -> None:
    kept = photos[0]
    library = kept.library
    set_by_people(kept, caption=own)
    others = twins(library, len(written) + len(found))
    for photo, text in zip(others, [*written, *found], strict=True):
        set_by_people(photo, *(["caption"] if text in written else []), caption=text)  # type: ignore[list-item]
    with moving(others, kept):
        assert kept.caption == moved
        assert decided.is_set(kept, "caption") == (moved != own), "the file must not write over it"
        assert moved.split("\n")[-1].lower() in kept.search_text.text
    assert kept.caption == own


@pytest.mark.parametrize(
    ("own", "by_people", "others", "moved"),
    [
        (None, False, [(3, False)], 3),
        (2, False, [(4, False)], 4),
        (5, False, [(1, True)], 1),
        (2, True, [(5, False)], 2),
    ],
)
def test_the_rating_of_a_person_counts_and_then_the_highest(
    photos: list[Photo], own: int | None, by_people: bool, others: list[tuple[int, bool]], moved: int
) -> None:
    kept = photos[0]
    set_by_people(kept, *(["rating"] if by_people else []), rating=own)  # type: ignore[list-item]
    for photo, (rating, is_set) in zip(photos[1:], others, strict=False):
        set_by_people(photo, *(["rating"] if is_set else []), rating=rating)  # type: ignore[list-item]
    with moving(photos[1:], kept):
        assert kept.rating == moved


def test_keywords_of_all_and_the_file_takes_none_of_them_away(photos: list[Photo]) -> None:
    kept, *others = photos
    set_by_people(kept, keywords="lake\nsummer")
    set_by_people(others[0], keywords="summer\nboat")
    with moving(others, kept):
        assert kept.keywords == "lake\nsummer\nboat"
        describing.apply(kept, metadata.Metadata(keywords=("summer", "sail")))
        assert kept.keywords == "lake\nsummer\nboat\nsail"
    describing.apply(kept, metadata.Metadata(keywords=("sail",)))
    assert kept.keywords == "sail"


def test_dates_and_places_that_people_set_move_unless_a_person_set_the_own(photos: list[Photo]) -> None:
    kept, first, second = photos
    first.set_taken(dt.datetime(1999, 12, 31, 23), utc_offset_min=60, source="person")
    set_by_people(first, "taken")
    set_by_people(second, "position", "taken", latitude=48.1, longitude=11.5, city="Munich", country="Germany")
    with moving([first, second], kept):
        assert kept.taken == dt.datetime(1999, 12, 31, 23)
        assert (kept.month, kept.taken_source, kept.city) == (199912, "person", "Munich")
        assert decided.parts(kept) == {"taken", "position"}
    set_by_people(kept, "taken")
    with moving([first], kept):
        assert kept.taken == dt.datetime(2024, 5, 17, 14, 5)


def test_what_was_changed_again_since_stays_and_the_rest_goes_back(photos: list[Photo]) -> None:
    kept, other, _ = photos
    set_by_people(other, "caption", "rating", caption="At the lake", rating=4)
    record = move([other], kept)
    set_by_people(kept, "caption", caption="At the sea")
    assert keepsakes.put_back(record) == ["The caption was changed again since, and stays as it is."]
    kept.refresh_from_db()
    assert (kept.caption, kept.rating) == ("At the sea", None)
    assert decided.parts(kept) == {"caption"}


# --- albums


def names(album: Album) -> list[int]:
    return list(album.items.order_by("position", "photo").values_list("photo", flat=True))


def test_the_photo_gets_the_place_of_the_first_of_the_others_in_each_album(photos: list[Photo], owner: User) -> None:
    kept, first, second = photos
    between, last = twins(kept.library)
    album = AlbumFactory(owner=owner, cover=second)
    for place, photo in enumerate((second, between, first, last)):
        AlbumItemFactory(album=album, photo=photo, position=1024 * (place + 1), added_by=owner)
    own = AlbumFactory(owner=owner)
    AlbumItemFactory(album=own, photo=kept, position=5)
    AlbumItemFactory(album=own, photo=first, position=1)
    deleted = AlbumFactory(owner=owner, deleted_at=kept.imported_at)
    AlbumItemFactory(album=deleted, photo=first)
    with moving([first, second], kept):
        shown = [pk for pk in names(album) if pk not in {first.pk, second.pk}]
        assert shown == [kept.pk, between.pk, last.pk]
        assert AlbumItem.objects.get(album=own, photo=kept).position == 5, "where it was"
        assert deleted.items.filter(photo=kept).exists()
        album.refresh_from_db()
        assert album.cover == kept


@pytest.mark.parametrize("visibility", ["household", "private"])
def test_what_was_arranged_since_stays_and_of_private_albums_nothing_is_said(
    photos: list[Photo], owner: User, visibility: str
) -> None:
    kept, first, _ = photos
    album = AlbumFactory(owner=owner, cover=first, visibility=visibility)
    AlbumItemFactory(album=album, photo=first)
    record = move([first], kept)
    AlbumItem.objects.filter(photo=kept).update(position=77)
    other = twins(kept.library)[1]
    AlbumItemFactory(album=album, photo=other)
    Album.objects.filter(pk=album.pk).update(cover=other)
    said = keepsakes.put_back(record)
    assert said == (
        [
            "It stays in an album where somebody moved it since.",
            "The cover of an album was chosen anew since, and stays.",
        ]
        if visibility == "household"
        else []
    )
    assert set(names(album)) == {kept.pk, first.pk, other.pk}
    assert Album.objects.get(pk=album.pk).cover == other
    # And once more, after the album was deleted for good.
    record = move([first], photos[2])
    album.delete()
    assert keepsakes.put_back(record) == []


# --- faces


@pytest.fixture
def anna() -> Person:
    return PersonFactory(name="Anna")


def face(photo: Photo, person: Person | None = None, *, looks: int = 1, by: User | None = None, **more: Any) -> Face:
    state = "assigned" if person else "unknown"
    more = {"state": state, "is_confirmed": person is not None, **more}
    return FaceFactory(photo=photo, person=person, decided_by=by, embedding=unit_vector(looks).tobytes(), **more)


def test_the_face_in_the_same_place_gets_the_name(photos: list[Photo], anna: Person, owner: User) -> None:
    kept, first, second = photos
    named = face(first, anna, by=owner)
    face(second, anna, by=owner)
    cluster = ClusterFactory(size=2)
    ours = face(kept, cluster=cluster)
    face(twins(kept.library)[0], looks=2, cluster=cluster)
    Person.objects.update(cover=named)
    with moving([first, second], kept):
        ours.refresh_from_db()
        assert (ours.person, ours.state, ours.is_confirmed, ours.decided_by) == (anna, "assigned", True, owner)
        assert Face.objects.filter(photo=kept).count() == 1
        anna.refresh_from_db()
        assert anna.cover == ours
        cluster.refresh_from_db()
        assert cluster.size == 1


def test_who_was_named_and_is_not_found_in_the_kept_photo_stays_in_it_without_a_place(
    photos: list[Photo], anna: Person, owner: User
) -> None:
    kept, first, second = photos
    face(first, anna, by=owner)
    face(second, anna, by=owner)
    face(kept, looks=3, x=0.0)
    with moving([first, second], kept):
        (made,) = Face.objects.filter(photo=kept, person=anna)
        assert made.is_confirmed
        assert not made.is_placed, "nothing is drawn"


def test_what_was_decided_about_the_kept_photo_stands(photos: list[Photo], anna: Person, owner: User) -> None:
    kept, first, second = photos
    berta, carla = PersonFactory(name="Berta"), PersonFactory(name="Carla")
    decided_face = face(kept, berta, by=owner)
    face(first, anna)
    refused = face(kept, looks=4, x=0.7)
    Refusal.objects.create(face=refused, person=carla)
    face(second, carla, looks=4, x=0.7)
    dismissed = face(kept, looks=5, x=0.05, w=0.1, state="not_a_face")
    face(first, carla, looks=5, x=0.05, w=0.1)
    before = snapshot()["Face"]
    move([first, second], kept)
    assert snapshot()["Face"] == before
    assert Face.objects.get(pk=decided_face.pk).person == berta
    assert Face.objects.get(pk=dismissed.pk).state == "not_a_face"


def test_nobody_comes_to_be_twice_in_one_photo_and_guesses_give_way(
    photos: list[Photo], anna: Person, owner: User
) -> None:
    kept, first, _ = photos
    guessed = face(kept, anna, looks=9, x=0.7, is_confirmed=False)
    ours = face(kept)
    face(first, anna, by=owner)
    with moving([first], kept):
        guessed.refresh_from_db()
        ours.refresh_from_db()
        assert (guessed.person, ours.person) == (None, anna)
    Face.objects.filter(pk=guessed.pk).update(is_confirmed=True)
    before = snapshot()["Face"]
    move([first], kept)
    assert snapshot()["Face"] == before, "she is in it already"


def test_refusals_and_what_is_no_face_move(photos: list[Photo], anna: Person, owner: User) -> None:
    kept, first, _ = photos
    guessed = face(kept, anna, is_confirmed=False)
    theirs = face(first)
    Refusal.objects.create(face=theirs, person=anna, decided_by=owner)
    poster = face(kept, looks=6, x=0.75, w=0.2)
    face(first, looks=6, x=0.75, w=0.2, state="ignored", by=owner)
    with moving([first], kept):
        assert Refusal.objects.get(face=guessed).decided_by == owner
        guessed.refresh_from_db()
        poster.refresh_from_db()
        assert (guessed.person, guessed.state, poster.state) == (None, "unknown", "ignored")


def test_what_was_said_of_two_faces_is_said_of_those_that_take_their_place(
    photos: list[Photo], anna: Person, owner: User
) -> None:
    kept, first, second = photos
    theirs, elsewhere, ours = face(first), face(second, anna, looks=3, x=0.7), face(kept)
    never = FacePair.objects.create(one=theirs, other=elsewhere, is_same=False, decided_by=owner)
    with moving([first], kept):
        (pair,) = FacePair.objects.exclude(pk=never.pk)
        assert {pair.one_id, pair.other_id} == {ours.pk, elsewhere.pk}
        assert (pair.is_same, pair.decided_by) == (False, owner)
    assert list(FacePair.objects.all()) == [never]


def test_a_face_that_somebody_decided_about_since_stays(photos: list[Photo], anna: Person, owner: User) -> None:
    kept, first, second = photos
    face(first, anna, by=owner)
    ours = face(kept)
    berta = PersonFactory(name="Berta")
    face(second, berta, looks=3, x=0.7, by=owner)
    record = move([first, second], kept)
    Face.objects.filter(pk=ours.pk).update(person=berta)
    Face.objects.filter(photo=kept).exclude(pk=ours.pk).update(person=anna)
    assert keepsakes.put_back(record) == ["Somebody decided about 2 faces in it since; that stays."]
    assert set(Face.objects.filter(photo=kept).values_list("person", flat=True)) == {anna.pk, berta.pk}


def test_who_was_merged_since_comes_back_as_whom_they_are_now(photos: list[Photo], anna: Person, owner: User) -> None:
    kept, first, _ = photos
    named = face(first, anna, by=owner)
    ours = face(kept, PersonFactory(name="Tom"), is_confirmed=False)
    face(kept, anna, looks=3, x=0.7, is_confirmed=False)
    Person.objects.filter(pk=anna.pk).update(cover=named)
    record = move([first], kept)
    berta = PersonFactory(name="Berta")
    services.merge_people(berta, [anna], owner)
    assert keepsakes.put_back(record) == []
    ours.refresh_from_db()
    assert (ours.person and ours.person.name, ours.is_confirmed) == ("Tom", False)
    berta.refresh_from_db()
    assert berta.cover == named
    assert not anna.faces.exists()


def test_the_keepers_move_in_the_order_of_their_locks() -> None:
    # The library's row is locked last (`kept.touch`), and by the last of them only.
    assert sorted(keepsakes._keepers) == ["albums", "faces", "photo"]
    first, second = twins(LibraryFactory())
    assert list(keepsakes.move([second.pk], first.pk)) == ["albums", "faces", "photo"]
