"""Which folders may become libraries: inside what the operator allowed, readable, and apart from all others.

Paths here are what the `os` functions take and give, with links resolved; `gallery.paths` spells them for the database
and for pages.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.conf import settings

from gallery import paths
from gallery.access import Viewer, visible_library_ids
from gallery.models import Library
from gallery.scan import is_picture

# More folders than a person reads through; the path can still be typed.
MAX_FOLDERS = 500


class RootRefused(ValueError):  # noqa: N818
    """A folder cannot be (or be in) a library. The message is a sentence for a person."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder to choose. `path` is its stored spelling, `name` what a page shows."""

    path: str
    name: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies in a folder: the way down to it, the folders in it, and how many pictures lie in it directly."""

    here: Folder
    above: list[Folder]
    folders: list[Folder]
    picture_count: int
    is_empty: bool
    is_cut: bool


def allowed_roots() -> list[str]:
    """The folders that PICTOPY_ROOTS names, and those that the operator gave to `up --photos`."""
    named = [str(root) for root in settings.PICTOPY.roots]
    try:
        lines = settings.PICTOPY.allowed_roots_file.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        lines = []
    named += [paths.to_path(line) for line in lines if line]
    return list(dict.fromkeys(os.path.realpath(root) for root in named))


def allow_root(real: str) -> None:
    """Adds a folder to those that libraries may lie in. For the operator's command line only. Raises RootRefused."""
    if is_inside(real, allowed_roots()):
        return
    if "\n" in real:
        raise RootRefused("The folder's name has a line break in it. Rename it, or allow its parent in PICTOPY_ROOTS.")
    file = settings.PICTOPY.allowed_roots_file
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as handle:
        handle.write(paths.to_text(real) + "\n")


def is_inside(real: str, folders: Iterable[str]) -> bool:
    """Whether a resolved path is one of `folders` or lies below one."""
    return any(real == folder or real.startswith(folder.rstrip("/") + "/") for folder in folders)


def resolve(path: str, *, allowed: Sequence[str] | None = None) -> str:
    """The folder that `path` leads to, through all links. Raises RootRefused unless it can be listed and is allowed.

    Whether it is allowed is said before anything else about it, so that this tells nothing about other folders.
    """
    allowed = allowed_roots() if allowed is None else allowed
    if not path.startswith("/"):
        raise RootRefused("Give the whole path of the folder, beginning with “/”.")
    shown = "this folder"
    try:
        # As it was typed: where it leads is nobody's business before it is known to be allowed.
        shown = paths.display(paths.to_text(path))
        real = os.path.realpath(path)
        if not is_inside(real, allowed):
            places = ", ".join(paths.display(paths.to_text(root)) for root in allowed)
            raise RootRefused(
                f"“{shown}” lies outside the folders that PictoPy may read ({places}). {_how_to_allow(shown)}"
            )
        shown = paths.display(paths.to_text(real))
        with os.scandir(real):
            pass
    except FileNotFoundError:
        raise RootRefused(f"There is no folder “{shown}”.") from None
    except NotADirectoryError:
        raise RootRefused(f"“{shown}” is a file, not a folder.") from None
    except PermissionError:
        raise RootRefused(f"PictoPy may not look into “{shown}”: the system denies it.") from None
    except OSError as error:
        raise RootRefused(f"The folder cannot be read: {error.strerror}.") from None
    except ValueError as error:
        if isinstance(error, RootRefused):
            raise
        raise RootRefused("A path cannot hold such characters.") from None
    return real


def _how_to_allow(folder: str) -> str:
    """What to type, exactly. The setting takes no folder with `:` in its name, which separates folders there."""
    command = f"make run PHOTOS={shlex.quote(folder)}"
    once = f"once with {command}, which also makes it a library that everyone in the house sees"
    if os.pathsep in folder:
        return f"To allow it, start PictoPy {once}."
    named = os.pathsep.join([*(paths.display(paths.to_text(str(root))) for root in settings.PICTOPY.roots), folder])
    return f"To allow it, start PictoPy with PICTOPY_ROOTS={shlex.quote(named)}, or {once}."


def check_root(path: str, *, allowed: Sequence[str] | None = None) -> str:
    """The resolved folder, fit to be the root of a new library. Raises RootRefused with the reason if it is not.

    PictoPy's own data may lie inside a library (the scan passes it by), but no library inside PictoPy's data.
    """
    real = resolve(path, allowed=allowed)
    if is_inside(real, [os.path.realpath(settings.PICTOPY.data_dir)]):
        raise RootRefused(
            f"“{paths.display(paths.to_text(real))}” is where PictoPy keeps its own data. Choose your photos."
        )
    check_apart(real)
    return real


def check_apart(real: str) -> None:
    """Raises RootRefused if a library has this folder, one above it or one below it: a file belongs to one library."""
    own = [os.path.realpath(settings.PICTOPY.data_dir)]
    for library in Library.objects.all():
        root = os.path.realpath(library.root_path)
        if is_inside(root, own) and not is_inside(real, own):
            continue  # uploads in PictoPy's own data, which scans of other folders pass by
        # The name of somebody's private library is nobody else's business.
        is_household = library.visibility == Library.Visibility.HOUSEHOLD
        name = f"the library “{library.name}”" if is_household else "another library"
        if real == root:
            raise RootRefused(f"This folder is {name} already.")
        if is_inside(real, [root]):
            raise RootRefused(f"This folder lies inside {name}, which shows its photos already.")
        if is_inside(root, [real]):
            raise RootRefused(f"This folder contains {name}. Choose a folder beside it, or remove that library first.")


def list_folder(viewer: Viewer, path: str) -> Listing:
    """What a person can choose below `path`: hidden folders, and links that leave the allowed folders, are left out.

    Raises RootRefused, also for folders of libraries that the viewer may not see and for PictoPy's own data.
    """
    allowed = allowed_roots()
    real = resolve(path, allowed=allowed)
    hidden = Library.objects.exclude(pk__in=visible_library_ids(viewer))
    if is_inside(real, [library.root_path for library in hidden]):
        raise RootRefused("This folder is another library already, or lies inside one.")
    if is_inside(real, [os.path.realpath(settings.PICTOPY.data_dir)]):
        raise RootRefused("Here PictoPy keeps its own data. Choose your photos.")
    try:
        with os.scandir(real) as listing:
            entries = list(listing)
    except OSError as error:  # it went away this very moment
        raise RootRefused(f"The folder cannot be read: {error.strerror}.") from None
    visible = [entry for entry in entries if not entry.name.startswith(".")]
    folders = [_folder(entry.path) for entry in visible if _leads_to_folder(entry, allowed)]
    folders.sort(key=lambda folder: folder.name.casefold())
    return Listing(
        here=_folder(real),
        above=_above(real, allowed),
        folders=folders[:MAX_FOLDERS],
        picture_count=sum(is_picture(entry.name) for entry in visible),
        is_empty=not entries,
        is_cut=len(folders) > MAX_FOLDERS,
    )


def _leads_to_folder(entry: os.DirEntry[str], allowed: Sequence[str]) -> bool:
    try:
        return entry.is_dir() and (not entry.is_symlink() or is_inside(os.path.realpath(entry.path), allowed))
    except OSError:
        return False


def places() -> list[Folder]:
    """Where choosing begins: the allowed folders by their whole path."""
    return [Folder(paths.to_text(root), paths.display(paths.to_text(root))) for root in allowed_roots()]


def _folder(path: str) -> Folder:
    stored = paths.to_text(path)
    return Folder(stored, paths.display(stored).rstrip("/").rsplit("/", 1)[-1] or "/")


def _above(real: str, allowed: Sequence[str]) -> list[Folder]:
    """The folders above `real`, from the allowed one on, which is named by its whole path."""
    tops = [root for root in allowed if is_inside(real, [root])]
    top = min(tops, key=len)
    chain = []
    while real != top:
        real = os.path.dirname(real)
        chain.append(_folder(real) if real != top else Folder(paths.to_text(top), paths.display(paths.to_text(top))))
    return chain[::-1]
