"""Names: what shows nothing is taken out, what scripts and emoji need stays, and the forms all ask the same."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.http import QueryDict
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from albums.forms import AlbumForm, ChooseAlbumForm
from albums.models import Album
from faces.forms import NameForm
from gallery import libraries
from gallery.forms import LibraryForm, RemoveLibraryForm
from gallery.models import Library
from gallery.names import clean

INVISIBLE = [
    "\u200b",  # zero width space
    "\u200d\u200c",  # joiners with nothing to join
    "\u202e\u202c",  # writing direction, and its end
    "\u2066\u2069",
    "\ufeff",
    "\u00ad",  # soft hyphen
    "\u2060\u180e",
    "\u3164",  # Hangul filler: a letter to Unicode, a blank to the eye
    "\u2800",  # the Braille cell without dots
    "\u00a0\u3000\u2003",
    "\x00\x07\x1b",
    "\ue000",  # private use
    "\U000e0041\U000e0042",  # tags
    "\ufe0f",
    "\u034f",
    "\u0301",  # an accent on nothing
    "\ud800",
    "\ufff0",  # belongs to nobody, and is drawn as nothing
]


@pytest.mark.parametrize("text", INVISIBLE)
def test_a_name_that_shows_nothing_is_empty(text: str) -> None:
    assert clean(text) == ""
    assert clean(f" {text} {text}") == ""


@pytest.mark.parametrize("text", INVISIBLE[:-3])
def test_what_shows_nothing_makes_no_other_name(text: str) -> None:
    assert clean(f"Anna{text} Maria").replace("  ", " ") == "Anna Maria"
    assert clean(f"{text}Anna") == "Anna"


@pytest.mark.parametrize(
    "name",
    [
        "Anna",
        "Özgür Kaya",
        "Jean-Luc O’Neill",
        "X Æ A-12",
        "李小龍",
        "葛\U000e0100城",  # a Japanese name, with the form of its first character
        "نیما می\u200cخواهد",  # Persian: the joiner keeps two letters apart
        "ක්\u200dරිස්ටි",  # Sinhala: the joiner ties them together
        "👩\u200d❤️\u200d👩",
        "👩🏽\u200d🚀 Jo",
        "❤️",
        "Nº 5 & ½",
        "\U0001fae8",  # an emoji that Python 3.11 has not heard of
    ],
)
def test_real_names_stay_as_they_are(name: str) -> None:
    assert clean(name) == name


def test_two_spellings_of_a_name_are_one() -> None:
    assert clean("Zoe\u0308") == clean("Zo\u00eb") == "Zo\u00eb"
    assert clean("  Oma\t \u200b Lotte\n") == "Oma Lotte"
    assert clean("An\u200dna") == "Anna"
    assert clean("Zoe\u200b\u0308") == "Zo\u00eb"


@given(st.text())
def test_cleaning_twice_changes_nothing(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    assert once == once.strip()
    once.encode()


# ---- Every form asks it


@pytest.mark.slow
@pytest.mark.parametrize("text", ["\u3164", "\u200b \u202e", "\u2800\u2800"])
def test_no_form_takes_a_name_that_shows_nothing(owner: User, text: str) -> None:
    assert NameForm({"name": text}).errors["name"] == ["Type a name."]
    fields = {"name": text, "visibility": Album.Visibility.PRIVATE, "order": Album.Order.choices[0][0]}
    assert AlbumForm(fields).errors["name"] == ["Give the album a name."]
    assert ChooseAlbumForm(owner, QueryDict(f"new={text}")).errors
    fields = {"name": text, "visibility": Library.Visibility.HOUSEHOLD, "scan_every_min": "60"}
    assert "name" in LibraryForm(fields, viewer=owner).errors


def test_forms_clean_the_names_they_take(owner: User, owner_client: Client) -> None:
    form = NameForm({"name": " Zoe\u0308\u200b "})
    assert form.is_valid()
    assert form.cleaned_data["name"] == "Zo\u00eb"
    owner_client.post(
        "/albums/new/", {"name": "\u202eSummer\u3164 2024", "visibility": "private", "order": Album.Order.choices[0][0]}
    )
    assert Album.objects.get().name == "Summer 2024"


def test_a_library_is_removed_by_the_name_one_sees(library: Library) -> None:
    library.name = "Zo\u00eb\u200bs photos "
    assert RemoveLibraryForm({"name": "Zoe\u0308s photos"}, library=library).is_valid()
    assert not RemoveLibraryForm({"name": "Zoes photos"}, library=library).is_valid()


def test_a_folder_with_an_invisible_name_still_has_a_name() -> None:
    assert libraries.name_for("/photos/\u3164\u2800") == "Photos"
    assert libraries.name_for("/photos/Our\u3000summer/") == "Our summer"
