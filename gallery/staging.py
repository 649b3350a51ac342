"""Files in the root of a managed library: the only place where originals are written or deleted.

Every step goes from the opened root downwards, one folder at a time and through no link, so nothing that somebody puts
into a name or into the folder leads outside. What is on its way lies in `FOLDER`, on the same disk as where it will be,
so that putting it in place is one step that either happened or did not. Scans pass by hidden folders.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from gallery import paths
from gallery.models import File, Library

FOLDER = ".pictopy-uploads"
# Always left free, for the database and for thumbnails, which may lie on the same disk.
MIN_FREE_BYTES = 200_000_000
_BLOCK = 1 << 20
_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}


class StorageAway(Exception):  # noqa: N818
    """The library's folder cannot be reached or written to. The message is a sentence for a person."""


class NoSpace(Exception):  # noqa: N818
    """The disk that holds the library is full, or its quota is used up. The message is a sentence for a person."""


class Busy(Exception):  # noqa: N818
    """Another request is at this file now."""


class ContentChanged(Exception):  # noqa: N818
    """A file does not hold what it is known to hold."""


# --- the root


@contextlib.contextmanager
def opened(library: Library) -> Iterator[int]:
    """A descriptor of the library's root. Raises StorageAway, also when the root has become a link or a bare mount
    point: one that lacks our own folder while the library has files. OSErrors inside become StorageAway or NoSpace."""
    try:
        root = os.open(library.root_path, _OPEN_FOLDER)
    except OSError as error:
        raise StorageAway(
            "The library's folder cannot be reached. If it lies on a drive, the drive may be away."
        ) from (error)
    try:
        if os.readlink(f"/proc/self/fd/{root}") != library.root_path:
            raise StorageAway("The library's folder has become a link to another place.")
        try:
            os.stat(FOLDER, dir_fd=root, follow_symlinks=False)
        except FileNotFoundError:
            if not os.listdir(root) and library.files.filter(missing_since__isnull=True).exists():
                raise StorageAway("The library's folder is empty, but was not before. Its drive may be away.") from None
        yield root
    except OSError as error:
        raise trouble(error) from error
    finally:
        os.close(root)


def trouble(error: OSError) -> StorageAway | NoSpace:
    """What an error of the disk means for a person."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return NoSpace("The disk that holds this library is full. Make room on it and try again.")
    if error.errno in {errno.EACCES, errno.EROFS, errno.EPERM}:
        return StorageAway("PictoPy may not write into the library's folder.")
    return StorageAway(f"The library's folder cannot be used: {error.strerror}.")


def prepare(library: Library) -> None:
    """Makes the folder for what is on its way. Raises StorageAway, NoSpace."""
    with opened(library) as root:
        os.close(_descend(root, [FOLDER], make=True))


def free_bytes(library: Library) -> int:
    """Free space for us on the library's disk. Raises StorageAway."""
    with opened(library) as root:
        state = os.fstatvfs(root)
        return state.f_bavail * state.f_frsize


def _descend(root: int, parts: Sequence[str], *, make: bool = False) -> int:
    """A descriptor of a folder below the root, reached through no link; the caller closes it. OSErrors pass through."""
    here = os.dup(root)
    for part in parts:
        try:
            if make:
                try:
                    os.mkdir(part, 0o755, dir_fd=here)
                except FileExistsError:
                    pass
                else:
                    os.fsync(here)
            below = os.open(part, _OPEN_FOLDER, dir_fd=here)
        finally:
            os.close(here)
        here = below
    return here


@contextlib.contextmanager
def _folder(root: int, parts: Sequence[str], *, make: bool = False) -> Iterator[int]:
    folder = _descend(root, parts, make=make)
    try:
        yield folder
    finally:
        os.close(folder)


# --- what is on its way


@contextlib.contextmanager
def locked(root: int, name: str) -> Iterator[BinaryIO]:
    """The file `name` on its way, made if need be, for this request alone: unbuffered, for reading and writing.

    Raises Busy. The lock is the system's and ends with the process, however that ends.
    """
    with _folder(root, [FOLDER], make=True) as folder:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(name, flags, 0o644, dir_fd=folder), "r+b", buffering=0) as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Busy from None
            if not _is_named(handle.fileno(), folder, name):
                raise Busy  # it was put in place, or thrown away, while we waited
            yield handle


def waiting(root: int) -> dict[str, float]:
    """Names of all that is on its way, with the time of its last change (seconds since 1970)."""
    with _folder(root, [FOLDER], make=True) as folder:
        found = {}
        for name in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):
                found[name] = os.stat(name, dir_fd=folder, follow_symlinks=False).st_ctime
        return found


def is_waiting(root: int, name: str) -> bool:
    """Whether there is something of that name on its way."""
    try:
        with _folder(root, [FOLDER]) as folder:
            os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def discard(root: int, name: str) -> None:
    """Throws away what is on its way; nothing if it is not there."""
    with contextlib.suppress(FileNotFoundError), _folder(root, [FOLDER]) as folder:
        os.unlink(name, dir_fd=folder)


# --- originals


def put(root: int, name: str, path: str) -> bool:
    """Gives what is on its way its place at `path` (as the `os` functions take it); what is there is never touched.

    True if it lies there now, also from an earlier attempt that ended suddenly; False if something else does. After it
    the file has both names, until `discard`; on disks without hard links it has lost the first.
    """
    *folders, last = path.split("/")
    with _folder(root, [FOLDER]) as source, _folder(root, folders, make=True) as target:
        try:
            os.link(name, last, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
        except FileExistsError:
            if _is_reserved(source, name, target, last):
                os.rename(name, last, src_dir_fd=source, dst_dir_fd=target)
            elif not _same(source, name, target, last):
                return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            # The empty file keeps others away from the name until ours replaces it.
            try:
                os.close(os.open(last, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644, dir_fd=target))
            except FileExistsError:
                return False
            os.rename(name, last, src_dir_fd=source, dst_dir_fd=target)
        os.fsync(target)
    return True


def take_back(root: int, name: str, path: str) -> bool:
    """Undoes `put` if what lies at `path` is the very file that is still on its way; says whether it did."""
    *folders, last = path.split("/")
    with _folder(root, [FOLDER]) as source, _folder(root, folders) as target:
        if not _same(source, name, target, last):
            return False
        os.unlink(last, dir_fd=target)
        os.fsync(target)
        return True


def open_at(root: int, path: str) -> BinaryIO:
    """The plain file at `path`, for reading, through no link at all. Raises FileNotFoundError, ContentChanged."""
    *folders, last = path.split("/")
    try:
        with _folder(root, folders) as folder:
            descriptor = os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except NotADirectoryError as error:
        raise FileNotFoundError(errno.ENOENT, "a folder on the way is none", path) from error
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ContentChanged from error
        raise
    handle = os.fdopen(descriptor, "rb", buffering=0)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        handle.close()
        raise ContentChanged
    return handle


def delete_original(root: int, file: File, digest: str) -> bool:
    """Deletes a file of a managed library for good, if its content is `digest` (SHA-256). False: it was gone already.

    Raises ContentChanged, and then nothing was deleted.
    """
    path = paths.to_path(file.path)
    *folders, last = path.split("/")
    try:
        with open_at(root, path) as handle:
            if sha256(handle) != digest:
                raise ContentChanged
            with _folder(root, folders) as folder:
                if not _is_named(handle.fileno(), folder, last):
                    raise ContentChanged
                os.unlink(last, dir_fd=folder)
                os.fsync(folder)
    except FileNotFoundError:
        return False
    return True


def sha256(handle: BinaryIO) -> str:
    """The digest of a whole file, in hex; memory does not grow with it."""
    handle.seek(0)
    digest = hashlib.sha256()
    while block := handle.read(_BLOCK):
        digest.update(block)
    return digest.hexdigest()


def _identity(state: os.stat_result) -> tuple[int, int, int, int]:
    return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns


def _is_named(descriptor: int, folder: int, name: str) -> bool:
    """Whether the opened file is still what its name leads to, unchanged."""
    try:
        named = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return _identity(named) == _identity(os.fstat(descriptor))


def _same(source: int, name: str, target: int, last: str) -> bool:
    """Whether both names are of one file."""
    first = os.stat(name, dir_fd=source, follow_symlinks=False)
    return _identity(first) == _identity(os.stat(last, dir_fd=target, follow_symlinks=False))


def _is_reserved(source: int, name: str, target: int, last: str) -> bool:
    """Whether the place is our own, taken by an attempt that ended suddenly: an empty plain file, on a disk that has no
    hard links (an upload is never empty, and its path was written down before)."""
    state = os.stat(last, dir_fd=target, follow_symlinks=False)
    if not stat.S_ISREG(state.st_mode) or state.st_size:
        return False
    try:
        os.link(name, f"{name}.probe", src_dir_fd=source, dst_dir_fd=source, follow_symlinks=False)
    except OSError as error:
        return error.errno in _NO_LINKS
    os.unlink(f"{name}.probe", dir_fd=source)
    return False
