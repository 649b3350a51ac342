"""Albums that an export of another service brings along: made once, and from then on a person's like any other.

A folder of an export that has a title becomes an album of the library's owner. What was brought in once is remembered
(`ImportedAlbum`, `ImportedPhoto`), so an album that a person deletes, and a photo that a person takes out, never come
back by a rescan, while photos that come into the folder later come into the album.

`note` runs with photos locked and only writes down what is to be done. `place` then does it with the album locked, as
everything that changes albums does: in one transaction the two could wait for each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from albums import positions
from albums.models import Album, AlbumItem, ImportedAlbum, ImportedPhoto
from gallery import names, successors
from gallery.models import File, Library
from gallery.told import AlbumFolder, Told

# SQLite allows only so many values in one statement.
_PORTION = 5000


def note(recorded: Sequence[Told]) -> None:
    """Remembers which photos lie in which folders of albums. No query if none does, else at most five and one for each
    folder that is new."""
    wanted: dict[tuple[int, str], str] = {}
    photos: dict[tuple[int, str], set[int]] = {}
    for told in recorded:
        for it in told.albums:
            title = names.clean(it.title)[: ImportedAlbum.TITLE_CHARS]
            if title:
                key = (told.photo.library_id, it.folder)
                wanted[key] = title
                photos.setdefault(key, set()).add(told.photo.pk)
    if not wanted:
        return
    known = _known(wanted)
    new = sorted(key for key in wanted if key not in known)
    if new:
        for library_id, folder in new:
            _follow(library_id, AlbumFolder(folder, wanted[library_id, folder]))
        # In order, so that two workers that find the same folders wait for each other one way only.
        ImportedAlbum.objects.bulk_create(
            [ImportedAlbum(library_id=key[0], folder=key[1], title=wanted[key]) for key in new], ignore_conflicts=True
        )
        known = _known(wanted)
    ImportedPhoto.objects.bulk_create(
        [ImportedPhoto(source_id=known[key], photo_id=pk) for key in sorted(photos) for pk in sorted(photos[key])],
        ignore_conflicts=True,
    )


def _known(wanted: Iterable[tuple[int, str]]) -> dict[tuple[int, str], int]:
    keys = set(wanted)
    rows = ImportedAlbum.objects.filter(
        library__in={library_id for library_id, _ in keys}, folder__in={folder for _, folder in keys}
    )
    found = {(library_id, folder): pk for pk, library_id, folder in rows.values_list("pk", "library_id", "folder")}
    return {key: pk for key, pk in found.items() if key in keys}


def _follow(library_id: int, new: AlbumFolder) -> None:
    """A folder that was renamed or moved is the same album still: one of this title whose own folder is empty now."""
    for pk, folder in ImportedAlbum.objects.filter(library=library_id, title=new.title).values_list("pk", "folder"):
        below = File.objects.filter(library=library_id, missing_since__isnull=True)
        if folder:  # "0" is the character behind "/": the files below, from the index of paths
            below = below.filter(path__gt=f"{folder}/", path__lt=f"{folder}0")
        if not below.exists():
            ImportedAlbum.objects.filter(pk=pk, folder=folder).update(folder=new.folder)
            return


def place() -> None:
    """Puts photos that were noted into their albums: one short transaction for each album. One query if there are none.

    An album that nobody owns yet (the library has no owner, and the house no administrator) waits.
    """
    waiting = ImportedPhoto.objects.filter(placed_at__isnull=True).order_by()
    for source_id in sorted(set(waiting.values_list("source_id", flat=True))):
        with transaction.atomic():
            _place(source_id)


def _place(source_id: int) -> None:
    # Without its key: a worker that notes more photos of it, and has locked those, does not have to wait.
    rows = ImportedAlbum.objects.select_for_update(of=("self",), no_key=True).select_related("library")
    source = rows.filter(pk=source_id).first()
    if source is None or (source.made_at is None and not _make(source)):
        return
    waiting = ImportedPhoto.objects.filter(source=source, placed_at__isnull=True)
    ids = list(waiting.order_by("photo__sort_at", "photo_id").values_list("photo_id", flat=True))
    album = Album.objects.select_for_update(no_key=True).filter(pk=source.album_id or 0).first()
    if album is not None:  # else a person deleted it for good
        instead = successors.of(ids)
        shown = list(dict.fromkeys(instead.get(pk, pk) for pk in ids))
        is_private = source.library.visibility == Library.Visibility.PRIVATE
        # Whom the album is shown to must not see by its date that the private library has new photos.
        _add(album, shown, is_quiet=is_private and album.visibility == Album.Visibility.HOUSEHOLD)
    for start in range(0, len(ids), _PORTION):
        waiting.filter(photo_id__in=ids[start : start + _PORTION]).update(placed_at=timezone.now())


def _make(source: ImportedAlbum) -> bool:
    """The album, of the library's owner and seen by whom the library is seen by; False if there is nobody to own it."""
    library = source.library
    owner = library.owner or User.objects.filter(is_active=True, is_superuser=True).order_by("pk").first()
    if owner is None:
        return False
    is_private = library.visibility == Library.Visibility.PRIVATE
    source.album = Album.objects.create(
        owner=owner,
        name=source.title,
        visibility=Album.Visibility.PRIVATE if is_private else Album.Visibility.HOUSEHOLD,
    )
    source.made_at = timezone.now()
    source.save(update_fields=["album", "made_at"])
    return True


def _add(album: Album, photo_ids: list[int], *, is_quiet: bool) -> None:
    present = set(AlbumItem.objects.filter(album=album).values_list("photo_id", flat=True))
    new = [pk for pk in photo_ids if pk not in present]
    first = positions.after_last(album)
    AlbumItem.objects.bulk_create(
        [AlbumItem(album=album, photo_id=pk, position=first + n * positions.GAP) for n, pk in enumerate(new)],
        batch_size=_PORTION,
    )
    # One that was deleted, and can still be brought back, is complete when it is; nothing else shows that it is there.
    if new and album.deleted_at is None and not is_quiet:
        album.save(update_fields=["changed_at"])
