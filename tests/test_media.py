"""Files of photos: who gets them, and how they are sent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

from gallery import media, thumbnails
from gallery.media import Range, UnsatisfiableRange
from gallery.models import File, Library, Photo
from tests.factories import LibraryFactory, PhotoFactory, jpeg_bytes, write_jpeg


@pytest.fixture
def library(db: None, tmp_path: Path) -> Library:
    folder = tmp_path / "photos"
    folder.mkdir()
    return LibraryFactory(root=str(folder))


@pytest.fixture
def photo(library: Library) -> Photo:
    """A photo with its file and its thumbnails."""
    file = write_jpeg(Path(library.root), "day one.jpg")
    photo: Photo = PhotoFactory(library=library, file="day one.jpg", size_bytes=file.stat().st_size)
    assert photo.digest
    thumbnails.store(photo.digest, {size: jpeg_bytes(48, 36) for size in thumbnails.SIZES})
    return photo


def body(response: object) -> bytes:
    return b"".join(response.streaming_content)  # type: ignore[attr-defined]


def thumbnail_url(photo: Photo, size: str = "small", digest: str = "") -> str:
    return f"/media/{photo.pk}/{size}-{(digest or photo.digest or '')[:12]}.jpg"


def original_url(photo: Photo) -> str:
    return f"/media/{photo.pk}/original/"


@pytest.mark.parametrize("size", ["small", "medium", "large"])
def test_a_thumbnail_may_be_kept_for_ever_and_runs_nothing(member_client: Client, photo: Photo, size: str) -> None:
    response = member_client.get(thumbnail_url(photo, size))
    assert body(response).startswith(b"\xff\xd8")
    assert response["Content-Type"] == "image/jpeg"
    for part in ("private", "max-age=31536000", "immutable"):
        assert part in response["Cache-Control"]
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"].startswith("default-src 'none'")
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    etag = response["ETag"]
    assert etag.startswith('"')
    again = member_client.get(thumbnail_url(photo, size), headers={"If-None-Match": f'"other", {etag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again["ETag"] == etag
    assert "immutable" in again["Cache-Control"]


def test_a_thumbnail_of_other_content_or_size_or_none_is_not_there(member_client: Client, photo: Photo) -> None:
    assert member_client.get(thumbnail_url(photo, digest="0" * 12)).status_code == 404
    assert member_client.get(thumbnail_url(photo, "huge")).status_code == 404
    assert photo.digest
    thumbnails.path(photo.digest, "small").unlink()
    assert member_client.get(thumbnail_url(photo)).status_code == 404


def test_files_go_only_to_those_who_see_the_photo(
    client: Client, member_client: Client, owner_client: Client, owner: User, photo: Photo
) -> None:
    photo.library.visibility, photo.library.owner = "private", owner
    photo.library.save()
    for url in (thumbnail_url(photo), original_url(photo)):
        assert body(owner_client.get(url))
        assert member_client.get(url).status_code == 404
        assert member_client.get(url, headers={"If-None-Match": "*"}).status_code == 404
        assert client.get(url).status_code == 302


def test_the_original_comes_byte_for_byte(member_client: Client, photo: Photo) -> None:
    content = (Path(photo.library.root) / "day one.jpg").read_bytes()
    response = member_client.get(original_url(photo))
    assert body(response) == content
    assert response["Content-Type"] == "image/jpeg"
    assert response["Content-Length"] == str(len(content))
    assert response["Content-Disposition"] == 'inline; filename="day one.jpg"'
    assert response["Accept-Ranges"] == "bytes"
    assert response["Content-Security-Policy"].startswith("default-src 'none'")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "private" in response["Cache-Control"]
    download = member_client.get(original_url(photo) + "?download=1")
    assert download["Content-Disposition"].startswith("attachment;")
    assert body(download) == content
    head = member_client.head(original_url(photo))
    assert head["Content-Length"] == str(len(content))
    head.close()


def test_the_original_is_sent_again_only_if_it_changed(member_client: Client, photo: Photo) -> None:
    response = member_client.get(original_url(photo))
    body(response)
    etag = response["ETag"]
    assert member_client.get(original_url(photo), headers={"If-None-Match": etag}).status_code == 304
    os.utime(Path(photo.library.root) / "day one.jpg", ns=(1, 10**9))
    changed = member_client.get(original_url(photo), headers={"If-None-Match": etag})
    assert changed.status_code == 200
    body(changed)


@pytest.mark.parametrize(
    ("mime", "sent", "disposition"),
    [
        ("image/jpeg", "image/jpeg", "inline"),
        ("video/mp4", "video/mp4", "inline"),
        ("", "application/octet-stream", "attachment"),
        ("text/html", "application/octet-stream", "attachment"),
        ("image/svg+xml", "application/octet-stream", "attachment"),
        ("image/x-canon-cr2", "application/octet-stream", "attachment"),
    ],
)
def test_only_known_kinds_are_shown_by_the_browser(
    member_client: Client, photo: Photo, mime: str, sent: str, disposition: str
) -> None:
    Photo.objects.update(mime=mime)
    response = member_client.get(original_url(photo))
    body(response)
    assert response["Content-Type"] == sent
    assert response["Content-Disposition"].startswith(disposition)


@pytest.mark.parametrize(
    "name",
    ['a"b\\c.jpg', "Ü 中文 📷.jpg", "line\nbreak.jpg", "-rf.jpg", "x" * 200 + ".jpg", "%FF.jpg", "quote'; x=y.jpg"],
)
def test_odd_names_are_encoded_safely(member_client: Client, library: Library, name: str) -> None:
    from gallery import paths

    raw = name.replace("%FF", "\udcff")
    file = Path(library.root) / raw
    file.write_bytes(jpeg_bytes(40, 30))
    photo = PhotoFactory(library=library, file=paths.to_text(raw))
    response = member_client.get(original_url(photo))
    assert response.status_code == 200
    body(response)
    disposition = response["Content-Disposition"]
    assert disposition.isascii()
    assert "\n" not in disposition
    assert disposition.count('"') in {0, 2}


@pytest.mark.parametrize(
    ("header", "status", "start", "end"),
    [
        ("bytes=0-9", 206, 0, 10),
        ("bytes=5-", 206, 5, None),
        ("bytes=-4", 206, -4, None),
        ("bytes=0-999999999", 206, 0, None),
        ("bytes=0-0,5-6", 200, 0, None),
        ("items=0-9", 200, 0, None),
        ("bytes=9-5", 200, 0, None),
        ("bytes=-", 200, 0, None),
    ],
)
def test_one_range_is_sent(
    member_client: Client, photo: Photo, header: str, status: int, start: int, end: int | None
) -> None:
    content = (Path(photo.library.root) / "day one.jpg").read_bytes()
    response = member_client.get(original_url(photo), headers={"Range": header})
    assert response.status_code == status
    expected = content[start:end]
    assert body(response) == expected
    assert response["Content-Length"] == str(len(expected))
    if status == 206:
        first = start % len(content)
        assert response["Content-Range"] == f"bytes {first}-{first + len(expected) - 1}/{len(content)}"


@pytest.mark.parametrize("header", ["bytes=99999999-", "bytes=-0", "bytes=99999999999999999999999-"])
def test_a_range_behind_the_end_cannot_be_sent(member_client: Client, photo: Photo, header: str) -> None:
    response = member_client.get(original_url(photo), headers={"Range": header})
    assert response.status_code == 416
    assert response["Content-Range"].startswith("bytes */")


def test_a_range_of_another_version_sends_the_whole(member_client: Client, photo: Photo) -> None:
    whole = member_client.get(original_url(photo))
    length = len(body(whole))
    same = member_client.get(original_url(photo), headers={"Range": "bytes=0-9", "If-Range": whole["ETag"]})
    assert len(body(same)) == 10
    other = member_client.get(original_url(photo), headers={"Range": "bytes=0-9", "If-Range": '"old"'})
    assert (other.status_code, len(body(other))) == (200, length)


def test_parse_range_in_an_empty_file() -> None:
    assert media.parse_range("", 10) is None
    assert media.parse_range("bytes=2-3", 10) == Range(2, 4)
    with pytest.raises(UnsatisfiableRange):
        media.parse_range("bytes=0-", 0)


def test_a_missing_file_is_said_on_a_page(member_client: Client, photo: Photo) -> None:
    (Path(photo.library.root) / "day one.jpg").unlink()
    response = member_client.get(original_url(photo))
    assert response.status_code == 404
    assert "The original is away" in response.content.decode()


def test_another_copy_is_sent_when_the_first_is_gone(member_client: Client, photo: Photo) -> None:
    (Path(photo.library.root) / "day one.jpg").rename(Path(photo.library.root) / "z copy.jpg")
    File.objects.create(library=photo.library, photo=photo, path="z copy.jpg", size_bytes=1, mtime_ns=1)
    response = member_client.get(original_url(photo))
    assert response.status_code == 200
    body(response)


@pytest.mark.parametrize("path", ["link.jpg", "folder/secret.jpg", "../secret.jpg", "pipe.jpg", "folder"])
def test_nothing_outside_the_library_is_ever_opened(
    member_client: Client, library: Library, tmp_path: Path, path: str
) -> None:
    root = Path(library.root)
    secret = tmp_path / "outside" / "secret.jpg"
    secret.parent.mkdir()
    secret.write_bytes(b"secret")
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    (root / "link.jpg").symlink_to(secret)
    (root / "folder").symlink_to(secret.parent)
    os.mkfifo(root / "pipe.jpg")
    photo = PhotoFactory(library=library, file=path)
    response = member_client.get(original_url(photo))
    assert response.status_code == 404
    assert b"secret" not in response.content.replace(b"secret.jpg", b"")
