"""Every real file of shared/eval/formats through scan and work: a photo as it should be, or a failure in words."""

from __future__ import annotations

import json
import re
import resource
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from gallery import analysis, scan, thumbnails
from gallery.models import File, Library, Photo, WorkState
from tests.factories import LibraryFactory
from tests.importing import bring_in
from tests.metadata import oracle

FORMATS = Path(__file__).resolve().parents[2] / "shared/eval/formats"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db,
    pytest.mark.skipif(not FORMATS.is_dir(), reason="needs ../shared/eval/formats"),
]
# Beyond what the tests themselves take; the largest real picture decoded is 150 MB.
MOST_MEMORY_MB = 1500


@pytest.fixture
def everything(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    monkeypatch.setattr(analysis, "_analyzers", {})
    shutil.copytree(FORMATS, folder, dirs_exist_ok=True)
    made: Library = LibraryFactory(root=str(folder))
    return made


def test_every_file_is_a_photo_or_says_why_not(everything: Library, folder: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    bring_in(everything)
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    pictures = {str(it.relative_to(folder)) for it in folder.rglob("*") if it.is_file() and scan.is_picture(it.name)}
    rows = {row.path: row.photo for row in File.objects.select_related("photo")}
    kinds: Counter[str] = Counter()
    for path, photo in sorted(rows.items()):
        if photo.work_state == WorkState.FAILED:
            assert photo.imported_at is None
            # A sentence for a person, and nothing that nobody foresaw.
            assert re.fullmatch(r"(The|This) [^:]*(: [^:]+)?\.", photo.error), f"{path}: {photo.error}"
        else:
            check(path, photo)
        kinds[photo.kind if photo.imported_at else "failed"] += 1
    assert set(rows) == {path for path in pictures if not path.startswith(".") and "/." not in path}
    assert kinds == {"image": 309, "motion": 1, "video": 5, "failed": 81}
    assert grown_mb < MOST_MEMORY_MB
    check_sizes(folder, {path: photo for path, photo in rows.items() if photo.imported_at})


def check_sizes(folder: Path, shown: dict[str, Photo]) -> None:
    """Width and height, upright, as exiftool knows them."""
    if not oracle.is_here():
        pytest.skip("exiftool is not there")
    command = ["exiftool", "-json", "-n", "-r", "-ImageWidth", "-ImageHeight", "-Orientation", "-Rotation", str(folder)]
    told = json.loads(subprocess.run(command, capture_output=True, check=False).stdout)
    seen = 0
    for it in told:
        photo = shown.get(str(Path(it["SourceFile"]).relative_to(folder)))
        # The pixels of films need not be square; tests/vision/test_video.py has them.
        if photo is None or photo.kind == Photo.Kind.VIDEO or "ImageWidth" not in it:
            continue
        is_turned = it.get("Rotation") in {90, 270} or (photo.mime != "image/heic" and it.get("Orientation", 1) >= 5)
        size = (it["ImageHeight"], it["ImageWidth"]) if is_turned else (it["ImageWidth"], it["ImageHeight"])
        assert (photo.width, photo.height) == size, it
        seen += 1
    assert seen > 285


def check(path: str, photo: Photo) -> None:
    """What any photo that is shown must be."""
    assert photo.work_state == WorkState.DONE, path
    assert photo.imported_at is not None, path
    assert photo.width, path
    assert photo.height, path
    assert max(photo.width, photo.height) <= 100_000
    assert photo.mime.startswith("video/" if photo.kind == Photo.Kind.VIDEO else "image/"), path
    for size, most_px in thumbnails.SIZES.items():
        with Image.open(thumbnails.path(photo.digest or "", size)) as picture:
            assert max(picture.size) <= most_px
            wide, high = picture.size
            # As wide for its height as the photo, to a pixel.
            assert abs(wide * photo.height - high * photo.width) <= max(photo.width, photo.height) + max(wide, high), (
                f"{path}: {picture.size} of {photo.width} x {photo.height}"
            )
