"""Keeping one, keeping all, and taking either back: whole, exactly, weeks later, by two people at once."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.http import Http404
from django.utils import timezone

from gallery import tasks, trash
from gallery.duplicates import bulk, deciding, finding
from gallery.models import DuplicateGroup, Library, Mark, Photo
from tests.duplicates.rows import group_of, snapshot, twins
from tests.factories import (
    AlbumItemFactory,
    FaceFactory,
    LibraryFactory,
    MarkFactory,
    PersonFactory,
    PhotoFactory,
    unit_vector,
)


@pytest.fixture
def household(db: None) -> Library:
    return LibraryFactory()


@pytest.fixture
def photos(household: Library) -> list[Photo]:
    return twins(household, 3)


@pytest.fixture
def group(photos: list[Photo]) -> DuplicateGroup:
    return group_of(*photos)


@pytest.fixture
def made(photos: list[Photo], owner: User) -> None:
    """People made something of every kind of the photos that will go."""
    kept, first, second = photos
    MarkFactory(user=owner, photo=first)
    item = AlbumItemFactory(photo=first, album__owner=owner, position=2048)
    item.album.cover = second
    item.album.save()
    AlbumItemFactory(photo=second, album=item.album, position=7)
    looks = unit_vector(1).tobytes()
    FaceFactory(photo=kept, embedding=looks)
    anna = PersonFactory(name="Anna")
    face = FaceFactory(photo=second, embedding=looks, person=anna, state="assigned", is_confirmed=True)
    anna.cover = face
    anna.save()
    Photo.objects.filter(pk=first.pk).update(caption="At the lake", rating=4, set_by_people="caption rating")


@pytest.mark.usefixtures("made")
def test_one_is_kept_with_everything_and_the_others_are_in_the_trash(
    group: DuplicateGroup, photos: list[Photo], admin: User, owner: User
) -> None:
    kept, first, second = photos
    revision = Library.objects.get().revision
    merged = deciding.merge(admin, group, keep=kept.pk, go=[second.pk, first.pk])
    assert (merged.moved.hidden, merged.group.state) == (2, "merged")
    assert list(Photo.objects.filter(trashed_at__isnull=True)) == [kept]
    kept.refresh_from_db()
    assert (kept.caption, kept.rating) == ("At the lake", 4)
    assert Mark.objects.get(photo=kept).user == owner
    item = kept.album_items.get()  # type: ignore[attr-defined]
    assert (item.position, item.album.cover_id) == (7, kept.pk)
    face = kept.faces.get()  # type: ignore[attr-defined]
    assert (face.person.name, face.is_confirmed, face.person.cover_id) == ("Anna", True, face.pk)
    assert Library.objects.get().revision > revision


@pytest.mark.usefixtures("made")
def test_undo_gives_back_every_row(group: DuplicateGroup, photos: list[Photo], admin: User) -> None:
    before = snapshot()
    deciding.merge(admin, group, keep=photos[0].pk, go=[photo.pk for photo in photos[1:]])
    assert snapshot() != before
    undone = deciding.undo(admin, group)
    assert (undone.restored, undone.said) == (2, [])
    assert snapshot() == before
    with pytest.raises(deciding.AlreadyDecided, match="taken back before"):
        deciding.undo(admin, group)


@pytest.mark.usefixtures("made")
def test_undo_says_what_it_could_not_do(group: DuplicateGroup, photos: list[Photo], admin: User) -> None:
    kept, first, second = photos
    deciding.merge(admin, group, keep=kept.pk, go=[first.pk, second.pk])
    Photo.objects.filter(pk=kept.pk).update(caption="At the sea")
    trash.restore(admin, [first.pk])
    Photo.objects.filter(pk=second.pk).delete()
    undone = deciding.undo(admin, group)
    assert undone.restored == 0
    assert undone.said == [
        "The caption was changed again since, and stays as it is.",
        "One photo was deleted for good since.",
        "One photo was brought back, or put into the trash, by somebody since.",
    ]
    kept.refresh_from_db()
    assert (kept.caption, kept.rating) == ("At the sea", None)
    assert DuplicateGroup.objects.get().undo == {"said": undone.said}


def test_undo_without_the_kept_photo_still_brings_the_others_back(
    group: DuplicateGroup, photos: list[Photo], admin: User
) -> None:
    deciding.merge(admin, group, keep=photos[0].pk, go=[photos[1].pk])
    photos[0].delete()
    undone = deciding.undo(admin, group)
    assert undone.restored == 1
    assert "not there any more" in undone.said[0]


def test_of_two_people_the_second_is_told(group: DuplicateGroup, photos: list[Photo], admin: User) -> None:
    other = User.objects.create_superuser("second")
    deciding.merge(admin, group, keep=photos[0].pk, go=[photos[1].pk])
    after = snapshot()
    with pytest.raises(deciding.AlreadyDecided, match="in the meantime"):
        deciding.merge(other, group, keep=photos[2].pk, go=[photos[0].pk])
    with pytest.raises(deciding.AlreadyDecided, match="in the meantime"):
        deciding.keep_all(other, group)
    assert snapshot() == after
    assert deciding.undo(other, group).restored == 1, "whoever may decide may take it back"


def test_only_members_that_are_there_can_be_kept_or_go(
    group: DuplicateGroup, photos: list[Photo], admin: User, member: User
) -> None:
    stranger = PhotoFactory(library=group.library)
    trash.move(admin, [photos[2].pk])
    before = snapshot()
    for keep, go in ((stranger.pk, [photos[0].pk]), (photos[0].pk, [stranger.pk]), (photos[0].pk, [photos[2].pk])):
        with pytest.raises(deciding.AlreadyDecided, match="not there any more"):
            deciding.merge(admin, group, keep=keep, go=go)
    with pytest.raises(ValueError, match="nothing goes"):
        deciding.merge(admin, group, keep=photos[0].pk, go=[photos[0].pk])
    with pytest.raises(Http404):
        deciding.keep_all(member, group)
    assert snapshot() == before


def test_those_that_stay_besides_are_not_asked_about_again(
    group: DuplicateGroup, photos: list[Photo], admin: User
) -> None:
    Photo.objects.update(phash=5)
    deciding.merge(admin, group, keep=photos[0].pk, go=[photos[1].pk])
    left = [photos[0].pk, photos[2].pk]
    pair = finding.Pair(*left, DuplicateGroup.Kind.SAME, 0)
    finding.record(group.library_id, [pair], left, dict.fromkeys(left, 5), dict.fromkeys(left, 1.0))
    assert DuplicateGroup.objects.get() == group


def test_decisions_on_top_of_each_other_are_taken_back_in_either_order(household: Library, admin: User) -> None:
    first, second, third = twins(household, 3)
    MarkFactory(user=admin, photo=third)
    lower, upper = group_of(second, third), group_of(first, second, kind="row")
    before = snapshot()
    for order in ((lower, upper), (upper, lower)):
        deciding.merge(admin, lower, keep=second.pk, go=[third.pk])
        deciding.merge(admin, upper, keep=first.pk, go=[second.pk])
        assert Mark.objects.filter(photo=first, favourite=True).exists()
        for each in order:
            deciding.undo(admin, each)
        assert snapshot() == before


# --- many at once


@pytest.mark.slow
def test_all_are_decided_as_proposed_and_taken_back_together(household: Library, admin: User) -> None:
    groups = [group_of(*twins(household, 2 + n)) for n in range(3)]
    alike = group_of(*twins(household), kind="row")
    kept = group_of(*twins(household))
    deciding.keep_all(admin, kept)
    assert bulk.outlook(admin, household) == bulk.Outlook(groups=3, photos=9)
    before = snapshot()
    assert bulk.ask_merge(admin, household) == 3
    assert not bulk.decide(turn_s=-1)
    assert bulk.decide()
    states = dict(DuplicateGroup.objects.values_list("pk", "state"))
    assert states == {**{group.pk: "merged" for group in groups}, alike.pk: "open", kept.pk: "kept"}
    assert Photo.objects.filter(trashed_at__isnull=False).count() == 6
    assert not Photo.objects.filter(trashed_at__isnull=False, camera="Alpenglow X1").exists()
    moments = set(DuplicateGroup.objects.filter(state="merged").values_list("decided_at", flat=True))
    (at,) = moments
    assert at is not None
    assert bulk.ask_undo(admin, at) == 3
    tasks.decide_duplicates()
    assert snapshot() == before


def test_what_cannot_be_decided_any_more_is_open_again(household: Library, admin: User, owner: User) -> None:
    first, second = twins(household)
    group = group_of(first, second)
    bulk.ask_merge(admin, household)
    trash.move(admin, [second.pk])
    tasks.decide_duplicates()
    group.refresh_from_db()
    assert (group.state, group.decided_by) == ("open", None)
    trash.restore(admin, [second.pk])
    bulk.ask_merge(admin, household)
    User.objects.filter(pk=admin.pk).update(is_staff=False)
    tasks.decide_duplicates()
    group.refresh_from_db()
    assert group.state == "open", "who may no longer edit the library decides nothing"


def test_the_sweep_goes_on_where_a_worker_died(
    household: Library, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    group_of(*twins(household))
    bulk.ask_merge(admin, household)
    woken: list[tuple[object, ...]] = []
    monkeypatch.setattr(tasks.work, "wake", lambda *args: woken.append(args))
    tasks.sweep()
    assert ("gallery.tasks.decide_duplicates",) in woken
    assert not bulk.ask_undo(admin, timezone.now())
