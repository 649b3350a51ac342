"""The text that free words of a search are looked for in: one folded row for each photo.

A row of its own and not columns of `Photo`: no index finds a part of a word alike on SQLite and PostgreSQL, so all rows
are read, and these are a tenth as long.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

from gallery.folding import fold
from gallery.models import File, Photo, Region, SearchText

COLUMNS = ("caption", "keywords", "camera", "lens", "city", "region", "country")


def write(photo_ids: Iterable[int]) -> None:
    """Brings the rows of these photos up to date; to be called in the transaction that changes what they are made of:
    the paths of a photo's files and parts, its caption, keywords, camera, lens or place, and the names that its files
    give people. Photos that nobody sees by themselves have none. Four queries.
    """
    found = texts(photo_ids)
    SearchText.objects.bulk_create(
        [SearchText(photo_id=photo_id, text=found[photo_id]) for photo_id in sorted(found)],
        update_conflicts=True,
        unique_fields=["photo"],
        update_fields=["text"],
    )


def texts(photo_ids: Iterable[int]) -> dict[int, str]:
    """What the rows of these photos should say, by photo id: three queries."""
    ids = sorted(set(photo_ids))
    parts: dict[int, list[str]] = {}
    shown = Photo.objects.filter(id__in=ids, imported_at__isnull=False).order_by()
    for photo_id, *columns in shown.values_list("id", *COLUMNS):
        parts[photo_id] = columns
    files = File.objects.filter(Q(photo_id__in=parts) | Q(main_id__in=parts)).order_by("path")
    for file in files.only("photo_id", "main_id", "path"):
        for photo_id in parts.keys() & {file.photo_id, file.main_id}:
            parts[photo_id].append(file.display)
    for photo_id, name in Region.objects.filter(photo_id__in=parts).order_by("id").values_list("photo_id", "name"):
        parts[photo_id].append(name)
    return {photo_id: joined(columns) for photo_id, columns in parts.items()}


def joined(texts: Iterable[str]) -> str:
    """The text of a row: a line for each, folded: words in quotes must not begin in one and end in the next."""
    return "\n".join(" ".join(fold(text).split()) for text in texts if text)
