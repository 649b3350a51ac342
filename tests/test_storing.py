"""Where uploads come to lie, under which name, and that nothing is ever there twice or in the place of another."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from albums.models import Album, AlbumItem
from gallery import staging, storing, tasks, work
from gallery.models import File, Library, Photo, Upload
from tests.factories import AlbumFactory, jpeg_bytes
from tests.importing import bring_in, scan
from tests.upload_client import Sender, on_their_way, originals, upload_library

TAKEN = dt.datetime(2019, 7, 4, 15, 30)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return tmp_path / "uploads"


@pytest.fixture
def target(db: None, photos: Path) -> Library:
    return upload_library(photos, name="Phones")


@pytest.fixture
def sender(member_client: Client, target: Library) -> Sender:
    return Sender(member_client, target)


def test_two_uploads_of_one_content_at_once_leave_one_file(
    sender: Sender, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = jpeg_bytes(taken=TAKEN)
    first, second = sender.begin(data, "a.jpg"), sender.begin(data, "b.jpg")
    record = storing._record
    patched: list[str] = []

    def meanwhile(upload: Upload, digest: str, stat: Any) -> bool:
        """The other one is stored after this one looked for its content, and before it wrote its rows."""
        if not patched:
            patched.append(upload.name)
            assert sender.patch(second, 0, data).headers["Pictopy-Outcome"] == "stored"
        return record(upload, digest, stat)

    monkeypatch.setattr(storing, "_record", meanwhile)
    assert sender.patch(first, 0, data).headers["Pictopy-Outcome"] == "present"
    assert originals(photos) == {"2019/07/b.jpg": data}
    assert Photo.objects.count() == File.objects.count() == 1
    assert on_their_way(photos) == []


def test_names_that_are_taken_get_a_number_and_nothing_is_overwritten(sender: Sender, photos: Path) -> None:
    (photos / "2019/07").mkdir(parents=True)
    (photos / "2019/07/a.jpg").write_bytes(b"somebody else's, unknown to the database")
    first, second = jpeg_bytes(taken=TAKEN), jpeg_bytes(taken=TAKEN)
    sender.send(first)
    sender.send(second)
    assert originals(photos) == {
        "2019/07/a.jpg": b"somebody else's, unknown to the database",
        "2019/07/a (2).jpg": first,
        "2019/07/a (3).jpg": second,
    }


@pytest.mark.slow
def test_dates_decide_the_folder(sender: Sender, photos: Path) -> None:
    own = str(int(dt.datetime(2015, 3, 9, 12, tzinfo=dt.UTC).timestamp() * 1000))
    sender.send(jpeg_bytes(taken=TAKEN), "camera.jpg", lastModified=own)
    sender.send(jpeg_bytes(), "own.jpg", lastModified=own)
    sender.send(jpeg_bytes(), "nobody-knows.jpg")
    sender.send(jpeg_bytes(), "nonsense.jpg", lastModified="9" * 30)
    assert sorted(originals(photos)) == [
        "2015/03/own.jpg", "2019/07/camera.jpg", "undated/nobody-knows.jpg", "undated/nonsense.jpg",
    ]  # fmt: skip
    assert os.stat(photos / "2015/03/own.jpg").st_mtime == int(own) / 1000
    while work.has_ready_photos():
        tasks.analyze()
    undated = Photo.objects.get(files__path="undated/nobody-knows.jpg")
    assert undated.taken is None, "the time of its arrival is no date"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("../../etc/passwd.jpg", "passwd.jpg"),
        ("/abs/olute.jpg", "olute.jpg"),
        ("..\\..\\windows.jpg", "windows.jpg"),
        ("..", "photo.jpg"),
        ("", "photo.jpg"),
        ("\0\x1b[2J\u202egpj.exe.jpg", "[2Jgpj.exe.jpg"),
        (".hidden.jpg", "hidden.jpg"),
        ("CON.jpg", "_CON.jpg"),
        ("lpt1.tar.jpg", "_lpt1.tar.jpg"),
        ('a<b>:"c|d?e*.jpg', "a_b___c_d_e_.jpg"),
        ("name. . .jpg", "name. . .jpg"),
        ("no-ending", "no-ending.jpg"),
        ("lies.txt", "lies.txt.jpg"),
        ("é" * 300 + ".jpg", "é" * 98 + ".jpg"),
        ("日本 🏔️ 2024.JPG", "日本 🏔️ 2024.JPG"),
    ],
)
def test_names_are_made_safe(sender: Sender, photos: Path, name: str, stored: str) -> None:
    assert sender.send(jpeg_bytes(), name).status_code == 204
    assert list(originals(photos)) == [f"undated/{stored}"]
    assert sender.library.files.get().missing_since is None
    assert scan(sender.library).gone == 0


def test_a_drive_that_is_away_takes_nothing(sender: Sender, photos: Path) -> None:
    data = jpeg_bytes()
    sender.send(jpeg_bytes())
    url = sender.begin(data)
    photos.rename(photos.with_name("away"))
    assert sender.patch(url, 0, data).status_code == 503
    assert sender.open(data).status_code == 503
    photos.mkdir()  # the empty mount point
    assert sender.patch(url, 0, data).status_code == 503
    assert list(photos.iterdir()) == []
    assert sender.open(data).status_code == 503
    photos.rmdir()
    photos.symlink_to(photos.with_name("away"))
    assert sender.patch(url, 0, data).status_code == 503
    photos.unlink()
    photos.with_name("away").rename(photos)
    assert sender.patch(url, sender.offset(url), data).status_code == 204


def test_links_in_the_library_lead_nowhere(sender: Sender, photos: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (photos / "2019").symlink_to(outside)
    response = sender.send(jpeg_bytes(taken=TAKEN))
    assert response.status_code == 503
    assert list(outside.iterdir()) == []


def test_disks_without_hard_links_work_as_well(sender: Sender, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: str, target: str, *, src_dir_fd: int, dst_dir_fd: int, follow_symlinks: bool) -> None:
        try:
            os.stat(target, dir_fd=dst_dir_fd, follow_symlinks=False)
        except FileNotFoundError:
            raise PermissionError(1, "no links here") from None
        raise FileExistsError(17, "there")

    monkeypatch.setattr(os, "link", refuse)
    first, second = jpeg_bytes(taken=TAKEN), jpeg_bytes(taken=TAKEN)
    sender.send(first)
    sender.send(second)
    assert originals(photos) == {"2019/07/a.jpg": first, "2019/07/a (2).jpg": second}
    assert on_their_way(photos) == []
    (photos / "2019/07/b.jpg").touch()  # an attempt reserved the name and ended
    third = jpeg_bytes(taken=TAKEN)
    url = sender.begin(third, "b.jpg")
    Upload.objects.filter(outcome="").update(path="2019/07/b.jpg")
    sender.patch(url, 0, third)
    assert originals(photos)["2019/07/b.jpg"] == third


@pytest.mark.slow
def test_missing_content_that_comes_again_is_the_same_photo(sender: Sender, target: Library, photos: Path) -> None:
    data = jpeg_bytes(taken=TAKEN)
    sender.send(data)
    sender.send(jpeg_bytes(), "other.jpg")
    (photo, _) = bring_in(target)
    (photos / "2019/07/a.jpg").unlink()
    scan(target)
    photo.refresh_from_db()
    assert photo.missing_since
    assert sender.send(data).headers["Pictopy-Outcome"] == "stored"
    photo.refresh_from_db()
    assert photo.missing_since is None
    assert [file.path for file in photo.files.all()] == ["2019/07/a (2).jpg"]
    assert scan(target).gone == 0


def test_a_scan_that_passed_before_takes_nothing_for_gone(
    sender: Sender, target: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gallery import walk

    real = walk.walk

    def then_upload(*args: Any, **options: Any) -> Any:
        found = real(*args, **options)
        sender.send(jpeg_bytes())
        return found

    monkeypatch.setattr(walk, "walk", then_upload)
    scan(target)
    assert File.objects.get().missing_since is None


def test_a_scan_that_found_the_file_first_is_no_second_photo(
    sender: Sender, target: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = staging.put

    def then_scan(root: int, name: str, path: str) -> bool:
        done = put(root, name, path)
        scan(target)
        return done

    monkeypatch.setattr(staging, "put", then_scan)
    assert sender.send(jpeg_bytes()).headers["Pictopy-Outcome"] == "stored"
    assert Photo.objects.count() == File.objects.count() == 1
    assert Photo.objects.get().digest


def test_albums_take_uploads_and_what_was_there_already(sender: Sender, member: User) -> None:
    own, foreign = AlbumFactory(name="Own", owner=member), AlbumFactory(name="Not mine")
    data = jpeg_bytes()
    sender.send(data, album=f"album:{own.pk}")
    sender.send(jpeg_bytes(), album="folder", folder="Norway")
    sender.send(jpeg_bytes(), album="folder", folder="Norway")
    assert AlbumItem.objects.filter(album=own).count() == 1
    assert Album.objects.get(owner=member, name="Norway").items.count() == 2
    assert sender.open(jpeg_bytes(), album=f"album:{foreign.pk}").status_code == 404
    form = {
        "library": sender.library.pk,
        "sha256": hashlib.sha256(data).hexdigest(),
        "album": "folder",
        "folder": "Norway",
    }
    sender.client.post("/uploads/check/", form)
    assert Album.objects.get(owner=member, name="Norway").items.count() == 3
    assert not foreign.items.exists()
