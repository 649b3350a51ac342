"""Moves places in albums and covers from photos to the one that takes their place (`gallery.keepsakes`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from albums.models import Album, AlbumItem


class AlbumKeeper:
    """Its record: `items` that were made, with their places, and `covers` that were changed, of deleted albums too.

    The photo gets the place of the first of the others in each album that it is not in yet, and their items stay
    beside it, unseen while they are in the trash. When an album was changed last does not change: nobody did.
    """

    name = "albums"

    def move(self, sources: Sequence[int], target: int, *, for_good: bool = False) -> dict[str, Any]:
        """Locks the albums that the sources are in, by id. Five queries."""
        of_sources = AlbumItem.objects.filter(photo__in=sources)
        locked: set[int] = set()
        # Again while somebody adds one of them to a further album: what is not locked may be added to at the same time.
        while more := set(of_sources.values_list("album", flat=True)) - locked:
            list(Album.objects.filter(pk__in=more).order_by("pk").select_for_update(no_key=True).values_list("pk"))
            locked |= more
        of_sources = of_sources.filter(album__in=locked)
        there = set(AlbumItem.objects.filter(photo=target).values_list("album", flat=True))
        first: dict[int, AlbumItem] = {}
        for item in of_sources.order_by("album", "position", "photo"):
            if item.album_id not in there:
                first.setdefault(item.album_id, item)
        made = AlbumItem.objects.bulk_create(
            AlbumItem(album_id=pk, photo_id=target, position=item.position, added_by_id=item.added_by_id)
            for pk, item in first.items()
        )
        covers = list(Album.objects.filter(cover__in=sources).order_by("pk").values_list("pk", "cover"))
        Album.objects.filter(pk__in=[pk for pk, _ in covers]).update(cover=target)
        if for_good:
            of_sources.delete()
        return {
            "photo": target,
            "items": [{"item": item.pk, "album": item.album_id, "position": item.position} for item in made],
            "covers": [{"album": album, "before": before} for album, before in covers],
        }

    def put_back(self, record: dict[str, Any]) -> list[str]:
        """Items that somebody moved since stay where they are; covers that were chosen anew stay. Only of albums that
        everyone may see it says so: whoever reads this need not know of the others."""
        photo, kept, covers = record["photo"], 0, 0
        household = Album.objects.filter(visibility=Album.Visibility.HOUSEHOLD, deleted_at__isnull=True)
        albums = {entry["album"] for entry in (*record["items"], *record["covers"])}
        list(Album.objects.filter(pk__in=albums).order_by("pk").select_for_update(no_key=True).values_list("pk"))
        for entry in record["items"]:
            item = AlbumItem.objects.filter(pk=entry["item"], photo=photo)
            if not item.filter(position=entry["position"]).delete()[0]:
                kept += item.filter(album__in=household).exists()
        for entry in record["covers"]:
            album = Album.objects.filter(pk=entry["album"])
            # Not to a photo that was deleted for good since.
            is_there = AlbumItem.objects.filter(album=entry["album"], photo=entry["before"]).exists()
            if not (is_there and album.filter(cover=photo).update(cover=entry["before"])):
                covers += album.filter(pk__in=household).exclude(cover=photo).exists() if is_there else 0
                album.filter(cover=photo).exclude(items__photo=photo).update(cover=None)
        return [
            *([f"It stays in {_albums(kept)} where somebody moved it since."] if kept else ()),
            *([f"The cover of {_albums(covers)} was chosen anew since, and stays."] if covers else ()),
        ]


def _albums(count: int) -> str:
    return "an album" if count == 1 else f"{count} albums"
