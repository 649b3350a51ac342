"""What the tests of joined files share: pairs of files that are one photo, and how to tell that they are or are not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from gallery import keepsakes
from gallery.access import shown_in
from gallery.models import File, Library, Mark, Photo
from tests.shots import movie, raw, still


class Marks:
    """Keeps favourites, as one of the keepers does."""

    name = "marks"

    def move(self, sources: Sequence[int], target: int, *, for_good: bool = False) -> Any:
        users = list(Mark.objects.filter(photo__in=sources, favourite=True).values_list("user_id", flat=True))
        for user_id in users:
            Mark.objects.update_or_create(user_id=user_id, photo_id=target, defaults={"favourite": True})
        return users

    def put_back(self, record: Any) -> None:
        raise AssertionError("a join moves one way")


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch) -> None:
    """The only keeper there is."""
    monkeypatch.setattr(keepsakes, "_keepers", {})
    keepsakes.register(Marks())


STILL = still(content_id="LIVE-A-1", seed=1)
MOVIE = movie(content_id="LIVE-A-1", seed=1)
PAIRS: dict[str, tuple[tuple[str, bytes], tuple[str, bytes], str]] = {
    "by identifier": (("a/IMG_1.JPG", STILL), ("b/clip.MOV", MOVIE), "motion"),
    "by name and time": (("a/IMG_1.JPG", still(seed=2)), ("a/IMG_1.MOV", movie(seed=2)), "motion"),
    "raw": (("a/DSC1.JPG", still(seed=3)), ("a/DSC1.DNG", raw(seed=3)), "raw"),
}


def shown(library: Library) -> list[Photo]:
    return list(shown_in([library.pk]).order_by("id"))


def parts_of(photo: Photo) -> set[tuple[str, str]]:
    return set(photo.parts.values_list("path", "role"))


def assert_one(library: Library, main: str, part: str, role: str) -> Photo:
    (photo,) = shown(library)
    assert [file.path for file in photo.files.all()] == [main]
    assert parts_of(photo) == {(part, role)}
    assert photo.missing_since is None
    assert (photo.kind == Photo.Kind.MOTION) == (role == "motion")
    return photo


def assert_apart(library: Library, *paths: str) -> None:
    photos = shown(library)
    assert sorted(file.path for photo in photos for file in photo.files.all()) == sorted(paths)
    assert not File.objects.exclude(role=File.Role.PRIMARY).exists()
    assert not File.objects.filter(main__isnull=False).exists()
    assert not any(photo.kind == Photo.Kind.MOTION for photo in photos)
