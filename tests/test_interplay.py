"""What becomes of a photo that is one thing after the other: part, duplicate, hidden, missing."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from albums.models import Album, AlbumItem
from gallery import library_status, services, steps, tasks, thumbnails, told, trash
from gallery.access import shown_in
from gallery.duplicates import bulk, deciding, review
from gallery.models import DuplicateGroup, File, Library, Mark, Photo
from tests.duplicates.rows import group_of
from tests.factories import AlbumFactory, AlbumItemFactory, LibraryFactory
from tests.importing import bring_in, scan, work_off
from tests.recorder import Recorder
from tests.shots import movie, put, raw, still

XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description><rdf:Alt>
<rdf:li xml:lang="x-default">{caption}</rdf:li></rdf:Alt></dc:description></rdf:Description></rdf:RDF></x:xmpmeta>"""


@pytest.fixture(autouse=True)
def _recorded(recorder: Recorder) -> Recorder:
    return recorder


def photo_at(path: str, library: Library | None = None) -> Photo:
    files = File.objects.filter(path=path) if library is None else File.objects.filter(path=path, library=library)
    return files.get().photo


def edit(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    os.utime(file, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns + 10**11))


# --- parts


@pytest.mark.parametrize(
    ("still_file", "part_file"), [(still(seed=3), raw(seed=3)), (still(content_id="A"), movie(content_id="A"))]
)
def test_nothing_is_joined_with_a_photo_of_another_library(
    library: Library,
    folder: Path,
    owner: User,
    member_client: Client,
    tmp_path: Path,
    still_file: bytes,
    part_file: bytes,
) -> None:
    """Read in one batch, under the same name: one is private, the other is the household's."""
    other = tmp_path / "hers"
    hers = LibraryFactory(root=str(other), owner=owner, visibility="private")
    put(folder, "a/D.JPG", still_file)
    put(other, "a/D.DNG" if part_file[:2] in (b"II", b"MM") else "a/D.MOV", part_file)
    scan(library)
    scan(hers)
    work_off()
    assert shown_in([library.pk]).count() == shown_in([hers.pk]).count() == 1
    assert not File.objects.filter(main__isnull=False).exists()
    his, her_file = photo_at("a/D.JPG"), File.objects.get(library=hers)
    address = reverse("gallery:photo_original", args=[his.pk])
    assert member_client.get(address, {"file": her_file.pk}).status_code == 404


@pytest.mark.slow
def test_pairs_hold_where_two_libraries_have_the_same_folders(library: Library, folder: Path, tmp_path: Path) -> None:
    backup = LibraryFactory(root=str(tmp_path / "backup"))
    for where in (folder, tmp_path / "backup"):
        put(where, "a/D.JPG", still(seed=3))
        put(where, "a/D.DNG", raw(seed=3))
    scan(library)
    scan(backup)
    work_off()
    Photo.objects.update(work_state="ready", attempts=0)
    work_off()
    assert [shown_in([it.pk]).count() for it in (library, backup)] == [1, 1]


def again_by_version(folder: Path, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thumbnails, "VERSION", "another")
    steps.queue_stale()
    work_off()


def again_by_edit(folder: Path, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(folder / "a/D.DNG", (folder / "a/D.DNG").read_bytes() + b"\0edited")
    bring_in(library)


def again_by_absence(folder: Path, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    data = (folder / "a/D.JPG").read_bytes()
    (folder / "a/D.JPG").unlink()
    bring_in(library)
    put(folder, "a/D.JPG", data)
    bring_in(library)


@pytest.mark.parametrize("again", [again_by_version, again_by_edit, again_by_absence])
@pytest.mark.slow
def test_what_was_undone_on_the_photo_does_not_come_back_from_its_part(
    library: Library, folder: Path, member: User, monkeypatch: pytest.MonkeyPatch, again: Callable[..., None]
) -> None:
    put(folder, "a/D.DNG", raw(seed=3))
    put(folder, "z.jpg", still(seed=77))
    bring_in(library)
    part = photo_at("a/D.DNG")
    services.set_favourite(member, [part.pk], is_favourite=True)
    Photo.objects.filter(pk=part.pk).update(caption="Mum", rating=5, set_by_people="caption rating")
    album = AlbumFactory(owner=member)
    AlbumItemFactory(album=album, photo=part)
    put(folder, "a/D.JPG", still(seed=3))
    bring_in(library)
    photo = photo_at("a/D.JPG")
    assert (photo.caption, photo.rating) == ("Mum", 5)
    assert AlbumItem.objects.get(album=album).photo == photo
    services.set_favourite(member, [photo.pk], is_favourite=False)
    AlbumItem.objects.all().delete()
    Photo.objects.filter(pk=photo.pk).update(caption="Grandma", rating=2)
    again(folder, library, monkeypatch)
    photo.refresh_from_db()
    assert (photo.caption, photo.rating) == ("Grandma", 2)
    assert not Mark.objects.filter(photo=photo, favourite=True).exists()
    assert not AlbumItem.objects.exists()
    assert shown_in([library.pk]).count() == 2


def test_what_only_the_file_of_a_part_says_counts_as_nobodys_word(library: Library, folder: Path) -> None:
    put(folder, "a/D.DNG", raw(seed=3))
    (folder / "a/D.DNG.xmp").write_text(XMP.format(caption="of the RAW"))
    put(folder, "a/D.JPG", still(seed=3))
    bring_in(library)
    (folder / "a/D.JPG.xmp").write_text(XMP.format(caption="of the picture"))
    bring_in(library)
    assert (photo_at("a/D.JPG").caption, photo_at("a/D.JPG").set_by_people) == ("of the picture", "")


@pytest.mark.slow
def test_a_date_that_a_person_set_makes_no_new_pair(library: Library, folder: Path) -> None:
    put(folder, "a/D.JPG", still(seed=3))
    put(folder, "a/D.DNG", raw(seed=3))
    bring_in(library)
    assert shown_in([library.pk]).count() == 1
    put(folder, "b/E.JPG", still(seed=5))
    bring_in(library)
    Photo.objects.filter(pk=photo_at("b/E.JPG").pk).update(set_by_people="taken", taken_source="person")
    put(folder, "b/E.DNG", raw(seed=9))
    bring_in(library)
    assert shown_in([library.pk]).count() == 3


def test_a_join_that_only_hides_is_counted(library: Library, folder: Path) -> None:
    put(folder, "b/D.JPG", still(seed=3))
    put(folder, "a/D.DNG", raw(seed=3))
    bring_in(library)
    library.refresh_from_db()
    before = library.revision
    put(folder, "a/D.JPG", (folder / "b/D.JPG").read_bytes())
    bring_in(library)
    library.refresh_from_db()
    assert photo_at("a/D.DNG").imported_at is None
    assert library.revision > before


def test_a_part_that_is_missing_is_no_missing_photo(library: Library, folder: Path) -> None:
    put(folder, "a/D.JPG", still(seed=3))
    put(folder, "a/D.DNG", raw(seed=3))
    bring_in(library)
    (folder / "a/D.DNG").unlink()
    scan(library)
    assert library_status.missing_count(library) == 0
    assert services.forget_missing(library) == 0


def test_a_copy_of_a_raw_file_elsewhere_is_no_second_photo(library: Library, folder: Path) -> None:
    put(folder, "a/D.JPG", still(seed=3))
    put(folder, "a/D.DNG", raw(seed=3))
    bring_in(library)
    put(folder, "backup/D.DNG", (folder / "a/D.DNG").read_bytes())
    bring_in(library)
    assert [it.pk for it in shown_in([library.pk])] == [photo_at("a/D.JPG").pk]


# --- duplicates


@pytest.mark.slow
def test_a_raw_file_behind_a_picture_is_not_thrown_away_unseen(library: Library, folder: Path, admin: User) -> None:
    put(folder, "a/D.JPG", still(seed=3))
    put(folder, "a/D.DNG", raw(seed=3))
    put(folder, "big.jpg", still(seed=3, width=1600, height=1200))
    bring_in(library)
    DuplicateGroup.objects.all().delete()
    small, big = photo_at("a/D.JPG"), photo_at("big.jpg")
    group = group_of(small, big)
    (shown,) = review.show(admin, [group])
    assert shown.proposal.photo_id == small.pk
    told_of = {fact.text for fact in next(it for it in shown.candidates if it.photo == small).facts}
    assert "RAW file" in told_of
    # With one more whose film would go, nobody decides but a person.
    put(folder, "live.JPG", still(seed=4, content_id="L"))
    put(folder, "live.MOV", movie(seed=4, content_id="L"))
    bring_in(library)
    DuplicateGroup.objects.all().delete()
    group = group_of(small, photo_at("live.JPG"))
    bulk.ask_merge(admin, library)
    bulk.decide()
    group.refresh_from_db()
    assert group.state == "open"
    assert shown_in([library.pk]).count() == 3


def merged(library: Library, folder: Path, admin: User) -> tuple[Photo, Photo]:
    put(folder, "keep.jpg", still(seed=5, width=800, height=600))
    put(folder, "goes.jpg", still(seed=5, width=400, height=300))
    put(folder, "other.jpg", still(seed=50))
    bring_in(library)
    DuplicateGroup.objects.all().delete()
    keep, goes = photo_at("keep.jpg"), photo_at("goes.jpg")
    deciding.merge(admin, group_of(keep, goes), keep=keep.pk, go=[goes.pk])
    return keep, goes


def test_another_picture_under_the_name_of_a_hidden_one_is_shown(library: Library, folder: Path, admin: User) -> None:
    put(folder, "a.jpg", still(seed=5))
    put(folder, "b.jpg", still(seed=6))
    bring_in(library)
    hidden = photo_at("a.jpg")
    trash.move(admin, [hidden.pk])
    edit(folder / "a.jpg", still(seed=99))
    bring_in(library)
    assert photo_at("a.jpg").trashed_at is None
    hidden.refresh_from_db()
    assert hidden.trashed_at is not None


@pytest.mark.slow
def test_a_hidden_duplicate_that_takes_the_place_of_the_kept_one_is_shown(
    library: Library, folder: Path, admin: User
) -> None:
    keep, goes = merged(library, folder, admin)
    (folder / "goes.jpg").rename(folder / "keep.jpg")
    bring_in(library)
    assert photo_at("keep.jpg") == goes
    assert photo_at("keep.jpg").trashed_at is None
    keep.refresh_from_db()
    assert keep.missing_since is not None


def test_an_album_of_an_export_gets_the_photo_that_was_kept(library: Library, folder: Path, admin: User) -> None:
    keep, _ = merged(library, folder, admin)
    put(folder, "Trip/goes.jpg", (folder / "goes.jpg").read_bytes())
    (folder / "Trip/metadata.json").write_text(
        json.dumps({"title": "Trip", "access": "protected", "date": {"timestamp": "1600000000"}})
    )
    bring_in(library)
    told.settle()
    tasks.settle()
    assert list(Album.objects.get(name="Trip").items.values_list("photo", flat=True)) == [keep.pk]
