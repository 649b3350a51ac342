"""Films, RAW files and what files say of themselves, from the folder to the page."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest
from django.test import Client

from gallery import describing, thumbnails
from gallery.models import Library, Photo, Receipt, Region, WorkState
from tests.factories import LibraryFactory, picture, write_jpeg
from tests.importing import bring_in
from tests.metadata.making import bag, tagged, text, xmp
from tests.vision.cameras import dng
from tests.vision.films import film


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "photos"
    made.mkdir()
    return made


@pytest.fixture
def library(db: None, folder: Path) -> Library:
    return LibraryFactory(root=str(folder))


@pytest.mark.slow
def test_a_film_is_shown_by_its_poster_with_length_date_and_player(
    library: Library, folder: Path, member_client: Client
) -> None:
    tags = {"creation_time": "2021-07-05T12:30:00.000000Z"}
    (folder / "VID_1.mp4").write_bytes(film(width=320, height=180, turn=(-90, False), tags=tags))

    (photo,) = bring_in(library)

    assert (photo.kind, photo.mime) == (Photo.Kind.VIDEO, "video/mp4")
    assert (photo.width, photo.height) == (180, 320), "upright"
    assert photo.duration_s == pytest.approx(1.0, abs=0.2)
    assert (photo.taken, photo.taken_source) == (dt.datetime(2021, 7, 5, 12, 30), "video")
    assert photo.phash is None
    assert thumbnails.exist(photo.digest or "")
    html = member_client.get(photo.get_absolute_url()).content.decode()
    assert f'src="/media/{photo.pk}/original/"' in html
    original = member_client.get(f"/media/{photo.pk}/original/", headers={"Range": "bytes=4-7"})
    assert (original.status_code, original["Content-Type"]) == (206, "video/mp4")
    assert b"".join(original.streaming_content) == b"ftyp"  # type: ignore[attr-defined]


def test_a_raw_file_is_a_photo(library: Library, folder: Path) -> None:
    (folder / "DSC1.dng").write_bytes(dng(np.asarray(picture(256, 192, seed=3))))
    (photo,) = bring_in(library)
    assert photo.kind == Photo.Kind.RAW
    assert photo.width
    assert thumbnails.exist(photo.digest or "")


@pytest.mark.slow
def test_half_a_film_says_why_it_is_not_shown_and_the_rest_is(library: Library, folder: Path) -> None:
    whole = film(width=320, height=240)
    (folder / "half.mp4").write_bytes(whole[: len(whole) // 3])
    write_jpeg(folder, "a.jpg")
    (shown,) = bring_in(library)
    assert shown.kind == Photo.Kind.IMAGE
    failed = Photo.objects.get(work_state=WorkState.FAILED)
    assert failed.error
    assert "Something went wrong" not in failed.error


def test_words_rating_and_marked_faces_come_from_the_picture(library: Library, folder: Path) -> None:
    packet = xmp(
        text("dc:description", "Grandma at the sea") + bag("dc:subject", "sea", "family"), attributes='xmp:Rating="4"'
    )
    exif = {"Exif.Photo.DateTimeOriginal": "2019:03:02 10:00:00", "Exif.Photo.OffsetTimeOriginal": "+02:00"}
    data = tagged(exif, packet=packet)
    (folder / "a.jpg").write_bytes(data)

    (photo,) = bring_in(library)

    assert photo.caption == "Grandma at the sea"
    assert photo.rating == 4
    assert set(photo.keywords.splitlines()) == {"sea", "family"}
    assert (photo.taken, photo.utc_offset_min, photo.offset_source) == (dt.datetime(2019, 3, 2, 10, 0), 120, "tag")
    assert not Region.objects.exists()


@pytest.mark.slow
def test_what_a_person_set_is_kept_when_the_file_is_read_again(library: Library, folder: Path) -> None:
    write_jpeg(folder, "a.jpg", taken=dt.datetime(2019, 3, 2, 10, 0), gps=(48.1, 11.5))
    (photo,) = bring_in(library)
    photo.set_taken(dt.datetime(1999, 12, 31, 23, 59), utc_offset_min=60, source=Photo.TakenSource.PERSON)
    photo.caption, photo.rating, photo.latitude, photo.longitude = "Ours", 5, 1.0, 2.0
    photo.set_by_people = "taken caption rating position"
    photo.save()

    Receipt.objects.filter(photo=photo, analyzer=describing.NAME).delete()
    Photo.objects.update(work_state=WorkState.READY, attempts=0)
    bring_in(library)

    photo.refresh_from_db()
    assert photo.taken == dt.datetime(1999, 12, 31, 23, 59)
    assert (photo.taken_source, photo.caption, photo.rating) == ("person", "Ours", 5)
    assert (photo.latitude, photo.longitude) == (1.0, 2.0)


def test_the_name_of_a_file_dates_it_when_nothing_else_does(library: Library, folder: Path) -> None:
    write_jpeg(folder, "IMG-20190314-WA0003.jpg")
    (photo,) = bring_in(library)
    assert photo.taken is not None
    assert (photo.taken.date(), photo.taken_source, photo.is_day_only) == (dt.date(2019, 3, 14), "name", True)


def test_reading_metadata_again_decodes_nothing(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_jpeg(folder, "a.jpg")
    bring_in(library)
    Receipt.objects.filter(analyzer=describing.NAME).delete()
    Photo.objects.update(work_state=WorkState.READY, attempts=0)
    from gallery.vision import image

    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("decoded although only words were wanted")

    monkeypatch.setattr(image, "decode", refuse)
    (photo,) = bring_in(library)
    assert (photo.work_state, photo.error) == (WorkState.DONE, "")
    assert Receipt.objects.filter(photo=photo, analyzer=describing.NAME).exists()
