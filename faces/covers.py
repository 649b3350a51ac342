"""Which chosen picture stands for a person where the last one that was chosen is in a photo that one does not see.

Somebody may choose a picture in a private library. For all others the one that was chosen before goes on: a cover that
changed for no reason that they see would tell that there is a photo which they do not know of.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import QuerySet

from faces.models import Event, Face


def former_covers(seen: QuerySet[Face], person_ids: Collection[int]) -> dict[int, int]:
    """Of these people the last face that was chosen and is among those that are `seen`, and still theirs.

    What was taken back was not chosen. None for who has none that is left: two queries, one if none was ever chosen.
    """
    if not person_ids:
        return {}
    chosen: dict[int, list[int]] = {}
    entries = Event.objects.filter(kind=Event.Kind.COVER, person__in=person_ids, undone_at__isnull=True)
    for person_id, before in entries.order_by("-pk").values_list("person_id", "before"):
        if person_id is not None:
            chosen.setdefault(person_id, []).extend(pk for pk in (before["after"], before["cover"]) if pk)
    wanted = {pk for faces in chosen.values() for pk in faces}
    theirs = set(seen.filter(pk__in=wanted).order_by().values_list("pk", "person_id"))
    found = {person_id: [pk for pk in faces if (pk, person_id) in theirs] for person_id, faces in chosen.items()}
    return {person_id: faces[0] for person_id, faces in found.items() if faces}
