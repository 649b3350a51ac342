"""Camera, lens, exposure, caption, keywords and rating out of tags."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from gallery.metadata.tags import Number, Tags
from gallery.metadata.text import readable, windows_text

NAME_CHARS = 120
KEYWORD_CHARS = 200
KEYWORDS = 500
TITLE_CHARS = 500
CAPTION_CHARS = 10_000

# What cameras and programs write into the description by themselves.
_NOISE = frozenset(
    [
        "olympus digital camera",
        "sony dsc",
        "kodak digital still camera",
        "minolta digital camera",
        "konica minolta digital camera",
        "samsung digital camera",
        "samsung camera pictures",
        "exif_jpeg_picture",
        "exif_jpeg_t422",
        "jpeg example jpg rgb",
        "digital camera",
        "default",
        "untitled",
        "image-description",
        "<digimax i5, samsung #1>",
    ]
)
# What stands in a lens field when there is no lens to name: dashes, "n/a", "(0)", "0.0 mm f/0.0", "Unknown (255)".
_NO_LENS = re.compile(r"[-\s.?0]*$|\(?-?\d+(\s+-?\d+)*\)?$|n/?a$|none\b|unknown|0+(\.0+)?\s*mm|manual lens|----", re.IGNORECASE)  # fmt: skip # noqa: E501
_PARTS = re.compile(r"\s*;\s*")
# Percent of Windows (MicrosoftPhoto:Rating, EXIF 0x4749) to stars: 1, 25, 50, 75, 99.
_PERCENT = ((99, 5), (75, 4), (50, 3), (25, 2), (1, 1))


def camera(tags: Tags) -> str:
    """Maker and model without saying the maker twice: `Canon` and `Canon EOS 5D` give `Canon EOS 5D`."""
    make = tags.text("Exif.Image.Make", "Exif.PanasonicRaw.Make", "Xmp.tiff.Make")
    model = tags.text("Exif.Image.Model", "Exif.PanasonicRaw.Model", "Xmp.tiff.Model")
    return join_names(make, model)


def join_names(make: str, model: str) -> str:
    """The name of a camera out of its maker and its model."""
    make, model = " ".join(make.split()), " ".join(model.split())
    first = make.split(" ", 1)[0]
    both = model if first and model.lower().startswith(first.lower()) else f"{make} {model}".strip()
    return both[:NAME_CHARS]


def lens(tags: Tags) -> str:
    """The lens as EXIF or XMP names it, else as the maker note's numbers do."""
    for text in (
        tags.text("Exif.Photo.LensModel"),
        tags.text("Xmp.exifEX.LensModel"),
        tags.text("Xmp.aux.Lens"),
        tags.lens,
        tags.text("Exif.Canon.LensModel", "Exif.OlympusEq.LensModel", "Exif.Panasonic.LensType"),
    ):
        name = " ".join(text.split())
        if name and not _NO_LENS.match(name):
            return name[:NAME_CHARS]
    return ""


def exposure_s(tags: Tags) -> float | None:
    """Seconds the shutter was open."""
    return in_range(tags.numbers("Exif.Photo.ExposureTime") or tags.numbers("Exif.Image.ExposureTime"), 1e-7, 1e5)


def f_number(tags: Tags) -> float | None:
    """Focal length by aperture."""
    return in_range(tags.numbers("Exif.Photo.FNumber") or tags.numbers("Exif.Image.FNumber"), 0.1, 1000)


def focal_mm(tags: Tags) -> float | None:
    """Millimetres of the real focal length."""
    return in_range(tags.numbers("Exif.Photo.FocalLength") or tags.numbers("Exif.Image.FocalLength"), 0.1, 10_000)


def iso(tags: Tags) -> int | None:
    """Sensitivity; where the old 16-bit tag overflows, the newer ones of EXIF 2.3."""
    for name in ("Photo.ISOSpeedRatings", "Image.ISOSpeedRatings", "Photo.RecommendedExposureIndex",
                 "Photo.StandardOutputSensitivity", "Photo.ISOSpeed"):  # fmt: skip
        numbers = tags.numbers(f"Exif.{name}")
        number = in_range(numbers, 1, 10_000_000)
        if number and number != 65_535:
            return int(number)
    return None


def orientation(tags: Tags) -> int | None:
    """1 to 8 as EXIF counts; None when the file says nothing or nonsense."""
    numbers = tags.numbers("Exif.Image.Orientation") or tags.numbers("Exif.PanasonicRaw.Orientation")
    number = in_range(numbers, 1, 8)
    if number is None:
        text = tags.text("Xmp.tiff.Orientation")
        number = int(text) if text in set("12345678") else None
    return int(number) if number else None


def title(tags: Tags) -> str:
    """The name somebody gave to the picture."""
    text = tags.text("Xmp.dc.title", "Iptc.Application2.ObjectName") or _windows(tags, "Exif.Image.XPTitle")
    return " ".join(text.split())[:TITLE_CHARS]


def caption(tags: Tags) -> str:
    """The description, unless it is what cameras write there by themselves. EXIF before XMP before IPTC, as the
    Metadata Working Group's guidelines 2.0 say (5.3)."""
    for text in (
        tags.text("Exif.Image.ImageDescription"),
        tags.text("Xmp.dc.description"),
        tags.text("Iptc.Application2.Caption"),
        _windows(tags, "Exif.Image.XPComment"),
        tags.text("Xmp.exif.UserComment"),
    ):
        if text and text.lower() not in _NOISE:
            return text[:CAPTION_CHARS]
    return ""


def keywords(tags: Tags) -> tuple[str, ...]:
    """Every keyword once, in the order found. Hierarchies give their last part; their upper parts are kept only when a
    plain keyword says them too."""
    plain = [*tags.items("Xmp.dc.subject"), *tags.items("Iptc.Application2.Keywords")]
    plain += _PARTS.split(_windows(tags, "Exif.Image.XPKeywords"))
    for key, separator in (
        ("Xmp.lr.hierarchicalSubject", "|"),
        ("Xmp.digiKam.TagsList", "/"),
        ("Xmp.MicrosoftPhoto.LastKeywordXMP", "/"),
        ("Xmp.MicrosoftPhoto.LastKeywordIPTC", "/"),
    ):
        plain += [path.rsplit(separator, 1)[-1] for path in tags.items(key)]
    return distinct(plain)


def distinct(words: Iterable[str]) -> tuple[str, ...]:
    """Readable, not empty, each once whatever its case; the first spelling stays."""
    found: dict[str, str] = {}
    for word in words:
        clean = " ".join(readable(word).split())[:KEYWORD_CHARS].strip()
        if clean and len(found) < KEYWORDS:
            found.setdefault(clean.casefold(), clean)
    return tuple(found.values())


def rating(tags: Tags) -> int | None:
    """1 to 5 stars; None for none, and for -1, by which photo managers mean "rejected"."""
    stars = _number(tags.text("Xmp.xmp.Rating"))
    if stars is not None:
        return int(stars) if 1 <= stars <= 5 else None
    numbers = tags.numbers("Exif.Image.Rating")
    if len(numbers) == 1 and math.isfinite(numbers[0]) and numbers[0] <= 5:
        return int(numbers[0]) if numbers[0] >= 1 else None
    percent = _number(tags.text("Xmp.MicrosoftPhoto.Rating"))
    if percent is None:
        percent = next(iter(tags.numbers("Exif.Image.RatingPercent")), None)
    return next((count for least, count in _PERCENT if percent is not None and percent >= least), None)


def has_rating(tags: Tags) -> bool:
    """Whether anything is said about stars, be it "none" or "rejected"."""
    if rating(tags) is not None:
        return True
    stars = _number(tags.text("Xmp.xmp.Rating"))
    return stars is not None and stars != 0


def in_range(numbers: Sequence[Number], low: float, high: float) -> float | None:
    """The first number when it lies within low and high."""
    number = next(iter(numbers), None)
    return float(number) if number is not None and math.isfinite(number) and low <= number <= high else None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _windows(tags: Tags, key: str) -> str:
    value = tags.exif.get(key)
    return windows_text(value) if isinstance(value, bytes) else ""
