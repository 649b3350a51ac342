"""Rows of the gallery that do not agree with each other: found, mended, and mended again without harm."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from gallery import months, services, steps, thumbnails, work
from gallery.doctor.registry import Look
from gallery.models import AnalyzerVersion, File, Library, Mark, Photo, Receipt, Scan, SearchText, WorkState
from tests.doctor.conftest import cure, find
from tests.factories import LibraryFactory, PhotoFactory
from tests.importing import work_off

pytestmark = pytest.mark.django_db
DEAD = f"{work.machine()}:999999999:1"


def test_work_of_a_dead_process_is_given_back() -> None:
    photo, busy = PhotoFactory(), PhotoFactory()
    later = timezone.now() + dt.timedelta(hours=1)
    claimed = {"work_state": WorkState.CLAIMED, "lease_until": later, "attempts": 1}
    Photo.objects.filter(pk=photo.pk).update(lease_owner=DEAD, **claimed)
    Photo.objects.filter(pk=busy.pk).update(lease_owner=work.lease_owner(), **claimed)
    Scan.objects.create(library=photo.library, lease_owner=DEAD, **claimed)
    cure("photos-stuck", count=2)
    assert dict(Photo.objects.values_list("pk", "work_state")) == {photo.pk: "ready", busy.pk: "claimed"}
    assert Scan.objects.get().work_state == WorkState.READY


def test_photos_without_a_file_are_missing_and_keep_what_people_made(member: User) -> None:
    shown, unread, whole = PhotoFactory(), PhotoFactory(), PhotoFactory()
    Photo.objects.filter(pk=unread.pk).update(digest=None, imported_at=None, work_state=WorkState.READY)
    services.set_favourite(member, [shown.pk], is_favourite=True)
    File.objects.filter(photo__in=[shown, unread]).delete()
    cure("photos-without-files", count=2)
    shown.refresh_from_db()
    assert shown.missing_since is not None
    assert Mark.objects.filter(photo=shown, favourite=True).exists()
    assert set(Photo.objects.all()) == {shown, whole}


def test_photos_whose_only_file_is_gone_count_as_missing() -> None:
    photo = PhotoFactory()
    File.objects.update(missing_since=timezone.now())
    cure("photos-without-files", count=1)
    photo.refresh_from_db()
    assert photo.missing_since is not None
    assert File.objects.filter(photo=photo).exists()


def test_missing_photos_with_a_file_are_present_again() -> None:
    photo, lost = PhotoFactory(), PhotoFactory()
    Photo.objects.update(missing_since=timezone.now())
    File.objects.filter(photo=lost).update(missing_since=timezone.now())
    cure("photos-wrongly-missing", count=1)
    photo.refresh_from_db()
    assert (photo.missing_since, photo.work_state) == (None, WorkState.READY)


def test_receipts_of_what_is_no_part_of_pictopy_go() -> None:
    photo = PhotoFactory()
    for name in ("old-words", thumbnails.NAME, "objects"):
        Receipt.objects.create(photo=photo, analyzer=name, version="1", at=timezone.now())
    found = cure("receipts-unknown", count=1)
    assert "old-words" in found.examples[0].text
    assert set(Receipt.objects.values_list("analyzer", flat=True)) == {thumbnails.NAME, "objects"}


def test_photos_that_lack_what_is_in_use_are_queued_for_it(full: Library) -> None:
    steps.queue_stale()
    work_off()
    assert find("photos-unanalyzed").count == 0
    ids = list(full.photos.order_by("pk").values_list("pk", flat=True))
    Receipt.objects.filter(photo=ids[0], analyzer=thumbnails.NAME).delete()
    Receipt.objects.filter(photo=ids[1], analyzer=thumbnails.NAME).update(version="0")
    Receipt.objects.filter(photo=ids[2], analyzer=thumbnails.NAME).delete()
    Photo.objects.filter(pk=ids[2]).update(work_state=WorkState.FAILED)  # a person is told, and retries
    cure("photos-unanalyzed", count=2)
    work_off()
    done = Receipt.objects.filter(analyzer=thumbnails.NAME, version=thumbnails.VERSION, photo__in=ids[:2])
    assert done.count() == 2


def test_versions_that_will_be_queued_for_are_left_to_the_sweep(full: Library) -> None:
    steps.queue_stale()
    work_off()
    Receipt.objects.filter(analyzer=thumbnails.NAME).delete()
    AnalyzerVersion.objects.filter(name=thumbnails.NAME).update(version="0")
    assert find("photos-unanalyzed").count == 0


def test_search_texts_that_are_missing_or_wrong_are_written() -> None:
    missing, wrong, right = PhotoFactory(file="Rome/a.jpg"), PhotoFactory(caption="Cat"), PhotoFactory()
    SearchText.objects.filter(photo=missing).delete()
    SearchText.objects.filter(photo=wrong).update(text="dog")
    before = SearchText.objects.get(photo=right).text
    cure("search-text", count=2)
    assert SearchText.objects.get(photo=missing).text == "rome/a.jpg"
    assert SearchText.objects.get(photo=wrong).text.startswith("cat\n")
    assert SearchText.objects.get(photo=right).text == before


def test_photos_at_the_wrong_place_of_the_timeline_are_put_right() -> None:
    moved, undated, right = PhotoFactory(), PhotoFactory(), PhotoFactory()
    Photo.objects.filter(pk=moved.pk).update(month=199901)
    Photo.objects.filter(pk=undated.pk).update(taken_local=None, taken_source="")
    revision = Library.objects.get(pk=moved.library_id).revision
    cure("photo-dates", count=2)
    moved.refresh_from_db()
    undated.refresh_from_db()
    assert (moved.month, moved.sort_at) == (202405, right.sort_at)
    assert undated.month == 0
    assert Library.objects.get(pk=moved.library_id).revision > revision


def test_months_that_a_write_forgot_to_touch_are_counted_anew(member: User) -> None:
    photo = PhotoFactory()
    PhotoFactory(library=photo.library)
    assert [month.count for month in months.months(member)] == [2]
    photo.delete()
    again = User.objects.get(pk=member.pk)
    assert [month.count for month in months.months(again)] == [2]
    cure("month-counts", count=1)
    again = User.objects.get(pk=member.pk)
    assert [month.count for month in months.months(again)] == [1]


def test_a_look_at_one_library_leaves_the_others_alone() -> None:
    here, there = PhotoFactory(), PhotoFactory(library=LibraryFactory())
    File.objects.all().delete()
    look = Look(frozenset([here.library_id]))
    assert find("photos-without-files", look).count == 1
    from gallery.doctor import rows

    assert rows.fix_without_files(look) == 1
    there.refresh_from_db()
    assert there.missing_since is None


def test_portions_give_every_row_once_and_tell_how_far_they_are() -> None:
    library = LibraryFactory()
    Photo.objects.bulk_create(Photo(library=library) for _ in range(23))
    told: list[tuple[int, int]] = []
    look = Look(progress=lambda done, total: told.append((done, total)))
    portions = list(look.portions(Photo.objects.all(), "library_id", size=10))
    assert [len(portion) for portion in portions] == [10, 10, 3]
    assert len({row for portion in portions for row in portion}) == 23
    assert told == [(10, 23), (20, 23), (23, 23)]
