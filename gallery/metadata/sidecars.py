"""Which files of a folder belong to which picture: XMP sidecars and Google Takeout's JSON. Names only, no disk.

Takeout's naming, as found in exports since 2018: `IMG_1.jpg.json`, since 2024 `IMG_1.jpg.supplemental-metadata.json`,
the name before `.json` cut to 46 characters in all (51 with the extension), where an emoji counts as two; the copy
`IMG_1(1).jpg` has `IMG_1.jpg(1).json` or `IMG_1.jpg.supplemental-metadata(1).json`; a picture whose title has no ending
has `title.json`; edited copies have no JSON of their own and share that of the original; the video of a live photo
shares that of the picture. The folder of an album holds one more, which says the album's title.
"""

from __future__ import annotations

import enum
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass


class Kind(enum.StrEnum):
    XMP = "xmp"
    TAKEOUT = "takeout"
    ALBUM = "album"  # of the folder, and so of every picture in it


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A file beside a picture, read: what it is, its bytes, and its name (for people, "" when it has none)."""

    kind: Kind
    data: bytes
    name: str = ""


@dataclass(frozen=True, slots=True)
class Pairing:
    """The name of a sidecar and what it is."""

    name: str
    kind: Kind


STEM_CHARS = 46  # Takeout cuts a JSON's name, without ".json", to so many characters of UTF-16
_SUPPLEMENT = ".supplemental-metadata"
# "metadata.json" of an album, as Takeout names it in its users' languages.
_ALBUM_NAMES = frozenset(
    """metadata metadaten métadonnées metadatos metadades metadatuak metadati metadados metagegevens metadane
    метаданные метадані метаданни метаподаци メタデータ 元数据 中繼資料 메타데이터 metaadatok metaadatai metadáta
    metaúdaje metapodatki metapodaci metaandmed metaduomenys metadate μεταδεδομένα üstveri üst_veri meta_veriler
    metatiedot metadatoer metaopplysninger lýsigögn""".split()
)
# What Google Photos adds to the name of an edited copy.
EDITED = (
    "-edited", "-bearbeitet", "-modifié", "-modifie", "-editado", "-editada", "-modificato", "-modificata", "-bewerkt",
    "-edytowane", "-redigerad", "-redigeret", "-redigert", "-muokattu", "-upraveno", "-upravené", "-szerkesztett",
    "-editat", "-düzenlendi", "-отредактировано", "-змінено", "-編集済み", "-edita", "-ha editado", "-επεξεργασμένο",
    "-수정됨", "-已修改", "-已編輯", "-已编辑", "-effects", "-animation", "-smile", "-mix",
    "-collage",
)  # fmt: skip
_NUMBERED = re.compile(r"^(?P<head>.*)\((?P<number>\d{1,4})\)(?P<tail>(\.[^.]*)?)$", re.DOTALL)


def pair(names: Iterable[str]) -> dict[str, tuple[Pairing, ...]]:
    """For each name of one folder that is no sidecar: its sidecars, XMP first, the album's last. One without any is
    left out.

    `IMG_1.jpg.xmp` belongs to `IMG_1.jpg` alone, `IMG_1.xmp` to every `IMG_1.*` that has no XMP with its full name.
    Case does not count, nor how accents are composed. Two long names that begin alike may be given the same cut JSON:
    the title in it says whose it is. Linear in the number of names.
    """
    everything = sorted(set(names))
    xmp = {_fold(name): name for name in everything if _fold(name).endswith(".xmp")}
    json = {_fold(name): name for name in everything if _is_takeout(name)}
    cut = _by_cut_name(json)
    album = album_file(everything)
    found: dict[str, tuple[Pairing, ...]] = {}
    for name in everything:
        key = _fold(name)
        if key in xmp or key.endswith(".json"):
            continue
        pairs = []
        beside = xmp.get(f"{key}.xmp") or xmp.get(f"{key.rpartition('.')[0]}.xmp")
        if beside:
            pairs.append(Pairing(beside, Kind.XMP))
        takeout = _takeout(key, json, cut)
        if takeout:
            pairs.append(Pairing(takeout, Kind.TAKEOUT))
        if album:
            pairs.append(Pairing(album, Kind.ALBUM))
        if pairs:
            found[name] = tuple(pairs)
    return found


def album_file(names: Iterable[str]) -> str | None:
    """The JSON that says an album's title, in any of Takeout's languages."""
    return next((name for name in sorted(names) if _is_album(name)), None)


def kind_of(name: str) -> Kind:
    """What a sidecar is, by its name."""
    if _fold(name).endswith(".xmp"):
        return Kind.XMP
    return Kind.ALBUM if _is_album(name) else Kind.TAKEOUT


def is_sidecar(name: str) -> bool:
    """Whether a name alone says that this is no picture but speaks of one, or of an album."""
    return _fold(name).endswith((".xmp", ".json"))


def _is_album(name: str) -> bool:
    key = _fold(name)
    if not key.endswith(".json"):
        return False
    stem = re.sub(r"\(\d+\)$", "", key[:-5])
    return stem in _ALBUMS_FOLDED


def _is_takeout(name: str) -> bool:
    return _fold(name).endswith(".json") and not _is_album(name)


def _takeout(key: str, json: dict[str, str], cut: dict[str, str]) -> str | None:
    """The JSON for a picture's folded name: its own, the original's of an edited copy, the still's of a live photo."""
    for candidate in (key, *_originals(key)):
        own = _own_json(candidate, json, cut)
        if own:
            return own
    return json.get(f"{key.rpartition('.')[0]}.json")


def _own_json(key: str, json: dict[str, str], cut: dict[str, str]) -> str | None:
    match = _NUMBERED.match(key)
    if match:
        # IMG_1(1).jpg: the number goes behind the extension.
        plain, number = match["head"] + match["tail"], f"({match['number']})"
        for stem in (plain, plain + _SUPPLEMENT):
            found = json.get(f"{stem}{number}.json") or json.get(f"{_cut(stem)}{number}.json")
            if found:
                return found
        found = cut.get(f"{_cut(plain)}{number}")
        if found:
            return found
    return json.get(f"{key}.json") or json.get(f"{key}{_SUPPLEMENT}.json") or cut.get(_cut(key)) or cut.get(key)


def _by_cut_name(json: dict[str, str]) -> dict[str, str]:
    """The names to which a JSON may belong whose name was cut: picture's name, whole or itself cut, plus a number."""
    found: dict[str, str] = {}
    for key, name in json.items():
        stem, number = key[:-5], ""
        match = _NUMBERED.match(stem)
        if match and not match["tail"]:
            stem, number = match["head"], f"({match['number']})"
        # "IMG_1.jpg.supplemental-me" -> "IMG_1.jpg"; the name may also end within the extension: "IMG_1.jp".
        for length in range(len(_SUPPLEMENT), 0, -1):
            if stem.endswith(_SUPPLEMENT[:length]) and "." in stem[: -length or None]:
                found.setdefault(stem[:-length] + number, name)
                break
        if _units(stem) >= STEM_CHARS - 5:
            found.setdefault(stem + number, name)
    return found


def _cut(stem: str) -> str:
    """The first `STEM_CHARS` characters as Takeout counts them, in UTF-16."""
    return stem.encode("utf-16-le", "surrogatepass")[: 2 * STEM_CHARS].decode("utf-16-le", "ignore")


def _units(stem: str) -> int:
    return len(stem.encode("utf-16-le", "surrogatepass")) // 2


def _originals(key: str) -> list[str]:
    """The names an edited copy, or the video of a live photo, may have been made from."""
    stem, dot, extension = key.rpartition(".")
    if not dot:
        return []
    found = []
    number = ""
    match = _NUMBERED.match(stem)
    if match and not match["tail"]:
        stem, number = match["head"], f"({match['number']})"
    for ending in _EDITED_FOLDED:
        if stem.endswith(ending):
            found.append(f"{stem[: -len(ending)]}{number}.{extension}")
            found += [f"{stem[: -len(ending)]}{number}.{other}" for other in _STILLS if other != extension]
    # A long name leaves no room for the whole ending: "…-edi.jpg".
    if not found and len(stem) >= STEM_CHARS - 3:
        head, dash, tail = stem.rpartition("-")
        if dash and any(ending.startswith(f"-{tail}") for ending in _EDITED_FOLDED):
            found.append(f"{head}{number}.{extension}")
    if extension in {"mp4", "mov", "mp", "mv"}:
        found += [f"{stem}{number}.{other}" for other in _STILLS]
        found.append(f"{stem}{number}")
    if _MOVING_PART.match(extension):
        found += [f"{key}.{other}" for other in _STILLS]
    return found


# Of a Pixel's picture "X.MP.jpg" the moving part is "X.MP", and of an edited one "X.MP~2".
_MOVING_PART = re.compile(r"mp(~\d+)?$")
_STILLS = ("jpg", "heic", "jpeg", "png", "webp", "dng")


def _fold(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


_EDITED_FOLDED = tuple(_fold(ending) for ending in EDITED)
_ALBUMS_FOLDED = frozenset(_fold(name) for name in _ALBUM_NAMES)
