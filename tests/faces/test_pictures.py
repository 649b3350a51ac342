"""Pictures of faces: cut right, kept, cached for ever, and only for who sees the photo."""

from __future__ import annotations

import io

import numpy as np
import pytest
from django.test import Client
from PIL import Image

from faces import crops
from faces.models import Face
from faces.people import face_thumbs
from gallery import thumbnails
from gallery.models import Photo
from tests.faces.conftest import House


def with_thumbnails(photo: Photo, width: int = 1600, height: int = 1200) -> None:
    """A grey picture with a red square at 0.4..0.6 of its width and 0.3..0.6 of its height."""
    pixels = np.full((height, width, 3), 128, np.uint8)
    pixels[int(0.3 * height) : int(0.6 * height), int(0.4 * width) : int(0.6 * width)] = (250, 10, 10)
    thumbnails.store(photo.digest or "", thumbnails.encode(thumbnails.shrink(pixels)))


def url(face: Face) -> str:
    return face_thumbs(Face.objects.filter(pk=face.pk))[0].src


def test_the_face_is_in_the_middle_of_a_square(house: House, member_client: Client) -> None:
    face = house.face(1, x=0.4, y=0.3, w=0.2, h=0.3)
    with_thumbnails(face.photo)
    response = member_client.get(url(face))
    picture = Image.open(io.BytesIO(response.getvalue()))
    assert picture.size == (crops.EDGE_PX, crops.EDGE_PX)
    red = np.argwhere(np.asarray(picture)[..., 0].astype(int) - np.asarray(picture)[..., 1] > 100)
    assert np.allclose(red.mean(axis=0), crops.EDGE_PX / 2, atol=4)
    assert np.isclose(np.ptp(red, axis=0).max(), crops.EDGE_PX / crops.MARGIN, atol=8)


@pytest.mark.parametrize("box", [(0.0, 0.0, 0.05, 0.1), (0.9, 0.9, 0.1, 0.1), (0.0, 0.0, 1.0, 1.0), (0.5, 0, 0.001, 1)])
def test_a_face_at_the_edge_still_gives_a_square_inside_the_picture(box: crops.Box) -> None:
    for size in ((1600, 1200), (300, 900), (1, 1), (2000, 3)):
        left, top, right, bottom = crops.around(box, *size)
        assert right - left == bottom - top >= 1
        assert left >= 0
        assert top >= 0
        assert right <= size[0]
        assert bottom <= size[1]


def test_a_small_face_is_not_blown_up(house: House) -> None:
    face = house.face(1, x=0.5, y=0.5, w=0.01, h=0.02)
    with_thumbnails(face.photo)
    data = crops.cut(face.photo.digest or "", (face.x, face.y, face.w, face.h))
    assert data
    assert Image.open(io.BytesIO(data)).width < 60


def test_the_answer_may_be_kept_for_ever_and_runs_nothing(house: House, member_client: Client) -> None:
    face = house.face(1)
    with_thumbnails(face.photo)
    response = member_client.get(url(face))
    assert response["Content-Type"] == "image/jpeg"
    assert {"private", "immutable", "max-age=31536000"} <= set(response["Cache-Control"].split(", "))
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"].startswith("default-src 'none'")
    again = member_client.get(url(face), headers={"If-None-Match": response["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert "immutable" in again["Cache-Control"]


def test_another_box_or_content_is_another_address(house: House, member_client: Client) -> None:
    face = house.face(1)
    with_thumbnails(face.photo)
    before = url(face)
    Face.objects.filter(pk=face.pk).update(x=0.35)
    assert url(face) != before
    assert member_client.get(before).status_code == 404
    assert member_client.get(url(face)).status_code == 200


def test_a_picture_is_made_once(house: House, member_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    face = house.face(1)
    with_thumbnails(face.photo)
    member_client.get(url(face))
    monkeypatch.setattr(crops, "cut", lambda *args: pytest.fail("made again"))
    assert member_client.get(url(face)).status_code == 200


def test_without_a_readable_thumbnail_there_is_no_picture(house: House, member_client: Client) -> None:
    face = house.face(1)
    assert member_client.get(url(face)).status_code == 404
    for size in thumbnails.SIZES:
        thumbnails.write_file(thumbnails.path(face.photo.digest or "", size), b"")
    assert member_client.get(url(face)).status_code == 404
