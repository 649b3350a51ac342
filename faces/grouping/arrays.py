"""Arrays in one file that is whole or is not believed.

A line that says what it is, the CRC-32 and the length of the head, the head (JSON: a key, and name, type, shape and
CRC-32 of each array), and then the arrays one after the other. They are read into memory that is the caller's: a mapped
file that somebody shortens would take the process with it.
"""

from __future__ import annotations

import json
import os
import secrets
import struct
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MAGIC = b"PictoPy groups\n"
_LENGTHS = struct.Struct("<IQ")
_LEFT_BEHIND_S = 3600
_TYPES = {"<f4", "<f8", "<i8", "|b1"}


def write(path: Path, key: str, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Puts the file in place whole or not at all: temporary name, sync, rename, sync of the folder. Raises OSError."""
    ready = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    table = [[name, array.dtype.str, array.shape, zlib.crc32(_bytes(array))] for name, array in ready.items()]
    head = json.dumps({"key": key, "arrays": table}).encode()
    path.parent.mkdir(mode=0o700, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(temporary, "xb", opener=_private) as file:
            file.write(_MAGIC + _LENGTHS.pack(zlib.crc32(head), len(head)) + head)
            for array in ready.values():
                file.write(_bytes(array))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    _tidy(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read(path: Path) -> tuple[str, dict[str, NDArray[Any]]]:
    """The key and the arrays, which may be written to. Raises FileNotFoundError, OSError, or ValueError for a file that
    is not exactly what was written."""
    with open(path, "rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise ValueError("it is no file of groups")
        lengths = file.read(_LENGTHS.size)
        if len(lengths) != _LENGTHS.size:
            raise ValueError("it is too short")
        crc, length = _LENGTHS.unpack(lengths)
        left = os.fstat(file.fileno()).st_size - file.tell()
        if length > left:
            raise ValueError("it is too short")
        head = file.read(length)
        if zlib.crc32(head) != crc:
            raise ValueError("its head is damaged")
        left -= length
        content = json.loads(head)
        found: dict[str, NDArray[Any]] = {}
        for name, kind, shape, crc in content["arrays"]:
            size = prod(shape) * np.dtype(kind).itemsize
            if kind not in _TYPES or size > left:
                raise ValueError(f"{name} is too short")
            array = np.empty(shape, dtype=kind)
            if file.readinto(_bytes(array)) != size or zlib.crc32(_bytes(array)) != crc:
                raise ValueError(f"{name} is damaged")
            left -= size
            found[name] = array
    return content["key"], found


def _bytes(array: NDArray[Any]) -> memoryview:
    return memoryview(array.reshape(-1).view(np.uint8))  # type: ignore[arg-type]


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, mode=0o600)


def _tidy(path: Path) -> None:
    """Deletes what killed processes left of this file."""
    before = time.time() - _LEFT_BEHIND_S
    for left in path.parent.glob(f".{path.name}.*"):
        with suppress(FileNotFoundError):
            if left.stat().st_mtime < before:
                left.unlink()
