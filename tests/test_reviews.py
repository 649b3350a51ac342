"""Many files gone at once: what was moved is found by content, and a person is asked about the rest."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from gallery import holding, relinking, reviews, scanning, services, tasks, work
from gallery.models import Candidate, File, Library, Mark, Photo, Review, Scan, WorkState
from tests.factories import AlbumItemFactory, FaceFactory, PersonFactory, write_jpeg
from tests.importing import assert_every_file_is_shown_as_it_is, bring_in, scan, work_off


def fill(folder: Path, count: int = 30, below: str = "trip") -> None:
    for number in range(count):
        write_jpeg(folder, f"{below}/{number:02}.jpg", width=24 + number, height=24, seed=number)
    for number in range(5):
        write_jpeg(folder, f"kept/{number}.jpg", width=80 + number, height=24, seed=100 + number)


def move(folder: Path, numbers: range, *, to: str = "2019/summer", below: str = "trip") -> None:
    """As a copy to another disk does that keeps no times: new path, new time, the same bytes."""
    (folder / to).mkdir(parents=True, exist_ok=True)
    for number in numbers:
        target = folder / to / f"{number:02}.jpg"
        shutil.move(folder / below / f"{number:02}.jpg", target)
        os.utime(target, ns=(10**18 + number, 10**18 + number))


@pytest.fixture
def full(library: Library, folder: Path) -> Library:
    """35 photos, 30 of them in one folder."""
    fill(folder)
    bring_in(library)
    return library


def page(client: Client, library: Library) -> Any:
    return client.get(reverse("gallery:library_review", args=[library.pk]))


def answer(client: Client, library: Library, word: str) -> Any:
    return client.post(reverse("gallery:library_review", args=[library.pk]), {"answer": word})


@pytest.mark.slow
def test_a_folder_that_moved_and_lost_its_times_keeps_all_that_people_made_and_asks_nobody(
    full: Library, folder: Path, member: User
) -> None:
    before = {photo.digest: photo.pk for photo in full.photos.all()}
    photo = Photo.objects.get(files__path="trip/03.jpg")
    services.set_favourite(member, [photo.pk], is_favourite=True)
    move(folder, range(30))
    result = scan(full)
    full.refresh_from_db()
    assert (full.state, result.work_state, result.moved, result.added, result.gone) == ("ok", "done", 30, 0, 0)
    assert File.objects.get(photo=photo).path == "2019/summer/03.jpg"
    work_off()
    assert {photo.digest: photo.pk for photo in full.photos.all()} == before
    assert Mark.objects.filter(photo=photo, favourite=True).exists()
    assert_every_file_is_shown_as_it_is(full, folder)
    assert not Review.objects.exists()
    assert not Candidate.objects.exists()


@pytest.mark.slow
def test_what_was_found_again_in_part_is_shown_and_nothing_is_changed(
    full: Library, folder: Path, admin_client: Client
) -> None:
    paths = set(File.objects.values_list("path", flat=True))
    move(folder, range(7))
    for number in range(7, 30):
        (folder / "trip" / f"{number:02}.jpg").unlink()
    write_jpeg(folder, "new/1.jpg", width=300, height=200)  # what else is new, waits
    scan(full)
    full.refresh_from_db()
    assert full.state == "held"
    assert set(File.objects.values_list("path", flat=True)) == paths
    text = page(admin_client, full).content.decode()
    assert "30 of 35 files" in text
    assert "Relink 7 by content" in text
    assert "The other 23 stay as they are" in text
    assert text.count('<img src="/media/') == holding.PICTURES_SHOWN


@pytest.mark.slow
def test_relinking_leaves_the_rest_as_it_was_while_too_much_is_gone(
    library: Library, folder: Path, admin: User, admin_client: Client
) -> None:
    fill(folder, 50)
    bring_in(library)
    move(folder, range(20))
    for number in range(20, 50):
        (folder / "trip" / f"{number:02}.jpg").unlink()
    write_jpeg(folder, "new/1.jpg", width=300, height=200)
    scan(library)
    assert Review.objects.get().found == 20
    answer(admin_client, library, "moved")
    tasks.scan(library.pk)
    library.refresh_from_db()
    review = Review.objects.get()
    assert (library.state, review.gone, review.found, review.answer) == ("held", 30, 0, "")
    assert File.objects.filter(path__startswith="2019/summer/").count() == 20
    assert not File.objects.filter(path="new/1.jpg").exists()
    assert not Photo.objects.filter(missing_since__isnull=False).exists()
    # And once more: nothing happens twice.
    answer(admin_client, library, "moved")
    tasks.scan(library.pk)
    assert File.objects.count() == 55
    scan(library, accept_missing=True)
    work_off()
    assert Photo.objects.filter(missing_since__isnull=False).count() == 30
    assert_every_file_is_shown_as_it_is(library, folder)


@pytest.mark.slow
def test_a_file_of_the_same_size_and_name_but_another_content_is_no_moved_one(full: Library, folder: Path) -> None:
    move(folder, range(30))
    for number in range(30):
        target = folder / "2019/summer" / f"{number:02}.jpg"
        data = bytearray(target.read_bytes())
        data[-20] ^= 1
        target.write_bytes(bytes(data))
    scan(full)
    full.refresh_from_db()
    review = Review.objects.get()
    assert (full.state, review.candidates, review.checked, review.found) == ("held", 30, 30, 0)


@pytest.mark.slow
def test_copies_with_one_content_get_one_place_each(library: Library, folder: Path) -> None:
    fill(folder)
    for number in range(30):
        shutil.copy(folder / "trip/00.jpg", folder / "trip" / f"copy-{number:02}.jpg")
    bring_in(library)
    (folder / "trip").rename(folder / "moved")
    for number, file in enumerate(sorted((folder / "moved").iterdir())):
        os.utime(file, ns=(10**18 + number, 10**18 + number))
    scan(library)
    work_off()
    assert_every_file_is_shown_as_it_is(library, folder)
    assert Photo.objects.count() == 35
    assert File.objects.filter(missing_since__isnull=False).count() == 0


@pytest.mark.slow
def test_no_scan_hashes_a_file_twice_while_the_library_waits(
    full: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    original = relinking._digest
    monkeypatch.setattr(relinking, "_digest", lambda *a: (read.append(a[1]), original(*a))[1])
    move(folder, range(8))
    for number in range(8, 30):
        (folder / "trip" / f"{number:02}.jpg").unlink()
    scan(full)
    assert len(read) == 8
    scan(full)
    assert len(read) == 8
    os.utime(folder / "2019/summer/03.jpg")
    scan(full)
    assert read[8:] == ["2019/summer/03.jpg"]
    assert Review.objects.get().found == 8


@pytest.mark.slow
def test_a_scan_that_is_killed_while_it_compares_goes_on_where_it_was(
    full: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    move(folder, range(30))
    monkeypatch.setattr(relinking, "_NOTE_S", 0)
    original, read = relinking._digest, []

    def dies(*arguments: Any) -> str:
        read.append(arguments[1])
        if len(read) == 11:
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(relinking, "_digest", dies)
    asked = scanning.request_scan(full)
    with pytest.raises(KeyboardInterrupt):
        tasks.scan(full.pk)
    full.refresh_from_db()
    assert full.state == "held"
    assert Candidate.objects.count() == 10
    Scan.objects.filter(pk=asked.pk).update(lease_until="2020-01-01T00:00:00Z")
    assert work.return_abandoned() == 1
    tasks.scan(full.pk)
    full.refresh_from_db()
    assert full.state == "ok"
    assert len(read) == 31
    work_off()
    assert_every_file_is_shown_as_it_is(full, folder)
    assert Photo.objects.count() == 35


@pytest.mark.slow
def test_the_drive_is_away_changes_nothing_and_is_remembered(
    full: Library, folder: Path, tmp_path: Path, admin: User, admin_client: Client
) -> None:
    (folder / "trip").rename(tmp_path / "unplugged")
    scan(full)
    assert answer(admin_client, full, "away").status_code == 303
    assert "PictoPy waits for the drive" in page(admin_client, full).content.decode()
    assert "Waiting for the drive" in admin_client.get(reverse("gallery:library_list")).content.decode()
    scan(full)
    full.refresh_from_db()
    assert full.state == "held"
    assert Review.objects.get().answer == "away"
    assert not Photo.objects.filter(missing_since__isnull=False).exists()
    # More of it went away: that is another question.
    (folder / "kept/1.jpg").rename(tmp_path / "1.jpg")
    scan(full)
    assert Review.objects.get().answer == ""
    (tmp_path / "unplugged").rename(folder / "trip")
    scan(full)
    full.refresh_from_db()
    assert full.state == "ok"
    assert not Review.objects.exists()
    assert "Nothing to decide" in page(admin_client, full).content.decode()


@pytest.mark.slow
def test_an_offline_library_asks_too_and_nothing_can_be_relinked_in_it(
    full: Library, folder: Path, tmp_path: Path, admin_client: Client
) -> None:
    folder.rename(tmp_path / "unplugged")
    scan(full)
    text = page(admin_client, full).content.decode()
    assert "The folder cannot be reached" in text
    assert "All 35 photos" in text
    assert "Relink" not in text
    answer(admin_client, full, "moved")
    assert not Review.objects.exists()
    answer(admin_client, full, "away")
    scan(full)
    assert Review.objects.get().answer == "away"
    (tmp_path / "unplugged").rename(folder)
    scan(full)
    assert not Review.objects.exists()


@pytest.mark.slow
def test_photos_that_another_library_shows_as_well_are_told_only_to_those_who_see_it(
    full: Library, folder: Path, tmp_path: Path, owner: User, admin: User, admin_client: Client
) -> None:
    from tests.factories import LibraryFactory

    other = tmp_path / "archive"
    shutil.copytree(folder / "trip", other)
    archive = LibraryFactory(name="Archive", root=str(other), owner=owner, visibility="private")
    bring_in(archive)
    shutil.rmtree(folder / "trip")
    scan(full)
    assert Review.objects.get().elsewhere == {str(archive.pk): 30}
    assert "Archive" not in page(admin_client, full).content.decode()
    Library.objects.filter(pk=archive.pk).update(visibility="household")
    assert "30 of these photos are also in" in page(admin_client, full).content.decode()


def test_many_folders_are_shown_by_what_they_lie_in() -> None:
    at = {number: f"year/{number:03}/{number}.jpg" for number in range(100)} | {100: "other/a.jpg", 101: "b.jpg"}
    rows = holding._counted(at, found={3, 101})
    assert [(row.folder, row.count, row.found) for row in rows] == [("year", 100, 1), ("other", 1, 0), ("", 1, 1)]


@pytest.mark.slow
def test_the_page_of_a_large_review_costs_the_same_queries(
    full: Library, folder: Path, admin_client: Client, django_assert_num_queries: Any
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    for number in range(25):
        (folder / "trip" / f"{number:02}.jpg").unlink()
    scan(full)
    page(admin_client, full)
    with CaptureQueriesContext(connection) as few:
        page(admin_client, full)
    Review.objects.update(folders=Review.objects.get().folders * 20)
    with django_assert_num_queries(len(few)):
        page(admin_client, full)


@pytest.mark.slow
def test_forgetting_says_what_is_lost_and_takes_only_what_was_missing_then(
    full: Library, folder: Path, owner: User, admin: User, admin_client: Client
) -> None:
    files = sorted((folder / "trip").iterdir())
    first, second = (Photo.objects.get(files__path=f"trip/{file.name}") for file in files[:2])
    AlbumItemFactory(photo=first, album__owner=admin, album__name="Summer")
    AlbumItemFactory(photo=first, album__owner=owner, album__name="Secret plans")
    FaceFactory(photo=first, person=PersonFactory(name="Ana"), state="assigned")
    services.set_favourite(admin, [first.pk], is_favourite=True)
    files[0].unlink()
    scan(full)
    address = reverse("gallery:library_forget", args=[full.pk])
    response = admin_client.get(address)
    text = response.content.decode()
    for sentence in ("1 photo of", "One place in the album “Summer” (1)", "1 named face: Ana (1)", "1 of your favour"):
        assert sentence in text
    assert "Secret plans" not in text
    until = response.context["until"]
    files[1].unlink()
    scan(full)
    assert admin_client.post(address).status_code == 303  # nobody was told anything
    assert Photo.objects.filter(missing_since__isnull=False).count() == 2
    admin_client.post(address, {"until": until})
    assert not Photo.objects.filter(pk=first.pk).exists()
    assert Photo.objects.filter(pk=second.pk, missing_since__isnull=False).exists()


@pytest.mark.slow
def test_missing_photos_are_a_set_of_their_own_with_their_pages(
    full: Library, folder: Path, member_client: Client
) -> None:
    (folder / "trip/03.jpg").unlink()
    scan(full)
    photo = Photo.objects.get(missing_since__isnull=False)
    listing = member_client.get(reverse("gallery:library_missing", args=[full.pk])).content.decode()
    assert f'href="{photo.get_absolute_url()}?in=missing:{full.pk}"' in listing
    assert "away since" in listing
    assert "Forget" not in listing  # a member may not
    shown = member_client.get(f"{photo.get_absolute_url()}?in=missing:{full.pk}").content.decode()
    assert "has been away since" in shown
    original = member_client.get(reverse("gallery:photo_original", args=[photo.pk]))
    assert original.status_code == 404
    assert "It has been away since" in original.content.decode()
    for address in ("/", f"/months/{photo.month}/"):
        assert f'id="p{photo.pk}"' in member_client.get(address).content.decode()


@pytest.mark.slow
def test_an_answer_needs_the_right_to_edit(full: Library, folder: Path, member: User, member_client: Client) -> None:
    Library.objects.filter(pk=full.pk).update(state="held")
    assert answer(member_client, full, "away").status_code == 404
    assert not Review.objects.exists()
    assert reviews.waiting([full.pk]) == set()
    assert WorkState.READY not in Scan.objects.values_list("work_state", flat=True)


@pytest.mark.django_db
def test_a_held_library_that_was_not_looked_at_yet_has_its_page(admin_client: Client, library: Library) -> None:
    Library.objects.filter(pk=library.pk).update(state="held", state_reason="Half of it is gone.")
    shown = page(admin_client, library)
    assert shown.status_code == 200
    assert "What became of the files?" in shown.content.decode()
    assert "Half of it is gone." in shown.content.decode()
    part = admin_client.get(
        f"{shown.request['PATH_INFO']}?seen={shown.context['seen']}", headers={"HX-Request": "true"}
    ).content.decode()
    assert "with the next scan" in part
