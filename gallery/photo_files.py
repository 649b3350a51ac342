"""The files of one photo, as its page lists them: where it lies, and its parts (`joins`)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.template.defaultfilters import filesizeformat
from django.urls import reverse

from gallery.models import File, Photo

_TITLES = {File.Role.RAW: "RAW", File.Role.MOTION: "moving part"}


@dataclass(frozen=True, slots=True)
class FileLine:
    """One file in words. `title` says what it is for the photo; empty where there is nothing to tell apart."""

    path: str
    title: str
    size: str
    missing_since: dt.datetime | None
    url: str


def lines(photo: Photo) -> list[FileLine]:
    """All files, the photo's own first; `files` and `parts` should be prefetched."""
    parts = sorted(photo.parts.all(), key=lambda file: (file.role, file.path))
    own = "RAW" if photo.kind == Photo.Kind.RAW else "picture"
    original = reverse("gallery:photo_original", args=[photo.pk])
    return [
        FileLine(
            path=file.display,
            title=_TITLES.get(File.Role(file.role), "") if file.main_id == photo.pk else own if parts else "",
            size=filesizeformat(file.size_bytes).replace("\xa0", " "),
            missing_since=file.missing_since,
            url=f"{original}?file={file.pk}",
        )
        for file in [*photo.files.all(), *parts]
    ]


def to_read(photo: Photo, wanted: str | None = None) -> Sequence[File]:
    """Files with the photo's own bytes, those first that were there at the last scan; of all its files the one whose id
    is `wanted`, if one is named. None of them: there is no such file of this photo."""
    if wanted is not None:
        return [file for file in [*photo.files.all(), *photo.parts.all()] if str(file.pk) == wanted]
    return sorted(photo.files.all(), key=lambda file: (file.missing_since is not None, file.path))
