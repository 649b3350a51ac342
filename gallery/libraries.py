"""Adding, changing and removing libraries. No photo of a library is ever touched by it."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import time

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, User
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.text import slugify

from gallery import kept, names, paths, roots, staging, uploads, work
from gallery.access import Viewer
from gallery.models import Library, Photo, Scan, WorkState
from gallery.services import request_scan

logger = logging.getLogger(__name__)

# Small enough that pages and workers get their turn between two batches.
REMOVE_BATCH = 500


def may_add(viewer: Viewer) -> bool:
    """Whether the viewer may make libraries, for which they look at folders of the server: administrators only."""
    return viewer.is_authenticated and viewer.is_active and getattr(viewer, "is_staff", False)


def may_choose_owner(viewer: Viewer) -> bool:
    """Whether the viewer may say whose library it is."""
    return may_add(viewer)


def possible_owners() -> QuerySet[User]:
    """Who a library may belong to."""
    return User.objects.filter(is_active=True).order_by("username")


def add_library(
    root: str,
    *,
    name: str,
    owner: AbstractBaseUser | None = None,
    visibility: str = Library.Visibility.HOUSEHOLD,
    exclude: str = "",
    scan_every_min: int = 60,
) -> Library:
    """Makes the folder `root` a library and asks for its first scan. Raises `roots.RootRefused`."""
    real = roots.check_root(root)
    try:
        with transaction.atomic():
            library = Library.objects.create(
                name=name,
                root=paths.to_text(real),
                owner_id=owner.pk if owner else None,
                visibility=visibility,
                exclude=exclude,
                scan_every_min=scan_every_min,
            )
            request_scan(library)
    except IntegrityError:  # the same folder, added in the same moment
        roots.check_apart(real)
        raise
    logger.info("library %d was added", library.pk)
    return library


def add_upload_library(
    *, name: str, root: str = "", owner: AbstractBaseUser | None = None, visibility: str = Library.Visibility.HOUSEHOLD
) -> Library:
    """Makes a library that takes uploads, in the folder `root` or in one of its own among PictoPy's data.

    Raises `roots.RootRefused`, also for a folder that PictoPy may not write into.
    """
    real = roots.check_root(root) if root else _own_folder(name)
    if not os.access(real, os.R_OK | os.W_OK | os.X_OK):
        raise roots.RootRefused("PictoPy may not write into this folder: its permissions forbid it.")
    try:
        with transaction.atomic():
            library = Library.objects.create(
                name=name,
                root=paths.to_text(real),
                kind=Library.Kind.MANAGED,
                owner_id=owner.pk if owner else None,
                visibility=visibility,
            )
            request_scan(library)
    except IntegrityError:  # the same folder, added in the same moment
        roots.check_apart(real)
        raise
    try:
        staging.prepare(library)
    except (staging.StorageAway, staging.NoSpace) as error:
        logger.warning("library %d cannot take uploads yet: %s", library.pk, error)
    logger.info("library %d for uploads was added", library.pk)
    return library


def _own_folder(name: str) -> str:
    """A new folder in the data directory, called like the library. Raises `roots.RootRefused`."""
    base = os.path.join(os.path.realpath(settings.PICTOPY.data_dir), "uploads")
    slug = slugify(name)[:60] or "library"
    try:
        os.makedirs(base, exist_ok=True)
        for number in itertools.count(1):
            folder = os.path.join(base, slug if number == 1 else f"{slug}-{number}")
            if Library.objects.filter(root=paths.to_text(folder)).exists():
                continue
            with contextlib.suppress(FileExistsError):
                os.mkdir(folder)
                return folder
    except OSError as error:
        raise roots.RootRefused(f"No folder can be made for it in PictoPy's data: {error.strerror}.") from None
    raise AssertionError


def open_photos(folder: str) -> tuple[Library, bool]:
    """The library of a folder that the operator named, made for the household if need be, and asked to scan.

    The operator may name folders outside PICTOPY_ROOTS; they count as allowed from then on. A folder that is a library
    already is not checked: its drive may just be away. Says whether the library is new. Raises `roots.RootRefused`.
    """
    real = os.path.realpath(os.path.expanduser(folder))
    library = Library.objects.filter(root=paths.to_text(real)).first()
    if library is not None and library.state == Library.State.LEAVING:
        raise roots.RootRefused("This folder is just being taken out of PictoPy. It can be added again in a moment.")
    if library is not None:
        request_scan(library)
        return library, False
    roots.check_root(real, allowed=[real])
    roots.allow_root(real)
    return add_library(real, name=name_for(real)), True


def name_for(root: str) -> str:
    """What to call a library if nobody says: the name of its folder."""
    return names.clean(paths.display(paths.to_text(os.path.basename(root.rstrip("/")))))[:120].strip() or "Photos"


@transaction.atomic
def update_library(
    library: Library,
    *,
    name: str,
    owner: AbstractBaseUser | None,
    visibility: str,
    exclude: str,
    scan_every_min: int,
    empty_trash_days: int = 0,
) -> None:
    """Changes what may be changed; a change of what is left out asks for a scan."""
    scan_again = exclude != library.exclude
    library.name, library.visibility, library.exclude = name, visibility, exclude
    library.owner_id = owner.pk if owner else None
    library.scan_every_min = scan_every_min
    library.empty_trash_days = empty_trash_days if library.kind == Library.Kind.MANAGED else 0
    library.save(update_fields=["name", "visibility", "exclude", "owner", "scan_every_min", "empty_trash_days"])
    if scan_again:
        request_scan(library)


def remove_library(library: Library) -> int:
    """Forgets a library with all that was made of it; returns how many photos there were. Its files stay.

    In batches, each a transaction of its own, so that the database is never locked for long. It is marked first: from
    then on nobody scans it or reads its photos, and should this be stopped half-way, the sweep goes on with it.
    """
    Library.objects.filter(pk=library.pk).update(state=Library.State.LEAVING, state_reason="")
    if library.kind == Library.Kind.MANAGED:
        uploads.discard_all(library)
    _stop_work(library.pk)
    removed = 0
    while count := _remove_some(library.pk):
        removed += count
    _remove_rest(library.pk)
    logger.info("library %d was removed with %d photos", library.pk, removed)
    return removed


def go_on_removing(seconds: float) -> None:
    """Goes on for a while with libraries whose removal was stopped half-way, perhaps beside a page that is at it."""
    deadline = time.monotonic() + seconds
    for library_id in Library.objects.filter(state=Library.State.LEAVING).values_list("id", flat=True):
        _stop_work(library_id)
        while time.monotonic() < deadline:
            if not _remove_some(library_id):
                _remove_rest(library_id)
                break


def _stop_work(library_id: int) -> None:
    """Takes scans and photos from the workers that have them: what they bring now is not written."""
    Scan.objects.filter(library_id=library_id).delete()
    with transaction.atomic():
        claimed = Photo.objects.filter(library_id=library_id, work_state=WorkState.CLAIMED)
        # By id, as workers lock them.
        ids = list(claimed.order_by("id").select_for_update(no_key=True).values_list("id", flat=True))
        for start in range(0, len(ids), REMOVE_BATCH):
            claimed.filter(id__in=ids[start : start + REMOVE_BATCH]).update(
                work_state=WorkState.READY, lease_owner="", lease_until=None
            )


def _remove_some(library_id: int) -> int:
    """Takes out a batch of photos, but for those that somebody else holds; returns how many."""
    with transaction.atomic():
        photos = Photo.objects.filter(library_id=library_id).order_by().select_for_update(skip_locked=True)
        ids = list(photos.values_list("id", flat=True)[:REMOVE_BATCH])
        if ids:
            Photo.objects.filter(id__in=ids).delete()
            kept.touch([library_id])
    return len(ids)


def _remove_rest(library_id: int) -> None:
    with transaction.atomic():
        Library.objects.filter(pk=library_id).delete()
        work.wake_analysis()
