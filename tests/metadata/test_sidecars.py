"""Which file of a folder speaks of which picture. Names only."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gallery.metadata import Kind, Pairing, album_file, is_sidecar, kind_of, pair
from gallery.metadata.sidecars import EDITED


def sidecars_of(picture: str, *names: str) -> list[str]:
    return [it.name for it in pair([picture, *names]).get(picture, ())]


def test_both_ways_to_name_an_xmp_file() -> None:
    assert sidecars_of("IMG_1.jpg", "IMG_1.jpg.xmp") == ["IMG_1.jpg.xmp"]
    assert sidecars_of("IMG_1.jpg", "IMG_1.xmp") == ["IMG_1.xmp"]
    assert sidecars_of("IMG_1.jpg", "IMG_1.xmp", "IMG_1.jpg.xmp") == ["IMG_1.jpg.xmp"]


def test_case_and_the_composition_of_accents_do_not_count() -> None:
    assert sidecars_of("IMG_1.JPG", "img_1.jpg.XMP") == ["img_1.jpg.XMP"]
    picture = unicodedata.normalize("NFD", "Müller.jpg")
    assert sidecars_of(picture, "MÜLLER.xmp") == ["MÜLLER.xmp"]


def test_raw_and_jpeg_share_the_sidecar_without_an_extension() -> None:
    found = pair(["A.CR2", "A.JPG", "A.xmp", "A.JPG.xmp"])
    assert [it.name for it in found["A.CR2"]] == ["A.xmp"]
    assert [it.name for it in found["A.JPG"]] == ["A.JPG.xmp"]


def test_another_picture_gets_nothing() -> None:
    assert pair(["IMG_10.jpg", "IMG_1.xmp", "IMG_1.jpg.json"]) == {}


def test_takeouts_names() -> None:
    assert sidecars_of("IMG_1.jpg", "IMG_1.jpg.json") == ["IMG_1.jpg.json"]
    new = "IMG_1.jpg.supplemental-metadata.json"
    (found,) = pair(["IMG_1.jpg", new])["IMG_1.jpg"]
    assert (found.name, found.kind) == (new, Kind.TAKEOUT)


@pytest.mark.parametrize("length", range(1, 22))
def test_the_long_ending_may_be_cut_anywhere(length: int) -> None:
    """The name without .json has 46 characters: what is left of the ending depends on the picture's name."""
    ending = ".supplemental-metadata"[: length + 1]
    picture = "x" * (46 - len(ending) - 4) + ".jpg"
    assert sidecars_of(picture, f"{picture}{ending}.json") == [f"{picture}{ending}.json"]


def test_a_name_that_was_itself_cut() -> None:
    picture = "Screenshot_20200102-123456_com.long.application.name.jpg"
    assert sidecars_of(picture, picture[:46] + ".json") == [picture[:46] + ".json"]
    assert len(picture[:46] + ".json") == 51


def test_copies_are_numbered_behind_the_extension() -> None:
    names = ["IMG_1.jpg", "IMG_1(1).jpg", "IMG_1(2).jpg", "IMG_1.jpg.json", "IMG_1.jpg(1).json", "IMG_1.jpg(2).json"]
    found = pair(names)
    assert {name: it[0].name for name, it in found.items()} == {
        "IMG_1.jpg": "IMG_1.jpg.json",
        "IMG_1(1).jpg": "IMG_1.jpg(1).json",
        "IMG_1(2).jpg": "IMG_1.jpg(2).json",
    }


def test_copies_with_the_long_ending_whole_and_cut() -> None:
    assert sidecars_of("a(1).jpg", "a.jpg.supplemental-metadata(1).json", "a.jpg.supplemental-metadata.json") == [
        "a.jpg.supplemental-metadata(1).json"
    ]
    long = "PXL_20230101_120000000.PORTRAIT"
    assert sidecars_of(f"{long}(3).jpg", f"{long}.jpg.supplement(3).json", f"{long}.jpg.supplement.json") == [
        f"{long}.jpg.supplement(3).json"
    ]


@pytest.mark.parametrize("ending", EDITED)
def test_edited_copies_share_the_originals_file(ending: str) -> None:
    assert sidecars_of(f"IMG_1{ending}.jpg", "IMG_1.jpg.json") == ["IMG_1.jpg.json"]
    assert sidecars_of(f"IMG_1{ending}(1).jpg", "IMG_1.jpg.json", "IMG_1.jpg(1).json") == ["IMG_1.jpg(1).json"]


def test_the_video_of_a_live_photo_shares_the_stills() -> None:
    assert sidecars_of("IMG_9.MP4", "IMG_9.HEIC.json") == ["IMG_9.HEIC.json"]
    assert sidecars_of("PXL_1.MP", "PXL_1.jpg.json") == ["PXL_1.jpg.json"]


@pytest.mark.parametrize(
    ("picture", "beside"),
    [
        ("😀" * 24 + ".jpg", "😀" * 23 + ".json"),  # an emoji counts as two
        ("PXL_20230814_201154491.LONG_EXPOSURE-01.COVER.jpg", "PXL_20230814_201154491.LONG_EXPOSURE-01.COVER..json"),
        (
            "13039_327707840323_537645323_9470255_27214_n(1).jpg",
            "13039_327707840323_537645323_9470255_27214_n.j(1).json",
        ),
        (
            "wedding_in_the_backyard_photographer_xxxxxxxx_m(49).jpg",
            "wedding_in_the_backyard_photographer_xxxxxxxx_(49).json",
        ),
        (
            "original_1d4caa6f-16c6-4c3d-901b-9387de10e528_P(1).jpg",
            "original_1d4caa6f-16c6-4c3d-901b-9387de10e528_.json",
        ),
        ("27_06_12 - 2.jpg", "27_06_12 - 2.json"),  # the title is "27/06/12 - 2", without an ending
        ("PXL_20221228_185930354.MP", "PXL_20221228_185930354.MP.jpg.json"),
        ("PXL_20210102_221126856.MP~2", "PXL_20210102_221126856.MP~2.jpg.json"),
        ("PXL_20220405_090123740.PORTRAIT-modifié.jpg", "PXL_20220405_090123740.PORTRAIT.jpg.supplement.json"),
        ("IMG_0170(1).MP4", "IMG_0170.HEIC.supplemental-metadata(1).json"),
    ],
)  # fmt: skip
def test_oddities_of_takeout(picture: str, beside: str) -> None:
    assert sidecars_of(picture, beside) == [beside]


@pytest.mark.parametrize(
    ("picture", "beside"),
    [
        ("DSC_0102(1).JPG", "DSC_0102.JPG(2).json"), ("DSC_0103.JPG", "DSC_0103.JPG(1).json"),
        ("DSC_0104(1).JPG", "DSC_0104.JPG.json"), ("image000000.jpg", "image000000.gif.json"),
        (
            "wedding_in_the_backyard_photographer_xxxxxxxx_m(18).jpg",
            "wedding_in_the_backyard_photographer_xxxxxxxx_(49).json",
        ),
        ("PXL_20220405_090123741.PORTRAIT-modifié.jpg", "PXL_20220405_090123740.PORTRAIT.jpg.json"),
    ],
)  # fmt: skip
def test_what_only_looks_alike(picture: str, beside: str) -> None:
    assert sidecars_of(picture, beside) == []


def test_the_albums_file_speaks_of_every_picture_of_its_folder() -> None:
    found = pair(["a.jpg", "b.mp4", "a.jpg.json", "a.xmp", "metadata.json"])
    assert [it.kind for it in found["a.jpg"]] == [Kind.XMP, Kind.TAKEOUT, Kind.ALBUM]
    assert found["b.mp4"] == (Pairing("metadata.json", Kind.ALBUM),)


@pytest.mark.parametrize(
    "name",
    ["metadata.json", "Metadaten.json", "métadonnées.json", "metadatos.json", "メタデータ.json", "metadata(1).json"],
)
def test_the_file_of_an_album_in_every_language(name: str) -> None:
    assert album_file(["a.jpg", "a.jpg.json", name]) == name
    assert album_file([unicodedata.normalize("NFD", name)]) is not None
    assert pair(["metadata.jpg", name]) == {"metadata.jpg": (Pairing(name, Kind.ALBUM),)}
    assert (is_sidecar(name), kind_of(name)) == (True, Kind.ALBUM)


def test_no_album_without_its_file() -> None:
    assert album_file(["a.jpg", "a.jpg.json"]) is None


@settings(deadline=None)
@given(st.lists(st.text(alphabet="aA1(). -éxmpjsonjpg", max_size=60), max_size=30))
def test_any_names(names: list[str]) -> None:
    for picture, found in pair(names).items():
        assert not is_sidecar(picture)
        assert all(is_sidecar(it.name) and it.name in names for it in found)


@pytest.mark.slow
def test_a_folder_of_fifty_thousand_files_takes_seconds() -> None:
    names = [f"IMG_{number}.jpg{ending}" for number in range(25_000) for ending in ("", ".supplemental-metadata.json")]
    start = time.process_time()
    assert len(pair(names)) == 25_000
    assert time.process_time() - start < 5
