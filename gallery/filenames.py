"""Names for files that come from elsewhere: fit for any disk, and still the person's own. Pure: no Django, no disk."""

from __future__ import annotations

import re
import unicodedata

# Of a name in UTF-8, so that a number, and what other programs append, still fits into the 255 that disks take.
MAX_BYTES = 200
# What Windows takes for devices, with any ending: a copy of the folder to such a disk would fail.
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?", re.IGNORECASE | re.DOTALL)
_FORBIDDEN = re.compile(r'[<>:"|?*]')
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,8}")


def safe_name(name: str, *, fallback: str = "photo") -> str:
    """The last part of `name` without what a disk, a shell or a page could take amiss; never empty, `.` or hidden.

    Folders in front, control and invisible characters, leading dots and blanks and trailing ones go away; characters
    that Windows forbids become `_`; too long names are shortened before their ending.
    """
    last = re.split(r"[/\\]", name)[-1]
    text = unicodedata.normalize("NFC", last.encode("utf-8", "replace").decode())
    kept = "".join(" " if char.isspace() else char for char in text if _is_visible(char))
    kept = _FORBIDDEN.sub("_", kept).lstrip(". ").rstrip(". ")
    stem, extension = split(kept)
    if not stem.strip("_ "):
        stem = fallback
    if _RESERVED.fullmatch(f"{stem}{extension}"):
        stem = f"_{stem}"
    return _shorten(stem, MAX_BYTES - len(extension.encode())) + extension


def split(name: str) -> tuple[str, str]:
    """Stem and ending with its dot: `a.b.JPG` is `a.b` and `.JPG`; what is no ordinary ending belongs to the stem."""
    stem, dot, extension = name.rpartition(".")
    return (stem, dot + extension) if stem and _EXTENSION.fullmatch(dot + extension) else (name, "")


def numbered(name: str, number: int) -> str:
    """`a.jpg` is `a (2).jpg` for the number 2; 1 is the name itself."""
    stem, extension = split(name)
    return name if number < 2 else f"{stem} ({number}){extension}"


def _is_visible(char: str) -> bool:
    """Whether the character may stay: no control, surrogate, private or format character, but joiners of emoji."""
    return char.isspace() or char == "\u200d" or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn"}


def _shorten(stem: str, limit: int) -> str:
    """At most `limit` bytes of UTF-8, with no character cut through."""
    return stem.encode()[:limit].decode(errors="ignore").rstrip(". ") if len(stem.encode()) > limit else stem
