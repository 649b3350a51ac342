"""Files beside a picture that speak of it: found by scans, heard again when they change, and never taken for the
picture's own change."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from gallery import services
from gallery.models import File, Library, Mark, Photo, Receipt, WorkState
from tests.factories import write_jpeg
from tests.importing import bring_in, scan, work_off
from tests.recorder import Recorder

XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmp:Rating="{rating}"><dc:description><rdf:Alt><rdf:li xml:lang="x-default">{caption}</rdf:li></rdf:Alt>
</dc:description></rdf:Description></rdf:RDF></x:xmpmeta>"""


def write_xmp(folder: Path, name: str, caption: str, rating: int = 3) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(XMP.format(caption=caption, rating=rating))
    return file


def write_takeout(folder: Path, name: str, description: str) -> Path:
    file = folder / name
    title = name.removesuffix(".json").removesuffix(".supplemental-metadata")
    file.write_text(
        json.dumps({"title": title, "description": description, "photoTakenTime": {"timestamp": "1530800000"}})
    )
    return file


def test_sidecars_of_both_kinds_are_found_with_the_picture(library: Library, folder: Path) -> None:
    write_jpeg(folder, "a.jpg")
    write_jpeg(folder, "sub/b.jpg")
    write_jpeg(folder, "plain.jpg")
    write_xmp(folder, "a.xmp", "From the XMP", rating=4)
    write_takeout(folder / "sub", "b.jpg.supplemental-metadata.json", "From Takeout")
    (folder / "metadata.json").write_text('{"title": "An album"}')
    found, plain, beside = bring_in(library)
    assert (found.caption, found.rating) == ("From the XMP", 4)
    assert (beside.caption, beside.taken_source) == ("From Takeout", "takeout")
    # The album's own file speaks of every picture in its folder.
    assert (plain.caption, plain.files.get().sidecars.split(" ")[-1]) == ("", "metadata.json")
    size, time_ns, name = found.files.get().sidecars.splitlines()[0].split(" ", 2)
    stat = (folder / "a.xmp").stat()
    assert (int(size), int(time_ns), name) == (stat.st_size, stat.st_mtime_ns, "a.xmp")


@pytest.mark.slow
def test_a_sidecar_that_comes_changes_and_goes_describes_the_same_photo_again_and_no_model_looks_at_it(
    library: Library, folder: Path, member: User, recorder: Recorder
) -> None:
    write_jpeg(folder, "a.jpg")
    (photo,) = bring_in(library)
    services.set_favourite(member, [photo.pk], is_favourite=True)
    ran = recorder.runs
    file = File.objects.get()

    def look_again() -> Photo:
        result = scan(library)
        assert (result.added, result.changed, result.moved, result.gone) == (0, 0, 0, 0)
        assert Photo.objects.get().work_state == WorkState.READY
        work_off()
        return Photo.objects.get()

    sidecar = write_xmp(folder, "a.jpg.xmp", "First")
    assert look_again().caption == "First"
    write_xmp(folder, "a.jpg.xmp", "Second")
    os.utime(sidecar, (1_600_000_000, 1_600_000_000))
    assert look_again().caption == "Second"
    sidecar.unlink()
    assert look_again().caption == ""
    again, now = File.objects.get(), Photo.objects.get()
    assert (now.pk, now.digest, now.imported_at) == (photo.pk, photo.digest, photo.imported_at)
    assert (again.digest, again.mtime_ns, again.is_read) == (file.digest, file.mtime_ns, True)
    assert Mark.objects.get(photo=now).favourite
    assert recorder.runs == ran == 1, "a model looked at it again"
    assert scan(library).changed == 0
    assert Photo.objects.get().work_state == WorkState.DONE


def test_what_a_person_wrote_no_sidecar_changes(library: Library, folder: Path) -> None:
    write_jpeg(folder, "a.jpg")
    bring_in(library)
    Photo.objects.update(caption="By hand", set_by_people="caption")
    write_xmp(folder, "a.xmp", "From the XMP", rating=5)
    (photo,) = bring_in(library)
    assert (photo.caption, photo.rating) == ("By hand", 5)


def test_a_worker_that_reads_a_photo_while_its_sidecar_changes_does_not_have_the_last_word(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gallery import recording

    write_jpeg(folder, "a.jpg")
    write = recording.write

    def change_first(outcomes: list[recording.Outcome]) -> None:
        monkeypatch.setattr(recording, "write", write)
        write_xmp(folder, "a.xmp", "In time")
        scan(library)
        write(outcomes)

    monkeypatch.setattr(recording, "write", change_first)
    (photo,) = bring_in(library)
    assert photo.caption == "In time"


@pytest.mark.slow
def test_a_picture_and_its_sidecar_move_together_and_a_sidecar_of_the_new_place_is_heard(
    library: Library, folder: Path
) -> None:
    file = write_jpeg(folder, "a.jpg")
    write_xmp(folder, "a.xmp", "Here")
    write_xmp(folder, "new/a.xmp", "There")
    (photo,) = bring_in(library)
    stem = File.objects.get().stem
    file.rename(folder / "new/a.jpg")
    (moved,) = bring_in(library)
    assert (moved.pk, moved.caption) == (photo.pk, "There")
    assert File.objects.get().stem not in {0, stem}


@pytest.mark.slow
def test_what_lies_beside_a_copy_is_heard_whichever_is_read_first(library: Library, folder: Path) -> None:
    """Takeout gives a picture once for its year and once for each album, and not always the JSON with it."""
    data = write_jpeg(folder, "a/1.jpg").read_bytes()
    bring_in(library)
    (folder / "b").mkdir()
    (folder / "b/1.jpg").write_bytes(data)
    write_takeout(folder / "b", "1.jpg.json", "Of the copy")
    (photo,) = bring_in(library)
    assert photo.files.count() == 2
    assert photo.caption == "Of the copy"
    write_takeout(folder / "b", "1.jpg.json", "Of the copy, corrected")
    assert bring_in(library)[0].caption == "Of the copy, corrected"
    assert not Receipt.objects.exclude(state="ok").exists()


@pytest.mark.parametrize("name", ["line\nbreak.jpg", "caf\udce9.jpg", "100%.jpg", "Ümläut \u2028.jpg"])
def test_sidecars_of_any_name_are_read(library: Library, folder: Path, name: str) -> None:
    write_jpeg(folder, "a.jpg").rename(os.path.join(folder, name))
    write_xmp(folder, "a.xmp", "Found").rename(os.path.join(folder, f"{name}.xmp"))
    (photo,) = bring_in(library)
    assert photo.caption == "Found"
    assert scan(library).changed == 0
    assert Photo.objects.get().work_state == WorkState.DONE


def test_files_that_were_known_before_there_were_stems_get_theirs(library: Library, folder: Path) -> None:
    write_jpeg(folder, "sub/IMG_1.jpg")
    write_jpeg(folder, "sub/img_1.HEIC")
    write_jpeg(folder, "IMG_1.jpg")
    scan(library)
    first, pair, twin = File.objects.order_by("path").values_list("stem", flat=True)
    assert pair == twin != first
    File.objects.update(stem=0)
    scan(library)
    assert list(File.objects.order_by("path").values_list("stem", flat=True)) == [first, pair, twin]
