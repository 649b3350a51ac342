"""Alternative texts."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from django.contrib.auth.models import User

from gallery import alt_text
from gallery.access import Viewer
from tests.factories import DetectionFactory, LabelFactory, PhotoFactory


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[int, list[str]]:
    """A source of names that the test fills."""
    known: dict[int, list[str]] = {}

    def source(photo_ids: Sequence[int], viewer: Viewer) -> dict[int, list[str]]:
        return {photo_id: known[photo_id] for photo_id in photo_ids if photo_id in known}

    monkeypatch.setattr(alt_text, "_sources", [])
    alt_text.register_names(source)
    alt_text.register_names(source)
    return known


def test_people_things_and_the_day_are_said(member: User, names: dict[int, list[str]]) -> None:
    photo = PhotoFactory()
    for label, score in (("person", 0.9), ("dog", 0.8), ("dog", 0.7), ("car", 0.5)):
        DetectionFactory(photo=photo, label=LabelFactory(name=label), score=score)
    assert alt_text.describe([photo], member)[photo.pk] == "person, dog, car, 17 May 2024"
    names[photo.pk] = ["Anna", "Tom"]
    assert alt_text.describe([photo], member)[photo.pk] == "Anna and Tom, dog, car, 17 May 2024"


def test_a_photo_of_which_nothing_is_known_is_a_photo(member: User, names: dict[int, list[str]]) -> None:
    photo, video = PhotoFactory(), PhotoFactory(kind="video")
    video.set_taken(None, utc_offset_min=None, source="")
    assert alt_text.text(photo) == "Photo, 17 May 2024"
    assert alt_text.text(video) == "Video"
    assert alt_text.describe([], member) == {}


def test_the_caption_comes_first_and_on_one_line() -> None:
    photo = PhotoFactory.build(library=None, caption="Late\n summer")
    assert alt_text.text(photo, labels=["boat"]) == "Late summer, boat, 17 May 2024"


@pytest.mark.parametrize(
    ("people", "said"),
    [
        ([], ""),
        (["A"], "A"),
        (["A", "B"], "A and B"),
        (["A", "B", "C"], "A, B and C"),
        (["A", "B", "C", "D", "E", "F"], "A, B, C, D and 2 others"),
    ],
)
def test_names_are_joined_as_people_say_them(people: list[str], said: str) -> None:
    assert alt_text.join(people, most=4) == said
