"""File names as text and back."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery import paths


@given(st.binary(min_size=1, max_size=30).filter(lambda name: b"\0" not in name))
def test_every_name_survives_the_way_into_the_database_and_back(name: bytes) -> None:
    path = os.fsdecode(name)
    stored = paths.to_text(path)
    stored.encode("utf-8")
    assert os.fsencode(paths.to_path(stored)) == name


@pytest.mark.parametrize("name", ["IMG_0001.JPG", "Größe.jpg", "🎂/line\nbreak.jpg"])
def test_ordinary_names_stay_as_they_are(name: str) -> None:
    assert paths.to_text(name) == name


def test_a_page_never_shows_control_characters_or_undecodable_bytes() -> None:
    shown = paths.display(paths.to_text(os.fsdecode(b"a\xff\n\x1b[31mb\xe2\x80\xae.jpg")))
    assert shown.isprintable()
    assert shown.startswith("a�")
