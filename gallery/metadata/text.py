"""Text as cameras and programs write it, made readable."""

from __future__ import annotations


def decoded(data: bytes) -> str:
    """Bytes up to the first NUL as text without control characters.

    EXIF says ASCII, and IPTC says nothing or a code page; what is found is UTF-8 or Windows-1252.
    """
    data = data.split(b"\0", 1)[0]
    for encoding in ("utf-8", "cp1252"):
        try:
            return readable(data.decode(encoding))
        except UnicodeDecodeError:
            continue
    return readable(data.decode("latin-1"))


def readable(text: str) -> str:
    """Text without control characters; lines and tabs stay apart."""
    if text.isprintable():
        return text.strip()
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return "".join(char for char in text if char.isprintable() or char == "\n").strip()


def windows_text(data: bytes) -> str:
    """The UTF-16 of the Windows properties (XPTitle, XPKeywords), which ends at a NUL."""
    return readable(data.decode("utf-16-le", "ignore").split("\0", 1)[0])
