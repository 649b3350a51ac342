"""XML that may reach a parser, and XML that may not.

XMP never needs a document type. One that has it wants to expand entities (a bomb) or to read files, so it is refused
before any parser sees it. Packets are also limited in length.
"""

from __future__ import annotations

import re
import struct
import zlib

SIDECAR_BYTES = 4 * 1024 * 1024
PACKET_BYTES = 4 * 1024 * 1024
PNG_TEXT_BYTES = 8 * 1024 * 1024

# "<!DOCTYPE" and "<!ENTITY" in 8, 16 or 32 bits a character.
_DECLARATION = re.compile(rb"<\0{0,3}!\0{0,3}(?:D\0{0,3}O\0{0,3}C\0{0,3}T\0{0,3}Y|E\0{0,3}N\0{0,3}T\0{0,3}I\0{0,3}T)")
_OPEN, _CLOSE = b"<x:xmpmeta", b"</x:xmpmeta"
_DECLARED = re.compile(r"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)
_PROLOGUE = re.compile(r"^\s*<\?xml[^>]{0,200}\?>")
_PNG = b"\x89PNG\r\n\x1a\n"


def xml_text(data: bytes) -> str | None:
    """The text of a packet or sidecar; None if it is too long, no text, or has a document type."""
    if not data or len(data) > SIDECAR_BYTES:
        return None
    try:
        text = data.decode(_encoding(data))
    except UnicodeDecodeError:
        return None
    if _DECLARED.search(text):
        return None
    # The text goes on as UTF-8, whatever its first line says.
    text = _PROLOGUE.sub("", text.lstrip("\ufeff"), count=1)
    return text.replace("\0", "").strip() or None


def _encoding(data: bytes) -> str:
    for mark, encoding in (
        (b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"),
        (b"<\0\0\0", "utf-32-le"), (b"\0\0\0<", "utf-32-be"), (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"),
    ):  # fmt: skip
        if data.startswith(mark):
            return encoding
    return "utf-8-sig"


def defused(data: bytes) -> bytes:
    """A picture's bytes, of the same length, in which no XML parser meets a document type or an endless packet.

    Such a packet is made invalid, not cut out: everything else in the file keeps its place and is still read.
    """
    if data.startswith(_PNG):
        data = _without_inflated_text(data)
    if _DECLARATION.search(data):
        data = _DECLARATION.sub(lambda match: b"\1" * len(match[0]), data)
    start = data.find(_OPEN)
    if start >= 0:
        end = data.find(_CLOSE, start)
        if end - start > PACKET_BYTES:
            data = data[:start] + b"\1" * len(_OPEN) + data[start + len(_OPEN) :]
    return data


def _without_inflated_text(data: bytes) -> bytes:
    """A PNG in which compressed texts that hide a DTD or unpack to too much are renamed, and so ignored."""
    position, changed = len(_PNG), bytearray()
    while position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        if kind in {b"zTXt", b"iTXt", b"iCCP"} and _is_bomb(data[position + 8 : position + 8 + length]):
            changed = changed or bytearray(data)
            changed[position + 4 : position + 8] = b"noNe"
        position += 12 + length
    return bytes(changed) if changed else data


def _is_bomb(chunk: bytes) -> bool:
    """Whether what is compressed somewhere behind the chunk's keyword unpacks to too much, or to a document type."""
    start = chunk.find(b"\0")
    for place in range(max(start, 0), min(start + 300, len(chunk) - 1)):
        if chunk[place] & 0x0F == 8 and (chunk[place] << 8 | chunk[place + 1]) % 31 == 0:  # RFC 1950, 2.2
            try:
                text = zlib.decompressobj().decompress(chunk[place:], PNG_TEXT_BYTES)
            except zlib.error:
                continue
            if len(text) >= PNG_TEXT_BYTES or _DECLARATION.search(text):
                return True
    return False
