"""The text of a photo follows its files, its caption and its camera."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from gallery import search_text
from gallery.models import Library, Photo, SearchText
from tests.factories import LibraryFactory, PhotoFactory, jpeg_bytes, write_jpeg
from tests.importing import bring_in, scan


def texts(library: Library) -> list[str]:
    return sorted(SearchText.objects.filter(photo__library=library).values_list("text", flat=True))


def test_a_photo_is_found_by_what_is_written_in_it_and_around_it(library: Library, folder: Path) -> None:
    write_jpeg(folder, "Café/Größe.jpg", camera=("FUJIFILM", "X-T4"))
    bring_in(library)
    assert texts(library) == ["fujifilm x-t4\ncafe/grosse.jpg"]


def test_photos_of_tests_have_the_text_that_they_would_have(library: Library) -> None:
    where = {"city": "Malmö", "region": "Skåne", "country": "Sweden"}
    PhotoFactory(
        library=library, caption="The  Dog", keywords="summer", camera="X-T4", lens="35 mm", file="a/B.jpg", **where
    )
    PhotoFactory(library=library)
    PhotoFactory(library=library, imported_at=None)
    made = dict(SearchText.objects.values_list("photo_id", "text"))
    assert made == search_text.texts(Photo.objects.values_list("id", flat=True))
    assert len(made) == 2


def test_what_is_not_shown_has_no_text(library: Library, folder: Path) -> None:
    write_jpeg(folder, "good.jpg")
    (folder / "broken.jpg").write_bytes(b"no picture")
    scan(library)
    assert texts(library) == []
    bring_in(library)
    assert texts(library) == ["good.jpg"]


def test_the_text_follows_a_file_at_once(library: Library, folder: Path) -> None:
    write_jpeg(folder, "before.jpg")
    bring_in(library)
    (folder / "before.jpg").rename(folder / "after.jpg")
    scan(library)
    assert texts(library) == ["after.jpg"]
    bring_in(library)
    assert texts(library) == ["after.jpg"]


@pytest.mark.slow
def test_copies_are_found_under_each_of_their_names(library: Library, folder: Path) -> None:
    content = jpeg_bytes()
    (folder / "one.jpg").write_bytes(content)
    bring_in(library)
    (folder / "two.jpg").write_bytes(content)
    bring_in(library)
    assert texts(library) == ["one.jpg\ntwo.jpg"]
    # Edited, it is a photo of its own, and its name goes with it.
    write_jpeg(folder, "two.jpg")
    bring_in(library)
    assert texts(library) == ["one.jpg", "two.jpg"]


def test_a_caption_that_is_changed_is_found(admin: User, admin_client: Client) -> None:
    photo = PhotoFactory(file="x.jpg", caption="before")
    forms = {f"{name}-{key}_FORMS": "0" for name in ("files", "receipts") for key in ("TOTAL", "INITIAL")}
    address = reverse("admin:gallery_photo_change", args=[photo.pk])
    assert admin_client.post(address, {"caption": "Après", "rating": "", **forms}).status_code == 302
    assert texts(photo.library) == ["apres\nx.jpg"]


@pytest.mark.django_db
def test_many_photos_take_as_many_queries_as_one() -> None:
    library = LibraryFactory()
    ids = [PhotoFactory(library=library).pk for _ in range(9)]

    def count(wanted: list[int]) -> int:
        with CaptureQueriesContext(connection) as captured:
            search_text.write(wanted)
        return len(captured)

    assert count(ids[:1]) == count(ids)


@pytest.mark.django_db
def test_a_photo_that_goes_takes_its_text_along() -> None:
    photo = PhotoFactory()
    assert SearchText.objects.count() == 1
    Photo.objects.filter(pk=photo.pk).delete()
    assert not SearchText.objects.exists()
