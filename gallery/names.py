"""Names that people type: of people, albums, libraries. What cannot be seen must not tell two of them apart.

Pure functions and a form field. The same name typed on two keyboards becomes the same text (Unicode's form NFC), and
characters that show nothing are taken out, but for those that scripts and emoji need to look right.
"""

from __future__ import annotations

import re
import unicodedata

from django import forms

# Characters of no width, or as wide as a blank, that Unicode counts among letters, symbols and marks.
_BLANK_LOOKING = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_NEVER_SHOWN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
# Emoji that are newer than Python's tables: they have no category yet.
_PICTURES = re.compile("[\U0001f000-\U0001fbff]")
_ZWNJ, _ZWJ = "\u200c", "\u200d"
# Arabic, Indic, Tibetan, Burmese, Khmer and Mongolian letters take other shapes beside a joiner; Latin ones do not.
_SHAPED = re.compile("[\u0600-\u0dff\u0f00-\u109f\u1780-\u18af]")
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")


def clean(text: str) -> str:
    """The name without what cannot be seen, blanks collapsed; empty if nothing is left to be seen."""
    text = " ".join(unicodedata.normalize("NFC", text).split())
    kept: list[str] = []
    for place, char in enumerate(text):
        before, after = kept[-1] if kept else "", text[place + 1 : place + 2]
        if _stays(char, before, after):
            kept.append(char)
    # Taking a character out may bring two blanks, or a letter and its accent, together.
    name = " ".join(unicodedata.normalize("NFC", "".join(kept)).split())
    return name if any(_is_seen(char) for char in name) else ""


def _stays(char: str, before: str, after: str) -> bool:
    if char in {_ZWNJ, _ZWJ}:
        return _joins(char, before, after)
    if _SELECTORS.match(char):
        # The look of an emoji or of a Chinese character in a Japanese name; a Latin letter has only one.
        return bool(before.strip()) and not unicodedata.category(before).startswith(("Ll", "Lu", "Lt"))
    if char in _BLANK_LOOKING:
        return False
    return unicodedata.category(char) not in _NEVER_SHOWN or bool(_PICTURES.match(char))


def _joins(joiner: str, before: str, after: str) -> bool:
    """Whether a joiner does something between these: shapes letters, or makes one emoji of two."""
    if _SHAPED.match(before) and _SHAPED.match(after):
        return True
    return joiner == _ZWJ and (_is_picture(before) or bool(_SELECTORS.match(before))) and _is_picture(after)


def _is_picture(char: str) -> bool:
    """Whether a character is an emoji, or the skin tone of one."""
    return bool(char) and (unicodedata.category(char) in {"So", "Sk"} or bool(_PICTURES.match(char)))


def _is_seen(char: str) -> bool:
    return unicodedata.category(char)[0] in "LNPS" or bool(_PICTURES.match(char))


class NameField(forms.CharField):
    """A name as `clean` leaves it. One that shows nothing counts as not given."""

    def to_python(self, value: object) -> str:
        return clean(super().to_python(value) or "")
