"""exiftool is the judge: we say what it says, but for a list of differences that each have a reason."""

from __future__ import annotations

import pytest

from tests.metadata import oracle

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not oracle.is_here(), reason="needs exiftool and ../shared/eval/formats"),
]

# (file, field): why. docs/metadata.md tells the same to people.
DIFFERENCES = {
    ("sony-powershota5.jpg", "date"): "CIFF directory in a JPEG of 1998, which exiv2 reads only in .crw",
    ("sony-powershota5.jpg", "camera"): "CIFF directory in a JPEG of 1998, which exiv2 reads only in .crw",
    ("CanonRaw.crw", "caption"): "XMP appended to a .crw, which no camera does",
    ("CasioQVCI.jpg", "date"): "Casio's own block of 1998, before EXIF",
    ("OlympusE1.jpg", "lens"): "the maker note's equipment block is stored in the old way, which exiv2 skips",
    ("PhaseOne.iiq", "lens"): "Phase One's maker note is unknown to exiv2",
    ("PhotoMechanic.jpg", "date"): "a mere day in XMP is completed with the time that EXIF has for the same day",
}


@pytest.fixture(scope="module")
def agreement() -> oracle.Agreement:
    return oracle.compare(oracle.pictures())


def test_at_least_99_percent_of_what_exiftool_finds_is_found(agreement: oracle.Agreement) -> None:
    assert sum(agreement.found.values()) > 700
    assert agreement.share >= 0.99, agreement.table()


def test_every_difference_is_known_and_every_known_one_is_still_there(agreement: oracle.Agreement) -> None:
    seen = {(it.file.rsplit("/", 1)[-1], it.field): (it.theirs, it.ours) for it in agreement.differences}
    assert {key: value for key, value in seen.items() if key not in DIFFERENCES} == {}
    assert set(DIFFERENCES) - set(seen) == set(), "no longer needed"


def test_the_docs_name_every_difference() -> None:
    text = (oracle.PROJECT / "docs" / "metadata.md").read_text(encoding="utf-8")
    for file, field in DIFFERENCES:
        assert any(file in line and field in line for line in text.splitlines()), (file, field)
