"""Text as it is compared: case, accents and ligatures do not matter, so "jose" finds "José" and "strasse" "Straße"."""

from __future__ import annotations

import re
import unicodedata

# Accents of the Latin, Greek and Cyrillic alphabets. In other scripts marks tell letters apart, and stay.
_ACCENTS = re.compile("[\u0300-\u036f]")
# Letters that Unicode does not take apart, as keyboards without them write them.
_LETTERS = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ı": "i", "’": "'", "‘": "'"}
)


def fold(text: str) -> str:
    """The spelling that texts are compared by. Folding it again changes nothing."""
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return unicodedata.normalize("NFC", _ACCENTS.sub("", apart).translate(_LETTERS))
