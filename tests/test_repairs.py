"""Thumbnails that are not there are made again."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.utils import timezone

from gallery import thumbnails
from gallery.models import Photo, Receipt, WorkState
from tests.factories import PhotoFactory


def done(**fields: object) -> Photo:
    photo: Photo = PhotoFactory(**fields)
    for analyzer in (thumbnails.NAME, "objects"):
        Receipt.objects.create(photo=photo, analyzer=analyzer, version="1", at=timezone.now())
    return photo


@pytest.mark.django_db
def test_photos_without_their_thumbnails_are_queued_for_them(capsys: pytest.CaptureFixture[str]) -> None:
    lacking, half, whole, gone = done(), done(), done(), done(missing_since=timezone.now())
    for photo, sizes in ((half, ["small"]), (whole, list(thumbnails.SIZES))):
        for size in sizes:
            thumbnails.write_file(thumbnails.path(photo.digest or "", size), b"x")
    call_command("thumbnails")
    assert capsys.readouterr().out == "Photos that were queued: 2.\n"
    assert set(Photo.objects.filter(work_state=WorkState.READY)) == {lacking, half}
    left = set(Receipt.objects.values_list("photo_id", "analyzer"))
    assert {analyzer for pk, analyzer in left if pk == lacking.pk} == {"objects"}
    assert {analyzer for pk, analyzer in left if pk == whole.pk} == {"objects", thumbnails.NAME}
    assert (gone.pk, thumbnails.NAME) in left
