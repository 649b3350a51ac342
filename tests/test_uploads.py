"""Uploads: the protocol, who may, and what is refused."""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gallery import limits, staging, tasks, uploads, work
from gallery.models import File, Library, Photo, Upload
from tests.factories import PhotoFactory, jpeg_bytes
from tests.importing import scan
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


def test_a_photo_arrives_in_chunks_and_is_shown_without_a_scan(sender: Sender, target: Library, photos: Path) -> None:
    data = jpeg_bytes(taken=TAKEN)
    url = sender.begin(data, "Café %.JPG")
    third = len(data) // 3
    for start in range(0, len(data), third):
        assert sender.offset(url) == start
        response = sender.patch(url, start, data[start : start + third])
        assert response.status_code == 204
        assert int(response.headers["Upload-Offset"]) == min(len(data), start + third)
    assert response.headers["Pictopy-Outcome"] == "stored"
    assert originals(photos) == {"2019/07/Café %.JPG": data}
    assert on_their_way(photos) == []
    while work.has_ready_photos():
        tasks.analyze()
    (photo,) = Photo.objects.all()
    assert photo.imported_at is not None
    assert photo.digest == hashlib.sha256(data).hexdigest()
    assert photo.taken == TAKEN
    done = scan(target)
    assert (done.seen, done.added, done.changed, done.moved, done.gone) == (1, 0, 0, 0, 0)


def test_what_is_understood_is_told(sender: Sender) -> None:
    response = sender.client.options("/uploads/")
    assert response.status_code == 204
    assert response.headers["Tus-Version"] == response.headers["Tus-Resumable"] == "1.0.0"
    assert response.headers["Tus-Extension"] == "creation,termination"
    url = sender.begin(jpeg_bytes())
    response = sender.head(url)
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Upload-Length"] == str(Upload.objects.get().size_bytes)
    assert sender.client.patch(url, b"x", headers={"upload-offset": "0"}).status_code == 412
    assert sender.client.patch(url, b"x", headers={"tus-resumable": "0.2.2"}).headers["Tus-Version"] == "1.0.0"


def test_chunks_that_do_not_fit_change_nothing(sender: Sender, photos: Path) -> None:
    data = jpeg_bytes()
    url = sender.begin(data)
    assert sender.patch(url, 10, data[10:20]).status_code == 409
    assert sender.patch(url, 0, data[:5000]).status_code == 204
    assert sender.patch(url, 0, data[:5000]).status_code == 409, "repeated"
    assert sender.patch(url, 4000, data[4000:]).status_code == 409
    assert sender.patch(url, 5000, data[5000:] + b"x").status_code == 413
    assert sender.patch(url, -1, b"x").status_code == 400
    response = sender.client.patch(
        url, data, content_type="image/jpeg", headers={"tus-resumable": "1.0.0", "upload-offset": "5000"}
    )
    assert response.status_code == 415
    assert sender.patch(url, 5000, b"x" * (limits.CHUNK_BYTES + 1)).status_code == 413
    assert sender.offset(url) == 5000
    assert sender.patch(url, 5000, data[5000:]).status_code == 204
    assert list(originals(photos).values()) == [data]


def test_only_one_request_at_a_time_writes(sender: Sender, target: Library) -> None:
    data = jpeg_bytes()
    url = sender.begin(data)
    with staging.opened(target) as root, staging.locked(root, Upload.objects.get().pk.hex):
        assert sender.patch(url, 0, data).status_code == 423
        assert sender.delete(url).status_code == 423
        assert sender.offset(url) == 0
    assert sender.patch(url, 0, data).status_code == 204


def test_after_a_lost_answer_the_upload_tells_what_became_of_it(sender: Sender) -> None:
    data = jpeg_bytes()
    url = sender.begin(data)
    sender.patch(url, 0, data)
    assert sender.offset(url) == len(data)
    assert sender.patch(url, 0, data).status_code == 204, "its outcome, not another write"
    state = sender.client.get(url).json()
    assert (state["outcome"], state["photo"]) == ("stored", Photo.objects.get().pk)
    assert Photo.objects.count() == 1


def test_cancelling_forgets_all_of_it(sender: Sender, photos: Path) -> None:
    data = jpeg_bytes()
    url = sender.begin(data)
    sender.patch(url, 0, data[:5000])
    assert len(on_their_way(photos)) == 1
    assert sender.delete(url).status_code == 204
    assert on_their_way(photos) == []
    assert sender.head(url).status_code == 404
    assert sender.patch(url, 5000, data[5000:]).status_code == 404


def test_the_same_content_is_there_only_once(sender: Sender, photos: Path) -> None:
    data = jpeg_bytes()
    digest = hashlib.sha256(data).hexdigest()
    assert sender.send(data, "a.jpg").headers["Pictopy-Outcome"] == "stored"
    found = sender.client.post("/uploads/check/", {"library": sender.library.pk, "sha256": [digest, "0" * 64]}).json()
    assert found["here"] == {digest: {"photo": Photo.objects.get().pk, "trashed": False}}
    assert sender.send(data, "b.jpg", announce=False).headers["Pictopy-Outcome"] == "present"
    assert len(originals(photos)) == Photo.objects.count() == File.objects.count() == 1
    assert on_their_way(photos) == []


def test_the_check_tells_nothing_of_other_libraries(sender: Sender, owner: User, tmp_path: Path) -> None:
    hidden = upload_library(tmp_path / "hidden", owner=owner, visibility="private")
    photo = PhotoFactory(library=hidden)
    address = "/uploads/check/"
    assert sender.client.post(address, {"library": hidden.pk, "sha256": photo.digest}).status_code == 404
    assert sender.client.post(address, {"library": sender.library.pk, "sha256": photo.digest}).json()["here"] == {}


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"<!DOCTYPE html><script>alert(1)</script>" * 200, "a web page"),
        (b"MZ\x90\0" + b"\0\1" * 4000, "a program"),
        (b"\0" * 9000, "only zeros"),
        (b"%PDF-1.7 small", "a PDF"),
    ],
)
def test_a_type_that_lies_is_refused_in_words(sender: Sender, photos: Path, data: bytes, word: str) -> None:
    url = sender.begin(data, "holiday.jpg")
    response = sender.patch(url, 0, data[: max(4096, len(data) // 2)])
    assert response.status_code == 422
    assert word in response.content.decode()
    assert sender.head(url).status_code == 410
    assert word in sender.client.get(url).json()["error"]
    assert originals(photos) == {}
    assert on_their_way(photos) == []


def test_content_other_than_announced_is_refused(sender: Sender, photos: Path) -> None:
    data = jpeg_bytes()
    url = sender.begin(data)
    response = sender.patch(url, 0, data[:-1] + b"?")
    assert response.status_code == 422
    assert "not what was to be sent" in response.content.decode()
    assert (originals(photos), on_their_way(photos)) == ({}, [])


def test_what_no_upload_can_be_is_refused_at_once(sender: Sender, target: Library) -> None:
    assert sender.open(b"").status_code == 400
    assert sender.open(b"x", size=uploads.MAX_BYTES + 1).status_code == 413
    assert sender.open(b"x", sha256="yes").status_code == 400
    assert sender.open(b"x", library="0").status_code == 404
    assert sender.open(b"x", library="nonsense").status_code == 404
    header = {"tus-resumable": "1.0.0", "upload-length": "5", "upload-metadata": "filename ***"}
    assert sender.client.post("/uploads/", headers=header).status_code == 400
    Library.objects.filter(pk=target.pk).update(exclude="*.png")
    response = sender.open(b"x", "a.PNG")
    assert response.status_code == 422
    assert "leaves out" in response.content.decode()
    assert not Upload.objects.exists()


def test_open_uploads_are_bounded_for_each_person(
    sender: Sender, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MAX_OPEN", 2)
    urls = [sender.begin(jpeg_bytes()) for _ in range(2)]
    assert sender.open(b"x").status_code == 429
    assert Sender(admin_client, sender.library).open(b"x").status_code == 201
    sender.delete(urls[0])
    assert sender.open(b"x").status_code == 201


def test_room_on_the_disk_is_asked_for_beforehand(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "MIN_FREE_BYTES", 10**18)
    response = sender.open(b"x")
    assert response.status_code == 507
    assert "not enough room" in response.content.decode()


def test_the_sweep_finishes_what_arrived_and_tidies_up(sender: Sender, target: Library, photos: Path) -> None:
    whole, stale = jpeg_bytes(), jpeg_bytes()
    url = sender.begin(whole)
    sender.patch(url, 0, whole[:-1])
    upload = Upload.objects.get()
    with (photos / ".pictopy-uploads" / upload.pk.hex).open("ab") as file:
        file.write(whole[-1:])
    Upload.objects.filter(pk=upload.pk).update(received_bytes=len(whole))
    sender.patch(sender.begin(stale, "stale.jpg"), 0, stale[:5000])
    Upload.objects.filter(name="stale.jpg").update(changed_at=timezone.now() - dt.timedelta(days=4))
    orphan = photos / ".pictopy-uploads" / "orphan"
    orphan.write_bytes(b"x")
    tasks.sweep()
    assert list(originals(photos).values()) == [whole]
    assert on_their_way(photos) == ["orphan"], "younger than an hour"
    assert Upload.objects.get().outcome == "stored"


def test_members_add_to_household_libraries_and_to_nobody_elses(
    sender: Sender, owner: User, owner_client: Client, admin_client: Client, tmp_path: Path
) -> None:
    private = upload_library(tmp_path / "private", owner=owner, visibility="private")
    external = upload_library(tmp_path / "external")
    Library.objects.filter(pk=external.pk).update(kind=Library.Kind.EXTERNAL)
    data = jpeg_bytes()
    assert Sender(owner_client, private).open(data).status_code == 201
    assert Sender(admin_client, private).open(data).status_code == 404
    assert Sender(sender.client, private).open(data).status_code == 404
    assert Sender(admin_client, external).open(data).status_code == 404
    url = sender.begin(data)
    other = Sender(owner_client, sender.library)
    assert other.head(url).status_code == other.patch(url, 0, data).status_code == other.delete(url).status_code == 404
    Library.objects.filter(pk=sender.library.pk).update(visibility="private", owner=owner)
    assert sender.patch(url, 0, data).status_code == 404, "no longer theirs to add to"


def test_a_plain_form_takes_files(sender: Sender, photos: Path) -> None:
    files = [
        SimpleUploadedFile("a.jpg", jpeg_bytes(taken=TAKEN)),
        SimpleUploadedFile("b.jpg", jpeg_bytes(3000, 2500, quality=95)),
        SimpleUploadedFile("lies.jpg", b"<html>" * 1000),
    ]
    response = sender.client.post("/uploads/form/", {"library": sender.library.pk, "files": files}, follow=True)
    page = response.content.decode()
    assert "2 photos were added." in page
    assert "lies.jpg: This is not a picture" in page
    assert len(originals(photos)) == 2
    assert on_their_way(photos) == []
    assert not Upload.objects.filter(outcome="").exists()


def test_a_plain_form_needs_its_token(target: Library, member: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(member, backend="django.contrib.auth.backends.ModelBackend")
    files = [SimpleUploadedFile("a.jpg", jpeg_bytes())]
    assert client.post("/uploads/form/", {"library": target.pk, "files": files}).status_code == 403
    assert not Upload.objects.exists()


def test_twice_the_libraries_and_uploads_make_the_same_number_of_queries(sender: Sender, tmp_path: Path) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert sender.client.get("/uploads/").status_code == 200
        return len(captured)

    sender.begin(jpeg_bytes())
    few = count()
    for number in range(4):
        upload_library(tmp_path / f"more-{number}")
        sender.begin(jpeg_bytes())
    assert count() == few


def test_an_administrator_makes_a_library_for_uploads(admin_client: Client, settings: Any, folder: Path) -> None:
    form = {"name": "Our phones", "visibility": "household", "folder": ""}
    admin_client.post("/libraries/add/uploads/", form)
    library = Library.objects.get()
    assert library.kind == Library.Kind.MANAGED
    assert library.root_path == str(settings.PICTOPY.data_dir.resolve() / "uploads" / "our-phones")
    assert admin_client.post("/libraries/add/uploads/", form).status_code == 303
    assert Library.objects.filter(root__endswith="/our-phones-2").exists()
    assert admin_client.post("/libraries/add/uploads/", form | {"folder": "/etc"}).status_code == 422
    assert admin_client.post("/libraries/add/uploads/", form | {"folder": str(folder)}).status_code == 303
    # A folder that holds PictoPy's data can still be added: scans pass that by.
    parent = str(settings.PICTOPY.data_dir.parent)
    Library.objects.filter(root=str(folder)).delete()
    assert admin_client.post("/libraries/add/", form | {"folder": parent, "scan_every_min": "60"}).status_code == 303


def test_a_full_disk_is_said_and_the_upload_goes_on_when_there_is_room(
    sender: Sender, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = jpeg_bytes()
    url = sender.begin(data)
    sender.patch(url, 0, data[:6000])
    write = os.pwrite

    def full(descriptor: int, view: Any, offset: int) -> int:
        if offset >= 7000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, view[: 7000 - offset], offset)

    monkeypatch.setattr(os, "pwrite", full)
    response = sender.patch(url, 6000, data[6000:])
    assert response.status_code == 507
    assert "is full" in response.content.decode()
    assert sender.offset(url) == 6000
    monkeypatch.undo()
    assert sender.patch(url, 6000, data[6000:]).status_code == 204
    assert list(originals(photos).values()) == [data]
