"""Files that are one photo together, in the database: the film of a live photo and the RAW file of a JPEG go behind the
still.

Which belong together, `pairing` says by what was read. A file stays a location of the photo whose content it holds;
`File.role` and `File.main` say that it is only a part of another. A photo all of whose files are parts is shown to
nobody (`imported_at` is empty), and what people made of it goes to the main photo. Nothing else hangs on a join: when
the pair does not hold any more, because a file was edited, renamed or vanished, the part is a photo of its own again.

A join follows from the rows as they are, never from what happened before, so it does not matter in which order files
come, and how long after each other.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Q
from django.utils import timezone

from gallery import decided, duplicates, keepsakes, kept, pairing, search_text
from gallery.analysis import analyzers
from gallery.models import File, Photo, Receipt, Scan, SearchText, WorkState

_KINDS: dict[str, pairing.Kind] = {
    Photo.Kind.IMAGE: "image",
    Photo.Kind.MOTION: "image",
    Photo.Kind.RAW: "raw",
    Photo.Kind.VIDEO: "video",
}
_Source = Photo.TakenSource
# A name, a sidecar, Takeout or a person do not say when the shutter was pressed to the second.
_CAMERA_SAID = {
    _Source.EXIF, _Source.EXIF_DIGITIZED, _Source.XMP, _Source.VIDEO, _Source.MAKER, _Source.GPS,
}  # fmt: skip
# Who is one with whom is followed so far from the photos that changed; it ends by itself after two steps or three.
_ROUNDS = 5
# What so many photos of a library have in common tells none of them apart.
_MOST_ALIKE = 40
_PORTION = 200
_RECENT = dt.timedelta(hours=1)


@dataclass(slots=True)
class _Group:
    """Photos and all their files, with those that might be one with them."""

    files: dict[int, File] = field(default_factory=dict)
    photos: dict[int, Photo] = field(default_factory=dict)

    def add(self, found: Iterable[File]) -> None:
        for file in found:
            if file.pk not in self.files:
                self.files[file.pk] = file
                self.photos.setdefault(file.photo_id, file.photo)

    @property
    def is_plain(self) -> bool:
        """Whether no file is a part, and nothing is hidden."""
        is_part = any(file.role != File.Role.PRIMARY for file in self.files.values())
        return not is_part and all(photo.imported_at or not photo.width for photo in self.photos.values())

    def files_of(self) -> dict[int, list[File]]:
        by_photo: dict[int, list[File]] = defaultdict(list)
        for file in self.files.values():
            by_photo[file.photo_id].append(file)
        return by_photo


def look(photo_ids: Iterable[int]) -> set[int]:
    """Brings up to date which files are parts of which photo, for these photos and all that might be one with them.

    To be called in the transaction that changed them. For each library two queries where nothing is alike, a constant
    number elsewhere.
    Returns the photos that changed by it, whose search texts and libraries the caller brings up to date.
    """
    by_library: dict[int, set[int]] = defaultdict(set)
    for pk, library_id in Photo.objects.filter(pk__in=set(photo_ids)).order_by().values_list("pk", "library_id"):
        by_library[library_id].add(pk)
    # Each library by itself: nothing goes behind a photo of another one, which others see.
    return {pk for ids in by_library.values() for pk in _look(ids)}


def _look(ids: set[int]) -> set[int]:
    """The same for photos of one library."""
    group = _around(ids)
    if group.is_plain and not _may_pair(group):
        return _mark_moving(group)
    return _apply(group, _wanted(group)) | _mark_moving(group)


def lock_around(photo_ids: Iterable[int], paths: Iterable[tuple[int, str]], content_ids: set[tuple[int, str]]) -> None:
    """Locks the photos that `look` may change after these were read: by id, before any file is locked.

    `paths` and `content_ids` with the ids of their libraries, as they are about to be written. Nothing to do where one
    transaction writes at a time.
    """
    if not connection.features.has_select_for_update:
        return
    group = _around(set(photo_ids), {(library, pairing.stem_of(path)) for library, path in paths}, content_ids)
    rows = Photo.objects.select_for_update(no_key=True).filter(pk__in=group.photos).order_by("id")
    list(rows.values_list("id"))


def settle() -> None:
    """What `look` could not see: parts whose main photo was deleted, and the two parts of a live photo that two workers
    recorded in the same moment. Two small queries while there is nothing to do."""
    lost = File.objects.filter(main=None).exclude(role=File.Role.PRIMARY).values_list("photo_id", flat=True)
    if not connection.features.has_select_for_update:
        _look_in_portions(set(lost))
        return
    alone = Photo.objects.filter(
        worked_at__gte=timezone.now() - _RECENT, kind=Photo.Kind.VIDEO, imported_at__isnull=False
    ).exclude(content_id="")
    _look_in_portions({*lost, *alone.values_list("pk", flat=True)})


def after_scan(scan: Scan) -> None:
    """Looks again at what files that a scan did not find were one photo with, or kept from being one; and shows what
    was hidden behind photos that are missing. To be called when the scan is over, since a folder that went away took
    both. One query over the library's parts, and one over its files if any went away."""
    here = File.objects.filter(library_id=scan.library_id)
    parts = here.filter(missing_since=None, main__missing_since__isnull=False).exclude(role=File.Role.PRIMARY)
    ids = set(parts.values_list("photo_id", flat=True))
    if scan.gone:
        ids |= set(here.filter(missing_since__gte=scan.started_at).values_list("photo_id", flat=True))
    _look_in_portions(ids)


def main_of(photo: Photo) -> Photo:
    """The photo that is shown in place of one that is only a part; else the photo itself. One query at most."""
    if photo.imported_at is not None or photo.digest is None:
        return photo
    part = photo.files.exclude(role=File.Role.PRIMARY).filter(main__isnull=False).select_related("main").first()
    return part.main if part is not None and part.main is not None else photo


def _look_in_portions(photo_ids: set[int]) -> None:
    ids = sorted(photo_ids)
    for start in range(0, len(ids), _PORTION):
        with transaction.atomic():
            portion = ids[start : start + _PORTION]
            lock_around(portion, (), set())
            changed = look(portion)
            search_text.write(changed)
            kept.touch(Photo.objects.filter(pk__in=changed).values_list("library_id", flat=True))


# --- who might be one with whom


def _around(
    ids: set[int], stems: Iterable[tuple[int, int]] = (), content_ids: Iterable[tuple[int, str]] = ()
) -> _Group:
    group = _Group()
    asked_ids: set[int] = set()
    asked_stems: set[tuple[int, int]] = set()
    asked_content: set[tuple[int, str]] = set()
    new_ids, new_stems, new_content = set(ids), set(stems), set(content_ids)
    for _ in range(_ROUNDS):
        new_ids |= _photos_with(new_content)
        if not (new_ids or new_stems):
            break
        group.add(_files(new_ids, new_stems))
        asked_ids |= new_ids
        asked_stems |= new_stems
        asked_content |= new_content
        files = group.files.values()
        new_ids = ({file.photo_id for file in files} | {file.main_id for file in files if file.main_id}) - asked_ids
        new_stems = {(file.library_id, pairing.stem_of(file.path)) for file in files} - asked_stems
        said = {(photo.library_id, photo.content_id) for photo in group.photos.values() if photo.content_id}
        new_content = said - asked_content
    return group


def _files(photo_ids: set[int], stems: set[tuple[int, int]]) -> list[File]:
    wanted = Q(photo__in=photo_ids) | Q(main__in=photo_ids) if photo_ids else Q()
    for library_id in {library_id for library_id, _ in stems}:
        wanted |= Q(library=library_id, stem__in=[stem for library, stem in stems if library == library_id])
    # Sorted here: asked for an order, SQLite would rather walk through the whole library in that order.
    rows = File.objects.filter(wanted).select_related("photo").defer("sidecars", "photo__keywords").order_by()
    return sorted(rows, key=lambda file: file.pk)


def _photos_with(content_ids: set[tuple[int, str]]) -> set[int]:
    if not content_ids:
        return set()
    rows = Photo.objects.filter(
        content_id__in={content_id for _, content_id in content_ids},
        library__in={library_id for library_id, _ in content_ids},
    ).exclude(content_id="")
    many = rows.order_by().values("content_id").annotate(count=Count("id")).filter(count__gt=_MOST_ALIKE)
    return set(rows.exclude(content_id__in=many.values("content_id")).values_list("pk", flat=True))


def _may_pair(group: _Group) -> bool:
    """Whether any two files are alike in name or by what Apple wrote; if not, there is nothing to think about."""
    places = [pairing.place_of(file.path) for file in group.files.values()]
    said = [photo.content_id for photo in group.photos.values() if photo.content_id]
    return len(set(places)) < len(places) or len(set(said)) < len(said)


# --- what should be


def _wanted(group: _Group) -> dict[int, tuple[str, int]]:
    """Role and main photo of every file that is to be a part, by the file's id."""
    files, photos = group.files, group.photos
    mains = {file.main_id for file in files.values() if file.main_id}
    there = {
        file.pk: file
        for file in files.values()
        if file.missing_since is None
        and file.photo.width  # it was read
        and (file.photo.trashed_at is None or file.role != File.Role.PRIMARY or file.photo_id in mains)
    }
    found = {
        pair.part.id: pair for pair in pairing.pairs(_part(file, photos[file.photo_id]) for file in there.values())
    }
    wanted: dict[int, tuple[str, int]] = {}
    for part_id, pair in found.items():
        # The film of a RAW file that goes behind a JPEG goes there as well.
        main = found[pair.main.id].main if pair.main.id in found else pair.main
        file, main_file = files[part_id], files[main.id]
        is_joined = file.main_id == main_file.photo_id
        is_certain = file.is_read and main_file.is_read
        is_kept = photos[file.photo_id].trashed_at is None and photos[main_file.photo_id].trashed_at is None
        if not is_joined and _is_overruled(photos[file.photo_id], photos[main_file.photo_id]):
            continue
        if file.photo_id != main_file.photo_id and (is_joined or (is_certain and is_kept)):
            wanted[part_id] = (pair.role, main_file.photo_id)
    for file in files.values():
        if file.pk not in wanted and _stays(file, group):
            wanted[file.pk] = (file.role, file.main_id or 0)
    return wanted | _copies(wanted, there, photos)


def _is_overruled(part: Photo, main: Photo) -> bool:
    """Whether a person said when one of two was taken, so that their times do not say that they are one shot; and
    nothing else does."""
    is_said = bool(part.content_id) and part.content_id == main.content_id
    return not is_said and (decided.is_set(part, "taken") or decided.is_set(main, "taken"))


def _stays(file: File, group: _Group) -> bool:
    """Whether a part of which no pair is found remains one all the same."""
    if file.role == File.Role.PRIMARY or file.main_id is None:
        return False
    main = [other for other in group.files.values() if other.photo_id == file.main_id and other.missing_since is None]
    if file.missing_since is not None:
        # A film that went away does not become a missing photo beside the still; nor when all went.
        return True
    if not main:
        return False
    if not file.is_read or not all(other.is_read for other in main):
        return True  # it turns out when they are read
    # A person said when one of them was taken, so that their times say nothing any more.
    is_dated = any(decided.is_set(group.photos[pk], "taken") for pk in (file.photo_id, file.main_id))
    return is_dated and any(pairing.place_of(other.path) == pairing.place_of(file.path) for other in main)


def _copies(
    wanted: dict[int, tuple[str, int]], there: dict[int, File], photos: dict[int, Photo]
) -> dict[int, tuple[str, int]]:
    """Further locations of a RAW file that is part of a photo, or of a film that is by what Apple wrote into it."""

    def is_known(part: Photo, role: str, main_id: int) -> bool:
        main = photos.get(main_id)
        return main is not None and (
            role == File.Role.RAW or (bool(part.content_id) and part.content_id == main.content_id)
        )

    by_content = {
        there[part_id].photo_id: join
        for part_id, join in wanted.items()
        if part_id in there and is_known(photos[there[part_id].photo_id], *join)
    }
    return {
        file.pk: by_content[file.photo_id]
        for file in there.values()
        if file.pk not in wanted and file.photo_id in by_content
    }


def _part(file: File, photo: Photo) -> pairing.Part:
    taken = photo.taken if photo.taken_source in _CAMERA_SAID and not photo.is_day_only else None
    return pairing.Part(file.pk, file.path, _KINDS[photo.kind], taken, photo.content_id, photo.duration_s)


# --- making it so


def _apply(group: _Group, wanted: dict[int, tuple[str, int]]) -> set[int]:
    changed: list[File] = []
    former: dict[int, int] = {}
    for file in group.files.values():
        role, main_id = wanted.get(file.pk, (File.Role.PRIMARY, None))
        if (file.role, file.main_id) != (role, main_id):
            former.setdefault(file.photo_id, file.main_id or 0)
            file.role, file.main_id = role, main_id
            changed.append(file)
    if changed:
        File.objects.bulk_update(changed, ["role", "main"], batch_size=100)
    hidden: dict[int, int] = {}
    shown: set[int] = set()
    for photo_id, files in sorted(group.files_of().items()):
        photo = group.photos[photo_id]
        present = [file for file in files if file.missing_since is None] or files
        is_part = all(file.role != File.Role.PRIMARY for file in present)
        if is_part and photo.imported_at is not None:
            hidden[photo_id] = next(file.main_id for file in present if file.main_id)
        elif not is_part and photo.imported_at is None and photo.width:
            _show(photo, group.photos.get(former.get(photo_id, 0)))
            shown.add(photo_id)
    _hide(hidden)
    mains = {file.main_id for file in changed} | set(former.values())
    return shown | {file.photo_id for file in changed} | {main_id for main_id in mains if main_id}


def _hide(mains: dict[int, int]) -> None:
    """What people made of a part goes to its main photo; what analyzers found in it, to nobody."""
    if not mains:
        return
    parts = sorted(mains)
    for part_id in parts:
        keepsakes.give_away([part_id], mains[part_id])
    for analyzer in analyzers():
        analyzer.forget(parts)
    # And should it be shown again, it is compared with others again.
    done = [duplicates.NAME, *(analyzer.name for analyzer in analyzers())]
    Receipt.objects.filter(photo__in=parts, analyzer__in=done).delete()
    SearchText.objects.filter(photo__in=parts).delete()
    Photo.objects.filter(pk__in=parts).update(imported_at=None)


def _show(photo: Photo, former_main: Photo | None) -> None:
    """A photo of its own again, to be looked at by the analyzers. It went to the trash with its main photo."""
    photo.imported_at = timezone.now()
    columns: dict[str, Any] = {"imported_at": photo.imported_at}
    if former_main is not None and former_main.trashed_at is not None:
        columns |= {"trashed_at": former_main.trashed_at, "trashed_by_id": former_main.trashed_by_id}
    Photo.objects.filter(pk=photo.pk).update(**columns)
    Photo.objects.filter(pk=photo.pk, missing_since=None, work_state=WorkState.DONE).update(
        work_state=WorkState.READY, attempts=0
    )


def _mark_moving(group: _Group) -> set[int]:
    """Pictures with a moving part are of that kind, and others are not. Returns those that changed."""
    moving = {
        file.main_id for file in group.files.values() if file.role == File.Role.MOTION and file.missing_since is None
    }
    changed = set()
    for photo in group.photos.values():
        if photo.kind not in {Photo.Kind.IMAGE, Photo.Kind.MOTION}:
            continue
        kind = Photo.Kind.MOTION if photo.motion_at is not None or photo.pk in moving else Photo.Kind.IMAGE
        if photo.kind != kind:
            Photo.objects.filter(pk=photo.pk).update(kind=kind)
            photo.kind = kind
            changed.add(photo.pk)
    return changed
