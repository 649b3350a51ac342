"""Which folders may be libraries, and walking to them."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest
from django.contrib.auth.models import AnonymousUser, User
from pytest_django.fixtures import Settings

from gallery import libraries, paths, roots
from gallery.models import Library, WorkState
from tests.factories import LibraryFactory, write_jpeg


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with pictures, inside what the tests allow."""
    folder = tmp_path / "pictures"
    write_jpeg(folder, "a.jpg")
    write_jpeg(folder, "2024/b.jpg")
    (folder / ".hidden").mkdir()
    return folder


@pytest.fixture
def household(folder: Path, db: None) -> Library:
    return LibraryFactory(name="House", root=paths.to_text(str(folder)))


@pytest.fixture
def private(owner: User, tmp_path: Path) -> Library:
    return LibraryFactory(name="Mine", root=str(tmp_path / "mine"), owner=owner, visibility="private")


@pytest.mark.django_db
def test_a_folder_of_pictures_may_be_a_root(folder: Path) -> None:
    assert roots.check_root(str(folder)) == str(folder)


@pytest.mark.django_db
def test_an_empty_folder_may_as_well(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert roots.check_root(str(tmp_path / "empty"))
    assert list_folder(str(tmp_path / "empty")).is_empty


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("pictures", "whole path"),
        ("", "whole path"),
        ("/etc", "lies outside"),
        ("/", "lies outside"),
        ("{}/absent", "There is no folder"),
        ("{}/note.txt", "is a file"),
        ("{}/pictures/../../..", "lies outside"),
        ("{}/a\0b", "such characters"),
        ("{}/data", "keeps its own data"),
        ("{}/data/thumbnails", "keeps its own data"),
        ("{}/" + "x" * 300, "cannot be read"),
        ("{}/\ud800", "such characters"),
    ],
)
def test_other_folders_are_refused_with_a_reason(tmp_path: Path, path: str, reason: str) -> None:
    (tmp_path / "note.txt").write_text("")
    (tmp_path / "data" / "thumbnails").mkdir()
    with pytest.raises(roots.RootRefused, match=reason):
        roots.check_root(path.format(tmp_path))


def list_folder(path: str, viewer: User | None = None) -> roots.Listing:
    return roots.list_folder(viewer or AnonymousUser(), path)


def test_nothing_is_told_about_folders_outside(tmp_path: Path) -> None:
    messages = []
    for path in ("/etc", "/absent-nowhere"):
        with pytest.raises(roots.RootRefused) as refusal:
            roots.resolve(path)
        messages.append(str(refusal.value).replace(path, "PATH"))
    assert messages[0] == messages[1]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/etc", "start PictoPy with PICTOPY_ROOTS=/home/anna:/mnt/nas:/etc, or once with make run PHOTOS=/etc, which"),
        ("/etc/my photos", "PICTOPY_ROOTS='/home/anna:/mnt/nas:/etc/my photos', or once with make run PHOTOS='/etc/my"),
        ("/etc/a:b", "To allow it, start PictoPy once with make run PHOTOS=/etc/a:b, which"),
    ],
)
def test_the_refusal_of_a_folder_outside_says_exactly_what_to_type(settings: Settings, path: str, said: str) -> None:
    settings.PICTOPY = dataclasses.replace(settings.PICTOPY, roots=[Path("/home/anna"), Path("/mnt/nas")])
    with pytest.raises(roots.RootRefused) as refusal:
        roots.resolve(path)
    assert said in str(refusal.value)
    assert "a library that everyone in the house sees" in str(refusal.value)


@pytest.mark.django_db
def test_a_link_that_leaves_the_allowed_folders_is_outside(tmp_path: Path) -> None:
    (tmp_path / "way-out").symlink_to("/etc")
    with pytest.raises(roots.RootRefused, match="way-out” lies outside"):
        roots.check_root(str(tmp_path / "way-out"))
    assert "way-out" not in [folder.name for folder in list_folder(str(tmp_path)).folders]


@pytest.mark.django_db
def test_a_link_that_stays_inside_leads_to_the_folder_itself(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    assert roots.check_root(str(tmp_path / "link")) == str(folder)


@pytest.mark.django_db
def test_a_folder_that_may_not_be_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", denied)  # the tests may run as root, who may read everything
    with pytest.raises(roots.RootRefused, match="may not look into"):
        roots.check_root(str(folder))


def test_libraries_lie_beside_each_other(household: Library, folder: Path, tmp_path: Path) -> None:
    for path, reason in ((folder, "is the library “House” already"), (folder / "2024", "inside the library “House”"),
                         (tmp_path, "contains the library “House”")):  # fmt: skip
        with pytest.raises(roots.RootRefused, match=reason):
            roots.check_root(str(path))
    (tmp_path / "pictures-too").mkdir()
    assert roots.check_root(str(tmp_path / "pictures-too"))


def test_the_name_of_a_private_library_is_not_told(private: Library, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(roots.RootRefused) as refusal:
        roots.check_root(str(tmp_path / "mine"))
    assert "Mine" not in str(refusal.value)


@pytest.mark.django_db
def test_names_that_are_no_text_can_be_chosen(tmp_path: Path) -> None:
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9 100%")
    os.mkdir(odd)
    (listed,) = [entry for entry in list_folder(str(tmp_path)).folders if entry.name.startswith("caf")]
    assert listed.name == "caf� 100%"
    assert list_folder(paths.to_path(listed.path)).here == listed
    library = libraries.add_library(paths.to_path(listed.path), name="Odd")
    assert library.root_path == odd


@pytest.mark.django_db
def test_the_way_down_begins_at_the_allowed_folder(folder: Path, tmp_path: Path) -> None:
    listing = list_folder(str(folder / "2024"))
    assert [above.name for above in listing.above] == [str(tmp_path), "pictures"]
    assert list_folder(str(folder)).picture_count == 1
    assert [below.name for below in list_folder(str(folder)).folders] == ["2024"]


@pytest.mark.django_db
def test_long_lists_are_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roots, "MAX_FOLDERS", 2)
    for name in "abc":
        (tmp_path / "many" / name).mkdir(parents=True)
    listing = list_folder(str(tmp_path / "many"))
    assert listing.is_cut
    assert len(listing.folders) == 2


# --- the operator's folder


@pytest.mark.django_db
def test_the_operator_may_name_a_folder_outside(folder: Path, settings: Settings, tmp_path: Path) -> None:
    settings.PICTOPY = dataclasses.replace(settings.PICTOPY, roots=[tmp_path / "elsewhere"])
    library, is_new = libraries.open_photos(str(folder))
    assert is_new
    assert (library.name, library.visibility) == ("pictures", "household")
    assert library.scans.filter(work_state=WorkState.READY).count() == 1
    assert str(folder) in roots.allowed_roots()
    assert libraries.open_photos(str(folder) + "/") == (library, False)
    assert library.scans.count() == 1


@pytest.mark.django_db
def test_a_folder_whose_drive_is_away_hinders_no_start(folder: Path) -> None:
    library, _ = libraries.open_photos(str(folder))
    folder.rename(folder.with_name("away"))
    assert libraries.open_photos(str(folder)) == (library, False)


@pytest.mark.django_db
def test_a_bad_folder_is_not_allowed_by_naming_it(tmp_path: Path, settings: Settings) -> None:
    settings.PICTOPY = dataclasses.replace(settings.PICTOPY, roots=[tmp_path / "elsewhere"])
    for path in (tmp_path / "absent", tmp_path / "data"):
        with pytest.raises(roots.RootRefused):
            libraries.open_photos(str(path))
    assert not settings.PICTOPY.allowed_roots_file.exists()


def test_the_inside_of_a_private_library_of_another_is_not_shown(
    tmp_path: Path, owner: User, admin: User, settings: Settings
) -> None:
    (tmp_path / "anna" / "secret").mkdir(parents=True)
    LibraryFactory(root=str(tmp_path / "anna"), visibility="private", owner=owner)
    assert list_folder(str(tmp_path / "anna"), owner).folders
    for inside in ("anna", "anna/secret"):
        with pytest.raises(roots.RootRefused, match="another library"):
            list_folder(str(tmp_path / inside), admin)
    with pytest.raises(roots.RootRefused, match="its own data"):
        list_folder(str(settings.PICTOPY.data_dir), admin)


def test_where_a_forbidden_link_leads_is_not_told(tmp_path: Path) -> None:
    (tmp_path / "way").symlink_to("/etc/ssl")
    with pytest.raises(roots.RootRefused) as refusal:
        roots.resolve(str(tmp_path / "way"))
    assert "/etc" not in str(refusal.value)
