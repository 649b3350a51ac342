"""Albums out of a Google Takeout: made once, by whom, with what, and never again what a person took away."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from albums import importing, services
from albums.access import albums_visible_to
from albums.models import Album, AlbumItem, ImportedAlbum, ImportedPhoto
from gallery import paths, tasks, told
from gallery import services as gallery_services
from gallery.models import File, Library, Mark, Photo, WorkState
from tests.factories import LibraryFactory, PhotoFactory, jpeg_bytes
from tests.importing import bring_in, scan

YEAR = "Takeout/Google Photos/Photos from 2018"
SUMMER = "Takeout/Google Photos/Sommer"


def say(folder: Path, name: str, **fields: Any) -> None:
    """A JSON as Takeout writes it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(fields), encoding="utf-8")


def album(root: Path, folder: str, title: str, *, name: str = "Metadaten.json") -> None:
    say(root / folder, name, title=title, description="", access="protected", date={"timestamp": "1530800130"})


def photo(root: Path, folder: str, name: str, seed: int, **fields: Any) -> None:
    """A small picture with its JSON."""
    (root / folder).mkdir(parents=True, exist_ok=True)
    (root / folder / name).write_bytes(jpeg_bytes(64, 48, seed=seed))
    said = {"title": name, "photoTakenTime": {"timestamp": str(1530800130 + seed)}, **fields}
    say(root / folder, f"{name}.supplemental-metadata.json", **said)


@pytest.fixture
def mine(owner: User, folder: Path) -> Library:
    """Anna's own library."""
    root = paths.to_text(str(folder))
    made: Library = LibraryFactory(root=root, owner=owner, visibility=Library.Visibility.PRIVATE)
    return made


def test_a_folder_with_a_title_becomes_an_album_of_the_librarys_owner(mine: Library, folder: Path, owner: User) -> None:
    album(folder, SUMMER, "Sommer 2018")
    for seed in range(3):
        photo(folder, YEAR, f"IMG_{seed}.jpg", seed)
        if seed < 2:
            photo(folder, SUMMER, f"IMG_{seed}.jpg", seed)
    album(folder, YEAR, "Photos from 2018", name="metadata.json")
    shown = bring_in(mine)
    assert len(shown) == 3, "the copies in the album's folder are places of the same photos"
    made = Album.objects.get()
    assert (made.name, made.owner, made.visibility) == ("Sommer 2018", owner, "private")
    assert {it.photo.files.order_by("path").first().path for it in made.items.all()} == {
        f"{YEAR}/IMG_0.jpg", f"{YEAR}/IMG_1.jpg"
    }  # fmt: skip
    assert list(made.items.order_by("position").values_list("photo", flat=True)) == list(
        Photo.objects.filter(album_items__isnull=False).order_by("sort_at").values_list("pk", flat=True)
    )


@pytest.mark.slow
def test_the_albums_file_in_any_language_and_an_untitled_album(mine: Library, folder: Path) -> None:
    for number, (name, title) in enumerate(
        [
            ("metadata.json", "English"),
            ("métadonnées.json", "Français"),
            ("メタデータ.json", "日本"),
            ("metadades.json", ""),
        ]
    ):
        album(folder, f"T/{number}", title, name=name)
        photo(folder, f"T/{number}", "a.jpg", number)
    bring_in(mine)
    assert set(Album.objects.values_list("name", flat=True)) == {"English", "Français", "日本"}


def test_another_programs_metadata_json_is_no_album(mine: Library, folder: Path) -> None:
    photo(folder, "Web", "a.jpg", 1)
    say(folder / "Web", "metadata.json", title="My site", version=3)
    bring_in(mine)
    assert not Album.objects.exists()


@pytest.mark.slow
def test_reading_everything_again_changes_nothing(mine: Library, folder: Path) -> None:
    album(folder, SUMMER, "Sommer")
    photo(folder, SUMMER, "a.jpg", 1)
    bring_in(mine)
    before = list(Album.objects.values()), list(AlbumItem.objects.values()), list(ImportedPhoto.objects.values())
    described_again(mine)
    assert (list(Album.objects.values()), list(AlbumItem.objects.values()), list(ImportedPhoto.objects.values())) == (
        before
    )


def described_again(library: Library) -> None:
    """As after a new version of the reader."""
    for row in Photo.objects.filter(library=library):
        row.receipts.filter(analyzer="metadata").delete()
    Photo.objects.filter(library=library).update(work_state=WorkState.READY)
    bring_in(library)


@pytest.mark.slow
def test_what_a_person_took_away_never_comes_back(mine: Library, folder: Path, owner: User) -> None:
    for name in ("Kept", "Renamed", "Deleted", "Purged"):
        album(folder, f"T/{name}", name)
        photo(folder, f"T/{name}", "a.jpg", len(name))
        photo(folder, f"T/{name}", "b.jpg", 100 + len(name))
    bring_in(mine)
    albums = {it.name: it for it in Album.objects.all()}
    out = albums["Kept"].items.order_by("position").first()
    services.remove_photos(owner, albums["Kept"].pk, photo_ids=[out.photo_id])
    services.update_album(
        owner, albums["Renamed"].pk, name="Ours", description="", visibility="household", order=Album.Order.OLDEST
    )
    services.delete_album(owner, albums["Deleted"].pk)
    albums["Purged"].delete()
    described_again(mine)
    assert {(it.name, it.items.count()) for it in Album.objects.filter(deleted_at__isnull=True)} == {
        ("Kept", 1), ("Ours", 2)
    }  # fmt: skip
    # More comes into the folders: into the albums that are there, and the deleted one is complete if it is restored.
    for name in ("Kept", "Renamed", "Deleted", "Purged"):
        photo(folder, f"T/{name}", "c.jpg", 200 + len(name))
    bring_in(mine)
    assert {(it.name, it.items.count()) for it in Album.objects.filter(deleted_at__isnull=True)} == {
        ("Kept", 2), ("Ours", 3)
    }  # fmt: skip
    assert out.photo_id not in albums["Kept"].items.values_list("photo", flat=True)
    assert services.restore_album(owner, albums["Deleted"].pk).items.count() == 3


@pytest.mark.slow
def test_an_album_that_arrives_after_its_photos(mine: Library, folder: Path) -> None:
    """The content is known: the new files are only more places of the photos, and yet they come into the album."""
    photo(folder, YEAR, "a.jpg", 1)
    (shown,) = bring_in(mine)
    album(folder, SUMMER, "Sommer")
    photo(folder, SUMMER, "a.jpg", 1)
    assert [it.pk for it in bring_in(mine)] == [shown.pk]
    assert [it.photo_id for it in Album.objects.get().items.all()] == [shown.pk]


@pytest.mark.slow
def test_the_albums_file_arrives_last(mine: Library, folder: Path) -> None:
    photo(folder, SUMMER, "a.jpg", 1)
    photo(folder, YEAR, "a.jpg", 1)
    bring_in(mine)
    assert not Album.objects.exists()
    album(folder, SUMMER, "Sommer")
    bring_in(mine)
    assert Album.objects.get().items.count() == 1


@pytest.mark.slow
def test_the_whole_export_is_moved(mine: Library, folder: Path, owner: User) -> None:
    album(folder, SUMMER, "Sommer")
    photo(folder, SUMMER, "a.jpg", 1)
    bring_in(mine)
    services.delete_album(owner, Album.objects.get().pk)
    shutil.move(folder / "Takeout", folder / "Old phone")
    bring_in(mine)
    described_again(mine)
    assert Album.objects.count() == 1
    assert ImportedAlbum.objects.get().folder == "Old phone/Google Photos/Sommer"


def test_two_albums_of_one_title_stay_two(mine: Library, folder: Path) -> None:
    for name in ("Sommer", "Sommer(1)"):
        album(folder, f"T/{name}", "Sommer")
        photo(folder, f"T/{name}", "a.jpg", len(name))
    bring_in(mine)
    assert [it.items.count() for it in Album.objects.all()] == [1, 1]


def test_a_library_of_the_house_gives_a_household_album_to_an_administrator(library: Library, folder: Path) -> None:
    album(folder, SUMMER, "Sommer")
    photo(folder, SUMMER, "a.jpg", 1, favorited=True)
    bring_in(library)
    assert not Album.objects.exists(), "nobody is there to own it"
    admin = User.objects.create_superuser("root")
    tasks.settle()
    made = Album.objects.get()
    assert (made.owner, made.visibility, made.items.count()) == (admin, "household", 1)
    assert not Mark.objects.exists(), "what belongs to nobody is nobody's favourite"


@pytest.mark.slow
def test_favourites_are_the_owners_once(mine: Library, folder: Path, owner: User) -> None:
    photo(folder, YEAR, "a.jpg", 1, favorited=True)
    photo(folder, YEAR, "b.jpg", 2)
    loved, other = bring_in(mine)
    assert list(Mark.objects.values_list("user", "photo", "favourite")) == [(owner.pk, loved.pk, True)]
    gallery_services.set_favourite(owner, [loved.pk], is_favourite=False)
    described_again(mine)
    assert not Mark.objects.get().favourite
    # The heart stands in the album's folder alone.
    photo(folder, SUMMER, "b.jpg", 2, favorited=True)
    bring_in(mine)
    assert Mark.objects.get(photo=other).favourite


def test_people_without_a_box_are_words_to_search_for(mine: Library, folder: Path, owner: User) -> None:
    photo(folder, YEAR, "a.jpg", 1, people=[{"name": "Oma Erna"}, {"name": "Opa"}])
    (shown,) = bring_in(mine)
    assert shown.keywords.splitlines() == ["Oma Erna", "Opa"]
    assert "oma erna" in shown.search_text.text


@pytest.mark.slow
def test_what_lies_beside_a_copy_speaks_of_the_photo(mine: Library, folder: Path) -> None:
    (folder / "plain").mkdir()
    (folder / "plain" / "x.jpg").write_bytes(jpeg_bytes(64, 48, seed=1))
    (shown,) = bring_in(mine)
    assert shown.caption == ""
    photo(folder, YEAR, "a.jpg", 1, description="Am See")
    (shown,) = bring_in(mine)
    assert (shown.caption, shown.taken_source) == ("Am See", "takeout")
    described_again(mine)
    shown.refresh_from_db()
    assert shown.caption == "Am See"


def test_a_sudden_end_between_noting_and_placing_loses_nothing(
    mine: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    album(folder, SUMMER, "Sommer")
    photo(folder, SUMMER, "a.jpg", 1)
    monkeypatch.setitem(told._listeners, "albums", told.Listener(take=importing.note))
    bring_in(mine)
    assert (ImportedPhoto.objects.count(), Album.objects.count()) == (1, 0)
    monkeypatch.undo()
    tasks.sweep()
    assert Album.objects.get().items.count() == 1
    assert not ImportedPhoto.objects.filter(placed_at__isnull=True).exists()


def test_a_batch_is_noted_in_a_constant_number_of_queries(mine: Library, django_assert_max_num_queries: Any) -> None:
    def batch(count: int) -> list[told.Told]:
        where = (told.AlbumFolder("A", "A"), told.AlbumFolder("B", "B"))
        return [told.Told(PhotoFactory(library=mine), where) for _ in range(count)]

    few, many = batch(2), batch(20)
    importing.note(batch(2))
    for recorded in (few, many):
        with django_assert_max_num_queries(2):
            importing.note(recorded)
    with django_assert_max_num_queries(0):
        importing.note([told.Told(PhotoFactory.build(library=mine))])


def test_files_are_never_touched(mine: Library, folder: Path) -> None:
    album(folder, SUMMER, "Sommer")
    photo(folder, SUMMER, "a.jpg", 1)
    before = {it: (it.stat().st_mtime_ns, it.read_bytes()) for it in folder.rglob("*") if it.is_file()}
    bring_in(mine)
    scan(mine)
    assert {it: (it.stat().st_mtime_ns, it.read_bytes()) for it in folder.rglob("*") if it.is_file()} == before
    assert File.objects.count() == 1


REAL = Path(__file__).resolve().parents[3] / "shared/eval/formats/takeout-and-sidecars"


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_dir(), reason="needs ../shared/eval/formats")
def test_real_exports(mine: Library, folder: Path, owner: User) -> None:
    """What was said of every picture, read here without any of our readers, arrives."""
    for name in ("Takeout1", "Takeout2"):  # the pictures of Takeout3 are empty files
        shutil.copytree(REAL / "app/upload/TEST_DATA" / name, folder / name)
    shutil.copytree(REAL / "internal/e2e/client/DATA/fromGooglePhotos", folder / "b")
    bring_in(mine)
    shown = {it.path: it.photo for it in File.objects.select_related("photo").filter(photo__imported_at__isnull=False)}
    loved, seen = set(), 0
    for file in sorted(folder.rglob("*.json")):
        said = json.loads(file.read_bytes())
        if "photoTakenTime" not in said:
            continue
        pictures = [it for it in shown if Path(folder, it).parent == file.parent and speaks_of(said, file.name, it)]
        assert len(pictures) == 1, file
        photo = shown[pictures[0]]
        assert photo.caption == (said.get("description") or photo.caption)
        if photo.taken_source == "takeout" and photo.utc_offset_min is not None:
            utc = int(photo.sort_at.timestamp()) - 60 * photo.utc_offset_min
            assert utc == int(said["photoTakenTime"]["timestamp"])
        assert photo.taken_source in {"exif", "video", "takeout"}
        if said.get("favorited"):
            loved.add(photo.pk)
        seen += 1
    assert seen == 21
    assert set(Mark.objects.filter(user=owner, favourite=True).values_list("photo", flat=True)) == loved
    assert len(loved) == 2
    assert {(it.name, it.items.count()) for it in Album.objects.all()} == {
        ("Album test 6/10/23", 8), ("Gopher's gallery", 5)
    }  # fmt: skip


def speaks_of(said: dict[str, Any], beside: str, path: str) -> bool:
    """By the title, and the number of copies; the one film was renamed on the way."""
    name = path.rsplit("/", 1)[-1]
    number = re.compile(r"\(\d+\)")
    titles = {said["title"], said["title"].replace("TST_", "PXL_")}
    return number.sub("", name) in titles and number.findall(name) == number.findall(beside)


def test_an_album_of_a_library_that_became_private_is_its_owners_alone(owner: User, member: User) -> None:
    library = LibraryFactory(owner=owner)
    source = ImportedAlbum.objects.create(library=library, folder="A", title="Couple therapy")
    ImportedPhoto.objects.create(source=source, photo=PhotoFactory(library=library))
    importing.place()
    album = Album.objects.get()
    assert album in albums_visible_to(member)
    library.visibility = Library.Visibility.PRIVATE
    library.save()
    assert album not in albums_visible_to(member)
    assert album in albums_visible_to(owner)
    ImportedPhoto.objects.create(source=source, photo=PhotoFactory(library=library))
    importing.place()
    assert AlbumItem.objects.filter(album=album).count() == 2
    assert Album.objects.get().changed_at == album.changed_at
