"""File names as text that a database can hold, and back to the exact bytes.

A name on a Unix disk is any run of bytes without NUL and `/`; a text column takes only valid Unicode. Bytes that are
not UTF-8 are written as `%XX`, and `%` itself as `%25`, so that every name has exactly one spelling and the spelling
of ordinary names is the name.
"""

from __future__ import annotations

import os
import re
import unicodedata

_SURROGATE = re.compile("[\udc80-\udcff]")
_ESCAPED = re.compile("%([0-9A-F]{2})")


def to_text(path: str) -> str:
    """The stored spelling of a path as the `os` functions give it (with surrogate escapes)."""
    return _SURROGATE.sub(lambda match: f"%{ord(match[0]) - 0xDC00:02X}", path.replace("%", "%25"))


def to_path(text: str) -> str:
    """The inverse of `to_text`: a path for the `os` functions."""

    def unescape(match: re.Match[str]) -> str:
        byte = int(match[1], 16)
        return chr(byte) if byte < 0x80 else chr(0xDC00 + byte)

    return _ESCAPED.sub(unescape, text)


def display(text: str) -> str:
    """A stored spelling made fit for a page: undecodable bytes and control characters become `�`."""
    name = os.fsencode(to_path(text)).decode("utf-8", "replace")
    return "".join(
        "�" if unicodedata.category(char) in {"Cc", "Cs", "Cf"} and char != "\u200d" else char for char in name
    )
