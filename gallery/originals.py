"""Opening original files, read-only, and never one that lies outside its library."""

from __future__ import annotations

import errno
import os
import stat
from typing import BinaryIO

from gallery import paths
from gallery.models import File, Library


class OriginalMissing(Exception):  # noqa: N818
    """The file is not there, is no plain file, or lies outside the library (through a link). The message says which."""


def open_original(library: Library, file: File) -> BinaryIO:
    """The file's bytes, positioned at the start; the caller closes it.

    Raises `OriginalMissing`; other `OSError`s (input/output errors, permissions) pass through. Symbolic links anywhere
    below the root are followed by the kernel, so where the opened file really lies is checked afterwards, which leaves
    no time between check and use.
    """
    # The root was resolved when the library was made. It is not resolved again: if it has become a link since, what
    # lies behind it was never allowed.
    root = library.root_path
    try:
        # O_NONBLOCK: opening a named pipe must not wait for a writer.
        descriptor = os.open(
            os.path.join(root, paths.to_path(file.path)), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        )
    except (FileNotFoundError, NotADirectoryError) as error:
        raise OriginalMissing("The file was not there when it was to be read.") from error
    except OSError as error:
        if error.errno == errno.ELOOP:  # the last component is a symbolic link
            raise OriginalMissing("The file has become a link.") from error
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OriginalMissing("This is no longer a plain file.")
        real = os.readlink(f"/proc/self/fd/{descriptor}")
        if os.path.commonpath([root, real]) != root:
            raise OriginalMissing("The file lies outside its library.")
        return os.fdopen(descriptor, "rb", buffering=0)
    except BaseException:
        os.close(descriptor)
        raise
