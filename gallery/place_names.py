"""Naming the places of photos that have a position and no names yet: those read before there were names."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import transaction

from gallery import gazetteer, kept, places, search_text
from gallery.models import Photo

_PORTION = 500


def put(photo: Photo) -> None:
    """Sets the names that follow from the photo's position, also to none; the row is not saved."""
    found = places.Place()
    if photo.latitude is not None and photo.longitude is not None:
        found = places.name(photo.latitude, photo.longitude)
    photo.country, photo.region, photo.city = found.country, found.region, found.city


def name_all(*, again: bool = False) -> Iterator[tuple[int, int]]:
    """Names the places of all photos in portions: yields after each how many were looked at and how many were named.

    `again`: also those that have names, for instance after an update of the data. Each portion is a transaction; it may
    be stopped and started anew at any time. Photos out at sea stay without names, and are looked at each time.
    """
    photos = Photo.objects.filter(latitude__isnull=False, longitude__isnull=False)
    if not again:
        photos = photos.filter(country="")
    columns = ("id", "library_id", "latitude", "longitude", "country", "region", "city")
    seen, named, last = 0, 0, 0
    gazetteer.load()  # reads the data before the first transaction
    while True:
        with transaction.atomic():
            rows = list(
                photos.filter(pk__gt=last).only(*columns).order_by("pk").select_for_update(no_key=True)[:_PORTION]
            )
            changed = []
            for photo in rows:
                before = photo.country, photo.region, photo.city
                put(photo)
                if (photo.country, photo.region, photo.city) != before:
                    changed.append(photo)
            Photo.objects.bulk_update(changed, ["country", "region", "city"], batch_size=200)
            search_text.write(photo.pk for photo in changed)
            kept.touch({photo.library_id for photo in changed})
        if not rows:
            return
        seen, named, last = seen + len(rows), named + len(changed), rows[-1].pk
        yield seen, named
