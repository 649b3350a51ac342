"""What Debian's exiftool says about the pictures of ../shared/eval/formats, and how far we agree with it."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gallery import metadata
from gallery.metadata import Metadata

PROJECT = Path(__file__).resolve().parents[2]
FORMATS = PROJECT.parent / "shared" / "eval" / "formats"
FOLDERS = (
    "exif-samples",
    "exiftool",
    "immich-test-assets",
    "exif-orientation-examples",
    "takeout-and-sidecars",
)
# The kinds of pictures that PictoPy shows.
SUFFIXES = frozenset(
    """.jpg .jpeg .jpe .jfif .mpo .jps .png .apng .webp .gif .bmp .tif .tiff .heic .heif .hif .avif .jxl
    .arw .cr2 .cr3 .crw .dng .iiq .mrw .nef .orf .pef .raf .rw2 .srw""".split()
)
NOW = dt.datetime(2026, 11, 22, 12)
FIELDS = ("date", "offset", "gps", "orientation", "camera", "lens", "caption", "keywords", "rating")

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of one file in which we do not say what exiftool says."""

    file: str
    field: str
    theirs: Any
    ours: Any


@dataclass(frozen=True, slots=True)
class Agreement:
    """Fields that exiftool finds, by name: how many, and in how many we say the same."""

    found: Mapping[str, int]
    agreed: Mapping[str, int]
    differences: tuple[Difference, ...]

    @property
    def share(self) -> float:
        return sum(self.agreed.values()) / max(sum(self.found.values()), 1)

    def table(self) -> str:
        """Lines of text: field, found, agreed, share."""
        rows = [f"{'field':12} {'exiftool':>8} {'agree':>6} {'share':>8}"]
        for name in FIELDS:
            share = self.agreed[name] / max(self.found[name], 1)
            rows.append(f"{name:12} {self.found[name]:8} {self.agreed[name]:6} {share:8.2%}")
        rows.append(f"{'all':12} {sum(self.found.values()):8} {sum(self.agreed.values()):6} {self.share:8.2%}")
        return "\n".join(rows)


def is_here() -> bool:
    """Whether both exiftool and the sample files are there."""
    return shutil.which("exiftool") is not None and FORMATS.is_dir()


def pictures() -> list[Path]:
    """The pictures of the kinds we show, by name; empty files are left out."""
    files = (file for folder in FOLDERS for file in (FORMATS / folder).rglob("*"))
    return sorted(file for file in files if file.suffix.lower() in SUFFIXES and file.is_file() and file.stat().st_size)


def compare(files: Iterable[Path]) -> Agreement:
    """Read all files with both. exiftool starts twice in all: once for numbers, once for the names of lenses."""
    files = list(files)
    numbers, names = _exiftool(files, "-n"), _exiftool(files, "-LensID")
    found, agreed = dict.fromkeys(FIELDS, 0), dict.fromkeys(FIELDS, 0)
    differences = []
    for file in files:
        name = file.relative_to(FORMATS).as_posix()
        theirs = facts_of_exiftool(numbers[str(file)], names.get(str(file), {}))
        ours = facts_of(metadata.read(file.read_bytes(), now=NOW))
        for field in FIELDS:
            if theirs[field] is None:
                continue
            found[field] += 1
            if is_same(field, theirs[field], ours[field]):
                agreed[field] += 1
            else:
                differences.append(Difference(name, field, theirs[field], ours[field]))
    return Agreement(found, agreed, tuple(differences))


def _exiftool(files: list[Path], *options: str) -> dict[str, dict[str, Any]]:
    done = subprocess.run(
        ["exiftool", "-j", "-G1", "-q", *options, "-@", "-"],
        input="\n".join(map(str, files)), capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    return {found["SourceFile"]: found for found in json.loads(done.stdout or "[]")}


def facts_of(found: Metadata) -> Facts:
    """Ours. A date that only the receiver knows is compared in UTC, as it stands in the file."""
    date = found.taken_local
    if found.taken_source == "gps" and date is not None:
        date -= dt.timedelta(minutes=found.utc_offset_min or 0)
    return {
        "date": date,
        "offset": found.utc_offset_min,
        "gps": None if found.latitude is None else (found.latitude, found.longitude),
        "orientation": found.orientation,
        "camera": found.camera or None,
        "lens": found.lens or None,
        "caption": found.caption or None,
        "keywords": {word.casefold() for word in found.keywords} or None,
        "rating": found.rating,
    }


_DATES = (
    ("ExifIFD:DateTimeOriginal", "ExifIFD:SubSecTimeOriginal", "ExifIFD:OffsetTimeOriginal"),
    ("IFD0:DateTimeOriginal", "ExifIFD:SubSecTimeOriginal", "ExifIFD:OffsetTimeOriginal"),
    ("XMP-exif:DateTimeOriginal", "", ""),
    ("XMP-photoshop:DateCreated", "", ""),
    ("ExifIFD:CreateDate", "ExifIFD:SubSecTimeDigitized", "ExifIFD:OffsetTimeDigitized"),
    ("XMP-exif:DateTimeDigitized", "", ""),
    ("XMP-xmp:CreateDate", "", ""),
    ("IPTC", "", ""),
    ("maker", "", ""),
    ("GPS", "", ""),
    ("IFD0:ModifyDate", "ExifIFD:SubSecTime", "ExifIFD:OffsetTime"),
    ("XMP-xmp:ModifyDate", "", ""),
)
_NOT_MAKERS = (
    "ExifIFD:",
    "IFD",
    "XMP-",
    "IPTC:",
    "Composite:",
    "File:",
    "System:",
    "GPS:",
    "ICC-",
    "ICC_",
    "SubIFD",
    "XML:",
)


def facts_of_exiftool(tags: Mapping[str, Any], lens_names: Mapping[str, Any]) -> Facts:
    """Theirs: the same fields out of exiftool's tags, None where it finds none."""
    date, offset = _date(tags)
    return {
        "date": date,
        "offset": offset,
        "gps": _gps(tags),
        "orientation": _orientation(tags),
        "camera": _camera(tags),
        "lens": _lens(tags, lens_names),
        "caption": _caption(tags),
        "keywords": _keywords(tags),
        "rating": _rating(tags),
    }


def _date(tags: Mapping[str, Any]) -> tuple[dt.datetime | None, int | None]:
    spare: tuple[dt.datetime | None, int | None] = (None, None)
    for key, fraction, offset in _DATES:
        if key == "IPTC":
            text = f"{tags.get('IPTC:DateCreated', '')} {tags.get('IPTC:TimeCreated', '')}"
        elif key == "GPS":
            text = f"{tags.get('GPS:GPSDateStamp', '')} {tags.get('GPS:GPSTimeStamp', '')}"
        elif key == "maker":
            text = next(
                (str(value) for name, value in tags.items() if not name.startswith(_NOT_MAKERS)
                 and name.split(":")[-1] in {"DateTimeOriginal", "CreateDate", "DateTimeDigitized"}), ""
            )  # fmt: skip
        else:
            text = str(tags.get(key, ""))
        match = re.match(
            r"(\d{4}):(\d\d):(\d\d)(?: (\d\d):(\d\d)(?::(\d\d))?)?(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?", text.strip()
        )
        if not match:
            continue
        try:
            year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
            moment = dt.datetime(year, month, day, hour, minute, second)
        except ValueError:
            continue
        if moment.year < 1826 or moment > NOW + dt.timedelta(days=1) or moment == dt.datetime(1970, 1, 1):
            continue
        digits = match[7] or str(tags.get(fraction, ""))
        if re.match(r"\d+$", digits):
            moment = moment.replace(microsecond=int(digits[:6].ljust(6, "0")))
        found = moment, _minutes(match[8] or str(tags.get(offset, "")))
        if moment.replace(microsecond=0) == dt.datetime(moment.year, 1, 1):
            spare = spare if spare[0] else found  # an empty battery's clock
            continue
        if key.endswith("ModifyDate") and spare[0]:
            break
        return found
    return spare


def _minutes(text: str) -> int | None:
    match = re.match(r"([+-])(\d\d):(\d\d)$", text.strip())
    if match:
        return (int(match[2]) * 60 + int(match[3])) * (-1 if match[1] == "-" else 1)
    return 0 if text == "Z" else None


def _gps(tags: Mapping[str, Any]) -> tuple[float, float] | None:
    found = tags.get("Composite:GPSLatitude"), tags.get("Composite:GPSLongitude")
    if not all(isinstance(part, int | float) for part in found) or found == (0, 0):
        found = tags.get("XMP-exif:GPSLatitude"), tags.get("XMP-exif:GPSLongitude")
    if not all(isinstance(part, int | float) for part in found) or found == (0, 0):
        return None
    return float(found[0]), float(found[1])  # type: ignore[arg-type]


def _orientation(tags: Mapping[str, Any]) -> int | None:
    value = tags.get("IFD0:Orientation", tags.get("XMP-tiff:Orientation"))
    return value if value in range(1, 9) else None


def _camera(tags: Mapping[str, Any]) -> str | None:
    for group in ("IFD0", "XMP-tiff", "CIFF", "CanonRaw", "PanasonicRaw"):
        make, model = str(tags.get(f"{group}:Make", "")).strip(), str(tags.get(f"{group}:Model", "")).strip()
        if make or model:
            return model if make and model.lower().startswith(make.split()[0].lower()) else f"{make} {model}".strip()
    return None


def _lens(tags: Mapping[str, Any], names: Mapping[str, Any]) -> str | None:
    for value in (tags.get("ExifIFD:LensModel"), tags.get("XMP-exifEX:LensModel"), tags.get("XMP-aux:Lens"),
                  names.get("Composite:LensID")):  # fmt: skip
        text = str(value or "").strip()
        if text and not re.match(r"[-\s]*$|unknown|none|n/a|manual lens", text, re.IGNORECASE):
            return text
    return None


_NOISE = re.compile(
    r"(olympus digital camera|sony dsc|kodak digital still camera|(konica )?minolta digital camera|digital camera"
    r"|samsung (digital camera|camera pictures)|exif_jpeg_\w+|jpeg example jpg rgb|default|untitled|image-description"
    r"|<digimax i5, samsung #1>)$",
    re.IGNORECASE,
)


def _caption(tags: Mapping[str, Any]) -> str | None:
    for key in ("IFD0:ImageDescription", "XMP-dc:Description", "IPTC:Caption-Abstract", "IFD0:XPComment",
                "XMP-exif:UserComment"):  # fmt: skip
        text = _plain(str(tags.get(key, "")))
        if text and not _NOISE.match(text):
            return text
    return None


def _keywords(tags: Mapping[str, Any]) -> set[str] | None:
    found: list[str] = []
    for key, separator in (("XMP-dc:Subject", ""), ("IPTC:Keywords", ""), ("XMP-lr:HierarchicalSubject", "|"),
                           ("XMP-digiKam:TagsList", "/"), ("XMP-microsoft:LastKeywordXMP", "/"),
                           ("XMP-microsoft:LastKeywordIPTC", "/"), ("IFD0:XPKeywords", ";")):  # fmt: skip
        value = tags.get(key, [])
        words = [str(word) for word in (value if isinstance(value, list) else [value])]
        for word in words:
            found += word.split(";") if separator == ";" else [word.rsplit(separator, 1)[-1] if separator else word]
    return {" ".join(_plain(word).split()).casefold() for word in found if _plain(word)} or None


def _rating(tags: Mapping[str, Any]) -> int | None:
    value = tags.get("XMP-xmp:Rating", tags.get("IFD0:Rating"))
    return int(value) if isinstance(value, int | float) and 1 <= value <= 5 else None


def _plain(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return "".join(char for char in text if char.isprintable() or char == "\n").strip()


def is_same(field: str, theirs: Any, ours: Any) -> bool:
    """Whether both say the same; coordinates to a metre, times to a millisecond, names by their letters and digits."""
    if ours is None:
        return False
    if field == "gps":
        return all(abs(a - b) < 1e-5 for a, b in zip(theirs, ours, strict=True))
    if field == "date":
        return bool(abs(theirs - ours) < dt.timedelta(milliseconds=1))
    if field in {"camera", "lens"}:
        # Both name lenses out of tables of their own, which differ in whether the maker stands first.
        return _MAKER.sub("", _letters(theirs)) == _MAKER.sub("", _letters(ours))
    return bool(theirs == ours)


_MAKER = re.compile(r"^(nikon|canon|olympus|sony|pentax)(?=.)")


def _letters(text: str) -> str:
    return re.sub(r"[^a-z0-9.]", "", text.lower())
