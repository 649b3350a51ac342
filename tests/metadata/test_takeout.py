"""Google Takeout's JSON, good and bad."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gallery import metadata
from gallery.metadata import Kind, Sidecar, read_album_title
from gallery.metadata.takeout import FILE_BYTES, read
from tests.metadata import oracle
from tests.metadata.making import tagged, takeout

NOW = dt.datetime(2026, 11, 22, 12)


def test_all_it_says() -> None:
    found = read(
        takeout(
            title="IMG_1.jpg", description="Am See", photoTakenTime={"timestamp": "1530800130"}, favorited=True,
            geoData={"latitude": 0.0, "longitude": 0.0},
            geoDataExif={"latitude": 48.8, "longitude": 2.3, "altitude": 35},
            people=[{"name": "Oma"}, {"name": "Opa"}, {"name": "oma"}],
        ),
        now=NOW,
    )  # fmt: skip
    assert found is not None
    assert (found.title, found.description, found.is_favourite) == ("IMG_1.jpg", "Am See", True)
    assert found.taken_utc == dt.datetime(2018, 7, 5, 14, 15, 30)
    assert found.place is not None
    assert (found.place.latitude, found.place.longitude, found.place.altitude_m) == (48.8, 2.3, 35)
    assert found.people == ("Oma", "Opa")


def test_the_picture_keeps_its_own_place_and_is_told_the_rest() -> None:
    beside = Sidecar(
        Kind.TAKEOUT, takeout(title="a.jpg", people=[{"name": "Oma"}], favorited=True, description="Hallo")
    )
    found = metadata.read(tagged(), now=NOW, sidecars=[beside])
    assert (found.people, found.is_favourite, found.caption) == (("Oma",), True, "Hallo")
    assert found.latitude is None


@pytest.mark.parametrize(
    "data",
    [b"", b"not JSON", b"\xff\xfe\x00", b"[]", b"null", b"42", b'"text"', b"{}", b'{"a": ' * 100_000, b"[" * 1_000_000,
     b'{"title": "a"' + b" " * FILE_BYTES + b"}",
     b"{" + b'"photoTakenTime"' * 3, b'{"title": ' + b"9" * 10_000 + b"}x"],
    ids=lambda data: repr(data[:12]),
)  # fmt: skip
def test_what_is_no_json_of_a_picture(data: bytes) -> None:
    assert read(data, now=NOW) is None


@pytest.mark.parametrize("value", [None, True, [], {}, "x", 1e400, -1, "9" * 500, 10**30, {"timestamp": []}, "\ud800"])
def test_values_of_the_wrong_kind(value: object) -> None:
    found = read(
        json.dumps(
            {"title": value, "description": value, "photoTakenTime": value, "geoData": value, "people": value,
             "geoDataExif": {"latitude": value, "longitude": value, "altitude": value}, "favorited": value}
        ).encode(),
        now=NOW,
    )  # fmt: skip
    assert found is not None
    assert found.taken_utc is None
    assert found.people == ()


@pytest.mark.parametrize("timestamp", [0, "0", "86399", True, "1e9", "99999999999999999", None, "", "12.5", {}])
def test_moments_that_are_none(timestamp: object) -> None:
    found = read(takeout(photoTakenTime={"timestamp": timestamp}), now=NOW)
    assert found is not None
    assert found.taken_utc is None


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["title", "photoTakenTime", "timestamp", "geoData", "latitude", "longitude", "people", "name"]
            ),
            inner,
            max_size=8,
        )
    ),
    max_leaves=20,
)


@pytest.mark.slow
@settings(deadline=None)
@given(_json)
def test_any_json(value: object) -> None:
    data = json.dumps(value).encode()
    read(data, now=NOW)
    assert isinstance(read_album_title(data), str)


@settings(deadline=None)
@given(st.binary(max_size=500))
def test_any_bytes(data: bytes) -> None:
    assert read(data, now=NOW) is None or data


def test_titles_of_albums() -> None:
    assert read_album_title(takeout(title="Sommer 2018", description="", date={"timestamp": "1"})) == "Sommer 2018"
    assert read_album_title(takeout(albumData={"title": "Sommer 2018"})) == "Sommer 2018"
    assert read_album_title(b"not JSON") == ""
    assert read_album_title(takeout(title="a.jpg", photoTakenTime={"timestamp": "1"})) == ""


@pytest.mark.parametrize(
    "title",
    ["Photos from 2019", "Photos de 2019", "Fotos von 2019", "Foto's uit 2019", "2019 年の写真", "2018-07-05",
     "2018-07-05 #2"],
)  # fmt: skip
def test_folders_that_google_makes_by_itself_are_no_albums(title: str) -> None:
    assert read_album_title(takeout(title=title, date={"timestamp": "1"})) == ""


@pytest.mark.parametrize("title", ["Sommer 2019", "Fotos 2019", "2018-07-05 Hochzeit", "Photos from Rome"])
def test_albums_of_people_that_look_alike(title: str) -> None:
    assert read_album_title(takeout(title=title, date={"timestamp": "1"})) == title


def test_another_programs_json_is_no_album() -> None:
    assert read_album_title(takeout(title="My site", version=2)) == ""


def test_several_exports_of_one_picture_add_up() -> None:
    first, second = (
        Sidecar(Kind.TAKEOUT, takeout(title="a.jpg", **said))
        for said in (
            {"people": [{"name": "Oma"}], "description": ""},
            {"people": [{"name": "Opa"}], "description": "Am See", "favorited": True},
        )
    )
    found = metadata.read(tagged(), now=NOW, sidecars=[first, second])
    assert (found.people, found.caption, found.is_favourite) == (("Oma", "Opa"), "Am See", True)


EXPORTS = oracle.FORMATS / "takeout-and-sidecars"
_NUMBER = re.compile(r"\((\d+)\)")
_PIXEL = re.compile(r"PXL_(\d{8}_\d{6})")


def belongs(picture: str, beside: str, said: dict[str, Any]) -> bool:
    """Whether a JSON speaks of a picture, by what stands in it: the title is the picture's name without the number that
    tells copies apart, which both names have; or a Pixel's name, which is its moment in UTC."""
    number = _NUMBER.findall(picture.rpartition(".")[0])
    if said["title"] == _NUMBER.sub("", picture) and _NUMBER.findall(beside) == number:
        return True
    moment = _PIXEL.match(picture)
    taken = dt.datetime.fromtimestamp(int(said["photoTakenTime"]["timestamp"]), dt.UTC)
    return moment is not None and moment[1] == f"{taken:%Y%m%d_%H%M%S}"


@pytest.mark.skipif(not EXPORTS.is_dir(), reason="needs ../shared/eval/formats")
def test_every_picture_of_real_exports_gets_the_json_that_speaks_of_it() -> None:
    seen = 0
    for folder in sorted({file.parent for file in EXPORTS.rglob("*.json")}):
        names = [file.name for file in folder.iterdir() if file.is_file()]
        texts = {name: (folder / name).read_bytes() for name in names if name.endswith(".json")}
        said = {name: json.loads(text) for name, text in texts.items() if b"photoTakenTime" in text}
        for picture in names:
            if metadata.is_sidecar(picture) or not said:
                continue
            expected = {beside for beside, it in said.items() if belongs(picture, beside, it)}
            found = {it.name for it in metadata.pair(names)[picture] if it.kind is Kind.TAKEOUT}
            assert found == expected, picture
            assert len(found) == 1
            seen += 1
    assert seen == 24
